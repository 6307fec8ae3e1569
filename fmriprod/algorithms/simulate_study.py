"""Runs of simulated participants, in which what happens is known."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.schedule import (
    OBJECTS,
    production_events,
    recognition_events,
    response_courses,
    slice_times,
)
from fmriprod.algorithms.simulate import acquire, add_noise, random_motion
from fmriprod.algorithms.simulate_people import Participant
from fmriprod.algorithms.transforms import rigid_matrix

TRAINED = OBJECTS[:2]  # the objects that are drawn
_DRAWN = 0.6  # response of the visual region to an object that is drawn, relative to a seen one
_FOIL = -0.2  # ... and of the pattern of the trained object that is not being drawn
_TRIAL_SPREAD = 0.2  # standard deviation of the response from trial to trial


@dataclass(frozen=True)
class Run:
    """A simulated run and the truth about it.

    Attributes
    ----------
    series : ndarray of int16, shape (i, j, k, n_volumes)
        What the scanner writes.
    events : DataFrame
        ``onset``, ``duration`` (s) and ``trial_type``.
    motion : ndarray, shape (n_volumes, 6)
        Pose of the head at each volume relative to the anatomical scan, about the
        participant's ``centre``: ``trans_x trans_y trans_z`` in mm, ``rot_x rot_y rot_z`` in
        rad, as `fmriprod.algorithms.transforms.rigid_matrix` takes them.
    slice_times : ndarray, shape (k,)
        Seconds after the start of a volume.
    """

    series: np.ndarray
    events: pd.DataFrame
    motion: np.ndarray
    slice_times: np.ndarray


def plan_events(task: str, n_volumes: int, tr: float, rng: np.random.Generator) -> pd.DataFrame:
    """Plan the trials of a run of a task; arguments and errors as `simulate_run` has them."""
    if task == "recognition":
        return recognition_events(n_volumes, tr, rng)
    if task == "production":
        return production_events(n_volumes, tr, rng, objects=TRAINED)
    raise InputError(
        "task", expected="recognition or production", found=repr(task), hint="give one of them"
    )


def simulate_run(
    person: Participant,
    task: str,
    *,
    seed: Sequence[int],
    n_volumes: int,
    tr: float,
    tsnr: float = 70.0,
    motion: float = 0.3,
    shift: float = 0.3,
) -> Run:
    """Simulate a functional run.

    Parameters
    ----------
    person : Participant
        Who lies in the scanner.
    task : {'recognition', 'production'}
        Objects are shown, or the trained ones are drawn.
    seed : sequence of int
        Seed of everything that is random.
    n_volumes : int
        Length of the run.
    tr : float
        Repetition time in seconds.
    tsnr : float
        Temporal signal-to-noise ratio of still grey matter.
    motion : float
        Size of the head motion in mm; `fmriprod.algorithms.simulate.random_motion`.
        0 gives a head that is perfectly still.
    shift : float
        Standard deviation in mm of how far the head moved before the run began.

    Returns
    -------
    Run
        The same for the same arguments.

    Raises
    ------
    InputError
        If the task is unknown or the run too short for it.
    """
    rng = np.random.default_rng(seed)
    events = plan_events(task, n_volumes, tr, rng)
    within = slice_times(person.bold_shape[2], tr)
    gains = 1 + _TRIAL_SPREAD * rng.standard_normal(len(events))
    times = np.arange(n_volumes)[:, None] * tr + within
    courses = _with_drawing(response_courses(events, OBJECTS, times, gains=gains), task)
    series, path = scan(
        person, person.changes, courses, tr=tr, tsnr=tsnr, motion=motion, shift=shift, rng=rng
    )
    return Run(series, events, path, within)


def scan(
    person: Participant,
    changes: np.ndarray,
    courses: np.ndarray,
    *,
    tr: float,
    tsnr: float,
    motion: float,
    shift: float,
    rng: np.random.Generator,
    exact: bool = True,
) -> tuple[np.ndarray, np.ndarray]:
    """Scan a participant who moves while the signal changes.

    Parameters
    ----------
    person : Participant
        Who lies in the scanner.
    changes : ndarray, shape (n_changes, x, y, z)
        What each response adds to the signal at its peak.
    courses : ndarray, shape (n_changes, n_volumes, k)
        Time course of each response at the time of each slice.
    tr, tsnr, motion, shift
        As `simulate_run` has them; an infinite ``tsnr`` gives no noise.
    rng : numpy.random.Generator
        Draws motion and noise.
    exact : bool
        How responses follow the motion; `fmriprod.algorithms.simulate.acquire`.

    Returns
    -------
    series : ndarray of int16, or of float32 without noise, shape (i, j, k, n_volumes)
        What the scanner writes.
    path : ndarray, shape (n_volumes, 6)
        Pose of the head at each volume; `Run.motion`.
    """
    n_volumes = courses.shape[1]
    path = random_motion(
        n_volumes, rng, amplitude=motion, jumps=2 if motion else 0, jump=1.3 * motion
    )
    path += shift * rng.standard_normal(6) / np.array([1, 1, 1, 50, 50, 50])
    path += person.offset
    series = acquire(
        person.signal,
        person.t1w_affine,
        person.bold_shape,
        person.bold_affine,
        rigid_matrix(path, person.centre),
        changes=changes,
        courses=courses,
        exact=exact,
    )
    if np.isinf(tsnr):
        return series, path
    zooms = np.linalg.norm(person.bold_affine[:3, :3], axis=0)
    series = add_noise(series, tr, zooms=zooms, tsnr=tsnr, rng=rng)
    return np.rint(series, out=series).astype(np.int16), path


def _with_drawing(seen: np.ndarray, task: str) -> np.ndarray:
    """Turn the courses of the objects into the courses of `Participant.changes`.

    While an object is drawn, its own response is weaker than when it is seen, the other
    trained one's is suppressed, and the region of drawing joins in.
    """
    if task == "recognition":
        return np.concatenate([seen, np.zeros_like(seen[:1])])
    one, two = seen[0], seen[1]
    shown = np.zeros_like(seen)
    shown[0], shown[1] = _DRAWN * one + _FOIL * two, _DRAWN * two + _FOIL * one
    return np.concatenate([shown, (one + two)[None]])
