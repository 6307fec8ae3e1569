import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.decomposition import PCA

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.fingerprint import (
    first_component,
    linear_trend,
    profile_slopes,
    voxel_profiles,
)

SCORES = arrays(
    np.float32,
    st.tuples(st.integers(2, 9), st.integers(1, 12)),
    elements=st.floats(-1, 1, width=32).filter(lambda v: v == 0 or abs(v) > 1e-6),
)


@given(SCORES)
def test_profiles_are_those_of_a_loop_over_voxels(scores):
    found = voxel_profiles(scores)
    assert found.dtype == np.float32
    for voxel, column in zip(scores.T.astype(float), found.T, strict=True):
        positive = np.array([max(value, 0) for value in voxel])
        if positive.sum() > 0:
            np.testing.assert_allclose(column, positive / positive.sum(), rtol=1e-5)
            assert column.sum() == pytest.approx(1, abs=1e-5)
        else:
            assert np.isnan(column).all()


@given(SCORES)
def test_slopes_reverse_with_the_layers_and_stay_between_the_ends(scores):
    profiles = voxel_profiles(scores)
    slopes = profile_slopes(profiles)
    np.testing.assert_allclose(profile_slopes(profiles[::-1]), -slopes, atol=1e-5)
    assert (np.abs(slopes[np.isfinite(slopes)]) <= 1 + 1e-5).all()
    assert (np.isnan(slopes) == np.isnan(profiles).any(axis=0)).all()


def test_nine_layers_go_in_the_published_steps():
    np.testing.assert_array_equal(np.diff(linear_trend(9)), 0.25)
    np.testing.assert_allclose(profile_slopes(np.eye(9)), np.arange(-1, 1.1, 0.25))
    assert profile_slopes(np.full((9, 1), 1 / 9))[0] == pytest.approx(0, abs=1e-7)


def test_voxels_that_are_not_finite_have_no_profile_and_leave_others_alone(rng):
    scores = rng.uniform(0.1, 1, (4, 6))
    clean = voxel_profiles(scores)
    scores[2, 1], scores[0, 4] = np.nan, np.inf
    found = voxel_profiles(scores)
    assert np.isnan(found[:, [1, 4]]).all()
    np.testing.assert_array_equal(found[:, [0, 2, 3, 5]], clean[:, [0, 2, 3, 5]])


@pytest.mark.parametrize("n_layers", [2, 5, 9])
def test_first_component_is_that_of_scikit_learn(rng, n_layers):
    profiles = rng.normal(size=(n_layers, 40)) + 2 * np.outer(
        rng.normal(size=n_layers), rng.normal(size=40)
    )
    profiles[0, 7] = np.nan
    found = first_component(profiles)
    oracle = PCA().fit(np.delete(profiles, 7, axis=1).T)
    loading = oracle.components_[0]
    trend = np.linspace(-1, 1, n_layers)
    assert found.n_voxels == 39
    assert found.share == pytest.approx(oracle.explained_variance_ratio_[0])
    np.testing.assert_allclose(found.loading, loading * np.sign(loading @ trend), atol=1e-8)
    assert found.trend_r == pytest.approx(np.corrcoef(found.loading, trend)[0, 1])


def test_a_planted_trend_is_found_and_noise_has_none(rng):
    trend = np.linspace(-1, 1, 9)[:, None]
    noise = rng.normal(0, 0.01, (9, 500))
    found = first_component(voxel_profiles(0.3 + 0.1 * trend * rng.uniform(-1, 1, 500) + noise))
    assert found.share > 0.8 and found.trend_r > 0.99 and found.loading[-1] > 0
    nothing = first_component(voxel_profiles(0.3 + noise))
    assert nothing.share < 0.25  # 1/8 in the limit: shares that sum to one have 8 dimensions


def test_voxels_that_do_not_differ_have_no_component():
    for profiles in (np.ones((3, 5)), np.ones((3, 1)), np.full((3, 4), np.nan)):
        found = first_component(profiles)
        assert np.isnan([found.share, found.trend_r, *found.loading]).all()
    level = first_component(np.ones((3, 1)) * np.arange(5.0))  # all layers alike: no trend
    assert level.share == pytest.approx(1) and np.isnan(level.trend_r)


def test_bad_shapes_and_a_single_layer_are_refused():
    with pytest.raises(InputError) as info:
        voxel_profiles(np.ones(4))
    assert info.value.found == "shape (4,)" and info.value.hint == "give one row a layer"
    for function in (profile_slopes, first_component):
        with pytest.raises(InputError) as info:
            function(np.ones((1, 4)))
        assert info.value.expected.startswith("at least two layers")
        assert info.value.found == "1"
