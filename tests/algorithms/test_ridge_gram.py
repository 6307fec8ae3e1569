import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

from fmriprod.algorithms.array_backend import get_backend
from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.ridge_gram import centred_gram, column_blocks, rounding_matters

SINGLE, DOUBLE = (get_backend(dtype=d, n_threads=1) for d in ("float32", "float64"))


@pytest.mark.parametrize("n_features", [3, 4096, 5000])
def test_equals_the_product_of_what_scikit_learn_scales(rng, n_features):
    features = rng.normal(size=(20, n_features)) * 3 + 5
    order, rows = rng.permutation(20), np.arange(4, 17)
    for scale in (False, True):
        scaler = StandardScaler(with_std=scale).fit(features[order][rows])
        scaled = scaler.transform(features[order])
        gram, mean, scales = centred_gram(
            features, order, DOUBLE, rows, rows if scale else None
        )  # fmt: skip
        np.testing.assert_allclose(gram, scaled @ scaled.T, atol=1e-9 * n_features)
        np.testing.assert_allclose(mean, scaler.mean_)
        np.testing.assert_allclose(scales, scaler.scale_ if scale else 1)
    whole = features[order] - features.mean(axis=0)
    gram, *_ = centred_gram(features, order, SINGLE)
    assert gram.dtype == np.float64
    np.testing.assert_allclose(gram, whole @ whole.T, atol=1e-5 * n_features)


def test_large_means_lose_nothing(rng):
    features = rng.normal(size=(30, 500))
    shifted = (features + 1e4).astype(np.float32)
    exact = shifted.astype(float) - shifted.mean(axis=0, dtype=float)
    gram, *_ = centred_gram(shifted, np.arange(30), SINGLE)
    np.testing.assert_allclose(gram, exact @ exact.T, atol=1e-6 * 500)  # a share of the diagonal


def test_features_that_are_constant_in_the_training_samples_count_for_nothing(rng):
    features = rng.normal(size=(12, 4)) + 100
    features[:8, 1] = 1 / 3
    features[:8, 2] = 1e5 + 1e-3 * rng.normal(size=8)  # constant but for rounding
    rows = np.arange(8)
    gram, _, scale = centred_gram(features, np.arange(12), DOUBLE, rows, rows)
    assert np.isinf(scale).tolist() == [False, True, True, False]
    kept = StandardScaler().fit(features[:8, [0, 3]]).transform(features[:, [0, 3]])
    np.testing.assert_allclose(gram, kept @ kept.T, atol=1e-9)


def test_a_feature_that_is_not_finite_is_named(rng):
    features = rng.normal(size=(6, 10))
    features[2, 7] = np.nan
    features[3, 9] = np.inf
    with pytest.raises(InputError) as info:
        list(column_blocks(features, np.arange(6), columns=4))
    text = str(info.value)
    assert "column 7 (counted from 0)" in text and "1 such columns among 4 to 7" in text
    assert "finite numbers" in text and "leave these features out" in text


def test_the_error_of_products_is_as_large_as_is_said(rng):
    """And the rule asks for float64 where it would be felt."""
    for common in (0, 10):
        features = rng.normal(size=(400, 1000)) + common * rng.normal(size=(400, 1))
        features = features.astype(np.float32)
        single, double = (centred_gram(features, np.arange(400), b)[0] for b in (SINGLE, DOUBLE))
        error = np.linalg.norm(single - double, 2)
        # rounding_matters says so for penalties that this error is about 1e-3 of.
        assert not rounding_matters(single, 3000 * error, SINGLE)
        assert rounding_matters(single, 300 * error, SINGLE)
        assert not rounding_matters(double, 1e-9 * error, DOUBLE)
