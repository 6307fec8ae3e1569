"""Estimate head motion over a run."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import ndimage

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.realign import each_volume
from fmriprod.algorithms.registration import align, foreground, make_template
from fmriprod.algorithms.resample import bridge_gaps, resample
from fmriprod.algorithms.transforms import check_affine, grid_center
from fmriprod.algorithms.volumes import check_volumes, name_some, varies

_COARSE: dict[str, Any] = {"fwhm": 10.0, "max_points": 6_000}
_FINE: dict[str, Any] = {"fwhm": 5.0, "max_points": 25_000}
_LEAST_VOXELS = 4  # along each axis, for a slope in every direction
_LEAST_MASK = 500


@dataclass(frozen=True)
class MotionEstimate:
    """Where the head was in every volume.

    Attributes
    ----------
    matrices : ndarray of float64, shape (n_volumes, 4, 4)
        Map points of the reference to points of each volume (RAS mm).
    center : ndarray, shape (3,)
        Centre of the reference's grid in mm, about which rotations are told.
    converged : ndarray of bool, shape (n_volumes,)
        False where the search still moved by more than 0.002 mm when it was stopped.
    reference_volume : int or None
        The volume that the space is that of; None for a reference from elsewhere.
    """

    matrices: np.ndarray
    center: np.ndarray
    converged: np.ndarray
    reference_volume: int | None


def estimate_motion(
    series: np.ndarray,
    affine: np.ndarray,
    reference: int | np.ndarray | None = None,
    reference_affine: np.ndarray | None = None,
    num_threads: int = 1,
) -> MotionEstimate:
    """Register every volume of a run to a reference, rigidly, by least squares.

    See `fmriprod.algorithms.registration` for the method. Images are compared first at
    10 mm smoothness and then at 5 mm.

    Parameters
    ----------
    series : ndarray, shape (x, y, z, n_volumes)
        The run.
    affine : ndarray, shape (4, 4)
        Voxel to world (RAS, mm).
    reference : int or ndarray, shape (x', y', z'), optional
        A volume of the run by its index, or an image of the same contrast. By default the mean
        of the run, in two passes: all volumes are brought to the one that is most like the
        average, their mean is taken, and all are registered to that mean.
    reference_affine : ndarray, shape (4, 4), optional
        Voxel to world of a reference image that is on another grid than the run.
    num_threads : int
        Volumes registered at a time; the result does not depend on it.

    Returns
    -------
    MotionEstimate

    Raises
    ------
    InputError
        If there are fewer than 2 volumes, an axis has fewer than 4 voxels, a volume has one
        value only or none that is finite, or a volume has left the reference's field of view.
    """
    affine = check_affine(affine)
    _check_series(series)
    number, image, image_affine, starts = None, None, affine, None
    if reference is None:
        number = typical_volume(series)
        first = (_volume(series, number), affine)
        starts, _ = _register(series, affine, *first, num_threads=num_threads)
        image = _mean_image(series, affine, starts, num_threads)
    elif isinstance(reference, int | np.integer):
        number = _check_number(reference, series.shape[3])
        image = _volume(series, number)
    else:
        image = _check_image(reference)
        if reference_affine is not None:
            image_affine = check_affine(reference_affine, "reference_affine")
    matrices, converged = _register(series, affine, image, image_affine, starts, num_threads)
    return MotionEstimate(matrices, grid_center(image.shape, image_affine), converged, number)


def typical_volume(series: np.ndarray) -> int:
    """Index of the volume that correlates best with the mean of all (every other voxel)."""
    rows = np.nan_to_num(series[::2, ::2, ::2].reshape(-1, series.shape[3]), posinf=0, neginf=0)
    mean = rows.mean(axis=1, dtype=np.float64)
    mean -= mean.mean()
    centred = rows - rows.mean(axis=0)
    spread = np.sqrt(np.einsum("vt,vt->t", centred, centred, dtype=np.float64))
    likeness = np.einsum("vt,v->t", centred, mean, dtype=np.float64) / np.maximum(spread, 1e-30)
    return int(np.argmax(likeness))


def _register(
    series: np.ndarray,
    affine: np.ndarray,
    reference: np.ndarray,
    reference_affine: np.ndarray,
    starts: np.ndarray | None = None,
    num_threads: int = 1,
) -> tuple[np.ndarray, np.ndarray]:
    """Register every volume to one image; give matrices and whether each converged."""
    mask = _compared(series, affine, reference, reference_affine)
    coarse, fine = (
        make_template(reference, reference_affine, mask, **level) for level in (_COARSE, _FINE)
    )

    def find(number: int) -> tuple[np.ndarray | None, bool]:
        volume, start = _volume(series, number), None if starts is None else starts[number]
        if start is None:
            start, _ = align(coarse, volume, affine, order=1, tolerance=0.05)
        return (None, False) if start is None else align(fine, volume, affine, start)

    results = list(each_volume(find, series.shape[3], num_threads))
    lost = [number for number, (matrix, _) in enumerate(results) if matrix is None]
    if lost:
        raise InputError(
            "series",
            expected="volumes that overlap with the reference after registration",
            found=f"no overlap for volumes {name_some(lost)} (counted from 0)",
            hint="look at these volumes and at the reference: do both show the same head, and "
            "do their headers put it in the same place?",
        )
    matrices, converged = zip(*results, strict=True)
    return np.array(matrices), np.array(converged)


def _compared(
    series: np.ndarray, affine: np.ndarray, reference: np.ndarray, reference_affine: np.ndarray
) -> np.ndarray:
    """Mark the voxels of the reference at which volumes are compared."""
    mask = foreground(reference, reference_affine)
    gaps = ~np.isfinite(series).all(axis=3)
    if gaps.any():
        wide = ndimage.binary_dilation(gaps, iterations=2).astype(np.float32)
        mask &= resample(wide, affine, mask.shape, reference_affine) == 0
    if mask.sum() < _LEAST_MASK:
        raise InputError(
            "reference",
            expected=f"a head of at least {_LEAST_MASK} voxels that are finite in every volume",
            found=f"{mask.sum()} such voxels",
            hint="look at the run: is it empty, masked very tightly or cut to few slices?",
        )
    return mask


def _mean_image(
    series: np.ndarray, affine: np.ndarray, matrices: np.ndarray, num_threads: int
) -> np.ndarray:
    """Mean of the realigned volumes."""

    def moved(number: int) -> np.ndarray:
        return resample(
            _volume(series, number), affine, series.shape[:3], affine, matrices[number],
            outside="edge",
        )  # fmt: skip

    total = np.zeros(series.shape[:3])
    for volume in each_volume(moved, series.shape[3], num_threads):
        total += volume
    return (total / series.shape[3]).astype(np.float32)


def _volume(series: np.ndarray, number: int) -> np.ndarray:
    """One volume for registration, with gaps bridged (their points are not compared)."""
    volume = series[..., number]
    bad = ~np.isfinite(volume)
    return bridge_gaps(volume, bad) if bad.any() else volume


def _check_series(series: np.ndarray) -> None:
    if series.ndim != 4 or series.shape[3] < 2 or min(series.shape[:3]) < _LEAST_VOXELS:
        raise InputError(
            "series",
            expected="at least 2 volumes, and at least 4 voxels along each axis",
            found=f"shape {series.shape}",
            hint="motion can only be told within a series of whole volumes",
        )
    check_volumes(series)


def _check_number(number: int, n_volumes: int) -> int:
    if not 0 <= number < n_volumes:
        raise InputError(
            "reference_volume",
            expected=f"an index from 0 to {n_volumes - 1}",
            found=f"{number}",
            hint="volumes are counted from 0",
        )
    return int(number)


def _check_image(image: np.ndarray) -> np.ndarray:
    image = np.asarray(image, np.float32)
    if image.ndim != 3 or min(image.shape) < _LEAST_VOXELS or not varies(image):
        fault = "constant or nowhere finite" if image.ndim == 3 else f"{image.ndim} dimensions"
        raise InputError(
            "reference",
            expected="one volume with a head in it, at least 4 voxels along each axis",
            found=f"shape {image.shape}, {fault}",
            hint="give the run's single-band reference, or the mean of another run",
        )
    bad = ~np.isfinite(image)
    return bridge_gaps(image, bad) if bad.any() else image
