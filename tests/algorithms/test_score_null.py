import tracemalloc

import numpy as np
import pytest

from fmriprod.algorithms.array_backend import get_backend
from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.encode import ridge_encode
from fmriprod.algorithms.nested_ridge import nested_ridge
from fmriprod.algorithms.permute_samples import sample_orders
from fmriprod.algorithms.score_null import check_known_scores, max_score_null

SIZES = (11, 9, 14, 10)
GROUPS = np.random.default_rng(1).permutation(np.repeat(["b", "a", "d", "c"], SIZES))
PENALTIES = (1.0, 30.0, 1000.0)
DOUBLE = get_backend(dtype="float64", n_threads=1)


@pytest.fixture
def study(rng):
    """Three layers, wide and narrow; voxels that follow the second, one more than another."""
    n = len(GROUPS)
    layers = [rng.normal(size=(n, p)) for p in (60, 12, 100)]
    responses = rng.normal(size=(n, 5)) + 7
    responses[:, :3] += layers[1] @ rng.normal(size=(12, 3)) * [0.2, 0.5, 2]
    return layers, responses


def loop(layers, responses, orders, score="r2", criterion="r2", fixed=None, **options):
    """Fit everything anew for each order, and keep the best layer."""
    best = []
    for order in orders:
        scores = []
        for number, features in enumerate(layers):
            if fixed is None:
                made = ridge_encode(
                    features, responses[order], GROUPS, PENALTIES,
                    criterion=criterion, backend=DOUBLE, **options,
                )  # fmt: skip
                scores.append(getattr(made, score))
                continue
            of_penalty = [
                ridge_encode(features, responses[order], GROUPS, [p], backend=DOUBLE, **options)
                for p in PENALTIES
            ]
            every = np.array([getattr(made, f"fold_{score}") for made in of_penalty])
            scores.append(np.take_along_axis(every, fixed[number][None], axis=0)[0].mean(axis=0))
        best.append(np.max(scores, axis=0))
    return np.array(best).T


@pytest.mark.parametrize("score", ["r2", "r"])
@pytest.mark.parametrize("kind", ["repeat", "chosen"])
@pytest.mark.parametrize("options", [{}, {"form": "primal"}, {"standardize": True, "form": "dual"}])
@pytest.mark.parametrize("scheme", ["across", "within"])
def test_null_is_that_of_fitting_anew(study, score, kind, options, scheme):
    layers, responses = study
    orders = sample_orders(GROUPS, scheme=scheme, seed=2)
    fixed = None
    if kind == "chosen":
        fixed = np.random.default_rng(0).integers(len(PENALTIES), size=(3, len(SIZES), 5))
    expected = loop(layers, responses, orders.orders(0, 6), score, fixed=fixed, **options)
    prepared = (
        (
            nested_ridge(x, GROUPS, PENALTIES, backend=DOUBLE, **options),
            None if fixed is None else f,
        )
        for x, f in zip(layers, fixed if fixed is not None else [None] * 3, strict=True)
    )
    found = max_score_null(prepared, responses, orders, 6, score=score)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    assert found.dtype == np.float32


def test_criterion_counts(study):
    layers, responses = study
    responses = responses * np.where(GROUPS == "a", 9, 1)[:, None]
    orders = sample_orders(GROUPS, scheme="within", seed=2)
    found = {}
    for criterion in ("r2", "mse"):
        expected = loop(layers, responses, orders.orders(0, 9), criterion=criterion)
        prepared = ((nested_ridge(x, GROUPS, PENALTIES, backend=DOUBLE), None) for x in layers)
        null = max_score_null(prepared, responses, orders, 9, criterion=criterion)
        np.testing.assert_allclose(null, expected, rtol=1e-5, atol=1e-6)
        found[criterion] = null
    assert np.abs(found["r2"] - found["mse"]).max() > 1e-3


def prepared(layers, **options):
    return ((nested_ridge(x, GROUPS, PENALTIES, **options), None) for x in layers)


def test_memory_threads_precision_and_library_change_nothing(study):
    layers, responses = study
    orders = sample_orders(GROUPS, seed=3)
    expected = max_score_null(prepared(layers, backend=DOUBLE), responses, orders, 300)
    small = max_score_null(prepared(layers, backend=DOUBLE, memory_mb=0.2), responses, orders, 300)
    np.testing.assert_allclose(small, expected, rtol=1e-6, atol=1e-7)
    two = get_backend(n_threads=2)
    single = max_score_null(prepared(layers, backend=two), responses, orders, 300)
    off = np.abs(single - expected)
    assert np.quantile(off, 0.99) < 1e-4  # a penalty next to as good may be chosen instead
    pytest.importorskip("torch")
    torch = get_backend("torch", "cpu", "float64", 1)
    for given in (None, np.ones((len(SIZES), 5), dtype=int)):
        both = [
            max_score_null(
                [(nested_ridge(layers[0], GROUPS, PENALTIES, backend=b), given)],
                responses, orders, 50,
            )
            for b in (DOUBLE, torch)
        ]  # fmt: skip
        np.testing.assert_allclose(*both, rtol=1e-6, atol=1e-7)


def test_one_data_set_for_all_layers(study):
    """The same layer twice has the same best; two layers have the larger of their scores."""
    layers, responses = study
    orders = sample_orders(GROUPS, seed=3)
    each = [max_score_null(prepared([x], backend=DOUBLE), responses, orders, 40) for x in layers]
    both = max_score_null(prepared(layers, backend=DOUBLE), responses, orders, 40)
    np.testing.assert_array_equal(both, np.max(each, axis=0))
    assert (both > each[0]).any() and (both == each[0]).any()
    twice = max_score_null(prepared([layers[0]] * 2, backend=DOUBLE), responses, orders, 40)
    np.testing.assert_array_equal(twice, each[0])


def test_more_permutations_begin_with_the_same(study):
    layers, responses = study
    orders = sample_orders(GROUPS, seed=3)
    few, many = (
        max_score_null(prepared(layers, backend=DOUBLE), responses, orders, n) for n in (20, 60)
    )
    np.testing.assert_allclose(many[:, :20], few, rtol=1e-6, atol=1e-7)
    other = sample_orders(GROUPS, seed=4)
    assert (max_score_null(prepared(layers), responses, other, 20) != few).all()


def test_a_voxel_that_becomes_constant_in_a_group_has_no_score(rng):
    groups = np.repeat([0, 1, 2], 4)
    responses = np.zeros((12, 2))
    responses[[0, 5, 10], 0] = 1  # many orders leave a group without any
    responses[:, 1] = rng.normal(size=12)
    features = rng.normal(size=(12, 6))
    orders = sample_orders(groups)
    for score in ("r2", "r"):
        ridge = nested_ridge(features, groups, [1.0, 10.0], backend=DOUBLE)
        null = max_score_null([(ridge, None)], responses, orders, 200, score=score)
        lacks = [
            any(np.ptp(responses[order, 0][groups == g]) == 0 for g in range(3))
            for order in orders.orders(0, 200)
        ]
        np.testing.assert_array_equal(np.isnan(null[0]), lacks)
        assert 0 < np.sum(lacks) < 200 and np.isfinite(null[1]).all()


def test_memory_is_bounded(rng):
    groups = np.repeat(np.arange(4), 50)
    features, responses = rng.normal(size=(200, 300)), rng.normal(size=(200, 10))
    orders, peak = sample_orders(groups), {}
    for memory in (2.0, 1000.0):
        backend = get_backend(n_threads=1)
        ridge = nested_ridge(features, groups, PENALTIES, backend=backend, memory_mb=memory)
        tracemalloc.start()
        null = max_score_null([(ridge, None)], responses, orders, 3000)
        peak[memory] = tracemalloc.get_traced_memory()[1] / 1e6 - null.nbytes / 1e6
        tracemalloc.stop()
    assert peak[2.0] < 3 < 5 < peak[1000.0]  # without a bound, orders and scores of all


def known(study, **options):
    layers, responses = study
    made = ridge_encode(layers[0], responses, GROUPS, PENALTIES, **options)
    return made, responses


def test_known_scores_are_recognised(study):
    layers, responses = study
    for criterion in ("r2", "mse"):
        made = ridge_encode(layers[0], responses, GROUPS, PENALTIES, criterion=criterion)
        ridge = nested_ridge(layers[0], GROUPS, PENALTIES)
        chosen = check_known_scores(
            ridge, responses, made.penalty, made.fold_r2, criterion=criterion
        )
        np.testing.assert_allclose(ridge.penalties[chosen], made.penalty)
        np.testing.assert_array_equal(
            check_known_scores(ridge, responses, made.penalty, made.fold_r2), chosen
        )


def test_scores_of_something_else_are_refused(study, rng):
    layers, responses = study
    made = ridge_encode(layers[0], responses, GROUPS, PENALTIES)
    given = (made.penalty, made.fold_r2)
    ridge = nested_ridge(layers[0], GROUPS, PENALTIES)
    with pytest.raises(
        InputError, match=r"penalties among 2, 20, 900(.|\n)*found:    (1, )?30, 1000"
    ):
        check_known_scores(nested_ridge(layers[0], GROUPS, (2.0, 20, 900)), responses, *given)
    with pytest.raises(InputError, match=r"9\d% of r2 of checked folds differ, by 0\."):
        check_known_scores(nested_ridge(layers[2], GROUPS, PENALTIES), responses, *given)
    with pytest.raises(InputError, match="of r2 of checked folds differ"):
        check_known_scores(ridge, rng.permutation(responses), *given)
    scaled = nested_ridge(layers[0] * 3, GROUPS, PENALTIES)
    with pytest.raises(InputError, match="of r2 of checked folds differ"):
        check_known_scores(scaled, responses, *given)
    shared = ridge_encode(layers[0], responses, GROUPS, PENALTIES, shared_penalty=True)
    given = (shared.penalty, shared.fold_r2)
    check_known_scores(ridge, responses, *given)
    with pytest.raises(InputError, match=r"penalties that inner folds choose(.|\n)*% of them"):
        check_known_scores(ridge, responses, *given, criterion="r2")


def test_no_permutation_is_refused(study):
    layers, responses = study
    with pytest.raises(InputError, match="at least 1"):
        max_score_null(prepared(layers), responses, sample_orders(GROUPS), 0)
