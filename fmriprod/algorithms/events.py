"""Check the events of a run before anything is computed from them."""

import re
from collections.abc import Callable, Iterable

import numpy as np
import pandas as pd

from fmriprod.algorithms.checks import InputError, suggest

REQUIRED = ("onset", "duration", "trial_type")
_MISSING = ("", "n/a")
_ROWS_SHOWN = 8


def check_events(
    events: pd.DataFrame, run_seconds: float | None = None, *, allow_negative: bool = False
) -> pd.DataFrame:
    """Validate the events of one run and report everything that is wrong at once.

    Parameters
    ----------
    events : DataFrame
        One row per event with columns ``onset`` and ``duration`` (s, from the first volume)
        and ``trial_type``; values may be text, as read from a file. Other columns are kept.
    run_seconds : float, optional
        Length of the run in s; no event may begin after it.
    allow_negative : bool
        Accept events that begin before the first volume.

    Returns
    -------
    DataFrame
        The same rows in the same order, ``onset`` and ``duration`` as float64 and
        ``trial_type`` as text.

    Raises
    ------
    InputError
        With all problems, each with the rows (counted from 1 below the header).
    """
    problems = _missing_columns(events) or _no_rows(events)
    if not problems:
        checked = events.copy()
        columns = [_number_problem(checked, name) for name in ("onset", "duration")]
        problems = [p for p in (*columns, _label_problem(checked)) if p]
        problems += _value_problems(checked, run_seconds, allow_negative)
    if problems:
        raise InputError(
            "events",
            expected="one row per event: onset and duration in seconds and a trial_type, "
            "within the run (rows are counted from 1 below the header)",
            found="\n    - ".join([f"{len(problems)} problem(s)", *(f for f, _ in problems)]),
            hint="; ".join(dict.fromkeys(hint for _, hint in problems)),
        )
    return checked


def _missing_columns(events: pd.DataFrame) -> list[tuple[str, str]]:
    present = [str(c) for c in events.columns]
    missing = [name for name in REQUIRED if name not in present]
    twice = sorted({c for c in present if present.count(c) > 1})
    problems = [
        (f"no column {name!r}; {suggest(name, present)}", _column_hint(name)) for name in missing
    ]
    problems += [(f"column {c!r} is there twice", f"keep one {c!r}") for c in twice]
    return problems


def _column_hint(name: str) -> str:
    if name == "trial_type":
        return "add a trial_type column that names the condition of each event"
    return f"add a column {name} in seconds"


def _no_rows(events: pd.DataFrame) -> list[tuple[str, str]]:
    return [] if len(events) else [("no event rows", "list the events below the header")]


def _number_problem(events: pd.DataFrame, name: str) -> tuple[str, str] | None:
    """Turn a column into float64; describe the rows where that is not possible."""
    text = events[name].map(lambda v: "n/a" if pd.isna(v) else str(v).strip())
    number = pd.to_numeric(events[name], errors="coerce").astype(np.float64)
    events[name] = number
    bad = ~np.isfinite(number.to_numpy())
    if not bad.any():
        return None
    values = ", ".join(dict.fromkeys(repr(v) for v in text[bad][:_ROWS_SHOWN]))
    return f"{name} is no number in {_rows(bad)}: {values}", f"give {name} in seconds for every row"


def _label_problem(events: pd.DataFrame) -> tuple[str, str] | None:
    labels = events["trial_type"].map(lambda v: "" if pd.isna(v) else str(v)).astype(object)
    stripped = labels.map(str.strip)
    events["trial_type"] = labels
    absent = stripped.isin(_MISSING).to_numpy()
    if absent.any():
        return f"no trial_type in {_rows(absent)}", "name the condition, or leave those rows out"
    quoted = labels.map(lambda v: any(c == "`" or not c.isprintable() for c in v)).to_numpy()
    if quoted.any():  # contrasts write names in backquotes
        return f"a backquote or a control character in the trial_type in {_rows(quoted)}", (
            "use another sign"
        )
    padded = (labels != stripped).to_numpy()
    if padded.any():
        return f"spaces around the trial_type in {_rows(padded)}", "remove those spaces"
    return None


def _value_problems(
    events: pd.DataFrame, run_seconds: float | None, allow_negative: bool
) -> list[tuple[str, str]]:
    onset, duration = (events[c].to_numpy(np.float64) for c in ("onset", "duration"))
    problems: list[tuple[str, str]] = []

    def note(rows: np.ndarray, text: str, hint: str) -> None:
        if rows.any():
            problems.append((text.format(rows=_rows(rows)), hint))

    if not allow_negative:
        note(
            onset < 0,
            "onset before the first volume in {rows} "
            f"(earliest {np.nanmin(onset, initial=0):g} s)",
            "count onsets from the first volume that is kept, or allow negative onsets",
        )
    note(duration < 0, "negative duration in {rows}", "a duration is 0 s or more")
    if run_seconds is not None:
        note(
            onset >= run_seconds,
            f"onset after the end of the run ({run_seconds:g} s) in {{rows}} "
            f"(latest {np.nanmax(onset, initial=0):g} s)",
            "check that events and image are of the same run, and that onsets are in seconds",
        )
    note(
        events.duplicated(list(REQUIRED)).to_numpy(),
        "same onset, duration and trial_type as an earlier row in {rows}",
        "list each event once",
    )
    usable = np.isfinite(onset) & np.isfinite(duration)
    if usable.all():
        problems += overlap_problems(onset, duration, events["trial_type"].to_numpy())
    problems += collisions((label for label in events["trial_type"].unique() if label), _plain)
    return problems


def overlap_problems(
    onset: np.ndarray, duration: np.ndarray, labels: np.ndarray
) -> list[tuple[str, str]]:
    """Find overlaps that leave nothing to model.

    Events of different conditions may overlap, and those of one condition a little. Not
    usable are: a condition of which at least half of the events begin while more than half
    of the earlier one is still to come; and a run in which all events go on at the same time.

    Parameters
    ----------
    onset, duration : ndarray, shape (n_events,)
        In s.
    labels : ndarray of str, shape (n_events,)
        Conditions.

    Returns
    -------
    list of (str, str)
        What was found, and what to do.
    """
    hint = "check the durations (are they in seconds?) and the onsets"
    problems = []
    end = onset + duration
    for label in sorted(set(labels)):
        rows = np.flatnonzero(labels == label)
        rows = rows[np.argsort(onset[rows], kind="stable")]
        if len(rows) < 2:
            continue
        running = np.maximum.accumulate(end[rows])[:-1] - onset[rows][1:]
        shorter = np.minimum(duration[rows][1:], duration[rows][:-1])
        heavy = (running > 0.5 * shorter) & (shorter > 0)
        if heavy.mean() >= 0.5 and heavy.sum() >= 2:
            where = np.isin(np.arange(len(onset)), rows[1:][heavy])
            problems.append(
                (f"{label!r} overlaps itself by more than half in {_rows(where)}", hint)
            )
    if len(onset) > 2 and len(set(labels)) > 1 and onset.max() < end.min():
        problems.append(("all events go on at the same time", hint))
    return problems


def collisions(labels: Iterable[str], shorten: Callable[[str], str]) -> list[tuple[str, str]]:
    """Find labels that become the same once they are made fit for file names."""
    groups: dict[str, list[str]] = {}
    for label in labels:
        groups.setdefault(shorten(label), []).append(label)
    return [
        (
            f"labels that differ only in case or punctuation: {', '.join(map(repr, group))}",
            "give them the same name, or names that differ in letters or digits",
        )
        for group in groups.values()
        if len(group) > 1
    ]


def _plain(label: str) -> str:
    return re.sub(r"[\W_]+", "", label).casefold()


def _rows(where: np.ndarray) -> str:
    """Name rows by their number, the first few of many.

    Examples
    --------
    >>> _rows(np.array([True, False, True]))
    'rows 1, 3'
    """
    numbers = np.flatnonzero(where) + 1
    shown = ", ".join(str(n) for n in numbers[:_ROWS_SHOWN])
    more = f" and {len(numbers) - _ROWS_SHOWN} more" if len(numbers) > _ROWS_SHOWN else ""
    return f"row{'s' if len(numbers) > 1 else ''} {shown}{more}"
