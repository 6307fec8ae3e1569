"""Simulated participants: an anatomy, and how it lies in the scanner."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.phantom import make_head
from fmriprod.algorithms.schedule import OBJECTS
from fmriprod.algorithms.simulate_head import (
    epi_signal,
    grey_matter,
    region_masks,
    response_maps,
)
from fmriprod.algorithms.transforms import mask_points

_TILT = -8.0  # degrees that the slices are tilted about the x axis


@dataclass(frozen=True)
class Participant:
    """An anatomy, its regions, and how it lies in the scanner.

    Attributes
    ----------
    t1w : ndarray of float32, shape (x, y, z)
        Anatomical image.
    t1w_affine : ndarray, shape (4, 4)
        Its voxel to world, RAS mm.
    brain_mask : ndarray of bool, shape (x, y, z)
        The true brain on that grid.
    regions : dict of str to ndarray of bool
        Planted regions on that grid.
    signal : ndarray of float32, shape (x, y, z)
        EPI signal at rest, on that grid.
    changes : ndarray of float32, shape (n_objects + 1, x, y, z)
        What each object, and drawing, adds to it.
    bold_shape, bold_affine
        Grid of the functional scans.
    centre : ndarray, shape (3,)
        Point about which the head turns, mm.
    offset : ndarray, shape (6,)
        Pose of the head in the functional scans relative to the anatomical one.
    """

    t1w: np.ndarray
    t1w_affine: np.ndarray
    brain_mask: np.ndarray
    regions: dict[str, np.ndarray]
    signal: np.ndarray
    changes: np.ndarray
    bold_shape: tuple[int, ...]
    bold_affine: np.ndarray
    centre: np.ndarray
    offset: np.ndarray


def make_participant(
    template: np.ndarray,
    template_affine: np.ndarray,
    *,
    seed: Sequence[int],
    bold_shape: tuple[int, ...],
    bold_zoom: float,
    amplitude: float = 0.025,
    pattern: float = 0.009,
    displacement: float = 4.0,
) -> Participant:
    """Simulate a participant whose regions answer to objects and to drawing.

    Parameters
    ----------
    template : ndarray, shape (x, y, z)
        Stripped T1-weighted brain in MNI space, axes towards right, anterior, superior.
    template_affine : ndarray, shape (4, 4)
        Its voxel to MNI mm.
    seed : sequence of int
        Seed of everything that is random.
    bold_shape : (int, int, int)
        Grid of the functional scans.
    bold_zoom : float
        Their voxel size in mm, the same along each axis.
    amplitude, pattern : float
        Response that all objects share and what is each one's own, as fractions of the
        signal of grey matter; `fmriprod.algorithms.simulate_head.response_maps`. Voxels that hold
        other tissue as well respond less.
    displacement : float
        Largest shift in mm along each axis, and largest rotation in degrees, between the
        anatomical and the functional scans.

    Returns
    -------
    Participant
        The same for the same arguments.

    Raises
    ------
    InputError
        If the functional grid is too small for the brain.
    """
    rng = np.random.default_rng(seed)
    zooms = np.linalg.norm(template_affine[:3, :3], axis=0)
    head = make_head(template, zooms, seed=int(rng.integers(2**31)))
    affine = head.affine(template_affine)
    mni = np.einsum("ij,j...->i...", template_affine[:3, :3], head.template_voxels)
    mni += template_affine[:3, 3].reshape(3, 1, 1, 1)
    regions = region_masks(mni, grey_matter(head.labels))
    maps = response_maps(
        regions, zooms, rng=rng, n_objects=len(OBJECTS), amplitude=amplitude, pattern=pattern
    )
    signal = epi_signal(head.labels, mni)
    grid, centre, offset = lie_down(
        mask_points(head.brain_mask, affine), bold_shape, bold_zoom, displacement, rng
    )
    changes = np.concatenate([maps["objects"], maps["drawing"][None]]) * signal
    return Participant(
        t1w=head.t1w,
        t1w_affine=affine,
        brain_mask=head.brain_mask,
        regions=regions,
        signal=signal,
        changes=changes,
        bold_shape=tuple(bold_shape),
        bold_affine=grid,
        centre=centre,
        offset=offset,
    )


def lie_down(
    points: np.ndarray,
    bold_shape: Sequence[int],
    bold_zoom: float,
    displacement: float,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Decide how a head lies in the functional scans, and lay their slices around it.

    Parameters
    ----------
    points : ndarray, shape (n_points, 3)
        Points of the brain in the anatomical scan, mm.
    bold_shape : (int, int, int)
        Grid of the functional scans.
    bold_zoom : float
        Their voxel size in mm.
    displacement : float
        Largest shift in mm along each axis, and largest rotation in degrees.
    rng : numpy.random.Generator
        Draws the pose.

    Returns
    -------
    bold_affine, centre, offset
        As `Participant` has them.

    Raises
    ------
    InputError
        If the grid is too small for the brain.
    """
    centre = (points.min(axis=0) + points.max(axis=0)) / 2
    offset = rng.uniform(-displacement, displacement, 6)
    offset[3:] = np.deg2rad(offset[3:])
    grid = _scanner_grid(bold_shape, bold_zoom, centre + offset[:3])
    _check_cover(points + offset[:3], bold_shape, grid)
    return grid, centre, offset


def _scanner_grid(shape: Sequence[int], zoom: float, centre: np.ndarray) -> np.ndarray:
    """Voxel to world of tilted axial slices around a point, axes towards L, A and S."""
    tilt = Rotation.from_euler("x", _TILT, degrees=True).as_matrix()
    affine = np.eye(4)
    affine[:3, :3] = tilt @ np.diag([-zoom, zoom, zoom])
    affine[:3, 3] = centre - affine[:3, :3] @ ((np.asarray(shape) - 1) / 2)
    return affine


def _check_cover(points: np.ndarray, shape: Sequence[int], affine: np.ndarray) -> None:
    """Refuse a field of view that cuts off more than a tenth of the brain."""
    voxels = (points - affine[:3, 3]) @ np.linalg.inv(affine[:3, :3]).T
    inside = ((voxels > -0.5) & (voxels < np.asarray(shape) - 0.5)).all(axis=1).mean()
    if inside < 0.9:
        zoom = np.linalg.norm(affine[:3, 0])
        enough = np.ceil(np.ptp(voxels, axis=0)).astype(int) + 1
        raise InputError(
            "bold_shape",
            expected=f"a grid that holds the brain, about {tuple(map(int, enough))} voxels of "
            f"{zoom:g} mm",
            found=f"{tuple(shape)} voxels, which hold {inside:.0%} of it",
            hint="give more voxels or larger ones",
        )
