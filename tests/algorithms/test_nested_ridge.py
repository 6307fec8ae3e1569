import numpy as np
import pytest

from fmriprod.algorithms.array_backend import get_backend
from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.leave_group_out import leave_group_out
from fmriprod.algorithms.nested_ridge import (
    centred_features,
    cheaper_form,
    check_penalties,
    nested_ridge,
)

GROUPS = np.repeat(["a", "b", "c"], 6)


def refused(subject, *arguments, **options):
    with pytest.raises(InputError) as info:
        nested_ridge(*arguments, **options)
    assert info.value.subject == subject
    return str(info.value)


@pytest.mark.parametrize(
    ("penalties", "found"),
    [
        ([], "[]"), ([1.0, 0.0], "[1.0, 0.0]"), ([-1.0], "[-1.0]"), ([1.0, np.nan], "nan"),
        ([np.inf], "inf"), (["ten"], "'ten'"), ("ten", "ten"), ([[1.0]], "[[1.0]]"),
        (5.0, "5.0"), ([None], "None"),
    ],
)  # fmt: skip
def test_penalties_that_are_no_positive_numbers_are_refused(rng, penalties, found):
    text = refused("penalties", rng.normal(size=(18, 4)), GROUPS, penalties)
    assert "positive numbers" in text and found in text and "such as 1, 10, 100" in text


def test_penalties_may_be_any_sequence_of_numbers():
    for values in ((1, 2), np.array([1, 2]), ["1", "2.0"]):
        np.testing.assert_array_equal(check_penalties(values), [1.0, 2.0])


def test_bad_features_and_groups_are_refused(rng):
    features = rng.normal(size=(18, 4))
    assert "17" in refused("groups", features, GROUPS[:-1])
    assert "one group for each of 18 samples" in refused("groups", features, GROUPS[:-1])
    assert "at least 3 groups" in refused("groups", features, ["a"] * 18)
    assert "2: a, b" in refused("groups", features, ["a"] * 9 + ["b"] * 9)
    for shape in ((18, 0), (18,), (18, 2, 2)):
        text = refused("features", np.zeros(shape), GROUPS)
        assert "samples x features" in text and str(shape) in text
    assert "auto, primal or dual" in refused("form", features, GROUPS, form="both")
    features[4, 2] = np.nan
    for form in ("primal", "dual"):
        for standardize in (False, True):
            options = {"form": form, "standardize": standardize}
            with pytest.raises(InputError, match="column 2 "):
                nested_ridge(features, GROUPS, [1.0], **options).outer(
                    lambda voxels: np.zeros((1, 18)), np.zeros((3, 1), int)
                )


def test_the_form_follows_the_shape():
    few = leave_group_out(np.repeat(np.arange(10), 286))  # Miyawaki: 100 pixels
    assert cheaper_form(100, few, 1) == "primal"
    assert cheaper_form(100, few, 10) == "primal"
    many = leave_group_out(np.repeat(np.arange(5), 350))
    assert cheaper_form(20_000, many, 10) == "dual"
    assert cheaper_form(20_000, many, 1) == "dual"


def test_features_about_their_mean(rng):
    features = rng.normal(1e4, 1, size=(7, 5000)).astype(np.float32)
    mean, centred = centred_features(features)
    assert mean.dtype == centred.dtype == np.float32
    exact = features.astype(float)
    np.testing.assert_allclose(mean, exact.mean(axis=0), rtol=1e-7)
    np.testing.assert_allclose(centred, exact - exact.mean(axis=0), atol=1e-6)


@pytest.mark.parametrize("form", ["primal", "dual"])
@pytest.mark.parametrize("standardize", [False, True])
def test_prepared_once_it_answers_for_any_responses(rng, form, standardize):
    features, rows = rng.normal(size=(18, 5)), rng.normal(size=(40, 18))
    backend = get_backend(dtype="float64", n_threads=1)
    options = {"form": form, "standardize": standardize, "backend": backend}
    ridge = nested_ridge(features, GROUPS, [0.1, 1, 10.0], **options)

    def scores(prepared, rows):
        chosen = prepared.choose(lambda voxels: rows[voxels], len(rows))
        return prepared.outer(lambda voxels: rows[voxels], chosen)

    first = scores(ridge, rows)
    scores(ridge, rows[:, rng.permutation(18)])
    for one, other in zip(scores(ridge, rows), first, strict=True):
        np.testing.assert_array_equal(one, other)
    fresh = scores(nested_ridge(features, GROUPS, [0.1, 1, 10.0], **options), rows)
    for one, other in zip(fresh, first, strict=True):
        np.testing.assert_array_equal(one, other)


def test_blocks_follow_the_bound_and_are_equal_shares(rng):
    features = rng.normal(size=(18, 5))

    def block(n_voxels, memory_mb=1e5, n_threads=1):
        backend = get_backend(n_threads=n_threads)
        options = {"memory_mb": memory_mb, "form": "dual", "backend": backend}
        return nested_ridge(features, GROUPS, [1.0], **options).block(n_voxels)

    blocks = [block(10_000, memory_mb) for memory_mb in (0.001, 0.5, 1e5)]
    assert blocks[0] == 16 and blocks == sorted(blocks) and blocks[-1] <= 512
    for n_threads in (1, 4):
        assert [block(n, n_threads=n_threads) for n in (3000, 1000, 300, 9)] == [375, 250, 150, 9]
