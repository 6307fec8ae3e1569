"""How much of a voxel's response can be explained at all, from repeats of the same stimuli."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from fmriprod.algorithms.checks import InputError, usable_voxels
from fmriprod.algorithms.repeat_moments import RepeatMoments, estimates, single_share


@dataclass(frozen=True)
class NoiseCeiling:
    """Signal, noise and their shares; NaN where a voxel is not usable.

    Nothing is clipped: by chance a share is below 0 or above 1, which a picture should cut off
    and a mean over voxels should not.

    Attributes
    ----------
    signal : ndarray of float32, shape (n_voxels,)
        Variance over stimuli of the expected response; unbiased, below 0 by chance.
    noise : ndarray of float32, shape (n_voxels,)
        Variance of single responses to one stimulus, its mean over stimuli; unbiased.
    share : ndarray of float32, shape (n_voxels,)
        Explainable variance: share of signal in the variance of single responses, which no
        model's r2 exceeds but by chance.
    share_of_mean : ndarray of float32, shape (n_voxels,)
        The same of each stimulus's mean over its repeats.
    low, high : ndarray of float32, shape (n_voxels,)
        Interval of ``share``.
    usable : ndarray of bool, shape (n_voxels,)
        Voxels that are finite and not constant.
    stimuli : list
        Stimuli that were used, those with two responses or more.
    n_repeats : ndarray of int, shape (n_stimuli,)
        Responses to each.
    """

    signal: np.ndarray
    noise: np.ndarray
    share: np.ndarray
    share_of_mean: np.ndarray
    low: np.ndarray
    high: np.ndarray
    usable: np.ndarray
    stimuli: list[Any]
    n_repeats: np.ndarray

    def shares(self, n: int) -> np.ndarray:
        """Share of signal in means over ``n`` repeats (Spearman 1910, Brown 1910)."""
        return n * self.share / (1 + (n - 1) * self.share)


def signed_root(share: np.ndarray) -> np.ndarray:
    """Ceiling of r that goes with a share: its root, with the sign of estimates below 0."""
    return np.sign(share) * np.sqrt(np.abs(share))


def noise_ceiling(
    responses: np.ndarray,
    stimuli: np.ndarray,
    *,
    n_bootstrap: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
    memory_gb: float = 0.5,
) -> NoiseCeiling:
    """Estimate what repeats of stimuli have in common, voxel by voxel.

    A response is taken as the stimulus's own value plus noise that is independent from one
    repeat to the next. The variance of the stimuli's means, less the noise that is left in
    them, is the signal: Sahani & Linden's signal power for one value a stimulus, for any
    number of repeats and for noise that differs between stimuli. Both variances are unbiased.
    The bias of their quotients is taken off: of single responses by the jackknife over stimuli, of
    means by the factor that makes them exact for normal values and equal numbers of repeats.
    Intervals are percentiles of the bootstrap over stimuli; in simulations 95 % intervals
    held the truth in 88 % of voxels with 12 stimuli, in 92 % with 30 and 93 % with 60.

    Parameters
    ----------
    responses : ndarray, shape (n_samples, n_voxels)
        A row a presentation. Noise that lasts from one presentation to the next (volumes of one
        block, say) would count as signal: take the mean over each block first, see
        `presentations`.
    stimuli : array_like, shape (n_samples,)
        What was presented; missing (None, NaN) where nothing was. Stimuli with a single
        response tell nothing of noise and are left out.
    n_bootstrap : int
        Samples of the bootstrap; 0 leaves intervals out (NaN).
    confidence : float
        Of the interval, 0 to 1.
    seed : int
        Of the bootstrap.
    memory_gb : float
        Memory in GB for voxels that are worked on together; does not change the result.

    Returns
    -------
    NoiseCeiling

    Raises
    ------
    InputError
        If rows differ, fewer than 4 stimuli are repeated, or an option is out of its range.

    References
    ----------
    Sahani & Linden (2003), How linear are auditory cortical responses?, NIPS 15, 125-132;
    Hsu, Borst & Theunissen (2004), Network 15, 91-109; Efron & Tibshirani (1993), An
    introduction to the bootstrap, chapters 11 and 13.
    """
    responses = np.asarray(responses)
    names, rows, bounds = _repeated(responses, stimuli, n_bootstrap, confidence)
    counts = np.diff(np.append(bounds, len(rows)))
    draws = np.zeros((n_bootstrap, len(names)))
    rng = np.random.default_rng(seed)
    for draw in draws:
        draw += np.bincount(rng.integers(0, len(names), len(names)), minlength=len(names))
    n_voxels = responses.shape[1]
    found = np.full((6, n_voxels), np.nan, np.float32)
    usable = np.zeros(n_voxels, bool)
    depth = 8 * (2 * len(rows) + 8 * len(names) + 6 * n_bootstrap)
    block = max(1, int(memory_gb * 1e9 / depth))
    for start in range(0, n_voxels, block):
        part = slice(start, start + block)
        values = responses[:, part][rows].astype(np.float64)
        good = usable_voxels(values.T)
        usable[part] = good
        moments = RepeatMoments.of(values[:, good], bounds, counts)
        columns = start + np.flatnonzero(good)
        found[:4, columns] = estimates(moments)
        if n_bootstrap:
            tails = [50 * (1 - confidence), 50 * (1 + confidence)]
            shares = single_share(moments.resampled(draws))
            found[4:, columns] = np.percentile(shares, tails, axis=0)
    signal, noise, share, share_of_mean, low, high = found
    return NoiseCeiling(signal, noise, share, share_of_mean, low, high, usable, names, counts)


def presentations(samples: pd.DataFrame, column: str = "stimulus") -> np.ndarray:
    """Give each volume of a table the number of its presentation.

    Volumes that follow each other in a run and show one stimulus are one presentation.

    Parameters
    ----------
    samples : DataFrame
        Columns ``column`` (missing: nothing was shown), and, if there are, ``session``,
        ``run`` and ``volume``.
    column : str
        Where the stimulus stands.

    Returns
    -------
    ndarray of int, shape (n_samples,)
        From 0; -1 where nothing was shown.
    """
    shown = samples[column].notna().to_numpy()
    new = np.ones(len(samples), bool)
    same = samples[column].to_numpy()[1:] == samples[column].to_numpy()[:-1]
    for name in ("session", "run"):
        if name in samples:
            same &= samples[name].to_numpy()[1:] == samples[name].to_numpy()[:-1]
    if "volume" in samples:
        same &= np.diff(samples["volume"].to_numpy()) == 1
    new[1:] = ~same
    numbers = np.cumsum(new & shown) - 1
    return np.where(shown, numbers, -1)


def _repeated(
    responses: np.ndarray, stimuli: np.ndarray, n_bootstrap: int, confidence: float
) -> tuple[list[Any], np.ndarray, np.ndarray]:
    """Give repeated stimuli, their rows sorted by stimulus, and where each begins in them."""
    stimuli = pd.Series(np.asarray(stimuli, dtype=object))
    if len(stimuli) != len(responses):
        raise _error(
            "stimuli", f"one for each of the {len(responses)} responses", f"{len(stimuli)}",
            "give the table that belongs to the responses",
        )  # fmt: skip
    if not 0 < confidence < 1 or n_bootstrap < 0:
        raise _error(
            "confidence", "a confidence between 0 and 1, n_bootstrap of 0 or more",
            f"confidence {confidence:g}, n_bootstrap {n_bootstrap}", "0.95 is usual",
        )  # fmt: skip
    codes, names = pd.factorize(stimuli)  # missing ones are -1
    counts = np.bincount(codes[codes >= 0], minlength=len(names))
    repeated = np.flatnonzero(counts >= 2)
    if len(repeated) < 4:
        raise _error(
            "stimuli", "four stimuli or more with two responses or more",
            f"{len(repeated)} of {len(names)} stimuli",
            "noise can be told from signal by repeats only; give all runs with repeats together",
        )  # fmt: skip
    rows = np.flatnonzero(np.isin(codes, repeated))
    rows = rows[np.argsort(codes[rows], kind="stable")]
    bounds = np.flatnonzero(np.diff(codes[rows], prepend=-1))
    return [names[code] for code in repeated], rows, bounds


def _error(subject: str, expected: str, found: str, hint: str) -> InputError:
    return InputError(subject, expected=expected, found=found, hint=hint)
