"""Compare results with the truth of simulated data."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.ndimage import distance_transform_edt, gaussian_filter
from scipy.spatial.transform import Rotation

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.resample import resample
from fmriprod.algorithms.transforms import displacement


@dataclass(frozen=True)
class Verdict:
    """One thing that was planted, and whether it was found.

    Attributes
    ----------
    expected : str
        What a good analysis finds, in words with the limit.
    found : float
        What was found.
    unit : str
        Unit of `found`; empty for a plain number.
    ok : bool
        Whether the limit is met.
    """

    expected: str
    found: float
    unit: str
    ok: bool

    def content(self) -> dict[str, str | float | bool]:
        """Fields as a dictionary, the number rounded to what can be told apart."""
        return {**asdict(self), "found": float(f"{self.found:.4g}")}


def at_most(found: float, limit: float, unit: str = "") -> Verdict:
    """Judge a number that should be small.

    Examples
    --------
    >>> at_most(0.12, 0.3, "mm")
    Verdict(expected='at most 0.3 mm', found=0.12, unit='mm', ok=True)
    """
    return Verdict(f"at most {limit:g} {unit}".rstrip(), float(found), unit, bool(found <= limit))


def at_least(found: float, limit: float, unit: str = "") -> Verdict:
    """Judge a number that should be large; see `at_most`."""
    return Verdict(f"at least {limit:g} {unit}".rstrip(), float(found), unit, bool(found >= limit))


def dice(one: np.ndarray, two: np.ndarray) -> float:
    """Overlap of two masks (Dice 1945): twice the shared voxels over the sum of both.

    Parameters
    ----------
    one, two : ndarray of bool, the same shape
        Masks; not both empty.

    Returns
    -------
    float
        0 for masks apart, 1 for equal ones.

    Raises
    ------
    InputError
        If the shapes differ or both masks are empty.
    """
    _same_shape(one, two)
    total = np.count_nonzero(one) + np.count_nonzero(two)
    if total == 0:
        raise InputError(
            "mask",
            expected="two masks of which one has voxels at least",
            found="no voxel in either",
            hint="check what the masks were made from",
        )
    return 2 * np.count_nonzero(one & two) / total


def distance_to(mask: np.ndarray, affine: np.ndarray) -> np.ndarray:
    """Distance of every voxel centre from the nearest voxel of a mask.

    Parameters
    ----------
    mask : ndarray of bool, shape (x, y, z)
        Not empty.
    affine : ndarray, shape (4, 4)
        Voxel to world in mm, without shear.

    Returns
    -------
    ndarray of float64, shape (x, y, z)
        In mm; 0 in the mask.
    """
    return distance_transform_edt(~mask, sampling=np.linalg.norm(affine[:3, :3], axis=0))


def place_region(
    mask: np.ndarray,
    affine: np.ndarray,
    shape: tuple[int, ...],
    grid_affine: np.ndarray,
    pose: np.ndarray | None = None,
) -> np.ndarray:
    """Find the voxels of another, coarser or equal grid that hold mostly a region.

    Parameters
    ----------
    mask : ndarray of bool, shape (x, y, z)
        The region.
    affine : ndarray, shape (4, 4)
        Its voxel to world, mm.
    shape, grid_affine
        The other grid.
    pose : ndarray, shape (4, 4), optional
        Maps points of the region's world to those of the grid's; identity by default.

    Returns
    -------
    ndarray of bool, shape `shape`
        Voxels of which more than half lies in the region.
    """
    ratio = np.linalg.norm(grid_affine[:3, :3], axis=0).mean()
    ratio = ratio / np.linalg.norm(affine[:3, :3], axis=0)
    # A voxel sees the mean over itself: a box of that width has this standard deviation.
    sigma = np.sqrt(np.maximum(ratio**2 - 1, 0) / 12)
    share = gaussian_filter(np.asarray(mask, np.float32), sigma)
    to_region = None if pose is None else np.linalg.inv(pose)
    return resample(share, affine, shape, grid_affine, to_region) > 0.5


def motion_error(found: np.ndarray, true: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Error of estimated head motion in each volume, whatever the reference was.

    An estimate tells the pose relative to a reference of its own. The one rigid transform
    that best explains the difference for all volumes is the pose of that reference, and
    is taken out before the error is measured.

    Parameters
    ----------
    found : ndarray, shape (n_volumes, 4, 4)
        Reference to volume, point to point, RAS mm.
    true : ndarray, shape (n_volumes, 4, 4)
        Head to volume.
    points : ndarray, shape (n_points, 3)
        Points of the brain where it was in the reference, mm.

    Returns
    -------
    ndarray of float64, shape (n_volumes,)
        Mean distance over the points between where the estimate and the truth send them, mm.

    Raises
    ------
    InputError
        If there are not as many estimates as volumes.
    """
    if np.shape(found) != np.shape(true):
        raise InputError(
            "transforms",
            expected=f"one matrix for each of {len(true)} volumes",
            found=f"shape {np.shape(found)}",
            hint="give the transforms of that run",
        )
    to_head = np.linalg.inv(true) @ found
    reference = mean_rigid(to_head, points.mean(axis=0))
    pairs = zip(found, true @ reference, strict=True)
    return np.array([displacement(one, two, points).mean() for one, two in pairs])


def mean_rigid(matrices: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """Average rigid transforms that are alike.

    Parameters
    ----------
    matrices : ndarray, shape (n, 4, 4)
        Rigid, point to point.
    centre : ndarray, shape (3,)
        Point at which translations are averaged, mm.

    Returns
    -------
    ndarray, shape (4, 4)
        Mean rotation (Markley et al. 2007, J Guid Control Dyn 30:1193), and the mean of
        where the centre goes.
    """
    result = np.eye(4)
    result[:3, :3] = Rotation.from_matrix(matrices[:, :3, :3]).mean().as_matrix()
    target = (matrices[:, :3, :3] @ centre + matrices[:, :3, 3]).mean(axis=0)
    result[:3, 3] = target - result[:3, :3] @ centre
    return result


def judge_map(
    values: np.ndarray, affine: np.ndarray, planted: np.ndarray, brain: np.ndarray, threshold: float
) -> dict[str, Verdict]:
    """Judge a map of z values by where the response was planted.

    Parameters
    ----------
    values : ndarray, shape (x, y, z)
        Map of z values; 0 or NaN where nothing was computed.
    affine : ndarray, shape (4, 4)
        Its voxel to world, mm.
    planted : ndarray of bool, shape (x, y, z)
        Where the response is.
    brain : ndarray of bool, shape (x, y, z)
        Where it was looked for.
    threshold : float
        z from which on a voxel counts as found.

    Returns
    -------
    dict of str to Verdict
        Distance of the peak from the region, share of the region that is found, and share of
        the brain further than 12 mm from it that is found as well.
    """
    _same_shape(values, planted)
    values = np.nan_to_num(np.where(brain, values, 0))
    distance = distance_to(planted, affine)
    voxel = np.linalg.norm(affine[:3, :3], axis=0).max()
    peak = np.unravel_index(values.argmax(), values.shape)
    far = brain & (distance > 12) & (values != 0)
    return {
        "peak from the region": at_most(distance[peak], round(voxel, 2), "mm"),
        "peak z": at_least(values[peak], 5),
        f"region with z above {threshold:g}": at_least(
            100 * (values[planted & brain] > threshold).mean(), 50, "%"
        ),
        f"rest of the brain with z above {threshold:g}": at_most(
            100 * (values[far] > threshold).mean(), 2, "%"
        ),
    }


def judge_evidence(summary: dict[str, Any], chance_only: bool = False) -> Verdict:
    """Judge an accuracy by whether its interval excludes, or includes, chance.

    Parameters
    ----------
    summary : dict
        ``accuracy``, ``chance`` and ``accuracy_interval`` (``low``, ``high``), as
        `fmriprod.interfaces.evidence.ObjectEvidence` writes it.
    chance_only : bool
        Nothing was planted there: the interval should hold chance.

    Returns
    -------
    Verdict
        Of the accuracy.
    """
    ends = summary["accuracy_interval"]
    above = ends["low"] > summary["chance"]
    holds = not above and ends["high"] >= summary["chance"]
    relation = "no different from" if chance_only else "above"
    return Verdict(
        f"{relation} chance, {summary['chance']:.3g} (95 % interval)",
        float(summary["accuracy"]),
        "",
        bool(holds if chance_only else above),
    )


def _same_shape(one: np.ndarray, two: np.ndarray) -> None:
    if np.shape(one) != np.shape(two):
        raise InputError(
            "mask",
            expected=f"a mask of shape {np.shape(one)}",
            found=f"shape {np.shape(two)}",
            hint="bring both onto one grid first",
        )


def nearby_share(region: np.ndarray, planted: Sequence[np.ndarray], affine: np.ndarray) -> float:
    """Share of a region that lies in a planted one, or within a voxel of it.

    Parameters
    ----------
    region : ndarray of bool, shape (x, y, z)
        Region that an analysis chose.
    planted : sequence of ndarray of bool
        Where it should lie.
    affine : ndarray, shape (4, 4)
        Voxel to world, mm.

    Returns
    -------
    float
        From 0 to 1.
    """
    reach = 1.01 * np.linalg.norm(affine[:3, :3], axis=0).max()
    return float((distance_to(np.any(planted, axis=0), affine)[region] <= reach).mean())
