"""Series of parcels at rest and in tasks, with networks and effects that are known."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.signal import lfilter

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.hrf import regressors
from fmriprod.algorithms.simulate_parcel_table import FACES, FOOT, HAND, TONGUE

_BLOCKS = {  # conditions that are shown in blocks
    "MOTOR": ("lh", "rh", "lf", "rf", "t"), "EMOTION": ("fear", "neut"),
    "WM": tuple(f"{n}bk_{kind}" for n in (0, 2) for kind in ("body", "faces", "places", "tools")),
    "GAMBLING": ("win", "loss"), "LANGUAGE": ("story", "math"),
    "RELATIONAL": ("relation", "match"), "SOCIAL": ("mental", "rnd"),
}  # fmt: skip
_SECONDS = {"MOTOR": 12.0, "EMOTION": 18.0}
_CUE, _LEAD = 3.0, 8.0
_REST = {"MOTOR": 15.0, "EMOTION": 3.0}


def plan_blocks(task: str, seconds: float, rng: np.random.Generator) -> pd.DataFrame:
    """Order the blocks of a run: every condition once, in random order, then rest, and again.

    Parameters
    ----------
    task : str
        One of `fmriprod.algorithms.hcp_runs.TASKS`.
    seconds : float
        Length of the run; blocks that would not end within it are left out.
    rng : numpy.random.Generator
        Source of the order.

    Returns
    -------
    DataFrame
        ``onset duration`` (s) ``amplitude trial_type``; movements follow a ``cue`` of 3 s.

    Raises
    ------
    InputError
        If a condition has no room.
    """
    conditions, length = _BLOCKS[task], _SECONDS.get(task, 16.0)
    cue = _CUE if task == "MOTOR" else 0.0
    rows, now = [], _LEAD
    while now + cue + length <= seconds:
        for condition in rng.permutation(conditions):
            if now + cue + length > seconds:
                break
            rows += [(now, cue, 1.0, "cue")] if cue else []
            rows.append((now + cue, length, 1.0, str(condition)))
            now += cue + length
        now += _REST.get(task, 10.0)
    events = pd.DataFrame(rows, columns=["onset", "duration", "amplitude", "trial_type"])
    lacking = set(conditions) - set(events["trial_type"])
    if lacking:
        need = _LEAD + len(conditions) * (cue + length)
        raise InputError(
            "n_volumes", expected=f"{need:g} s for all conditions of {task}",
            found=f"{seconds:.1f} s", hint="give more volumes, or leave the task out",
        )  # fmt: skip
    return events


def planted_effects(names: Sequence[str], size: float = 1.0) -> pd.DataFrame:
    """List what conditions do to parcels.

    Hands and feet act on the opposite side, the tongue on both; faces act on ventral temporal
    cortex, shapes a quarter as much. What is not listed is 0.

    Parameters
    ----------
    names : sequence of str
        Parcels, such as ``R_3b``; ``_ROI`` at their ends does not count.
    size : float
        Plateau of a long block, in standard deviations of the noise.

    Returns
    -------
    DataFrame
        ``task condition parcel effect``.

    Raises
    ------
    InputError
        If a region that the effects need is not there.
    """
    plan = [("MOTOR", "lh", "R", HAND, 1.0), ("MOTOR", "rh", "L", HAND, 1.0),
            ("MOTOR", "lf", "R", FOOT, 1.0), ("MOTOR", "rf", "L", FOOT, 1.0)]  # fmt: skip
    for side in "RL":
        plan += [("MOTOR", "t", side, TONGUE, 1.0), ("EMOTION", "fear", side, FACES, 1.0),
                 ("EMOTION", "neut", side, FACES, 0.25)]  # fmt: skip
    known = {name.removesuffix("_ROI"): name for name in names}
    rows = [(task, condition, f"{side}_{area}", share * size)
            for task, condition, side, areas, share in plan for area in areas]  # fmt: skip
    lacking = sorted({row[2] for row in rows} - set(known))
    if lacking:
        raise InputError(
            "parcels", expected="the regions in which effects are planted",
            found=f"{len(lacking)} lacking: {', '.join(lacking[:5])}",
            hint="give a table of Glasser's names, or none for a made-up parcellation",
        )  # fmt: skip
    rows = [(task, condition, known[name], effect) for task, condition, name, effect in rows]
    return pd.DataFrame(rows, columns=["task", "condition", "parcel", "effect"])


def network_noise(
    networks: Sequence[str],
    n_volumes: int,
    rng: np.random.Generator,
    *,
    shared: float = 0.3,
    everywhere: float = 0.1,
    ar: float = 0.4,
) -> np.ndarray:
    """Draw series in which parcels of a network share a signal.

    Each series is a sum of three independent, stationary, first-order autoregressive ones: one of
    the brain, one of the network, one of the parcel.

    Parameters
    ----------
    networks : sequence of str, length n_parcels
        Network of each parcel.
    n_volumes : int
        Volumes.
    rng : numpy.random.Generator
        Source of the randomness.
    shared, everywhere : float
        Variance that a network, and the whole brain, has in common; parcels of a network
        correlate by their sum, others by ``everywhere``.
    ar : float
        Correlation of a volume with the next.

    Returns
    -------
    ndarray of float32, shape (n_parcels, n_volumes)
        Mean 0 and variance 1 of the process, not of the sample.

    Raises
    ------
    InputError
        If the shares are no shares or ``ar`` makes no stationary process.
    """
    if not (0 <= shared and 0 <= everywhere and shared + everywhere <= 1 and 0 <= ar < 1):
        raise InputError(
            "shared", expected="shares of variance from 0 on, at most 1 together; ar in [0, 1)",
            found=f"shared {shared:g}, everywhere {everywhere:g}, ar {ar:g}",
            hint="0.3, 0.1 and 0.4 will do",
        )  # fmt: skip
    without = [k for k, network in enumerate(networks) if pd.isna(network) or network == "n/a"]
    if without:
        raise InputError(
            "parcels", expected="a network for each parcel",
            found=f"none for {len(without)} of {len(networks)}, first row {without[0]}",
            hint="add a column network",
        )  # fmt: skip
    labels, row = np.unique(np.asarray(networks, dtype=str), return_inverse=True)
    own = np.float32(np.sqrt(1 - shared - everywhere))
    series = _autoregressive(len(networks), n_volumes, ar, rng)
    series *= own
    common = np.float32(np.sqrt(shared)) * _autoregressive(len(labels), n_volumes, ar, rng)
    common += np.float32(np.sqrt(everywhere)) * _autoregressive(1, n_volumes, ar, rng)
    series += common[row]
    return series


def add_effects(
    series: np.ndarray, events: pd.DataFrame, effects: pd.DataFrame, names: Sequence[str], tr: float
) -> None:
    """Add responses (SPM's canonical function) to a series, in place.

    Parameters
    ----------
    series : ndarray of float32, shape (n_parcels, n_volumes)
        Noise; volume k is of the time k * tr.
    events : DataFrame
        ``onset duration`` (s) ``trial_type``.
    effects : DataFrame
        ``condition parcel effect``, of this task and subject.
    names : sequence of str
        Parcels of the rows.
    tr : float
        In s.
    """
    row = {name: k for k, name in enumerate(names)}
    times = np.arange(series.shape[1]) * tr
    for condition, own in effects.groupby("condition"):
        shown = events[events["trial_type"] == condition]
        response = regressors(shown["onset"].to_numpy(), shown["duration"].to_numpy(), times, "spm")
        rows = [row[name] for name in own["parcel"]]
        series[rows] += np.outer(own["effect"], response[""]).astype(np.float32)


def _autoregressive(n: int, n_volumes: int, ar: float, rng: np.random.Generator) -> np.ndarray:
    news = rng.standard_normal((n, n_volumes), dtype=np.float32)
    news[:, 1:] *= np.float32(np.sqrt(1 - ar**2))  # the first volume is stationary already
    return lfilter(np.ones(1, np.float32), np.array([1, -ar], np.float32), news, axis=1)
