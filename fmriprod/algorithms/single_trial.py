"""Estimate the response of every voxel to every single trial.

No model is fitted again for each trial: `fmriprod.algorithms.trial_model` turns the designs of
all trials into one matrix of weights, and the estimates are one matrix product with the data.
"""

from dataclasses import dataclass

import numpy as np

from fmriprod.algorithms.autocorrelation import estimate_ar, group_ar
from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.trial_design import TrialDesign
from fmriprod.algorithms.trial_model import TrialModel, trial_model, whitened

NOISE = ("ols", "ar1")
_NO_RESIDUAL = 1e-6  # root mean square over that of the series: float32 rounding


@dataclass(frozen=True)
class SingleTrials:
    """Response to each trial in each voxel.

    Attributes
    ----------
    beta : ndarray of float32, shape (n_voxels, n_trials)
        In the unit of the series.
    t : ndarray of float32, shape (n_voxels, n_trials), or None
        0 in voxels that the model leaves no residual.
    vif, dof : ndarray, shape (n_trials,)
        Of the design, not whitened; see `TrialModel`.
    ar : ndarray of float32, shape (n_voxels, order)
        Coefficients of the noise that were used; order 0 for ``"ols"``.
    """

    beta: np.ndarray
    t: np.ndarray | None
    vif: np.ndarray
    dof: np.ndarray
    ar: np.ndarray


def estimate_trials(
    series: np.ndarray,
    design: TrialDesign,
    *,
    method: str = "lss",
    others: str = "all",
    noise: str = "ols",
    correct_bias: bool = True,
    statistics: bool = False,
    block_size: int = 8192,
) -> SingleTrials:
    """Estimate the response to each trial in each voxel.

    Parameters
    ----------
    series : ndarray, shape (n_voxels, n_volumes)
        Finite; `fmriprod.algorithms.glm.analysable` chooses the voxels.
    design : TrialDesign
        Of the run.
    method, others
        As `trial_model` takes them.
    noise : {"ols", "ar1"}
        White noise, or first-order autoregressive noise with one coefficient for a voxel
        and all its trials, estimated from the residuals of what the models have in
        common and grouped in steps of 1/100 (as `fmriprod.algorithms.glm.fit_contrasts`).
    correct_bias : bool
        Estimate it without the bias of the fit.
    statistics : bool
        Give t values too.
    block_size : int
        Voxels at a time; bounds the memory, not the result.

    Returns
    -------
    SingleTrials
        Products with the data are in float32, of series less their mean; designs are solved
        and variances summed in float64.

    Raises
    ------
    InputError
        See `trial_model`; or if lengths or names do not fit.
    """
    series = np.asarray(series)
    n_volumes = design.regressors.shape[2]
    if series.ndim != 2 or series.shape[1] != n_volumes:
        raise InputError(
            "series",
            expected=f"{n_volumes} volumes, as the design has",
            found=f"shape {series.shape}",
            hint="build the design from this run's number of volumes",
        )
    if noise not in NOISE:
        raise InputError(
            "noise", expected=" or ".join(NOISE), found=repr(noise), hint="choose one of these"
        )
    plain = trial_model(design, method=method, others=others)
    labels, centres = np.zeros(len(series), int), np.zeros((1, 0))
    if noise == "ar1":
        ar, _ = estimate_ar(
            series, plain.common, 1, correct_bias=correct_bias, block_size=block_size
        )
        labels, centres = group_ar(ar, np.ones(len(series), bool))
    beta = np.empty((len(series), len(design.trials)), np.float32)
    t = np.empty_like(beta) if statistics else None
    for group, centre in enumerate(centres):
        rho = float(centre[0]) if centre.size else 0.0
        model = trial_model(design, method=method, others=others, whiten=rho) if rho else plain
        whole = len(centres) == 1
        _estimate(series, None if whole else np.flatnonzero(labels == group), model, rho,
                  beta, t, block_size)  # fmt: skip
    used = centres[labels].astype(np.float32)
    return SingleTrials(beta, t, plain.vif, plain.dof, used)


def _estimate(
    series: np.ndarray,
    voxels: np.ndarray | None,
    model: TrialModel,
    rho: float,
    beta: np.ndarray,
    t: np.ndarray | None,
    block_size: int,
) -> None:
    """Fill the rows of ``voxels`` (None: all) in ``beta`` and ``t``."""
    weights = np.ascontiguousarray(model.weights.T, np.float32)
    n_rows = len(series) if voxels is None else len(voxels)
    for start in range(0, n_rows, block_size):
        block = slice(start, start + block_size)
        rows = block if voxels is None else voxels[block]
        y = series[rows].astype(np.float32, copy=False)
        mean = y.mean(axis=1, keepdims=True)  # the model has a constant: nothing is lost
        y = whitened(y - mean, rho)
        estimate = y @ weights
        beta[rows] = estimate
        if t is not None:
            t[rows] = _t_values(y, mean, estimate, model)


def _t_values(
    y: np.ndarray, mean: np.ndarray, estimate: np.ndarray, model: TrialModel
) -> np.ndarray:
    """Divide estimates by their standard errors; 0 where there is no residual."""
    common = model.common.astype(np.float32)
    rest = y - (y @ common) @ common.T
    squares = np.einsum("vt,vt->v", rest, rest, dtype=np.float64)[:, None]
    total = np.einsum("vt,vt->v", y, y, dtype=np.float64)[:, None]
    total += y.shape[1] * mean.astype(np.float64) ** 2
    for own in model.own.transpose(1, 2, 0):
        if own.any():
            squares = squares - (rest @ own.astype(np.float32)).astype(np.float64) ** 2
    fitted = squares > _NO_RESIDUAL**2 * total
    variance = np.where(fitted, squares, 1) / model.dof * (model.weights**2).sum(axis=1)
    return np.where(fitted, estimate / np.sqrt(variance), 0)
