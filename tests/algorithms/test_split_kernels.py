import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmriprod.algorithms.split_kernels import kernels_of_blocks, kernels_of_gram
from fmriprod.algorithms.splits import Split

MODES = ("split", "train", "center", "none")


def scaled(features, split, mode):
    """Standardise a split the long way."""
    train, test = features[split.train].astype(float), features[split.test].astype(float)
    if mode == "none":
        return train, test
    mean, deviation = train.mean(axis=0), train.std(axis=0)
    if mode == "center":
        return train - mean, test - mean
    if mode == "train":
        return (train - mean) / deviation, (test - mean) / deviation
    return (train - mean) / deviation, (test - test.mean(axis=0)) / test.std(axis=0)


def random_splits(rng, n, count):
    for number in range(count):
        order, cut = rng.permutation(n), rng.integers(3, n - 2)
        yield Split(str(number), order[:cut], order[cut:])


@pytest.mark.parametrize("mode", MODES)
@given(seed=st.integers(0, 9999))
def test_sums_over_blocks_are_the_kernels_of_all_features(mode, seed):
    rng = np.random.default_rng(seed)
    features = 3 + rng.normal(size=(12, 40))
    splits = list(random_splits(rng, 12, 3))
    blocks = np.split(features, np.sort(rng.integers(0, 40, 3)), axis=1)
    for found, split in zip(kernels_of_blocks(blocks, splits, mode), splits, strict=True):
        train, test = scaled(features, split, mode)
        assert np.allclose(found.train, train @ train.T, rtol=1e-9, atol=1e-9)
        assert np.allclose(found.test, test @ train.T, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("mode", ["center", "none"])
def test_centring_needs_the_kernel_only(mode, rng):
    features = rng.normal(2, 1, size=(10, 30))
    splits = list(random_splits(rng, 10, 4))
    from_gram = kernels_of_gram(features @ features.T, splits, mode)
    for a, b in zip(from_gram, kernels_of_blocks([features], splits, mode), strict=True):
        assert np.allclose(a.train, b.train) and np.allclose(a.test, b.test)


def test_training_kernels_do_not_depend_on_test_samples(rng):
    features = rng.normal(size=(10, 30))
    split = Split("0", np.arange(6), np.arange(6, 10))
    changed = features.copy()
    changed[6:] *= 50
    for mode in MODES:
        before, after = (kernels_of_blocks([x], [split], mode)[0] for x in (features, changed))
        assert np.array_equal(before.train, after.train), mode


def test_a_feature_of_rounding_noise_is_not_blown_up(rng):
    """A voxel in both regions correlates with itself at 1 in all trials, to rounding."""
    noise = (1 + 6e-8 * rng.choice([-1, 0, 1], size=(8, 1))).astype(np.float32)
    split = Split("0", np.arange(4), np.arange(4, 8))
    found = kernels_of_blocks([noise], [split], "split")[0]
    assert np.abs(found.train).max() < 1e-10 and np.abs(found.test).max() < 1e-10


def test_blocks_are_not_changed(rng):
    features = rng.normal(size=(8, 5))
    kept = features.copy()
    kernels_of_blocks([features], list(random_splits(rng, 8, 2)), "split")
    assert np.array_equal(features, kept)
