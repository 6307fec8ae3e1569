"""Which row is which parcel, by name."""

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.parcel_table import (
    hemisphere_of,
    match_parcels,
    read_parcels,
    read_series,
)

NAMES = [f"{side}_{area}" for side in "LR" for area in ("V1", "4", "FFC", "3b")]


@given(order=st.permutations(NAMES), roi=st.booleans())
def test_any_order_gives_the_wanted_one(order, roi):
    given_names = [f"{name}_ROI" if roi else name for name in order]
    rows = match_parcels(NAMES, given_names)
    assert [order[row] for row in rows] == NAMES


def test_a_mismatch_names_the_parcels():
    with pytest.raises(InputError, match=re.escape("1 lacking, 1 others")) as caught:
        match_parcels(["L_V1", "L_FFC"], ["L_V1", "L_FFD"], "contrast")
    assert "lacking: L_FFC; others: L_FFD" in str(caught.value)
    assert caught.value.hint == "did you mean 'L_FFD'?" and caught.value.subject == "contrast"
    with pytest.raises(InputError, match="use one parcellation for all"):
        match_parcels(["a"], ["xyz"])
    assert match_parcels(["b"], ["a", "b"], others="leave_out").tolist() == [1]


def test_hemispheres_are_read_from_names():
    sides = {"L_V1": "L", "R_V1_ROI": "R", "V1_L": "L", "left V1": "L", "V1 Right": "R",
             "V1_L_ROI": "L", "Right-Amygdala": "R", "LH_Vis_1": "L", "7Networks_RH_Cont_2": "R",
             "V1_LH_ROI": "L", "FFA_rh": "R", "Lateral": "n/a", "rh": "n/a"}  # fmt: skip
    assert {name: hemisphere_of(name) for name in sides} == sides


def test_a_table_is_read_and_completed(work):
    pd.DataFrame({"name": ["L_1", "7"], "x": [1.5, 2]}).to_csv("p.tsv", sep="\t", index=False)
    table = read_parcels("p.tsv", 2)
    assert table["name"].tolist() == ["L_1", "7"] and table["x"].tolist() == [1.5, 2]
    assert table["hemisphere"].tolist() == ["L", "n/a"] and set(table["network"]) == {"n/a"}
    pd.DataFrame({"name": [4, 5]}).to_csv("p.tsv", sep="\t", index=False)
    assert read_parcels("p.tsv")["name"].tolist() == ["4", "5"]


def test_names_that_look_like_numbers_stay_names(work):
    (work / "p.tsv").write_text("name\tx\n001\t1\n1e2\t2\n")
    assert read_parcels("p.tsv")["name"].tolist() == ["001", "1e2"]


@pytest.mark.parametrize("left", ["L", "l", "LH", "lh", "left", "Left"])
def test_hemispheres_are_written_in_one_way(work, left):
    right = left.upper().replace("LEFT", "Right").replace("L", "R")
    (work / "p.tsv").write_text(f"name\themisphere\na\t{left}\nb\tn/a\nc\t{right}\n")
    found = read_parcels("p.tsv")["hemisphere"]
    assert found[[0, 2]].tolist() == ["L", "R"] and found.isna().tolist() == [False, True, False]


@pytest.mark.parametrize("none", ["", "NA", "both", "B", "n/a"])
def test_parcels_of_no_hemisphere_are_kept(work, none):
    (work / "p.tsv").write_text(f"name\themisphere\na\tL\nBrain-Stem\t{none}\n")
    assert read_parcels("p.tsv")["hemisphere"].isna().tolist() == [False, True]


@pytest.mark.parametrize(
    ("columns", "text"),
    [
        ({"name": ["a", ""], "x": [1, 2]}, "none in 1 rows"),
        ({"name": ["a", "b"], "hemisphere": ["L", "lateral"]}, "'lateral'"),
        ({"name": ["a", "b"], "hemisphere": [1, 2]}, "L, R or n/a in the column hemisphere"),
        ({"Name": ["a", "b"], "x": [1, 2]}, "a column name"),
        ({"name": ["L_V1", "L_V1_ROI"], "x": [1, 2]}, "L_V1 twice"),
        ({"name": ["a", "b", "c"], "x": [1, 2, 3]}, "2 parcels, as the array has rows"),
        ({"name": ["a", None], "x": [1, 2]}, "a name for each parcel"),
    ],
)
def test_tables_that_name_no_parcels_are_refused(work, columns, text):
    pd.DataFrame(columns).to_csv("p.tsv", sep="\t", index=False, na_rep="n/a")
    with pytest.raises(InputError, match=text) as caught:
        read_parcels("p.tsv", 2)
    assert caught.value.file == "p.tsv"


def test_series_with_holes_are_refused_and_missing_rows_are_not(work, rng):
    series = rng.normal(size=(4, 6))
    series[2] = np.nan
    np.save("s.npy", series)
    found = read_series("s.npy")
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, series.astype(np.float32))
    for bad in (np.nan, np.inf):
        series[1, 3] = bad
        np.save("s.npy", series)
        with pytest.raises(InputError, match=re.escape("1 parcels with some values")) as caught:
            read_series("s.npy")
        assert "first row 1 (counted from 0)" in str(caught.value)
    np.save("s.npy", series[0])
    with pytest.raises(InputError, match=re.escape("float64 of shape (6,)")):
        read_series("s.npy")
    with pytest.raises(InputError, match="no such file"):
        read_series("t.npy")
