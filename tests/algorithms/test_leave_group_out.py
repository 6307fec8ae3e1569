import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.leave_group_out import leave_group_out


def refused(groups, **options):
    with pytest.raises(InputError) as info:
        leave_group_out(groups, **options)
    assert info.value.subject == "groups"
    return str(info.value)


@given(st.lists(st.sampled_from("cabd"), min_size=2).filter(
    lambda g: len(set(g)) > 1 and min(g.count(n) for n in set(g)) > 1
))  # fmt: skip
def test_folds_are_scikit_learns(groups):
    folds = leave_group_out(groups, nested=False)
    assert list(folds.names) == list(dict.fromkeys(groups))
    assert sorted(folds.order) == list(range(len(groups))) and folds.n_samples == len(groups)
    for number, name in enumerate(folds.names):
        rows = folds.order[folds.slices[number]]
        np.testing.assert_array_equal(rows, np.flatnonzero(np.array(groups) == name))
        assert folds.size(number) == groups.count(name)
        assert set(folds.rest(number)) | {number} == set(range(folds.n_folds))
    assert len(folds.pairs) == folds.n_folds * (folds.n_folds - 1) // 2


def test_samples_of_some_groups_are_taken_in_their_order():
    folds = leave_group_out([2, 2, 1, 1, 1, 3, 3])
    rows = np.arange(14).reshape(2, 7)
    np.testing.assert_array_equal(folds.take(np, rows, (0, 2), 1), rows[:, [0, 1, 5, 6]])
    np.testing.assert_array_equal(folds.take(np, rows.T, (1,), 0), rows.T[2:5])
    assert folds.names == ("2", "1", "3")


def test_too_few_groups_are_refused():
    text = refused(["a"] * 6)
    assert "at least 3 groups" in text and "1: a" in text and "give finer groups" in text
    text = refused(["a"] * 3 + ["b"] * 3)
    assert "2: a, b" in text and "to choose among penalties" in text and "a single penalty" in text
    assert leave_group_out(["a"] * 3 + ["b"] * 3, nested=False).n_folds == 2
    assert "at least 2 groups" in refused(["a"] * 3, nested=False)


def test_small_groups_are_refused():
    text = refused(["a", "a", "b", "c", "c"])
    assert "at least 2 samples in each group" in text and "1 in 'b'" in text
    assert "join small groups" in text


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, pd.NaT])
def test_missing_labels_are_refused(missing):
    text = refused(np.array(["a", "a", missing, "b", "b", "c", "c"], dtype=object))
    assert "a group for every sample" in text and "missing labels" in text
    assert "fill in the column" in text


def test_missing_numbers_are_refused():
    assert "missing labels" in refused([1.0, 1.0, np.nan, 2.0, 2.0, 3.0, 3.0])
