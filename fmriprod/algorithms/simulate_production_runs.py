"""Simulated runs of the production study: recognition, and drawing in long trials."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import ndimage

from fmriprod.algorithms.schedule import (
    OBJECTS,
    production_events,
    recognition_events,
    response_courses,
    slice_times,
)
from fmriprod.algorithms.simulate_effects import COUPLING, EARLY, LATE
from fmriprod.algorithms.simulate_production import ProductionParticipant
from fmriprod.algorithms.simulate_study import Run, scan

TR = 1.5  # s
N_VOLUMES = {"recognition": 240, "drawing": 308}
DRAWING, REST = 34.5, 10.5  # s that a drawing is analysed for, and until the next cue
_WINDOW = (3, 26)  # volumes after the cue between which the coupling fluctuates
_TRIAL_SPREAD = 0.2  # standard deviation of the response from trial to trial


def plan_recognition(rng: np.random.Generator) -> pd.DataFrame:
    """Plan a recognition run as the study had them: 80 trials in 240 volumes."""
    return recognition_events(N_VOLUMES["recognition"], TR, rng)


def plan_drawing(trained: Sequence[str], rng: np.random.Generator) -> pd.DataFrame:
    """Plan a drawing run as the study had them: 10 trials of 45 s in 308 volumes, by turns."""
    return production_events(
        N_VOLUMES["drawing"], TR, rng, objects=tuple(trained), duration=DRAWING, gap=REST
    )


def simulate_recognition(
    person: ProductionParticipant,
    events: pd.DataFrame,
    *,
    seed: Sequence[int],
    tsnr: float = 70.0,
    motion: float = 0.15,
    shift: float = 0.3,
) -> Run:
    """Simulate a run in which objects are recognised.

    Parameters
    ----------
    person : ProductionParticipant
        Who lies in the scanner.
    events : DataFrame
        ``onset`` and ``duration`` (s) and ``trial_type``.
    seed : sequence of int
        Seed of everything that is random.
    tsnr, motion, shift
        `fmriprod.algorithms.simulate_study.simulate_run`.

    Returns
    -------
    Run
        The same for the same arguments.
    """
    rng = np.random.default_rng(seed)
    within, times = _sampled(person, "recognition")
    gains = 1 + _TRIAL_SPREAD * rng.standard_normal(len(events))
    courses = response_courses(events, OBJECTS, times, gains=gains)
    series, path = scan(
        person, person.maps["seen"], courses,
        tr=TR, tsnr=tsnr, motion=motion, shift=shift, rng=rng, exact=False,
    )  # fmt: skip
    return Run(series, events, path, within)


def simulate_drawing(
    person: ProductionParticipant,
    events: pd.DataFrame,
    *,
    late: bool,
    seed: Sequence[int],
    tsnr: float = 70.0,
    motion: float = 0.15,
    shift: float = 0.3,
) -> Run:
    """Simulate a run in which the trained objects are drawn.

    Parameters
    ----------
    person : ProductionParticipant
        Who lies in the scanner.
    events : DataFrame
        ``onset`` (cue) and ``duration`` (s) and ``trial_type``, one of the trained objects.
    late : bool
        Whether the run is of the second half, in which regions are coupled more.
    seed : sequence of int
        Seed of everything that is random.
    tsnr, motion, shift
        `fmriprod.algorithms.simulate_study.simulate_run`.

    Returns
    -------
    Run
        The same for the same arguments.
    """
    rng = np.random.default_rng(seed)
    within, times = _sampled(person, "drawing")
    gains = 1 + _TRIAL_SPREAD * rng.standard_normal(len(events))
    drawn = response_courses(events, person.trained, times, gains=gains)
    coupled = coupling_courses(events, person.trained, times, rng) * (LATE if late else EARLY)
    changes = np.concatenate([person.maps["drawn"], person.maps["coupled"]])
    series, path = scan(
        person, changes, np.concatenate([drawn, coupled.astype(np.float32)]),
        tr=TR, tsnr=tsnr, motion=motion, shift=shift, rng=rng, exact=False,
    )  # fmt: skip
    return Run(series, events, path, within)


def _sampled(person: ProductionParticipant, task: str) -> tuple[np.ndarray, np.ndarray]:
    within = slice_times(person.bold_shape[2], TR)
    return within, np.arange(N_VOLUMES[task])[:, None] * TR + within


def coupling_courses(
    events: pd.DataFrame, trained: Sequence[str], times: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Draw what couples regions: a slow fluctuation in each trial, of zero mean, unit variance.

    Parameters
    ----------
    events : DataFrame
        Trials of a drawing run.
    trained : (str, str)
        The objects that are drawn.
    times : ndarray, shape (n_volumes, n_slices)
        When each sample is taken, seconds.
    rng : numpy.random.Generator
        Draws it.

    Returns
    -------
    ndarray of float64, shape (2 * len(COUPLING), n_volumes, n_slices)
        In the order of ``coupled`` in `fmriprod.algorithms.simulate_effects.effect_maps`;
        zero outside the analysed windows of the trials of an object.
    """
    first, last = _WINDOW
    courses = np.zeros((2 * len(COUPLING), *times.shape))
    for onset, label in events[["onset", "trial_type"]].itertuples(index=False):
        at = onset + TR * np.arange(first - 1, last + 1)
        for k in range(len(COUPLING)):
            course = ndimage.gaussian_filter1d(rng.standard_normal(len(at) + 8), 0.8)[4:-4]
            inner = course[1:-1]
            course = (course - inner.mean()) / inner.std()
            course[[0, -1]] = 0
            part = np.interp(times, at, course, left=0.0, right=0.0)
            courses[len(COUPLING) * list(trained).index(label) + k] += part
    return courses
