"""All measures of a run's quality together: one number each, and one row a volume."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from fmriprod.algorithms.checks import InputError, usable_voxels
from fmriprod.algorithms.quality import dvars, global_drift, outlier_fraction, signal_to_noise
from fmriprod.algorithms.transforms import MOTION_COLUMNS, framewise_displacement


class Quality(NamedTuple):
    """What `run_quality` gives."""

    summary: dict[str, float | int]
    table: pd.DataFrame
    tsnr: np.ndarray
    usable: np.ndarray


def run_quality(
    series: np.ndarray,
    displacement: np.ndarray | None = None,
    *,
    fd_threshold: float = 0.5,
    outlier_threshold: float = 0.05,
) -> Quality:
    """Measure the quality of a run inside a mask.

    Voxels with a value that is not finite and constant voxels are counted and left out of
    all else.

    Parameters
    ----------
    series : ndarray, shape (n_voxels, n_volumes)
        Time series of the voxels of the mask.
    displacement : ndarray, shape (n_volumes,), optional
        Framewise displacement in mm, the first NaN.
    fd_threshold : float
        Displacement in mm above which a volume is counted (0.5: Power et al. 2012).
    outlier_threshold : float
        Share of outlying voxels above which a volume is counted.

    Returns
    -------
    Quality
        ``summary``: one number for each measure (see the functions of
        `fmriprod.algorithms.quality`; NaN where one cannot be measured). ``table``: a row
        a volume, columns ``dvars std_dvars framewise_displacement global_signal
        outlier_fraction``. ``tsnr``: shape (n_voxels,), NaN where not analysed.
        ``usable``: which voxels were analysed.

    Raises
    ------
    InputError
        If the run has fewer than four volumes or no voxel can be analysed.
    """
    n_volumes = series.shape[1]
    if n_volumes < 4:
        raise InputError(
            "in_file",
            expected="a run of at least 4 volumes",
            found=f"{n_volumes}",
            hint="give the whole run",
        )
    counts, usable = _count(series)
    if not usable.any():
        raise InputError(
            "mask",
            expected="a mask with voxels whose values are finite and change over time",
            found=f"{counts['n_nonfinite']} voxels with NaN or infinite values and "
            f"{counts['n_constant']} constant ones, no other",
            hint="check that the mask belongs to this run, and that the run is not empty",
        )
    good = series if usable.all() else series[usable]
    table, tsnr, sfnr = _measure(good, displacement)
    whole = np.full(len(series), np.nan)
    whole[usable] = tsnr
    over = int((table["outlier_fraction"] > outlier_threshold).sum())
    summary = {
        **counts,
        **_medians(table, tsnr, sfnr),
        **global_drift(table["global_signal"].to_numpy()),
        "outlier_fraction_mean": float(table["outlier_fraction"].mean()),
        "outlier_threshold": outlier_threshold,
        "n_outlier_volumes": over,
        **_displacement_summary(displacement, fd_threshold),
    }
    return Quality(summary, table, whole, usable)


def displacement_of(motion: pd.DataFrame, n_volumes: int) -> np.ndarray:
    """Check a table of motion and give its framewise displacement.

    Parameters
    ----------
    motion : DataFrame, n_volumes rows
        Columns ``trans_x trans_y trans_z`` in mm, ``rot_x rot_y rot_z`` in rad; if there is a
        ``framewise_displacement`` in mm it is taken, else computed (Power et al. 2012, 50 mm).
    n_volumes : int
        Length of the run.

    Returns
    -------
    ndarray of float64, shape (n_volumes,)
        In mm, the first NaN.

    Raises
    ------
    InputError
        If columns are missing, rows are not as many as volumes, or values are not numbers.
    """
    missing = [name for name in MOTION_COLUMNS if name not in motion]
    if missing:
        raise _motion_error(
            "columns " + " ".join(MOTION_COLUMNS),
            f"no {' '.join(missing)} among {' '.join(map(str, motion.columns))}",
            "name the columns as BIDS does: translations in mm, rotations in rad",
        )
    if len(motion) != n_volumes:
        raise _motion_error(
            f"a row for each of {n_volumes} volumes",
            f"{len(motion)} rows",
            "give the motion of this very run, with a header line and no volume left out",
        )
    values = motion[list(MOTION_COLUMNS)].apply(pd.to_numeric, errors="coerce").to_numpy(float)
    _refuse_gaps(values.sum(axis=1), "motion parameters")
    if "framewise_displacement" not in motion:
        return framewise_displacement(values)
    given = pd.to_numeric(motion["framewise_displacement"], errors="coerce").to_numpy(float)
    _refuse_gaps(given[1:], "framewise_displacement", first=2)
    return np.concatenate([[np.nan], given[1:]])


def _count(series: np.ndarray) -> tuple[dict[str, int], np.ndarray]:
    finite, usable = np.isfinite(series).all(axis=1), usable_voxels(series)
    n_voxels, n_volumes = series.shape
    counts = {
        "n_volumes": n_volumes,
        "n_voxels": n_voxels,
        "n_nonfinite": int((~finite).sum()),
        "n_constant": int((finite & ~usable).sum()),
        "n_analysed": int(usable.sum()),
    }
    return counts, usable


def _measure(
    series: np.ndarray, displacement: np.ndarray | None
) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    raw, standardised = dvars(series)
    nothing = np.full(series.shape[1], np.nan)
    table = pd.DataFrame(
        {
            "dvars": raw,
            "std_dvars": standardised,
            "framewise_displacement": nothing if displacement is None else displacement,
            "global_signal": series.mean(axis=0, dtype=np.float64),
            "outlier_fraction": outlier_fraction(series),
        }
    )
    return table, *signal_to_noise(series)


def _medians(table: pd.DataFrame, tsnr: np.ndarray, sfnr: np.ndarray) -> dict[str, float]:
    return {
        "tsnr_median": float(np.median(tsnr)),
        "tsnr_mean": float(np.mean(tsnr)),
        "sfnr_median": float(np.median(sfnr)),
        "sfnr_mean": float(np.mean(sfnr)),
        "dvars_median": float(table["dvars"].median()),
        "dvars_max": float(table["dvars"].max()),
        "std_dvars_median": float(table["std_dvars"].median()),
        "std_dvars_max": float(table["std_dvars"].max()),
    }


def _displacement_summary(displacement: np.ndarray | None, threshold: float) -> dict[str, Any]:
    if displacement is None:
        return {}
    steps = displacement[1:]
    return {
        "fd_mean": float(steps.mean()),
        "fd_median": float(np.median(steps)),
        "fd_max": float(steps.max()),
        "fd_threshold": threshold,
        "n_fd_over_threshold": int((steps > threshold).sum()),
    }


def _refuse_gaps(values: np.ndarray, what: str, first: int = 1) -> None:
    gaps = np.flatnonzero(~np.isfinite(values)) + first
    if len(gaps):
        raise _motion_error(
            f"a number for each volume in {what}",
            f"none in row {', '.join(map(str, gaps[:5]))}{', ...' if len(gaps) > 5 else ''} "
            "(counted from 1 below the header)",
            "only the first framewise_displacement may be n/a",
        )


def _motion_error(expected: str, found: str, hint: str) -> InputError:
    return InputError("motion", expected=expected, found=found, hint=hint)
