"""Put training and test rows on one scale, voxel by voxel, without a leak between them."""

from typing import Literal

import numpy as np
import pandas as pd

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.splits import RUN, Split, row_groups

Standardize = Literal["split", "train", "run", "none"]


def standardized(
    features: np.ndarray, samples: pd.DataFrame, split: Split, standardize: Standardize
) -> tuple[np.ndarray, np.ndarray]:
    """Take the training and test rows of a split and scale them.

    Training rows never depend on test rows.

    Parameters
    ----------
    features : ndarray of float32, shape (n_samples, n_voxels)
        Activity.
    samples : DataFrame, n_samples rows
        Columns ``subject, task, run``.
    split : Split
        Its ``train`` and ``test`` rows and its ``name``.
    standardize : {'split', 'train', 'run', 'none'}
        See `object_evidence`.

    Returns
    -------
    train, test : ndarray of float32, shape (n_train, n_voxels) and (n_test, n_voxels)

    Raises
    ------
    InputError
        If there is a single row to standardize over.
    """
    train, test = features[split.train], features[split.test]
    if standardize == "none":
        return train, test
    if standardize == "train":
        mean, deviation = _moments(train)
        return (train - mean) / deviation, (test - mean) / deviation
    run = row_groups(samples, RUN)
    for rows, part in ((split.train, train), (split.test, test)):
        groups = run[rows] if standardize == "run" else np.zeros(len(rows))
        for number in np.unique(groups):
            here = groups == number
            if np.count_nonzero(here) < 2:
                raise InputError(
                    "standardize",
                    expected=f"two rows or more to standardize over with {standardize!r}",
                    found=f"{split.name}: a single row",
                    hint="use standardize='train', or larger test sets",
                )
            mean, deviation = _moments(part[here])
            part[here] = (part[here] - mean) / deviation
    return train, test


def _moments(part: np.ndarray, chunk: int = 8192) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation per voxel; 1 where a voxel only has rounding noise."""
    mean, deviation = np.empty((2, part.shape[1]))
    for start in range(0, part.shape[1], chunk):  # float64 copies of all voxels would be large
        here = slice(start, start + chunk)
        values = part[:, here].astype(np.float64)
        mean[here], deviation[here] = values.mean(axis=0), values.std(axis=0)
    deviation = np.where(deviation > 1e-6 * np.abs(mean), deviation, 1)
    return mean.astype(part.dtype), deviation.astype(part.dtype)
