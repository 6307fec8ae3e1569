"""Events of recognition runs from a log with a row for each volume, as the study published it."""

import re
from typing import Literal

import numpy as np
import pandas as pd

from fmriprod.algorithms.checks import InputError, suggest

COLUMNS = (
    "object", "condition", "onset_time", "run_num", "viewpoint", "response", "onset", "TRnum",
)  # fmt: skip
_STIMULUS_SECONDS = 1.0
_RUNS = {9: 5, 10: 6}  # numbers of the last two runs, which the scanner counted on
_TRAINING = {0: "trained", 1: "control"}


def recognition_events(
    log: pd.DataFrame, tr: float = 1.5, *, timing: Literal["measured", "planned"] = "measured"
) -> pd.DataFrame:
    """Take the stimuli out of a log of all recognition runs of a person.

    Parameters
    ----------
    log : DataFrame
        A row for each volume: ``run_num`` (9 and 10 are runs 5 and 6), ``TRnum`` (from 0),
        ``onset`` (1 where a stimulus began), ``onset_time`` (ms), ``object``, ``condition`` (0
        trained, 1 control, -1 before the first stimulus), ``viewpoint`` (0 to 39, steps of 9
        degrees), ``response`` (missing where there was none).
    tr : float
        Repetition time in s.
    timing : {'measured', 'planned'}
        Onsets as the clock had them, to 10 ms (so the study's regressors have them), or as they
        were planned, ``TRnum * tr``. Both are in the same volume but for a few stimuli that
        came late or early.

    Returns
    -------
    DataFrame
        A row a stimulus in time order: ``run`` (from 1), ``onset`` and ``duration`` (s),
        ``trial_type`` (object), ``training`` (``trained`` or ``control``), ``viewpoint``,
        ``response`` and ``correct`` (1 or 0), both missing without a response.

    Raises
    ------
    InputError
        If columns lack, a condition is unknown, or a stimulus is not in its volume.
    """
    lacking = [name for name in COLUMNS if name not in log.columns]
    if lacking:
        hints = "; ".join(suggest(name, log.columns) for name in lacking)
        raise _refuse(f"columns {', '.join(COLUMNS)}", f"no {', '.join(lacking)}", hints)
    shown = log[log["onset"] == 1]
    unknown = shown[~shown["condition"].isin(list(_TRAINING))]
    if len(unknown) or not len(shown):
        found = f"{unknown['condition'].iloc[0]}" if len(unknown) else "no stimulus at all"
        raise _refuse("condition 0 (trained) or 1 (control) with each stimulus", found, "mend it")
    _check_numbers(shown)
    if shown["object"].isna().any():
        raise _refuse("the object of each stimulus", "none in some rows", "name them")
    seconds, planned = shown["onset_time"] / 1000, shown["TRnum"] * tr
    late = (seconds - planned).to_numpy()
    off = np.abs(late) > tr / 2  # TRnum is the nearest volume
    if off.any():
        raise _refuse(
            f"each stimulus near the start of its volume (TRnum * {tr:g} s)",
            f"{off.sum()} others, the first {late[off][0]:+.2f} s from it",
            "give the repetition time of the study",
        )
    answered = shown["response"].notna()
    correct = (shown["response"] == shown["object"]).astype(float).where(answered)
    table = {
        "run": shown["run_num"].replace(_RUNS),
        "onset": planned if timing == "planned" else seconds.round(2),
        "duration": _STIMULUS_SECONDS,
        "trial_type": shown["object"],
        "training": shown["condition"].map(_TRAINING),
        "viewpoint": shown["viewpoint"],
        "response": shown["response"],
        "correct": correct,
    }
    return pd.DataFrame(table).sort_values(["run", "onset"], ignore_index=True)


def trained_objects(events: pd.DataFrame) -> tuple[list[str], list[str]]:
    """Tell which objects were trained and which were controls.

    Parameters
    ----------
    events : DataFrame
        From `recognition_events`.

    Returns
    -------
    trained, control : list of str
        Sorted.

    Raises
    ------
    InputError
        If an object is both.
    """
    objects = events.groupby("training")["trial_type"].unique()
    trained, control = (sorted(objects.get(name, [])) for name in ("trained", "control"))
    both = sorted(set(trained) & set(control))
    if both:
        raise _refuse("objects that are trained or controls", f"both: {', '.join(both)}", "mend it")
    return trained, control


def morph_ends(line: str) -> list[str]:
    """Name the two objects at the ends of a morph line.

    Examples
    --------
    >>> morph_ends("benchBed")
    ['bed', 'bench']
    """
    ends = re.fullmatch(r"([a-z]+)To([A-Z]\w*)", line) or re.fullmatch(r"([a-z]+)([A-Z]\w*)", line)
    if not ends:
        raise _refuse("two names, the second with a capital: benchBed", repr(line), "mend it")
    return sorted(name.lower() for name in ends.groups())


def _check_numbers(shown: pd.DataFrame) -> None:
    """Refuse stimuli whose time, volume or run is no number."""
    for name in ("onset_time", "TRnum", "run_num"):
        numbers = pd.to_numeric(shown[name], errors="coerce").astype(float)
        bad = ~np.isfinite(numbers.to_numpy())
        if bad.any() or shown[name].dtype.kind not in "iuf":
            row = shown.index[bad][0] if bad.any() else shown.index[0]
            found = f"{shown[name].loc[row]!r} in row {row + 1}"
            raise _refuse(f"a number as {name} of each stimulus", found, "mend it")


def _refuse(expected: str, found: str, hint: str) -> InputError:
    return InputError("log", expected=expected, found=found, hint=hint)
