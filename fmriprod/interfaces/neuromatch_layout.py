"""Series and events of parcels in the file layout of the Neuromatch Academy's HCP subset.

``subjects/S/timeseries/boldN_Atlas_MSMAll_Glasser360Cortical.npy``,
``subjects/S/EVs/tfMRI_TASK_DIR/COND.txt``; `fmriprod.interfaces.neuromatch_regions` reads the
table of parcels.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from fmriprod.algorithms.checks import InputError, suggest
from fmriprod.algorithms.events import check_events
from fmriprod.algorithms.hcp_runs import CONDITIONS, RUN_NAMES, TR, run_numbers, task_of
from fmriprod.interfaces.parcel_table import read_series
from fmriprod.interfaces.supplied import read_text

_EV = ["onset", "duration", "amplitude"]


def list_subjects(folder: str | Path) -> list[str]:
    """List the subjects of a folder, numbers in their order.

    Raises
    ------
    InputError
        If there is no folder ``subjects`` with folders in it.
    """
    place = Path(folder) / "subjects"
    found = [p.name for p in place.iterdir() if p.is_dir()] if place.is_dir() else []
    if not found:
        raise InputError(
            "folder", expected="a folder subjects with a folder a subject", found="none",
            hint="give the folder that holds subjects and regions.npy", file=str(folder),
        )  # fmt: skip
    return sorted(found, key=lambda name: (not name.isdigit(), int(name) if name.isdigit() else 0,
                                           name))  # fmt: skip


def series_path(folder: str | Path, subject: str | int, run: int) -> Path:
    """Give the file of a run, which need not exist."""
    name = f"bold{run}_Atlas_MSMAll_Glasser360Cortical.npy"
    return Path(folder) / "subjects" / str(subject) / "timeseries" / name


def events_folder(folder: str | Path, subject: str | int, run: int) -> Path:
    """Give the folder of a run's EV files, which need not exist."""
    return Path(folder) / "subjects" / str(subject) / "EVs" / RUN_NAMES[run - 1]


def list_runs(
    folder: str | Path,
    name: str,
    subjects: Sequence[str | int] | None = None,
    *,
    missing: str = "error",
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """List the runs of an experiment that are there, and those that are not.

    Parameters
    ----------
    folder : str or Path
        Data set.
    name : str
        Experiment, as for `run_numbers`.
    subjects : sequence, optional
        Default: all of them.
    missing : {"error", "skip"}
        What to do where a subject lacks a run.

    Returns
    -------
    there, lacking : DataFrame
        Columns ``subject run run_name series_file``, a row a run.

    Raises
    ------
    InputError
        If a run is lacking and ``missing`` is ``error``; if none is there.
    """
    subjects = list_subjects(folder) if subjects is None else subjects
    rows = [
        (str(s), n, RUN_NAMES[n - 1], series_path(folder, s, n))
        for s in subjects for n in run_numbers(name)
    ]  # fmt: skip
    here = np.array([path.is_file() for *_, path in rows], dtype=bool)
    table = pd.DataFrame(rows, columns=["subject", "run", "run_name", "series_file"])
    table["series_file"] = table["series_file"].astype(str)
    there, lacking = (table[own].reset_index(drop=True) for own in (here, ~here))
    if there.empty or (len(lacking) and missing == "error"):
        shown = ", ".join(f"{r.run_name} of {r.subject}" for r in lacking[:5].itertuples())
        raise InputError(
            "runs", expected=f"{len(table)} runs of {name} of {len(subjects)} subjects",
            found=f"{len(lacking)} missing: {shown}{' ...' if len(lacking) > 5 else ''}",
            hint="leave these subjects out, or set missing to skip" if len(there)
            else "check the folder: rest and tasks come in two", file=str(folder),
        )  # fmt: skip
    return there, lacking


def read_run(
    folder: str | Path, subject: str | int, run: int, *, remove_mean: bool = True
) -> np.ndarray:
    """Read a run of a subject (the seminar's ``load_single_timeseries``).

    Parameters
    ----------
    folder : str or Path
        Data set.
    subject : str or int
        Name of the subject's folder.
    run : int
        From 1, over all experiments.
    remove_mean : bool
        Subtract the mean of each parcel.

    Returns
    -------
    ndarray of float32, shape (n_parcels, n_volumes)
        As stored.

    Raises
    ------
    InputError
        If the subject or run is not there, or the file is no such array.
    """
    task_of(run)
    path = series_path(folder, subject, run)
    if not path.is_file():
        subjects = list_subjects(folder)
        here = [n for n in range(1, 19) if series_path(folder, subject, n).is_file()]
        known = str(subject) in subjects
        raise InputError(
            "runs" if known else "subject",
            expected=f"run {run} ({RUN_NAMES[run - 1]}) of subject {subject}",
            found=f"of this subject, runs {here}" if known else f"{len(subjects)} others",
            hint="leave the run out" if known else suggest(str(subject), subjects[:20]),
            file=str(path),
        )  # fmt: skip
    series = read_series(path)
    if not remove_mean:
        return series
    mean = series.mean(axis=1, keepdims=True, dtype=np.float64)
    return (series - mean).astype(np.float32)


def read_experiment(
    folder: str | Path,
    subject: str | int,
    name: str,
    runs: int | Sequence[int] | None = None,
    *,
    concatenate: bool = True,
    remove_mean: bool = True,
    missing: str = "error",
) -> np.ndarray | list[np.ndarray]:
    """Read runs of an experiment (the seminar's ``load_timeseries``).

    Parameters
    ----------
    folder, subject, remove_mean
        As `read_run` takes them; means are those of each run.
    name : str
        Experiment, as for `run_numbers`.
    runs : int or sequence of int, optional
        From 0 within the experiment; default: all.
    concatenate : bool
        One array, runs one after the other in time; else a list.
    missing : {"error", "skip"}
        What to do with runs that the subject lacks.

    Raises
    ------
    InputError
        As `read_run`; if the experiment has no such run, or none is left.
    """
    numbers = run_numbers(name)
    wanted = range(len(numbers)) if runs is None else [runs] if isinstance(runs, int) else runs
    strange = [k for k in wanted if not 0 <= k < len(numbers)]
    if strange or not len(wanted):
        raise InputError(
            "runs", expected=f"runs 0 to {len(numbers) - 1} of {name}",
            found=", ".join(map(str, strange)) or "none",
            hint="they are counted from 0 within the experiment",
        )  # fmt: skip
    chosen = [numbers[k] for k in wanted]
    if missing == "skip":
        there = list_runs(folder, name, [subject], missing="skip")[0]["run"].tolist()
        chosen = [n for n in chosen if n in there] or chosen  # none: let the reader say so
    series = [read_run(folder, subject, n, remove_mean=remove_mean) for n in chosen]
    return np.concatenate(series, axis=1) if concatenate else series


def read_evs(
    folder: str | Path, subject: str | int, name: str, condition: str
) -> list[pd.DataFrame]:
    """Read the events of a condition, a table a run (the seminar's ``load_evs``).

    Returns
    -------
    list of DataFrame
        ``onset duration`` (s) and ``amplitude``, rows as in the file; no rows where it is empty.

    Raises
    ------
    InputError
        If there is no such file or it does not hold three columns of numbers.
    """
    return [_read_ev(events_folder(folder, subject, n), condition) for n in run_numbers(name)]


def read_run_events(
    folder: str | Path,
    subject: str | int,
    run: int,
    conditions: Sequence[str] | None = None,
    *,
    n_volumes: int | None = None,
    tr: float = TR,
) -> pd.DataFrame:
    """Read the events of a run as a BIDS table.

    Parameters
    ----------
    folder, subject, run
        As `read_run` takes them.
    conditions : sequence of str, optional
        Default: all known ones with a file. Some contain others (``win``, ``win_event``): name
        those that a model needs.
    n_volumes : int, optional
        Volumes of the run; by default those of its series, where that is there.
    tr : float
        In s.

    Returns
    -------
    DataFrame
        ``onset duration amplitude trial_type``, in the order of onsets.

    Raises
    ------
    InputError
        If the run has no events, or one begins after its end.
    """
    task, place = task_of(run), events_folder(folder, subject, run)
    if conditions is None:
        conditions = [c for c in CONDITIONS.get(task, ()) if (place / f"{c}.txt").is_file()]
    parts = [_read_ev(place, c).assign(trial_type=c) for c in conditions]
    table = pd.concat(parts) if parts else pd.DataFrame()
    if table.empty:
        raise InputError(
            "events", expected=f"events of {RUN_NAMES[run - 1]} of subject {subject}",
            found="no folder" if not place.is_dir() else "no events",
            hint="rest has none" if task == "REST" else "leave the run out", file=str(place),
        )  # fmt: skip
    path = series_path(folder, subject, run)
    if n_volumes is None and path.is_file():
        n_volumes = read_series(path).shape[1]
    table = table.sort_values("onset", kind="stable", ignore_index=True)
    try:
        return check_events(table, None if n_volumes is None else n_volumes * tr)
    except InputError as err:
        err.file = str(place)
        raise


def _read_ev(place: Path, condition: str) -> pd.DataFrame:
    path = place / f"{condition}.txt"
    if not path.is_file():
        known = sorted(p.stem for p in place.glob("*.txt")) if place.is_dir() else []
        raise InputError(
            "condition", expected=f"events of {condition}", found="no such file",
            hint=suggest(condition, known), file=str(path),
        )  # fmt: skip
    text = read_text(path, "events", "rows of three numbers")
    rows = [line.split() for line in text.splitlines()]
    try:
        values = np.array([[float(v) for v in row] for row in rows if row]).reshape(-1, 3)
        if any(len(row) not in (0, 3) for row in rows) or not np.isfinite(values).all():
            raise ValueError("rows of other lengths, or infinite numbers")
    except ValueError as err:
        raise InputError(
            "events", expected="rows of three numbers: onset and duration in s, amplitude",
            found=str(err), hint="mend the file", file=str(path),
        ) from None  # fmt: skip
    return pd.DataFrame(values, columns=_EV)
