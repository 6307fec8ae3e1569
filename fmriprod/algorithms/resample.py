"""Bring an image onto another grid, through a transform, with one interpolation."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

import numpy as np
from scipy import ndimage

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.transforms import check_affine

Interpolation = Literal["linear", "nearest", "spline", "sinc"]
_ORDER = {"nearest": 0, "linear": 1, "spline": 3, "sinc": None}
_SLAB = 1 << 18  # points handled at a time: a few MB of coordinates


def resample(
    data: np.ndarray,
    affine: np.ndarray,
    to_shape: tuple[int, ...],
    to_affine: np.ndarray,
    transform: np.ndarray | None = None,
    interpolation: Interpolation = "linear",
    outside: float | Literal["edge"] = 0.0,
    num_threads: int = 1,
    within: np.ndarray | None = None,
) -> np.ndarray:
    """Sample an image at the voxel centres of another grid.

    Parameters
    ----------
    data : ndarray, shape (x, y, z) or (x, y, z, n_volumes)
        The source.
    affine : ndarray, shape (4, 4)
        Voxel to world (RAS, mm) of the source.
    to_shape : (int, int, int)
        Shape of the target grid.
    to_affine : ndarray, shape (4, 4)
        Voxel to world (RAS, mm) of the target grid.
    transform : ndarray, shape (4, 4), optional
        Maps points of the target's world to points of the source's world (RAS, mm); the
        identity by default. So a motion matrix (reference to volume) realigns a volume.
    interpolation : {'linear', 'nearest', 'spline', 'sinc'}
        ``nearest`` keeps labels; ``spline`` is the cubic B-spline (Unser 1999, IEEE Signal
        Process Mag 16(6):22); ``sinc`` is SimpleITK's Lanczos-windowed sinc over 10 voxels
        along each axis, about forty times slower.
    outside : float or 'edge'
        What a target voxel gets whose point lies more than half a voxel beyond the outermost
        voxel centres of the source, that is outside the volume that its voxels fill:
        a number, or the value at the nearest point inside.
    num_threads : int
        Threads; the result does not depend on it.
    within : ndarray of bool, shape to_shape, optional
        Only these voxels of the target are computed, the others are 0.

    Returns
    -------
    ndarray, shape to_shape or (*to_shape, n_volumes)
        float32; of the source's type with ``nearest``. A point that has a NaN or an infinity
        among the 8 voxels around it is NaN (never filled from further away).

    Raises
    ------
    InputError
        If a shape, an affine or the interpolation makes no sense.
    """
    data = np.asarray(data)
    _check(data, to_shape, interpolation, outside, within)
    affine, to_affine = check_affine(affine), check_affine(to_affine, "to_affine")
    transform = np.eye(4) if transform is None else check_affine(transform, "transform")
    to_voxel = np.linalg.inv(affine) @ transform @ to_affine
    dtype = data.dtype if interpolation == "nearest" else np.float32
    make = np.empty if within is None else np.zeros
    out = make((*to_shape, *data.shape[3:]), dtype, order="F")
    parts = list(_slabs(to_shape) if within is None else _chunks(within))
    volumes = [(data, out)]
    if data.ndim == 4:
        volumes = [(data[..., t], out[..., t]) for t in range(data.shape[3])]
    with ThreadPoolExecutor(num_threads) as pool:
        for volume, target in volumes:
            source = _Source(volume, interpolation, outside, to_voxel, to_shape, num_threads)
            for _ in pool.map(lambda p, f=source, o=target: f.fill(o, p), parts):
                pass
    return out


def coverage(
    shape: tuple[int, ...],
    affine: np.ndarray,
    to_shape: tuple[int, ...],
    to_affine: np.ndarray,
    transform: np.ndarray | None = None,
    within: np.ndarray | None = None,
) -> np.ndarray:
    """Mark the voxels of a target grid that lie in the volume that a source grid fills.

    Parameters
    ----------
    shape, affine
        The source grid.
    to_shape, to_affine, transform, within
        As `resample` takes them.

    Returns
    -------
    ndarray of bool, shape to_shape
    """
    ones = np.broadcast_to(np.uint8(1), shape)
    to = (to_shape, to_affine, transform)
    return resample(ones, affine, *to, "nearest", within=within).astype(bool)


def bridge_gaps(volume: np.ndarray, bad: np.ndarray) -> np.ndarray:
    """Put the nearest good value into gaps, so that filters do not ring from them.

    For computing around gaps only; what is computed in them is to be thrown away.

    Parameters
    ----------
    volume : ndarray, shape (x, y, z)
        The volume.
    bad : ndarray of bool, shape (x, y, z)
        Its gaps.

    Returns
    -------
    ndarray, shape (x, y, z)
        Zero everywhere when there is no good voxel.
    """
    if bad.all():
        return np.zeros_like(volume)
    nearest = ndimage.distance_transform_edt(bad, return_distances=False, return_indices=True)
    return volume[tuple(nearest)]


def _check(
    data: np.ndarray,
    to_shape: tuple[int, ...],
    interpolation: str,
    outside: float | str,
    within: np.ndarray | None,
) -> None:
    if data.ndim not in (3, 4) or data.size == 0:
        raise InputError(
            "data",
            expected="an image of three or four dimensions",
            found=f"shape {data.shape}",
            hint="give one volume or a series of volumes",
        )
    if len(to_shape) != 3 or min(to_shape) < 1:
        raise InputError(
            "to_shape",
            expected="three positive numbers",
            found=f"{tuple(to_shape)}",
            hint="give the first three numbers of the reference image's shape",
        )
    if interpolation not in _ORDER:
        raise InputError(
            "interpolation",
            expected=f"one of {', '.join(_ORDER)}",
            found=repr(interpolation),
            hint="use spline for images that are analysed and nearest for labels",
        )
    whole = interpolation == "nearest" and data.dtype.kind in "iub"
    if outside != "edge" and whole and outside != data.dtype.type(np.nan_to_num(outside)):
        raise InputError(
            "outside",
            expected=f"a value that {data.dtype} can hold",
            found=f"{outside}",
            hint="give 0, or convert the image to float32 first",
        )
    if within is not None and within.shape != tuple(to_shape):
        raise InputError(
            "within",
            expected=f"a mask on the target grid, shape {tuple(to_shape)}",
            found=f"shape {within.shape}",
            hint="bring the mask onto the target grid first",
        )


def _slabs(shape: tuple[int, ...]) -> Iterator[slice]:
    """Cut the first axis of a grid into pieces of about `_SLAB` voxels."""
    step = max(1, _SLAB // (shape[1] * shape[2]))
    for start in range(0, shape[0], step):
        yield slice(start, min(start + step, shape[0]))


def _chunks(within: np.ndarray) -> Iterator[tuple[np.ndarray, ...]]:
    """Cut the voxels of a mask into pieces, each as an index of the grid."""
    index = np.nonzero(within)
    for start in range(0, len(index[0]), _SLAB):
        yield tuple(axis[start : start + _SLAB] for axis in index)


class _Source:
    """One volume made ready for sampling: gaps set aside, spline coefficients computed."""

    def __init__(
        self,
        volume: np.ndarray,
        interpolation: Interpolation,
        outside: float | Literal["edge"],
        to_voxel: np.ndarray,
        to_shape: tuple[int, ...],
        num_threads: int,
    ) -> None:
        self.order, self.outside = _ORDER[interpolation], outside
        self.to_voxel = to_voxel
        self.top = np.array(volume.shape, float)[:, None] - 1
        self.gaps = None
        if self.order != 0:
            volume = np.asarray(volume, np.float32)
            bad = ~np.isfinite(volume)
            if bad.any():
                self.gaps, volume = bad.astype(np.float32), bridge_gaps(volume, bad)
        self.plain = self.values = volume.view(np.uint8) if volume.dtype == bool else volume
        if self.order == 3:
            # "mirror" is the one boundary for which filter and evaluation agree exactly.
            self.values = ndimage.spline_filter(volume, 3, output=np.float32, mode="mirror")
        elif self.order is None:
            self.values = _sinc(volume, to_voxel, to_shape, num_threads)

    def fill(self, out: np.ndarray, where: slice | tuple[np.ndarray, ...]) -> None:
        """Compute a slab of the target grid, or the voxels of an index."""
        points = _points(self.to_voxel, where, out.shape)
        values = self.sample(points, out.dtype, where)
        out[where] = values.reshape(out[where].shape) if isinstance(where, slice) else values

    def sample(self, points: np.ndarray, dtype: Any, where: Any) -> np.ndarray:
        """Values at points (3, n) of the source; ``where`` they lie in the target grid."""
        beyond = ((points < -0.5) | (points > self.top + 0.5)).any(axis=0)
        inside = np.clip(points, 0, self.top)
        if self.order is None:
            values = self.values[where].ravel()
        else:
            # A spline goes on (mirrored) through the outer half of the edge voxels.
            at = points if self.order == 3 else inside
            values = ndimage.map_coordinates(
                self.values, at, order=self.order, prefilter=False, mode="mirror", output=dtype
            )
        if beyond.any():
            values = np.array(values)
            if self.outside == "edge":
                values[beyond] = ndimage.map_coordinates(
                    self.plain, inside[:, beyond], order=min(self.order or 1, 1), mode="nearest"
                )
            else:
                values[beyond] = self.outside
        if self.gaps is not None:
            touched = ndimage.map_coordinates(self.gaps, inside, order=1, mode="nearest") > 1e-6
            values[touched & ~beyond] = np.nan
        return values


def _points(
    to_voxel: np.ndarray, where: slice | tuple[np.ndarray, ...], shape: tuple[int, ...]
) -> np.ndarray:
    """Source voxel coordinates, shape (3, n), of a slab or of an index of the target."""
    if isinstance(where, slice):
        slab = np.arange(where.start, where.stop)
        axes: tuple[np.ndarray, ...] = (slab, *(np.arange(n) for n in shape[1:]))
    else:
        axes = where
    x, y, z = (to_voxel[:3, i, None] * a for i, a in enumerate(axes))
    z = z + to_voxel[:3, 3, None]
    if isinstance(where, slice):
        x, y, z = x[:, :, None, None], y[:, None, :, None], z[:, None, None, :]
    points = x + y + z
    # A grid resampled onto itself shall come back to the bit, whatever inv() rounded.
    return points.reshape(3, -1).round(9)


def _sinc(
    volume: np.ndarray, to_voxel: np.ndarray, to_shape: tuple[int, ...], num_threads: int
) -> np.ndarray:
    """Windowed-sinc interpolation over a whole grid."""
    import SimpleITK as sitk

    image = sitk.GetImageFromArray(np.ascontiguousarray(volume.T))
    transform = sitk.AffineTransform(3)
    transform.SetMatrix(to_voxel[:3, :3].ravel().tolist())
    transform.SetTranslation(to_voxel[:3, 3].tolist())
    resampler = sitk.ResampleImageFilter()
    resampler.SetNumberOfThreads(num_threads)
    resampler.SetTransform(transform)
    resampler.SetInterpolator(sitk.sitkLanczosWindowedSinc)
    resampler.SetSize([int(n) for n in to_shape])
    return sitk.GetArrayFromImage(resampler.Execute(image)).T
