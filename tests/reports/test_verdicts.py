import pytest

from fmriprod.reports.verdicts import (
    design_notices,
    evidence_notices,
    number,
    probability,
    quality_notices,
)

GOOD = {
    "n_volumes": 200, "n_voxels": 1000, "n_analysed": 990, "tsnr_median": 70.0, "fd_mean": 0.1,
    "fd_max": 0.6, "fd_threshold": 0.5, "n_fd_over_threshold": 2, "n_outlier_volumes": 3,
    "linear_drift_percent": -1.2,
}  # fmt: skip


def test_a_good_run_gives_no_remark_and_missing_numbers_are_passed_over():
    assert quality_notices(GOOD) == []
    assert quality_notices({}) == []
    assert quality_notices(dict.fromkeys(GOOD)) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"fd_mean": 0.71}, "much motion: mean framewise displacement 0.71 mm"),
        ({"fd_max": 4.24}, "a jump of the head of 4.2 mm between two volumes"),
        ({"n_fd_over_threshold": 76}, "38% of the volumes moved by more than 0.5 mm"),
        ({"n_outlier_volumes": 50}, "25% of the volumes have many outlying voxels"),
        ({"n_analysed": 800}, "20% of the voxels of the mask are constant or not finite"),
        ({"tsnr_median": 12.4}, "low temporal signal-to-noise: median 12"),
        ({"linear_drift_percent": -9.0}, "the mean signal drifts by −9.0 % over the run"),
    ],
)
def test_each_fault_of_a_run_is_said_once_in_words(change, words):
    (notice,) = quality_notices(GOOD | change)
    assert notice.text == words


def test_faults_of_a_design_are_said():
    audit = {
        "missing_conditions": ["house"],
        "contrasts_left_out": [{"name": "fh", "expression": "a", "reason": "no event of house"}],
        "aliased_columns": ["face", "copy"],
        "variance_inflation": {"face": None, "body": 1.2, "object": 14.0},
        "voxels": {"mask": 100, "analysed": 80},
    }
    texts = [n.text for n in design_notices(audit)]
    assert texts == [
        "no event of condition: house",
        "contrast fh is left out: no event of house",
        "regressors that are combinations of others: face, copy",
        "effects hard to tell from other regressors (variance inflation above 10): object",
        "20% of the voxels have no model",
    ]
    assert design_notices({}) == []
    assert design_notices({"variance_inflation": {"a": 1.5}, "voxels": {"mask": 0}}) == []


def test_evidence_at_chance_is_said():
    good = {
        "chance": 0.25, "n_voxels": 500, "n_voxels_dropped": 3,
        "accuracy_interval": {"low": 0.5, "high": 0.7}, "permutation": {"p": 0.001},
    }  # fmt: skip
    assert evidence_notices(good) == evidence_notices({}) == []
    (notice,) = evidence_notices(good | {"permutation": {"p": 0.21}})
    assert notice.text == "not above chance (permutation p = 0.210)"
    low = {"permutation": None, "accuracy_interval": {"low": 0.2, "high": 0.4}}
    (notice,) = evidence_notices(good | low)
    assert notice.text == "the interval of the accuracy includes chance"
    (notice,) = evidence_notices(good | {"n_voxels_dropped": 500})
    assert notice.text == "50% of the region's voxels could not be used"
    (notice,) = evidence_notices(good | {"n_test_trials": 6})
    assert notice.text.startswith("the interval rests on 6 test trials") and notice.level == "info"


def test_numbers_are_never_made_up():
    assert number(None) == number(float("nan")) == number("many") == probability(None) == "–"
    assert number(0, 0) == "0"
    assert probability(0.0009) == "< 0.001"
