"""List the samples of a run, after brief events or during long ones."""

from typing import Literal

import pandas as pd

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.featurize import event_samples, merge_events, volume_samples


def run_samples(
    events: pd.DataFrame,
    n_volumes: int,
    tr: float,
    *,
    mode: Literal["events", "volumes"] = "events",
    shift: float = 4.5,
    shift_volumes: int | None = None,
    window: int | Literal["duration"] = 1,
    merge_gap: float | None = None,
    past_end: Literal["error", "drop"] = "error",
) -> tuple[pd.DataFrame, int]:
    """List the samples of a run.

    Parameters
    ----------
    events : DataFrame
        Columns ``onset`` and ``duration`` (s) and ``label``.
    n_volumes : int
        Volumes of the run.
    tr : float
        Repetition time in s.
    mode : {'events', 'volumes'}
        A window of volumes after each event, or every volume, labelled by the event that was
        on ``shift`` seconds before it.
    shift, shift_volumes, window, past_end
        As `event_samples` takes them; ``window`` and ``past_end`` for mode ``events``.
    merge_gap : float, optional
        Consecutive events of one label become one trial when the pause between them is at most
        this many s; by default never in mode ``events``, one ``tr`` in mode ``volumes``.

    Returns
    -------
    samples : DataFrame
        As `event_samples` gives it.
    n_dropped : int
        Trials that were left out because their window goes past the end.

    Raises
    ------
    InputError
        If a window is given in mode ``volumes``; see also `event_samples` and `volume_samples`.
    """
    if mode == "volumes":
        if window != 1:
            raise InputError(
                "window",
                expected="no window when every volume of an event is labelled",
                found=f"mode='volumes' with window={window!r}",
                hint="leave the window out, or use mode='events'",
            )
        blocks = merge_events(events, tr if merge_gap is None else merge_gap)
        samples = volume_samples(blocks, n_volumes, tr, shift=shift, shift_volumes=shift_volumes)
        return samples, 0
    if merge_gap is not None:
        events = merge_events(events, merge_gap)
    return event_samples(
        events,
        n_volumes,
        tr,
        shift=shift,
        shift_volumes=shift_volumes,
        window=window,
        past_end=past_end,
    )
