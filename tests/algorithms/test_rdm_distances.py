"""Distances of pairs of patterns, for several sets of voxels at once."""

import numpy as np
import pytest
from scipy.spatial.distance import pdist

from fmriprod.algorithms.rdm_distances import (
    correlation_distances,
    gram,
    squared_distances,
    take_pairs,
)


@pytest.fixture
def patterns():
    return np.random.default_rng(0).normal(size=(4, 30, 6)) + 3  # sets, voxels, conditions


def test_products_and_pairs(patterns):
    products = gram(patterns)
    for own, one in zip(patterns, products, strict=True):
        np.testing.assert_allclose(one, own.T @ own)
    np.testing.assert_array_equal(take_pairs(products)[2], products[2][np.triu_indices(6, 1)])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_distances_are_those_of_scipy(patterns, dtype):
    tolerance = 1e-6 if dtype is np.float32 else 1e-12
    squares = squared_distances(gram(patterns.astype(dtype)), 30)
    correlations = correlation_distances(patterns.astype(dtype))
    assert squares.dtype == correlations.dtype == dtype
    for own, square, correlation in zip(patterns, squares, correlations, strict=True):
        np.testing.assert_allclose(square, pdist(own.T, "sqeuclidean") / 30, rtol=20 * tolerance)
        np.testing.assert_allclose(correlation, pdist(own.T, "correlation"), atol=tolerance)


def test_only_signed_distances_are_below_0():
    products = np.array([[[1.0, 2, 0], [2, 1, 0], [0, 0, 1]]])
    np.testing.assert_array_equal(squared_distances(products.copy(), 2), [[0, 1, 1]])
    np.testing.assert_array_equal(squared_distances(products, 2, signed=True), [[-1, 1, 1]])


@pytest.mark.parametrize("value", [0.0, 0.1, -1e6 / 3, 1e-12])
def test_a_constant_pattern_has_no_correlation(patterns, value):
    few = patterns.astype(np.float32)
    few[1, :, 2] = value
    found = correlation_distances(few)
    missing = np.zeros((4, 15), bool)
    missing[1] = [2 in pair for pair in zip(*np.triu_indices(6, 1), strict=True)]
    np.testing.assert_array_equal(np.isnan(found), missing)
