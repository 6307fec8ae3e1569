"""Masks of regions on a grid, from a label image on another grid and masks on this one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import ndimage

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.label_expression import BOTH, LEFT, RIGHT, Atom, Region
from fmriprod.algorithms.resample import resample
from fmriprod.algorithms.roi import affines_within
from fmriprod.algorithms.transforms import check_affine

_TABLE = 1 << 20  # codes below are looked up in a table


@dataclass(frozen=True)
class RegionMask:
    """Voxels of a region on the grid.

    Parameters
    ----------
    near : ndarray of bool, shape (x, y, z)
        Voxels that were looked at closely.
    chosen, left, right, most : ndarray of bool, shape (n_near,)
        Of those: what the region holds; what of it lies mostly left, and right (both, where it
        is even); what it can hold at most, whatever is in the masks that are not known.
    """

    near: np.ndarray
    chosen: np.ndarray
    left: np.ndarray
    right: np.ndarray
    most: np.ndarray

    @property
    def mask(self) -> np.ndarray:
        """Mask of the region, bool, shape (x, y, z)."""
        volume = np.zeros(self.near.shape, bool)
        volume[self.near] = self.chosen
        return volume


def label_masks(
    labels: np.ndarray,
    affine: np.ndarray,
    regions: Sequence[Region],
    to_shape: tuple[int, ...],
    to_affine: np.ndarray,
    transform: np.ndarray | None = None,
    *,
    given: Mapping[Atom, np.ndarray] | None = None,
    unknown: Sequence[str] = (),
    n_points: int = 1,
    min_fraction: float = 0.5,
) -> dict[str, RegionMask]:
    """Make the masks of regions on a grid.

    The expression is worked out in ``n_points`` cubed points, evenly spread in each voxel,
    where the label is that of the nearest voxel; a voxel is in the region when it holds in at
    least ``min_fraction`` of them. One point is the voxel's centre: nearest neighbour. So a
    voxel half in one label and half in the next is in their union, and no voxel is in two
    regions whose labels exclude each other (but where each has exactly half).

    Parameters
    ----------
    labels : ndarray of int, shape (x, y, z)
        The label image.
    affine : ndarray, shape (4, 4)
        Voxel to world (RAS mm) of the labels.
    regions : sequence of Region
        From `fmriprod.algorithms.label_expression.read_regions`.
    to_shape, to_affine
        The grid.
    transform : ndarray, shape (4, 4), optional
        Maps points of the grid's world to points of the labels' (RAS mm).
    given : mapping from Atom to ndarray of bool, shape to_shape
        Labels of vertices and further masks, which are on the grid already.
    unknown : sequence of str
        Further masks that may hold anything: for ``most`` they are everything, or nothing
        where they are taken away. In ``mask`` they are what ``given`` has, or nothing.
    n_points : int
        Points along each axis of a voxel.
    min_fraction : float
        Part of the points that must be in the region.

    Returns
    -------
    dict from str to RegionMask
    """
    given = dict(given or {})
    transform = np.eye(4) if transform is None else check_affine(transform, "transform")
    codes = sorted({int(a.key) for r in regions for a in r.atoms if a.kind == "code"})
    index = _number(labels, codes)
    to = (affine, to_shape, to_affine, transform)
    anywhere = any(_reaches_all(region, unknown) for region in regions)
    near = np.ones(to_shape, bool) if anywhere else _near(index, *to, n_points)
    for mask in given.values():
        near |= mask
    sure = {atom: (mask[near].astype(np.uint8) * np.uint8(atom.side))[None]
            for atom, mask in given.items()}  # fmt: skip
    counts = {r.name: np.zeros((4, np.count_nonzero(near)), np.uint16) for r in regions}
    for moved in affines_within(to_affine, n_points):
        here = resample(index, affine, to_shape, moved, transform, "nearest", within=near)[near]
        _count(counts, regions, here, codes, sure, unknown)
    needed = np.ceil(min_fraction * n_points**3 - 1e-9)
    return {name: _region_mask(count, needed, near) for name, count in counts.items()}


def union(masks: Mapping[str, RegionMask]) -> np.ndarray:
    """Mark the voxels that any of several regions can hold at most, shape (x, y, z)."""
    near = next(iter(masks.values())).near
    volume = np.zeros(near.shape, bool)
    volume[near] = np.logical_or.reduce([mask.most for mask in masks.values()])
    return volume


def count_codes(labels: np.ndarray) -> dict[int, int]:
    """Count the voxels of each code of a label image, without 0."""
    if labels.size and 0 <= labels.min() and labels.max() < _TABLE:
        counts = np.bincount(labels.ravel())
        codes = np.flatnonzero(counts)
        counts = counts[codes]
    else:
        codes, counts = np.unique(labels, return_counts=True)
    return {int(c): int(n) for c, n in zip(codes, counts, strict=True) if c != 0}


def region_counts(counts: Mapping[int, int], region: Region) -> dict[int, int]:
    """Give the voxels of the label image for each code of a region."""
    codes = [int(atom.key) for atom in region.atoms if atom.kind == "code"]
    return {code: counts.get(code, 0) for code in codes}


def check_codes(
    counts: Mapping[int, int], regions: Sequence[Region], names: Mapping[int, str]
) -> None:
    """Refuse regions that name a code which the label image does not have.

    Parameters
    ----------
    counts : mapping from int to int
        From `count_codes`.
    regions : sequence of Region
        The regions.
    names : mapping from int to str
        What codes are called.

    Raises
    ------
    InputError
        With all of them.
    """
    wrong = []
    for region in regions:
        absent = [code for code, n in region_counts(counts, region).items() if n == 0]
        if absent:
            told = ", ".join(f"{code} ({names.get(code, 'no name')})" for code in absent)
            wrong.append(f"{region.name} = {region.text}: {told}")
    if wrong:
        some = ", ".join(map(str, list(counts)[:20]))
        raise InputError(
            "label",
            expected="a label image with all the labels of the regions",
            found="no voxel of " + "; ".join(wrong),
            hint="check that image and table belong together, or go on without them with "
            f"empty='keep'; the image has {len(counts)} labels: {some}",
        )


def _number(labels: np.ndarray, codes: list[int]) -> np.ndarray:
    """Give each code its number from 1, and 0 to all others."""
    numbers = np.arange(1, len(codes) + 1, dtype=np.uint16)
    if labels.size and 0 <= labels.min() and labels.max() < _TABLE:
        table = np.zeros(max(labels.max(), *codes, 0) + 1, np.uint16)
        table[codes] = numbers
        return table[labels]
    index = np.zeros(labels.shape, np.uint16)
    for number, code in zip(numbers, codes, strict=True):
        index[labels == code] = number
    return index


def _count(
    counts: dict[str, np.ndarray],
    regions: Sequence[Region],
    here: np.ndarray,
    codes: list[int],
    sure: dict[Atom, np.ndarray],
    unknown: Sequence[str],
) -> None:
    """Add what holds at one point of each voxel: in all, left, right, at most."""
    values: dict[Atom, np.ndarray] = dict(sure)

    def value(atom: Atom) -> np.ndarray:
        if atom not in values and atom.kind == "code":
            hits = here == codes.index(int(atom.key)) + 1
            values[atom] = (hits.astype(np.uint8) * np.uint8(atom.side))[None]
        elif atom not in values:
            values[atom] = np.zeros((1, here.size), np.uint8)
        return values[atom]

    def bounds(atom: Atom) -> np.ndarray:
        if atom.kind == "mask" and atom.key in unknown:
            return np.repeat(np.array([[0], [BOTH]], np.uint8), here.size, axis=1)
        return value(atom)

    for region in regions:
        sides = region.evaluate(value)[0]
        open_ = any(a.kind == "mask" and a.key in unknown for a in region.atoms)
        most = region.evaluate(bounds)[1] if open_ else sides
        count = counts[region.name]
        for row, hit in enumerate((sides, sides & LEFT, sides & RIGHT, most)):
            count[row] += hit != 0


def _region_mask(count: np.ndarray, needed: float, near: np.ndarray) -> RegionMask:
    total, left, right, most = count.astype(int)
    chosen = (total >= needed) & (total > 0)
    return RegionMask(
        near,
        chosen,
        left=chosen & (left >= right) & (left > 0),
        right=chosen & (right >= left) & (right > 0),
        most=(most >= needed) & (most > 0),
    )


def _reaches_all(region: Region, unknown: Sequence[str]) -> bool:
    """Tell whether a region can hold voxels where there is no label and no given mask."""

    def value(atom: Atom) -> np.ndarray:
        open_ = atom.kind == "mask" and atom.key in unknown
        return np.array([[0], [BOTH if open_ else 0]], np.uint8)

    return bool(region.evaluate(value)[1, 0])


def _near(
    index: np.ndarray,
    affine: np.ndarray,
    to_shape: tuple[int, ...],
    to_affine: np.ndarray,
    transform: np.ndarray,
    n_points: int,
) -> np.ndarray:
    """Voxels of the grid that a label can reach: the only ones that are looked at closely."""
    some = (index > 0).view(np.uint8)
    to: tuple[Any, ...] = (to_shape, to_affine, transform, "nearest")
    if n_points > 1:
        # A point in a voxel lies at most so many voxels of the label image from its centre.
        step = np.linalg.inv(affine) @ transform @ to_affine
        reach = np.ceil(np.abs(step[:3, :3]).sum(axis=1) / 2 + 1).astype(int)
        pad = [(int(r), int(r)) for r in reach]
        some = ndimage.maximum_filter(np.pad(some, pad), size=tuple(2 * reach + 1))
        affine = affine.copy()
        affine[:3, 3] -= affine[:3, :3] @ reach  # a voxel half outside is looked at, too
    return resample(some, affine, *to).astype(bool)
