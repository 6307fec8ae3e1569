"""Which voxels a classifier gets: those with signal, or those that tell labels apart."""

import numpy as np
import pandas as pd

from fmriprod.algorithms.splits import RUN, row_groups


def usable_columns(features: np.ndarray, samples: pd.DataFrame, rows: np.ndarray) -> np.ndarray:
    """Mark the voxels that are finite in all rows and constant in no run.

    Labels are not looked at. A run of a single row says nothing about constancy.

    Parameters
    ----------
    features : ndarray, shape (n_samples, n_voxels)
        Activity.
    samples : DataFrame, n_samples rows
        Columns ``subject, task, run``.
    rows : ndarray of int
        Rows that take part.

    Returns
    -------
    ndarray of bool, shape (n_voxels,)
    """
    run = row_groups(samples, RUN)
    usable = np.ones(features.shape[1], dtype=bool)
    for number in np.unique(run[rows]):
        part = features[rows[run[rows] == number]]
        usable &= np.isfinite(part).all(axis=0)
        if len(part) > 1:
            usable &= (part != part[0]).any(axis=0)
    return usable


def variance_ratio(features: np.ndarray, codes: np.ndarray, n_labels: int) -> np.ndarray:
    """Share of each voxel's variance that lies between labels, for many label vectors.

    It orders voxels as the F value of a one-way analysis of variance does.

    Parameters
    ----------
    features : ndarray, shape (n_samples, n_voxels)
        Activity.
    codes : ndarray of int, shape (n_fits, n_samples)
        Label numbers.
    n_labels : int
        Number of labels.

    Returns
    -------
    ndarray of float32, shape (n_fits, n_voxels)
        From 0 to 1; 0 for constant voxels.
    """
    centred = features - features.mean(axis=0, dtype=np.float64).astype(np.float32)
    total = np.einsum("ij,ij->j", centred, centred)
    member = (codes[:, None, :] == np.arange(n_labels)[:, None]).astype(np.float32)
    size = member.sum(axis=2)
    sums = (member.reshape(-1, len(features)) @ centred).reshape(*size.shape, -1)
    between = (sums**2 / np.maximum(size, 1)[:, :, None]).sum(axis=1)
    return np.divide(between, total, out=np.zeros_like(between), where=total > 0)


def best_columns(ratio: np.ndarray, n_voxels: int) -> np.ndarray:
    """Find the columns with the largest values; the earlier one wins a tie.

    Parameters
    ----------
    ratio : ndarray, shape (n_voxels,)
        From `variance_ratio`.
    n_voxels : int
        How many.

    Returns
    -------
    ndarray of int, shape (n_voxels,)
        Ascending.
    """
    return np.sort(np.argsort(-ratio, kind="stable")[:n_voxels])
