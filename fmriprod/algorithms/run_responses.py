"""Clean the series of a run and pair its volumes with the stimuli before them."""

from dataclasses import dataclass

import numpy as np

from fmriprod.algorithms.checks import InputError, usable_voxels
from fmriprod.algorithms.temporal_filter import filter_matrix

DRIFTS = ("linear", "cosine", "running_line", "none")
SCALES = ("none", "zscore", "percent")
_NO_VARIANCE = 1e-6  # of the root mean square: float32 holds 6e-8


@dataclass(frozen=True)
class CleanRun:
    """A run after `clean_run`.

    Attributes
    ----------
    series : ndarray of float32, shape (n_voxels, n_volumes)
        Cleaned series; NaN throughout where a voxel is not usable.
    usable : ndarray of bool, shape (n_voxels,)
        Voxels that could be cleaned.
    excluded : dict of str to int
        Why the others could not: ``nonfinite``, ``constant``, ``explained`` (nothing is left
        beside drift and confounds), ``mean_not_positive`` (per cent of what?).
    """

    series: np.ndarray
    usable: np.ndarray
    excluded: dict[str, int]


def kept_volumes(
    n_volumes: int, shift: int = 0, drop_first: int = 0, drop_last: int = 0
) -> np.ndarray:
    """Volumes of a run that answer to a stimulus of the same run.

    Volume ``v`` answers to what was shown in volume ``v - shift``. It is kept if that volume is
    in the run and ``v`` itself is not dropped, so that no pair crosses the border of a run:
    responses ``[shift:]`` with stimuli ``[:-shift]``.

    Parameters
    ----------
    n_volumes : int
        Length of the run.
    shift : int
        Volumes between a stimulus and its response.
    drop_first, drop_last : int
        Volumes at the ends of the run that are not used as responses.

    Returns
    -------
    ndarray of int
        Volumes of the responses, from 0; the stimuli's are these less ``shift``.

    Raises
    ------
    InputError
        If a number is negative, or fewer than one volume is left.
    """
    for name, value in (("shift", shift), ("drop_first", drop_first), ("drop_last", drop_last)):
        if value < 0:
            raise InputError(
                name,
                expected="a number of volumes, 0 or more",
                found=f"{value}",
                hint="responses come after their stimuli; leave it out if nothing shall change",
            )
    volumes = np.arange(max(shift, drop_first), n_volumes - drop_last)
    if not len(volumes):
        raise InputError(
            "shift",
            expected=f"less than the {n_volumes} volumes of the run",
            found=f"none left with shift {shift}, drop_first {drop_first}, drop_last {drop_last}",
            hint="give the whole run, or smaller numbers",
        )
    return volumes


def clean_run(
    series: np.ndarray,
    *,
    detrend: str = "linear",
    tr: float = 1.0,
    high_pass: float = 100.0,
    confounds: np.ndarray | None = None,
    standardize: str = "none",
    block_size: int = 4096,
) -> CleanRun:
    """Remove drift and confounds from the series of one run, and scale them.

    The drift is taken out of the confounds too, before they are regressed out, so that they
    put nothing of it back (Lindquist et al., 2019, Human Brain Mapping 40, 2358). With
    ``linear`` and ``cosine`` this is one projection off drift and confounds together. The result
    has mean zero, but for ``detrend="none"`` with ``standardize="none"``, which keeps the mean.

    Parameters
    ----------
    series : ndarray, shape (n_voxels, n_volumes)
        Time series of one run.
    detrend : {"linear", "cosine", "running_line", "none"}
        One straight line; high-pass filters, see `fmriprod.algorithms.temporal_filter`.
    tr, high_pass : float
        Repetition time and cut-off period in s, for the filters.
    confounds : ndarray, shape (n_volumes, n_confounds), optional
        Columns that are regressed out.
    standardize : {"none", "zscore", "percent"}
        Divide by the standard deviation (over n volumes) of what is left, or give per cent of
        the voxel's mean before cleaning.
    block_size : int
        Voxels in double precision at a time: about ``24 * block_size * n_volumes`` bytes.

    Returns
    -------
    CleanRun

    Raises
    ------
    InputError
        If an option is unknown, the run has fewer than 3 volumes, or the confounds leave no
        degree of freedom; for the filters as `filter_matrix`.
    """
    _check(detrend, standardize)
    series = np.asarray(series)
    n_volumes = series.shape[1]
    matrix = _cleaning_matrix(n_volumes, detrend, tr, high_pass, confounds)
    keeps_mean = detrend == "none" and standardize == "none"
    usable = usable_voxels(series)
    with np.errstate(invalid="ignore", over="ignore"):
        finite = np.isfinite(series.sum(axis=1, dtype=np.float64))
    excluded = {"nonfinite": int((~finite).sum()), "constant": int((finite & ~usable).sum())}
    explained, no_mean = np.zeros((2, len(series)), bool)
    cleaned = np.full(series.shape, np.nan, np.float32)
    rows = np.flatnonzero(usable)
    for start in range(0, len(rows), block_size):
        here = rows[start : start + block_size]
        block = series[here].astype(np.float64)
        mean = block.mean(axis=1, keepdims=True)
        size = np.sqrt((block**2).mean(axis=1))
        block -= mean
        if matrix is not None:
            block = block @ matrix.T
        deviation = block.std(axis=1)
        explained[here] = deviation <= _NO_VARIANCE * size
        no_mean[here] = (standardize == "percent") & (mean[:, 0] <= 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            cleaned[here] = _scaled(block, mean, deviation[:, None], standardize, keeps_mean)
    excluded["explained"] = int(explained.sum())
    excluded["mean_not_positive"] = int((no_mean & ~explained).sum())
    usable &= ~(explained | no_mean)
    cleaned[~usable] = np.nan
    return CleanRun(cleaned, usable, excluded)


def _scaled(
    block: np.ndarray, mean: np.ndarray, deviation: np.ndarray, standardize: str, keeps_mean: bool
) -> np.ndarray:
    if standardize == "zscore":
        return block / deviation
    if standardize == "percent":
        return 100 * block / mean
    return block + mean if keeps_mean else block


def _cleaning_matrix(
    n_volumes: int, detrend: str, tr: float, high_pass: float, confounds: np.ndarray | None
) -> np.ndarray | None:
    """Matrix that cleans a series about its mean; None where it would be the identity."""
    if n_volumes < 3:
        raise InputError(
            "in_files",
            expected="runs of at least 3 volumes",
            found=f"{n_volumes}",
            hint="give whole runs",
        )
    drift = None
    if detrend == "linear":
        drift = filter_matrix(n_volumes, 1.0, 2.0, "linear")  # whatever the repetition time
    elif detrend != "none":
        drift = filter_matrix(n_volumes, tr, high_pass, detrend)
    if confounds is None or not confounds.shape[1]:
        return drift
    centred = confounds - confounds.mean(axis=0)
    size = np.linalg.norm(centred, axis=0)
    filtered = centred if drift is None else drift @ centred
    left = np.linalg.norm(filtered, axis=0) > 1e-9 * np.maximum(size, np.abs(confounds).max(axis=0))
    filtered = filtered[:, left] / np.linalg.norm(filtered[:, left], axis=0)
    basis, values, _ = np.linalg.svd(filtered, full_matrices=False)
    basis = basis[:, values > 1e-9 * max(values.max(initial=0), 1e-300)]
    whole = np.eye(n_volumes) if drift is None else drift
    matrix = whole - basis @ (basis.T @ whole)
    # The trace is the dimension that is left: one of it is the mean.
    if np.trace(matrix) - 1 < 0.5:
        raise InputError(
            "confounds",
            expected=f"fewer columns than the {n_volumes} volumes leave room for",
            found=f"{confounds.shape[1]} columns, which with the drift explain every series",
            hint="take fewer confounds",
        )
    return matrix


def _check(detrend: str, standardize: str) -> None:
    for name, value, known in (
        ("detrend", detrend, DRIFTS),
        ("standardize", standardize, SCALES),
    ):
        if value not in known:
            raise InputError(
                name, expected=" or ".join(known), found=repr(value), hint="choose one of these"
            )
