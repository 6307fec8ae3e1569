"""Turn the events of a run into samples: which volumes, with which label."""

from typing import Literal

import numpy as np
import pandas as pd

from fmriprod.algorithms.checks import InputError, suggest

SAMPLE_COLUMNS = (
    "subject", "task", "run", "label", "trial", "tr", "time_point", "onset", "half", "n_volumes",
)  # fmt: skip
_ROUNDING = 1e-6  # of a volume: 0.3 s / 0.1 s is volume 3, not 2.9999999999999996


def onset_volumes(
    onsets: np.ndarray, tr: float, shift: float = 4.5, shift_volumes: int | None = None
) -> np.ndarray:
    """Find the volume that an event is read from.

    Parameters
    ----------
    onsets : ndarray, shape (n_events,)
        In s from the start of the first volume.
    tr : float
        Repetition time in s.
    shift : float
        Lag of the response in s: the volume is ``floor((onset + shift) / tr)``.
    shift_volumes : int, optional
        Lag in whole volumes instead: ``floor(onset / tr) + shift_volumes``. The two rules
        agree when ``shift`` is ``shift_volumes * tr``.

    Returns
    -------
    ndarray of int, shape (n_events,)
        Volumes from 0.

    Examples
    --------
    >>> onset_volumes(np.array([0.0, 1.4, 1.5]), tr=1.5)
    array([3, 3, 4])
    """
    lag = shift / tr if shift_volumes is None else shift_volumes
    return np.floor(np.asarray(onsets, dtype=float) / tr + lag + _ROUNDING).astype(np.int64)


def merge_events(events: pd.DataFrame, gap: float) -> pd.DataFrame:
    """Join consecutive events of one label into trials or blocks.

    Parameters
    ----------
    events : DataFrame
        Columns ``onset`` and ``duration`` (s) and ``label``.
    gap : float
        Largest pause in s between the end of one event and the onset of the next.

    Returns
    -------
    DataFrame
        In time order, with ``onset``, ``duration``, ``label``.
    """
    events = events.sort_values("onset", kind="stable").reset_index(drop=True)
    end = (
        (events["onset"] + events["duration"])
        .groupby(events["label"].ne(events["label"].shift()).cumsum())
        .cummax()
    )
    apart = events["onset"] - end.shift() > gap + 1e-9
    block = (events["label"].ne(events["label"].shift()) | apart).cumsum()
    merged = pd.DataFrame(
        {
            "onset": events["onset"].groupby(block).first(),
            "duration": end.groupby(block).last() - events["onset"].groupby(block).first(),
            "label": events["label"].groupby(block).first(),
        }
    )
    return merged.reset_index(drop=True)


def choose_labels(events: pd.DataFrame, labels: list[str]) -> pd.DataFrame:
    """Keep the events of some labels.

    Raises
    ------
    InputError
        If a label has no event.
    """
    for label in labels:
        if label not in set(events["label"]):
            raise InputError(
                "labels",
                expected="labels that the events have",
                found=repr(label),
                hint=suggest(label, sorted(set(events["label"]))),
            )
    return events[events["label"].isin(labels)]


def event_samples(
    events: pd.DataFrame,
    n_volumes: int,
    tr: float,
    *,
    shift: float = 4.5,
    shift_volumes: int | None = None,
    window: int | Literal["duration"] = 1,
    past_end: Literal["error", "drop"] = "error",
) -> tuple[pd.DataFrame, int]:
    """List the volumes of each event: a window of volumes that starts with the response.

    Parameters
    ----------
    events : DataFrame
        Columns ``onset`` and ``duration`` (s) and ``label``; each row is a trial.
    n_volumes : int
        Volumes of the run.
    tr : float
        Repetition time in s.
    shift, shift_volumes
        As `onset_volumes` takes them.
    window : int or 'duration'
        Volumes per event, or ``ceil(duration / tr)`` of them, at least one.
    past_end : {'error', 'drop'}
        What to do with a trial whose window goes past the end of the run.

    Returns
    -------
    samples : DataFrame
        One row per volume: ``label, trial`` (from 0, in time order), ``tr`` (volume from 0),
        ``time_point`` (from 1 within the trial), ``onset`` (s), ``half`` (2 for trials whose
        first volume is in the second half of the run, else 1), ``n_volumes`` (1).
    n_dropped : int
        Trials left out by ``past_end='drop'``.

    Raises
    ------
    InputError
        If a window goes past the end (naming the trials), starts before the first volume,
        or no trial is left.
    """
    events = events.sort_values("onset", kind="stable").reset_index(drop=True)
    first = onset_volumes(events["onset"].to_numpy(), tr, shift, shift_volumes)
    length = np.full(len(events), window if window != "duration" else 1)
    if window == "duration":
        volumes = np.ceil(events["duration"].to_numpy() / tr - _ROUNDING)
        length = np.maximum(volumes, 1).astype(np.int64)
    kept = first + length <= n_volumes
    if past_end == "error" or not kept.any():
        _refuse_outside(events, first, length, n_volumes, kept)
    _refuse_outside(events, first, length, n_volumes, first >= 0)
    trial = np.repeat(np.flatnonzero(kept), length[kept])
    point = np.concatenate([np.arange(n) for n in length[kept]])
    return _sample_table(events, trial, first[trial] + point, point, first, n_volumes), int(
        np.count_nonzero(~kept)
    )


def volume_samples(
    events: pd.DataFrame,
    n_volumes: int,
    tr: float,
    *,
    shift: float = 4.5,
    shift_volumes: int | None = None,
) -> pd.DataFrame:
    """Label each volume by the event that was on ``shift`` seconds before the volume began.

    Parameters
    ----------
    events : DataFrame
        Columns ``onset`` and ``duration`` (s) and ``label``; each row is a block.
    n_volumes, tr, shift, shift_volumes
        As `event_samples` takes them; volume ``t`` begins at ``t * tr``.

    Returns
    -------
    DataFrame
        As `event_samples` gives it; volumes outside all events have no row.

    Raises
    ------
    InputError
        If events of different labels claim one volume, or no volume is labelled.
    """
    events = events.sort_values("onset", kind="stable").reset_index(drop=True)
    lag = shift if shift_volumes is None else shift_volumes * tr
    begin = events["onset"].to_numpy()
    end = begin + events["duration"].to_numpy()
    time = np.arange(n_volumes) * tr - lag
    slack = _ROUNDING * tr
    on = (time[:, None] >= begin - slack) & (time[:, None] < end - slack)
    for volume in np.flatnonzero(on.sum(axis=1) > 1):
        claims = events.loc[on[volume]]
        raise InputError(
            "events",
            expected="at most one event at a time when volumes are labelled",
            found=f"volume {volume} belongs to "
            + " and ".join(f"{c.label!r} (onset {c.onset:g} s)" for c in claims.itertuples()),
            hint="shorten the durations, choose labels, or use mode='events'",
        )
    volumes, trial = np.nonzero(on)
    if not len(volumes):
        raise InputError(
            "events",
            expected="events that last, so that volumes fall into them",
            found=f"durations of {events['duration'].min():g} to {events['duration'].max():g} s "
            f"at a repetition time of {tr:g} s: no volume",
            hint="use mode='events', or mend the durations",
        )
    first = np.full(len(events), n_volumes)
    np.minimum.at(first, trial, volumes)
    return _sample_table(events, trial, volumes, volumes - first[trial], first, n_volumes)


def average_trials(samples: pd.DataFrame) -> tuple[pd.DataFrame, np.ndarray]:
    """Prepare the mean over the volumes of each trial.

    Parameters
    ----------
    samples : DataFrame
        From `event_samples` or `volume_samples`.

    Returns
    -------
    averaged : DataFrame
        The first row of each trial, ``n_volumes`` set to the number of its rows.
    weights : ndarray of float32, shape (n_trials, n_samples)
        ``weights @ features`` is the mean.
    """
    _, first, trial, size = np.unique(
        samples["trial"], return_index=True, return_inverse=True, return_counts=True
    )
    averaged = samples.iloc[first].reset_index(drop=True)
    averaged["n_volumes"] = size
    weights = np.zeros((len(first), len(samples)), dtype=np.float32)
    weights[trial, np.arange(len(samples))] = 1 / size[trial]
    return averaged, weights


def standardize_series(series: np.ndarray) -> np.ndarray:
    """Scale each voxel to mean 0 and standard deviation 1 over a run (population formula).

    Parameters
    ----------
    series : ndarray, shape (n_voxels, n_volumes)
        Time series.

    Returns
    -------
    ndarray of float32, shape (n_voxels, n_volumes)
        A constant voxel becomes 0; one with NaN becomes NaN.
    """
    mean = series.mean(axis=1, keepdims=True, dtype=np.float64).astype(np.float32)
    centred = series - mean
    deviation = centred.std(axis=1, keepdims=True, dtype=np.float64).astype(np.float32)
    return centred / np.where(deviation > 0, deviation, 1)


def _sample_table(
    events: pd.DataFrame,
    trial: np.ndarray,
    volume: np.ndarray,
    point: np.ndarray,
    first: np.ndarray,
    n_volumes: int,
) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "label": events["label"].to_numpy()[trial],
            "trial": trial,
            "tr": volume,
            "time_point": point + 1,
            "onset": events["onset"].to_numpy()[trial],
            "half": np.where(first[trial] * 2 < n_volumes, 1, 2),
            "n_volumes": 1,
        }
    )


def _refuse_outside(
    events: pd.DataFrame, first: np.ndarray, length: np.ndarray, n_volumes: int, inside: np.ndarray
) -> None:
    """Name the trials whose window is not in the run."""
    outside = np.flatnonzero(~inside)
    if not len(outside):
        return
    shown = [
        f"trial {i} ({events['label'][i]!r}, onset {events['onset'][i]:g} s) needs volumes "
        f"{first[i]} to {first[i] + length[i] - 1}"
        for i in outside[:5]
    ]
    more = f" and {len(outside) - 5} more" if len(outside) > 5 else ""
    raise InputError(
        "events",
        expected=f"windows within the run, volumes 0 to {n_volumes - 1}",
        found="; ".join(shown) + more,
        hint="shorten the window or the shift, or leave such trials out (past_end: drop)",
    )
