"""Correlations between the voxels of two regions over the volumes of each trial.

The features of a trial are the Pearson correlations of every voxel of region 2 (rows) with
every voxel of region 1 (columns), flattened row by row: feature ``i * n_1 + j`` belongs to voxel
``i`` of region 2 and voxel ``j`` of region 1. They are products of unit time courses, so that
inner products between the features of two trials need no feature (`pair_kernels`).
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.splits import RUN

_BLOCK_VALUES = 200_000  # features of all trials in memory at a time: 0.8 MB
_GRAM_VALUES = 100_000  # of each region's inner products in memory at a time: 0.8 MB


def trial_rows(samples: pd.DataFrame) -> tuple[pd.DataFrame, np.ndarray]:
    """Find the rows of each trial.

    Parameters
    ----------
    samples : DataFrame
        Sample table: ``subject, task, run, label, trial, tr, time_point``.

    Returns
    -------
    trials : DataFrame, n_trials rows
        The first row of each trial, in the order of the table, ``n_volumes`` set to the
        volumes that it spans.
    rows : ndarray of int, shape (n_trials, n_time_points)
        Rows of each trial in the order of ``time_point``.

    Raises
    ------
    InputError
        If trials differ in their number of time points, have fewer than three, or two labels.
    """
    number = samples.groupby([*RUN, "trial"], sort=False).ngroup().to_numpy()
    order = np.lexsort((samples["time_point"].to_numpy(), number))
    size = np.bincount(number)
    first = order[np.cumsum(size) - size]
    trials = samples.iloc[first].reset_index(drop=True)
    odd = np.flatnonzero(size != np.bincount(size).argmax())
    if len(odd) or size[0] < 3:
        which = odd if len(odd) else [0]
        raise _refuse_trials(
            "trials with the same number of volumes, three or more",
            trials.iloc[which],
            [f"{size[i]} volumes" for i in which],
            "make the features with one window for all trials, without averaging",
        )
    rows = order.reshape(len(size), -1)
    labels = samples["label"].to_numpy()[rows]
    mixed = np.flatnonzero((labels != labels[:, :1]).any(axis=1))
    if len(mixed):
        found = [f"labels {', '.join(sorted(set(labels[i])))}" for i in mixed]
        hint = "mend the sample table"
        raise _refuse_trials("one label in a trial", trials.iloc[mixed], found, hint)
    volumes = samples["tr"].to_numpy()[rows]
    return trials.assign(n_volumes=volumes.max(axis=1) - volumes.min(axis=1) + 1), rows


def varying_voxels(series: np.ndarray) -> np.ndarray:
    """Mark the voxels that have a correlation in every trial.

    Parameters
    ----------
    series : ndarray, shape (n_trials, n_time_points, n_voxels)
        Time courses.

    Returns
    -------
    ndarray of bool, shape (n_voxels,)
        False where a voxel is constant, to rounding, or not finite in any trial.
    """
    varies = np.ones(series.shape[2], dtype=bool)
    for trial in series:  # float64 copies of all trials would be large
        with np.errstate(invalid="ignore", over="ignore"):
            values = trial.astype(np.float64)
            varies &= values.std(axis=0) > 1e-6 * np.abs(values.mean(axis=0))
    return varies


def unit_courses(series: np.ndarray) -> np.ndarray:
    """Scale the time course of each voxel in each trial to mean 0 and norm 1.

    Parameters
    ----------
    series : ndarray, shape (n_trials, n_time_points, n_voxels)
        Time courses; every voxel must vary in every trial (`varying_voxels`).

    Returns
    -------
    ndarray of float32, same shape
        Products of two voxels, summed over time points, are their correlation.
    """
    courses = np.empty(series.shape, dtype=np.float32)
    for trial, course in zip(series, courses, strict=True):
        centred = trial - trial.mean(axis=0, dtype=np.float64)
        course[:] = centred / np.linalg.norm(centred, axis=0)
    return courses


def correlation_blocks(
    courses_1: np.ndarray, courses_2: np.ndarray, block_values: int = _BLOCK_VALUES
) -> Iterator[np.ndarray]:
    """Compute the correlations of all trials, a few rows of the matrices at a time.

    Parameters
    ----------
    courses_1, courses_2 : ndarray of float32, shape (n_trials, n_time_points, n_voxels)
        From `unit_courses`, of region 1 and 2.
    block_values : int
        Most values to hold at a time (at least one row of all trials).

    Yields
    ------
    ndarray of float32, shape (n_trials, n_features_of_block)
        Blocks of features in their order; do not keep them.
    """
    n_trials, _, n_1 = courses_1.shape
    step = max(1, block_values // (n_trials * n_1))
    for start in range(0, courses_2.shape[2], step):
        rows = courses_2[:, :, start : start + step].transpose(0, 2, 1)
        yield np.matmul(rows, courses_1).reshape(n_trials, -1)


def correlation_rows(
    courses_1: np.ndarray, courses_2: np.ndarray, block_values: int = _BLOCK_VALUES
) -> Iterator[np.ndarray]:
    """Compute the correlations trial after trial, each a few rows at a time.

    Parameters
    ----------
    courses_1, courses_2, block_values
        As `correlation_blocks` takes them.

    Yields
    ------
    ndarray of float32, shape (n_features_of_block,)
        Put one after the other, they are the matrix of trials x features, row by row.
    """
    step = max(1, block_values // courses_1.shape[2])
    for one, two in zip(courses_1, courses_2, strict=True):
        for start in range(0, two.shape[1], step):
            yield (two[:, start : start + step].T @ one).ravel()


def stacked_blocks(
    series: np.ndarray, block_values: int = _BLOCK_VALUES // 4
) -> Iterator[np.ndarray]:
    """Give the activity itself as features, all volumes of a trial, a few voxels at a time.

    Parameters
    ----------
    series : ndarray, shape (n_trials, n_time_points, n_voxels)
        Time courses.
    block_values : int
        Most values to hold at a time (at least one voxel of all trials).

    Yields
    ------
    ndarray of float64, shape (n_trials, n_features_of_block)
        Blocks of features.
    """
    n_trials, n_points, n_voxels = series.shape
    step = max(1, block_values // (n_trials * n_points))
    for start in range(0, n_voxels, step):
        yield series[:, :, start : start + step].astype(np.float64).reshape(n_trials, -1)


def pair_kernels(
    courses: list[np.ndarray], pairs: list[tuple[int, int]], gram_values: int = _GRAM_VALUES
) -> np.ndarray:
    r"""Compute inner products between the trials' correlations without the correlations.

    With the unit time courses :math:`A_s` and :math:`B_s` (time points x voxels) of two regions
    in trial s, the correlations are :math:`B_s'A_s` and

    .. math:: \langle B_s'A_s, B_t'A_t\rangle = \sum_{a,b} (A_sA_t')_{ab} (B_sB_t')_{ab},

    a sum over pairs of time points. The products :math:`A_sA_t'` of a region serve all its pairs.

    Parameters
    ----------
    courses : list of ndarray, shape (n_trials, n_time_points, n_voxels)
        From `unit_courses`, one a region.
    pairs : list of (int, int)
        Numbers of the regions of each pair.
    gram_values : int
        Most values of a region's products to hold at a time (at least those of one trial).

    Returns
    -------
    ndarray of float64, shape (n_pairs, n_trials, n_trials)
        Symmetric; the intercept is not in it.
    """
    n_trials, n_points, _ = courses[0].shape
    kernels = np.zeros((len(pairs), n_trials, n_trials))
    step = max(1, gram_values // (n_trials * n_points**2))
    for start in range(0, n_trials, step):  # trials from start on: the rest is symmetric
        here = slice(start, start + step)
        grams = [_gram(course[here], course[start:]) for course in courses]
        for kernel, (one, two) in zip(kernels, pairs, strict=True):
            kernel[here, start:] = np.einsum("atbu,atbu->ab", grams[one], grams[two])
            kernel[start:, here] = kernel[here, start:].T
    return kernels


def _gram(rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Products of all time points, shape (n_rows, n_points, n_columns, n_points)."""
    n_points, n_voxels = rows.shape[1:]
    left = rows.reshape(-1, n_voxels).astype(np.float64)
    product = np.empty((len(left), len(columns), n_points))
    for number, trial in enumerate(columns):  # float64 copies of all trials would be large
        product[:, number] = left @ trial.astype(np.float64).T
    return product.reshape(len(rows), n_points, len(columns), n_points)


def _refuse_trials(expected: str, trials: pd.DataFrame, found: list[str], hint: str) -> InputError:
    shown = [
        f"run {trial.run}, trial {trial.trial} ({trial.label!r}): {what}"
        for trial, what in zip(trials.head(5).itertuples(), found, strict=False)
    ]
    more = f" and {len(trials) - 5} more" if len(trials) > 5 else ""
    return InputError("samples", expected=expected, found="; ".join(shown) + more, hint=hint)
