"""Which columns of a feature matrix belong to a region."""

from typing import Literal

import numpy as np

from fmriprod.algorithms.checks import InputError


def columns_of(
    voxels: np.ndarray, mask: np.ndarray, *, missing: Literal["error", "drop"] = "error"
) -> np.ndarray:
    """Find the columns whose voxels lie in a region.

    Parameters
    ----------
    voxels : ndarray of int, shape (n_columns, 3)
        Index i, j, k of the voxel of each column (the voxel table of `Featurize`).
    mask : ndarray of bool, shape (ni, nj, nk)
        The region, on the grid of the features.
    missing : {'error', 'drop'}
        What to do when the region has voxels that the features lack: refuse, or take those
        that are there; ``mask.sum()`` less the length of the result were left out.

    Returns
    -------
    ndarray of int, shape (n_region_voxels,)
        Columns, in the C order of the region's voxels, whatever the order of the columns.

    Raises
    ------
    InputError
        If a column's voxel is outside the grid or there twice, if the region is empty, or
        if it has voxels that no column holds.

    Examples
    --------
    >>> mask = np.zeros((2, 2, 1), dtype=bool)
    >>> mask[0, 1] = mask[1, 0] = True
    >>> columns_of(np.array([[1, 0, 0], [1, 1, 0], [0, 1, 0]]), mask)
    array([2, 0])
    """
    voxels, mask = np.asarray(voxels), np.asarray(mask, dtype=bool)
    outside = ((voxels < 0) | (voxels >= mask.shape)).any(axis=1)
    if outside.any():
        first = voxels[outside][0].tolist()
        raise _refuse(
            f"columns within the grid of shape {mask.shape}",
            f"{outside.sum()} of {len(voxels)} outside, such as voxel {first}",
            "give a mask on the grid that the features were made on",
        )
    column = np.full(mask.size, -1)
    place = np.ravel_multi_index(tuple(voxels.T), mask.shape)
    column[place] = np.arange(len(voxels))
    if (column[place] != np.arange(len(voxels))).any():
        raise _refuse(
            "a column for each voxel once",
            f"{len(voxels) - len(np.unique(place))} voxels twice",
            "give the voxel table that Featurize wrote",
        )
    found = column[mask.ravel()]
    absent = np.count_nonzero(found < 0)
    if not len(found):
        raise _refuse("a region with voxels in it", "no voxel", "make the mask again")
    if absent == len(found) or (absent and missing == "error"):
        index = np.argwhere(mask)[found < 0][0].tolist()
        raise _refuse(
            f"features for all {len(found)} voxels of the region",
            f"none for {absent} of them, such as voxel {index}",
            "make the features with the union of all regions as mask (or missing='drop')",
        )
    return found[found >= 0]


def _refuse(expected: str, found: str, hint: str) -> InputError:
    return InputError("mask", expected=expected, found=found, hint=hint)
