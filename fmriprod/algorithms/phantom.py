"""Simulated T1-weighted heads with a known brain, for tests and for the demo."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.spatial.transform import Rotation

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.phantom_anatomy import MARGIN, head_around, smooth_field

_IN_BRAIN = 0.1  # of the brain's maximum; interpolated templates have a faint rim
_WHITE = 1000.0  # signal of white matter in the simulated image


@dataclass(frozen=True)
class Head:
    """A simulated head; every array lies on the same grid, larger than the brain's.

    Attributes
    ----------
    t1w : ndarray of float32, shape (x, y, z)
        T1-weighted image with bias field and noise, white matter near 1000.
    brain_mask : ndarray of bool, shape (x, y, z)
        The true brain, ventricles included.
    labels : ndarray of uint8, shape (x, y, z)
        Index into `fmriprod.algorithms.phantom_anatomy.TISSUES`.
    template_voxels : ndarray of float32, shape (3, x, y, z)
        Which (fractional) voxel of the template each voxel shows: what is known on the
        template follows by ``scipy.ndimage.map_coordinates(known, template_voxels)``.
    padding : tuple of 3 int
        Voxels added before the template's first one on each axis.
    """

    t1w: np.ndarray
    brain_mask: np.ndarray
    labels: np.ndarray
    template_voxels: np.ndarray
    padding: tuple[int, ...]

    def affine(self, template_affine: np.ndarray) -> np.ndarray:
        """Voxel to world (mm) of the head's grid, with the scanner's axes as the template's.

        Parameters
        ----------
        template_affine : ndarray, shape (4, 4)
            Voxel to world of the template that the brain was.

        Returns
        -------
        ndarray, shape (4, 4)
            The same with the origin moved by the padding.
        """
        shift = np.eye(4)
        shift[:3, 3] = np.negative(self.padding)
        return np.asarray(template_affine) @ shift


def make_head(
    brain: np.ndarray,
    zooms: Sequence[float],
    *,
    seed: int,
    rotation: float = 8.0,
    translation: float = 6.0,
    scale: float = 0.06,
    warp: float = 3.0,
    bias: float = 0.25,
    noise: float = 0.03,
) -> Head:
    """Simulate a T1-weighted head from a stripped template brain.

    The brain gets fluid, dura, skull, marrow, scalp, face and neck; then it is turned,
    stretched and warped at random, and gets a smooth bias field and Rician noise
    (Gudbjartsson & Patz 1995). The result depends on the arguments alone.

    Parameters
    ----------
    brain : ndarray, shape (x, y, z)
        T1-weighted brain, 0 outside, axes towards right, anterior and superior, such as
        ``nilearn.datasets.load_mni152_template(resolution=2).get_fdata()``.
    zooms : sequence of 3 float
        Its voxel size in mm.
    seed : int
        Seed of everything that is random.
    rotation : float
        Largest rotation about each axis, degrees.
    translation : float
        Largest shift along each axis, mm.
    scale : float
        Largest relative change of size along each axis; shears are up to half of it.
    warp : float
        Root mean square of the smooth displacement, mm.
    bias : float
        Largest relative deviation of the bias field from 1.
    noise : float
        Standard deviation of the noise relative to white matter.

    Returns
    -------
    Head
        The image, its true brain mask and tissues.

    Raises
    ------
    InputError
        If the brain is not three-dimensional, not finite, or fills its grid (not stripped).
    """
    brain = np.asarray(brain, np.float32)
    _check(brain)
    rng = np.random.default_rng(seed)
    padding = _padding(brain > _IN_BRAIN * brain.max(), zooms)
    before = [ends[0] for ends in padding]
    padded = np.pad(brain / brain.max(), padding)
    mask = ndimage.binary_fill_holes(_largest(padded > _IN_BRAIN))
    signal, labels = head_around(padded, mask, zooms, rng)
    centre = ndimage.center_of_mass(mask)
    places = _displaced(mask.shape, zooms, centre, rng, rotation, translation, scale, warp)
    signal = ndimage.map_coordinates(signal, places, order=1, mode="nearest")
    labels = ndimage.map_coordinates(labels, places, order=0, mode="nearest")
    truth = ndimage.map_coordinates(mask.astype(np.float32), places, order=1) > 0.5
    t1w = _scanned(signal, zooms, rng, bias, noise)
    places -= np.reshape(before, (3, 1, 1, 1)).astype(np.float32)
    return Head(t1w, ndimage.binary_fill_holes(truth), labels, places, tuple(before))


def _check(brain: np.ndarray) -> None:
    wanted = "a stripped T1-weighted brain, three dimensions, finite, 0 outside the brain"
    hint = "give nilearn.datasets.load_mni152_template(...) or another stripped brain"
    if brain.ndim != 3:
        raise InputError("brain", expected=wanted, found=f"shape {brain.shape}", hint=hint)
    if not (np.isfinite(brain).all() and brain.max() > 0):
        found = f"{np.count_nonzero(~np.isfinite(brain))} voxels not finite, or none above 0"
        raise InputError("brain", expected=wanted, found=found, hint=hint)
    inside = np.mean(brain > _IN_BRAIN * brain.max())
    if inside > 0.6:
        found = f"{inside:.0%} of the voxels are bright: an image with its skull, or of no brain"
        raise InputError("brain", expected=wanted, found=found, hint=hint)


def _padding(mask: np.ndarray, zooms: Sequence[float]) -> list[tuple[int, int]]:
    """Voxels to add at both ends of each axis so that the head fits."""
    padding = []
    for axis in range(3):
        inside = np.flatnonzero(mask.any(axis=tuple(a for a in range(3) if a != axis)))
        room = inside[0], mask.shape[axis] - 1 - inside[-1]
        low, high = (
            max(0, int(round(m / zooms[axis]) - r)) for m, r in zip(MARGIN[axis], room, strict=True)
        )
        padding.append((low, high))
    return padding


def _largest(mask: np.ndarray) -> np.ndarray:
    parts, _ = ndimage.label(mask)
    return parts == 1 + np.argmax(np.bincount(parts.ravel())[1:])


def _displaced(
    shape: tuple[int, ...],
    zooms: Sequence[float],
    centre: Sequence[float],
    rng: np.random.Generator,
    rotation: float,
    translation: float,
    scale: float,
    warp: float,
) -> np.ndarray:
    """Voxel of the undisplaced head that each voxel shows, shape (3, x, y, z), float32."""
    turn = Rotation.from_euler("xyz", rng.uniform(-rotation, rotation, 3), degrees=True)
    stretch = np.diag(1 + rng.uniform(-scale, scale, 3))
    stretch[np.triu_indices(3, 1)] = rng.uniform(-scale / 2, scale / 2, 3)
    matrix = np.linalg.inv(turn.as_matrix() @ stretch)
    shift = rng.uniform(-translation, translation, 3)
    grid = np.ogrid[tuple(slice(n) for n in shape)]
    mm = [((g - c) * z - s) for g, c, z, s in zip(grid, centre, zooms, shift, strict=True)]
    fields = [smooth_field(shape, zooms, 30.0, rng) for _ in range(3)]
    size = warp / np.sqrt(3)  # each field has standard deviation 1, so together 3 axes of it
    places = np.empty((3, *shape), np.float32)
    for axis in range(3):
        moved = sum(matrix[axis, a] * mm[a] for a in range(3)) + size * fields[axis]
        places[axis] = moved / zooms[axis] + centre[axis]
    return places


def _scanned(
    signal: np.ndarray,
    zooms: Sequence[float],
    rng: np.random.Generator,
    bias: float,
    noise: float,
) -> np.ndarray:
    """Give a signal a bias field and Rician noise."""
    field = smooth_field(signal.shape, zooms, 70.0, rng)
    signal = signal * (1 + bias * field / np.abs(field).max())
    real = signal + noise * rng.standard_normal(signal.shape, dtype=np.float32)
    imaginary = noise * rng.standard_normal(signal.shape, dtype=np.float32)
    return (_WHITE * np.hypot(real, imaginary)).astype(np.float32)
