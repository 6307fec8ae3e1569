"""Average of a series over the volumes of a condition."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from fmriprod.algorithms.checks import InputError, suggest
from fmriprod.algorithms.parcel_runs import usable_parcels

AVERAGES = ("frames", "trials")
_ROUNDING = 1e-6  # of a volume: 2.16 s are 3 volumes of .72 s, not 3.0000000000000004


@dataclass(frozen=True)
class ConditionMeans:
    """Averages of conditions.

    Attributes
    ----------
    effect : ndarray of float32, shape (n_conditions, n_parcels)
        In the unit of the series; NaN in parcels that are not usable.
    conditions : list of str
    usable : ndarray of bool, shape (n_parcels,)
    excluded : dict of str to int
        Parcels left out by reason: ``nonfinite``, ``constant``.
    counts : DataFrame
        A row a run (from 1) and condition: ``run condition n_trials n_used n_frames
        n_clipped``: trials, those with a frame, frames averaged, frames after the end.
    """

    effect: np.ndarray
    conditions: list[str]
    usable: np.ndarray
    excluded: dict[str, int]
    counts: pd.DataFrame


def condition_frames(
    onset: np.ndarray, duration: np.ndarray, tr: float, skip: int = 0
) -> list[np.ndarray]:
    """Name the volumes of each trial, from the one that its onset falls in.

    The first is ``floor(onset / tr)``, and there are ``ceil(duration / tr)``, less those
    skipped. Quotients within 1e-6 of a whole number count as that number: in binary 2.16 / .72
    is a little above 3, and its ceiling would be 4.

    Parameters
    ----------
    onset, duration : ndarray, shape (n_trials,)
        In s.
    tr : float
        Repetition time in s.
    skip : int
        Volumes to leave out at the start of each trial, for the delay of the response.

    Returns
    -------
    list of ndarray of int
        Volumes from 0 for each trial; they may lie beyond the end of the run.

    References
    ----------
    Neuromatch Academy, "Load HCP parcellated task data" (``condition_frames``).

    Examples
    --------
    >>> [frames.tolist() for frames in condition_frames([0.36, 2.16], [2.16, 1.0], 0.72, skip=1)]
    [[1, 2], [4]]
    """
    first = np.floor(np.asarray(onset, np.float64) / tr + _ROUNDING).astype(np.int64)
    n = np.ceil(np.asarray(duration, np.float64) / tr - _ROUNDING).astype(np.int64)
    return [start + np.arange(skip, count) for start, count in zip(first, n, strict=True)]


def condition_average(
    runs: Sequence[np.ndarray],
    events: Sequence[pd.DataFrame],
    tr: float,
    *,
    conditions: Sequence[str] | None = None,
    skip: int = 0,
    average: str = "frames",
    remove_mean: bool = True,
) -> ConditionMeans:
    """Average each parcel over the volumes of each condition, all runs together.

    Parameters
    ----------
    runs : sequence of ndarray, shape (n_parcels, n_volumes)
        Series of one subject.
    events : sequence of DataFrame
        Of each run: ``onset``, ``duration`` (s) and ``trial_type``.
    tr : float
        Repetition time in s.
    conditions : sequence of str, optional
        Conditions to average, in this order; by default all, in alphabetical order. A condition
        may lack in some runs.
    skip : int
        Volumes to leave out at the start of each trial.
    average : {"frames", "trials"}
        Mean of all volumes, so that long trials count more, or of each trial first and then
        of trials. A volume in two trials counts twice.
    remove_mean : bool
        Remove the mean of each parcel in each run before.

    Returns
    -------
    ConditionMeans

    Raises
    ------
    InputError
        If a condition is unknown or has no volume, or no parcel is usable.

    References
    ----------
    Neuromatch Academy, HCP task notebooks: ``selective_average`` (``"frames"``, without volumes
    after the end of the run) and, with behaviour, the mean of trials (``"trials"``).
    """
    if average not in AVERAGES:
        raise InputError(
            "average", expected=", ".join(AVERAGES), found=repr(average),
            hint="choose one of these",
        )  # fmt: skip
    usable, excluded = usable_parcels(runs)
    names = _conditions(events, conditions)
    total = np.zeros((usable.sum(), len(names)))
    weight = np.zeros(len(names))
    rows = []
    for number, (run, table) in enumerate(zip(runs, events, strict=True), start=1):
        inside = run[usable].astype(np.float64)
        if remove_mean:
            inside -= inside.mean(axis=1, keepdims=True)
        weights = np.zeros((run.shape[1], len(names)))
        for column, name in enumerate(names):
            count = _weigh(weights[:, column], table, name, tr, skip, average == "trials")
            rows.append({"run": number, "condition": name} | count)
        total += inside @ weights
        weight += weights.sum(axis=0)
    counts = pd.DataFrame(rows)
    _check_frames(counts, names, skip)
    effect = np.full((len(names), len(usable)), np.nan, dtype=np.float32)
    effect[:, usable] = (total / weight).T
    return ConditionMeans(effect, names, usable, excluded, counts)


def _weigh(
    weights: np.ndarray, table: pd.DataFrame, name: str, tr: float, skip: int, by_trial: bool
) -> dict[str, int]:
    """Add to the weights of volumes what the trials of a condition give them; count."""
    rows = table[table["trial_type"] == name]
    trials = condition_frames(rows["onset"].to_numpy(), rows["duration"].to_numpy(), tr, skip)
    kept = [frames[frames < len(weights)] for frames in trials]
    for frames in kept:
        weights[frames] += 1 / len(frames) if by_trial and len(frames) else 1
    n_frames = sum(map(len, kept))
    return {
        "n_trials": len(trials),
        "n_used": sum(len(frames) > 0 for frames in kept),
        "n_frames": n_frames,
        "n_clipped": sum(map(len, trials)) - n_frames,
    }


def _conditions(events: Sequence[pd.DataFrame], wanted: Sequence[str] | None) -> list[str]:
    known = sorted({name for table in events for name in table["trial_type"]})
    for name in wanted or ():
        if name not in known:
            raise InputError(
                "conditions", expected="conditions with events in some run",
                found=f"no event of {name!r}", hint=suggest(name, known),
            )  # fmt: skip
    return list(dict.fromkeys(wanted)) if wanted else known


def _check_frames(counts: pd.DataFrame, names: Sequence[str], skip: int) -> None:
    frames = counts.groupby("condition")["n_frames"].sum()
    empty = [name for name in names if frames[name] == 0]
    if empty:
        raise InputError(
            "skip" if skip else "events",
            expected="at least one volume of each condition",
            found=f"none of {', '.join(empty)} (skip {skip}; trials that are as short, of 0 s, "
            "or that end after the run, have none)",
            hint="skip fewer volumes, check durations, or name the other conditions",
        )
