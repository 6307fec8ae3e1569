"""Sums over repeated stimuli, and the signal and noise that follow from them."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class RepeatMoments:
    """Sums over stimuli (or stimuli of each bootstrap sample, or all but one) of each voxel."""

    n: np.ndarray  # stimuli
    mean: np.ndarray  # of responses to a stimulus, centred over stimuli
    square: np.ndarray  # of that mean, squared
    variance: np.ndarray  # between responses to a stimulus
    variance_of_mean: np.ndarray  # that divided by their number
    parts: tuple[np.ndarray, ...]  # the last four for each stimulus, shape (n_stimuli, n_voxels)
    spread: float = 1.0  # what the variance over stimuli is to be multiplied by

    @classmethod
    def of(cls, values: np.ndarray, bounds: np.ndarray, counts: np.ndarray) -> "RepeatMoments":
        """Sum up responses that are sorted by stimulus."""
        repeats = counts[:, None]
        mean = np.add.reduceat(values, bounds, axis=0) / repeats
        rest = values - np.repeat(mean, counts, axis=0)
        variance = np.add.reduceat(rest**2, bounds, axis=0) / (repeats - 1)
        mean = mean - mean.mean(axis=0)
        parts = (mean, mean**2, variance, variance / repeats)
        one, square, between, of_mean = (part.sum(axis=0) for part in parts)
        return cls(np.array([[len(mean)]]), one, square, between, of_mean, parts)

    def without_each(self) -> "RepeatMoments":
        """Leave out each stimulus in turn; the sums get a first axis for it."""
        totals = (self.mean, self.square, self.variance, self.variance_of_mean)
        mean, square, variance, of_mean = (
            total - part for total, part in zip(totals, self.parts, strict=True)
        )
        return RepeatMoments(self.n - 1, mean, square, variance, of_mean, self.parts)

    def resampled(self, draws: np.ndarray) -> "RepeatMoments":
        """Take each stimulus as often as each row of ``draws`` says.

        Drawing stimuli twice takes 1 in their number off the variance over stimuli.
        """
        n = len(self.parts[0])
        mean, square, variance, of_mean = (draws @ part for part in self.parts)
        return RepeatMoments(self.n, mean, square, variance, of_mean, self.parts, n / (n - 1))


def estimates(moments: RepeatMoments) -> np.ndarray:
    """Signal, noise, share and share of the mean, the shares without their bias.

    Returns
    -------
    ndarray of float64, shape (4, n_voxels)
        As `fmriprod.algorithms.noise_ceiling.noise_ceiling` describes them.
    """
    n = int(moments.n[0, 0])
    signal, of_mean = _signal(moments)[0], moments.variance_of_mean / n
    without_each = single_share(moments.without_each()).mean(axis=0)
    share = n * single_share(moments)[0] - (n - 1) * without_each
    # One over a variance with n - 1 degrees of freedom is too large by (n - 1) / (n - 3).
    share_of_mean = 1 - (n - 3) / (n - 1) * _ratio(of_mean, signal + of_mean)
    return np.array([signal, moments.variance / n, share, share_of_mean])


def _signal(moments: RepeatMoments) -> np.ndarray:
    over_stimuli = (moments.square - moments.mean**2 / moments.n) / (moments.n - 1)
    return np.atleast_2d(moments.spread * over_stimuli - moments.variance_of_mean / moments.n)


def single_share(moments: RepeatMoments) -> np.ndarray:
    """Share of signal in single responses; 0 where nothing varies."""
    signal = _signal(moments)
    return _ratio(signal, signal + moments.variance / moments.n)


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(whole > 0, part / whole, 0)
