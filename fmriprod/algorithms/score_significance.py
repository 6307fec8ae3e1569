"""Which voxels are predicted better than by chance."""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from fmriprod.algorithms.sign_flip import fdr


@dataclass(frozen=True)
class Significance:
    """Tests of all voxels; every array has shape ``(n_voxels,)``.

    Attributes
    ----------
    statistic : ndarray of float32
        Largest score over layers; NaN where a voxel is not usable.
    p, q : ndarray of float64
        Share of the null that is as large, with the data themselves counted in it, and the
        same adjusted by Benjamini and Hochberg over voxels. NaN where not usable.
    significant : ndarray of bool
        Voxels with ``q`` of at most the level.
    """

    statistic: np.ndarray
    p: np.ndarray
    q: np.ndarray
    significant: np.ndarray

    @property
    def threshold(self) -> float | None:
        """Smallest statistic that is significant; None if none is."""
        return float(self.statistic[self.significant].min()) if self.significant.any() else None


def score_significance(
    statistic: np.ndarray, null: np.ndarray, *, level: float = 0.01, per_voxel: bool = False
) -> Significance:
    """Find voxels whose best score is larger than chance gives.

    Parameters
    ----------
    statistic : ndarray, shape (n_voxels,)
        Largest score over layers; NaN where not usable.
    null : ndarray, shape (n_sampled, n_permutations)
        The same of permuted data. NaN counts as larger than anything.
    level : float, default 0.01
        False discovery rate [1]_.
    per_voxel : bool, default False
        Rows of ``null`` are the usable voxels, each with its own null; otherwise all rows
        make up one null for all voxels.

    References
    ----------
    .. [1] Benjamini Y, Hochberg Y (1995). Controlling the false discovery rate: a practical
       and powerful approach to multiple testing. J R Stat Soc B 57:289-300.
    """
    statistic = np.asarray(statistic, dtype=np.float32)
    usable = np.isfinite(statistic)
    p = np.full(len(statistic), np.nan)
    if per_voxel:
        reached = (~(null < statistic[usable, None])).sum(axis=1)
        n_null = null.shape[1]
    else:
        pooled = np.sort(null, axis=None)  # NaN last
        reached = pooled.size - np.searchsorted(pooled, statistic[usable], side="left")
        n_null = pooled.size
    p[usable] = (1 + reached) / (1 + n_null)
    q = fdr(p)
    return Significance(statistic, p, q, np.nan_to_num(q, nan=1.0) <= level)


def compare_nulls(null: np.ndarray) -> dict[str, float]:
    """Tell whether the nulls of sampled voxels are alike, so that they can be pooled.

    Parameters
    ----------
    null : ndarray, shape (n_sampled, n_permutations)
        Null of each voxel.

    Returns
    -------
    dict
        ``ks_largest``: largest Kolmogorov-Smirnov distance of a voxel's null from all others
        together. ``ks_limit``: what it exceeds in at most 1 % of cases if all are alike
        (Bonferroni over voxels). Both are 0 for one voxel. ``p99_lowest``, ``p99_highest``:
        99th percentiles of the voxels' nulls, which show how much a difference matters.
    """
    finite = [row[np.isfinite(row)] for row in null]
    high = [float(np.percentile(row, 99)) for row in finite]
    found = {"ks_largest": 0.0, "ks_limit": 0.0, "p99_lowest": min(high), "p99_highest": max(high)}
    if len(null) > 1:
        for number, row in enumerate(finite):
            others = np.concatenate(finite[:number] + finite[number + 1 :])
            distance = float(stats.ks_2samp(row, others, method="asymp").statistic)
            found["ks_largest"] = max(distance, found["ks_largest"])
        n, m = null.shape[1], null.size - null.shape[1]
        limit = stats.kstwobign.isf(0.01 / len(null)) * np.sqrt((n + m) / (n * m))
        found["ks_limit"] = float(limit)
    return found


def spread_voxels(usable: np.ndarray, n_voxels: int, seed: int = 0) -> np.ndarray:
    """Draw voxels that are spread over a mask: one from each of equal parts in C order.

    Parameters
    ----------
    usable : ndarray of bool, shape (n_voxels,)
        Voxels to draw from.
    n_voxels : int
        How many; all if there are no more.
    seed : int
        Source of the draw.

    Returns
    -------
    ndarray of int
        Their indices, sorted.
    """
    found = np.flatnonzero(usable)
    rng = np.random.default_rng([seed, 1])
    parts = np.array_split(found, min(n_voxels, len(found)))
    return np.array([rng.choice(part) for part in parts], dtype=np.int64)
