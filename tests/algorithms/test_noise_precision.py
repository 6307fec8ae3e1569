"""Noise of voxels: its variance, and its covariance that can be inverted."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.covariance import ledoit_wolf

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.noise_precision import (
    noise_from_repeats,
    noise_from_residuals,
    noise_products,
    noise_variance,
    shrinkage,
)


def residuals(n_rows, n_voxels, seed=0):
    rng = np.random.default_rng(seed)
    mixing = rng.normal(size=(n_voxels, n_voxels)) / 3 + np.diag(rng.uniform(0.5, 3, n_voxels))
    values = rng.normal(size=(n_rows, n_voxels)) @ mixing
    return values - values.mean(axis=0)


def covariance(values, dof, method):
    """Put the parts of a shrunk covariance together."""
    diagonal, share = shrinkage(values[None], dof, method)
    return np.diag(diagonal[0]) + share[0] * values.T @ values / dof


@settings(max_examples=30, deadline=None)
@given(st.integers(5, 60), st.integers(2, 30), st.integers(0, 99))
def test_towards_one_variance_is_that_of_scikit_learn(n_rows, n_voxels, seed):
    values = residuals(n_rows, n_voxels, seed)
    expected, _ = ledoit_wolf(values, assume_centered=True)
    found = covariance(values, n_rows, "shrinkage_eye")
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-10)


@settings(max_examples=30, deadline=None)
@given(st.integers(5, 60), st.integers(2, 30), st.integers(0, 99), st.integers(0, 3))
def test_towards_variances_is_that_of_the_published_formula(n_rows, n_voxels, seed, lost):
    """Every term of Schäfer and Strimmer's sum, one by one, with rsatoolbox's constants."""
    values, dof = residuals(n_rows, n_voxels, seed), n_rows - 1 - lost
    variance = (values**2).sum(axis=0) / dof
    z = values / np.sqrt(variance)
    top = bottom = 0.0
    for i in range(n_voxels):
        for j in range(n_voxels):
            if i != j:
                w = z[:, i] * z[:, j]
                mean = w.sum() / (n_rows - 1)
                top += n_rows / dof**2 * ((w**2).sum() / (n_rows - 1) - mean**2)
                bottom += mean**2
    strength = min(1, top / bottom)
    expected = values.T @ values / dof
    expected *= np.where(np.eye(n_voxels, dtype=bool), 1, 1 - strength)
    found = covariance(values, dof, "shrinkage_diag")
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("method", ["shrinkage_eye", "shrinkage_diag"])
@pytest.mark.parametrize("n_rows", [8, 25, 26, 80])  # by one form of the inverse and the other
def test_products_are_those_of_the_inverse(n_rows, method):
    rng = np.random.default_rng(2)
    several = np.stack([residuals(n_rows, 25, seed) for seed in range(3)])
    x = rng.normal(size=(3, 25, 4))
    found = noise_products(x, several, n_rows - 1, method)
    for i in range(3):
        expected = x[i].T @ np.linalg.inv(covariance(several[i], n_rows - 1, method)) @ x[i]
        np.testing.assert_allclose(found[i], expected, rtol=1e-8)


def test_shrinkage_fits_how_much_is_known():
    """All is shrunk where voxels do not share noise; nothing where many residuals show it."""
    rng = np.random.default_rng(0)
    alone = rng.normal(size=(1, 40, 20)) * np.linspace(1, 4, 20)
    assert shrinkage(alone - alone.mean(axis=1), 39, "shrinkage_diag")[1][0] < 0.25
    together = rng.normal(size=(1, 4000, 20)) + 2 * rng.normal(size=(1, 4000, 1))
    for method in ("shrinkage_eye", "shrinkage_diag"):
        assert shrinkage(together, 3999, method)[1][0] > 0.99


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 9), min_size=2, max_size=6), st.floats(0, 1e4))
def test_variance_of_blocks_is_that_of_all(sizes, offset):
    blocks = [np.random.default_rng(i).normal(size=(n, 5)) + offset for i, n in enumerate(sizes)]
    whole = np.concatenate(blocks)
    np.testing.assert_allclose(noise_variance(iter(blocks)), whole.var(axis=0, ddof=1), rtol=1e-6)
    given_dof = noise_variance(iter(blocks), dof=3)
    np.testing.assert_allclose(given_dof, whole.var(axis=0) * len(whole) / 3, rtol=1e-6)


def test_noise_of_repeats_has_no_mean_of_a_condition():
    rng = np.random.default_rng(0)
    conditions = np.array([0, 1, 2, 0, 1, 2, 0])
    patterns = rng.normal(size=(7, 11)) + conditions[:, None] * 100.0
    noise = noise_from_repeats(patterns, conditions)
    assert noise.dof == 4
    for code in range(3):
        np.testing.assert_allclose(noise.residuals[conditions == code].mean(axis=0), 0, atol=1e-5)
    assert np.abs(noise.residuals).max() < 5


def test_noise_that_is_not_there_is_refused():
    with pytest.raises(InputError, match=r"(?s)conditions that are repeated.*3 conditions in 3"):
        noise_from_repeats(np.zeros((3, 4)), np.arange(3))
    with pytest.raises(InputError, match=r"(?s)2 residuals or more.*1 with 0"):
        noise_from_residuals(np.zeros((1, 4)))
    with pytest.raises(InputError, match=r"(?s)degrees of freedom left.*9 with 0"):
        noise_from_residuals(np.zeros((9, 4)), dof=0)
