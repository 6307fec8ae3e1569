"""How well one contrast map finds the voxels that another one shows."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from fmriprod.algorithms.checks import InputError


@dataclass(frozen=True)
class RecoveryCurve:
    """Precision and recall at every threshold, from the strictest to the mildest.

    At threshold ``t`` the voxels with a value of at least ``t`` are active.

    Attributes
    ----------
    threshold : ndarray of float64, shape (n_thresholds,)
        The different values of the map, in falling order.
    precision : ndarray of float64, shape (n_thresholds,)
        Share of the active voxels that lie in the support.
    recall : ndarray of float64, shape (n_thresholds,)
        Share of the support that is active; rises to 1.
    n_support, n_voxels : int
        Voxels of the support, and all that were compared.
    """

    threshold: np.ndarray
    precision: np.ndarray
    recall: np.ndarray
    n_support: int
    n_voxels: int

    @property
    def chance(self) -> float:
        """Precision of a map that knows nothing: the support's share of the voxels."""
        return self.n_support / self.n_voxels

    @property
    def average_precision(self) -> float:
        """Precision weighted by the recall that each threshold gains."""
        return float((self.precision * np.diff(self.recall, prepend=0.0)).sum())

    @property
    def recall_at_full_precision(self) -> float:
        """Largest recall without a voxel outside the support; 0 if there is no such map."""
        return float(self.recall[self.precision == 1].max(initial=0.0))


class Threshold(NamedTuple):
    """A threshold with the precision and recall that it gives."""

    value: float
    precision: float
    recall: float


def recovery_curve(values: np.ndarray, support: np.ndarray) -> RecoveryCurve:
    """Precision and recall of a map at all its thresholds.

    Voxels with equal values become active together, so that their order cannot matter; a
    constant map has one threshold, with precision at chance and recall 1.

    Parameters
    ----------
    values : ndarray, shape (n_voxels,)
        The map; for a contrast's other sign, its negative. Infinities are allowed.
    support : ndarray of bool, shape (n_voxels,)
        Voxels to be found.

    Returns
    -------
    RecoveryCurve

    Raises
    ------
    InputError
        If lengths differ, a value is NaN, or the support is empty.
    """
    values = np.asarray(values, dtype=np.float64)
    support = np.asarray(support, dtype=bool)
    if values.ndim != 1 or values.shape != support.shape or np.isnan(values).any():
        raise InputError(
            "values",
            expected="one value, not NaN, for each voxel of the support",
            found=f"{np.isnan(values).sum()} NaN among shape {values.shape}, "
            f"support of shape {support.shape}",
            hint="compare the voxels that both maps have",
        )
    if not support.any():
        raise InputError(
            "truth",
            expected="a voxel that passes the threshold, to be found again",
            found=f"none of {len(values):,}",
            hint="lower the truth's threshold, or check that it is a map of t",
        )
    order = np.argsort(-values, kind="stable")
    ranked = values[order]
    last = np.append(np.flatnonzero(ranked[1:] != ranked[:-1]), len(ranked) - 1)
    hits = np.cumsum(support[order])[last]
    return RecoveryCurve(
        ranked[last], hits / (last + 1), hits / support.sum(), int(support.sum()), len(values)
    )


def best_threshold(curve: RecoveryCurve, recall: float = 0.5) -> Threshold:
    """Find the threshold of best precision among those with enough recall.

    Of thresholds with the same precision, the one with the largest recall. On a poor map
    it may lie at or below 0.

    Parameters
    ----------
    curve : RecoveryCurve
        From `recovery_curve`.
    recall : float
        Least share of the support that must be active (0.5 gives the source's tR50).

    Raises
    ------
    InputError
        If ``recall`` lies outside 0 to 1.
    """
    if not 0 <= recall <= 1:
        raise InputError(
            "recall",
            expected="a share from 0 to 1",
            found=f"{recall}",
            hint="published: 0.5",
        )
    enough = np.flatnonzero(curve.recall >= recall - 1e-12)
    precision = curve.precision[enough]
    best = enough[np.flatnonzero(precision == precision.max())[-1]]
    return Threshold(*(float(v[best]) for v in (curve.threshold, curve.precision, curve.recall)))
