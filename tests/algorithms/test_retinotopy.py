import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats
from support.visual_fields import planted_fields

from fmriprod.algorithms import retinotopy
from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.circular import circular_correlation, mean_angular_error
from fmriprod.algorithms.retinotopy import fit_wedges, preferred_angle
from fmriprod.algorithms.wedges import wedge_masks

ANGLES = np.tile(np.deg2rad(np.arange(0, 360, 15)), 5)


def noisy(rng, n_voxels=30, angles=ANGLES):
    preferred = rng.uniform(-np.pi, np.pi, n_voxels)
    waves = rng.uniform(0, 2, n_voxels) * np.cos(angles[:, None] - preferred)
    return (waves + rng.normal(size=waves.shape) + rng.normal(size=n_voxels)).astype(np.float32)


def test_coefficients_f_and_p_are_those_of_statsmodels(rng):
    angles = rng.uniform(-np.pi, np.pi, 50)  # not even, so that columns are not orthogonal
    responses = noisy(rng, 12, angles)
    fit = fit_wedges(responses, angles)
    design = np.column_stack([np.cos(angles), np.sin(angles), np.ones(50)])
    for voxel, series in enumerate(responses.astype(float).T):
        expected = sm.OLS(series, design).fit()
        test = expected.f_test(np.eye(3)[:2])
        ours = [fit.cosine[voxel], fit.sine[voxel], fit.constant[voxel]]
        np.testing.assert_allclose(ours, expected.params, rtol=1e-5, atol=1e-6)
        assert fit.f[voxel] == pytest.approx(float(test.fvalue), rel=1e-5)
        assert fit.p[voxel] == pytest.approx(float(test.pvalue), rel=1e-4)
        assert fit.dof == (test.df_num, test.df_denom)


def test_p_is_even_for_noise(rng):
    fit = fit_wedges(rng.normal(size=(120, 4000)), ANGLES)
    assert stats.kstest(fit.p, "uniform").pvalue > 0.01


def test_a_large_constant_costs_nothing(rng):
    responses = noisy(rng).astype(float)
    fit, moved = fit_wedges(responses, ANGLES), fit_wedges(responses + 1e7, ANGLES)
    np.testing.assert_allclose(moved.f, fit.f, rtol=1e-5)
    np.testing.assert_allclose(moved.constant, fit.constant + 1e7, rtol=1e-6)


def test_voxels_that_cannot_be_used_are_left_out_and_blocks_make_no_difference(rng, monkeypatch):
    responses = noisy(rng)
    whole = fit_wedges(responses, ANGLES)
    broken = responses.copy()
    broken[7, 3], broken[:, 11], broken[0, 29] = np.nan, 2.5, np.inf
    monkeypatch.setattr(retinotopy, "_BLOCK", 7)
    fit = fit_wedges(broken, ANGLES)
    assert np.flatnonzero(~fit.usable).tolist() == [3, 11, 29]
    for name in ("cosine", "sine", "constant", "f", "p"):
        found, expected = getattr(fit, name), getattr(whole, name)
        assert np.isnan(found[~fit.usable]).all()
        np.testing.assert_allclose(found[fit.usable], expected[fit.usable], rtol=1e-6)


def test_planted_angles_come_back():
    masks, angles = wedge_masks((48, 48))
    fields, planted = planted_fields(48, 200)
    fit = fit_wedges(masks.reshape(len(masks), -1) @ fields, angles)
    found, amplitude = preferred_angle(fit.cosine, fit.sine)
    assert circular_correlation(found, planted) > 0.999
    assert mean_angular_error(found, planted) < np.deg2rad(1)
    assert (fit.f > 1).all() and (amplitude > 0).all()


def test_angle_and_amplitude_of_a_known_wave():
    planted = np.array([-3.0, -1, 0, 2])
    responses = 5 + 0.5 * np.cos(ANGLES[:, None] - planted)
    fit = fit_wedges(responses, ANGLES)
    angle, amplitude = preferred_angle(fit.cosine, fit.sine)
    np.testing.assert_allclose(angle, planted, atol=1e-6)
    np.testing.assert_allclose(amplitude, 0.5, rtol=1e-6)
    np.testing.assert_allclose(fit.constant, 5, rtol=1e-6)
    assert (fit.f > 1e20).all() and (fit.p == 0).all()


@pytest.mark.parametrize(
    ("angles", "text"),
    [
        (ANGLES[:-1], r"one angle for each row .*\(120, 4\)\n.*119"),
        (np.where(np.arange(120) < 2, np.nan, ANGLES), "2 that are missing"),
        (np.tile([0, np.pi], 60), "120 samples, 2 different"),
    ],
)
def test_angles_that_do_not_fit(rng, angles, text):
    with pytest.raises(InputError, match=f"angles\n(.*\n)*.*{text}"):
        fit_wedges(rng.normal(size=(120, 4)), angles)


def test_too_few_samples(rng):
    with pytest.raises(InputError, match="at least 4 samples"):
        fit_wedges(rng.normal(size=(3, 4)), np.array([0.0, 2, 4]))
