"""Combine the effects of several runs of one person, weighted by their precision."""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from fmriprod.algorithms.checks import InputError


@dataclass(frozen=True)
class FixedEffects:
    """Combined effect, its variance, t and z, each of shape ``(n_voxels,)``, and usability.

    ``usable`` is False where a run has no finite effect with a positive variance; the other
    arrays are 0 there.
    """

    effect: np.ndarray
    variance: np.ndarray
    t: np.ndarray
    z: np.ndarray
    usable: np.ndarray


def fixed_effects(effects: np.ndarray, variances: np.ndarray, dof: np.ndarray) -> FixedEffects:
    """Average effects over runs with weights 1 / variance.

    Parameters
    ----------
    effects, variances : ndarray, shape (n_runs, n_voxels)
        Contrast estimates and their variances.
    dof : array_like, shape (n_runs,)
        Residual degrees of freedom of each run's model; the combination has their sum.

    Returns
    -------
    FixedEffects
        In float64.

    Raises
    ------
    InputError
        If the shapes do not belong together.

    Notes
    -----
    The minimum-variance unbiased combination under a common effect, as FEAT's fixed-effects
    second level: effect = sum(e / v) / sum(1 / v), variance = 1 / sum(1 / v).
    """
    effects, variances = np.asarray(effects, np.float64), np.asarray(variances, np.float64)
    dof = np.asarray(dof, np.float64)
    if effects.ndim != 2 or effects.shape != variances.shape or dof.shape != effects.shape[:1]:
        raise InputError(
            "effect",
            expected="as many effect maps as variance maps and degrees of freedom, on one grid",
            found=f"{effects.shape}, {variances.shape} and {dof.shape}",
            hint="give the three lists in the same order of runs",
        )
    usable = (np.isfinite(effects) & np.isfinite(variances) & (variances > 0)).all(axis=0)
    precision = np.zeros_like(variances)
    precision[:, usable] = 1 / variances[:, usable]
    total = precision.sum(axis=0)
    variance = np.divide(1.0, total, out=np.zeros_like(total), where=usable)
    effect = (np.where(usable, effects, 0) * precision).sum(axis=0) * variance
    t = np.divide(effect, np.sqrt(variance), out=np.zeros_like(effect), where=usable)
    return FixedEffects(effect, variance, t, t_to_z(t, dof.sum()), usable)


def t_to_z(t: np.ndarray, dof: float | np.ndarray) -> np.ndarray:
    """Turn t values into the z values of the same tail probability.

    The smaller tail is used on either side, so that large values keep their precision.

    Examples
    --------
    >>> t_to_z(np.array([-50.0, 0.0]), 20).round(2).tolist()
    [-9.76, 0.0]
    """
    log_tail = stats.t.logsf(np.abs(t), dof)
    z = -stats.norm.ppf(np.exp(np.maximum(log_tail, -700)))
    return np.sign(t) * z + 0.0
