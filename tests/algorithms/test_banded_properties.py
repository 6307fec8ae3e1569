"""Banded ridge: planted truth, properties, bad input."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.banded_spaces import simulate

from fmriprod.algorithms.array_backend import get_backend
from fmriprod.algorithms.band_candidates import without_space
from fmriprod.algorithms.banded_ridge import banded_encode
from fmriprod.algorithms.banded_search import candidate_scores, space_kernels
from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.encode import ridge_encode, sorted_columns
from fmriprod.algorithms.leave_group_out import leave_group_out

DOUBLE = get_backend(dtype="float64", n_threads=1)
SINGLE = get_backend(n_threads=1)
PENALTIES = (0.01, 0.3, 2.0, 50.0)
CANDIDATES = np.array([[0.5, 0.5], [1, 0], [0, 1], [0.9, 0.1], [0.05, 0.95]])
ARRAYS = ("r2", "r", "fold_r2", "fold_r", "split", "level_r2", "gamma", "penalty", "inner")


def planted(rng, n=150, n_voxels=120):
    """A small space behind the first half of the voxels, a large one behind the others."""
    spaces = {
        "small": 0.01 * rng.normal(size=(n, 12)),
        "large": rng.normal(size=(n, 300)) @ (rng.normal(size=(300, 300)) / 17),
        "empty": 30 * rng.normal(size=(n, 60)),
    }
    half = n_voxels // 2
    small = 58 * spaces["small"] @ rng.normal(size=(12, half))
    large = spaces["large"] @ rng.normal(size=(300, half)) / 10
    clean = np.hstack([small, large])
    noise = np.repeat([2.5, 1.0], half)
    return spaces, clean + noise * rng.normal(size=clean.shape), np.repeat(range(5), n // 5), half


def test_planted_voxels_get_the_weight_of_their_space_and_beat_a_single_penalty(rng):
    spaces, responses, groups, half = planted(rng)
    found = banded_encode(spaces, responses, groups, n_candidates=30, backend=SINGLE)
    weight, share = found.gamma.mean(axis=1), found.split
    assert np.median(weight[0, :half]) > 0.8 and np.median(weight[1, half:]) > 0.8
    driven = np.repeat([0, 1], half)
    clear = found.r2 > 0.1
    assert clear[:half].sum() > 40 and clear[half:].sum() > 40
    assert (share.argmax(axis=0) == driven)[clear].mean() > 0.95
    assert abs(share[2]).mean() < 0.03
    both = np.hstack(list(spaces.values()))
    unequal = ridge_encode(both, responses, groups, backend=SINGLE)
    equal = banded_encode(spaces, responses, groups, n_candidates=0,
                          candidates=[[1 / 3] * 3], backend=SINGLE)  # fmt: skip
    for single in (unequal, equal):
        gain = found.r2 - single.r2
        assert gain[:half].mean() > 0.03 and gain[half:].mean() > 0.1
        assert (gain > 0)[clear].mean() > 0.85


def test_unique_contributions_are_searches_without_a_space(rng):
    spaces, responses, groups, half = planted(rng, 60, 16)
    options = {"backend": SINGLE, "penalties": PENALTIES}
    found = banded_encode(spaces, responses, groups, n_candidates=8, unique=True, **options)
    for number, name in enumerate(spaces):
        rest = {key: value for key, value in spaces.items() if key != name}
        candidates = without_space(found.candidates, number)
        other = banded_encode(rest, responses, groups, candidates=candidates, **options)
        np.testing.assert_allclose(found.unique[number], found.r2 - other.r2, atol=1e-5)
    assert np.median(found.unique[0, :half]) > 0.05 > abs(np.median(found.unique[0, half:]))
    assert found.unique.shape == (3, 16)


def test_nothing_leaks_from_noise_or_from_features_that_tell_the_group(rng):
    groups = np.repeat(range(6), 20)
    label = np.eye(6)[groups]
    spaces = {"noise": rng.normal(size=(120, 200)), "group": label,
              "other": rng.normal(size=(120, 3))}  # fmt: skip
    responses = rng.normal(size=(120, 300)) + 2 * rng.normal(size=(6, 300))[groups]
    found = banded_encode(spaces, responses, groups, n_candidates=40, backend=SINGLE)
    assert abs(found.r.mean()) < 0.02
    assert found.split.sum(axis=0).mean() < 0.01 and found.r2.max() < 0.1


@settings(max_examples=12)
@given(st.permutations([0, 1, 2]), st.lists(st.floats(-8, 8), min_size=3, max_size=3),
       st.integers(0, 3))  # fmt: skip
def test_order_and_scale_of_spaces_do_not_matter(order, exponents, seed):
    rng = np.random.default_rng(seed)
    spaces, responses, groups = simulate(rng, (6, 20, 3), (1.0, 5.0, 0.1), n_voxels=4)
    options = {"n_candidates": 5, "backend": DOUBLE, "penalties": PENALTIES}
    expected = banded_encode(spaces, responses, groups, **options)
    names = [list(spaces)[i] for i in order]
    changed = {name: spaces[name] * 10.0 ** exponents[list(spaces).index(name)] for name in names}
    found = banded_encode(changed, responses, groups, **options)
    assert found.spaces == tuple(names)
    for name in ARRAYS:
        own = getattr(expected, name)
        own = own[list(order)] if name in ("split", "gamma") else own
        np.testing.assert_allclose(getattr(found, name), own, rtol=1e-5, atol=1e-6)
    scale = 10.0 ** (2 * np.array(exponents)[list(order)])
    np.testing.assert_allclose(found.units, expected.units[list(order)] * scale, rtol=1e-6)


@settings(max_examples=12)
@given(st.integers(1, 4), st.integers(0, 1000))
def test_the_split_sums_to_the_whole(n_spaces, seed):
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 40, n_spaces)
    spaces, responses, groups = simulate(rng, sizes, 10.0 ** rng.uniform(-3, 3, n_spaces), 5)
    found = banded_encode(spaces, responses, groups, n_candidates=3, backend=SINGLE)
    np.testing.assert_allclose(found.split.sum(axis=0) + found.level_r2, found.r2, atol=2e-5)
    assert (found.level_r2 <= 0).all()


def test_samples_in_another_order_give_the_same(rng):
    spaces, responses, groups = simulate(rng)
    options = {"candidates": CANDIDATES, "backend": DOUBLE}
    expected = banded_encode(spaces, responses, groups, **options)
    order = np.concatenate([[0], 1 + rng.permutation(len(groups) - 1)])
    moved = {name: x[order] for name, x in spaces.items()}
    found = banded_encode(moved, responses[order], groups[order], **options)
    np.testing.assert_allclose(found.r2, expected.r2, atol=1e-6)


def test_a_shared_choice_is_the_best_on_average(rng):
    spaces, responses, groups = simulate(rng)
    options = {"candidates": CANDIDATES, "penalties": PENALTIES, "backend": DOUBLE}
    found = banded_encode(spaces, responses, groups, shared_penalty=True, **options)
    folds = leave_group_out(groups)
    kernels = space_kernels(spaces, folds, np.array(PENALTIES), DOUBLE, 100.0)
    columns, _ = sorted_columns(responses, np.ones(8, bool), kernels)
    scores = np.array(list(candidate_scores(kernels, CANDIDATES, columns, 8, "r2"))).mean(axis=-1)
    for fold in range(4):
        number, index = np.unravel_index(scores[:, fold].argmax(), scores[:, fold].shape)
        assert (found.candidate[fold] == number).all()
        np.testing.assert_allclose(found.penalty[fold], PENALTIES[index], rtol=1e-6)
        np.testing.assert_allclose(found.inner[fold], scores[number, fold, index], rtol=1e-6)


def test_voxels_that_cannot_be_analysed_are_left_out_and_change_no_other(rng):
    spaces, responses, groups = simulate(rng)
    options = {"candidates": CANDIDATES, "backend": SINGLE, "unique": True}
    expected = banded_encode(spaces, responses, groups, **options)
    bad = responses.copy()
    bad[3, 1], bad[:, 4] = np.nan, 5
    bad[groups == "a", 6] = 1
    found = banded_encode(spaces, bad, groups, **options)
    good = [0, 2, 3, 5, 7]
    assert list(np.flatnonzero(found.usable)) == good
    for name in (*ARRAYS, "unique", "fold_split", "space_penalty"):
        assert np.isnan(getattr(found, name)[..., [1, 4, 6]]).all()
        assert getattr(found, name).dtype == np.float32
        np.testing.assert_allclose(
            getattr(found, name)[..., good], getattr(expected, name)[..., good], atol=1e-5
        )
    assert (found.candidate[:, [1, 4, 6]] == -1).all()


@pytest.mark.parametrize("memory_mb", [0.001, 0.2])
def test_blocks_of_voxels_do_not_change_results(rng, memory_mb):
    spaces, responses, groups = simulate(rng, n_voxels=70)
    options = {"candidates": CANDIDATES, "backend": SINGLE}
    expected = banded_encode(spaces, responses, groups, **options)
    found = banded_encode(spaces, responses, groups, memory_mb=memory_mb, **options)
    for name in ARRAYS:
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), atol=2e-5)


def test_memory_does_not_grow_with_the_candidates(rng):
    import tracemalloc

    spaces, responses, groups = simulate(rng, (3, 4), n_voxels=3000)
    peaks = []
    for n_candidates in (1, 1, 20):  # the first warms up
        tracemalloc.start()
        banded_encode(
            spaces, responses, groups, PENALTIES, n_candidates=n_candidates, backend=SINGLE
        )
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[2] < 1.1 * peaks[1]


def test_torch_gives_the_numbers_of_numpy(rng):
    pytest.importorskip("torch")
    spaces, responses, groups = simulate(rng, (40, 5))
    options = {"candidates": CANDIDATES, "penalties": PENALTIES, "unique": True}
    expected = banded_encode(spaces, responses, groups, backend=DOUBLE, **options)
    torch = get_backend("torch", dtype="float64")
    found = banded_encode(spaces, responses, groups, backend=torch, **options)
    for name in (*ARRAYS, "unique"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), atol=1e-6)


def test_progress_is_told_of_every_candidate(rng):
    spaces, responses, groups = simulate(rng)
    told = []
    banded_encode(spaces, responses, groups, candidates=CANDIDATES, backend=SINGLE,
                  progress=lambda *numbers: told.append(numbers))  # fmt: skip
    assert told == [(i, 5) for i in range(1, 6)]


def refused(spaces, responses, groups, **options):
    with pytest.raises(InputError) as info:
        banded_encode(spaces, responses, groups, backend=SINGLE, **options)
    return info.value


def test_bad_input_is_refused(rng):
    spaces, responses, groups = simulate(rng)
    error = refused({}, responses, groups)
    assert (error.subject, error.found) == ("spaces", "none")
    error = refused(spaces, responses[:-1], groups)
    assert (error.subject, error.found) == ("responses", "shape (38, 8)")
    error = refused(spaces | {"space1": spaces["space1"][:-1]}, responses, groups)
    assert (error.subject, error.found) == ("features", "shape (38, 5) in space 'space1'")
    error = refused(spaces | {"space1": np.zeros((39, 0))}, responses, groups)
    assert error.found == "shape (39, 0) in space 'space1'"
    broken = spaces["space1"].copy()
    broken[2, 3] = np.nan
    error = refused(spaces | {"space1": broken}, responses, groups)
    assert error.found.startswith("space 'space1': NaN or infinity in column 3")
    flat = np.tile(rng.normal(size=5), (39, 1)) + 1e-9 * rng.normal(size=(39, 5))
    error = refused(spaces | {"space1": flat}, responses, groups)
    assert error.found == "space 'space1': all 5 features are constant"
    assert error.expected == "features that vary in every space"
    error = refused(spaces, responses, groups, criterion="r")
    assert (error.subject, error.found) == ("criterion", "'r'")
    error = refused(spaces, responses, groups, penalties=[1, 0])
    assert (error.subject, error.found) == ("penalties", "[1, 0]")
    error = refused(spaces, responses, groups, candidates=[[1, 1]])
    assert error.subject == "candidates"
    one = {"space0": spaces["space0"]}
    error = refused(one, responses, groups, unique=True)
    assert (error.subject, error.found) == ("unique", "only 'space0'")
    error = refused(spaces, responses, groups, n_candidates=-2)
    assert error.subject == "n_candidates"
    two = np.repeat(["a", "b"], [20, 19])
    error = refused(spaces, responses, two, penalties=[1])
    assert error.expected.startswith("at least 3 groups")
    only = banded_encode(spaces, responses, two, [1], candidates=[[0.5, 0.5]], backend=SINGLE)
    assert np.isfinite(only.r2).all()
    assert refused(spaces, np.ones_like(responses), groups).subject == "responses"
