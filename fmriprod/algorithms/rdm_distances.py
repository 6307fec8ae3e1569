"""Distances of all pairs of patterns, for many sets of voxels at once."""

from functools import lru_cache

import numpy as np

from fmriprod.algorithms.rdm import pair_indices

_SPREAD = 1e-6  # float32 cannot tell a pattern from a constant one below this share of its mean


def gram(patterns: np.ndarray) -> np.ndarray:
    """Multiply every pattern with every other: (n, k, c) to (n, c, c).

    One matrix by its own transpose: BLAS then computes one triangle only.
    """
    return np.matmul(patterns.transpose(0, 2, 1), patterns)


def take_pairs(matrices: np.ndarray) -> np.ndarray:
    """Take the upper triangles of ``(n, c, c)``, row by row: ``(n, n_pairs)``."""
    n, c, _ = matrices.shape
    first, second = _pairs(c)
    return np.take(matrices.reshape(n, c * c), first * c + second, axis=1)


@lru_cache(maxsize=4)
def _pairs(n_conditions: int) -> tuple[np.ndarray, np.ndarray]:
    """Give `pair_indices`; to work them out takes longer than small sets of patterns do."""
    return pair_indices(n_conditions)


def correlation_distances(patterns: np.ndarray) -> np.ndarray:
    """Give 1 minus Pearson's correlation of every pair of patterns.

    Parameters
    ----------
    patterns : ndarray of float32 or float64, shape (n, n_voxels, n_conditions)
        Changed in place: centred.

    Returns
    -------
    ndarray, shape (n, n_pairs)
        Of the same dtype; NaN for the pairs of a pattern that is constant.
    """
    n_voxels = patterns.shape[1]
    ones = np.full((1, n_voxels), 1 / n_voxels, dtype=patterns.dtype)
    means = np.matmul(ones, patterns)
    patterns -= means
    products = gram(patterns)
    squares = np.einsum("nii->ni", products)
    constant = squares <= n_voxels * (_SPREAD * means[:, 0]) ** 2
    with np.errstate(divide="ignore"):
        scale = np.where(constant, np.nan, 1 / np.sqrt(squares)).astype(patterns.dtype)
    products *= scale[:, :, None]
    products *= scale[:, None, :]
    distances = take_pairs(products)
    np.subtract(1, distances, out=distances)
    return distances


def squared_distances(products: np.ndarray, n_voxels: int, *, signed: bool = False) -> np.ndarray:
    """Give squared distances, per voxel, from products of patterns.

    Parameters
    ----------
    products : ndarray, shape (n, n_conditions, n_conditions)
        ``x_i' P x_j``; symmetric.
    n_voxels : int
        Voxels that the products are sums over.
    signed : bool, default False
        Cross-validated distances may be below 0; others are not, but for rounding.

    Returns
    -------
    ndarray, shape (n, n_pairs)
    """
    first, second = _pairs(products.shape[1])
    squares = np.einsum("nii->ni", products)
    distances = take_pairs(products)
    distances *= -2
    distances += np.take(squares, first, axis=1)
    distances += np.take(squares, second, axis=1)
    distances /= n_voxels
    if not signed:
        np.maximum(distances, 0, out=distances)
    return distances
