"""Profile of a region over layers: the mean of its best voxels, with intervals."""

from dataclasses import dataclass

import numpy as np

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.fingerprint import layers_by_voxels


@dataclass(frozen=True)
class RegionProfile:
    """Mean scores of a region's best voxels over layers, divided by their maximum.

    Attributes
    ----------
    value : ndarray of float64, shape (n_layers,)
        The profile; its largest value is 1. NaN where no layer's mean is above 0.
    low, high : ndarray of float64, shape (n_layers,)
        Interval over voxels: what other voxels of such a region would give.
    fold_low, fold_high : ndarray of float64, shape (n_layers,)
        Interval over folds: what other held-out groups would give for these voxels.
    mean : ndarray of float64, shape (n_layers,)
        The mean scores before they are divided.
    n_voxels, n_best : int
        Voxels of the region that are finite in every layer, and how many the mean is over.
    n_fold_voxels : int
        Voxels that are finite in every fold too: the interval over folds is of these.
    """

    value: np.ndarray
    low: np.ndarray
    high: np.ndarray
    fold_low: np.ndarray
    fold_high: np.ndarray
    mean: np.ndarray
    n_voxels: int
    n_best: int
    n_fold_voxels: int


def region_profile(
    scores: np.ndarray,
    fold_scores: np.ndarray | None = None,
    *,
    best_share: float = 0.25,
    n_bootstrap: int = 1000,
    level: float = 0.95,
    seed: int = 0,
    max_bytes: int = 1 << 27,
) -> RegionProfile:
    """Average the scores of a region's best voxels and divide by the maximum over layers.

    The best voxels are those with the largest score of any layer. Scores are averaged as
    they are, those below 0 too.

    Parameters
    ----------
    scores : ndarray, shape (n_layers, n_voxels)
        Scores of the region's voxels; voxels that are not finite in every layer are left out.
    fold_scores : ndarray, shape (n_layers, n_folds, n_voxels), optional
        Scores in each outer fold, for the interval over folds.
    best_share : float
        Share of the voxels that are averaged, above 0 and up to 1; rounded up.
    n_bootstrap : int
        Draws for each interval; 0 for none.
    level : float
        Coverage of the intervals.
    seed : int
        Seed of the draws.
    max_bytes : int
        Memory that draws may take at a time.

    Returns
    -------
    RegionProfile

    Raises
    ------
    InputError
        If shapes differ or an option is out of its range.

    Notes
    -----
    Each draw goes the whole way: voxels (or folds) with replacement, the best of them anew,
    their mean, divided by its own maximum. The interval therefore speaks of the profile's
    shape, and at its peak is often no wider than 1 to 1. Neighbouring voxels resemble each
    other and share their noise: over voxels, intervals are too narrow for what another
    session or person would give. Folds are few and share training data: so are those.
    They need two voxels, or two folds; with less they are NaN, and so they are where some
    draw has no layer above 0.

    Voxels that are chosen by their largest score have larger scores than another
    measurement would give. In noise that lifts every layer: the profile of 2,000 voxels of
    noise lies between 0.6 and 1 at all of nine layers. Give significant voxels only.

    References
    ----------
    Eickenberg et al. (2017), NeuroImage 152, 184: mean over the best 25 %, their figure 2.
    """
    scores = layers_by_voxels(scores)
    _check(scores, fold_scores, best_share, n_bootstrap, level)
    finite = np.isfinite(scores).all(axis=0)
    scores = scores[:, finite].astype(np.float64)
    n_layers, n_voxels = scores.shape
    none = np.full((2, n_layers), np.nan)
    if not n_voxels:
        nan = none[0]
        return RegionProfile(nan, nan, nan, nan, nan, nan, 0, 0, 0)
    n_best = _count(n_voxels, best_share)
    order = np.argsort(-scores.max(axis=0), kind="stable")
    ranked = scores[:, order]
    mean = ranked[:, :n_best].mean(axis=1)
    tails = ((1 - level) / 2, (1 + level) / 2)
    voxels = folds = none
    if n_bootstrap and n_voxels > 1:
        draws = _voxel_draws(ranked, n_best, n_bootstrap, seed, max_bytes)
        voxels = np.quantile(_by_maximum(draws), tails, axis=0)
    n_fold_voxels = 0
    if fold_scores is not None:
        parts = np.asarray(fold_scores)[:, :, finite]
        parts = parts[:, :, np.isfinite(parts).all(axis=(0, 1))].astype(np.float64)
        n_fold_voxels = parts.shape[2]
        if n_bootstrap and n_fold_voxels and parts.shape[1] > 1:
            draws = _fold_draws(parts, best_share, n_bootstrap, seed)
            folds = np.quantile(_by_maximum(draws), tails, axis=0)
    value = _by_maximum(mean[None])[0]
    (low, high), (fold_low, fold_high) = voxels, folds
    return RegionProfile(
        value, low, high, fold_low, fold_high, mean, n_voxels, n_best, n_fold_voxels
    )


def _count(n_voxels: int, share: float) -> int:
    return int(np.ceil(round(share * n_voxels, 9)))  # 0.07 * 100 is a little above 7


def _by_maximum(means: np.ndarray) -> np.ndarray:
    """Divide each row by its maximum; NaN where that is not above 0."""
    peak = means.max(axis=1, keepdims=True)
    return np.divide(means, peak, out=np.full_like(means, np.nan), where=peak > 0)


def _voxel_draws(
    ranked: np.ndarray, n_best: int, n_bootstrap: int, seed: int, max_bytes: int
) -> np.ndarray:
    """Means of the best voxels of each draw, shape (n_bootstrap, n_layers).

    With voxels in descending order, the best of a draw are its first ``n_best``: a running
    sum of how often each voxel was drawn, cut at ``n_best``, gives them without sorting.
    """
    n_voxels = ranked.shape[1]
    rng = np.random.default_rng(seed)
    means = np.empty((n_bootstrap, len(ranked)))
    batch = max(1, max_bytes // (32 * n_voxels))
    for start in range(0, n_bootstrap, batch):
        size = min(batch, n_bootstrap - start)
        drawn = rng.integers(0, n_voxels, (size, n_voxels))
        drawn += n_voxels * np.arange(size)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=size * n_voxels).reshape(size, n_voxels)
        reached = np.minimum(np.cumsum(counts, axis=1), n_best)
        taken = np.diff(reached, axis=1, prepend=0).astype(np.float64)
        means[start : start + size] = taken @ ranked.T / n_best
    return means


def _fold_draws(
    fold_scores: np.ndarray, best_share: float, n_bootstrap: int, seed: int
) -> np.ndarray:
    """Means of the best voxels by the mean of each draw of folds, (n_bootstrap, n_layers)."""
    n_folds, n_voxels = fold_scores.shape[1:]
    n_best = _count(n_voxels, best_share)
    rng = np.random.default_rng(seed)
    counts = rng.multinomial(n_folds, np.full(n_folds, 1 / n_folds), n_bootstrap)
    different, which = np.unique(counts, axis=0, return_inverse=True)  # five folds: at most 126
    means = np.empty((len(different), len(fold_scores)))
    for number, weights in enumerate(different):
        drawn = np.tensordot(weights / n_folds, fold_scores, (0, 1))
        best = np.argsort(-drawn.max(axis=0), kind="stable")[:n_best]
        means[number] = drawn[:, best].mean(axis=1)
    return means[which.ravel()]


def _check(
    scores: np.ndarray,
    fold_scores: np.ndarray | None,
    best_share: float,
    n_bootstrap: int,
    level: float,
) -> None:
    rules = (
        ("best_share", best_share, 0 < best_share <= 1, "a share above 0 and up to 1"),
        ("n_bootstrap", n_bootstrap, n_bootstrap >= 0, "0 or more"),
        ("level", level, 0 < level < 1, "a share between 0 and 1"),
    )
    for name, value, holds, expected in rules:
        if not holds:
            raise InputError(
                name, expected=expected, found=repr(value), hint="leave it out for the default"
            )
    shape = None if fold_scores is None else np.shape(fold_scores)
    if shape is not None and (len(shape) != 3 or (shape[0], shape[2]) != scores.shape):
        raise InputError(
            "fold_scores",
            expected=f"layers x folds x voxels for {scores.shape[0]} x {scores.shape[1]} scores",
            found=f"shape {shape}",
            hint="give the folds of the same layers and voxels",
        )
