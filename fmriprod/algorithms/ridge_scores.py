"""Scores of predictions, and the choice among penalties."""

from typing import Any, NamedTuple

import numpy as np

from fmriprod.algorithms.array_backend import Array, Backend


class FoldScores(NamedTuple):
    """Scores of one outer fold.

    Attributes
    ----------
    r2, r : ndarray of float32, shape (n_voxels,)
        Explained variance about the mean of the test samples, and correlation (0 where the
        prediction is constant).
    """

    r2: np.ndarray
    r: np.ndarray


def sum_of_squares(xp: Any, values: Array) -> Array:
    """Sum of squares of each row."""
    return xp.linalg.vecdot(values, values)


def centred(xp: Any, values: Array) -> Array:
    """Take away the mean of each row."""
    return values - xp.mean(values, axis=1, keepdims=True)


def score_predictions(backend: Backend, responses: Array, predicted: Array) -> FoldScores:
    """Score predictions of test samples, one voxel a row.

    Parameters
    ----------
    backend : Backend
        Where the arrays are.
    responses, predicted : array, shape (n_voxels, n_test)
        Measured and predicted.
    """
    xp = backend.xp
    target, spread = centred(xp, responses), centred(xp, predicted)
    return score_sums(
        backend,
        sum_of_squares(xp, target),
        sum_of_squares(xp, spread),
        xp.linalg.vecdot(target, spread),
        sum_of_squares(xp, responses - predicted),
        sum_of_squares(xp, predicted),
    )


def score_sums(
    backend: Backend, total: Array, spread: Array, common: Array, error: Array, size: Array
) -> FoldScores:
    """Score predictions from sums over test samples.

    Parameters
    ----------
    backend : Backend
        Where the arrays are.
    total, spread : array, shape (n_voxels,)
        Squares of responses and of predictions, each about its mean.
    common : array, shape (n_voxels,)
        Products of both.
    error : array, shape (n_voxels,)
        Squares of what responses and predictions differ by.
    size : array, shape (n_voxels,)
        Squares of predictions.
    """
    xp = backend.xp
    # A prediction that varies by rounding only is constant; nothing is said of units.
    rounding = (4 * float(np.finfo(backend.dtype).eps)) ** 2
    flat = spread <= rounding * (total + size)
    length = xp.sqrt(total) * xp.sqrt(xp.where(flat, xp.ones_like(spread), spread))
    r = xp.where(flat, xp.zeros_like(common), common / length)
    return FoldScores(backend.numpy(1 - error / total), backend.numpy(r))


def choose_penalties(inner: np.ndarray, *, shared: bool) -> np.ndarray:
    """Choose the penalty with the best inner score in each outer fold.

    Parameters
    ----------
    inner : ndarray, shape (n_folds, n_penalties, n_voxels)
        Mean score over the inner folds; larger is better.
    shared : bool
        One penalty for all voxels (the best on average) or one for each.

    Returns
    -------
    ndarray of int, shape (n_folds, n_voxels)
        Index of the penalty. Of equally good ones the first.
    """
    if shared:
        best = inner.mean(axis=2, dtype=np.float64).argmax(axis=1)
        return np.repeat(best[:, None], inner.shape[2], axis=1)
    return np.stack([scores.argmax(axis=0) for scores in inner])  # it copies: a fold at a time
