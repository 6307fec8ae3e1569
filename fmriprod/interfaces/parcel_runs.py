"""Read the runs of one subject: series of parcels, their table, events, repetition time."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from nipype.interfaces.base import File, isdefined, traits

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.base import PythonInputSpec
from fmriprod.interfaces.events import read_events
from fmriprod.interfaces.parcel_table import read_parcels, read_series


class ParcelRunsInputSpec(PythonInputSpec):
    """Inputs of measures of one subject."""

    series_files = traits.List(
        File(exists=True), mandatory=True, minlen=1,
        desc="a file a run of one subject: .npy (n_parcels, n_volumes); NaN in the whole row of a "
        "parcel that is not usable",
    )  # fmt: skip
    parcels_file = File(
        exists=True, mandatory=True, desc="TSV, a row a parcel in the order of the series: name"
    )


class TaskRunsInputSpec(ParcelRunsInputSpec):
    """Inputs of measures of the events of one subject."""

    events_files = traits.List(
        File(exists=True), mandatory=True, minlen=1,
        desc="events of each run in the same order (BIDS TSV): onset and duration in s, trial_type",
    )  # fmt: skip
    tr = traits.Float(desc="repetition time in s (needed: series of parcels do not hold it)")


def read_runs(inputs: Any) -> tuple[pd.DataFrame, list[np.ndarray]]:
    """Read the table of parcels and the series of all runs.

    Returns
    -------
    parcels : DataFrame
        As `fmriprod.interfaces.parcel_table.read_parcels` gives it.
    runs : list of ndarray of float32, shape (n_parcels, n_volumes)

    Raises
    ------
    InputError
        If a file cannot be read, or series and table have other numbers of parcels.
    """
    runs = [read_series(path) for path in inputs.series_files]
    parcels = read_parcels(inputs.parcels_file)
    for path, run in zip(inputs.series_files, runs, strict=True):
        if len(run) != len(parcels):
            raise InputError(
                "series", expected=f"{len(parcels)} parcels, as {inputs.parcels_file} lists",
                found=f"{len(run)}, shape {run.shape}", file=str(path),
                hint="give the table that came with the series; rows are parcels",
            )  # fmt: skip
    return parcels, runs


def needed_tr(inputs: Any) -> float:
    """Give the repetition time in s.

    Raises
    ------
    InputError
        If it is missing or not above 0.
    """
    tr = inputs.tr if isdefined(inputs.tr) else None
    if tr is None or not (np.isfinite(tr) and tr > 0):
        raise InputError(
            "tr", expected="a repetition time above 0 s",
            found="none" if tr is None else f"{tr:g} s",
            hint="give tr in seconds: a series of parcels does not hold it (.72 for the HCP)",
        )  # fmt: skip
    return tr


def read_run_events(inputs: Any, runs: Sequence[np.ndarray], tr: float) -> list[pd.DataFrame]:
    """Read the events of each run.

    Raises
    ------
    InputError
        If there is not one file a run, or events do not lie within their run.
    """
    files = inputs.events_files
    if len(files) != len(runs):
        raise InputError(
            "events_files", expected=f"a file for each of {len(runs)} runs, in their order",
            found=f"{len(files)}", hint="give both lists in the same order of runs",
        )  # fmt: skip
    return [
        read_events(path, n_volumes=run.shape[1], tr=tr)
        for path, run in zip(files, runs, strict=True)
    ]


def parcel_counts(parcels: pd.DataFrame, usable: np.ndarray, excluded: dict[str, int]) -> dict:
    """Say in a summary how many parcels were used, and which were left out."""
    return {
        "total": len(parcels),
        "used": int(usable.sum()),
        **{f"excluded_{reason}": count for reason, count in excluded.items()},
        "excluded_names": parcels["name"][~usable].tolist(),
    }


def effects_table(
    parcels: pd.DataFrame, names: Sequence[str], **columns: np.ndarray
) -> pd.DataFrame:
    """Write arrays (n_conditions, n_parcels), or one value a condition, as a row a pair."""
    n = len(parcels)
    table = {
        "parcel": np.tile(parcels["name"].to_numpy(), len(names)),
        "condition": np.repeat(np.asarray(names, dtype=object), n),
    }
    for name, values in columns.items():
        table[name] = values.ravel() if values.ndim == 2 else np.repeat(values, n)
    return pd.DataFrame(table)
