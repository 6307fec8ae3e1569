"""Decide from the events of a run how it is sampled and filtered."""

import numpy as np
import pandas as pd


def choose_sampling(events: pd.DataFrame, tr: float) -> str:
    """Choose between samples of brief events and of all volumes of long ones.

    Parameters
    ----------
    events : DataFrame
        Columns ``onset`` and ``duration`` in s.
    tr : float
        Repetition time in s.

    Returns
    -------
    {"events", "volumes"}
        ``events`` when each event is shorter than two volumes and no two begin in one.
    """
    slots = (events["onset"] // tr).astype(int)
    brief = bool((events["duration"] < 2 * tr).all())
    return "events" if brief and slots.is_unique else "volumes"


def longest_pause(events: pd.DataFrame) -> float:
    """Find the longest time between the end of a condition's event and its next onset.

    Parameters
    ----------
    events : DataFrame
        Columns ``onset``, ``duration`` (s) and ``trial_type``.

    Returns
    -------
    float
        In s; 0 when no condition comes back.
    """
    table = events.sort_values("onset")
    ends = (table["onset"] + table["duration"]).groupby(table["trial_type"]).shift()
    return float(np.nanmax((table["onset"] - ends).to_numpy(), initial=0.0))
