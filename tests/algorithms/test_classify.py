import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from fmriprod.algorithms.classify import fit_dual, gram, log_probabilities


def problem(seed, n_samples, n_voxels, n_labels, scale=1.0):
    rng = np.random.default_rng(seed)
    codes = np.concatenate([np.arange(n_labels), rng.integers(0, n_labels, n_samples - n_labels)])
    pattern = rng.normal(size=(n_labels, n_voxels))
    train = scale * (0.3 * pattern[codes] + rng.normal(size=(n_samples, n_voxels)))
    return train, codes, scale * rng.normal(size=(9, n_voxels))


def fitted(train, codes, test, n_labels, classifier, C=1.0):
    dual = fit_dual(gram(train), codes, n_labels, classifier=classifier, C=C)
    return log_probabilities(gram(test, train) @ dual[:, 0], classifier)


def liblinear_one_vs_rest(train, codes, test, n_labels, C):
    """One binary liblinear fit per label, sigmoids divided by their sum."""
    model = LogisticRegression(C=C, solver="liblinear", tol=1e-11, max_iter=100_000)
    each = [
        expit(model.fit(train, codes == label).decision_function(test)) for label in range(n_labels)
    ]
    return np.log(np.transpose(each) / np.sum(each, axis=0)[:, None])


@given(
    seed=st.integers(0, 10_000),
    n_samples=st.integers(8, 60),
    n_voxels=st.integers(1, 120),
    n_labels=st.integers(2, 5),
    C=st.sampled_from([0.01, 1.0, 30.0]),
)
def test_one_vs_rest_is_that_of_liblinear(seed, n_samples, n_voxels, n_labels, C):
    train, codes, test = problem(seed, n_samples, n_voxels, n_labels)
    expected = liblinear_one_vs_rest(train, codes, test, n_labels, C)
    found = fitted(train, codes, test, n_labels, "logistic_ovr", C)
    np.testing.assert_allclose(found, expected, atol=1e-4)


@given(
    seed=st.integers(0, 10_000),
    n_samples=st.integers(8, 40),
    n_voxels=st.integers(1, 60),
    n_labels=st.integers(3, 5),
    C=st.sampled_from([0.01, 1.0, 10.0]),
)
def test_multinomial_is_that_of_scikit_learn(seed, n_samples, n_voxels, n_labels, C):
    """With the intercept as a penalised column of ones."""
    train, codes, test = problem(seed, n_samples, n_voxels, n_labels)
    model = LogisticRegression(C=C, fit_intercept=False, tol=1e-9, max_iter=10_000)
    model.fit(np.c_[train, np.ones(len(train))], codes)
    expected = model.predict_log_proba(np.c_[test, np.ones(len(test))])
    found = fitted(train, codes, test, n_labels, "logistic", C)
    np.testing.assert_allclose(found, expected, atol=2e-4)


@pytest.mark.parametrize("classifier", ["logistic_ovr", "logistic"])
def test_many_label_vectors_at_once_are_each_alone(rng, classifier):
    train, codes, _ = problem(3, 40, 90, 4)
    many = np.array([codes, *(rng.permutation(codes) for _ in range(6))])
    together = fit_dual(gram(train), many, 4, classifier=classifier)
    for number, one in enumerate(many):
        alone = fit_dual(gram(train), one, 4, classifier=classifier)[:, 0]
        scores = gram(train) @ (together[:, number] - alone)
        np.testing.assert_allclose(scores, 0, atol=2e-6)


@pytest.mark.parametrize(("scale", "C"), [(1e-3, 1.0), (1e3, 1.0), (30.0, 1e4)])
def test_the_optimum_is_reached_for_features_of_any_scale(scale, C):
    """At the optimum the dual coefficients are ``C * (target - probability)``."""
    train, codes, _ = problem(5, 50, 300, 3, scale)
    kernel = gram(train)
    dual = fit_dual(kernel, codes, 3, C=C)[:, 0]
    target = codes[:, None] == np.arange(3)
    implied = C * (target - expit(kernel @ dual))
    gradient = dual - implied
    norm = np.sqrt(np.maximum((gradient * (kernel @ gradient)).sum(axis=0), 0))
    weights = np.sqrt((dual * (kernel @ dual)).sum(axis=0))
    assert (norm <= 1e-5 * np.maximum(weights, 1)).all()


def test_a_label_that_a_permutation_leaves_out_is_merely_improbable():
    train, codes, test = problem(7, 30, 20, 3)
    codes = np.where(codes == 2, 1, codes)
    found = np.exp(fitted(train, codes, test, 3, "logistic_ovr"))
    assert np.isfinite(found).all()
    assert (found[:, 2] < found[:, :2].max(axis=1)).all()


@given(st.lists(st.floats(-1e4, 1e4), min_size=2, max_size=6))
def test_probabilities_sum_to_one_even_at_extremes(scores):
    for classifier in ("logistic_ovr", "logistic"):
        log_p = log_probabilities(np.array(scores), classifier)
        assert np.isfinite(log_p).all()
        assert np.exp(log_p).sum() == pytest.approx(1)
        assert log_p.argmax() in np.flatnonzero(log_p == log_p[np.argmax(scores)])


def test_gram_adds_up_chunks_in_float64(rng):
    rows = rng.normal(size=(5, 1000)).astype(np.float32)
    expected = rows.astype(float) @ rows.astype(float).T + 1
    np.testing.assert_allclose(gram(rows, chunk=64), expected, rtol=1e-12)
    np.testing.assert_allclose(gram(rows[:2], rows, chunk=999), expected[:2], rtol=1e-12)
