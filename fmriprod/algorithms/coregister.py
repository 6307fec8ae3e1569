"""Rigid registration of images of different contrast, such as mean EPI and T1w.

Normalised mutual information (Studholme et al. 1999, Pattern Recognit 32:71) of a smoothed
joint histogram, maximised by Powell's method from coarse to fine, as Collignon et al. (1995)
proposed and SPM does. First the heads are laid upon each other, skin and all. Then only voxels
inside are compared: scalp and skull lie elsewhere in EPI than in T1w (fat is shifted, air
distorts), and pull the result off by more than a millimetre.
"""

from itertools import product
from typing import Literal, NamedTuple

import numpy as np
from scipy import ndimage
from scipy.optimize import minimize

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.joint_histogram import JointHistogram, normalised_information
from fmriprod.algorithms.registration import foreground, smooth_volume
from fmriprod.algorithms.resample import bridge_gaps, resample
from fmriprod.algorithms.transforms import check_affine, mask_points, rigid_matrix

Start = Literal["header", "search"]
_COARSE_FWHM, _COARSE_POINTS, _COARSE_BINS, _COARSE_STEP = 8.0, 6_000, 32, 4.0  # mm, -, -, mm
_FINE_POINTS, _FINE_STEP, _FINE_TOLERANCE = 40_000, 1.0, 0.02  # -, mm, mm
_HEAD_RADIUS = 60.0  # mm at which a rotation is as large as a translation
_INSIDE = 14.0  # mm inside the widened head, about 8 mm under the skin
_LEAST_MASK = 500  # voxels
_TURNS = np.deg2rad((-25.0, 0.0, 25.0))


class Coregistration(NamedTuple):
    """A rigid transform and how well the images match after it.

    Attributes
    ----------
    transform : ndarray of float64, shape (4, 4)
        Reference to moving, RAS mm.
    similarity : float
        Normalised mutual information at the voxels compared: 1 when the images tell nothing
        about each other, 2 when each tells all about the other.
    """

    transform: np.ndarray
    similarity: float


class _Image(NamedTuple):
    data: np.ndarray
    affine: np.ndarray


def coregister(
    moving: np.ndarray,
    moving_affine: np.ndarray,
    reference: np.ndarray,
    reference_affine: np.ndarray,
    moving_mask: np.ndarray | None = None,
    reference_mask: np.ndarray | None = None,
    start: Start = "header",
    num_threads: int = 1,
) -> Coregistration:
    """Find the rigid transform between two images of one head.

    Parameters
    ----------
    moving : ndarray, shape (x, y, z)
        Such as the mean EPI; may cover a part of the head.
    moving_affine : ndarray, shape (4, 4)
        Its voxel to world (RAS, mm).
    reference : ndarray, shape (x', y', z')
        Such as the T1w image. Finer voxels are smoothed to the size of the moving image's.
    reference_affine : ndarray, shape (4, 4)
        Its voxel to world (RAS, mm).
    moving_mask : ndarray of bool, shape (x, y, z), optional
        Brain in the moving image: where the images are compared.
    reference_mask : ndarray of bool, shape (x', y', z'), optional
        Brain in the reference; tells where the moving image's brain is when there is no
        ``moving_mask``, once the images match roughly. With neither mask the voxels
        8 mm and more under the skin are taken.
    start : {'header', 'search'}
        Where to begin: with the headers as they are and with the heads' centres laid upon
        each other, whichever ends better; or also with all of that turned by 25 degrees either
        way about every axis (54 starts, about 10 s), for images whose headers are wrong.
    num_threads : int
        Threads for bringing the reference to the moving image's resolution; the result does
        not depend on it.

    Returns
    -------
    Coregistration

    Raises
    ------
    InputError
        If an image is empty or constant, a mask holds less than 500 voxels, or the images do
        not overlap after registration.
    """
    moving, bad = _finite(moving, "moving")
    fixed = _Image(moving, check_affine(moving_affine, "moving_affine"))
    reference, _ = _finite(reference, "reference")
    reference_affine = check_affine(reference_affine, "reference_affine")
    other = _like_moving(reference, reference_affine, fixed, num_threads)
    rough = _overlay_heads(fixed, other, start)
    if moving_mask is not None:
        mask = np.asarray(moving_mask, bool)
    elif reference_mask is not None:
        brain = np.asarray(reference_mask, np.float32)
        mask = resample(brain, reference_affine, moving.shape, fixed.affine, rough) > 0.5
    else:
        mask = _inside(fixed)
    mask = _enough(mask & ~bad)
    match = JointHistogram(*fixed, *other, mask, _FINE_POINTS)
    best = _climb(match, rough, _FINE_STEP, _FINE_TOLERANCE)
    if (inside := match.overlap(best)) < 0.3:
        raise InputError(
            "moving",
            expected="an image of the same head as the reference",
            found=f"{inside:.0%} of it within the reference after registration",
            hint="look at both images and their headers; start='search' mends bad headers",
        )
    return Coregistration(np.linalg.inv(best), normalised_information(match.counts(best)))


def similarity(
    moving: np.ndarray,
    moving_affine: np.ndarray,
    reference: np.ndarray,
    reference_affine: np.ndarray,
    transform: np.ndarray,
    moving_mask: np.ndarray | None = None,
) -> float:
    """Normalised mutual information under a given transform, measured as `coregister` does.

    Parameters
    ----------
    moving, moving_affine, reference, reference_affine, moving_mask
        As `coregister` takes them.
    transform : ndarray, shape (4, 4)
        Reference to moving, RAS mm.
    """
    moving, bad = _finite(moving, "moving")
    fixed = _Image(moving, moving_affine)
    reference, _ = _finite(reference, "reference")
    other = _like_moving(reference, reference_affine, fixed, 1)
    mask = _enough((_inside(fixed) if moving_mask is None else moving_mask) & ~bad)
    match = JointHistogram(*fixed, *other, mask, _FINE_POINTS)
    return normalised_information(match.counts(np.linalg.inv(transform)))


def _overlay_heads(fixed: _Image, other: _Image, start: Start) -> np.ndarray:
    """Lay the heads upon each other roughly; fixed to other."""
    blurred = [_Image(smooth_volume(i.data, i.affine, _COARSE_FWHM), i.affine)
               for i in (fixed, other)]  # fmt: skip
    head = _enough(foreground(*fixed))
    match = JointHistogram(*blurred[0], *blurred[1], head, _COARSE_POINTS, _COARSE_BINS)
    middle = mask_points(head, fixed.affine).mean(axis=0)
    to_middle = mask_points(foreground(*other), other.affine).mean(axis=0) - middle
    turns = [(0.0, 0.0, 0.0)] if start == "header" else list(product(_TURNS, repeat=3))
    starts = [
        rigid_matrix([*shift, *turn], middle)
        for turn in turns
        for shift in (to_middle * 0, to_middle)
    ]
    ends = [_climb(match, begin, _COARSE_STEP, _COARSE_STEP / 8) for begin in starts]
    return max(ends, key=lambda end: normalised_information(match.counts(end)))


def _climb(match: JointHistogram, start: np.ndarray, step: float, tolerance: float) -> np.ndarray:
    """Change a transform by a rigid one until similarity does not rise any more."""
    units = step * np.array([1, 1, 1, *[1 / _HEAD_RADIUS] * 3])

    def change(x: np.ndarray) -> np.ndarray:
        return start @ rigid_matrix(x * units, match.center)

    found = minimize(
        lambda x: -normalised_information(match.counts(change(x))),
        np.zeros(6),
        method="Powell",
        options={"xtol": tolerance / step, "ftol": 1e-5, "maxiter": 20},
    )
    return change(found.x)


def _like_moving(
    reference: np.ndarray, affine: np.ndarray, moving: _Image, num_threads: int
) -> _Image:
    """Smooth and thin out a finer reference to the resolution of the moving image."""
    fine = np.linalg.norm(affine[:3, :3], axis=0)
    coarse = np.linalg.norm(moving.affine[:3, :3], axis=0).mean()
    if fine.mean() > 0.75 * coarse:
        return _Image(reference, affine)
    size = np.maximum(fine, coarse / 1.5)
    target = affine.copy()
    target[:3, :3] = affine[:3, :3] / fine * size
    shape = tuple(int(n) for n in np.ceil(np.array(reference.shape) * fine / size))
    smooth = smooth_volume(reference, affine, float(np.sqrt(coarse**2 - fine.mean() ** 2)))
    return _Image(resample(smooth, affine, shape, target, num_threads=num_threads), target)


def _inside(image: _Image) -> np.ndarray:
    """Mark what lies well under the skin."""
    sizes = np.linalg.norm(image.affine[:3, :3], axis=0)
    return ndimage.distance_transform_edt(foreground(*image), sampling=sizes) > _INSIDE


def _finite(image: np.ndarray, subject: str) -> tuple[np.ndarray, np.ndarray]:
    """Bridge gaps and cut off the brightest thousandth; give the gaps too."""
    image = np.asarray(image, np.float32)
    bad = ~np.isfinite(image)
    values = image[~bad] if bad.any() else image.ravel(order="K")  # no copy of a large image
    if image.ndim != 3 or values.size == 0 or values.min() == values.max():
        raise InputError(
            subject,
            expected="one volume with a head in it",
            found=f"shape {image.shape}, constant or nowhere finite"
            if image.ndim == 3
            else f"shape {image.shape}",
            hint="give a single image; take the mean of a series first",
        )
    image = bridge_gaps(image, bad) if bad.any() else image
    return np.minimum(image, np.percentile(values, 99.9).astype(np.float32)), bad


def _enough(mask: np.ndarray) -> np.ndarray:
    if mask.sum() < _LEAST_MASK:
        raise InputError(
            "moving",
            expected=f"at least {_LEAST_MASK} voxels of brain to compare",
            found=f"{mask.sum()}",
            hint="look at the image and at the masks: do they show the same head?",
        )
    return mask
