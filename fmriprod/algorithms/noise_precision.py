"""Covariance of the noise of voxels, shrunk so that it can be inverted, and distances in it."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.rdm_distances import gram


@dataclass(frozen=True)
class Noise:
    """What is known of the noise of voxels.

    Attributes
    ----------
    residuals : ndarray of float32, shape (n_residuals, n_mask_voxels)
        Of a model of the series, or deviations of repeated patterns from their mean.
    dof : int
        Degrees of freedom that the residuals have left.
    method : {"shrinkage_diag", "shrinkage_eye", "diagonal"}
        How the covariance of the voxels of a sphere is estimated.
    """

    residuals: np.ndarray
    dof: int
    method: str = "shrinkage_diag"


def noise_from_residuals(
    residuals: np.ndarray, dof: int | None = None, method: str = "shrinkage_diag"
) -> Noise:
    """Take residuals of a model, centred, as noise.

    Parameters
    ----------
    residuals : ndarray, shape (n_residuals, n_mask_voxels)
        Rows are volumes or trials.
    dof : int, optional
        ``n_residuals - 1`` unless given; fewer where a model with regressors was fitted.
    method : str
        As that of `Noise`.

    Raises
    ------
    InputError
        If fewer than two rows or no degrees of freedom are left.
    """
    residuals = np.asarray(residuals, dtype=np.float32)
    dof = len(residuals) - 1 if dof is None else dof
    if len(residuals) < 2 or dof < 1:
        raise InputError(
            "residuals", expected="2 residuals or more, with degrees of freedom left",
            found=f"{len(residuals)} with {dof} degrees of freedom",
            hint="give residuals of every volume, or repeat conditions",
        )  # fmt: skip
    mean = residuals.mean(axis=0, dtype=np.float64).astype(np.float32)
    return Noise(residuals - mean, int(dof), method)


def noise_from_repeats(
    patterns: np.ndarray, conditions: np.ndarray, method: str = "shrinkage_diag"
) -> Noise:
    """Take deviations of repeated patterns from the mean of their condition as noise.

    Parameters
    ----------
    patterns : ndarray, shape (n_rows, n_mask_voxels)
        A row a measurement.
    conditions : ndarray of int, shape (n_rows,)
        Condition of each.
    method : str
        As that of `Noise`.

    Raises
    ------
    InputError
        If no condition was measured twice.
    """
    conditions = np.asarray(conditions)
    codes = np.unique(conditions)
    dof = len(conditions) - len(codes)
    if dof < 1:
        raise InputError(
            "noise", expected="conditions that are repeated, or residuals",
            found=f"{len(codes)} conditions in {len(conditions)} patterns",
            hint="give residuals of the model, or one pattern of each condition a run",
        )  # fmt: skip
    deviations = np.array(patterns, dtype=np.float32)
    for code in codes:
        rows = conditions == code
        deviations[rows] -= deviations[rows].mean(axis=0, dtype=np.float64).astype(np.float32)
    return Noise(deviations, dof, method)


def noise_variance(blocks: Iterable[np.ndarray], dof: int | None = None) -> np.ndarray:
    """Estimate the variance of each voxel from blocks of residuals, none of which is kept.

    Parameters
    ----------
    blocks : iterable of ndarray, shape (n, n_voxels)
        Some rows at a time.
    dof : int, optional
        Rows minus 1 unless given.

    Returns
    -------
    ndarray of float64, shape (n_voxels,)
        Sum of squares about the mean, divided by ``dof`` (Chan, Golub and LeVeque 1983).
    """
    n, mean, squares = 0, np.zeros(()), np.zeros(())
    for block in blocks:
        block = np.asarray(block, dtype=np.float64)
        own = block.mean(axis=0)
        apart = own - mean
        total = n + len(block)
        squares = squares + ((block - own) ** 2).sum(axis=0)
        squares = squares + apart**2 * n * len(block) / total
        mean = mean + apart * len(block) / total
        n = total
    return squares / (n - 1 if dof is None else dof)


def shrinkage(residuals: np.ndarray, dof: int, method: str) -> tuple[np.ndarray, np.ndarray]:
    """Split a shrunk covariance into a diagonal and a multiple of the sample's.

    The covariance is ``diag(diagonal) + share * residuals' residuals / dof``, for each of n
    sets of voxels.

    Parameters
    ----------
    residuals : ndarray of float64, shape (n, n_residuals, n_voxels)
        Centred.
    dof : int
        Degrees of freedom.
    method : {"shrinkage_eye", "shrinkage_diag"}
        Towards a multiple of the identity (Ledoit and Wolf 2004, J Multivar Anal 88:365) or
        towards the variances (Schäfer and Strimmer 2005, Stat Appl Genet Mol Biol 4:32), with
        the constants of rsatoolbox, whose results they give.

    Returns
    -------
    diagonal : ndarray, shape (n, n_voxels)
    share : ndarray, shape (n,)
        From 0, all shrunk, to 1, the sample's covariance itself.
    """
    n_rows, n_voxels = residuals.shape[1:]
    squares = residuals**2
    if method == "shrinkage_eye":
        norm = _norm_of_covariance(residuals) / n_rows**2
        mean = squares.sum(axis=(1, 2)) / n_rows / n_voxels
        apart = norm - n_voxels * mean**2
        # The sum over all pairs of voxels of their products' squares is a square of sums.
        spread = ((squares.sum(axis=2) ** 2).sum(axis=1) / n_rows - norm) / n_rows
        share = 1 - np.minimum(spread, apart) / apart
        diagonal = ((1 - share) * mean * n_rows / dof)[:, None]
        return np.broadcast_to(diagonal, (len(residuals), n_voxels)), share
    variance = squares.sum(axis=1) / dof
    squares /= variance[:, None]
    normed = residuals / np.sqrt(variance)[:, None]
    own = squares.sum(axis=1) / (n_rows - 1)  # correlations of voxels with themselves
    pairs = _norm_of_covariance(normed) / (n_rows - 1) ** 2 - (own**2).sum(axis=1)
    fourth = (squares.sum(axis=2) ** 2).sum(axis=1) - (squares**2).sum(axis=(1, 2))
    spread = n_rows / dof**2 * (fourth / (n_rows - 1) - pairs)
    strength = np.clip(np.divide(spread, pairs, out=np.ones_like(pairs), where=pairs > 0), 0, 1)
    return strength[:, None] * variance, 1 - strength


def _norm_of_covariance(residuals: np.ndarray) -> np.ndarray:
    """Sum of squares of ``r' r``; that of ``r r'`` is the same, and one of both is smaller."""
    wide = residuals.shape[1] < residuals.shape[2]
    products = gram(residuals.transpose(0, 2, 1) if wide else residuals)
    return np.einsum("nij,nij->n", products, products)


def noise_products(
    patterns: np.ndarray, residuals: np.ndarray, dof: int, method: str
) -> np.ndarray:
    """Multiply patterns with the precision of the noise between them: ``x' inv(C) x``.

    Parameters
    ----------
    patterns : ndarray of float64, shape (n, n_voxels, c)
        Patterns of n sets of voxels.
    residuals : ndarray of float64, shape (n, n_residuals, n_voxels)
        Centred noise of the same voxels.
    dof, method
        As those of `shrinkage`.

    Returns
    -------
    ndarray of float64, shape (n, c, c)

    Raises
    ------
    InputError
        If a covariance cannot be inverted.
    """
    diagonal, share = shrinkage(residuals, dof, method)
    n_rows, n_voxels = residuals.shape[1:]
    try:
        if n_rows >= n_voxels:
            covariance = gram(residuals)
            covariance *= (share / dof)[:, None, None]
            np.einsum("nii->ni", covariance)[...] += diagonal
            return np.matmul(patterns.transpose(0, 2, 1), np.linalg.solve(covariance, patterns))
        # Fewer residuals than voxels: the inverse by Woodbury's identity is the smaller one.
        scale = 1 / np.sqrt(diagonal)
        x = patterns * scale[:, :, None]
        r = residuals * (scale * np.sqrt(share / dof)[:, None])[:, None]
        small = gram(r.transpose(0, 2, 1))
        np.einsum("nii->ni", small)[...] += 1
        along = np.matmul(r, x)
        return gram(x) - np.matmul(along.transpose(0, 2, 1), np.linalg.solve(small, along))
    except np.linalg.LinAlgError:
        raise InputError(
            "noise", expected="a covariance of the noise that can be inverted",
            found="a singular one", hint="give more residuals, or noise that is not constant",
        ) from None  # fmt: skip
