"""Which angle of the visual field drives each voxel: responses to wedges as waves."""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from fmriprod.algorithms.checks import InputError, usable_voxels

_BLOCK = 4096  # voxels at a time: bounds the copy in double precision


@dataclass(frozen=True)
class WedgeFit:
    """Responses as ``cosine cos(angle) + sine sin(angle) + constant``.

    All of shape ``(n_voxels,)``, float32, in the unit of the responses; NaN where a voxel
    is not usable.

    Attributes
    ----------
    cosine, sine, constant : ndarray
        Coefficients.
    f : ndarray
        F of cosine and sine together against the constant alone. For synthesised responses
        a measure of fit, not a test: the only noise is how the base images differ.
    p : ndarray
        Its tail probability with ``dof`` degrees of freedom.
    dof : (int, int)
        Of numerator and denominator: 2 and ``n_samples - 3``.
    usable : ndarray of bool
        Voxels with finite responses that vary.
    """

    cosine: np.ndarray
    sine: np.ndarray
    constant: np.ndarray
    f: np.ndarray
    p: np.ndarray
    dof: tuple[int, int]
    usable: np.ndarray


def fit_wedges(responses: np.ndarray, angles: np.ndarray) -> WedgeFit:
    """Fit cosine, sine and a constant to the responses of every voxel to wedges.

    Parameters
    ----------
    responses : ndarray, shape (n_samples, n_voxels)
        Responses to wedges; may be mapped from disk, read in blocks of voxels.
    angles : ndarray, shape (n_samples,)
        Angle of each wedge in rad.

    Returns
    -------
    WedgeFit
        Least-squares solution in double precision.

    Raises
    ------
    InputError
        If angles and responses differ in number, angles are not finite, there are fewer
        than 4 samples, or the angles cannot tell cosine, sine and constant apart.

    References
    ----------
    Eickenberg et al. (2017), NeuroImage 152, 184, section 3.3.1.

    Examples
    --------
    >>> angles = np.deg2rad(np.arange(0, 360, 15))
    >>> fit = fit_wedges(3 + 2 * np.sin(angles)[:, None], angles)
    >>> [round(float(b[0]), 4) + 0.0 for b in (fit.cosine, fit.sine, fit.constant)]
    [0.0, 2.0, 3.0]
    """
    responses, angles = np.asanyarray(responses), np.asarray(angles, dtype=np.float64)
    basis = _basis(responses, angles)
    q, r = np.linalg.qr(basis)
    n_samples, n_voxels = responses.shape
    solved = np.full((3, n_voxels), np.nan, dtype=np.float32)
    f = np.full(n_voxels, np.nan, dtype=np.float32)
    usable = np.zeros(n_voxels, dtype=bool)
    dof = (2, n_samples - 3)
    for start in range(0, n_voxels, _BLOCK):
        block = responses[:, start : start + _BLOCK].astype(np.float64)
        good = usable_voxels(block.T)
        usable[start : start + _BLOCK] = good
        where = start + np.flatnonzero(good)
        block = block[:, good]
        centre = block.mean(axis=0)
        block -= centre  # a large constant would cost digits
        part = q.T @ block
        solved[:, where] = np.linalg.solve(r, part)
        solved[0, where] += centre
        explained = (part[1:] ** 2).sum(axis=0)
        rest = ((block - q @ part) ** 2).sum(axis=0)
        with np.errstate(divide="ignore"):
            f[where] = (explained / dof[0]) / (rest / dof[1])
    p = stats.f.sf(f.astype(np.float64), *dof).astype(np.float32)
    constant, cosine, sine = solved
    return WedgeFit(cosine, sine, constant, f, p, dof, usable)


def preferred_angle(cosine: np.ndarray, sine: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Angle and amplitude of the waves that cosine and sine make up.

    Parameters
    ----------
    cosine, sine : ndarray, shape (n_voxels,)
        Coefficients, smoothed or not.

    Returns
    -------
    angle : ndarray of float32, shape (n_voxels,)
        Angle of the largest response in rad, from -pi to pi, as the wedges count it; NaN
        where a coefficient is NaN.
    amplitude : ndarray of float32, shape (n_voxels,)
        Height of the wave over its mean, in the unit of the responses.
    """
    angle = np.arctan2(sine, cosine).astype(np.float32)
    return angle, np.hypot(cosine, sine).astype(np.float32)


def _basis(responses: np.ndarray, angles: np.ndarray) -> np.ndarray:
    """Check angles against responses; columns 1, cosine, sine.

    The constant comes first: after it, the other two columns of an orthonormal basis hold
    just what cosine and sine explain beyond it.
    """
    if responses.ndim != 2 or angles.shape != (len(responses),):
        raise InputError(
            "angles",
            expected=f"one angle for each row of the responses, shape {responses.shape}",
            found=f"{angles.size} angles",
            hint="give the samples_file of the stimuli that the responses belong to",
        )
    if not np.isfinite(angles).all():
        raise InputError(
            "angles",
            expected="finite angles in rad",
            found=f"{(~np.isfinite(angles)).sum()} that are missing or infinite",
            hint="leave out the samples without a wedge",
        )
    basis = np.column_stack([np.ones(len(angles)), np.cos(angles), np.sin(angles)])
    if len(angles) < 4 or np.linalg.cond(basis) > 1e6:
        raise InputError(
            "angles",
            expected="at least 4 samples, with at least 3 different angles",
            found=f"{len(angles)} samples, {len(np.unique(angles.round(9)))} different angles",
            hint="show wedges all around the centre; angles are in rad",
        )
    return basis
