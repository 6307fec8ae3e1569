"""Slices through a brain at any place, with maps whose threshold can be moved."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.slices import bright
from fmriprod.algorithms.viewer_grid import WorldGrid, on_world_grid, world_grid
from fmriprod.reports.panels import Panel, grey_uri, palette
from fmriprod.reports.slices import _DIVERGING

_LEVELS = 64  # greys of the background
_STEPS = 127  # of a map, on either side of 0
HOW = (
    "Click in a plane, or tab to it and use the arrow keys (Page Up and Page Down go through it), "
    "to move the cross; the values are those of the voxel at the cross. Left is on the left."
)


class BrainMap(NamedTuple):
    """A map: its name, what its values are, the values, and the threshold at first.

    Parameters
    ----------
    name, what : str
        Such as "face - house", and "z".
    values : ndarray, shape (x, y, z)
        NaN is no value.
    threshold : float
        Smallest magnitude that is shown, at first.
    """

    name: str
    what: str
    values: np.ndarray
    threshold: float


def brain_panel(
    background: np.ndarray,
    affine: np.ndarray,
    maps: Sequence[BrainMap] = (),
    *,
    mask: np.ndarray | None = None,
    mask_label: str = "",
    label: str = "Slices at any place",
    least_step: float = 2.0,
    most_voxels: int = 400_000,
) -> Panel:
    """Make slices that can be moved, from a volume and maps on its grid.

    Volumes are brought onto a grid along the axes of the world (maps by the nearest voxel) that
    is coarse enough for a page; the cross starts at the largest magnitude of the first map.

    Parameters
    ----------
    background : ndarray, shape (x, y, z)
        Volume in grey.
    affine : ndarray, shape (4, 4)
        Voxel to world (RAS, mm).
    maps : sequence of BrainMap
        On the grid of the background.
    mask : ndarray, shape (x, y, z), optional
        Shown by its outline.
    mask_label : str
        What the mask is.
    label : str
        What the panel is.
    least_step, most_voxels : float, int
        See `world_grid`.

    Returns
    -------
    Panel
        Values of maps are rounded to 1/127 of the largest magnitude.

    Raises
    ------
    InputError
        If a shape does not fit.
    """
    background = _finite(background)
    if background.ndim != 3:
        raise InputError(
            "background", expected="a volume with three dimensions",
            found=f"shape {background.shape}", hint="give a mean or one volume of a series",
        )  # fmt: skip
    others = [(entry.name, entry.values) for entry in maps]
    others += [(mask_label or "mask", mask)] if mask is not None else []
    for name, values in others:
        if np.shape(values) != background.shape:
            raise InputError(
                "maps", expected=f"the grid of the background, shape {background.shape}",
                found=f"{name} of shape {np.shape(values)}", hint="resample it to that grid first",
            )  # fmt: skip
    seen = bright(background)
    for _, values in others:
        seen |= _finite(values) != 0
    grid = world_grid(seen, affine, least_step=least_step, most_voxels=most_voxels)
    data = {
        "shape": list(grid.shape), "origin": np.round(grid.origin, 2).tolist(),
        "step": round(grid.step, 3), "ground": _ground(background, affine, grid),
        "maps": [_packed(entry, affine, grid) for entry in maps],
        "mask": None if mask is None else _mosaic(255 * _read(mask, affine, grid)),
        "mask_label": mask_label, "start": _start(background, affine, grid, maps),
        "colours": palette(_DIVERGING),
    }  # fmt: skip
    coarse = f" Voxels of {grid.step:.1f} mm." if grid.step > 2.05 else ""
    return Panel("brain", data, label, HOW + coarse)


def _finite(values: np.ndarray) -> np.ndarray:
    return np.nan_to_num(np.asarray(values, dtype=np.float32), posinf=0, neginf=0)


def _read(mask: np.ndarray, affine: np.ndarray, grid: WorldGrid) -> np.ndarray:
    return on_world_grid(_finite(mask) != 0, affine, grid, order=0)


def _ground(background: np.ndarray, affine: np.ndarray, grid: WorldGrid) -> str:
    volume = on_world_grid(background, affine, grid, order=1)
    inside = background[bright(background)]
    low, high = np.percentile(inside, [2, 99.5]) if inside.size else (0.0, 1.0)
    low = min(low, 0.25 * high)  # keep dark tissue apart from black
    part = np.clip((volume - low) / max(high - low, 1e-12), 0, 1)
    return _mosaic(np.rint(part * (_LEVELS - 1)) * 255 / (_LEVELS - 1))


def _packed(entry: BrainMap, affine: np.ndarray, grid: WorldGrid) -> dict:
    """Put a map into whole numbers: 128 is 0, 1 and 255 are the largest magnitude, 0 is none."""
    values = on_world_grid(_finite(entry.values), affine, grid, order=0)
    top = float(np.abs(values).max()) or 1.0
    numbers = np.where(values == 0, 0, 128 + np.rint(_STEPS * values / top))
    return {"name": entry.name, "what": entry.what, "top": float(f"{top:.5g}"),
            "threshold": float(entry.threshold), "picture": _mosaic(numbers)}  # fmt: skip


def _mosaic(volume: np.ndarray) -> str:
    """Lay axial slices side by side, from below, each from the left back corner."""
    n_x, n_y, n_z = volume.shape
    columns = int(np.ceil(np.sqrt(n_z)))
    sheet = np.zeros((-(-n_z // columns) * n_y, columns * n_x), dtype=np.uint8)
    for k in range(n_z):
        row, column = divmod(k, columns)
        place = sheet[row * n_y : (row + 1) * n_y, column * n_x : (column + 1) * n_x]
        place[:] = np.rint(volume[:, :, k].T)
    return grey_uri(sheet)


def _start(
    background: np.ndarray, affine: np.ndarray, grid: WorldGrid, maps: Sequence[BrainMap]
) -> list[int]:
    if maps and np.any(_finite(maps[0].values)):
        values = np.abs(_finite(maps[0].values))
        place = np.array(np.unravel_index(values.argmax(), values.shape), dtype=float)
    else:
        place = np.argwhere(bright(background)).mean(axis=0) if bright(background).any() else None
        if place is None:
            return [n // 2 for n in grid.shape]
    affine = np.asarray(affine, dtype=float)
    return grid.nearest(affine[:3, :3] @ place + affine[:3, 3])
