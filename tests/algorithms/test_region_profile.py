import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.region_profile import region_profile


def slow_profile(scores, share):
    """Sort voxels by their largest score one by one; average; divide."""
    voxels = sorted(scores.T.tolist(), key=max, reverse=True)
    count = 0
    while count < share * len(voxels) - 1e-9:
        count += 1
    mean = np.array([sum(layer) / count for layer in zip(*voxels[:count], strict=True)])
    return mean / mean.max(), count, mean


@given(st.integers(1, 60), st.sampled_from([0.07, 0.25, 1 / 3, 0.5, 1.0]), st.integers(0, 99))
def test_profile_is_that_of_a_slow_loop(n_voxels, share, seed):
    scores = np.random.default_rng(seed).normal(0.3, 0.2, (4, n_voxels))
    found = region_profile(scores, best_share=share, n_bootstrap=0)
    value, count, mean = slow_profile(scores, share)
    if mean.max() > 0:
        np.testing.assert_allclose(found.value, value, rtol=1e-9)
    else:
        assert np.isnan(found.value).all()
    np.testing.assert_allclose(found.mean, mean, rtol=1e-9)
    assert (found.n_voxels, found.n_best) == (n_voxels, count)
    assert np.isnan([found.low, found.high, found.fold_low, found.fold_high]).all()


def test_interval_over_voxels_is_that_of_draws_one_by_one(rng):
    scores = rng.normal(0.2, 0.1, (5, 23))
    found = region_profile(scores, n_bootstrap=200, seed=3)
    ranked = scores[:, np.argsort(-scores.max(axis=0))]
    rows = np.random.default_rng(3).integers(0, 23, (200, 23))
    draws = [slow_profile(ranked[:, row], 0.25)[0] for row in rows]
    np.testing.assert_allclose(found.low, np.quantile(draws, 0.025, axis=0))
    np.testing.assert_allclose(found.high, np.quantile(draws, 0.975, axis=0))


def test_interval_over_folds_is_that_of_draws_one_by_one(rng):
    folds = rng.normal(0.2, 0.1, (5, 4, 30))
    found = region_profile(folds.mean(axis=1), folds, n_bootstrap=150, seed=5)
    counts = np.random.default_rng(5).multinomial(4, [0.25] * 4, 150)
    draws = [
        slow_profile(folds[:, np.repeat(range(4), count)].mean(axis=1), 0.25)[0] for count in counts
    ]
    np.testing.assert_allclose(found.fold_low, np.quantile(draws, 0.025, axis=0))
    np.testing.assert_allclose(found.fold_high, np.quantile(draws, 0.975, axis=0))


def test_memory_order_and_scale_change_nothing(rng):
    scores = rng.normal(0.2, 0.1, (4, 50))
    found = region_profile(scores, n_bootstrap=300)
    small = region_profile(scores, n_bootstrap=300, max_bytes=10_000)
    turned = region_profile(3 * scores[:, ::-1], n_bootstrap=300)
    for name in ("value", "low", "high"):
        np.testing.assert_array_equal(getattr(small, name), getattr(found, name))
        np.testing.assert_allclose(getattr(turned, name), getattr(found, name))


def test_interval_covers_the_profile_of_the_population():
    """Voxels drawn from one population: 95 % intervals hold its profile about as often."""
    rng = np.random.default_rng(1)
    true = np.array([0.5, 0.4, 0.3])[:, None]

    def draw(n):
        return true * rng.lognormal(0, 0.4, n) + rng.normal(0, 0.05, (3, n))

    target = region_profile(draw(400_000), n_bootstrap=0).value
    hits = []
    for _ in range(200):
        found = region_profile(draw(80), n_bootstrap=400)
        hits.append((found.low[1:] <= target[1:]) & (target[1:] <= found.high[1:]))
    assert 0.88 <= np.mean(hits) <= 0.99


def test_a_noisy_measurement_shows_in_the_interval_over_folds_only(rng):
    """Every voxel alike, folds that differ: over voxels there is nothing to vary."""
    layers = rng.normal(0.5, 0.1, (4, 6))
    folds = np.repeat(layers[:, :, None], 40, axis=2)
    found = region_profile(folds.mean(axis=1), folds, n_bootstrap=500)
    np.testing.assert_allclose(found.low, found.value)
    np.testing.assert_allclose(found.high, found.value)
    assert (found.fold_high - found.fold_low).max() > 0.05


def test_in_noise_choosing_the_best_voxels_lifts_every_layer(rng):
    found = region_profile(rng.normal(0, 0.05, (9, 2000)))
    assert found.value.min() > 0.5 and found.mean.max() > 0.01


def test_unusable_voxels_are_left_out(rng):
    scores = rng.normal(0.3, 0.1, (3, 20))
    folds = np.stack([scores, scores], axis=1)
    spoiled, spoiled_folds = scores.copy(), folds.copy()
    spoiled[1, [4, 9]] = np.nan
    spoiled_folds[0, 1, 12] = np.nan
    found = region_profile(spoiled, spoiled_folds, n_bootstrap=50)
    clean = region_profile(np.delete(scores, [4, 9], axis=1), n_bootstrap=50)
    np.testing.assert_array_equal(found.value, clean.value)
    np.testing.assert_array_equal(found.low, clean.low)
    assert (found.n_voxels, found.n_fold_voxels) == (18, 17)
    assert np.isfinite(found.fold_low).all()


def test_too_little_has_no_profile_or_no_interval():
    nothing = region_profile(np.full((3, 4), np.nan))
    assert nothing.n_voxels == 0 and np.isnan([nothing.value, nothing.mean]).all()
    one = region_profile(np.array([[0.5], [0.25]]), np.full((2, 1, 1), 0.5))
    assert one.value.tolist() == [1, 0.5]
    assert np.isnan([one.low, one.high, one.fold_low, one.fold_high]).all()
    below = region_profile(np.full((2, 8), -0.1))
    assert np.isnan([below.value, below.low]).all() and below.mean.tolist() == [-0.1, -0.1]


@pytest.mark.parametrize(
    ("options", "subject", "expected"),
    [
        ({"best_share": 0}, "best_share", "a share above 0 and up to 1"),
        ({"best_share": 1.2}, "best_share", "a share above 0 and up to 1"),
        ({"n_bootstrap": -1}, "n_bootstrap", "0 or more"),
        ({"level": 1}, "level", "a share between 0 and 1"),
        ({"fold_scores": np.ones((2, 3, 4))}, "fold_scores", "layers x folds x voxels for 2 x 5"),
    ],
)
def test_bad_options_are_refused(options, subject, expected):
    with pytest.raises(InputError) as info:
        region_profile(np.ones((2, 5)), **options)
    assert info.value.subject == subject and info.value.expected.startswith(expected)
