"""The identity of residuals, and both kinds of work that use it, against models fitted anew."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from fmriprod.algorithms.array_backend import get_backend
from fmriprod.algorithms.leave_group_out import leave_group_out
from fmriprod.algorithms.ridge_dual import DualRidge
from fmriprod.algorithms.ridge_dual_scaled import ScaledDualRidge
from fmriprod.algorithms.ridge_gram import centred_gram
from fmriprod.algorithms.ridge_inner import PredictJob, ResidualJob, inner_folds
from fmriprod.algorithms.ridge_primal import PrimalRidge

PENALTIES = np.array([0.5, 40.0])
SIZES = (3, 4, 2, 5, 3, 4, 6)
BACKEND = get_backend(dtype="float64", n_threads=1)


@pytest.fixture
def study(rng):
    """Sorted features and responses (a row a voxel), and the folds."""
    groups = np.repeat(np.arange(len(SIZES)), SIZES)
    return rng.normal(size=(27, 10)), rng.normal(size=(6, 27)) + 3, leave_group_out(groups)


def dual(features, folds, memory_mb=100.0):
    gram, *_ = centred_gram(features, folds.order, BACKEND)
    return DualRidge(gram, folds, PENALTIES, BACKEND, memory_mb)


def scikit(features, responses, train, penalty):
    model = Ridge(penalty, solver="svd").fit(features[train], responses[:, train].T)
    return model.predict(features).T


def rows(folds, groups):
    return np.concatenate([np.arange(folds.n_samples)[folds.slices[g]] for g in groups])


def test_residuals_of_what_was_left_out(study):
    features, responses, folds = study
    solver = dual(features, folds)
    for index, penalty in enumerate(PENALTIES):
        maker = solver.residual_maker(index)
        for out in ([0], [3], [26], [1, 8, 9], list(range(15))):  # of any samples
            train = np.setdiff1d(np.arange(27), out)
            guess = scikit(features, responses, train, penalty)[:, out]
            residuals = np.linalg.solve(maker[np.ix_(out, out)], (maker @ responses.T)[out]).T
            np.testing.assert_allclose(residuals, responses[:, out] - guess, atol=1e-10)


def test_predictors_and_coefficients_are_those_of_fitted_models(study):
    features, responses, folds = study
    scaled = ScaledDualRidge(features, folds, PENALTIES, BACKEND)
    for solver in (dual(features, folds), dual(features, folds, 1e-6), scaled):
        for index, penalty in enumerate(PENALTIES):
            for out in ((2,), (0, 4), (1, 6)):
                train, test = rows(folds, folds.rest(*out)), rows(folds, out)
                scale = features[train].std(axis=0) if solver is scaled else 1.0
                guess = scikit(features / scale, responses, train, penalty)
                found = responses[:, train] @ solver.predictor(index, *out).T
                np.testing.assert_allclose(found, guess[:, test], atol=1e-10)
            train = rows(folds, folds.rest(2))
            fitted = responses[:, train] @ solver.coefficients(index, 2)
            scale = features[train].std(axis=0) if solver is scaled else 1.0
            centre = features[train].mean(axis=0) if solver is scaled else features.mean(axis=0)
            about = (features - centre) / scale
            guess = scikit(features / scale, responses, train, penalty)
            found = fitted[:, :-1] @ about[train] @ about.T + fitted[:, -1:]
            np.testing.assert_allclose(found, guess, atol=1e-9)
            np.testing.assert_allclose(fitted[:, :-1].sum(axis=1), 0, atol=1e-10)


def test_every_kind_of_work_measures_the_errors_of_fitted_models(study):
    features, responses, folds = study
    expected = {}
    for outer in range(folds.n_folds):
        for inner in folds.rest(outer):
            test = rows(folds, (inner,))
            for index, penalty in enumerate(PENALTIES):
                guess = scikit(features, responses, rows(folds, folds.rest(outer, inner)), penalty)
                error = ((responses - guess)[:, test] ** 2).sum(axis=1)
                total = responses[:, test].var(axis=1) * len(test)
                key = outer, index, len(test)
                expected.setdefault(key, []).append(np.concatenate([error, total]))
    solver = dual(features, folds)
    centred = features - features.mean(axis=0)
    primal = PrimalRidge(centred, features.mean(axis=0), folds, PENALTIES, BACKEND, False)
    work = {
        "residuals": [solver._residual_job(index) for index in (0, 1)],
        "predictors": [
            PredictJob(BACKEND, folds, pair, [1, 0], [solver.predictor(i, *pair).T for i in (1, 0)])
            for pair in folds.pairs
        ],
        "paths": list(solver._path_jobs()),
        "paths, one at a time": list(dual(features, folds, 1e-6)._path_jobs()),
        "whatever is quicker": list(solver.inner_jobs()),
        "primal": list(primal.inner_jobs()),
        "primal, little memory": list(replace(primal, memory_mb=1e-6).inner_jobs()),
    }
    assert len(work["primal"]) == 1 and len(work["primal, little memory"]) == len(folds.pairs)
    assert all(isinstance(job, ResidualJob) for job in work["residuals"])
    about_mean = responses - responses.mean(axis=1, keepdims=True)
    for name, jobs in work.items():
        found = {}
        for job in jobs:
            for one in job.errors(about_mean):
                key = one.outer, one.index, one.n_test
                found.setdefault(key, []).append(np.concatenate([one.error, one.total]))
        assert found.keys() == expected.keys(), name
        for key, values in expected.items():
            np.testing.assert_allclose(
                np.sort(found[key], axis=0), np.sort(values, axis=0), rtol=1e-8, err_msg=name
            )


def test_a_pair_serves_two_inner_folds(study):
    folds = study[2]
    first, second = inner_folds(folds, (1, 3))
    assert first == (3, slice(0, 4)) and second == (1, slice(4, 9))
