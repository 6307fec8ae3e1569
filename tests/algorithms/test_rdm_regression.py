"""Several models together: SciPy, scikit-learn, planted parts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import nnls
from scipy.stats import rankdata
from sklearn.linear_model import LinearRegression

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.rdm_compare import compare_rdms
from fmriprod.algorithms.rdm_regression import partition_variance, regress_rdms, regression_of


def standardised(rows):
    return (rows - rows.mean(axis=1, keepdims=True)) / rows.std(axis=1, keepdims=True)


def compared(rdms, models, method="pearson"):
    return compare_rdms(rdms, models, method), compare_rdms(models, models, method)


@given(st.integers(1, 11), st.integers(0, 50), st.booleans())
def test_weights_are_those_of_scipy(n_models, seed, ranks):
    rng = np.random.default_rng(seed)
    models = rng.normal(size=(n_models, 45))
    rdms = rng.normal(size=(4, n_models)) @ models + rng.normal(size=(4, 45))
    found = regression_of(rdms, models, "spearman" if ranks else "pearson")
    if ranks:
        rdms, models = rankdata(rdms, axis=1), rankdata(models, axis=1)
    design = standardised(models).T
    for column, rdm in enumerate(standardised(rdms)):
        weights, left = nnls(design, rdm)
        np.testing.assert_allclose(found.weights[:, column], weights, atol=2e-5)
        assert found.r2[column] == pytest.approx(1 - left**2 / 45, abs=2e-5)


def test_without_sign_they_are_those_of_scikit_learn(rng):
    models, rdms = rng.random((4, 66)), rng.random((5, 66))
    found = regression_of(rdms, models, "pearson", nonnegative=False)
    fit = LinearRegression().fit(standardised(models).T, standardised(rdms).T)
    np.testing.assert_allclose(found.weights, fit.coef_.T, atol=1e-5)


@pytest.mark.parametrize("n_models", [2, 3, 4])
def test_parts_add_up_and_unique_parts_are_what_is_lost(rng, n_models):
    models = rng.random((n_models, 66)) + rng.random(66)
    rdms = rng.random((3, n_models)) @ models + rng.random((3, 66))
    values, among = compared(rdms, models)
    parts = partition_variance(values, among)
    assert len(parts) == 2**n_models - 1
    whole = regression_of(rdms, models, "pearson", nonnegative=False).r2
    np.testing.assert_allclose(sum(parts.values()), whole, atol=1e-5)
    for model in range(n_models):
        others = [m for m in range(n_models) if m != model]
        x = models[others].T
        left = [LinearRegression().fit(x, rdm).score(x, rdm) for rdm in rdms]
        np.testing.assert_allclose(parts[(model,)], whole - left, atol=1e-5)
        own = sum(part for some, part in parts.items() if model in some)
        np.testing.assert_allclose(own, values[model] ** 2, atol=1e-5)


def test_planted_parts_are_found():
    """Independent sources: one shared by all three models, one by two, one of each."""
    rng = np.random.default_rng(0)
    common, pair, a, b, c = rng.normal(size=(5, 200_000))
    models = np.stack([a + pair + common, b + pair + common, c + common])
    parts = partition_variance(*compared(models[:1] + b, models))
    # by hand: r2 of an rdm that models 1 and 2 explain wholly but for a part of pair and common
    assert parts[(2,)][0] == pytest.approx(0, abs=0.02)
    assert sum(parts.values())[0] == pytest.approx(
        regression_of(models[:1] + b, models, "pearson", nonnegative=False).r2[0], abs=1e-5
    )
    alone = partition_variance(*compared(np.stack([a, b]), np.stack([a, b, c])))
    assert alone[(0,)].round(3).tolist() == [1, 0] and alone[(1,)].round(3).tolist() == [0, 1]
    orthogonal = partition_variance(*compared((2 * a + b)[None], np.stack([a, b])))
    assert orthogonal[(0,)][0] == pytest.approx(0.8, abs=0.01)
    assert orthogonal[(1,)][0] == pytest.approx(0.2, abs=0.01)
    assert orthogonal[(0, 1)][0] == pytest.approx(0, abs=0.01)


def test_what_has_no_value_has_no_weights(rng):
    for n_models in (3, 10):
        models, rdms = rng.random((n_models, 66)), rng.random((4, 66))
        expected = regression_of(rdms, models)
        rdms[1, 3] = np.nan
        found = regression_of(rdms, models)
        assert np.isnan(found.weights[:, 1]).all() and np.isnan(found.r2[1])
        keep = [0, 2, 3]
        np.testing.assert_array_equal(found.weights[:, keep], expected.weights[:, keep])


def test_models_that_depend_on_each_other_are_refused(rng):
    one, other = rng.random((2, 45))
    models = np.stack([one, rng.random(45), other, one + other])
    with pytest.raises(InputError, match=r"(?s)none is a sum.*1, 3, 4, which depend"):
        regression_of(models, models, "pearson")
    models[1] = 1
    with pytest.raises(InputError, match=r"(?s)not constant.*found:    2"):
        regression_of(models, models, "pearson")
    with pytest.raises(InputError, match=r"(?s)2 to 4 models.*found:    1"):
        partition_variance(np.ones((1, 1)), np.ones((1, 1)))
    assert regress_rdms(np.array([[0.5]]), np.eye(1)).weights.tolist() == [[0.5]]
