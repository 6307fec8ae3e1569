"""Trial schedules of the simulated study, and the responses that they call for."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from fmriprod.algorithms.checks import InputError

OBJECTS = ("bed", "bench", "chair", "table")
_STEP = 0.1  # s, grid of the convolution
_LEAD_IN = 12.0  # s before the first trial, as in the study
_LEAD_OUT = 12.0  # s after the last onset that its response needs
_INTERVALS = (2, 3, 4)  # volumes between two onsets ...
_SHARES = (0.4, 0.4, 0.2)  # ... and how often each occurs, as in the study


def recognition_events(
    n_volumes: int,
    tr: float,
    rng: np.random.Generator,
    *,
    objects: Sequence[str] = OBJECTS,
    duration: float = 1.0,
) -> pd.DataFrame:
    """Plan a run in which objects are shown one after the other.

    Onsets lie 2, 3 or 4 volumes apart (40, 40 and 20 % of the trials), as in the study of
    Fan et al. (2020). Every object is shown once in each round, in random order: equally
    often in both halves, and never more than twice in a row.

    Parameters
    ----------
    n_volumes : int
        Length of the run in volumes.
    tr : float
        Repetition time in seconds.
    rng : numpy.random.Generator
        Draws the order and the intervals.
    objects : sequence of str
        What is shown.
    duration : float
        Seconds that an object is shown.

    Returns
    -------
    DataFrame
        ``onset`` and ``duration`` in seconds, and ``trial_type``.

    Raises
    ------
    InputError
        If the run is too short to show each object twice.
    """
    room = n_volumes * tr - _LEAD_IN - _LEAD_OUT
    mean = float(np.dot(_INTERVALS, _SHARES)) * tr
    repeats = int(room / (mean * len(objects)))
    if repeats < 2:
        raise _too_short(n_volumes, tr, _LEAD_IN + _LEAD_OUT + 2 * len(objects) * mean)
    n_trials = repeats * len(objects)
    counts = np.round(np.multiply(_SHARES, n_trials - 1)).astype(int)
    counts[0] += n_trials - 1 - counts.sum()
    gaps = rng.permutation(np.repeat(_INTERVALS, counts)) * tr
    onsets = _LEAD_IN + np.concatenate([[0.0], np.cumsum(gaps)])
    order = np.concatenate([rng.permutation(len(objects)) for _ in range(repeats)])
    return _events(onsets, duration, [objects[i] for i in order])


def production_events(
    n_volumes: int,
    tr: float,
    rng: np.random.Generator,
    *,
    objects: Sequence[str] = OBJECTS[:2],
    duration: float = 20.0,
    gap: float = 10.0,
) -> pd.DataFrame:
    """Plan a run in which the trained objects are drawn by turns, in long trials.

    Parameters
    ----------
    n_volumes : int
        Length of the run in volumes.
    tr : float
        Repetition time in seconds.
    rng : numpy.random.Generator
        Decides which object comes first.
    objects : sequence of str
        The objects that are drawn.
    duration : float
        Seconds that a drawing takes.
    gap : float
        Seconds of rest after it.

    Returns
    -------
    DataFrame
        ``onset`` and ``duration`` in seconds, and ``trial_type``.

    Raises
    ------
    InputError
        If the run is too short to draw each object once.
    """
    trial = np.ceil((duration + gap) / tr) * tr
    n_trials = int((n_volumes * tr - _LEAD_IN) / trial) // len(objects) * len(objects)
    if n_trials == 0:
        raise _too_short(n_volumes, tr, _LEAD_IN + len(objects) * trial)
    first = int(rng.integers(len(objects)))
    labels = [objects[(first + i) % len(objects)] for i in range(n_trials)]
    return _events(_LEAD_IN + trial * np.arange(n_trials), duration, labels)


def response_courses(
    events: pd.DataFrame,
    conditions: Sequence[str],
    times: np.ndarray,
    *,
    gains: np.ndarray | None = None,
) -> np.ndarray:
    """Compute the haemodynamic response to each condition.

    Parameters
    ----------
    events : DataFrame
        ``onset``, ``duration`` (s) and ``trial_type``; all events of one length.
    conditions : sequence of str
        Conditions, in the order of the result; one that never occurs gives zeros.
    times : ndarray, shape (n_volumes, n_slices) or (n_volumes,)
        When each sample is taken, seconds.
    gains : ndarray, shape (n_events,), optional
        Strength of the response to each event; 1 by default.

    Returns
    -------
    ndarray of float32, shape (n_conditions, *times.shape)
        Sums of double-gamma responses (Glover 1999). One event alone peaks at its gain,
        whatever its duration.
    """
    from nilearn.glm.first_level.hemodynamic_models import glover_hrf  # takes a second to import

    span = float(events["duration"].max())
    kernel = glover_hrf(_STEP, oversampling=1, time_length=32.0)
    box = np.ones(max(1, round(span / _STEP)))
    single = np.convolve(box, kernel)
    single /= single.max()
    own_times = _STEP * np.arange(len(single))
    gains = np.ones(len(events)) if gains is None else np.asarray(gains)
    courses = np.zeros((len(conditions), *np.shape(times)), np.float32)
    for (onset, label), gain in zip(
        events[["onset", "trial_type"]].itertuples(index=False), gains, strict=True
    ):
        if label in conditions:
            response = np.interp(times - onset, own_times, single, left=0.0, right=0.0)
            courses[list(conditions).index(label)] += gain * response
    return courses


def slice_times(n_slices: int, tr: float, multiband: int = 4) -> np.ndarray:
    """Tell when each slice of an interleaved multiband acquisition is taken.

    Parameters
    ----------
    n_slices : int
        Slices of a volume.
    tr : float
        Repetition time in seconds.
    multiband : int
        Slices that are taken at once.

    Returns
    -------
    ndarray, shape (n_slices,)
        Seconds after the start of the volume; even shots first, then odd ones.
    """
    n_shots = -(-n_slices // multiband)
    order = [*range(0, n_shots, 2), *range(1, n_shots, 2)]
    start = np.empty(n_shots)
    start[order] = np.arange(n_shots) * tr / n_shots
    return start[np.arange(n_slices) % n_shots]


def _events(onsets: np.ndarray, duration: float, labels: Sequence[str]) -> pd.DataFrame:
    return pd.DataFrame(
        {"onset": np.round(onsets, 3), "duration": float(duration), "trial_type": list(labels)}
    )


def _too_short(n_volumes: int, tr: float, needed: float) -> InputError:
    return InputError(
        "n_volumes",
        expected=f"a run of at least {needed:g} s, {int(np.ceil(needed / tr))} volumes",
        found=f"{n_volumes} volumes of {tr:g} s, {n_volumes * tr:g} s",
        hint="simulate longer runs",
    )
