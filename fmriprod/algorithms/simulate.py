"""Scan a simulated head: it moves and changes while it is sampled, with noise."""

import numpy as np
from scipy.ndimage import affine_transform, gaussian_filter, spline_filter

from fmriprod.algorithms.noise import rician, tissue_noise
from fmriprod.algorithms.simulate_head import GREY


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
    shape: tuple[int, ...],
    grid_affine: np.ndarray,
    pose: np.ndarray,
    *,
    changes: np.ndarray,
    courses: np.ndarray,
    exact: bool = True,
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
    exact : bool
        Whether responses are sampled anew at each pose, as the head itself always is. If not,
        each is sampled once with its gradient, and follows the motion to first order: many
        times as fast, and alike while the head moves by a small part of a voxel.

    Returns
    -------
    ndarray of float32, shape (i, j, k, n_volumes)
        Noise-free series in Fortran order.
    """
    fine = np.linalg.norm(affine[:3, :3], axis=0)
    sigma = np.linalg.norm(grid_affine[:3, :3], axis=0).mean() / np.sqrt(12) / fine
    to_fine = np.linalg.inv(pose @ affine) @ grid_affine  # scanner voxel to fine voxel
    series = np.zeros((*shape, len(pose)), np.float32, order="F")
    weights = [np.ones((len(pose), shape[2]), np.float32), *courses]
    for number, (image, weight) in enumerate(zip((signal, *changes), weights, strict=True)):
        if not (image.any() and weight.any()):
            continue
        blurred = gaussian_filter(np.asarray(image, np.float32), sigma)
        low, high = _box(blurred, np.linalg.inv(to_fine), shape)
        box = tuple(slice(*ends) for ends in zip(low, high, strict=True))
        spline = spline_filter(blurred, order=2, output=np.float32)
        if number and not exact:
            _add_linearly(series, spline, to_fine, weight, low, high)
            continue
        for t, matrix in enumerate(to_fine):
            if not weight[t].any():
                continue
            series[..., t][box] += weight[t, box[2]] * _sampled(spline, matrix, low, high)
    return series


def _sampled(
    spline: np.ndarray, matrix: np.ndarray, low: np.ndarray, high: np.ndarray
) -> np.ndarray:
    """Evaluate a spline at the scanner voxels from `low` to before `high`."""
    return affine_transform(
        spline,
        matrix[:3, :3],
        offset=matrix[:3, :3] @ low + matrix[:3, 3],
        output_shape=tuple(high - low),
        order=2,
        prefilter=False,
        output=np.float32,
    )


def _add_linearly(
    series: np.ndarray,
    spline: np.ndarray,
    to_fine: np.ndarray,
    weight: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
) -> None:
    """Add a response that follows the motion to first order about the mean pose."""
    mean, step = to_fine.mean(axis=0), 0.25  # fine voxels to either side of a slope
    box = tuple(slice(*ends) for ends in zip(low, high, strict=True))
    still, slopes = _sampled(spline, mean, low, high), []
    for axis in range(3):
        shift = np.zeros((4, 4))
        shift[axis, 3] = step
        ends = [_sampled(spline, mean + sign * shift, low, high) for sign in (1, -1)]
        slopes.append((ends[0] - ends[1]) / (2 * step))
    x, y, z = (g.astype(np.float32) for g in np.ogrid[box])
    for t in np.flatnonzero(weight.any(axis=1)):
        a, b, c, d = (to_fine[t] - mean)[:3].astype(np.float32).T
        values = still.copy()
        for axis, slope in enumerate(slopes):
            values += slope * (a[axis] * x + b[axis] * y + c[axis] * z + d[axis])
        series[..., t][box] += weight[t, box[2]] * values


def _box(
    image: np.ndarray, to_scanner: np.ndarray, shape: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Find the scanner voxels, first and last + 1, that see something of an image at any pose."""
    shown = np.abs(image) > 1e-3 * np.abs(image).max()
    ends = []
    for axis in range(3):
        inside = np.flatnonzero(shown.any(axis=tuple(a for a in range(3) if a != axis)))
        ends.append((inside[0] - 2, inside[-1] + 2))  # a spline sees further than its voxel
    corners = np.array(np.meshgrid(*ends)).reshape(3, -1)
    places = to_scanner[:, :3, :3] @ corners + to_scanner[:, :3, 3:]
    low = np.floor(places.min(axis=(0, 2))).astype(int)
    high = np.ceil(places.max(axis=(0, 2))).astype(int) + 1
    return np.clip(low, 0, shape), np.clip(high, 0, shape)


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
    thermal = GREY * np.sqrt(share_thermal) / tsnr
    relative = np.float32(np.sqrt(1 - share_thermal) / tsnr)
    tissue = tissue_noise(series.shape[:3], series.shape[3], tr, zooms=zooms, rng=rng)
    for t, noise in enumerate(tissue):
        series[..., t] = rician(series[..., t] * (1 + relative * noise), thermal, rng)
    return series
