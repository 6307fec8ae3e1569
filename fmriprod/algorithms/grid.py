"""Grids that images are brought onto, and series brought onto them volume by volume."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.realign import TELLING, one_for_each
from fmriprod.algorithms.resample import Interpolation, coverage, resample
from fmriprod.algorithms.transforms import check_affine

_ROUNDING = 1e-3  # part of a voxel: headers hold voxel sizes in single precision
_SAMPLING_BYTES = 100 << 20  # coordinates of the points that are sampled at a time


def isotropic_grid(
    shape: tuple[int, ...], affine: np.ndarray, voxel_size: float
) -> tuple[tuple[int, int, int], np.ndarray]:
    """Lay a grid of cubic voxels over the field of view of another.

    The rule of FLIRT's ``-applyisoxfm``: the axes run as in the reference, and the centres of
    the first voxels coincide. FLIRT cuts off the part of a voxel that remains at the far end of
    an axis; here the number of voxels is rounded up, so that nothing of the field of view is
    lost. The two agree where the field of view is a whole number of voxels.

    Parameters
    ----------
    shape : (int, int, int)
        Shape of the reference.
    affine : ndarray, shape (4, 4)
        Voxel to world (mm) of the reference.
    voxel_size : float
        Edge of a voxel in mm.

    Returns
    -------
    shape : (int, int, int)
    affine : ndarray, shape (4, 4)
        Voxel to world in mm.

    Raises
    ------
    InputError
        If the voxel size is not above 0, or the grid is larger than any image.

    Examples
    --------
    >>> isotropic_grid((256, 256, 175), np.eye(4), 2.0)[0]
    (128, 128, 88)
    """
    affine = check_affine(affine)
    sizes = np.linalg.norm(affine[:3, :3], axis=0)
    n_voxels = np.full(3, np.inf)
    if np.isfinite(voxel_size) and voxel_size > 0:
        n_voxels = np.ceil(np.asarray(shape[:3]) * sizes / voxel_size - _ROUNDING)
    if not n_voxels.max() <= 32767:  # NIfTI counts voxels in 16 bits
        raise InputError(
            "voxel_size",
            expected="a size above 0 mm, with at most 32767 voxels along an axis",
            found=f"{voxel_size:g} mm, for a field of view of "
            + " x ".join(f"{extent:g}" for extent in np.asarray(shape[:3]) * sizes),
            hint="give the edge of a voxel in mm, such as 2.0",
        )
    new = affine.copy()
    new[:3, :3] *= voxel_size / sizes
    x, y, z = (int(n) for n in np.maximum(n_voxels, 1))
    return (x, y, z), new


def resample_series(
    read: Callable[[int], np.ndarray],
    n_volumes: int,
    affine: np.ndarray,
    transforms: np.ndarray,
    to_shape: tuple[int, ...],
    to_affine: np.ndarray,
    *,
    interpolation: Interpolation = "spline",
    within: np.ndarray | None = None,
    memory_gb: float = 1.0,
    num_threads: int = 1,
) -> tuple[np.ndarray, Iterator[np.ndarray]]:
    """Bring a series onto a grid without ever holding it: every volume is read twice.

    The numbers are those of `fmriprod.algorithms.realign.realign` with ``outside="exclude"``:
    a voxel that lacks data in some volume is 0 in all. Which these are is found in a first
    pass; only voxels with data are then interpolated.

    Parameters
    ----------
    read : callable
        Gives the volume of a number, shape (x, y, z); called from one thread, in order.
    n_volumes : int
        How many there are.
    affine : ndarray, shape (4, 4)
        Voxel to world (RAS mm) of the volumes.
    transforms : ndarray, shape (n_volumes, 4, 4), (1, 4, 4) or (4, 4)
        Map points of the target's world to points of each volume (RAS mm).
    to_shape, to_affine
        Target grid.
    interpolation : {'spline', 'linear', 'nearest', 'sinc'}
        See `fmriprod.algorithms.resample.resample`.
    within : ndarray of bool, shape to_shape, optional
        Only these voxels are computed; the others are 0.
    memory_gb : float
        As many volumes are worked on at a time as fit, but at least one and at most
        ``num_threads``.
    num_threads : int
        Threads; the numbers do not depend on it.

    Returns
    -------
    covered : ndarray of bool, shape to_shape
        Voxels (of ``within``) with data in every volume.
    volumes : iterator of ndarray of float32, shape to_shape
        The volumes in order, each computed when it is asked for.

    Raises
    ------
    InputError
        If the number of transforms is not the number of volumes.
    """
    one = np.ndim(transforms) == 2 or len(transforms) == 1
    transforms = one_for_each(transforms, n_volumes)
    to = (to_shape, to_affine)
    nearest = interpolation == "nearest"
    covered = _covered(read, transforms[:1] if one else transforms, n_volumes, affine, to, nearest,
                       within)  # fmt: skip

    def move(volume: np.ndarray, transform: np.ndarray) -> np.ndarray:
        volume = np.asarray(volume, np.float32)
        return resample(volume, affine, *to, transform, interpolation, within=covered)

    n_bytes = 20 * read(0).size + 8 * int(np.prod(to_shape)) + _SAMPLING_BYTES
    n_at_once = int(max(1, min(num_threads, memory_gb * 1e9 / n_bytes)))
    jobs = ((read(t), transforms[t]) for t in range(n_volumes))
    return covered, _in_turn(move, jobs, n_at_once)


def _covered(
    read: Callable[[int], np.ndarray],
    transforms: np.ndarray,
    n_volumes: int,
    affine: np.ndarray,
    to: tuple[tuple[int, ...], np.ndarray],
    nearest: bool,
    within: np.ndarray | None,
) -> np.ndarray:
    """First pass: target voxels in the field of view, off gaps and off constant voxels."""
    covered: Any = within
    first: np.ndarray | None = None
    constant = bad = np.zeros(0, dtype=bool)
    for t in range(n_volumes):
        volume = np.asarray(read(t), np.float32)
        gaps = ~np.isfinite(volume)
        if first is None:
            first, bad = volume, gaps
            constant = np.full(volume.shape, n_volumes >= TELLING) & ~gaps
        else:
            constant &= volume == first
            bad = gaps if len(transforms) > 1 else bad | gaps
        if len(transforms) > 1:
            covered = _off_gaps(bad, affine, to, transforms[t], nearest, covered)
    if len(transforms) == 1:
        covered = _off_gaps(bad, affine, to, transforms[0], nearest, covered)
    if constant.any():
        for transform in transforms:
            covered &= ~resample(constant, affine, *to, transform, "nearest", within=covered)
    return covered


def _off_gaps(
    bad: np.ndarray,
    affine: np.ndarray,
    to: tuple[tuple[int, ...], np.ndarray],
    transform: np.ndarray,
    nearest: bool,
    within: np.ndarray | None,
) -> np.ndarray:
    """Target voxels in the field of view whose source voxels all have a value."""
    covered = coverage(bad.shape, affine, *to, transform, within)
    if bad.any():
        how: Interpolation = "nearest" if nearest else "linear"
        gaps = bad.astype(np.float32)
        covered &= ~(resample(gaps, affine, *to, transform, how, within=covered) > 1e-6)
    return covered


def _in_turn(
    work: Callable[..., np.ndarray], jobs: Iterator[tuple[np.ndarray, ...]], n_at_once: int
) -> Iterator[np.ndarray]:
    """Run jobs in threads and yield results in order, with few jobs in memory at a time."""
    if n_at_once == 1:
        for job in jobs:
            yield work(*job)
        return
    waiting: deque[Future[np.ndarray]] = deque()
    with ThreadPoolExecutor(n_at_once) as pool:
        for job in jobs:
            waiting.append(pool.submit(work, *job))
            if len(waiting) == n_at_once:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
