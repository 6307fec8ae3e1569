import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.class_batches import epoch_batches, split_validation

sizes = st.lists(st.integers(2, 30), min_size=2, max_size=6)


@given(sizes=sizes, batch_size=st.integers(1, 40), seed=st.integers(0, 99))
def test_an_epoch_is_balanced(sizes, batch_size, seed):
    labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(sizes)), sizes))
    classes = range(len(sizes))
    batches = epoch_batches(labels, [(classes, batch_size)], np.random.default_rng(seed))
    rows = np.concatenate(batches)
    assert len(set(rows)) == len(rows)
    assert np.bincount(labels[rows]).tolist() == [min(sizes)] * len(sizes)
    assert all(len(batch) == batch_size for batch in batches[:-1])
    for batch in batches:
        counts = np.bincount(labels[batch], minlength=len(sizes))
        assert counts.max() - counts.min() <= 2


def test_the_published_mix():
    sizes = [60] * 10 + [90, 500, 60, 70, 61, 99]
    labels = np.repeat(np.arange(16), sizes)
    mix = [(range(10), 20), (range(10, 16), 12)]
    batches = epoch_batches(labels, mix, np.random.default_rng(0))
    assert len(batches) == 30
    for batch in batches:
        assert np.bincount(labels[batch]).tolist() == [2] * 16
    full = np.repeat(np.arange(16), [1611] * 16)
    assert len(epoch_batches(full, mix, np.random.default_rng(0))) == 805


def test_epochs_differ_and_all_images_are_seen(rng):
    labels = np.repeat([0, 1], [5, 50])
    seen = set()
    for _ in range(100):
        seen |= set(np.concatenate(epoch_batches(labels, [((0, 1), 4)], rng)))
    assert seen == set(range(55))


def test_a_mix_that_cannot_be_filled_is_refused(rng):
    labels = np.repeat(np.arange(4), 3)
    with pytest.raises(InputError, match=r"(?s)a batch of 8 \+ 4.*6 \+ 6 in an epoch, 3 of each"):
        epoch_batches(labels, [((0, 1), 8), ((2, 3), 4)], rng)


@given(sizes=sizes, share=st.floats(0.01, 0.99), seed=st.integers(0, 99))
def test_a_share_of_every_class_is_held_back(sizes, share, seed):
    labels = np.repeat(np.arange(len(sizes)), sizes)
    train, held = split_validation(labels, share, np.random.default_rng(seed))
    assert sorted([*train, *held]) == list(range(len(labels)))
    counts = np.bincount(labels[held], minlength=len(sizes))
    for n, size in zip(counts, sizes, strict=True):
        assert 1 <= n < size and (abs(n - share * size) <= 0.5 or n in (1, size - 1))
