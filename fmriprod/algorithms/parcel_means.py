"""Mean series of the voxels of each parcel, in the memory of a block of volumes."""

from collections.abc import Iterable

import numpy as np
from scipy import sparse

from fmriprod.algorithms.checks import InputError


def usable_columns(blocks: Iterable[np.ndarray]) -> np.ndarray:
    """Mark voxels with finite values throughout that are not constant.

    Parameters
    ----------
    blocks : iterable of ndarray, shape (n_volumes_of_block, n_voxels)
        Volumes in their order; read once.

    Returns
    -------
    ndarray of bool, shape (n_voxels,)
        False where a value is NaN or infinite, or all values are the same.
    """
    first = finite = varies = None
    for block in blocks:
        if first is None:
            first = np.array(block[0])
            finite, varies = np.ones(first.shape, bool), np.zeros(first.shape, bool)
        finite &= np.isfinite(block).all(axis=0)
        varies |= (block != first).any(axis=0)
    if first is None or finite is None:
        return np.zeros(0, bool)
    return finite & varies


def parcel_means(
    blocks: Iterable[np.ndarray], parcel: np.ndarray, n_parcels: int, usable: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Average the usable voxels of each parcel.

    Parameters
    ----------
    blocks : iterable of ndarray, shape (n_volumes_of_block, n_voxels)
        Volumes in their order; read once.
    parcel : ndarray of int, shape (n_voxels,)
        Row of the parcel of each voxel, from 0; negative: in none.
    n_parcels : int
        Number of parcels.
    usable : ndarray of bool, shape (n_voxels,)
        As `usable_columns` marks them; others do not enter the means.

    Returns
    -------
    series : ndarray of float32, shape (n_parcels, n_volumes)
        Means, summed in float64; NaN for a parcel without a usable voxel.
    n_voxels : ndarray of int64, shape (n_parcels,)
        Voxels that each mean is of.

    Raises
    ------
    InputError
        If voxels, labels and marks are not of one number, or a label is too large.
    """
    parcel = np.asarray(parcel)
    if parcel.shape != usable.shape or parcel.max(initial=-1) >= n_parcels:
        raise InputError(
            "labels", expected=f"a row below {n_parcels} for each of {usable.size} voxels",
            found=f"{parcel.size} voxels, rows up to {parcel.max(initial=-1)}",
            hint="give labels of the same voxels",
        )  # fmt: skip
    voxels = np.flatnonzero(usable & (parcel >= 0))
    rows = parcel[voxels]
    count = np.bincount(rows, minlength=n_parcels)
    # A sparse product leaves excluded voxels out, whatever they hold: 0 * NaN would be NaN.
    weights = sparse.csr_array(
        (1.0 / count[rows], (rows, voxels)), shape=(n_parcels, parcel.size), dtype=np.float64
    )
    # A volume at a time stays in the cache: 30 times as fast as blocks of 200.
    means = [(weights @ volume).astype(np.float32) for block in blocks for volume in block]
    series = np.stack(means, axis=1) if means else np.empty((n_parcels, 0), np.float32)
    series[count == 0] = np.nan
    return series, count


def exclude_parcels(series: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Set parcels with a value that is missing to NaN wholly, and find constant ones.

    Parameters
    ----------
    series : ndarray of float, shape (n_parcels, n_volumes)
        Series; not changed.

    Returns
    -------
    series : ndarray of float32, shape (n_parcels, n_volumes)
        A NaN anywhere in a row makes the row NaN.
    missing, constant : ndarray of bool, shape (n_parcels,)
        Rows of NaN, and rows that are the same throughout (kept as they are).

    Raises
    ------
    InputError
        If there is infinity, volumes without any value (censored), or no parcel to analyse.
    """
    series = np.array(series, dtype=np.float32)
    absent = np.isnan(series)
    infinite = np.isinf(series).any(axis=1)
    missing = absent.any(axis=1)
    if infinite.any():
        raise _refuse(
            "finite numbers, or NaN where a parcel is missing",
            f"infinity in {int(infinite.sum())} parcels, first row {int(infinite.argmax())} "
            "(counted from 0; float32)", "mend what made the series",
        )  # fmt: skip
    censored = absent.all(axis=0)
    if censored.any() and not absent.all():
        raise _refuse(
            "a value of some parcel in every volume",
            f"{int(censored.sum())} of {censored.size} volumes without any, first "
            f"{int(censored.argmax())} (counted from 0)",
            "give a series whose censored volumes are interpolated: time must not jump",
        )
    series[missing] = np.nan
    constant = ~missing & (series == series[:, :1]).all(axis=1)
    if (missing | constant).all():
        raise _refuse(
            "parcels whose values vary",
            f"{int(missing.sum())} of {missing.size} missing, {int(constant.sum())} constant",
            "check the file, and that labels lie on the brain",
        )
    return series, missing, constant


def _refuse(expected: str, found: str, hint: str) -> InputError:
    return InputError("in_file", expected=expected, found=found, hint=hint)
