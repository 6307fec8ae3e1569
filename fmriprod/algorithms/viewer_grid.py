"""A small grid along the axes of the world, to look at a volume in any plane."""

from typing import NamedTuple

import numpy as np
from scipy.ndimage import affine_transform

_ROUNDING = 1e-6


class WorldGrid(NamedTuple):
    """Cubic voxels along the axes of the world.

    Parameters
    ----------
    shape : (int, int, int)
        Voxels to the right, to the front, upwards.
    origin : ndarray, shape (3,)
        Centre of the first voxel (RAS, mm).
    step : float
        Edge of a voxel in mm.
    """

    shape: tuple[int, int, int]
    origin: np.ndarray
    step: float

    def nearest(self, point: np.ndarray) -> list[int]:
        """Give the voxel next to a point (mm), within the grid."""
        index = np.rint((np.asarray(point, float) - self.origin) / self.step)
        return [int(v) for v in np.clip(index, 0, np.array(self.shape) - 1)]


def world_grid(
    inside: np.ndarray, affine: np.ndarray, *, least_step: float = 2.0, most_voxels: int = 400_000
) -> WorldGrid:
    """Lay a grid over the marked part of a volume.

    Parameters
    ----------
    inside : ndarray of bool, shape (x, y, z)
        What is to be seen; all of it where nothing is marked.
    affine : ndarray, shape (4, 4)
        Voxel to world (RAS, mm); any axis order, oblique grids too.
    least_step : float
        Smallest edge of a voxel in mm.
    most_voxels : int
        Larger grids are made coarser.

    Returns
    -------
    WorldGrid
        All corners of the box around the marked voxels are within it.
    """
    inside = np.asarray(inside, dtype=bool)
    where = np.argwhere(inside) if inside.any() else np.argwhere(np.ones(inside.shape, bool))
    corners = np.array(np.meshgrid(*zip(where.min(axis=0), where.max(axis=0), strict=True)))
    affine = np.asarray(affine, dtype=float)
    world = affine[:3, :3] @ corners.reshape(3, -1) + affine[:3, 3:]
    lower, upper = world.min(axis=1), world.max(axis=1)
    sizes = np.linalg.norm(affine[:3, :3], axis=0)
    step = max(least_step, float(sizes.min()))
    while np.prod(np.ceil((upper - lower) / step - _ROUNDING) + 1) > most_voxels:
        step *= 1.1
    shape = np.ceil((upper - lower) / step - _ROUNDING).astype(int) + 1
    x, y, z = (int(n) for n in shape)
    return WorldGrid((x, y, z), lower, float(step))


def on_world_grid(
    volume: np.ndarray, affine: np.ndarray, grid: WorldGrid, *, order: int
) -> np.ndarray:
    """Read a volume at the voxels of a grid.

    Parameters
    ----------
    volume : ndarray, shape (x, y, z)
        Finite values.
    affine : ndarray, shape (4, 4)
        Voxel to world (RAS, mm).
    grid : WorldGrid
        Where to read.
    order : {0, 1}
        Nearest voxel, or linear between voxels.

    Returns
    -------
    ndarray of float32, shape of the grid
        0 outside the volume.
    """
    to_world = np.diag([grid.step] * 3 + [1.0])
    to_world[:3, 3] = grid.origin
    to_voxel = np.linalg.inv(np.asarray(affine, dtype=float)) @ to_world
    return affine_transform(
        np.asarray(volume, dtype=np.float32), to_voxel[:3, :3], to_voxel[:3, 3],
        output_shape=grid.shape, order=order, mode="grid-constant", cval=0.0,
    )  # fmt: skip  # "constant" would lose voxels on the border to rounding
