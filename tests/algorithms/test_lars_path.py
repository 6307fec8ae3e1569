import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import lars_path

from fmriprod.algorithms.lars_path import lasso_paths


def problem(seed, n_samples, n_features, shared=0.0, n_responses=6):
    """Simulated: correlated features, responses of three of them and noise; centred."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(n_samples, n_features)) + shared * rng.normal(size=(n_samples, 1))
    weights = rng.normal(size=(min(3, n_features), n_responses))
    responses = features[:, : len(weights)] @ weights + rng.normal(size=(n_samples, n_responses))
    return features - features.mean(axis=0), responses - responses.mean(axis=0)


def ours(features, responses, **options):
    found = lasso_paths(features.T @ features, responses.T @ features, len(features), **options)
    coef = np.zeros((*found.alpha.shape, features.shape[1]))
    for voxel, knot, column in np.ndindex(found.coef.shape):
        if found.feature[voxel, column] >= 0:
            coef[voxel, knot, found.feature[voxel, column]] = found.coef[voxel, knot, column]
    return found.alpha, coef


def theirs(features, response, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        alpha, active, coef = lars_path(features, response, method="lasso", **options)
    return alpha, coef.T, active


def check_equal(features, responses, max_iter, alpha_min=0.0, atol=1e-8):
    alpha, coef = ours(features, responses, max_iter=max_iter, alpha_min=alpha_min)
    drops = 0
    for voxel, response in enumerate(responses.T):
        known, path, active = theirs(features, response, max_iter=max_iter, alpha_min=alpha_min)
        n = len(known)
        np.testing.assert_allclose(alpha[voxel, :n], known, atol=atol)
        np.testing.assert_allclose(coef[voxel, :n], path, atol=atol)
        assert (alpha[voxel, n:] == alpha[voxel, n - 1]).all()
        assert (coef[voxel, n:] == coef[voxel, n - 1]).all()
        drops += n - 1 > len(active)
    return drops


@pytest.mark.parametrize("max_iter", [1, 2, 10, 50])
@pytest.mark.parametrize(("n_samples", "n_features"), [(60, 12), (25, 40), (12, 12), (40, 1)])
@pytest.mark.parametrize("shared", [0.0, 1.5])
def test_paths_are_those_of_scikit_learn(n_samples, n_features, shared, max_iter):
    check_equal(*problem(0, n_samples, n_features, shared), max_iter)


def test_features_that_leave_and_come_back():
    features, responses = problem(1, 40, 25, shared=2.0, n_responses=30)
    assert check_equal(features, responses, 100) > 10


@pytest.mark.parametrize("alpha_min", [0.5, 0.05, 100.0])
def test_paths_end_at_the_penalty_that_is_asked_for(alpha_min):
    features, responses = problem(2, 50, 20, shared=1.0)
    check_equal(features, responses, 50, alpha_min)
    alpha, coef = ours(features, responses, max_iter=50, alpha_min=alpha_min)
    assert np.all(alpha[:, -1] == alpha_min)
    size = np.abs((responses.T - coef[:, -1] @ features.T) @ features) / len(features)
    assert np.all(size <= alpha_min + 1e-9)  # the condition of a minimum
    assert np.allclose(size[coef[:, -1] != 0], alpha_min)


@given(
    seed=st.integers(0, 10_000),
    n_samples=st.integers(5, 40),
    n_features=st.integers(1, 40),
    shared=st.sampled_from([0.0, 0.5, 2.0]),
    max_iter=st.integers(1, 50),
)
@settings(max_examples=60)
def test_equal_whatever_the_shape(seed, n_samples, n_features, shared, max_iter):
    check_equal(*problem(seed, n_samples, n_features, shared), max_iter, atol=1e-6)


def test_every_response_has_its_own_path():
    """Neither order nor company of the responses matters."""
    features, responses = problem(3, 40, 20, shared=1.5, n_responses=12)
    alpha, coef = ours(features, responses, max_iter=30)
    order = np.random.default_rng(0).permutation(12)
    again, coef_again = ours(features, responses[:, order], max_iter=30)
    np.testing.assert_allclose(again, alpha[order], atol=1e-12)
    np.testing.assert_allclose(coef_again, coef[order], atol=1e-12)
    alone, coef_alone = ours(features, responses[:, 4:5], max_iter=30)
    np.testing.assert_allclose(coef_alone[0], coef[4, : alone.shape[1]], atol=1e-12)


def test_a_feature_that_the_others_explain_waits():
    """The third of three features is the difference of the others: never all three."""
    features, responses = problem(4, 50, 2, n_responses=20)
    features = np.c_[features, features[:, 0] - features[:, 1]]
    alpha, coef = ours(features, responses, max_iter=20)
    assert (np.count_nonzero(coef[:, -1], axis=1) == 2).all()
    np.testing.assert_allclose(alpha[:, -1], 0, atol=1e-12)
    fitted = np.linalg.lstsq(features, responses, rcond=None)[0]
    np.testing.assert_allclose(features @ coef[:, -1].T, features @ fitted, atol=1e-9)


def test_only_candidates_enter():
    features, responses = problem(5, 50, 10)
    kept = np.arange(10) % 3 != 0
    alpha, coef = ours(features, responses, max_iter=30, candidates=kept)
    known, path = ours(features[:, kept], responses, max_iter=30)
    np.testing.assert_allclose(alpha, known, atol=1e-12)
    np.testing.assert_allclose(coef[:, :, kept], path, atol=1e-12)
    assert not coef[:, :, ~kept].any()


def test_the_second_of_two_equal_features_stays_out():
    """Without ``candidates``, too: it adds nothing to the first, which is there already."""
    features, responses = problem(6, 500, 8, n_responses=40)  # no feature leaves
    twice = np.c_[features, features[:, ::-1]]
    _, plain = ours(features, responses, max_iter=60, alpha_min=0.02)
    _, coef = ours(twice, responses, max_iter=60, alpha_min=0.02)
    end = coef[:, -1, :8], coef[:, -1, :7:-1]
    np.testing.assert_allclose(end[0] + end[1], plain[:, -1], atol=1e-9)
    assert not ((end[0] != 0) & (end[1] != 0)).any()
