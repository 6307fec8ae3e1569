"""Fit a linear model with autocorrelated noise to many time series at once."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from fmriprod.algorithms.autocorrelation import estimate_ar, group_ar
from fmriprod.algorithms.checks import InputError, usable_voxels
from fmriprod.algorithms.design import estimable, row_space, unit_columns

NOISE = ("ar1", "ar2", "ar3", "ar4", "ar5", "ols")
_CONSTANT = 1e-5  # range over largest value: what float32 arithmetic leaves of a constant


@dataclass(frozen=True)
class GlmResult:
    """Statistics of contrasts; voxels without a residual have 0 everywhere.

    Attributes
    ----------
    effect, variance, t, z : ndarray of float32, shape (n_contrasts, n_voxels)
        ``effect`` and ``variance`` in the unit of the series and its square.
    dof : int
        Volumes less the rank of the design.
    ar : ndarray of float32, shape (n_voxels, order)
        Coefficients of the noise that were used; order 0 for ``"ols"``.
    fitted : ndarray of bool, shape (n_voxels,)
        False where the design explains the series but for rounding, so that no error can be
        estimated (such as a voxel that is not constant in one volume only, and a confound
        for that volume).
    """

    effect: np.ndarray
    variance: np.ndarray
    t: np.ndarray
    z: np.ndarray
    dof: int
    ar: np.ndarray
    fitted: np.ndarray


def fit_contrasts(
    series: np.ndarray,
    matrix: np.ndarray,
    contrasts: np.ndarray,
    *,
    noise: str = "ar1",
    correct_bias: bool = True,
    block_size: int = 8192,
) -> GlmResult:
    """Estimate contrasts by generalised least squares, each voxel with its own noise.

    Autoregressive coefficients are estimated from the residuals of ordinary least squares
    and grouped as Nilearn does it (AR(1): truncated to 1/100; higher orders: 100
    clusters); each group is fitted once with Nilearn's ``ARModel``. The model is fitted in an
    orthonormal basis of the design, so neither the units of its columns nor columns that
    depend on each other matter for contrasts that can be estimated.

    Parameters
    ----------
    series : ndarray, shape (n_voxels, n_volumes)
        Finite, not constant (see `analysable`).
    matrix : ndarray, shape (n_volumes, n_columns)
        Design, of any rank.
    contrasts : ndarray, shape (n_contrasts, n_columns)
        Weights.
    noise : {"ar1", ..., "ar5", "ols"}
        Order of the autoregression, or white noise.
    correct_bias : bool
        Estimate the noise as `fmriprod.algorithms.autocorrelation` describes; without, as
        Nilearn does it, errors are too small and tests reject too often.
    block_size : int
        Voxels in float64 at a time. Bounds the memory beyond the result to about
        ``40 * block_size * n_volumes`` bytes; the result does not depend on it.

    Returns
    -------
    GlmResult
        One row for each contrast.

    Raises
    ------
    InputError
        If a contrast cannot be estimated, or shapes or the noise model do not fit.

    References
    ----------
    Abraham et al. (2014), Frontiers in Neuroinformatics 8, 14 (Nilearn).
    """
    # Here, not above: Nilearn takes a second to import, which the command line need not wait for.
    from nilearn.glm import ARModel, OLSModel
    from nilearn.glm.contrasts import Contrast

    series, matrix, contrasts = _checked(series, matrix, contrasts, noise)
    norm = np.linalg.norm(matrix, axis=0)
    basis, values, rows = row_space(unit_columns(matrix))
    projected = (contrasts / np.where(norm > 0, norm, 1)) @ rows.T / values
    order = 0 if noise == "ols" else int(noise[2:])
    ar, fitted = estimate_ar(series, basis, order, correct_bias=correct_bias, block_size=block_size)
    labels, centres = group_ar(ar, fitted)
    effect = np.zeros((len(contrasts), len(series)))
    variance = np.zeros_like(effect)
    for group, voxels in _groups(labels, len(centres), block_size):
        model = ARModel(basis, centres[group]) if order else OLSModel(basis)
        result = model.fit(series[voxels].T.astype(np.float64))
        for i, weights in enumerate(projected):
            test = result.Tcontrast(weights, store=("effect", "sd"))
            effect[i, voxels], variance[i, voxels] = test.effect, test.sd**2
    dof = len(basis) - basis.shape[1]
    t, z = np.zeros_like(effect), np.zeros_like(effect)
    for i in range(len(contrasts)):
        contrast = Contrast(effect[i, fitted], variance[i, fitted], dim=1, dof=dof)
        t[i, fitted], z[i, fitted] = contrast.stat(), contrast.z_score()
    used = np.zeros((len(series), order))
    used[fitted] = centres[labels[fitted]]
    return GlmResult(
        effect=effect.astype(np.float32),
        variance=variance.astype(np.float32),
        t=t.astype(np.float32),
        z=z.astype(np.float32),
        dof=dof,
        ar=used.astype(np.float32),
        fitted=fitted,
    )


def analysable(series: np.ndarray) -> np.ndarray:
    """Mark the voxels whose series can be modelled: finite, and not constant but for rounding.

    Parameters
    ----------
    series : ndarray, shape (n_voxels, n_volumes)
        Time series.

    Returns
    -------
    ndarray of bool, shape (n_voxels,)
        A constant that went through float32 arithmetic keeps a range of about 1e-6 of its
        value; it is treated as constant up to 1e-5.
    """
    usable = usable_voxels(series)
    low, high = series[usable].min(axis=1), series[usable].max(axis=1)
    largest = np.maximum(np.abs(low), np.abs(high)).astype(np.float64)
    usable[usable] = high.astype(np.float64) - low > _CONSTANT * largest
    return usable


def _checked(
    series: np.ndarray, matrix: np.ndarray, contrasts: np.ndarray, noise: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    series, matrix = np.asarray(series), np.asarray(matrix, np.float64)
    contrasts = np.atleast_2d(np.asarray(contrasts, np.float64))
    if noise not in NOISE:
        raise InputError(
            "noise", expected=", ".join(NOISE), found=repr(noise), hint="choose one of these"
        )
    shapes = (series.shape[-1] == len(matrix), contrasts.shape[1] == matrix.shape[1])
    if series.ndim != 2 or not all(shapes) or not np.isfinite(matrix).all():
        raise InputError(
            "design",
            expected="a finite row for each volume and a weight for each column",
            found=f"series {series.shape}, design {matrix.shape}, contrasts {contrasts.shape}"
            + ("" if np.isfinite(matrix).all() else ", a design with NaN"),
            hint="build the design from this run's number of volumes",
        )
    lost = [i for i, weights in enumerate(contrasts) if not estimable(matrix, weights)]
    if lost:
        raise InputError(
            "contrasts",
            expected="contrasts that the design can estimate",
            found=f"rows {lost} depend on columns that cannot be told apart",
            hint="leave these contrasts out, or the columns that duplicate others",
        )
    return series, matrix, contrasts


def _groups(labels: np.ndarray, n_groups: int, block_size: int) -> Iterator[tuple[int, np.ndarray]]:
    order = np.argsort(labels, kind="stable")
    edges = np.searchsorted(labels[order], np.arange(n_groups + 1))
    for group in range(n_groups):
        members = order[edges[group] : edges[group + 1]]
        for start in range(0, len(members), block_size):
            yield group, members[start : start + block_size]
