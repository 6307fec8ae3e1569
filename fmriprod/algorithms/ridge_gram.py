"""Gram matrices of features, read a block of columns at a time."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from fmriprod.algorithms.array_backend import Array, Backend
from fmriprod.algorithms.checks import InputError

_COLUMNS = 4096
_FELT = 1e-3  # of the smallest penalty: scores then change by no more than about as much


def column_blocks(
    features: np.ndarray, order: np.ndarray, columns: int = _COLUMNS
) -> Iterator[tuple[slice, np.ndarray]]:
    """Read sorted features, a block of columns at a time.

    Parameters
    ----------
    features : array, shape (n_samples, n_features)
        May be on disk (HDF5, memory map).
    order : ndarray of int
        Order of the samples.
    columns : int
        Columns of a block.

    Raises
    ------
    InputError
        If a feature is not finite.
    """
    for start in range(0, features.shape[1], columns):
        place = slice(start, min(start + columns, features.shape[1]))
        block = np.asarray(features[:, place])[order]
        if not np.isfinite(block).all():
            bad = ~np.isfinite(block).all(axis=0)
            raise InputError(
                "features",
                expected="finite numbers",
                found=f"NaN or infinity in column {start + int(bad.argmax())} (counted from 0), "
                f"{int(bad.sum())} such columns among {place.start} to {place.stop - 1}",
                hint="leave these features out, or mend what made them",
            )
        yield place, block


def centred_gram(
    features: np.ndarray,
    order: np.ndarray,
    backend: Backend,
    centre_rows: np.ndarray | None = None,
    scale_rows: np.ndarray | None = None,
) -> tuple[Array, np.ndarray, np.ndarray]:
    """Products of all samples with each other, about the mean of some of them.

    Parameters
    ----------
    features : array, shape (n_samples, n_features)
        May be on disk.
    order : ndarray of int
        Order of the samples in the result.
    backend : Backend
        What computes; products in its precision, summed in float64.
    centre_rows : ndarray of int, optional
        Sorted positions whose mean is taken away; all unless given.
    scale_rows : ndarray of int, optional
        Sorted positions by whose standard deviation features are divided (features that
        are constant there count for nothing); without it they are not scaled.

    Returns
    -------
    gram : array of float64, shape (n_samples, n_samples)
        On the backend's device.
    mean, scale : ndarray, shape (n_features,)
        What was taken away, and divided by (infinity where a feature counts for nothing).
    """
    n_samples, n_features = len(order), features.shape[1]
    gram = backend.array(np.zeros((n_samples, n_samples)), "float64")
    means = np.zeros(n_features, dtype=backend.dtype)
    scales = np.ones(n_features, dtype=backend.dtype)
    for place, block in column_blocks(features, order):
        some = block if centre_rows is None else block[centre_rows]
        mean = some.mean(axis=0, dtype=np.float64)
        block = (block - mean).astype(backend.dtype)
        if scale_rows is not None:
            scale = _deviation(block[scale_rows], mean)
            block /= scale.astype(backend.dtype)
            scales[place] = scale
        means[place] = mean
        part = backend.array(block)
        gram += backend.cast(part @ part.T, "float64")
    return gram, means, scales


def rounding_matters(gram: Array, penalty: float, backend: Backend) -> bool:
    """Say whether the rounding of products is felt beside a penalty.

    Products that are wrong by a share eps of themselves, each for itself, make a matrix of
    errors whose norm is about 2 eps ||K|| / sqrt(n): that of a random matrix. Where features
    share much variance, or penalties are small, products have to be made in float64.

    Parameters
    ----------
    gram : array, shape (n_samples, n_samples)
        Products K as made in the backend's precision.
    penalty : float
        The smallest.
    backend : Backend
        Its precision counts.
    """
    if backend.dtype == "float64":
        return False
    size = float(backend.xp.linalg.matrix_norm(gram)) / gram.shape[0] ** 0.5
    return 2 * float(np.finfo(backend.dtype).eps) * size > _FELT * penalty


def largest_eigenvalue(xp: Any, gram: Array, n_steps: int = 30) -> float:
    """Estimate the largest eigenvalue of a Gram matrix by repeated multiplication.

    Parameters
    ----------
    xp : module
        Namespace of the array.
    gram : array, shape (n, n)
        Symmetric, no eigenvalue below 0.
    n_steps : int
        Multiplications: enough for some per cent, from below.
    """
    # Numbers without a pattern, since any pattern may be orthogonal to the vector sought.
    vector = xp.sin(xp.arange(1.0, gram.shape[0] + 1, dtype=gram.dtype, device=gram.device) ** 2)
    for _ in range(n_steps):
        length = float(xp.linalg.vector_norm(vector))
        if length == 0:
            return 0.0
        vector = gram @ (vector / length)
    return float(xp.linalg.vector_norm(vector))


def kernel_inverse(xp: Any, values: Array, vectors: Array, penalty: float) -> Array:
    """Inverse of K + a I, in the directions that K has; 0 in the others.

    Models predict the same without the others, where coefficients would be residuals divided
    by a: large numbers that cancel, but for rounding.

    Parameters
    ----------
    xp : module
        Array namespace.
    values, vectors : array, shapes (n,) and (n, n)
        Eigenvalues and eigenvectors of K, in float64.
    penalty : float
        a.
    """
    seen = values > xp.max(values) * values.shape[0] * float(np.finfo(np.float64).eps)
    inverse = xp.where(seen, 1 / (values + penalty), xp.zeros_like(values))
    return (vectors * inverse) @ vectors.T


def _deviation(rows: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Measure the deviation of columns; infinity where they are constant but for rounding."""
    deviation = rows.std(axis=0, dtype=np.float64)
    return np.where(deviation <= 1e-6 * np.abs(mean), np.inf, deviation)
