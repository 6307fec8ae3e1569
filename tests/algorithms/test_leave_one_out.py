import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.fixed_effects import fixed_effects, t_to_z
from fmriprod.algorithms.leave_one_out import leave_one_out

DIGITS = {"rtol": 1e-10, "atol": 1e-13}


def group(rng, n=9, n_voxels=400, effect=0.4):
    variances = rng.uniform(0.2, 3, (n, n_voxels))
    return effect + np.sqrt(variances) * rng.normal(size=(n, n_voxels)), variances


def others(i, n):
    return np.arange(n) != i


@pytest.mark.parametrize("dof", [None, 3.0, 28.0, 800.0])
def test_fixed_effects_equal_the_refit_without_each_subject(rng, dof):
    effects, variances = group(rng)
    dofs = None if dof is None else dof + np.arange(9)
    found = leave_one_out(effects, variances, dofs)
    for i in range(9):
        keep = others(i, 9)
        refit = fixed_effects(effects[keep], variances[keep], np.full(8, 1.0))
        z = refit.t if dof is None else t_to_z(refit.t, dofs[keep].sum())
        np.testing.assert_allclose(found.z[i], z, **DIGITS)
    whole = fixed_effects(effects, variances, np.full(9, 1.0) if dof is None else dofs)
    np.testing.assert_allclose(found.group_effect, whole.effect, **DIGITS)
    np.testing.assert_allclose(found.group_z, whole.t if dof is None else whole.z, **DIGITS)


@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_random_effects_are_the_one_sample_t_test_of_the_others(rng, offset):
    effects, _ = group(rng, n=7)
    effects += offset  # a mean far larger than the spread costs digits of a naive sum of squares
    found = leave_one_out(effects, model="random")
    for i in range(7):
        t = stats.ttest_1samp(effects[others(i, 7)], 0, axis=0).statistic
        limits = DIGITS if offset == 0 else {"rtol": 1e-8}
        np.testing.assert_allclose(found.z[i], t_to_z(t, 5), **limits)
    t = stats.ttest_1samp(effects, 0, axis=0).statistic
    np.testing.assert_allclose(found.group_z, t_to_z(t, 6), rtol=1e-8)


@given(
    seed=st.integers(0, 2**31), who=st.integers(0, 5), model=st.sampled_from(["fixed", "random"])
)
def test_nothing_of_a_subject_is_in_its_own_map_to_the_last_bit(seed, who, model):
    rng = np.random.default_rng(seed)
    effects, variances = group(rng, n=6, n_voxels=40)
    before = leave_one_out(effects, variances, np.full(6, 50.0), model=model)
    effects[who] = 10.0 ** rng.integers(-12, 13, 40) * rng.normal(size=40)
    variances[who] = 10.0 ** rng.integers(-14, 9, 40)
    effects[who, :5], variances[who, 5:9] = np.nan, 0  # a lesion, a field of view
    after = leave_one_out(effects, variances, np.full(6, 50.0), model=model)
    assert np.array_equal(before.z[who], after.z[who])
    assert not np.array_equal(before.z[who - 1], after.z[who - 1])


def test_a_subject_a_billion_times_as_precise_does_not_spoil_its_own_map(rng):
    effects, variances = group(rng)
    variances[4] *= 1e-15
    keep = others(4, 9)
    refit = fixed_effects(effects[keep], variances[keep], np.full(8, 60.0))
    found = leave_one_out(effects, variances, np.full(9, 60.0))
    np.testing.assert_allclose(found.z[4], refit.z, **DIGITS)


def test_voxels_that_some_do_not_cover(rng):
    effects, variances = group(rng, n=5, n_voxels=6)
    dof = np.arange(10.0, 15)
    variances[0, 1], effects[0, 2], effects[1, 2], variances[3, 3] = 0, np.nan, np.inf, np.nan
    strict = leave_one_out(effects, variances, dof)
    np.testing.assert_array_equal(strict.n_covering, [5, 4, 3, 4, 5, 5])
    np.testing.assert_array_equal(strict.z[:, 1] != 0, [True, False, False, False, False])
    np.testing.assert_array_equal(strict.z[:, 2] != 0, [False] * 5)
    assert strict.group_z[1] == 0 and strict.group_effect[1] == 0 and strict.group_z[0] != 0
    loose = leave_one_out(effects, variances, dof, min_subjects=3)
    assert loose.z[2, 2] == 0 and loose.z[0, 2] != 0
    seen = [1, 2, 4]  # of those other than the fourth, in its own gap all but it
    refit = fixed_effects(effects[[0, 1, 2, 4]][:, [3]], variances[[0, 1, 2, 4]][:, [3]], dof[:4])
    assert loose.z[3, 3] == pytest.approx(t_to_z(refit.t, 10 + 11 + 12 + 14.0)[0], rel=1e-10)
    refit = fixed_effects(effects[seen][:, [1]], variances[seen][:, [1]], dof[seen])
    assert loose.z[3, 1] == pytest.approx(refit.z[0], rel=1e-10)


def test_without_variances_an_exact_zero_is_no_data(rng):
    effects, _ = group(rng, n=6, n_voxels=3)
    effects[2, 1] = 0
    found = leave_one_out(effects, model="random")
    assert found.z[0, 1] == 0 and found.z[2, 1] != 0
    some = leave_one_out(effects, model="random", min_subjects=3)
    t = stats.ttest_1samp(effects[[1, 3, 4, 5], 1], 0).statistic
    assert some.z[0, 1] == pytest.approx(t_to_z(t, 3), rel=1e-10)


@pytest.mark.parametrize("model", ["fixed", "random"])
def test_null_maps_have_the_nominal_share_beyond_each_threshold(rng, model):
    n, n_voxels, dof = 12, 20_000, 200
    variances = rng.chisquare(dof, (n, n_voxels)) / dof
    effects = rng.normal(size=(n, n_voxels))
    z = leave_one_out(effects, variances, np.full(n, dof), model=model).z
    for level in (1.645, 2.326, 3.0):
        nominal = stats.norm.sf(level)
        low, high = stats.binom.interval(0.999, n_voxels, nominal)
        counts = (z > level).sum(axis=1)  # rows share most subjects: each is one test
        # Weights by estimated variances make fixed effects a little liberal, as everywhere.
        assert (counts > low).all() and (counts < 1.15 * high).all(), (level, counts)


def test_a_constant_voxel_has_no_random_effect():
    assert not leave_one_out(np.full((5, 3), 2.0), model="random").z.any()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"variances": None}, "model='random'"),
        ({"variances": np.ones((3, 4))}, r"\(4, 4\), \(3, 4\)"),
        ({"dof": [1.0]}, "same order of subjects"),
        ({"effects": np.ones((1, 4)), "variances": np.ones((1, 4))}, "at least 2 subjects"),
        ({"model": "random", "effects": np.ones((2, 4)), "variances": None}, "at least 3"),
        ({"min_subjects": 4}, "from 1 to 3"),
        ({"model": "mixed"}, "fixed or random"),
    ],
)
def test_what_cannot_be_combined_is_refused(change, message):
    args = {"effects": np.ones((4, 4)), "variances": np.ones((4, 4)), **change}
    with pytest.raises(InputError, match=message):
        leave_one_out(**args)
