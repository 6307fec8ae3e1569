"""A run's volumes over time, with one line through motion, displacement, DVARS and all voxels."""

import numpy as np
import pandas as pd

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.transforms import MOTION_COLUMNS
from fmriprod.reports.panels import Panel, grey_uri, rounded

RANGE = 1.0  # mean z at the ends of the greys, as in the figure
_LEVELS = 64
HOW = (
    "Point at a volume, or tab to the plot and use the arrow keys, to read its values; the line "
    "goes through motion and all voxels. N and P go to the next and previous volume that moved."
)


def run_panel(
    carpet: np.ndarray,
    tr: float,
    table: pd.DataFrame,
    motion: pd.DataFrame | None = None,
    *,
    fd_threshold: float = 0.5,
    label: str = "Volumes over time",
) -> Panel:
    """Make a plot of a run whose volumes can be read off.

    Parameters
    ----------
    carpet : ndarray, shape (n_rows, n_volumes)
        Means of z-scored series, as `fmriprod.algorithms.quality.carpet` gives them.
    tr : float
        Repetition time in s.
    table : DataFrame, n_volumes rows
        ``global_signal`` (unit of the image), ``std_dvars``, ``framewise_displacement`` (mm).
    motion : DataFrame, n_volumes rows, optional
        ``trans_x trans_y trans_z`` in mm, ``rot_x rot_y rot_z`` in rad (shown in degrees).
    fd_threshold : float
        Displacement in mm beyond which a volume has moved.
    label : str
        What it is.

    Returns
    -------
    Panel

    Raises
    ------
    InputError
        If columns are missing or rows are not as many as volumes.
    """
    carpet = np.asarray(carpet, dtype=np.float32)
    n = carpet.shape[1]
    columns = ("global_signal", "std_dvars", "framewise_displacement")
    for name, frame, needed in (("table", table, columns), ("motion", motion, MOTION_COLUMNS)):
        if frame is not None:
            _check(name, frame, needed, n)
    signal = table["global_signal"].to_numpy(float)
    mean = np.nanmean(signal)
    percent = 100 * (signal / mean - 1) if mean else signal * np.nan
    traces = [
        _trace("Global signal", "%", [("", percent)], 0.0),
        _trace("DVARS", "stand.", [("", table["std_dvars"])], 1.0),
    ]
    displacement = table["framewise_displacement"].to_numpy(float)
    if np.isfinite(displacement).any():
        traces.append(_trace("FD", "mm", [("", displacement)], fd_threshold))
    if motion is not None:
        values = motion[list(MOTION_COLUMNS)].to_numpy(float).T
        moved = list(zip("xyz", values[:3], strict=True))
        turned = list(zip("xyz", np.rad2deg(values[3:]), strict=True))
        traces += [_trace("Translation", "mm", moved), _trace("Rotation", "°", turned)]
    data = {
        "tr": float(tr), "n": n, "threshold": float(fd_threshold), "traces": traces,
        "carpet": grey_uri(_greys(carpet)), "range": RANGE,
    }  # fmt: skip
    return Panel("run", data, label, HOW)


def _check(name: str, frame: pd.DataFrame, needed: tuple[str, ...], n: int) -> None:
    missing = [column for column in needed if column not in frame]
    if missing or len(frame) != n:
        found = f"no {' '.join(missing)}" if missing else f"{len(frame)} rows"
        raise InputError(
            name, expected=f"columns {' '.join(needed)} and a row for each of {n} volumes",
            found=found, hint="give what RunQuality and MotionCorrect wrote for this very run",
        )  # fmt: skip


def _trace(
    name: str, unit: str, parts: list[tuple[str, np.ndarray]], line: float | None = None
) -> dict:
    lines = [{"name": part, "values": rounded(values)} for part, values in parts]
    return {"name": name, "unit": unit, "lines": lines, "line": line}


def _greys(carpet: np.ndarray) -> np.ndarray:
    """Quantise: the eye sees no more greys, and the file is a quarter smaller."""
    part = np.clip(np.nan_to_num(carpet) / RANGE, -1, 1) / 2 + 0.5
    return np.rint(np.rint(part * (_LEVELS - 1)) * 255 / (_LEVELS - 1)).astype(np.uint8)
