import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import correlation

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.differentiation import PairDistances, pair_distances, run_distances


def test_distances_are_those_of_scipy(rng):
    patterns = rng.normal(size=(3, 4, 25))
    expected = np.mean(
        [
            [[correlation(patterns[a, i], patterns[b, j]) for j in range(4)] for i in range(4)]
            for a, b in itertools.combinations(range(3), 2)
        ],
        axis=0,
    )
    np.testing.assert_allclose(run_distances(patterns), expected)


def test_differentiation_by_hand():
    """Objects 2 and 3 of five: between is off the diagonal of their block, within on it."""
    before = np.arange(25.0).reshape(5, 5)
    found = pair_distances(before, before**2, (2, 3))
    assert found == PairDistances(
        between_before=(13 + 17) / 2, within_before=(12 + 18) / 2,
        between_after=(13**2 + 17**2) / 2, within_after=(12**2 + 18**2) / 2,
    )  # fmt: skip
    assert found.differentiation == (13**2 + 17**2 - 12**2 - 18**2) / 2 - 0


def test_objects_that_move_apart_are_found(rng):
    """Trained objects share a pattern before and not after; controls share it always."""

    def phase(shared):
        common, own = rng.normal(size=(2, 400)), rng.normal(size=(4, 400))
        weight = np.array([shared, shared, 0.7, 0.7])[:, None]
        clean = weight * common[[0, 0, 1, 1]] + np.sqrt(1 - weight**2) * own
        return run_distances(clean + rng.normal(0, 0.5, (2, 4, 400)))

    before, after = phase(0.7), phase(0.0)
    trained, control = (pair_distances(before, after, pair) for pair in ((0, 1), (2, 3)))
    assert trained.differentiation == pytest.approx(0.49 / 1.25, abs=0.12)
    assert control.differentiation == pytest.approx(0, abs=0.12)


@given(st.integers(0, 1000))
def test_gain_and_mean_of_a_run_do_not_matter(seed):
    rng = np.random.default_rng(seed)
    patterns = rng.normal(size=(2, 4, 12))
    changed = patterns * rng.uniform(0.5, 9, (2, 4, 1)) + rng.normal(0, 5, (2, 4, 1))
    np.testing.assert_allclose(run_distances(changed), run_distances(patterns), atol=1e-9)


@pytest.mark.parametrize(
    ("patterns", "found"),
    [
        (np.ones((1, 4, 9)) * np.arange(9), "1 runs, 4 objects, 9 voxels, 0 constant patterns"),
        (np.zeros((2, 4, 0)), "2 runs, 4 objects, 0 voxels, 8 constant patterns"),
        (np.full((2, 1, 9), 3.0), "2 runs, 1 objects, 9 voxels, 2 constant patterns"),
    ],
)
def test_patterns_without_distances_are_refused(patterns, found):
    with pytest.raises(InputError) as caught:
        run_distances(patterns)
    assert f"found:    {found}" in str(caught.value)
    assert "look at the effect maps" in caught.value.hint
