"""Interpolate every volume of a series once, each through its own transform."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

import numpy as np
from threadpoolctl import threadpool_limits

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.resample import Interpolation, coverage, resample

Outside = Literal["exclude", "edge"]
TELLING = 5  # volumes that do not have the same value by chance


def realign(
    series: np.ndarray,
    affine: np.ndarray,
    transforms: np.ndarray,
    to_shape: tuple[int, ...] | None = None,
    to_affine: np.ndarray | None = None,
    interpolation: Interpolation = "spline",
    outside: Outside = "exclude",
    num_threads: int = 1,
) -> tuple[np.ndarray, np.ndarray]:
    """Resample a series through one transform for each volume.

    A voxel of the target grid *has data* in a volume when its point lies in the volume that
    the source's voxels fill (up to half a voxel beyond their outermost centres) and no voxel
    around it is NaN or infinite, and when the voxel nearest to it varies over the run: what is
    constant was not measured, and interpolation would give it the motion of its neighbours.

    Parameters
    ----------
    series : ndarray of float32, shape (x, y, z, n_volumes)
        The run. When the target grid is its own, it is **overwritten**, so that a long run
        is held in memory once only.
    affine : ndarray, shape (4, 4)
        Voxel to world (RAS, mm).
    transforms : ndarray, shape (n_volumes, 4, 4) or (4, 4)
        Map points of the target's world to points of each volume (RAS mm).
    to_shape, to_affine : optional
        Target grid; that of the series by default.
    interpolation : {'spline', 'sinc', 'linear', 'nearest'}
        See `fmriprod.algorithms.resample.resample`.
    outside : {'exclude', 'edge'}
        What becomes of a voxel that lacks data in some volume. ``'exclude'``: it is 0 in
        **all** volumes, so that later steps see a constant voxel and leave it out; nothing can
        look like a change of activity. ``'edge'``: it takes the nearest value of the
        field of view in those volumes, and may jump when the head moves; next to a NaN and
        on a constant voxel it is 0 in all volumes here too.
    num_threads : int
        Volumes interpolated at a time; the result does not depend on it.

    Returns
    -------
    realigned : ndarray of float32, shape (*to_shape, n_volumes)
        The series on the target grid.
    covered : ndarray of bool, shape to_shape
        True where a voxel has data in every volume.

    Raises
    ------
    InputError
        If the number of transforms is not the number of volumes.
    """
    n_volumes = series.shape[3]
    transforms = one_for_each(transforms, n_volumes)
    to_shape = tuple(series.shape[:3] if to_shape is None else to_shape)
    to_affine = affine if to_affine is None else to_affine
    beyond: float | Literal["edge"] = np.nan if outside == "exclude" else "edge"
    same = to_shape == series.shape[:3] and series.dtype == np.float32 and series.flags.writeable
    out = series if same else np.empty((*to_shape, n_volumes), np.float32, order="F")

    constant = constant_voxels(series)  # before the series is overwritten
    some = constant.any()

    def move(number: int) -> np.ndarray:
        volume = np.asarray(series[..., number], np.float32)
        grids = (affine, to_shape, to_affine, transforms[number])
        moved = resample(volume, *grids, interpolation, beyond)
        if some:
            moved[resample(constant, *grids, "nearest")] = np.nan
        out[..., number] = moved
        whole = np.isfinite(moved)
        return whole & coverage(volume.shape, *grids) if outside == "edge" else whole

    covered = np.ones(to_shape, bool)
    for whole in each_volume(move, n_volumes, num_threads):
        covered &= whole
    out[~covered if outside == "exclude" else ~np.isfinite(out).all(axis=3)] = 0
    return out, covered


def constant_voxels(series: np.ndarray) -> np.ndarray:
    """Mark the voxels that have one finite value in all volumes.

    Parameters
    ----------
    series : ndarray, shape (x, y, z, n_volumes)
        The run. Of fewer than 5 volumes none is: there, voxels may agree by chance.

    Returns
    -------
    ndarray of bool, shape (x, y, z)
    """
    constant = np.full(series.shape[:3], series.shape[3] >= TELLING)
    for number in range(1, series.shape[3]):
        constant &= series[..., number] == series[..., 0]
    return constant & np.isfinite(series[..., 0])


def each_volume(work: Callable[[int], Any], n_volumes: int, num_threads: int = 1) -> Iterator[Any]:
    """Run work on each volume in threads; yield the results in order.

    BLAS has one thread each: else it could split, and so round, a sum differently with
    another number of threads.
    """
    with threadpool_limits(1), ThreadPoolExecutor(num_threads) as pool:
        yield from pool.map(work, range(n_volumes))


def one_for_each(transforms: np.ndarray, n_volumes: int) -> np.ndarray:
    """Give each volume its transform, shape (n_volumes, 4, 4); one may serve them all."""
    transforms = np.asarray(transforms, float)
    transforms = transforms[None] if transforms.ndim == 2 else transforms
    if len(transforms) not in (1, n_volumes):
        raise InputError(
            "transforms",
            expected=f"one transform, or one for each of {n_volumes} volumes",
            found=f"{len(transforms)} transforms",
            hint="give the transforms that were estimated for this very series",
        )
    return np.broadcast_to(transforms, (n_volumes, 4, 4))
