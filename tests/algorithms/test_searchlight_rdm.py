"""Dissimilarities in spheres, against slow loops, SciPy and rsatoolbox."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import pdist

from fmriprod.algorithms.rdm import pair_indices
from fmriprod.algorithms.searchlight_rdm import searchlight_rdms
from fmriprod.algorithms.spheres import find_spheres

MASK = np.ones((5, 6, 5), bool)
MASK[:2, :2] = False
SPHERES = find_spheres(MASK, np.eye(4), radius=2.0, min_voxels=8)
N_VOXELS = int(MASK.sum())


def simulate(n_conditions=5, n_runs=1, seed=0, offset=0.0):
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=(n_conditions, N_VOXELS)) + offset
    noise = rng.normal(size=(n_runs, n_conditions, N_VOXELS))
    patterns = (truth + noise).reshape(-1, N_VOXELS).astype(np.float32)
    return (
        patterns,
        np.tile(np.arange(n_conditions), n_runs),
        np.repeat(np.arange(n_runs), n_conditions),
    )


def rdms(patterns, conditions, spheres=SPHERES, **options):
    blocks = list(
        searchlight_rdms(
            patterns, spheres, conditions=conditions, n_conditions=max(conditions) + 1, **options
        )
    )
    assert [where.start for where, _ in blocks] == [0, *(where.stop for where, _ in blocks[:-1])]
    assert all(block.dtype == np.float32 for _, block in blocks)
    return np.concatenate([block for _, block in blocks])


def loop(patterns, function, spheres=SPHERES):
    return np.array(
        [function(patterns[:, spheres.of(i)].astype(float)) for i in range(len(spheres))]
    )


def correlation(x):
    return 1 - np.corrcoef(x)[pair_indices(len(x))]


@settings(max_examples=25, deadline=None)
@given(st.integers(3, 9), st.integers(0, 99), st.sampled_from([0.0, 30.0]))
def test_correlation_is_that_of_a_loop(n, seed, offset):
    patterns, conditions, _ = simulate(n, seed=seed, offset=offset)
    np.testing.assert_allclose(rdms(patterns, conditions), loop(patterns, correlation), atol=1e-6)


@settings(max_examples=25, deadline=None)
@given(st.integers(3, 9), st.integers(0, 99), st.sampled_from([0.0, 30.0]))
def test_euclidean_is_that_of_scipy(n, seed, offset):
    patterns, conditions, _ = simulate(n, seed=seed, offset=offset)
    expected = loop(patterns, lambda x: pdist(x, "sqeuclidean") / x.shape[1])
    np.testing.assert_allclose(
        rdms(patterns, conditions, distance="euclidean"), expected, rtol=3e-6
    )
