"""Tissues of a head around a brain that has none: the anatomy of the simulated heads.

All of it is simple geometry (layers around the brain, ellipsoids, cylinders), not anatomy
of a person. It holds what makes skull stripping hard: thin cerebrospinal fluid, dura and
bright marrow next to cortex, bright scalp fat, eyes, optic nerves, muscle of about the
intensity of grey matter, and a spinal cord that continues the brain.
"""

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

TISSUES = (
    "air", "csf", "grey", "white", "skull", "marrow", "dura", "fat", "skin", "muscle",
    "eye", "nerve", "cord", "vessel",
)  # fmt: skip
LABEL = {name: number for number, name in enumerate(TISSUES)}
# T1-weighted intensity of each, relative to white matter.
_SIGNAL = np.array(
    [0.0, 0.15, 0.62, 1.0, 0.05, 0.55, 0.42, 0.95, 0.5, 0.42, 0.17, 0.6, 0.9, 1.2], np.float32
)
MARGIN = ((40, 40), (38, 55), (75, 38))  # mm that a head needs around the brain: x, y, z
_DURA, _SKULL = 8.0, 25.0  # mm, radii of the closings of the brain that these two follow


def smooth_field(
    shape: Sequence[int], zooms: Sequence[float], width: float, rng: np.random.Generator
) -> np.ndarray:
    """Draw a smooth random field of mean 0 and standard deviation 1.

    Parameters
    ----------
    shape : sequence of 3 int
        Grid.
    zooms : sequence of 3 float
        Voxel size in mm.
    width : float
        Standard deviation of the Gaussian that smooths it, mm. The noise is drawn on a grid
        of about half that width, so that a wide field costs as little as a narrow one.
    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    ndarray of float32, shape `shape`
        The field.
    """
    extent = np.multiply(shape, zooms)
    nodes = np.maximum(np.ceil(extent / (width / 2)).astype(int) + 5, 6)
    coarse = ndimage.gaussian_filter(rng.standard_normal(nodes), 2.0, mode="nearest")
    at = [np.linspace(2, n - 3, s, dtype=np.float32) for n, s in zip(nodes, shape, strict=True)]
    for axis, places in enumerate(at):  # separable linear interpolation
        low = places.astype(int)
        high = np.minimum(low + 1, coarse.shape[axis] - 1)
        part = (places - low).reshape([-1 if a == axis else 1 for a in range(3)])
        coarse = coarse.take(low, axis) * (1 - part) + coarse.take(high, axis) * part
    coarse = coarse.astype(np.float32)
    return (coarse - coarse.mean()) / coarse.std()


def millimetres(brain_mask: np.ndarray, zooms: Sequence[float]) -> list[np.ndarray]:
    """Coordinates in mm that put the box around the brain where MNI space has it.

    Parameters
    ----------
    brain_mask : ndarray of bool, shape (x, y, z)
        The brain, axes towards right, anterior, superior.
    zooms : sequence of 3 float
        Voxel size in mm.

    Returns
    -------
    list of 3 ndarray of float32
        x, y and z, each broadcastable to the grid.
    """
    ends = ((-72.0, 72.0), (-107.0, 73.0), (-72.0, 82.0))
    axes = []
    for axis, (low, high) in enumerate(ends):
        others = tuple(a for a in range(3) if a != axis)
        inside = np.flatnonzero(brain_mask.any(axis=others))
        centre = (inside[0] + inside[-1]) / 2
        places = (np.arange(brain_mask.shape[axis]) - centre) * zooms[axis] + (low + high) / 2
        axes.append(places.astype(np.float32).reshape([-1 if a == axis else 1 for a in range(3)]))
    return axes


def _ellipsoid(mm: list[np.ndarray], centre: Sequence[float], radii: Sequence[float]) -> np.ndarray:
    parts = (((m - c) / r) ** 2 for m, c, r in zip(mm, centre, radii, strict=True))
    return np.less(sum(parts), 1)


def _pillar(
    mm: list[np.ndarray], x: float, y: float, radii: Sequence[float], top: float
) -> np.ndarray:
    across = ((mm[0] - x) / radii[0]) ** 2 + ((mm[1] - y) / radii[1]) ** 2 < 1
    return across & (mm[2] < top)


def _distance_outside(mask: np.ndarray, zooms: Sequence[float]) -> np.ndarray:
    return ndimage.distance_transform_edt(~mask, sampling=zooms).astype(np.float32)


def _soft_parts(
    labels: np.ndarray, mm: list[np.ndarray], rounded: np.ndarray, zooms: Sequence[float]
) -> None:
    """Fill the head with muscle, fat and skin, the face with orbits and cavities."""
    head = rounded < 15
    head |= _ellipsoid(mm, (0, 38, -56), (58, 60, 70)) | _pillar(mm, 0, -34, (54, 54), -40)
    depth = _distance_outside(~head, zooms)
    labels[head] = LABEL["muscle"]
    labels[head & (depth < 4.5)] = LABEL["fat"]
    labels[head & (depth < 1.8)] = LABEL["skin"]
    for side in (-1, 1):
        labels[_ellipsoid(mm, (side * 33, 52, -34), (19, 28, 18)) & head] = LABEL["fat"]
        # the nerve runs from behind the eye ball to the middle
        t = np.clip((58 - mm[1]) / 46, 0, 1)
        nerve = (mm[0] - side * (33 - 25 * t)) ** 2 + (mm[2] + 36 - 14 * t) ** 2 < 2.5**2
        labels[nerve & (mm[1] > 14) & (mm[1] < 60)] = LABEL["nerve"]
        labels[_ellipsoid(mm, (side * 33, 66, -36), (13, 13, 13))] = LABEL["muscle"]
        labels[_ellipsoid(mm, (side * 33, 66, -36), (11.5, 11.5, 11.5))] = LABEL["eye"]
        labels[_ellipsoid(mm, (side * 30, 62, -66), (14, 16, 15))] = LABEL["air"]
        labels[_pillar(mm, side * 32, -12, (3.5, 3.5), -50) & head] = LABEL["vessel"]
    labels[_ellipsoid(mm, (0, 66, -52), (9, 28, 26)) & head] = LABEL["air"]
    labels[_ellipsoid(mm, (0, 12, -36), (12, 13, 10))] = LABEL["air"]
    labels[_pillar(mm, 0, 6, (9, 7), -78)] = LABEL["air"]


def _bone_and_fluid(
    labels: np.ndarray,
    mm: list[np.ndarray],
    outside: np.ndarray,
    rounded: np.ndarray,
    rng: np.random.Generator,
) -> None:
    """Lay fluid, dura and skull around the brain, and the spine below it."""
    zooms = [abs(m.ravel()[1] - m.ravel()[0]) for m in mm]
    gap = 1.6 + 0.8 * np.clip(smooth_field(outside.shape, zooms, 25, rng), -1.6, 3)
    thick = 9 + 1.2 * np.clip(smooth_field(outside.shape, zooms, 30, rng), -2, 2)
    beyond, within = outside - gap, thick - rounded  # mm to the dura and to the scalp
    labels[(beyond < 4) | (within > 0)] = LABEL["skull"]
    patchy = smooth_field(outside.shape, zooms, 9, rng) > -0.6
    inner = np.minimum(beyond, within) > np.maximum(1.6, 0.28 * (beyond + within))
    labels[inner & patchy] = LABEL["marrow"]
    for side in (-1, 1):  # mastoid and petrous bone
        labels[_ellipsoid(mm, (side * 52, -28, -46), (13, 17, 10))] = LABEL["skull"]
    labels[_pillar(mm, 0, -50, (17, 15), -74)] = LABEL["marrow"]
    labels[_pillar(mm, 0, -50, (11, 11), -70)] = LABEL["skull"]
    labels[beyond < 1.2] = LABEL["dura"]
    labels[beyond < 0] = LABEL["csf"]
    labels[_pillar(mm, 0, -48, (9.5, 9), -56)] = LABEL["csf"]
    labels[_pillar(mm, 0, -48, (6, 5.5), -56)] = LABEL["cord"]


def _closed(near: np.ndarray, zooms: Sequence[float], radius: float) -> np.ndarray:
    """Distance in mm from the brain closed by a ball, negative inside it."""
    back = radius - _distance_outside(near > radius, zooms)
    return np.where(near > radius, near, back).astype(np.float32)


def head_around(
    brain: np.ndarray, brain_mask: np.ndarray, zooms: Sequence[float], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Put a head around a stripped brain, in the brain's own space.

    Parameters
    ----------
    brain : ndarray of float32, shape (x, y, z)
        T1-weighted brain, white matter near 0.85, axes towards right, anterior, superior,
        with `MARGIN` around it.
    brain_mask : ndarray of bool, shape (x, y, z)
        Where the brain is.
    zooms : sequence of 3 float
        Voxel size in mm.
    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    signal : ndarray of float32, shape (x, y, z)
        T1-weighted signal without bias and noise, white matter near 1.
    labels : ndarray of uint8, shape (x, y, z)
        Index into `TISSUES`.
    """
    mm = millimetres(brain_mask, zooms)
    near = _distance_outside(brain_mask, zooms)
    outside, rounded = _closed(near, zooms, _DURA), _closed(near, zooms, _SKULL)
    labels = np.zeros(brain.shape, np.uint8)
    _soft_parts(labels, mm, rounded, zooms)
    _bone_and_fluid(labels, mm, outside, rounded, rng)
    signal = _SIGNAL[labels]
    texture = smooth_field(brain.shape, zooms, 3.0, rng)
    signal *= np.clip(1 + 0.15 * texture, 0.5, 1.5)
    signal = ndimage.gaussian_filter(signal, [0.6 / z for z in zooms])  # partial volume
    # The template is a mean of many people: stretch it to the contrast of one.
    own = np.interp(brain, (0.0, 0.28, 0.45, 0.65, 0.85), (0.05, 0.15, 0.36, 0.64, 1.0))
    signal[brain_mask] = own[brain_mask]
    for name, low in (("csf", 0.0), ("grey", 0.4), ("white", 0.8)):
        labels[brain_mask & (own >= low)] = LABEL[name]
    return signal, labels
