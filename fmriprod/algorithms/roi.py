"""Choose the voxels of a region from a label image or a statistical map."""

from collections.abc import Iterator, Sequence
from itertools import product

import numpy as np

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.resample import resample


def select_labels(data: np.ndarray, labels: Sequence[int]) -> np.ndarray:
    """Mark the voxels that have one of several labels.

    Parameters
    ----------
    data : ndarray, shape (x, y, z)
        Label image, whole numbers.
    labels : sequence of int
        Labels of the region.

    Returns
    -------
    ndarray of bool, shape (x, y, z)

    Raises
    ------
    InputError
        If the image holds other than whole numbers, or a label has no voxel.
    """
    finite = check_labels(data)
    present = np.unique(data[finite]).astype(np.int64)
    absent = sorted(set(labels) - set(present.tolist()))
    if absent:
        some = ", ".join(map(str, present[present != 0][:20]))
        more = ", ..." if np.count_nonzero(present) > 20 else ""
        raise InputError(
            "labels",
            expected="labels that the image has",
            found=f"no voxel of {', '.join(map(str, absent))}",
            hint=f"the image has: {some}{more}",
        )
    return np.isin(data, list(labels)) & finite


def check_labels(data: np.ndarray) -> np.ndarray:
    """Refuse an image that holds other than whole numbers; mark its finite voxels."""
    finite = np.isfinite(data)
    if not (data[finite] == np.rint(data[finite])).all():
        raise InputError(
            "labels",
            expected="a label image: whole numbers",
            found="an image with fractions",
            hint="give the label image, not resampled with interpolation; "
            "choose voxels of a statistical map by threshold or n_voxels",
        )
    return finite


def select_threshold(
    data: np.ndarray, threshold: float, two_sided: bool = False, within: np.ndarray | None = None
) -> np.ndarray:
    """Mark the voxels of a map that reach a threshold.

    Parameters
    ----------
    data : ndarray, shape (x, y, z)
        Statistical map; NaN is never chosen.
    threshold : float
        Smallest value (of the magnitude when ``two_sided``) that is chosen.
    two_sided : bool
        Go by magnitude.
    within : ndarray of bool, shape (x, y, z), optional
        Voxels to choose from.

    Returns
    -------
    ndarray of bool, shape (x, y, z)

    Raises
    ------
    InputError
        If no voxel reaches it; if a two-sided threshold is not above 0.
    """
    if two_sided and not threshold > 0:
        raise InputError(
            "threshold",
            expected="a number above 0 when two_sided",
            found=f"{threshold:g}",
            hint="give the smallest magnitude",
        )
    score = _score(data, two_sided, within)
    chosen = score >= threshold  # NaN and -inf compare False
    if not chosen.any():
        best = np.nanmax(score, initial=-np.inf)
        raise InputError(
            "threshold",
            expected=f"voxels at or above {threshold:g}{' in magnitude' if two_sided else ''}",
            found=f"no voxel; the largest value is {best:g}",
            hint="lower the threshold, or take the best ones with n_voxels",
        )
    return chosen


def select_top(
    data: np.ndarray, n_voxels: int, two_sided: bool = False, within: np.ndarray | None = None
) -> np.ndarray:
    """Mark the voxels of a map with the largest values.

    Parameters
    ----------
    data : ndarray, shape (x, y, z)
        Statistical map. Only values above 0 are candidates (other than 0 when
        ``two_sided``): 0 and NaN are where there is no statistic.
    n_voxels : int
        How many. Between equal values the earlier voxel in C order (last axis fastest) wins.
    two_sided : bool
        Go by magnitude.
    within : ndarray of bool, shape (x, y, z), optional
        Voxels to choose from.

    Returns
    -------
    ndarray of bool, shape (x, y, z)

    Raises
    ------
    InputError
        If there are fewer candidates, or less than one is asked for.
    """
    score = _score(data, two_sided, within).ravel()
    candidates = np.flatnonzero(score > 0)
    if not 1 <= n_voxels <= len(candidates):
        kind = "other than 0" if two_sided else "above 0"
        raise InputError(
            "n_voxels",
            expected=f"from 1 to the {len(candidates)} voxels with a finite value {kind}"
            + ("" if within is None else " in the mask"),
            found=f"{n_voxels}",
            hint="ask for fewer" + ("" if two_sided else ", or go by magnitude with two_sided"),
        )
    order = np.argsort(-score[candidates], kind="stable")
    chosen = np.zeros(data.size, dtype=bool)
    chosen[candidates[order[:n_voxels]]] = True
    return chosen.reshape(data.shape)


def label_fraction(
    region: np.ndarray,
    affine: np.ndarray,
    to_shape: tuple[int, ...],
    to_affine: np.ndarray,
    transform: np.ndarray | None = None,
    n_points: int = 4,
    within: np.ndarray | None = None,
) -> np.ndarray:
    """Tell which part of each voxel of another grid lies in a region.

    Each target voxel is looked at in ``n_points`` cubed points, evenly spread in it, so that
    small source voxels count by volume and not by whether the centre happens to hit them.

    Parameters
    ----------
    region : ndarray of bool, shape (x, y, z)
        The region on its own grid.
    affine : ndarray, shape (4, 4)
        Voxel to world (RAS, mm) of the region.
    to_shape, to_affine
        The target grid.
    transform : ndarray, shape (4, 4), optional
        Maps target world points to points of the region's world (RAS, mm).
    n_points : int
        Points along each axis of a target voxel; 1 is the voxel's centre alone.
    within : ndarray of bool, shape to_shape, optional
        Only these voxels of the target are looked at, the others are 0.

    Returns
    -------
    ndarray of float32, shape to_shape
        From 0 to 1.
    """
    count = np.zeros(to_shape, dtype=np.uint16)
    region = region.astype(np.uint8)
    for moved in affines_within(to_affine, n_points):
        count += resample(region, affine, to_shape, moved, transform, "nearest", within=within)
    return count.astype(np.float32) / n_points**3


def affines_within(affine: np.ndarray, n_points: int) -> Iterator[np.ndarray]:
    """Give affines of a grid that reach ``n_points`` cubed points spread evenly in its voxels."""
    offsets = (np.arange(n_points) + 0.5) / n_points - 0.5
    for offset in product(offsets, repeat=3):
        moved = np.array(affine, dtype=float)
        moved[:3, 3] += moved[:3, :3] @ offset
        yield moved


def _score(data: np.ndarray, two_sided: bool, within: np.ndarray | None) -> np.ndarray:
    """Values to go by: magnitude when two-sided, minus infinity where nothing can be chosen."""
    score = np.abs(data) if two_sided else data
    candidates = np.isfinite(data) if within is None else np.isfinite(data) & within
    return np.where(candidates, score, -np.inf)
