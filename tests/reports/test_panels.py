"""Interactive parts: their data are those that were given, and nothing in them can break out."""

import base64
import io
import json
import re

import numpy as np
import pytest
from PIL import Image
from scipy.spatial.distance import pdist, squareform

from fmriprod.algorithms.checks import InputError
from fmriprod.reports.page import Page, Section, Text, render_page
from fmriprod.reports.panels import Panel, grey_uri, palette, rounded
from fmriprod.reports.rdm_panel import rdm_panel

EVIL = '</script><script>alert("x")</script>'


def page_of(*blocks):
    return render_page(Page(title="T", subtitle="", sections=[Section("Panels", "", blocks)]))


def data_in(text):
    found = re.findall(r'<script type="application/json">(.*?)</script>', text, re.DOTALL)
    return [json.loads(one) for one in found]


@pytest.fixture
def pairs(rng):
    return pdist(rng.normal(size=(5, 8)))[None]


def test_data_of_rdms_are_the_pairs_and_the_page_holds_one_script_of_a_kind(pairs):
    names = ["a", "b", "c", EVIL, "é&"]
    panels = [rdm_panel(pairs, names, ["IT"], groups=list("xxyyy"), title=EVIL)] * 2
    text = page_of(*panels)
    first, second = data_in(text)
    assert first == second and first["conditions"] == names and first["groups"] == list("xxyyy")
    np.testing.assert_allclose(first["rdms"][0], pairs[0], rtol=5e-3)
    assert first["limits"] == pytest.approx([pairs.min(), pairs.max()], rel=1e-3)
    assert first["colours"][0] == "#440154" and len(first["colours"]) == 256
    assert EVIL not in text and text.count("panels.rdm = ") == 1
    assert "panels.run" not in text and text.count('data-panel="rdm"') == 2


def test_a_page_without_panels_holds_nothing_of_them():
    text = page_of(Text("words"))
    assert "data-panel" not in text and "panels." not in text and ".panel" not in text


def test_unknown_pairs_have_no_value_and_do_not_set_the_colours(pairs):
    pairs[0, 3] = np.nan
    data = rdm_panel(pairs, list("abcde"), ["IT"]).data
    assert data["rdms"][0][3] is None and data["limits"][1] == pytest.approx(np.nanmax(pairs), 1e-3)
    assert rdm_panel(pairs * np.nan, list("abcde"), ["IT"]).data["limits"] == [0, 1]
    assert rdm_panel(pairs, list("abcde"), ["IT"], limits=(0, 2)).data["limits"] == [0, 2]


def test_many_rdms_are_cut_and_said_and_one_that_is_too_large_is_none(rng):
    values = rng.random((4, 45))
    panel = rdm_panel(values, list("abcdefghij"), list("1234"), most_numbers=100)
    assert panel.data["names"] == ["1", "2"] and "first 2 of 4 RDMs" in panel.how
    assert rdm_panel(values, list("abcdefghij"), list("1234"), most_numbers=44) is None


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"names": ["a", "b"]}, r"2 rows of the 10 pairs of 5 conditions\n.*shape \(1, 10\)"),
        ({"conditions": list("abcd")}, "6 pairs of 4 conditions"),
        ({"groups": ["x"]}, "groups\n.*one for each of 5 conditions\n.*1"),
    ],
)
def test_rdms_that_do_not_fit_are_refused(pairs, change, text):
    given = {"conditions": list("abcde"), "names": ["IT"]} | change
    with pytest.raises(InputError, match=text):
        rdm_panel(pairs, **given)


def test_panels_that_are_not_whole_are_refused():
    with pytest.raises(InputError, match=r"one of rdm, run, brain\n.*'cube'"):
        Panel("cube", {}, "", "")
    with pytest.raises(InputError, match="no carpet, n, range"):
        Panel("run", {"tr": 2.0, "traces": [], "threshold": 1}, "", "")
    nothing = {"names": [], "groups": None, "rdms": [[float("nan")]], "limits": [], "what": "",
               "conditions": [], "colours": [], "lower": False}  # fmt: skip
    with pytest.raises(ValueError, match="JSON"):
        page_of(Panel("rdm", nothing, "", ""))


def test_numbers_survive_the_picture(rng):
    values = rng.integers(0, 256, (7, 9)).astype(np.uint8)
    content = base64.b64decode(grey_uri(values).split(",")[1])
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(content))), values)


def test_small_parts():
    assert rounded([1 / 3, np.inf, -12345.6]) == [0.3333, None, -12350.0]
    assert palette("gray", 3) == ["#000000", "#808080", "#ffffff"]


def test_rows_of_the_upper_triangle_are_where_the_script_looks(pairs):
    """The script finds pair i < k at i (2n - i - 1) / 2 + k - i - 1."""
    n, matrix = 5, squareform(pairs[0])
    for i in range(n):
        for k in range(i + 1, n):
            assert pairs[0][i * (2 * n - i - 1) // 2 + k - i - 1] == matrix[i, k]
