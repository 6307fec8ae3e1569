"""Intervals of means over participants against SciPy's."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from fmriprod.algorithms.rsa_participants import over_participants


def table_of(values):
    rows = [(rdm, model, value) for (rdm, model), own in values.items() for value in own]
    return pd.DataFrame(rows, columns=["rdm", "model", "value"])


@pytest.mark.parametrize("coverage", [0.9, 0.95])
def test_means_and_intervals_are_those_of_scipy(rng, coverage):
    values = {(r, m): rng.normal(size=rng.integers(3, 9)) for r in "ba" for m in "yx"}
    found = over_participants(table_of(values), coverage=coverage)
    assert list(zip(found["rdm"], found["model"], strict=True)) == list(values)
    for row, own in zip(found.itertuples(), values.values(), strict=True):
        ends = stats.ttest_1samp(own, 0).confidence_interval(coverage)
        assert (row.value, row.n) == (pytest.approx(own.mean()), len(own))
        assert (row.low, row.high) == pytest.approx((ends.low, ends.high))


def test_one_participant_has_no_interval_and_missing_values_count_for_nothing():
    values = {("a", "x"): [0.3], ("a", "y"): [0.1, np.nan, 0.3], ("a", "z"): [np.nan]}
    found = over_participants(table_of(values))
    assert found["n"].tolist() == [1, 2, 0]
    np.testing.assert_allclose(found["value"], [0.3, 0.2, np.nan])
    assert found["low"].isna().tolist() == [True, False, True]


def test_intervals_hold_the_mean_as_often_as_they_say(rng):
    values = {(str(i), "m"): rng.normal(0.2, 1, 6) for i in range(2000)}
    found = over_participants(table_of(values))
    held = ((found["low"] < 0.2) & (found["high"] > 0.2)).mean()
    assert 0.935 < held < 0.965
