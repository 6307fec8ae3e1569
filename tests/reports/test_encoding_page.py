"""The page of an encoding analysis: what is on it, where, and what is left out."""

import io
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from fmriprod.reports.encoding_page import encoding_page
from fmriprod.reports.encoding_results import FIGURES, EncodingResult, figure_key, figure_words
from fmriprod.reports.encoding_sections import encoding_sections
from fmriprod.reports.page import Figure, Notice, Table, Tiles, render_page
from fmriprod.reports.panels import Panel

EVIL = "<b onload=x>&'"
LAYERS = ["conv1", EVIL, "fc3"]
GRID = [0.1, 1.0, 10.0, 100.0]


def picture(number):
    stream = io.BytesIO()
    Image.fromarray(np.full((4, 6), number, np.uint8)).save(stream, "PNG")
    return stream.getvalue()


def scores(name, largest):
    return {
        "name": name, "form": "dual", "penalties": GRID, "share_smallest": 0.1,
        "share_largest": 0.15, "median_r2": 0.05, "largest_r2": largest, "largest_r": 0.8,
    }  # fmt: skip


def region(layer, score, n=40):
    return {"n_voxels": n, "n_best": n // 4, "peak_layer": layer, "peak_score": score}


def profiles(regions):
    # The first region peaks at the first layer, the next at the next.
    values = {r: [1 - 0.3 * abs(i - j) for j in range(3)] for i, r in enumerate(regions)}
    rows = [(r, layer, v, v - 0.05, v + 0.05, 40)
            for r in regions for layer, v in zip(LAYERS, values[r], strict=True)]  # fmt: skip
    return pd.DataFrame(rows, columns=["roi", "layer", "value", "low", "high", "n_voxels"])


REGIONS = ["V1", f"V4 {EVIL}", "LOC"]
FULL = EncodingResult(
    title=f"Layers {EVIL}",
    subtitle=f"sub-01 {EVIL}",
    simulated=True,
    # Not in the order of the page.
    figures=[(name, picture(n)) for n, name in enumerate([*FIGURES, f"my own {EVIL}"][::-1])],
    encode={"n_samples": 1750, "n_voxels": 1242, "n_usable": 1230, "folds": list("abcde"),
            "layers": [scores(n, s) for n, s in zip(LAYERS, (0.3, 0.42, 0.2), strict=True)]},
    overview=pd.DataFrame({
        "layer": [*LAYERS, "any"], "n_predicted": [500, 600, 300, 812], "median": 0.01,
        "p95": 0.31, "largest": [0.3, 0.42, 0.2, 0.42], "share_smallest": [0.31, 0.02, 0.0, 0.12],
        "share_largest": [0.0, 0.03, 0.04, 0.02],
    }),
    fingerprint={"layers": LAYERS, "n_usable": 1230, "n_kept": 812, "n_without_profile": 2,
                 "n_voxels_by_best_layer": dict(zip(LAYERS, (300, 400, 112), strict=True)),
                 "regions": {"LOC": region("fc3", 0.15), "V1": region("conv1", 0.25),
                             REGIONS[1]: region(EVIL, 0.33)},
                 "component_of_profiles": {"share_of_variance": 0.83,
                                           "correlation_with_trend": -0.97},
                 "settings": {"score": "r2", "best_share": 0.25}},
    profiles=profiles(REGIONS),
    significance={"layers": LAYERS, "n_usable": 1230, "n_significant": 812, "threshold": 0.031,
                  "n_permutations": 100_000,
                  "null_percentiles_50_95_99_99.9": [0, 0.01, 0.02, 0.04],
                  "sampled_voxels": list(range(14)),
                  "settings": {"score": "r2", "q": 0.01, "scheme": "within", "block": 10,
                               "per_voxel": False, "penalty": "repeat"}},
    ceiling={"n_stimuli": 120, "n_voxels": 1242, "n_repeats": {"least": 13, "most": 13},
             "share_quantiles_5_50_95": [0.01, 0.22, 0.6], "n_voxels_interval_above_0": 900},
    banded={"n_usable": 1230, "median_r2": 0.11, "largest_r2": 0.52,
            "spaces": [{"name": EVIL, "median_split": 0.07, "mean_weight": 0.4, "n_most": 900}]},
    retinotopy={"n_usable": 1230, "n_above": 700, "n_samples": 600, "dof": [2, 597],
                "f_threshold": 1.0, "n_compared": 650, "circular_correlation": 0.1,
                "circular_correlation_uniform": 0.93, "mean_angular_error": np.pi / 12},
    recovery=pd.DataFrame({
        "map": ["all", "all", "conv1"], "contrast": ["face > place", "place > face"] * 1
        + ["face > place"], "n_support": [60, 0, 60], "chance": [0.1, np.nan, 0.1],
        "average_precision": [0.7, np.nan, 0.2], "recall_at_full_precision": [0.3, np.nan, 0.0],
        "threshold": [3.1, np.nan, 2.2], "precision": [0.9, np.nan, 0.4],
        "recall": [0.5, np.nan, 0.5],
    }),
    fields={"n_usable": 1230, "n_empty_fields": 45, "max_r2": 0.61, "median_r2": 0.02,
            "median_size": 6.0, "n_r2_above_0": 1000, "n_excluded": 12, "n_constant_features": 3},
    reconstruction={"accuracy": 0.81, "accuracy_of_each_pixel_s_more_frequent_value": 0.66,
                    "precision": 0.7, "recall": 0.6, "f1": 0.65, "n_train": 600, "n_test": 120},
    truth={"winner map": {"expected": 0.9, "found": 0.95, "ok": True},
           f"angles {EVIL}": {"expected": 0.9, "found": 0.4, "ok": False}},
    methods=f"Ridge [@sklearn]. {EVIL}",
    decisions=[f"run 2 {EVIL} is left out"],
    settings=[("penalty", f"per voxel {EVIL}")],
    versions=[("Python", "3.12")],
)  # fmt: skip
TITLES = [
    "Scores", "Against chance", "Fingerprints of regions", "Best layer and trend", "Penalties",
    "Feature spaces together", "Preferred angle", "Contrast of two kinds of stimuli",
    "Receptive fields", "Reconstructed images", "Further figures", "Planted truth",
    "Methods", "Settings and software",
]  # fmt: skip


def section(page, title):
    return next(s for s in page.sections if s.title == title)


def tiles(page):
    return {tile.label: tile for block in page.lead if isinstance(block, Tiles)
            for tile in block.tiles}  # fmt: skip


def words(blocks):
    """All cells of the tables among blocks."""
    cells = [c for b in blocks if isinstance(b, Table) for row in b.rows for c in row]
    return " | ".join(getattr(c, "text", c) for c in cells).replace("\xa0", " ")


def test_all_sections_stand_in_their_order_and_hold_their_figures():
    page = encoding_page(FULL)
    assert [s.title for s in page.sections] == TITLES
    shown = [b for b in page.lead if isinstance(b, Figure)]
    assert [b.caption.split(":")[0] for b in shown] == ["Fingerprints of regions over layers"]
    for s in page.sections:
        expected = [title for key, title, _ in _titles() if key == s.title]
        found = [b.caption.split(":")[0] for b in s.blocks if isinstance(b, Figure)]
        if s.title == "Further figures":
            assert found == [f"my own {EVIL}."]
        else:
            assert found == expected, s.title
    every = [b.source for s in page.sections for b in s.blocks if isinstance(b, Figure)]
    assert sorted([*every, shown[0].source]) == sorted(source for _, source in FULL.figures)


def _titles():
    names = {"scores": "Scores", "chance": "Against chance", "best": "Best layer and trend",
             "penalties": "Penalties", "spaces": "Feature spaces together",
             "retinotopy": "Preferred angle",
             "contrasts": "Contrast of two kinds of stimuli", "fields": "Receptive fields",
             "reconstruction": "Reconstructed images"}  # fmt: skip
    return [(names.get(s), title, how) for s, title, how in FIGURES.values()]


def test_every_figure_says_how_to_read_it_and_has_words_for_those_who_cannot_see_it():
    page = encoding_page(FULL)
    blocks = [*page.lead, *(b for s in page.sections for b in s.blocks)]
    figures = {b.caption.split(":")[0]: b for b in blocks if isinstance(b, Figure)}
    for _, title, how in FIGURES.values():
        assert figures[title].caption == f"{title}: {how}" and how.endswith(".")
        assert len(figures[title].alt) > len(title) + 20
    assert f"Best layers: V1 conv1, {REGIONS[1]} {EVIL}, LOC fc3." in (
        figures["Fingerprints of regions over layers"].alt
    )
    assert f"Voxels: conv1 300, {EVIL} 400, fc3 112." in figures["Best layer of each voxel"].alt
    assert "Largest r²: conv1 0.30" in figures["Scores of each layer on slices"].alt
    assert "numbers are in the table" in figures["Receptive fields"].alt


def test_first_screen_answers():
    page = encoding_page(FULL)
    assert page.banner == "Simulated data: no person was scanned for this report."
    assert page.subtitle == f"sub-01 {EVIL} · 1,750 samples · 5 folds · 3 layers"
    found = tiles(page)
    assert found["Voxels predicted"].value == "812 of 1,230"
    assert found["Voxels predicted"].detail == (
        "better than by chance, q ≤ 0.01; smallest such r² 0.031"
    )
    assert found["Voxels predicted"].gauge[0] == 812 / 1230
    assert found["Best score"].value == "0.42" and EVIL in found["Best score"].detail
    assert found["Layer that wins most"].value == EVIL
    ends = found["Penalties at the grid's ends"]
    assert ends.value == "14\xa0%" and ends.level == "warning"
    assert "12\xa0% smallest, 2\xa0% largest; most in layer conv1 (31\xa0%" in ends.detail
    assert found["Voxels left out"].value == "12 of 1,242"
    assert found["Voxels left out"].level == "good"  # 1 %
    assert found["Spaces together"].value == "0.52"
    assert found["Preferred angle"].value == "15° off"
    assert "correlation 0.93" in found["Preferred angle"].detail
    assert found["Contrast found again, all"].value == "0.70"
    assert found["Receptive fields"].value == "0.61"
    assert found["Reconstruction"].value == "81\xa0% right"
    assert found["Planted truth"].value == "1 of 2" and found["Planted truth"].level == "problem"
    notices = [b for b in page.lead if isinstance(b, Notice)]
    assert [n.level for n in notices] == ["problem", "warning"]
    assert f"angles {EVIL}" in notices[0].text and "conv1 (31\xa0%)" in notices[1].text
    (table,) = [b for b in page.lead if isinstance(b, Table)]
    # In the order of the profiles, with the second best layer and its part.
    assert table.rows[0] == ["V1", "conv1", "0.250", f"{EVIL} (0.70)", "40", "10"]
    assert [row[0] for row in table.rows] == REGIONS
    assert [row[3] for row in table.rows[1:]] == ["conv1 (0.70)", f"{EVIL} (0.70)"]


def test_tables_hold_the_numbers():
    page = encoding_page(FULL)
    scored = section(page, "Scores").blocks
    assert "conv1 | 500 | 0.010 | 0.310 | 0.300" in words(scored)
    assert "best of each voxel | 812" in words(scored)
    assert "120, each shown 13 times" in words(scored) and "0.220" in words(scored)
    headings = next(b.header for b in scored if isinstance(b, Table))
    assert headings[1] == "Voxels with r² ≥ 0.031"
    test = words(section(page, "Against chance").blocks)
    for value in ("812 of 1,230 (66 %)", "0.000, 0.010, 0.020, 0.040", "100,000",
                  "samples of what is left out together", "10", "chosen anew"):  # fmt: skip
        assert value in test
    profile = section(page, "Fingerprints of regions").blocks
    assert "conv1 | 1.00 [0.95, 1.05] | 0.70 [0.65, 0.75] | 0.40" in words(profile)
    best = section(page, "Best layer and trend")
    assert f"{EVIL} | 400 | 49 %" in words(best.blocks)
    text = best.blocks[-1].text.replace("\xa0", " ")
    assert "83 % of their variance" in text and "by −0.97" in text
    penalties = words(section(page, "Penalties").blocks)
    assert "conv1 | 31 % | 0 % | 4 | 0.1 to 100 | dual" in penalties
    assert f"{EVIL} | 0.070 | 0.40 | 900" in words(section(page, "Feature spaces together").blocks)
    angle = words(section(page, "Preferred angle").blocks)
    assert "700 of 1,230" in angle and "2, 597" in angle and "15 degrees" in angle
    recovery = words(section(page, "Contrast of two kinds of stimuli").blocks)
    assert "all | place > face | 0 | – | – | – | – | – | –" in recovery
    assert "conv1 | face > place | 60 | 0.20 | 0.10 | 0.00 | 2.20 | 0.40 | 0.50" in recovery
    assert "45" in words(section(page, "Receptive fields").blocks)
    assert "600, 120" in words(section(page, "Reconstructed images").blocks)


@pytest.mark.parametrize(
    ("title", "said"),
    [
        ("Fingerprints of regions", "not of what another person would show"),
        ("Best layer and trend", "In noise each layer is the best somewhere"),
        ("Feature spaces together", "a space that adds nothing may predict well alone"),
        ("Preferred angle", "F is a size and no test"),
        ("Contrast of two kinds of stimuli", "t is a size and no test"),
        ("Receptive fields", "of the very folds that chose the penalty"),
    ],
)
def test_what_may_be_misread_is_said_first_in_its_section(title, said):
    notices = [b for b in section(encoding_page(FULL), title).blocks[:2] if isinstance(b, Notice)]
    assert said in notices[0].text


def test_text_from_files_is_escaped_and_nothing_is_loaded():
    html = render_page(encoding_page(FULL))
    assert EVIL not in html and "<b onload" not in html and html.count("&lt;b onload=x&gt;") > 20
    links = re.findall(r'(?:src|href)="([^"#][^"]*)"', html)
    assert all(link.startswith(("data:image/", "https://doi.org/")) for link in links)
    assert not re.search(r"url\(|<link|@import", html)
    assert html.count("<img src") == len(FULL.figures)
    assert render_page(encoding_page(FULL)) == html


def test_what_is_absent_leaves_no_heading():
    parts = {"encode": None, "overview": None, "fingerprint": None, "profiles": None,
             "significance": None, "ceiling": None, "banded": None,
             "retinotopy": None, "recovery": None,
             "fields": None, "reconstruction": None}  # fmt: skip
    bare = EncodingResult("t")
    page = encoding_page(bare)
    assert page.sections == [] and page.lead == [] and page.banner == page.subtitle == ""
    assert not [b for b in encoding_page(replace(bare, encode=FULL.encode)).lead
                if isinstance(b, Figure)]  # fmt: skip
    where = {"encode": ["Scores", "Penalties"], "fingerprint": ["Best layer and trend"],
             "profiles": ["Fingerprints of regions"], "significance": ["Against chance"],
             "ceiling": ["Scores"], "banded": ["Feature spaces together"],
             "retinotopy": ["Preferred angle"],
             "recovery": ["Contrast of two kinds of stimuli"], "fields": ["Receptive fields"],
             "reconstruction": ["Reconstructed images"]}  # fmt: skip
    for name, titles in where.items():
        page = encoding_page(replace(FULL, figures=(), **parts | {name: getattr(FULL, name)}))
        assert [s.title for s in page.sections][:-3] == titles, name
        render_page(page)
    for name, source in FULL.figures:
        page = encoding_page(EncodingResult("t", figures=[(name, source)]))
        first = [b.source for b in page.lead if isinstance(b, Figure)]
        below = [b.source for s in page.sections for b in s.blocks if isinstance(b, Figure)]
        assert [*first, *below] == [source]
        assert len(page.sections) == len(below)


def test_one_layer_has_no_best_one_and_one_penalty_is_not_chosen():
    one = scores("conv1", 0.3) | {"penalties": [100.0]}
    overview = FULL.overview.iloc[[0, 3]].reset_index(drop=True)
    encode = FULL.encode | {"layers": [one]}
    page = encoding_page(EncodingResult(title="One", encode=encode, overview=overview))
    scored = next(b for b in section(page, "Scores").blocks if isinstance(b, Table))
    assert [row[0] for row in scored.rows] == ["conv1"]
    (penalties,) = section(page, "Penalties").blocks
    assert penalties.rows == [["conv1", "100", "dual"]] and "none chosen" in penalties.caption
    assert "Penalties at the grid's ends" not in tiles(page)


def test_without_scores_the_summary_has_to_do():
    page = encoding_page(replace(FULL, overview=None, significance=None))
    assert "Voxels predicted" not in tiles(page)
    ends = tiles(page)["Penalties at the grid's ends"]
    assert ends.value == "25\xa0%" and "all usable voxels" in ends.detail
    scored = next(b for b in section(page, "Scores").blocks if isinstance(b, Table))
    assert scored.header == ["Layer", "Median r²", "Largest r²", "Largest r"]
    assert scored.rows[0] == ["conv1", "0.050", "0.300", "0.800"]


def test_without_a_test_voxels_above_0_are_counted_and_said_to_be_untested():
    page = encoding_page(replace(FULL, significance=None))
    found = tiles(page)["Voxels predicted"]
    assert found.value == "812 of 1,230" and found.level == "info"
    assert found.detail == "best r² above 0; not tested against chance"
    scored = next(b for b in section(page, "Scores").blocks if isinstance(b, Table))
    assert scored.header[1] == "Voxels with r² above 0"


def test_all_voxels_as_one_region_have_maps_on_the_first_screen():
    print_ = FULL.fingerprint | {"regions": {"all": region("conv1", 0.3)}}
    page = encoding_page(replace(FULL, fingerprint=print_, profiles=profiles(["all"])))
    assert not [b for b in page.lead if isinstance(b, Table)]
    (shown,) = [b for b in page.lead if isinstance(b, Figure)]
    assert shown.caption.startswith("Scores of each layer on slices")
    told = [b.text for b in section(page, "Scores").blocks if hasattr(b, "text")]
    assert told[0] == "Scores of each layer on slices: the figure is in the summary above."
    (table,) = [b for b in section(page, "Fingerprints of regions").blocks if isinstance(b, Table)]
    assert table.header == ["Layer", "all voxels"]


def test_many_regions_have_values_without_intervals_so_that_the_table_fits():
    names = [f"area{i}" for i in range(8)]
    page = encoding_page(replace(FULL, profiles=profiles(names), fingerprint=FULL.fingerprint))
    (table,) = [b for b in section(page, "Fingerprints of regions").blocks if isinstance(b, Table)]
    assert table.rows[0][1] == "1.00" and table.caption.endswith("intervals are in the figure.")


def test_a_region_without_a_predicted_voxel_is_said_to_have_none():
    empty = {"n_voxels": 0, "n_best": 0, "peak_layer": None, "peak_score": None}
    print_ = FULL.fingerprint | {"regions": FULL.fingerprint["regions"] | {"LOC": empty}}
    gone = FULL.profiles["roi"] == "LOC"
    table = FULL.profiles.assign(**{n: FULL.profiles[n].mask(gone) for n in ("value", "low",
                                                                            "high")})  # fmt: skip
    page = encoding_page(replace(FULL, fingerprint=print_, profiles=table))
    (lead,) = [b for b in page.lead if isinstance(b, Table)]
    assert lead.rows[2] == ["LOC", "none", "–", "–", "0", "0"]
    assert "fc3 | 0.40 [0.35, 0.45] | 0.70 [0.65, 0.75] | –" in words(
        section(page, "Fingerprints of regions").blocks
    )
    render_page(page)


def test_names_of_figures_are_known_however_they_are_written():
    for name in ("precision-recall", "precision_recall", "PrecisionRecall", "precision recall"):
        assert figure_words(name)[0] == FIGURES["precisionrecall"][1]
    assert [figure_key(n) for n in ("scores", "scoresurface", "winner", "winnersurface", "x")] == [
        "scores", "scoresurface", "winner", "winnersurface", None,
    ]  # fmt: skip
    assert figure_words("contrast-maps haxby")[0].endswith("(contrast-maps haxby)")


def test_slices_that_can_be_moved_stand_beside_the_scores():
    data = dict.fromkeys(("shape", "origin", "step", "ground", "maps", "start", "colours"))
    panel = Panel("brain", data, "Scores at any place", "Click.")
    sections = encoding_sections(EncodingResult(title="T", brain_panels=[panel]))
    assert [section.blocks for section in sections if panel in section.blocks] == [[panel]]
    assert "score" in next(s for s in sections if panel in s.blocks).title.lower()
