import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.meta_analysis import combine_effects

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.fixed_effects import fixed_effects, t_to_z


def test_agrees_with_a_fixed_effects_meta_analysis(rng):
    effects, variances = rng.normal(size=(4, 5)), rng.uniform(0.1, 2, size=(4, 5))
    ours = fixed_effects(effects, variances, [100] * 4)
    for voxel in range(5):
        theirs = combine_effects(effects[:, voxel], variances[:, voxel])
        assert ours.effect[voxel] == pytest.approx(theirs.mean_effect_fe)
        assert np.sqrt(ours.variance[voxel]) == pytest.approx(theirs.sd_eff_w_fe)


def test_a_voxel_that_one_run_cannot_estimate_is_left_out_and_said(rng):
    effects, variances = rng.normal(size=(2, 4)), np.ones((2, 4))
    variances[0, 1], effects[1, 2], variances[1, 3] = 0, np.nan, np.inf
    combined = fixed_effects(effects, variances, [10, 10])
    np.testing.assert_array_equal(combined.usable, [True, False, False, False])
    assert not combined.z[1:].any() and not combined.effect[1:].any()


def test_one_run_is_itself(rng):
    effect, variance = rng.normal(size=(1, 50)), rng.uniform(1, 2, size=(1, 50))
    combined = fixed_effects(effect, variance, [30])
    np.testing.assert_allclose(combined.effect, effect[0])
    np.testing.assert_allclose(combined.t, effect[0] / np.sqrt(variance[0]))


def test_z_rests_on_the_degrees_of_freedom_of_all_runs_together():
    combined = fixed_effects(np.full((2, 1), 3.0), np.ones((2, 1)), [5, 9])
    assert combined.t[0] == pytest.approx(3 * np.sqrt(2))
    assert stats.norm.sf(combined.z[0]) == pytest.approx(stats.t.sf(3 * np.sqrt(2), 14))


def test_null_rejects_five_percent(rng):
    dof, runs, voxels = 40, 3, 40_000
    variance = rng.chisquare(dof, (runs, voxels)) / dof
    combined = fixed_effects(rng.normal(size=(runs, voxels)), variance, [dof] * runs)
    low, high = stats.binom.interval(0.999, voxels, 0.05)
    # Estimated weights make the test a little liberal, as in every fixed-effects analysis.
    assert low < (np.abs(combined.z) > 1.959964).sum() < 1.1 * high


def test_z_has_the_tail_probability_of_t():
    t = np.array([-8.0, -2, 0, 2, 8, 30])
    np.testing.assert_allclose(stats.norm.sf(t_to_z(t, 25)[3:]), stats.t.sf(t[3:], 25), rtol=1e-6)
    np.testing.assert_allclose(t_to_z(-t, 25), -t_to_z(t, 25))
    assert np.isfinite(t_to_z(np.array([1e6]), 2000)).all()


def test_lists_of_different_length_are_refused():
    with pytest.raises(InputError, match="same order of runs"):
        fixed_effects(np.ones((2, 3)), np.ones((2, 3)), [10])
