"""Fixed effects of FSL's own effects and variances (film_gls), against closed forms."""

import numpy as np
import pytest

from fmriprod.algorithms.fixed_effects import fixed_effects


@pytest.fixture
def film(real_data):
    data = np.load(real_data("fsl_film_reference") / "film_data.npz")
    return {name: data[name].astype(np.float64) for name in ("G", "V", "T")}


@pytest.mark.realdata
def test_one_run_gives_the_t_of_fsl(film):
    effects, variances, t = film["G"].T, film["V"].T, film["T"].T
    dof = np.array([198.0 - 19.0])
    for effect, variance, expected in zip(effects, variances, t, strict=True):
        found = fixed_effects(effect[None], variance[None], dof)
        np.testing.assert_allclose(found.effect, effect, rtol=1e-12)
        np.testing.assert_allclose(found.t, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.realdata
def test_runs_are_weighted_by_their_precision_as_flame_does_for_fixed_effects(film):
    runs = np.stack([film["G"][:, k] for k in range(3)])
    variances = np.stack([film["V"][:, k] for k in range(3)])
    found = fixed_effects(runs, variances, np.full(3, 179.0))
    for voxel in range(0, runs.shape[1], 37):  # weighted least squares of a column of ones
        design, weights = np.ones((3, 1)), np.diag(1 / variances[:, voxel])
        covariance = np.linalg.inv(design.T @ weights @ design)
        mean = covariance @ design.T @ weights @ runs[:, voxel]
        np.testing.assert_allclose(found.effect[voxel], mean[0], rtol=1e-10)
        np.testing.assert_allclose(found.variance[voxel], covariance[0, 0], rtol=1e-10)


@pytest.mark.realdata
def test_a_run_twice_has_the_same_effect_and_a_larger_t(film):
    effect, variance = film["G"][:, 0], film["V"][:, 0]
    found = fixed_effects(np.stack([effect] * 2), np.stack([variance] * 2), np.full(2, 179.0))
    np.testing.assert_allclose(found.effect, effect, rtol=1e-12)
    np.testing.assert_allclose(found.t, effect / np.sqrt(variance / 2), rtol=1e-10)
