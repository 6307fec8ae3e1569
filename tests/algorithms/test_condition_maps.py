"""Mean patterns of conditions and runs."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fmriprod.algorithms.condition_maps import condition_maps, run_maps


@given(st.permutations([0, 0, 0, 1, 1, 2, 3]), st.integers(0, 9))
def test_patterns_are_averaged(conditions, seed):
    conditions = np.array(conditions)
    patterns = np.random.default_rng(seed).normal(size=(7, 5)).astype(np.float32)
    found = condition_maps(patterns, conditions, 4)
    expected = [patterns[conditions == code].mean(axis=0) for code in range(4)]
    np.testing.assert_allclose(found.T, expected, rtol=1e-5, atol=1e-6)


@given(st.permutations(range(6)))
def test_single_patterns_are_put_in_order(order):
    patterns = np.random.default_rng(0).normal(size=(6, 5)).astype(np.float32)
    np.testing.assert_array_equal(condition_maps(patterns[order], order, 6).T, patterns)


@given(st.permutations(range(9)), st.sampled_from([[0, 1], [5, -2]]))
def test_runs_are_in_their_order_and_repeats_within_are_averaged(order, names):
    order = list(order)
    conditions = np.array([0, 1, 2, 0, 1, 2, 2, 1, 0])
    runs = np.array(names)[[0, 0, 0, 1, 1, 1, 1, 1, 1]]
    patterns = np.random.default_rng(0).normal(size=(9, 4)).astype(np.float32)
    found = run_maps(patterns[order], conditions[order], 3, runs[order])
    assert found.shape == (4, 2, 3)
    for place, run in enumerate(sorted(names)):
        for code in range(3):
            rows = (runs == run) & (conditions == code)
            expected = patterns[rows].mean(axis=0)
            np.testing.assert_allclose(found[:, place, code], expected, rtol=1e-5, atol=1e-6)
