"""Reorder the axes of an image without moving a voxel in the world."""

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from fmriprod.algorithms.checks import InputError

_AXIS = {"L": (0, -1), "R": (0, 1), "P": (1, -1), "A": (1, 1), "I": (2, -1), "S": (2, 1)}


def parse_axis_codes(codes: str) -> list[tuple[int, int]]:
    """Turn three letters into (world axis, direction) for each voxel axis.

    Parameters
    ----------
    codes : str
        Towards which side each voxel axis runs, such as ``"LAS"``: the first axis towards
        the left, the second towards the front, the third upwards.

    Returns
    -------
    list of (int, int)
        World axis (0 right, 1 anterior, 2 superior) and direction (+1 or -1).

    Raises
    ------
    InputError
        If the letters do not name three different axes.

    Examples
    --------
    >>> parse_axis_codes("LAS")
    [(0, -1), (1, 1), (2, 1)]
    """
    axes = [_AXIS[letter] for letter in codes.upper() if letter in _AXIS]
    if len(codes) != 3 or {axis for axis, _ in axes} != {0, 1, 2}:
        raise InputError(
            "axis_codes",
            expected="three letters, one each of L/R, P/A and I/S, such as LAS or RAS",
            found=repr(codes),
            hint="give three such letters",
        )
    return axes


def voxel_axes(affine: np.ndarray) -> list[tuple[int, int]]:
    """Tell which world axis each voxel axis is closest to, and in which direction.

    The assignment maximises the summed absolute direction cosines over all six
    permutations, so that each world axis is used once even for steeply oblique grids.

    Parameters
    ----------
    affine : ndarray, shape (4, 4)
        Voxel to world (RAS, mm).

    Returns
    -------
    list of (int, int)
        As `parse_axis_codes` gives it.
    """
    from itertools import permutations

    direction = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    best = max(permutations(range(3)), key=lambda p: sum(abs(direction[p[i], i]) for i in range(3)))
    return [(axis, 1 if direction[axis, i] > 0 else -1) for i, axis in enumerate(best)]


def reorient(
    data: np.ndarray, affine: np.ndarray, axis_codes: str = "LAS"
) -> tuple[np.ndarray, np.ndarray]:
    """Permute and flip the spatial axes to run towards the sides that are named.

    Parameters
    ----------
    data : ndarray, shape (x, y, z, ...)
        Voxels; axes from the fourth on are left alone.
    affine : ndarray, shape (4, 4)
        Voxel to world (RAS, mm).
    axis_codes : str
        Target axes; LAS is FSL's radiological order.

    Returns
    -------
    data : ndarray
        The same values in the new order (a view where NumPy can make one).
    affine : ndarray, shape (4, 4)
        Voxel to world for the new order: every voxel keeps its world coordinates.
    """
    wanted, present = parse_axis_codes(axis_codes), voxel_axes(affine)
    source = [[axis for axis, _ in present].index(axis) for axis, _ in wanted]
    moved = np.moveaxis(data, [normalize_axis_index(a, data.ndim) for a in source], (0, 1, 2))
    change = np.zeros((4, 4))
    change[3, 3] = 1
    for new, old in enumerate(source):
        flip = wanted[new][1] != present[old][1]
        change[old, new] = -1 if flip else 1
        if flip:
            moved = np.flip(moved, axis=new)
            change[old, 3] = data.shape[old] - 1
    return moved, affine @ change
