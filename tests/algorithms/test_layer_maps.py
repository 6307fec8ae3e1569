import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter
from support.layer_scores import SHAPE, simulated_scores

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.layer_maps import best_layer, smooth_layers


def scipy_smooth(scores, mask, sigma):
    """Quotient of two filters, in double precision."""
    inside = np.zeros(mask.shape, bool)
    inside[mask] = np.isfinite(scores).all(axis=0)
    result = np.full(scores.shape, np.nan)
    weight = gaussian_filter(inside.astype(float), sigma)
    for layer, values in enumerate(scores):
        volume = np.zeros(mask.shape)
        volume[mask] = values
        volume[~inside] = 0
        smoothed = gaussian_filter(volume, sigma) / np.where(inside, weight, 1)
        result[layer] = np.where(inside, smoothed, np.nan)[mask]
    return result


@given(st.integers(0, 999), st.sampled_from([0.5, 1.0, 2.0]), st.booleans())
def test_smoothing_is_the_quotient_of_scipys_filters(seed, sigma, spoil):
    rng = np.random.default_rng(seed)
    mask = rng.random((7, 6, 9)) < 0.5
    mask[3, 3, 3] = True
    scores = rng.normal(0.1, 0.2, (3, mask.sum())).astype(np.float32)
    if spoil:
        scores[rng.integers(3), rng.integers(mask.sum())] = np.nan
    found = smooth_layers(scores, mask, sigma)
    np.testing.assert_allclose(found, scipy_smooth(scores, mask, sigma), atol=2e-6)


def test_a_voxel_without_a_score_spreads_nothing(rng):
    mask, folds, _ = simulated_scores(rng)
    scores = folds.mean(axis=1)
    smaller = mask.copy()
    smaller[tuple(np.argwhere(mask)[40])] = False
    spoiled = scores.copy()
    spoiled[0, 40], spoiled[1:, 40] = np.nan, 1e6
    found = smooth_layers(spoiled, mask)
    expected = smooth_layers(np.delete(scores, 40, axis=1), smaller)
    assert np.isnan(found[:, 40]).all()
    np.testing.assert_array_equal(np.delete(found, 40, axis=1), expected)


def test_constants_stay_and_equal_layers_are_smoothed_all_the_same(rng):
    mask = rng.random((6, 6, 6)) < 0.4
    np.testing.assert_allclose(smooth_layers(np.full((2, mask.sum()), 0.3), mask), 0.3, rtol=1e-6)
    values = rng.normal(size=mask.sum())
    found = smooth_layers(np.stack([values, values]), mask)
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_allclose(found, scipy_smooth(np.stack([values] * 2), mask, 1), atol=2e-6)
    np.testing.assert_allclose(smooth_layers(values[None], mask, 0)[0], values, rtol=1e-6)


def test_best_layer_and_margin_are_those_of_a_loop(rng):
    smoothed = rng.normal(size=(5, 30)).astype(np.float32)
    smoothed[2, 3] = np.nan
    smoothed[:, 4] = 0.5
    kept = rng.random(30) < 0.8
    kept[:5] = True
    found = best_layer(smoothed, kept)
    for voxel, (layer, margin) in enumerate(zip(*found, strict=True)):
        if voxel == 3 or not kept[voxel]:
            assert layer == 0 and np.isnan(margin)
            continue
        ranked = sorted(smoothed[:, voxel].tolist())
        assert smoothed[layer - 1, voxel] == ranked[-1]
        assert margin == pytest.approx(ranked[-1] - ranked[-2])
    assert (found.layer[4], found.margin[4]) == (1, 0)
    alone = best_layer(smoothed[:1])
    assert set(alone.layer) == {1} and np.isnan(alone.margin).all()


def test_planted_layers_are_recovered_and_better_with_smoothing(rng):
    mask, folds, best = simulated_scores(rng, noise=0.16)
    scores = folds.mean(axis=1)
    smoothed = (best_layer(smooth_layers(scores, mask)).layer == best).mean()
    rough = (best_layer(smooth_layers(scores, mask, 0)).layer == best).mean()
    assert smoothed > 0.85 and smoothed > rough + 0.1


def test_noise_gives_every_layer_patches_that_look_like_areas():
    """What the documentation warns of: neighbours agree far more often than by chance."""
    mask = np.ones((30, 30, 20), bool)
    scores = np.random.default_rng(2).normal(0, 0.05, (9, mask.sum()))

    def agreement(layer):
        volume = layer.reshape(mask.shape)
        return (volume[1:] == volume[:-1]).mean()

    found = best_layer(smooth_layers(scores, mask)).layer
    shares = np.bincount(found)[1:] / found.size
    assert shares.min() > 0.08 and shares.max() < 0.15
    assert agreement(best_layer(smooth_layers(scores, mask, 0)).layer) < 0.13
    assert agreement(found) > 0.4


def test_bad_masks_and_widths_are_refused():
    scores, mask = np.ones((2, np.prod(SHAPE))), np.ones(SHAPE, bool)
    with pytest.raises(InputError) as info:
        smooth_layers(scores[:, 1:], mask)
    assert info.value.found == "1,680 set in shape (14, 15, 8)" and info.value.subject == "mask"
    for sigma in (-1, np.nan):
        with pytest.raises(InputError) as info:
            smooth_layers(scores, mask, sigma)
        assert info.value.subject == "sigma" and info.value.found == f"{sigma}"
