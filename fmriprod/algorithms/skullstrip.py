"""Find the brain in a T1-weighted head or in a mean EPI volume."""

import numpy as np
from scipy import ndimage

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.reorient import reorient, voxel_axes
from fmriprod.algorithms.skullstrip_surface import Balloon, icosphere, inflate, rasterise
from fmriprod.algorithms.skullstrip_tissue import (
    check_volume,
    close,
    dilate,
    erode,
    flatten_bias,
    largest_part,
    tissue_levels,
)

_HEAD = 150.0  # mm from the crown down to where the neck begins
_BRIGHT = 0.42  # of white matter: between fluid and grey matter in T1w
_REACH = 12  # mm beyond the surface in which brain that it cut off is sought
_LITRES = (0.25, 3.5)
_EPI_BRIGHT = 0.4  # of the brain's median: scalp is darker in fat-saturated EPI
_EPI_NECK, _EPI_GAP = 5.0, 9.0  # mm, radii of opening and closing


def brain_mask_t1w(data: np.ndarray, affine: np.ndarray, *, fraction: float = 0.5) -> np.ndarray:
    """Find the brain in a T1-weighted image of a head.

    A balloon grows inside the head to the surface of the brain (Smith 2002). The bias
    field inside is removed (N4, Tustison et al. 2010), and the surface is drawn tight by
    morphology: tissue brighter than fluid is cut loose from dura, marrow and eyes by an
    opening, pieces of brain beyond the surface that hang on broadly (the cerebellum's
    lower edge, temporal poles) are taken back, sulci are closed.

    Parameters
    ----------
    data : ndarray, shape (x, y, z)
        T1-weighted head, with or without neck, any voxel size and axis order.
    affine : ndarray, shape (4, 4)
        Voxel to world (RAS, mm); tells where up is.
    fraction : float
        Between 0 and 1; larger makes the brain smaller.

    Returns
    -------
    ndarray of bool, shape (x, y, z)
        The brain with its ventricles and sulci: one part, no holes.

    Raises
    ------
    InputError
        If the image is no volume of a head, has voxels that are not finite, or nothing of
        the size and contrast of a brain is found.
    """
    data, affine = np.asarray(data), np.asarray(affine, np.float64)
    check_volume(data, affine)
    upright, turned = reorient(data, affine, "RAS")
    zooms = np.linalg.norm(turned[:3, :3], axis=0)
    fine = np.maximum(np.round(np.array(upright.shape) * zooms).astype(int), 1)
    # Axes in reverse: files come with the first axis fastest, and so memory is read in order.
    head = ndimage.affine_transform(
        upright.T.astype(np.float32, copy=False),
        1 / zooms[::-1],
        output_shape=tuple(fine[::-1]),
        order=1,
        mode="nearest",
    )
    head = np.maximum(head.T, 0, order="C")
    surface = rasterise(inflate(head, _start(head), fraction=fraction), icosphere()[1], head.shape)
    _check_size(surface.sum() * 1e-6)
    mask = np.zeros(head.shape, np.float32)
    box = _box(surface, _REACH + 6)
    mask[box] = _tighten(head[box], surface[box], 1 + int(np.ceil(zooms.max() - 0.01)))
    _check_size(mask.sum(dtype=np.float64) * 1e-6)
    found = _on_grid(mask, zooms, upright.shape)
    return np.ascontiguousarray(reorient(found, turned, _axis_codes(affine))[0])


def brain_mask_epi(data: np.ndarray, affine: np.ndarray) -> np.ndarray:
    """Find the brain in a mean EPI volume.

    Otsu's threshold (1979) marks the head; the bias field inside is removed (N4); what has
    at least 40 % of the brain's median signal is cut loose from scalp and eyes by an
    opening of 5 mm, its largest part is closed by 9 mm and filled. Slabs are welcome: the
    edge of the image does not count as the edge of the brain.

    Parameters
    ----------
    data : ndarray, shape (x, y, z)
        Mean (or one) EPI volume.
    affine : ndarray, shape (4, 4)
        Voxel to world (RAS, mm).

    Returns
    -------
    ndarray of bool, shape (x, y, z)
        The brain: one part, no holes.

    Raises
    ------
    InputError
        If the image is no volume of a head, has voxels that are not finite, or shows
        nothing of the size of a brain (a slab of at least 0.05 litres).
    """
    data, affine = np.asarray(data), np.asarray(affine, np.float64)
    check_volume(data, affine)
    zooms = np.linalg.norm(affine[:3, :3], axis=0)
    smooth = ndimage.gaussian_filter(np.maximum(data, 0).astype(np.float32), 1.0 / zooms)
    limit = _otsu(np.minimum(smooth, np.percentile(smooth, 99.5)))
    head = largest_part(_opened(smooth > limit, zooms, _EPI_NECK))
    flat = flatten_bias(smooth, head, zooms, coarse=6.0)
    level = np.median(flat[head]) if head.any() else np.inf
    brain = largest_part(_opened(flat > _EPI_BRIGHT * level, zooms, _EPI_NECK))
    brain = ndimage.binary_fill_holes(_closed(brain, zooms, _EPI_GAP))
    _check_size(brain.sum() * zooms.prod() * 1e-6, least=0.05)
    return brain


def _otsu(values: np.ndarray) -> float:
    """Threshold that separates two classes best (Otsu 1979)."""
    count, edges = np.histogram(values, bins=256)
    centre = (edges[:-1] + edges[1:]) / 2
    below, moment = np.cumsum(count), np.cumsum(count * centre)
    above = below[-1] - below
    with np.errstate(invalid="ignore", divide="ignore"):
        apart = below * above * (moment / below - (moment[-1] - moment) / above) ** 2
    return float(edges[1 + np.argmax(np.nan_to_num(apart))])


def _around(mask: np.ndarray, zooms: np.ndarray, radius: float) -> np.ndarray:
    """Dilate by a ball of `radius` mm."""
    if not mask.any():
        return mask
    return ndimage.distance_transform_edt(~mask, sampling=zooms) <= radius


def _closed(mask: np.ndarray, zooms: np.ndarray, radius: float) -> np.ndarray:
    """Close by a ball, as if the image went on beyond its edges as it is at them."""
    pad = [int(np.ceil(radius / z)) + 1 for z in zooms]
    wide = np.pad(mask, [(p, p) for p in pad], mode="edge")
    wide = ~_around(~_around(wide, zooms, radius), zooms, radius)
    return wide[tuple(slice(p, -p) for p in pad)]


def _opened(mask: np.ndarray, zooms: np.ndarray, radius: float) -> np.ndarray:
    """Open by a ball, with the same care at the edges."""
    return ~_closed(~mask, zooms, radius)


def _axis_codes(affine: np.ndarray) -> str:
    sides = (("L", "R"), ("P", "A"), ("I", "S"))
    return "".join(sides[axis][direction > 0] for axis, direction in voxel_axes(affine))


def _box(mask: np.ndarray, margin: int) -> tuple[slice, ...]:
    return tuple(
        slice(max(0, s.start - margin), s.stop + margin)
        for s in ndimage.find_objects(mask.astype(np.uint8))[0]
    )


def _check_size(litres: float, least: float = _LITRES[0]) -> None:
    if not least <= litres <= _LITRES[1]:
        raise InputError(
            "image",
            expected=f"a head with a brain of {least} to {_LITRES[1]} litres",
            found=f"{litres:.2f} litres that look like one",
            hint="check voxel size and orientation in the header, and that the image shows "
            "a head with the contrast that is named (T1w or EPI); or give your own mask_file",
        )


def _on_grid(mask: np.ndarray, zooms: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Bring a mask from 1 mm voxels to the image's own; one part, no holes."""
    ends = [s.stop for s in _box(mask > 0, 0)]
    near = np.minimum(np.ceil(ends / zooms).astype(int) + 2, shape)  # nothing lies beyond
    part = ndimage.affine_transform(mask, zooms, output_shape=tuple(near), order=1) > 0.5
    found = np.zeros(shape, bool)
    if part.any():
        box = _box(part, 0)
        found[box] = ndimage.binary_fill_holes(largest_part(part[box]))
    return found


def _start(head: np.ndarray) -> Balloon:
    """Centre, size and intensities of the head above the neck, on 1 mm RAS voxels."""
    low, high = np.percentile(head[::2, ::2, ::2], [2, 98])
    threshold = low + 0.1 * (high - low)
    tissue = largest_part(ndimage.gaussian_filter(head, 1)[::2, ::2, ::2] > threshold)
    area = 4 * tissue.sum(axis=(0, 1))
    crown = np.flatnonzero(area > 400)
    if crown.size == 0:
        _check_size(8e-6 * tissue.sum())
    tissue[:, :, : max(0, int(crown[-1] - _HEAD / 2))] = False
    weight = np.where(tissue, np.clip(head[::2, ::2, ::2], low, high) - low, 0)
    centre = 2 * np.array(ndimage.center_of_mass(weight))
    radius = float((8 * tissue.sum() * 3 / (4 * np.pi)) ** (1 / 3))
    grid = np.ogrid[tuple(slice(n) for n in head.shape)]
    values = head[sum((g - c) ** 2 for g, c in zip(grid, centre, strict=True)) < radius**2]
    values = values[(values > low) & (values < high)]
    _check_size(min(values.size * 1e-6, 1.0))  # only too few is wrong here
    return Balloon(centre, radius, float(low), float(threshold), float(np.median(values)))


def _tighten(head: np.ndarray, surface: np.ndarray, cut: int) -> np.ndarray:
    """Fit the mask of a surface to the tissue; `cut` mm is the radius of the opening."""
    inner = erode(surface, 4)
    head = flatten_bias(head, inner, (1, 1, 1))
    white = tissue_levels(head[inner])[2]
    bright = ndimage.gaussian_filter(head, 0.5) > _BRIGHT * white
    tissue = bright & dilate(surface, 2)
    core = largest_part(erode(tissue, cut))
    # Folia and gyri are thin: beyond the surface, most of a neighbourhood must be bright.
    most = ndimage.gaussian_filter(bright.astype(np.float32), 1.5) > 0.55
    most &= dilate(surface, _REACH)
    broad = erode(most, cut + 1)
    beyond = dilate(ndimage.binary_propagation(core & broad, mask=broad), cut + 1) & most
    brain = close((dilate(core, cut) & tissue) | beyond, 10)
    brain &= dilate(close(surface | beyond, 3), 1)
    # 1 mm of rim for partial volume; what hangs on by less than 6 mm is no brain
    brain = dilate(largest_part(erode(dilate(brain, 1), 3)), 3)
    return ndimage.binary_fill_holes(brain)
