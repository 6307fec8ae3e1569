"""Sessions of a simulated encoding study: which stimulus when, and how responses are measured."""

import numpy as np
import pandas as pd

from fmriprod.algorithms.checks import InputError

_SPREAD = 0.5  # of the logarithm of the signal-to-noise ratio, between voxels


def plan_sessions(
    n_training: int,
    n_validation: int,
    *,
    n_sessions: int = 5,
    n_repeats: int = 13,
    training_runs: int = 5,
    validation_runs: int = 2,
    seed: int = 0,
) -> pd.DataFrame:
    """Plan which stimulus is shown when.

    As in Kay et al. (2008, Nature 452:352): a training stimulus is shown in one run, a validation
    stimulus `n_repeats` times, all within one run.

    Parameters
    ----------
    n_training, n_validation : int
        Stimuli; training stimuli have the lower numbers.
    n_sessions : int
        Sessions.
    n_repeats : int
        How often a validation stimulus is shown.
    training_runs, validation_runs : int
        Runs of a session. Fewer where there are not enough stimuli.
    seed : int
        Seed of the order.

    Returns
    -------
    pandas.DataFrame
        A row a sample, in the order of time: ``number`` (of the stimulus, from 0), ``session``,
        ``run`` (from 1, not started anew in a session), ``repeat`` (from 1) and ``set``
        (``training`` or ``validation``).

    Raises
    ------
    InputError
        If there are fewer training stimuli than sessions, or a number is not possible.
    """
    if not 0 < n_sessions <= n_training or min(training_runs, validation_runs, n_repeats) < 1:
        raise InputError(
            "n_sessions", expected=f"1 to {n_training} sessions of one run and repeat or more",
            found=f"{n_sessions} sessions, {training_runs} + {validation_runs} runs, "
            f"{n_repeats} repeats", hint="ask for more images or fewer sessions",
        )  # fmt: skip
    rng = np.random.default_rng(seed)
    training = rng.permutation(n_training)
    validation = n_training + rng.permutation(n_validation)
    # Shares of sessions, then of runs: sizes differ by one at most.
    rows, run = [], 0
    for session in range(n_sessions):
        mine = [training[session::n_sessions], validation[session::n_sessions]]
        blocks = [("training", mine[0][r::training_runs], 1) for r in range(training_runs)]
        blocks += [
            ("validation", mine[1][r::validation_runs], n_repeats) for r in range(validation_runs)
        ]
        for name, numbers, repeats in blocks:
            if not len(numbers):
                continue
            run += 1
            for number, repeat in rng.permutation(
                [(number, repeat) for number in numbers for repeat in range(repeats)]
            ):
                rows.append((number, session + 1, run, repeat, name))
    plan = pd.DataFrame(rows, columns=["number", "session", "run", "repeat", "set"])
    # The first of the random order is the first repeat.
    plan["repeat"] = plan.groupby("number").cumcount() + 1
    return plan


def voxel_shares(n_voxels: int, snr: float, *, silent: float = 0.0, seed: int = 0) -> np.ndarray:
    """Draw the share of signal in the variance of every voxel's response to one presentation.

    Parameters
    ----------
    n_voxels : int
        Voxels.
    snr : float
        Variance of the signal over that of the noise, median over voxels; 0 is noise alone,
        infinity signal alone.
    silent : float
        Share of voxels without signal.
    seed : int
        Seed of the draws.

    Returns
    -------
    ndarray of float64, shape (n_voxels,)
        From 0 to 1. A perfect model's correlation with one presentation is its square root.
    """
    if not snr >= 0 or not 0 <= silent <= 1:
        raise InputError(
            "snr", expected="0 or more, and a share of silent voxels from 0 to 1",
            found=f"{snr}, {silent}", hint="give 0.1 to 5",
        )  # fmt: skip
    rng = np.random.default_rng(seed)
    ratio = np.exp(_SPREAD * rng.standard_normal(n_voxels))
    ratio[rng.permutation(n_voxels)[: round(silent * n_voxels)]] = 0
    with np.errstate(invalid="ignore", divide="ignore"):
        noise = 1 / (snr * ratio)
        return np.where(ratio * snr > 0, 1 / (1 + np.nan_to_num(noise, nan=np.inf)), 0.0)


def measure_responses(
    signal: np.ndarray,
    plan: pd.DataFrame,
    shares: np.ndarray,
    *,
    drift: float = 0.1,
    offset: float = 0.1,
    seed: int = 0,
) -> np.ndarray:
    """Measure responses: signal, noise of every presentation, drift in runs, offsets of sessions.

    Parameters
    ----------
    signal : ndarray, shape (n_stimuli, n_voxels)
        Of variance 1 over stimuli.
    plan : pandas.DataFrame
        As `plan_sessions` gives it.
    shares : ndarray, shape (n_voxels,)
        Share of the signal in the variance of signal and noise, which is 1.
    drift : float
        Spread of the slow drift: half a cosine over each run, with a height of its own for
        every voxel and run.
    offset : float
        Spread of what every voxel's response differs by from session to session.
    seed : int
        Seed of the noise.

    Returns
    -------
    ndarray of float32, shape (n_samples, n_voxels)
        Responses, a row for each of the plan.
    """
    rng = np.random.default_rng(seed)
    size = (len(plan), signal.shape[1])
    responses = rng.standard_normal(size, dtype=np.float32)
    responses *= np.sqrt(1 - shares).astype(np.float32)
    responses += signal[plan["number"]] * np.sqrt(shares).astype(np.float32)
    for _, rows in plan.groupby("session"):
        responses[rows.index] += offset * rng.standard_normal(size[1], dtype=np.float32)
    for _, rows in plan.groupby("run"):
        slow = np.sqrt(2) * np.cos(np.pi * (np.arange(len(rows)) + 0.5) / len(rows))
        height = drift * rng.standard_normal(size[1], dtype=np.float32)
        responses[rows.index] += slow[:, None].astype(np.float32) * height
    return responses
