"""Rigid registration of volumes of the same contrast by least squares.

The intensity model is ``volume(T x) = a * reference(x) + b``. Each step linearises the
reference, whose derivatives by the six rigid parameters are computed once (the inverse
compositional scheme of Baker & Matthews (2004), Int J Comput Vis 56:221), and solves for the
parameters, the gain ``a`` and the offset ``b`` together; residuals are weighted by Tukey's
biweight so that voxels that change for another reason than motion (activation, vessels, eyes)
do not pull (the bias that Freire & Mangin (2001), NeuroImage 14:709 describe).
"""

from dataclasses import dataclass
from math import gcd

import numpy as np
from scipy import ndimage

from fmriprod.algorithms.transforms import grid_center, rigid_matrix

_FWHM_TO_SIGMA = 1 / np.sqrt(8 * np.log(2))
_TUKEY = 4.685  # 95 % efficiency for Gaussian residuals
_HEAD_RADIUS = 60.0  # mm at which a rotation counts as a displacement when converging


@dataclass(frozen=True)
class Template:
    """A reference volume at one smoothness, with its derivatives at the points compared.

    Attributes
    ----------
    points : ndarray of float64, shape (3, n_points)
        World coordinates in mm.
    design : ndarray of float64, shape (n_points, 8)
        Derivatives by ``trans_x .. rot_z`` (mm, rad, about ``center``), the smoothed
        reference itself and a constant.
    center : ndarray, shape (3,)
        Centre of the grid in mm, which the rotations turn about.
    fwhm : float
        Smoothing in mm.
    """

    points: np.ndarray
    design: np.ndarray
    center: np.ndarray
    fwhm: float


def foreground(volume: np.ndarray, affine: np.ndarray) -> np.ndarray:
    """Mark the head and a margin of 6 mm, where a volume's edges tell its position.

    Parameters
    ----------
    volume : ndarray, shape (x, y, z)
        Finite intensities.
    affine : ndarray, shape (4, 4)
        Voxel to world in mm.

    Returns
    -------
    ndarray of bool, shape (x, y, z)
        Above a fifth of the way from the 2nd to the 98th percentile of the smoothed volume,
        widened.
    """
    smooth = smooth_volume(volume, affine, 6.0)
    low, high = np.percentile(smooth, (2, 98))
    head = smooth > low + 0.2 * (high - low)
    far = ndimage.distance_transform_edt(~head, sampling=np.linalg.norm(affine[:3, :3], axis=0))
    return far <= 6.0


def spreading_step(n_voxels: int, shape: tuple[int, ...], max_points: int) -> int:
    """Choose every how many voxels of a mask, in C order, is taken: the same in every run.

    A step that shares a factor with the length of an axis would meet the same few planes again
    and again where a head fills the field of view along it.

    Examples
    --------
    >>> spreading_step(240_000, (110, 120, 40), 6_000)
    41
    """
    step = max(1, round(n_voxels / max_points))
    while step > 1 and any(gcd(step, n) > 1 for n in shape[1:]):
        step += 1
    return step


def smooth_volume(volume: np.ndarray, affine: np.ndarray, fwhm: float) -> np.ndarray:
    """Smooth with a Gaussian of a full width at half maximum in mm; float32."""
    sigma = fwhm * _FWHM_TO_SIGMA / np.linalg.norm(affine[:3, :3], axis=0)
    return ndimage.gaussian_filter(
        np.asarray(volume, np.float32), sigma, mode="nearest", truncate=3
    )


def make_template(
    reference: np.ndarray,
    affine: np.ndarray,
    mask: np.ndarray,
    fwhm: float,
    max_points: int,
) -> Template:
    """Smooth a reference and compute its derivatives at voxels spread evenly over a mask."""
    smooth = smooth_volume(reference, affine, fwhm).astype(np.float64)
    index = np.argwhere(mask)
    index = index[:: spreading_step(len(index), mask.shape, max_points)]
    at = tuple(index.T)
    slopes = np.stack([spline_slope(smooth, axis)[at] for axis in range(3)], axis=1)
    slopes = slopes @ np.linalg.inv(affine[:3, :3])
    points = index @ affine[:3, :3].T + affine[:3, 3]
    center = grid_center(reference.shape, affine)
    turns = np.cross(points - center, slopes)
    values = smooth[at]
    design = np.column_stack([slopes, turns, values, np.ones(len(values))])
    return Template(points.T.copy(), design, center, fwhm)


def spline_slope(volume: np.ndarray, axis: int) -> np.ndarray:
    """Differentiate the cubic B-spline through the voxels along an axis (per voxel)."""
    coefficients = ndimage.spline_filter1d(volume, 3, axis=axis, mode="mirror")
    return ndimage.correlate1d(coefficients, [-0.5, 0, 0.5], axis=axis, mode="mirror")


def align(
    template: Template,
    volume: np.ndarray,
    affine: np.ndarray,
    start: np.ndarray | None = None,
    order: int = 3,
    tolerance: float = 2e-3,
    max_steps: int = 30,
) -> tuple[np.ndarray | None, bool]:
    """Find the rigid transform from a template to a volume.

    Parameters
    ----------
    template : Template
        The reference.
    volume : ndarray, shape (x, y, z)
        Finite intensities, not smoothed.
    affine : ndarray, shape (4, 4)
        Its voxel to world (RAS, mm).
    start : ndarray, shape (4, 4), optional
        Where to begin; the identity by default.
    order : int
        Order of the spline that interpolates the volume.
    tolerance : float
        Converged when no point 60 mm from the centre moves further than this, in mm.
    max_steps : int
        Steps at most.

    Returns
    -------
    transform : ndarray of float64, shape (4, 4)
        Reference to volume, RAS mm; None when less than a fifth of the points lie in the
        volume's field of view.
    converged : bool
    """
    values = smooth_volume(volume, affine, template.fwhm)
    if order > 1:
        values = ndimage.spline_filter(values, order, output=np.float32, mode="mirror")
    transform = np.eye(4) if start is None else np.array(start, float)
    to_voxel = np.linalg.inv(affine)
    for _ in range(max_steps):
        step = _step(template, values, to_voxel @ transform, order)
        if step is None:
            return None, False
        transform = transform @ np.linalg.inv(rigid_matrix(step, template.center))
        if np.linalg.norm(step[:3]) + _HEAD_RADIUS * np.linalg.norm(step[3:]) < tolerance:
            return transform, True
    return transform, False


def _step(
    template: Template, values: np.ndarray, to_voxel: np.ndarray, order: int
) -> np.ndarray | None:
    """One Gauss-Newton step: six parameters, or None when too little overlaps."""
    at = to_voxel[:3, :3] @ template.points + to_voxel[:3, 3:]
    top = np.array(values.shape)[:, None] - 1
    valid = ((at >= 0) & (at <= top)).all(axis=0)
    if valid.sum() < 100 or valid.mean() < 0.2:
        return None
    seen = ndimage.map_coordinates(
        values, at[:, valid], order=order, prefilter=False, mode="mirror", output=np.float64
    )
    design = template.design[valid]
    base = solve_weighted(design[:, 6:], seen, None)
    solution = solve_weighted(design, seen, tukey_weights(seen - design[:, 6:] @ base))
    solution = solve_weighted(design, seen, tukey_weights(seen - design @ solution))
    gain = solution[6]
    return None if abs(gain) < 1e-6 else solution[:6] / gain


def tukey_weights(residual: np.ndarray) -> np.ndarray:
    """Weigh residuals by Tukey's biweight, their spread told by the median; 0 to 1."""
    scale = 1.4826 * np.median(np.abs(residual - np.median(residual)))
    ratio = residual / (_TUKEY * max(scale, 1e-12))
    return np.where(np.abs(ratio) < 1, (1 - ratio**2) ** 2, 0.0)


def solve_weighted(
    design: np.ndarray, values: np.ndarray, weights: np.ndarray | None
) -> np.ndarray:
    """Solve weighted least squares by the normal equations, columns scaled to unit length."""
    weighted = design if weights is None else design * weights[:, None]
    gram, right = weighted.T @ design, weighted.T @ values
    scale = np.sqrt(np.maximum(np.diag(gram), 1e-300))
    gram = gram / scale / scale[:, None] + 1e-10 * np.eye(len(gram))
    return np.linalg.solve(gram, right / scale) / scale
