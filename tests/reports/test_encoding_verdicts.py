import pandas as pd
import pytest

from fmriprod.reports.encoding_results import EncodingResult
from fmriprod.reports.encoding_verdicts import encoding_notices, percent

LAYERS = ["conv1", "fc2"]
GRID = [0.1, 1.0, 10.0]


def encode(**change):
    layers = [
        {"name": name, "form": "dual", "penalties": GRID, "share_smallest": 0.02,
         "share_largest": 0.03, "median_r2": 0.1, "largest_r2": 0.5, "largest_r": 0.7}
        for name in LAYERS
    ]  # fmt: skip
    for layer in layers:
        layer.update({k: v for k, v in change.items() if k in layer})
    known = {"n_samples": 100, "n_voxels": 50, "n_usable": 49, "folds": list("abcde")}
    return known | {k: v for k, v in change.items() if k in known} | {"layers": layers}


def overview(smallest=0.02, largest=0.02, n=30):
    shares = {"share_smallest": [smallest, 0.02, smallest], "share_largest": [0.02, largest, 0.02]}
    return pd.DataFrame(
        {"layer": [*LAYERS, "any"], "n_predicted": n, "median": 0.1, "p95": 0.3, "largest": 0.5}
        | shares
    )


TEST = {
    "layers": LAYERS, "n_usable": 49, "n_significant": 30, "n_permutations": 1000, "threshold": 0.1,
    "n_null_not_finite": 0, "log10_distinct_orders": 60.0, "ks_largest": 0.01, "ks_limit": 0.05,
    "p99_lowest": 0.02, "p99_highest": 0.08, "settings": {"q": 0.01, "score": "r2"},
}  # fmt: skip
REGION = {"n_voxels": 20, "n_best": 5, "peak_layer": "conv1", "peak_score": 0.3}
PRINT = {
    "layers": LAYERS, "n_usable": 49, "n_kept": 30, "n_voxels_by_best_layer": {"conv1": 20,
    "fc2": 10}, "regions": {"V1": REGION, "LOC": REGION},
}  # fmt: skip
RECOVERY = pd.DataFrame(
    {"map": "mean", "contrast": ["face > place", "place > face"], "average_precision": [0.8, None],
     "chance": [0.1, None]}
)  # fmt: skip
GOOD = {
    "encode": encode(), "overview": overview(), "significance": TEST, "fingerprint": PRINT,
    "recovery": RECOVERY, "fields": {"n_usable": 49, "n_empty_fields": 3},
    "reconstruction": {"accuracy": 0.8, "accuracy_of_each_pixel_s_more_frequent_value": 0.7},
}  # fmt: skip


def notices(**change):
    return encoding_notices(EncodingResult("t", **(GOOD | change)))


def test_a_good_analysis_gives_no_remark_and_missing_parts_are_passed_over():
    assert notices() == []
    assert encoding_notices(EncodingResult("t")) == []
    shown = EncodingResult("t", fingerprint=PRINT)
    assert encoding_notices(shown) == []


@pytest.mark.parametrize(
    ("change", "level", "words"),
    [
        ({"encode": encode(n_usable=40)}, "warning", "20\xa0% of the voxels are left out"),
        ({"encode": encode(largest_r2=-0.01)}, "problem", "the largest r² is −0.010"),
        ({"significance": None}, "info", "r² is above 0 in 30 voxels, in some of them by chance"),
        ({"significance": None, "overview": None}, "info", "A small score above 0 is no evidence"),
        ({"significance": TEST | {"n_significant": 0}, "fingerprint": None}, "warning",
         "No voxel is predicted better than by chance (false discovery rate 0.01)."),
        ({"significance": TEST | {"ks_largest": 0.2}}, "warning",
         "99th percentiles go from 0.020 to 0.080"),
        ({"significance": TEST | {"log10_distinct_orders": 2.0}}, "warning",
         "only 100 different orders of the samples and 1,000 were drawn"),
        ({"significance": TEST | {"n_null_not_finite": 7}}, "warning", "7 scores of permuted"),
        ({"overview": overview(smallest=0.64)}, "warning",
         "predicted voxels often choose the smallest penalty in conv1 (64\xa0%). Widen it down"),
        ({"overview": overview(largest=0.3)}, "warning",
         "choose the largest penalty in fc2 (30\xa0%). Widen it upwards."),
        ({"overview": None, "encode": encode(share_largest=0.6)}, "info",
         "Voxels that nothing predicts choose it too"),
        ({"overview": None, "encode": encode(share_smallest=0.6)}, "warning",
         "all voxels often choose the smallest penalty in conv1 (60\xa0%), fc2 (60\xa0%)"),
        ({"fingerprint": PRINT | {"n_kept": 49}}, "warning",
         "in all 49 usable voxels, though only 30 are significant. In noise each layer wins"),
        ({"fingerprint": PRINT | {"regions": {"V1": REGION, "V2": REGION | {"n_best": 3}}}}, "info",
         "Profiles of V2 rest on fewer than 5 voxels."),
        ({"fingerprint": PRINT | {"regions": {"V2": REGION | {"n_voxels": 0, "n_best": 0}}}},
         "info", "No voxel is shown in V2."),
        ({"recovery": RECOVERY.assign(chance=[0.9, None])}, "warning",
         "no better than by chance: face > place in mean."),
        ({"fields": {"n_usable": 49, "n_empty_fields": 40}}, "info",
         "82\xa0% of the receptive fields are empty"),
        ({"reconstruction": {"accuracy": 0.6, "accuracy_of_each_pixel_s_more_frequent_value":
         0.7}}, "warning", "right in 60\xa0%; always guessing each pixel's more frequent value"),
    ],
)  # fmt: skip
def test_each_fault_is_said_once_in_words(change, level, words):
    (notice,) = notices(**change)
    assert words in notice.text and notice.level == level


def test_too_few_permutations_of_single_voxels_are_told_from_no_effect():
    settings = {"q": 0.01, "per_voxel": True}
    test = TEST | {"n_significant": 0, "n_permutations": 99, "settings": settings}
    (notice,) = notices(significance=test, fingerprint=None)
    # Each of k voxels has p = 1/100: all are significant where k/49 * 0.01 >= 1/100.
    assert "p is never below 0.01: 49 voxels at least would have to reach it." in notice.text


def test_one_or_two_penalties_have_no_grid_to_be_too_narrow():
    for grid in ([1.0], [1.0, 10.0], [1.0, 1.0, 1.0]):
        assert notices(encode=encode(penalties=grid), overview=overview(smallest=1.0)) == []


def test_without_a_test_best_layers_of_all_voxels_are_doubtful():
    found = notices(significance=None, fingerprint=PRINT | {"n_kept": 49})
    assert [n.level for n in found] == ["info", "warning"]
    assert "in all 49 usable voxels. In noise" in found[1].text
    significant = TEST | {"n_significant": 49}
    assert notices(significance=significant, fingerprint=PRINT | {"n_kept": 49}) == []


def test_shares_that_round_to_the_ends_are_kept_apart():
    shares = (0.0, 0.004, 0.5, 0.996, 1.0, float("nan"), None)
    plain = [percent(share).replace("\xa0", " ") for share in shares]
    assert plain == ["0 %", "< 1 %", "50 %", "> 99 %", "100 %", "–", "–"]
