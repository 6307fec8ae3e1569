"""The best voxel of a map, and the best ones near it."""

import numpy as np

from fmriprod.algorithms.checks import InputError


def best_and_near(
    values: np.ndarray, places: np.ndarray, *, n_voxels: int = 4, reach: float = 7.0
) -> np.ndarray:
    """Find the voxel with the largest value, and the largest near it in its axial slice.

    Neighbours tell whether what a voxel answers to changes over the cortex, as on the figures of
    Nilearn's example on Miyawaki et al. (2008).

    Parameters
    ----------
    values : ndarray, shape (n_voxels,)
        Such as explained variance; NaN is never chosen.
    places : ndarray, shape (n_voxels, 3)
        World coordinates in mm.
    n_voxels : int
        How many voxels to give, with the best.
    reach : float
        Largest distance from the best in mm.

    Returns
    -------
    ndarray of int
        Numbers of the voxels, the best first, then by value; fewer than ``n_voxels`` where no
        more are near.

    Raises
    ------
    InputError
        If no value is finite.
    """
    finite = np.isfinite(values)
    if not finite.any():
        raise InputError(
            "values", expected="a finite value in one voxel at least",
            found=f"none in {len(values)} voxels", hint="look at the map and its mask",
        )  # fmt: skip
    ranked = np.where(finite, values, -np.inf)
    best = int(ranked.argmax())
    near = np.linalg.norm(places - places[best], axis=1) <= reach
    near &= finite & np.isclose(places[:, 2], places[best, 2])
    order = np.argsort(-ranked, kind="stable")
    others = [voxel for voxel in order if near[voxel] and voxel != best]
    return np.array([best, *others[: n_voxels - 1]])
