import numpy as np
import pytest
from scipy.linalg import toeplitz
from support.noise import ar_noise

from fmriprod.algorithms.autocorrelation import (
    autocovariance_bias,
    estimate_ar,
    group_ar,
    residual_correlation,
)
from fmriprod.algorithms.design import drifts, row_space


def low_frequency_basis(n_volumes=120, n_columns=12):
    """A design of slow columns, which bias the autocorrelation of residuals most."""
    slow = drifts(n_volumes, 2.0, "cosine", high_pass=4 * n_volumes / n_columns)
    return row_space(np.column_stack([np.ones(n_volumes), slow]))[0]


def test_expected_residual_correlation_is_what_simulated_noise_has(rng):
    basis = low_frequency_basis()
    rho, expected = residual_correlation(basis)
    for true in (-0.3, 0.0, 0.4, 0.7):
        noise = ar_noise(4000, 120, [true], rng)
        rest = noise - (noise @ basis) @ basis.T
        found = (rest[:, 1:] * rest[:, :-1]).sum() / (rest**2).sum()
        assert found == pytest.approx(np.interp(true, rho, expected), abs=0.01)
    assert (np.diff(expected) >= 0).all()


def test_bias_matrix_is_exact_for_short_correlations(rng):
    """Oracle: with covariance V, expected products are traces of D R V R."""
    basis = low_frequency_basis(60, 8)
    remove = np.eye(60) - basis @ basis.T
    cover = np.array([1.0, 0.5, 0.2])
    full = remove @ toeplitz(np.r_[cover, np.zeros(57)]) @ remove
    expected = [np.trace(full, offset=k) for k in range(3)]
    np.testing.assert_allclose(autocovariance_bias(basis, 2) @ cover, expected)


@pytest.mark.parametrize("true", [[0.0], [0.4], [0.6], [0.4, 0.2], [0.5, -0.2, 0.1]])
def test_planted_coefficients_are_found_and_raw_ones_are_too_low(true, rng):
    basis = low_frequency_basis(200, 12)
    series = 100 + ar_noise(3000, 200, true, rng)
    found, fitted = estimate_ar(series, basis, len(true))
    raw, _ = estimate_ar(series, basis, len(true), correct_bias=False)
    assert fitted.all()
    # For higher orders the correction takes longer correlations for none.
    np.testing.assert_allclose(found.mean(axis=0), true, atol=0.03 if len(true) == 1 else 0.05)
    assert raw.mean(axis=0).sum() < found.mean(axis=0).sum() - 0.05


def test_a_series_that_the_design_explains_has_no_residual(rng):
    basis = low_frequency_basis()
    series = np.vstack([basis[:, 3] * 7 + 100, rng.normal(size=120)]).astype(np.float32)
    ar, fitted = estimate_ar(series, basis, 1)
    assert fitted.tolist() == [False, True] and ar[0] == 0


@pytest.mark.parametrize("order", [0, 1, 3])
def test_groups_cover_all_fitted_voxels_with_coefficients_close_to_theirs(order, rng):
    ar = rng.normal(0.1, 0.1, size=(5000, order))
    fitted = rng.random(5000) > 0.1
    labels, centres = group_ar(ar, fitted)
    assert ((labels >= 0) == fitted).all() and len(centres) <= 120
    error = np.abs(centres[labels[fitted]] - ar[fitted])
    if order == 1:
        assert error.max() <= 0.01
    elif order:
        assert error.mean() < 0.03
