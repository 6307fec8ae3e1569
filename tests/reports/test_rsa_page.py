"""The first screen says what was found, and the verdicts fit the numbers."""

import numpy as np
import pandas as pd
import pytest

from fmriprod.reports.page import Figure, Notice, Table, Text, Tiles, render_page
from fmriprod.reports.rsa_page import rsa_page
from fmriprod.reports.rsa_results import (
    RDMFacts,
    RSAFigure,
    RSAResult,
    ScalingFacts,
    SimilarityTable,
)
from fmriprod.reports.rsa_sections import lead_figure, rsa_sections
from fmriprod.reports.rsa_tiles import rsa_tiles
from fmriprod.reports.rsa_verdicts import rsa_notices

SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>'


def table(values, **columns):
    frame = pd.DataFrame({"rdm": "IT", "model": list("abcd")[: len(values)], "value": values})
    return SimilarityTable("IT", "ρ", frame.assign(**columns))


def spheres(n_shown, n_known=100):
    return pd.DataFrame({"model": list("ab"), "n_known": n_known, "n_shown": n_shown,
                         "largest": 0.5})  # fmt: skip


def layers(n, agreement=np.nan):
    return pd.DataFrame({"layer": ["conv", "fc"], "n": n, "agreement": agreement})


def regions(q, n=9):
    return pd.DataFrame({"rdm": ["V1", "LOC"], "model": "a", "value": [0.1, 0.2], "q": q, "n": n})


def said(**parts):
    return [(n.level, n.text) for n in rsa_notices(RSAResult("x", **parts))]


@pytest.mark.parametrize(("parts", "level", "words"), [
    ({"tables": [table([0.1])]}, "info", "no test against chance was made"),
    ({"tables": [table([0.1], q=0.2)]}, "warning", "no RDM is more similar to a model"),
    ({"tables": [table([0.5], q=0.01, p_method="spearmanr")]}, "warning", "that of Student's t"),
    ({"tables": [table([-0.5], q=0.001)]}, "warning", "no RDM is more similar to a model"),
    ({"tables": [table([0.5, np.nan], q=0.01)]}, "warning", "1 of 2 pairs have no value"),
    ({"tables": [table([0.5, 0.6, 0.1], q=0.01, ceiling_lower=0.2, ceiling_upper=0.4)]},
     "warning", "2 pairs are above the upper noise ceiling (IT with a and IT with b)"),
    ({"tables": [table([0.5], q=0.01, ceiling_lower=0.2, ceiling_upper=0.4)]}, "warning",
     "1 pair is above"),
    ({"spheres": spheres([3, 5])}, "info", "not tested"),
    ({"spheres": spheres([0, 0]), "spheres_tested": True}, "warning", "No sphere is similar to a"),
    ({"spheres": spheres([0, 5]), "spheres_tested": True}, "info", "No sphere is similar to a."),
    ({"layers": layers([0, 0])}, "warning", "No voxel has a layer"),
    ({"layers": layers([4, 9])}, "info", "was not estimated"),
    ({"layers": layers([4, 9], [0.9, 0.4])}, "warning", "where fc won"),
    ({"regions": regions([0.2, 0.3])}, "warning", "In no region"),
    ({"regions": regions([0.2, 0.01], n=[5, 9])}, "info", "of 5 to 9 participants"),
    ({"rdms": [RDMFacts("V1", 9, 16, "correlation", 2, 0)]}, "warning", "2 of 9 RDMs have unknown"),
    ({"rdms": [RDMFacts("V1", 9, 16, "correlation", 0, 3)]}, "warning", "in 3 of 9 RDMs all"),
    ({"scalings": [ScalingFacts("V1", "metric", 0.31)]}, "info", "V1 (0.31)"),
])  # fmt: skip
def test_what_deserves_a_look_is_said(parts, level, words):
    found = said(**parts)
    assert len(found) == 1 and found[0][0] == level and words in found[0][1], found


@pytest.mark.parametrize("parts", [
    {"tables": [table([0.3], q=0.01, ceiling_lower=0.2, ceiling_upper=0.4)]},
    {"spheres": spheres([3, 5]), "spheres_tested": True},
    {"layers": layers([4, 9], [0.9, 0.7])},
    {"layers": layers([4, 0], [0.9, np.nan])},
    {"regions": regions([0.2, 0.01])},
    {"rdms": [RDMFacts("V1", 9, 16, "correlation", 0, 0)]},
    {"scalings": [ScalingFacts("V1", "metric", 0.1), ScalingFacts("V2", "metric", np.nan)]},
])  # fmt: skip
def test_nothing_is_said_of_what_is_well(parts):
    assert said(**parts) == []
    first = rsa_page(RSAResult("x", **parts)).lead
    if isinstance(first[0] if first else None, Tiles):
        assert first[1].text.startswith("Nothing stands out")


def test_tiles_name_the_largest_and_count_what_is_similar():
    tiles = {t.label: t for t in rsa_tiles(RSAResult(
        "x", tables=[table([0.2, 0.5, -0.6, 0.3], p=[0.01, 0.0001, 0.01, 0.4])],
        spheres=spheres([3, 50]), spheres_tested=True, layers=layers([4, 9]),
        regions=regions([0.2, 0.01]),
        truth={"a": {"expected": 1, "found": 2, "ok": False}},
    ))}  # fmt: skip
    assert tiles["IT"].value == "0.50" and tiles["IT"].level == "good"
    assert tiles["IT"].detail == (
        "ρ of IT and b, the largest; p < 0.001; 2 of 4 pairs are above 0 with p ≤ 0.05"
    )
    assert tiles["Spheres"].value == "50 of 100" and "similar to b" in tiles["Spheres"].detail
    assert "a 3" in tiles["Spheres"].detail and tiles["Spheres"].gauge[0] == 0.5
    assert tiles["Most similar layer"].value == "fc"
    assert tiles["Regions"].value == "1 of 2" and "LOC with a, 0.20" in tiles["Regions"].detail
    assert tiles["Planted truth"].level == "problem"
    empty = rsa_tiles(RSAResult("x", tables=[table([np.nan])]))
    assert (empty[0].value, empty[0].level) == ("–", "problem")


def test_the_first_screen_has_a_map_where_there_is_one():
    def figure(section):
        return RSAFigure(section, section, "how.", "n = 3.", SVG)

    everything = [figure(key) for key in ("rdms", "similarity", "spheres", "layers")]
    result = RSAResult("x", figures=everything, spheres=spheres([1, 2]), simulated=True)
    assert lead_figure(result) is everything[3]
    assert lead_figure(RSAResult("x", figures=everything[:2])) is everything[1]
    assert lead_figure(RSAResult("x")) is None
    page = rsa_page(result)
    shown = [block for block in page.lead if isinstance(block, Figure)]
    assert [block.caption for block in shown] == ["layers: how."] and "n = 3" in shown[0].alt
    sections = {section.title: section.blocks for section in page.sections}
    told = sections["Most similar layer"]
    assert not any(isinstance(block, Figure) for block in told)
    assert any(isinstance(block, Text) and "summary above" in block.text for block in told)
    assert sum(isinstance(b, Figure) for blocks in sections.values() for b in blocks) == 3
    assert "Simulated data" in render_page(page)
    assert "imulated" not in render_page(rsa_page(RSAResult("x")))


def test_what_was_planted_and_not_found_comes_first():
    truth = {"layers rise": {"expected": 1, "found": 0, "ok": False}}
    page = rsa_page(RSAResult("x", tables=[table([0.1])], truth=truth))
    notices = [block for block in page.lead if isinstance(block, Notice)]
    assert notices[0].text == "Not as planted: layers rise." and notices[0].level == "problem"


def test_long_tables_are_cut_after_the_most_similar():
    values = np.linspace(-1, 1, 40)
    frame = pd.DataFrame({"rdm": "IT", "model": [f"m{i}" for i in range(40)], "value": values,
                          "low": values - 0.001, "high": values + 0.1})  # fmt: skip
    (section,) = rsa_sections(RSAResult("x", tables=[SimilarityTable("IT", "ρ", frame)]))
    (block,) = (b for b in section.blocks if isinstance(b, Table))
    assert len(block.rows) == 15 and block.rows[0] == ["IT", "m39", "1.000", "1.00 to 1.10"]
    assert block.caption == "IT: the 15 most similar of 40 pairs."
    assert "−0.00" not in str(block.rows)
