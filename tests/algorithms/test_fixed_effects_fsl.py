"""Fixed effects from FSL's own estimates of real voxels (film_gls: copes, varcopes, t)."""

import numpy as np
import pytest
import statsmodels.api as sm

from fmriprod.algorithms.fixed_effects import fixed_effects
from fmriprod.algorithms.leave_one_out import leave_one_out

pytestmark = pytest.mark.realdata
DOF = 198 - 19


@pytest.fixture(scope="module")
def film(real_data):
    return dict(np.load(real_data("fsl_film_reference") / "film_data.npz"))


def test_one_run_is_what_film_says_of_it(film):
    for contrast in range(5):
        found = fixed_effects(film["G"][None, :, contrast], film["V"][None, :, contrast], [DOF])
        np.testing.assert_allclose(found.t, film["T"][:, contrast], rtol=1e-5, atol=1e-6)
        assert found.usable.all()


def test_four_copes_are_combined_as_by_a_second_level_design_of_ones(film):
    """FEAT's fixed effects: a GLM of the copes on ones, in which the varcopes are known."""
    copes, varcopes = film["G"].T[:4].astype(float), film["V"].T[:4].astype(float)
    found = fixed_effects(copes, varcopes, [DOF] * 4)
    for voxel in range(0, 384, 7):
        model = sm.WLS(copes[:, voxel], np.ones(4), weights=1 / varcopes[:, voxel])
        fit = model.fit(cov_type="fixed scale", cov_kwds={"scale": 1.0})
        assert found.effect[voxel] == pytest.approx(fit.params[0], rel=1e-9, abs=1e-12)
        assert np.sqrt(found.variance[voxel]) == pytest.approx(fit.bse[0], rel=1e-9)
        assert found.t[voxel] == pytest.approx(fit.tvalues[0], rel=1e-9, abs=1e-12)


def halves(film, column):
    """Effect and variance of a single regressor in the prewhitened data, by half and whole."""
    design, data = film["WX"][:, column], film["WY"].astype(float)
    sigma = film["SS"].astype(float)  # FSL's residual variance, known to all

    def fit(rows):
        power = design[rows] @ design[rows]
        return design[rows] @ data[rows] / power, sigma / power

    return [fit(slice(0, 99)), fit(slice(99, None))], fit(slice(None))


@pytest.mark.parametrize("column", [0, 2, 4])
def test_two_halves_of_a_run_add_up_to_the_run(film, column):
    """With one regressor and a known variance, fixed effects of the halves is the whole fit."""
    parts, (effect, variance) = halves(film, column)
    found = fixed_effects([p[0] for p in parts], [p[1] for p in parts], [90, 90])
    np.testing.assert_allclose(found.effect, effect, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found.variance, variance, rtol=1e-9)
    assert np.abs(parts[0][0] - parts[1][0]).max() > 10 * np.abs(found.effect - effect).max()


def test_leave_one_out_of_copes_is_the_refit(film):
    copes, varcopes = film["G"].T.astype(float), film["V"].T.astype(float)
    found = leave_one_out(copes, varcopes, np.full(5, float(DOF)))
    for out in range(5):
        keep = np.arange(5) != out
        refit = fixed_effects(copes[keep], varcopes[keep], np.full(4, DOF))
        np.testing.assert_allclose(found.z[out], refit.z, rtol=1e-10, atol=1e-12)


def test_a_run_twice_has_the_same_effect_and_a_larger_t(film):
    effect, variance = film["G"].T[:1].astype(float), film["V"].T[:1].astype(float)
    found = fixed_effects(np.repeat(effect, 2, axis=0), np.repeat(variance, 2, axis=0), [DOF] * 2)
    np.testing.assert_allclose(found.effect, effect[0], rtol=1e-12)
    np.testing.assert_allclose(found.t, (effect / np.sqrt(variance / 2))[0], rtol=1e-10)
