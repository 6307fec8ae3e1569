"""A simulated functional run: a head that answers to objects and moves in the scanner."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates, maximum_filter, spline_filter

from fmriprod.algorithms.noise import rician, smooth_field, tissue_noise
from fmriprod.algorithms.phantom_anatomy import LABEL, TISSUES

# Signal of each tissue in a gradient-echo EPI at 3 T relative to grey matter: fluid bright,
# white matter darker than grey, bone and air dark, fat suppressed.
_EPI = {
    "csf": 1.35, "grey": 1.0, "white": 0.82, "dura": 0.35, "marrow": 0.2, "fat": 0.2,
    "skin": 0.45, "muscle": 0.45, "eye": 1.2, "nerve": 0.6, "cord": 0.8, "vessel": 0.3,
}  # fmt: skip
_GREY = 800.0  # signal of grey matter in the simulated images
# Where air in the sinus and in the ear canals dephases the signal: MNI mm, radius mm.
_DROPOUT = (((0, 36, -22), 15), ((52, -22, -30), 12), ((-52, -22, -30), 12))


@dataclass(frozen=True)
class Region:
    """Grey matter within spheres around points of MNI space.

    Attributes
    ----------
    name : str
        How it is called in file names.
    centres : tuple of (float, float, float)
        MNI coordinates in mm.
    radius : float
        Of each sphere, mm.
    role : str
        What is planted there, in words.
    """

    name: str
    centres: tuple[tuple[float, float, float], ...]
    radius: float
    role: str


REGIONS = (
    Region(
        "visual",
        ((40, -72, -8), (-40, -72, -8), (26, -90, 0), (-26, -90, 0)),
        14,
        "answers to every object, each with its own pattern; weaker while drawing",
    ),
    Region(
        "motor", ((-36, -28, 56), (-32, -52, 54)), 13, "answers while drawing, not to seen objects"
    ),
    Region("control", ((32, 46, 20), (-32, 46, 20)), 16, "answers to nothing"),
)


def region_masks(
    mni: np.ndarray, grey: np.ndarray, regions: Sequence[Region] = REGIONS
) -> dict[str, np.ndarray]:
    """Find the planted regions in a head.

    Parameters
    ----------
    mni : ndarray, shape (3, x, y, z)
        MNI coordinates (mm) of every voxel.
    grey : ndarray of bool, shape (x, y, z)
        Grey matter.
    regions : sequence of Region
        What to find.

    Returns
    -------
    dict of str to ndarray of bool
        Masks by name.
    """
    masks = {}
    for region in regions:
        near = np.zeros(grey.shape, bool)
        for centre in region.centres:
            near |= ((mni - np.reshape(centre, (3, 1, 1, 1))) ** 2).sum(axis=0) < region.radius**2
        masks[region.name] = near & grey
    return masks


def epi_signal(labels: np.ndarray, mni: np.ndarray) -> np.ndarray:
    """Give a labelled head the contrast of a gradient-echo EPI, with signal dropout.

    Parameters
    ----------
    labels : ndarray of uint8, shape (x, y, z)
        Index into `fmriprod.algorithms.phantom_anatomy.TISSUES`.
    mni : ndarray, shape (3, x, y, z)
        MNI coordinates (mm) of every voxel; they place the dropout.

    Returns
    -------
    ndarray of float32, shape (x, y, z)
        Signal, grey matter at 800.
    """
    table = np.array([_EPI.get(name, 0.0) for name in TISSUES], np.float32)
    signal = _GREY * table[labels]
    for centre, radius in _DROPOUT:
        distance = ((mni - np.reshape(centre, (3, 1, 1, 1))) ** 2).sum(axis=0)
        signal *= 1 - 0.8 * np.exp(-distance / (2 * (radius / 2) ** 2)).astype(np.float32)
    return signal


def response_maps(
    masks: dict[str, np.ndarray],
    zooms: np.ndarray,
    *,
    rng: np.random.Generator,
    n_objects: int,
    amplitude: float,
    pattern: float,
    pattern_fwhm: float = 5.0,
) -> dict[str, np.ndarray]:
    """Draw what each object and the act of drawing evoke at each place.

    Parameters
    ----------
    masks : dict of str to ndarray of bool, shape (x, y, z)
        Regions ``visual`` and ``motor``.
    zooms : array_like, shape (3,)
        Voxel sizes in mm.
    rng : numpy.random.Generator
        Draws the patterns.
    n_objects : int
        Objects that are told apart.
    amplitude : float
        Peak response that all objects share, as a fraction of the signal.
    pattern : float
        Standard deviation over the region of what is an object's own, as a fraction of the
        signal.
    pattern_fwhm : float
        Grain of the patterns in mm.

    Returns
    -------
    dict of str to ndarray of float32
        ``objects``, shape (n_objects, x, y, z), and ``drawing``, shape (x, y, z).
    """
    visual, motor = masks["visual"], masks["motor"]
    shape = visual.shape
    own = np.stack([smooth_field(shape, zooms, pattern_fwhm, rng) for _ in range(n_objects)])
    own -= own.mean(axis=0)  # what all objects share is the amplitude alone
    own *= pattern / own[:, visual].std()
    drawing = (1 + 0.2 * smooth_field(shape, zooms, 8.0, rng)) * (amplitude * motor)
    return {
        "objects": ((amplitude + own) * visual).astype(np.float32),
        "drawing": drawing.astype(np.float32),
    }


def random_motion(
    n_volumes: int,
    rng: np.random.Generator,
    *,
    amplitude: float = 0.3,
    jumps: int = 2,
    jump: float = 0.4,
    radius: float = 50.0,
) -> np.ndarray:
    """Draw the motion of a head: a slow random walk with a few sudden small jumps.

    Parameters
    ----------
    n_volumes : int
        Length of the run.
    rng : numpy.random.Generator
        Draws it.
    amplitude : float
        Root mean square over the run of each translation in mm, before the jumps; rotations
        move a point at `radius` by as much.
    jumps : int
        How many sudden moves.
    jump : float
        Length of each in mm.
    radius : float
        Distance in mm that turns rotations into millimetres, as in framewise displacement.

    Returns
    -------
    ndarray of float64, shape (n_volumes, 6)
        ``trans_x trans_y trans_z`` in mm, ``rot_x rot_y rot_z`` in rad; zero at volume 0.
    """
    walk = np.cumsum(rng.standard_normal((n_volumes, 6)), axis=0)
    walk = gaussian_filter(walk, (2.0, 0.0), mode="nearest")
    walk -= walk[0]
    scale = amplitude / np.sqrt((walk**2).mean(axis=0))
    motion = walk * scale * rng.uniform(0.5, 1.0, 6)
    # Heads nod and sink more than they turn: most about x, along y and z.
    motion *= (0.5, 0.8, 1.0, 1.0, 0.4, 0.5)
    for t in rng.integers(n_volumes // 5, n_volumes, jumps):
        step = rng.standard_normal(6)
        motion[t:] += jump * step / np.linalg.norm(step)
    motion -= motion[0]
    motion[:, 3:] /= radius
    return motion


def acquire(
    signal: np.ndarray,
    affine: np.ndarray,
    shape: tuple[int, int, int],
    grid_affine: np.ndarray,
    pose: np.ndarray,
    *,
    changes: np.ndarray,
    courses: np.ndarray,
) -> np.ndarray:
    """Sample a moving, changing head on the grid of a scanner, without noise.

    The head is a continuous object: a quadratic spline through a grid finer than the scanner's,
    blurred by the scanner's voxel, evaluated where each voxel's centre is in the head. So
    no series is ever resampled, and no registration can undo the motion exactly.

    Parameters
    ----------
    signal : ndarray, shape (x, y, z)
        Signal of the resting head on a fine grid.
    affine : ndarray, shape (4, 4)
        Fine voxel to world of the anatomical scan, mm.
    shape : (int, int, int)
        Scanner grid (i, j, k); slices along the third axis.
    grid_affine : ndarray, shape (4, 4)
        Scanner voxel to world, mm.
    pose : ndarray, shape (n_volumes, 4, 4)
        Maps points of the anatomical scan's world to where they are in each volume
        (RAS mm).
    changes : ndarray, shape (n_changes, x, y, z)
        Signal that each response adds at its peak, in units of `signal`.
    courses : ndarray, shape (n_changes, n_volumes, k)
        Time course of each response at the time of each slice.

    Returns
    -------
    ndarray of float32, shape (i, j, k, n_volumes)
        Noise-free series in Fortran order.
    """
    fine = np.linalg.norm(affine[:3, :3], axis=0)
    sigma = np.linalg.norm(grid_affine[:3, :3], axis=0).mean() / np.sqrt(12) / fine
    index = np.indices(shape).reshape(3, -1)
    world = grid_affine @ np.vstack([index, np.ones(index.shape[1])])
    to_fine = np.linalg.inv(pose @ affine)[:, :3]
    moved = (to_fine - to_fine[0]) @ world[:, [0, -1]]  # voxels, at two corners of the grid
    reach = np.abs(moved).max() + 2  # and what a spline sees
    series = np.zeros((*shape, len(pose)), np.float32, order="F")
    flat = series.reshape(-1, len(pose), order="F")
    order = np.ravel_multi_index(tuple(index), shape, order="F")
    weights = [np.ones((len(pose), shape[2]), np.float32), *courses]
    for image, weight in zip((signal, *changes), weights, strict=True):
        if not (image.any() and weight.any()):
            continue
        blurred = gaussian_filter(np.asarray(image, np.float32), sigma)
        where = _near(blurred, to_fine[0] @ world, reach)
        spline = spline_filter(blurred, order=2, output=np.float32)
        for t, matrix in enumerate(to_fine):
            values = map_coordinates(
                spline, matrix @ world[:, where], order=2, prefilter=False, output=np.float32
            )
            flat[order[where], t] += weight[t, index[2, where]] * values
    return series


def _near(image: np.ndarray, places: np.ndarray, margin: float) -> np.ndarray:
    """Columns of `places` (fine voxels) within `margin` voxels of what `image` shows."""
    shown = np.abs(image) > 1e-3 * np.abs(image).max()
    wide = maximum_filter(shown.view(np.uint8), 2 * int(np.ceil(margin)) + 1)
    return np.flatnonzero(map_coordinates(wide, places, order=0))


def add_noise(
    series: np.ndarray,
    tr: float,
    *,
    zooms: np.ndarray,
    tsnr: float,
    rng: np.random.Generator,
    share_thermal: float = 0.5,
) -> np.ndarray:
    """Add thermal noise everywhere and physiological noise in proportion to the signal.

    Parameters
    ----------
    series : ndarray of float32, shape (x, y, z, n_volumes)
        Noise-free series; changed in place.
    tr : float
        Repetition time in seconds.
    zooms : array_like, shape (3,)
        Voxel sizes in mm.
    tsnr : float
        Temporal signal-to-noise ratio of grey matter, before motion adds to the noise.
    rng : numpy.random.Generator
        Source of the randomness.
    share_thermal : float
        Share of the variance in grey matter that is thermal.

    Returns
    -------
    ndarray of float32
        The noisy series (the same array).
    """
    thermal = _GREY * np.sqrt(share_thermal) / tsnr
    relative = np.float32(np.sqrt(1 - share_thermal) / tsnr)
    tissue = tissue_noise(series.shape[:3], series.shape[3], tr, zooms=zooms, rng=rng)
    for t, noise in enumerate(tissue):
        series[..., t] = rician(series[..., t] * (1 + relative * noise), thermal, rng)
    return series


def grey_matter(labels: np.ndarray) -> np.ndarray:
    """Grey matter of a labelled head.

    Parameters
    ----------
    labels : ndarray of uint8
        Index into `fmriprod.algorithms.phantom_anatomy.TISSUES`.

    Returns
    -------
    ndarray of bool
        Where the label is grey matter.
    """
    return labels == LABEL["grey"]
