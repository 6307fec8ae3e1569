"""Pearson's correlation of all pairs of parcels, quickly where that is safe."""

from collections.abc import Sequence
from functools import reduce

import numpy as np

_HIGH = 0.99  # beyond this Fisher's z magnifies an error of r more than 50 times
_SMALL, _LARGE = 1e-25, 1e30  # sums of squares that float32 holds with all their digits


def run_correlation(runs: Sequence[np.ndarray]) -> np.ndarray:
    """Correlate the rows of runs that are put one after the other, each without its mean.

    Products are made in single precision, at a third of the time, of series whose mean was taken
    away twice: what is left of a large mean then is no more than the rounding of the values
    about it. Double precision is used throughout where a correlation is beyond .99, because
    Fisher's z and the count of clipped pairs ask for all its digits, and where squares are too
    small or too large for single precision.

    Parameters
    ----------
    runs : sequence of ndarray, shape (n_parcels, n_volumes)
        Finite series; none constant in all runs.

    Returns
    -------
    ndarray of float32 or float64, shape (n_parcels, n_parcels)
        Symmetric, NaN on the diagonal. Errors of single precision are below 1e-6.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        products = reduce(np.add, (_product(run) for run in runs))
    squares = np.diag(products)
    if not (squares.min() > _SMALL and squares.max() < _LARGE):  # NaN is neither
        return _in_double(runs)
    matrix = _scaled(products)
    # The larger of both extremes; NaN of the diagonal is left out.
    if max(np.fmax.reduce(matrix, axis=None), -np.fmin.reduce(matrix, axis=None)) > _HIGH:
        return _in_double(runs)
    return matrix


def centred_runs(runs: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Take the mean of each row away from each run, in float64."""
    blocks = [run.astype(np.float64) for run in runs]
    for block in blocks:
        block -= block.mean(axis=1, keepdims=True)
    return blocks


def to_correlation(products: np.ndarray) -> np.ndarray:
    """Divide sums of products, or a covariance, by their diagonal; NaN on the diagonal."""
    return np.clip(_scaled(products), -1, 1)


def _product(run: np.ndarray) -> np.ndarray:
    rest = (run - run.mean(axis=1, keepdims=True)).astype(np.float32, copy=False)
    rest -= rest.mean(axis=1, keepdims=True)
    return rest @ rest.T


def _scaled(products: np.ndarray) -> np.ndarray:
    factor = 1 / np.sqrt(np.diag(products))
    matrix = products * np.outer(factor, factor)
    np.fill_diagonal(matrix, np.nan)
    return matrix


def _in_double(runs: Sequence[np.ndarray]) -> np.ndarray:
    return to_correlation(sum(block @ block.T for block in centred_runs(runs)))
