"""Errors of all penalties from one product, against predictions made for each."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fmriprod.algorithms.array_backend import get_backend
from fmriprod.algorithms.leave_group_out import leave_group_out
from fmriprod.algorithms.ridge_dual import DualRidge
from fmriprod.algorithms.ridge_inner import inner_scores
from fmriprod.algorithms.ridge_path import multiplications, path_errors

PENALTIES = np.logspace(-3, 5, 9)
EXACT = get_backend(dtype="float64", n_threads=1)


def both(values, projected, coordinates, test, backend):
    """Squared errors by the product for all penalties, and by a prediction for each."""
    errors = path_errors(values, projected, PENALTIES, backend)
    given = [backend.array(a) for a in (coordinates, test @ projected, (test**2).sum(axis=1))]
    found = errors(backend.xp, *given)
    expected = [
        ((test - (coordinates / (values + a)) @ projected.T) ** 2).sum(axis=1) for a in PENALTIES
    ]
    return found, np.array(expected).T, errors


def planted(seed, values):
    """Test samples and coordinates that are as large as their eigenvalues let them be."""
    rng = np.random.default_rng(seed)
    root = np.sqrt(values)
    return (
        rng.normal(size=(7, len(values))) * root * np.sqrt(values / 20 + 0.1),
        rng.normal(size=(5, len(values))),
        rng.normal(size=(5, 7)),
    )


@settings(max_examples=200, deadline=None)
@given(
    st.integers(0, 10_000),
    st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=5),
    st.lists(st.sampled_from([0.0, 1e-15, 1e-9, 1e-8, 1e-6, 1e-3, 0.3]), min_size=1, max_size=5),
    st.sampled_from(["float64", "float32"]),
)
def test_errors_are_those_of_predictions_however_near_eigenvalues_are(seed, roots, apart, dtype):
    values = np.sort([root * (1 + a) for root in roots for a in apart])
    projected, coordinates, test = planted(seed, values)
    found, expected, _ = both(values, projected, coordinates, test, get_backend(dtype=dtype))
    scale = (test**2).sum(axis=1)[:, None] + expected.max(axis=1, keepdims=True)
    bound = {"float64": 1e-6, "float32": 5e-3}[dtype]  # the worst of all; most are far better
    np.testing.assert_array_less(np.abs(found - expected) / scale, bound)


@pytest.mark.parametrize(("dtype", "bound"), [("float64", 1e-13), ("float32", 1e-5)])
@pytest.mark.parametrize("kind", ["spread", "all equal", "pairs", "steps"])
def test_errors_are_exact(kind, dtype, bound):
    values = {
        "spread": np.linspace(1, 50, 40),
        "all equal": np.full(40, 3.0),
        "pairs": np.repeat(np.linspace(1, 50, 20), 2),
        "steps": np.logspace(-4, 4, 40),
    }[kind]
    projected, coordinates, test = planted(0, values)
    found, expected, errors = both(values, projected, coordinates, test, get_backend(dtype=dtype))
    scale = (test**2).sum(axis=1)[:, None] + expected
    assert np.abs((found - expected) / scale).max() < bound
    assert len(errors.near) == (40 if kind in ("all equal", "pairs") else 0)


def test_an_error_is_never_negative():
    values = np.linspace(1, 50, 40)
    projected, coordinates, _ = planted(0, values)
    perfect = (coordinates / (values + PENALTIES[4])) @ projected.T
    found, _, _ = both(values, projected, coordinates, perfect, get_backend())
    assert (found >= 0).all()
    assert (found.argmin(axis=1) == 4).all()


def test_small_penalties_lose_nothing_to_rounding(rng):
    """Inverses of M lose digits where a penalty is small beside the features; paths do not."""
    n, groups = 60, np.repeat(range(4), 15)
    features = np.repeat(rng.normal(size=(20, 80)), 3, axis=0)[rng.permutation(n)]
    responses = features[:, :4] @ rng.normal(size=(4, 8)) + rng.normal(size=(n, 8))
    responses -= responses.mean(axis=0)
    features -= features.mean(axis=0)
    folds = leave_group_out(groups)
    gram = features @ features.T
    penalties = np.array([1e-6, 1.0]) * np.trace(gram) / n
    solver = DualRidge(gram, folds, penalties, EXACT, 100.0)
    rows = np.ascontiguousarray(responses.T)
    found = inner_scores(
        solver._path_jobs(), lambda which: rows[which], (4, 2, 8), EXACT, block=8, criterion="mse"
    )
    expected = np.zeros_like(found)
    for outer, test in ((a, b) for a in range(4) for b in range(4) if a != b):
        train = (groups != outer) & (groups != test)
        mean, level = features[train].mean(axis=0), responses[train].mean(axis=0)
        u, s, vt = np.linalg.svd(features[train] - mean, full_matrices=False)
        for index, penalty in enumerate(penalties):
            weights = vt.T @ ((s / (s**2 + penalty))[:, None] * (u.T @ (responses[train] - level)))
            guess = (features[groups == test] - mean) @ weights + level
            expected[outer, index] -= ((responses[groups == test] - guess) ** 2).mean(axis=0) / 3
    np.testing.assert_allclose(found, expected, rtol=1e-10)


def test_multiplications_are_counted():
    folds = leave_group_out([0, 0, 1, 1, 1, 2, 2, 2, 2])
    cost = multiplications(folds)
    left_out = np.array([5, 6, 7])
    assert cost.predict == (left_out * (9 - left_out)).sum()
    assert cost.residual == 81 + (left_out**2).sum()
    # Coordinates, and for each of two test sets as many again and its products.
    assert cost.path == sum((9 - m) ** 2 + 2 * (9 - m) ** 2 + m * (9 - m) for m in left_out)
