"""Spheres of voxels in a mask: where searchlights lie and what they hold."""

from dataclasses import dataclass

import numpy as np

from fmriprod.algorithms.checks import InputError

_BLOCK = 8192  # centres looked at together: 8 MB of places at 123 voxels a sphere
_ROUNDING = 1 + 1e-6  # a centre that lies at the radius is inside, whatever the affine's last bit


@dataclass(frozen=True)
class Spheres:
    """Sets of voxels of a mask, one a centre.

    Attributes
    ----------
    centres : ndarray of int64, shape (n_spheres,)
        Centre of each, as its place among the mask's voxels in C order.
    start : ndarray of int64, shape (n_spheres + 1,)
        ``members[start[i]:start[i + 1]]`` are the voxels of sphere ``i``.
    members : ndarray of int32, shape (n_total,)
        Places among the mask's voxels in C order, ascending in each sphere.
    n_left_out : int
        Usable voxels of the mask that are no centre since their sphere holds too few voxels.
    """

    centres: np.ndarray
    start: np.ndarray
    members: np.ndarray
    n_left_out: int = 0

    def __len__(self) -> int:
        return len(self.start) - 1

    @property
    def n_voxels(self) -> np.ndarray:
        """How many voxels each sphere holds: int32, shape (n_spheres,)."""
        return np.diff(self.start).astype(np.int32)

    def of(self, index: int) -> np.ndarray:
        """Give the voxels of one sphere."""
        return self.members[self.start[index] : self.start[index + 1]]


def sphere_offsets(
    affine: np.ndarray, *, radius: float | None = None, radius_voxels: float | None = None
) -> np.ndarray:
    """List the steps on the grid that lead no farther than the radius.

    Parameters
    ----------
    affine : ndarray, shape (4, 4)
        Voxel to world in mm; voxels may be anisotropic, rotated and sheared.
    radius : float, optional
        In mm. A voxel whose centre is at the radius belongs to the sphere.
    radius_voxels : float, optional
        In steps of the grid instead, whatever their length: 3 gives the 123 voxels of the
        published analysis.

    Returns
    -------
    ndarray of int, shape (n_offsets, 3)
        In C order.

    Raises
    ------
    InputError
        If not exactly one radius above 0 is given.

    Examples
    --------
    >>> len(sphere_offsets(np.eye(4), radius_voxels=3))
    123
    """
    given = [value for value in (radius, radius_voxels) if value is not None]
    if len(given) != 1 or not (np.isfinite(given[0]) and given[0] > 0):
        raise InputError(
            "radius", expected="one radius above 0, in mm or in voxels",
            found=f"radius={radius} mm, radius_voxels={radius_voxels}",
            hint="give radius, in mm, or radius_voxels, in steps of the grid",
        )  # fmt: skip
    steps = np.eye(3) if radius is None else np.asarray(affine, dtype=float)[:3, :3]
    largest = given[0] * _ROUNDING
    # The farthest that any point of the ball lies along each axis of the grid.
    reach = np.floor(largest * np.linalg.norm(np.linalg.inv(steps), axis=1)).astype(int)
    box = np.stack(np.meshgrid(*(np.arange(-r, r + 1) for r in reach), indexing="ij"), axis=-1)
    box = box.reshape(-1, 3)
    return box[np.linalg.norm(box @ steps.T, axis=1) <= largest]


def find_spheres(
    mask: np.ndarray,
    affine: np.ndarray,
    *,
    radius: float | None = None,
    radius_voxels: float | None = None,
    min_voxels: int = 10,
    usable: np.ndarray | None = None,
) -> Spheres:
    """Find the voxels within a radius of each voxel of a mask.

    Spheres hold usable voxels of the mask only: they are cut at its border and at the edge of
    the grid. Those with fewer voxels than ``min_voxels`` are left out and counted.

    Parameters
    ----------
    mask : ndarray of bool, shape (x, y, z)
        Voxels that there are.
    affine : ndarray, shape (4, 4)
        Voxel to world in mm.
    radius : float, optional
        In mm; 9 unless a radius is given.
    radius_voxels : float, optional
        In steps of the grid instead of mm.
    min_voxels : int, default 10
        Smallest sphere that is kept.
    usable : ndarray of bool, shape (n_mask_voxels,), optional
        Which voxels of the mask can be centres and members; all unless given.

    Returns
    -------
    Spheres
        In C order of their centres.

    Raises
    ------
    InputError
        If the radius is not one above 0, or no sphere is left.
    """
    if radius is None and radius_voxels is None:
        radius = 9.0
    offsets = sphere_offsets(affine, radius=radius, radius_voxels=radius_voxels)
    mask = np.asarray(mask, dtype=bool)
    usable = np.ones(int(mask.sum()), bool) if usable is None else np.asarray(usable, dtype=bool)
    # Places of usable voxels in a grid with margins, so that no step wraps around its edge.
    margin = np.abs(offsets).max(axis=0)
    place = np.full(np.array(mask.shape) + 2 * margin, -1, dtype=np.int32)
    inner = place[tuple(slice(m, m + n) for m, n in zip(margin, mask.shape, strict=True))]
    inner[mask] = np.where(usable, np.arange(len(usable)), -1)
    strides = np.array(place.strides) // place.itemsize
    steps, place = offsets @ strides, place.ravel()
    where = np.flatnonzero(place >= 0)
    kept, sizes, members = [], [], []
    for first in range(0, len(where), _BLOCK):
        some = where[first : first + _BLOCK]
        found = place[some[:, None] + steps]
        size = (found >= 0).sum(axis=1)
        large = size >= max(min_voxels, 1)
        found = found[large]
        kept.append(place[some[large]])
        sizes.append(size[large])
        members.append(found[found >= 0])
    n_kept = sum(map(len, kept))
    if n_kept == 0:
        raise _no_sphere(mask, usable, len(offsets), min_voxels)
    start = np.zeros(n_kept + 1, dtype=np.int64)
    np.cumsum(np.concatenate(sizes), out=start[1:])
    centres = np.concatenate(kept).astype(np.int64)
    return Spheres(centres, start, np.concatenate(members), len(where) - n_kept)


def _no_sphere(mask: np.ndarray, usable: np.ndarray, n_offsets: int, min_voxels: int) -> InputError:
    return InputError(
        "mask",
        expected=f"a mask in which a sphere holds {min_voxels} usable voxels or more",
        found=f"{int(mask.sum()):,} voxels, {int(usable.sum()):,} of them usable; a whole sphere "
        f"of this radius has {n_offsets:,}",
        hint="give a larger radius, a smaller min_voxels, or another mask",
    )
