"""What both kinds of skull strip share: bias field, tissue levels, quick morphology."""

from collections.abc import Sequence

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from fmriprod.algorithms.checks import InputError

_MIN_EXTENT = 60.0  # mm; no head is smaller, and the shortest EPI slabs are about this


def check_volume(data: np.ndarray, affine: np.ndarray) -> None:
    """Refuse what cannot be the image of a head.

    Raises
    ------
    InputError
        If there are not three dimensions, voxels are not finite, all are equal, or the
        image spans less than 60 mm on two axes (a slab may be thin on one).
    """
    wanted = "a single volume (three dimensions)"
    hint = "give a T1w image or a mean EPI, and check its voxel size"
    if data.ndim != 3:
        raise InputError("image", expected=wanted, found=f"shape {data.shape}", hint=hint)
    bad = np.count_nonzero(~np.isfinite(data))
    if bad:
        raise InputError(
            "image",
            expected="finite numbers in all voxels",
            found=f"{bad:,} voxels that are NaN or infinite ({bad / data.size:.2%})",
            hint="find the step that made them; skull stripping does not repair voxels",
        )
    extent = np.array(data.shape) * np.linalg.norm(affine[:3, :3], axis=0)
    if np.sort(extent)[1] < _MIN_EXTENT or min(data.shape) < 5:
        found = f"{' x '.join(f'{e:.0f}' for e in extent)} mm, shape {data.shape}"
        raise InputError("image", expected="an image of a head", found=found, hint=hint)
    if data.min() == data.max():
        raise InputError(
            "image",
            expected="an image with contrast",
            found=f"the value {data.flat[0]:g} in all voxels",
            hint="check that the conversion of this image worked",
        )


def erode(mask: np.ndarray, steps: int, border: bool = False) -> np.ndarray:
    """Peel about one voxel off a mask `steps` times; outside the grid is `border`.

    Steps with 6 and 18 neighbours take turns, which makes nearly a ball. Shifted copies do
    it four times as fast as ``scipy.ndimage.binary_erosion``.
    """
    for step in range(steps):
        x, y, z = (_peel(mask, axis, border) for axis in range(3))
        if step % 2 == 0:
            mask = x & y & z
        else:  # 18 neighbours: the 3 x 3 squares of the three planes
            mask = _peel(x, 1, border) & _peel(x, 2, border) & _peel(y, 2, border)
    return mask


def _peel(mask: np.ndarray, axis: int, border: bool) -> np.ndarray:
    """Erode along one axis by one voxel."""
    peeled = mask.copy()
    inner, outer = np.moveaxis(peeled, axis, 0), np.moveaxis(mask, axis, 0)
    inner[1:] &= outer[:-1]
    inner[:-1] &= outer[1:]
    if not border:
        inner[[0, -1]] = False
    return peeled


def dilate(mask: np.ndarray, steps: int) -> np.ndarray:
    """Add about one voxel all around a mask `steps` times."""
    return ~erode(~mask, steps, border=True)


def close(mask: np.ndarray, steps: int) -> np.ndarray:
    """Close gaps up to twice `steps` voxels wide, as if the grid had no edge."""
    return erode(dilate(np.pad(mask, steps), steps), steps)[(slice(steps, -steps),) * 3]


def largest_part(mask: np.ndarray) -> np.ndarray:
    """Keep the largest part that hangs together by faces (none stays none)."""
    parts, n = ndimage.label(mask)
    if n == 0:
        return mask
    return parts == 1 + np.argmax(np.bincount(parts.ravel())[1:])


def tissue_levels(values: np.ndarray) -> np.ndarray:
    """Find the levels of fluid, grey and white matter by 3-means, from fixed starts.

    Parameters
    ----------
    values : ndarray, shape (n_voxels,)
        T1-weighted intensities inside the brain.

    Returns
    -------
    ndarray of float64, shape (3,)
        Mean intensity of the three classes, rising.
    """
    values = values[:: max(1, values.size // 100_000)].astype(np.float64)
    levels = np.percentile(values, 95) * np.array([0.15, 0.6, 0.95])
    for _ in range(100):
        nearest = np.searchsorted((levels[1:] + levels[:-1]) / 2, values)
        count = np.bincount(nearest, minlength=3)
        new = np.bincount(nearest, values, minlength=3) / np.maximum(count, 1)
        new = np.where(count > 0, new, levels)
        if np.allclose(new, levels, rtol=1e-4):
            break
        levels = new
    return levels


def flatten_bias(
    data: np.ndarray, mask: np.ndarray, zooms: Sequence[float], coarse: float = 4.0
) -> np.ndarray:
    """Divide by the bias field that N4 finds in a mask (Tustison et al. 2010).

    The field is smooth, so it is fitted to block means of about `coarse` mm, on one
    thread (sums over threads would make the last digits depend on their number).

    Parameters
    ----------
    data : ndarray of float32, shape (x, y, z)
        Intensities, not negative.
    mask : ndarray of bool, shape (x, y, z)
        Where the field is fitted.
    zooms : sequence of 3 float
        Voxel size in mm.
    coarse : float
        Size of the blocks in mm.

    Returns
    -------
    ndarray of float32, shape (x, y, z)
        Corrected intensities, also outside the mask.
    """
    blocks = [max(1, round(coarse / z)) for z in zooms]
    inside = _block_means(mask.astype(np.float32), blocks) > 0.5
    if np.count_nonzero(inside) < 200:  # too little to fit 4 x 4 x 4 splines to
        return data
    image = sitk.GetImageFromArray(_block_means(data, blocks))
    region = sitk.GetImageFromArray(inside.astype(np.uint8))
    for part in (image, region):  # SimpleITK counts axes from the last
        part.SetSpacing([float(b * z) for b, z in zip(blocks, zooms, strict=True)][::-1])
    n4 = sitk.N4BiasFieldCorrectionImageFilter()
    n4.SetMaximumNumberOfIterations([40, 40, 40])
    n4.SetConvergenceThreshold(1e-3)
    n4.SetNumberOfThreads(1)
    n4.Execute(image, region)
    field = sitk.GetArrayFromImage(n4.GetLogBiasFieldAsImage(image))
    scale = [1 / b for b in blocks]
    offset = [(1 - b) / (2 * b) for b in blocks]  # centre of the first voxel in blocks
    field = ndimage.affine_transform(
        field, scale, offset, output_shape=data.shape, order=1, mode="nearest"
    )
    return data * np.exp(-field)


def _block_means(data: np.ndarray, blocks: Sequence[int]) -> np.ndarray:
    fill = [(0, -n % b) for n, b in zip(data.shape, blocks, strict=True)]
    data = np.pad(data, fill, mode="edge")
    split = [n for s, b in zip(data.shape, blocks, strict=True) for n in (s // b, b)]
    return data.reshape(split).mean(axis=(1, 3, 5), dtype=np.float32)
