"""Banded ridge against loops over scikit-learn and himalaya."""

from itertools import pairwise

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from support.banded_spaces import simulate

from fmriprod.algorithms.array_backend import get_backend
from fmriprod.algorithms.banded_ridge import banded_encode
from fmriprod.algorithms.banded_search import candidate_scores, space_kernels
from fmriprod.algorithms.encode import ridge_encode, sorted_columns
from fmriprod.algorithms.leave_group_out import leave_group_out

DOUBLE = get_backend(dtype="float64", n_threads=1)
SINGLE = get_backend(n_threads=1)
PENALTIES = (0.01, 0.3, 2.0, 50.0)
CANDIDATES = np.array([[0.5, 0.5], [1, 0], [0, 1], [0.9, 0.1], [0.05, 0.95]])
ARRAYS = ("r2", "r", "fold_r2", "fold_r", "split", "level_r2", "gamma", "penalty", "inner")


def by_loops(spaces, responses, groups, candidates, penalties):
    """Nested leave-group-out with scikit-learn's Ridge on scaled features side by side."""
    units = [np.square(x - x.mean(axis=0)).sum() / len(x) for x in spaces.values()]
    wide = [
        np.hstack([np.sqrt(g / u) * x for g, u, x in zip(row, units, spaces.values(), strict=True)])
        for row in candidates
    ]
    found = []
    for left_out in dict.fromkeys(groups):
        outer = groups != left_out
        for y in responses.T:
            best = (-np.inf,)
            for number, x in enumerate(wide):
                for penalty in penalties:
                    score = []
                    for inner in dict.fromkeys(groups[outer]):
                        train, test = outer & (groups != inner), groups == inner
                        model = Ridge(penalty).fit(x[train], y[train])
                        score.append(r2_score(y[test], model.predict(x[test])))
                    if np.mean(score) > best[0]:
                        best = np.mean(score), number, penalty
            x, test = wide[best[1]], ~outer
            model = Ridge(best[2]).fit(x[outer], y[outer])
            predicted = model.predict(x[test])
            ends = np.cumsum([0, *(s.shape[1] for s in spaces.values())])
            mean = x[outer].mean(axis=0)
            parts = [(x[test, a:b] - mean[a:b]) @ model.coef_[a:b] for a, b in pairwise(ends)]
            total = np.square(y[test] - y[test].mean()).sum()
            own, about = y[test] - y[test].mean(), [part - part.mean() for part in parts]
            split = [(part * (2 * own - sum(about))).sum() / total for part in about]
            r = np.corrcoef(y[test], predicted)[0, 1]
            found.append((r2_score(y[test], predicted), r, *best, *split))
    shape = (len(set(groups)), responses.shape[1], -1)
    return np.moveaxis(np.reshape(found, shape), -1, 0)


@pytest.mark.parametrize(
    ("sizes", "backend", "tolerance"), [((14, 5), DOUBLE, 1e-9), ((60, 90), SINGLE, 2e-5)]
)
def test_scores_weights_and_split_are_those_of_loops_over_scikit_learn(
    rng, sizes, backend, tolerance
):
    spaces, responses, groups = simulate(rng, sizes)
    found = banded_encode(
        spaces, responses, groups, PENALTIES, candidates=CANDIDATES, backend=backend
    )
    r2, r, inner, number, penalty, *split = by_loops(
        spaces, responses, groups, CANDIDATES, PENALTIES
    )
    assert len(np.unique(number)) >= 3 and len(np.unique(penalty)) >= 2  # a test of the choice
    np.testing.assert_array_equal(found.candidate, number)
    np.testing.assert_allclose(found.penalty, penalty, rtol=1e-6)
    np.testing.assert_allclose(found.inner, inner, rtol=0, atol=max(tolerance, 1e-6))
    tolerance = max(tolerance, 3e-7)  # results are float32
    np.testing.assert_allclose(found.fold_r2, r2, rtol=0, atol=tolerance)
    np.testing.assert_allclose(found.fold_r, r, rtol=0, atol=tolerance)
    np.testing.assert_allclose(found.fold_split, split, rtol=0, atol=tolerance)
    np.testing.assert_allclose(found.r2, r2.mean(axis=0), rtol=0, atol=tolerance)
    np.testing.assert_allclose(found.split, np.mean(split, axis=1), rtol=0, atol=tolerance)
    weights = np.moveaxis(CANDIDATES[number.astype(int)], -1, 0)
    np.testing.assert_allclose(found.gamma, weights, rtol=1e-6)
    assert found.folds == tuple(dict.fromkeys(groups))


def test_penalties_of_spaces_are_those_of_the_features_as_they_are(rng):
    """Ridge with a penalty a space, by augmented least squares, predicts what was predicted."""
    spaces, responses, groups = simulate(rng)
    found = banded_encode(spaces, responses, groups, [2.0], candidates=[[0.3, 0.7]], backend=DOUBLE)
    left_out = groups == found.folds[1]
    x, y = np.hstack(list(spaces.values())), responses[:, 0]
    penalty = found.space_penalty[:, 1, 0]
    diagonal = np.repeat(penalty, [v.shape[1] for v in spaces.values()])
    mean = x[~left_out].mean(axis=0)
    own = x[~left_out] - mean
    weights = np.linalg.solve(own.T @ own + np.diag(diagonal), own.T @ y[~left_out])
    predicted = (x[left_out] - mean) @ weights + y[~left_out].mean()
    assert found.fold_r2[1, 0] == pytest.approx(r2_score(y[left_out], predicted), abs=1e-5)
    assert np.isnan(found.inner).all()  # nothing was chosen


@pytest.mark.parametrize("criterion", ["r2", "mse"])
@pytest.mark.parametrize("n_features", [6, 90])
@pytest.mark.parametrize(("backend", "tolerance"), [(DOUBLE, 2e-6), (SINGLE, 1e-5)])
def test_one_space_is_ridge_encoding(rng, n_features, criterion, backend, tolerance):
    spaces, responses, groups = simulate(rng, (n_features,), (4.0,))
    options = {"criterion": criterion, "backend": backend}
    found = banded_encode(spaces, responses, groups, **options)
    expected = ridge_encode(spaces["space0"], responses, groups, form="dual", **options)
    np.testing.assert_allclose(found.penalty * expected.unit, expected.penalty, rtol=1e-6)
    assert found.units == pytest.approx(expected.unit)
    np.testing.assert_allclose(found.fold_r2, expected.fold_r2, rtol=0, atol=tolerance)
    np.testing.assert_allclose(found.r2, expected.r2, rtol=0, atol=tolerance)
    tolerance *= 50  # float32 rounds predictions that hardly vary
    np.testing.assert_allclose(found.fold_r, expected.fold_r, rtol=0, atol=tolerance)
    np.testing.assert_allclose(found.r, expected.r, rtol=0, atol=tolerance)
    assert (found.gamma == 1).all()


@pytest.mark.parametrize("n_spaces", [2, 3])
def test_inner_scores_are_those_of_himalaya(rng, n_spaces):
    pytest.importorskip("himalaya")
    from himalaya.kernel_ridge import solve_multiple_kernel_ridge_random_search
    from himalaya.scoring import r2_score as himalaya_r2
    from sklearn.model_selection import LeaveOneGroupOut, check_cv

    spaces, responses, groups = simulate(rng, (30, 8, 50)[:n_spaces], (1, 7, 0.1)[:n_spaces])
    candidates = rng.dirichlet(np.ones(n_spaces), 6)
    folds = leave_group_out(groups)
    kernels = space_kernels(spaces, folds, np.array(PENALTIES), DOUBLE, 100.0)
    columns, _ = sorted_columns(responses, np.ones(responses.shape[1], bool), kernels)
    ours = np.array(list(candidate_scores(kernels, candidates, columns, responses.shape[1], "r2")))
    best = banded_encode(
        spaces, responses, groups, PENALTIES, candidates=candidates, backend=DOUBLE
    )
    for fold, left_out in enumerate(folds.names):
        train = groups != left_out
        grams = np.array(
            [x[train] @ x[train].T / u for x, u in zip(spaces.values(), best.units, strict=True)]
        )
        cv = check_cv(list(LeaveOneGroupOut().split(grams[0], groups=groups[train])))
        _, _, theirs, alphas, _ = solve_multiple_kernel_ridge_random_search(
            grams, responses[train], n_iter=candidates, alphas=np.array(PENALTIES), cv=cv,
            score_func=himalaya_r2, fit_intercept=True, return_weights="dual",
            return_alphas=True, progress_bar=False,
        )  # fmt: skip
        np.testing.assert_allclose(ours[:, fold].max(axis=1), theirs, atol=1e-7)
        np.testing.assert_array_equal(best.candidate[fold], theirs.argmax(axis=0))
        np.testing.assert_allclose(best.penalty[fold], alphas, rtol=1e-6)


def test_split_is_that_of_himalaya_about_the_mean_of_the_test_samples(rng):
    pytest.importorskip("himalaya")
    from himalaya.scoring import r2_score_split

    spaces, responses, groups = simulate(rng)
    found = banded_encode(spaces, responses, groups, [1.0], candidates=[[0.3, 0.7]], backend=DOUBLE)
    for fold, name in enumerate(found.folds):
        train, test = groups != name, groups == name
        scaled = [
            np.sqrt(g / u) * (x - x[train].mean(axis=0))
            for g, u, x in zip((0.3, 0.7), found.units, spaces.values(), strict=True)
        ]
        coef = Ridge(1.0).fit(np.hstack([x[train] for x in scaled]), responses[train]).coef_
        ends = np.cumsum([0, *(x.shape[1] for x in scaled)])
        parts = np.array(
            [x[test] @ coef[:, a:b].T for x, a, b in zip(scaled, ends, ends[1:], strict=False)]
        )
        own = responses[test] - responses[test].mean(axis=0)
        expected = r2_score_split(own, parts - parts.mean(axis=1, keepdims=True))
        np.testing.assert_allclose(found.fold_split[:, fold], expected, atol=1e-6)
