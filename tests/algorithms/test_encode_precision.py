"""What float32 loses where features are ill-conditioned, means large, or penalties tiny.

Relative penalties are multiples of the mean squared length of the centred features.
"""

import numpy as np
import pytest

from fmriprod.algorithms.array_backend import get_backend
from fmriprod.algorithms.encode import ridge_encode

SINGLE, DOUBLE = (get_backend(dtype=d, n_threads=2) for d in ("float32", "float64"))
GROUPS = np.repeat(np.arange(6), 25)


def independent(rng, shape):
    return rng.normal(size=shape)


def large_means(rng, shape):
    return rng.normal(size=shape) + 1e4


def few_directions(rng, shape):
    inner = max(2, shape[1] // 20)
    noise = 0.01 * rng.normal(size=shape)
    return rng.normal(size=(shape[0], inner)) @ rng.normal(size=(inner, shape[1])) + noise


def falling_scales(rng, shape):
    return rng.normal(size=shape) * np.logspace(0, -4, shape[1])


def shared_variance(rng, shape):
    return rng.normal(size=shape) + 30 * rng.normal(size=(shape[0], 1))


KINDS = [independent, large_means, few_directions, falling_scales, shared_variance]
kinds = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
wide = pytest.mark.parametrize("n_features", [40, 150, 400])
options = pytest.mark.parametrize(
    ("form", "n_features", "standardize"),
    [
        (form, n_features, standardize)
        for form, n_features in (
            ("primal", 40), ("primal", 150), ("dual", 40), ("dual", 150), ("dual", 400),
        )
        for standardize in (False, True)
    ],
)  # fmt: skip


def study(kind, n_features):
    rng = np.random.default_rng(n_features)
    features = kind(rng, (150, n_features)).astype(np.float32)
    centred = features - features.mean(axis=0, dtype=float)
    length = (centred**2).sum(axis=1).mean()
    weights = rng.normal(size=(n_features, 20)) / np.sqrt(length)
    responses = centred @ weights * np.linspace(0, 2, 20) + rng.normal(size=(150, 20)) + 100
    return features, responses.astype(np.float32), length


def both(*arrays, **options):
    return (ridge_encode(*arrays, backend=backend, **options) for backend in (SINGLE, DOUBLE))


@kinds
@options
def test_scores_hardly_lose_at_any_penalty(kind, n_features, form, standardize):
    features, responses, length = study(kind, n_features)
    unit = n_features if standardize else length
    for relative in (1e-8, 1e-3, 1e-2, 1.0):
        single, double = both(
            features, responses, GROUPS, [relative * unit], form=form, standardize=standardize
        )
        loss = np.abs(single.fold_r2 - double.fold_r2) / (1 + np.abs(double.fold_r2))
        assert loss.max() < 1e-3
        assert np.abs(single.fold_r - double.fold_r).max() < 3e-3


@pytest.mark.parametrize("kind", KINDS[::2], ids=lambda kind: kind.__name__)
@options
def test_choices_and_scores_are_those_of_float64(kind, n_features, form, standardize):
    features, responses, _ = study(kind, n_features)
    single, double = both(features, responses, GROUPS, form=form, standardize=standardize)
    same = np.isclose(single.penalty, double.penalty, rtol=1e-3)
    assert same.mean() > 0.98  # others are as good but for rounding
    assert np.abs(single.fold_r2 - double.fold_r2)[same].max() < 1e-3
    assert np.abs(single.r2 - double.r2).max() < 2e-3


@kinds
@wide
def test_predictions_and_models_of_the_form_that_is_chosen(kind, n_features):
    features, responses, length = study(kind, n_features)
    asked = {"predictions": True, "model": True}
    for relative in (1e-3, 1.0, 1e3):
        single, double = both(features, responses, GROUPS, [relative * length], **asked)
        np.testing.assert_allclose(single.predictions, double.predictions, atol=5e-3)
        exact = double.model.predict(features.astype(float))
        # A feature of mean 1e4 is known to 1e-3 only, and so is what a model makes of it.
        tolerance = 0.1 if kind is large_means else 0.02
        np.testing.assert_allclose(single.model.predict(features), exact, atol=tolerance)


@pytest.mark.parametrize("kind", [independent, shared_variance], ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("backend", [SINGLE, DOUBLE], ids=["float32", "float64"])
def test_dual_models_of_few_features_predict_at_tiny_penalties(kind, standardize, backend):
    """Without care their coefficients are residuals / penalty, which cancel in exact numbers."""
    features, responses, length = study(kind, 40)
    penalties = [1e-8 * (40 if standardize else length)]
    primal, dual = (
        ridge_encode(
            features, responses, GROUPS, penalties, form=form, standardize=standardize,
            model=True, backend=backend,
        ).model
        for form in ("primal", "dual")
    )  # fmt: skip
    assert np.abs(dual.dual).max() < 1e3
    np.testing.assert_allclose(dual.predict(features), primal.predict(features), atol=0.02)
