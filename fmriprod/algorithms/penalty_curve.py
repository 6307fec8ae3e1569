"""Error of lasso paths on samples that were left out, and the penalty that makes it least."""

from functools import reduce
from typing import NamedTuple

import numpy as np

from fmriprod.algorithms.lars_path import LassoPaths


class ErrorCurve(NamedTuple):
    """Squared error of each response along its path in one fold.

    Attributes
    ----------
    alpha : ndarray, shape (n_responses, n_knots)
        Penalties of the knots, falling to 0.
    square : ndarray, shape (n_responses, n_knots)
        Mean squared error at each knot.
    cross : ndarray, shape (n_responses, n_knots)
        Mean product of the errors at a knot and at the next.
    """

    alpha: np.ndarray
    square: np.ndarray
    cross: np.ndarray


def error_curve(
    paths: LassoPaths, gram: np.ndarray, products: np.ndarray, square: np.ndarray, n_samples: int
) -> ErrorCurve:
    """Give the error of paths on test samples, from the inner products of those samples.

    Parameters
    ----------
    paths : LassoPaths
        Of the training samples.
    gram : ndarray, shape (n_features, n_features)
        Of the features over the test samples.
    products : ndarray, shape (n_responses, n_features)
        Of responses and features over them.
    square : ndarray, shape (n_responses,)
        Sum of squares of each response over them.
    n_samples : int
        How many they are.

    Returns
    -------
    ErrorCurve
        With a knot added at penalty 0, where the path stays as it was at its end.
    """
    feature = np.maximum(paths.feature, 0)  # empty columns have coefficients of 0
    coef = np.concatenate([paths.coef, paths.coef[:, -1:]], axis=1)
    alpha = np.pad(paths.alpha, ((0, 0), (0, 1)))
    inner = gram[feature[:, :, None], feature[:, None, :]]
    linear = np.einsum("vkc,vc->vk", coef, np.take_along_axis(products, feature, axis=1))
    fitted = coef @ inner
    rest = square[:, None]
    own = np.einsum("vkc,vkc->vk", fitted, coef) - 2 * linear + rest
    after = np.minimum(np.arange(1, alpha.shape[1] + 1), alpha.shape[1] - 1)
    both = np.einsum("vkc,vkc->vk", fitted, coef[:, after]) - linear - linear[:, after] + rest
    return ErrorCurve(alpha, own / n_samples, both / n_samples)


def errors_at(curve: ErrorCurve, alpha: np.ndarray) -> np.ndarray:
    """Interpolate a curve: errors, not their squares, are linear between knots.

    Parameters
    ----------
    curve : ErrorCurve
        Of one fold.
    alpha : ndarray, shape (n_responses, n_penalties)
        Penalties, 0 or more.

    Returns
    -------
    ndarray, shape (n_responses, n_penalties)
        Mean squared errors; above the first knot, that of no feature.
    """
    knot = _count_at_least(curve.alpha, alpha) - 1
    inside = knot >= 0
    knot = np.clip(knot, 0, curve.alpha.shape[1] - 2)
    high, low = (np.take_along_axis(curve.alpha, k, axis=1) for k in (knot, knot + 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(inside & (high > low), (high - alpha) / (high - low), 0.0)
    first, cross = (np.take_along_axis(c, knot, axis=1) for c in (curve.square, curve.cross))
    second = np.take_along_axis(curve.square, knot + 1, axis=1)
    return (1 - share) ** 2 * first + 2 * share * (1 - share) * cross + share**2 * second


def best_penalty(curves: list[ErrorCurve]) -> tuple[np.ndarray, np.ndarray]:
    """Choose the penalty with the least mean error over folds, among all their knots.

    Parameters
    ----------
    curves : list of ErrorCurve
        One for each fold.

    Returns
    -------
    alpha : ndarray, shape (n_responses,)
        The smallest of the best penalties, as scikit-learn's ``LarsCV`` takes it. (It thins
        the knots where they are 2000 or more; here all are tried.)
    error : ndarray, shape (n_folds, n_responses)
        Mean squared error of each fold at that penalty.
    """
    # The knot that was added at 0 is no candidate: a path that ends there has its own.
    alpha = np.sort(np.concatenate([curve.alpha[:, :-1] for curve in curves], axis=1), axis=1)
    total = reduce(np.add, (errors_at(curve, alpha) for curve in curves))
    chosen = np.take_along_axis(alpha, total.argmin(axis=1)[:, None], axis=1)
    return chosen[:, 0], np.stack([errors_at(curve, chosen)[:, 0] for curve in curves])


def _count_at_least(falling: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Count, row by row, the entries of a falling sequence that are as large as each value."""
    low = np.zeros(values.shape, int)
    high = np.full(values.shape, falling.shape[1])
    for _ in range(falling.shape[1].bit_length()):
        middle = (low + high) // 2
        here = np.minimum(middle, falling.shape[1] - 1)
        right = (np.take_along_axis(falling, here, axis=1) >= values) & (low < high)
        low, high = np.where(right, middle + 1, low), np.where(right | (low >= high), high, middle)
    return low
