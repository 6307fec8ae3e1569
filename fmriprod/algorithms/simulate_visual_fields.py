"""Visual areas on a grid: which voxels, what part of the visual field each one sees.

A plausible layout, not an atlas: voxels go to the nearest of a few points, and the visual field
runs evenly through each area, without mirror images from one area to the next.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from fmriprod.algorithms.checks import InputError

Points = Mapping[str, Sequence[tuple[float, float, float]]]

_STEEPEST = np.deg2rad(85)  # polar angle from the horizontal meridian at an area's ends


def lay_out_areas(
    mask: np.ndarray, affine: np.ndarray, points: Points, n_voxels: int
) -> pd.DataFrame:
    """Give the voxels of a mask that are nearest to the points of visual areas to these areas.

    Parameters
    ----------
    mask : ndarray of bool, shape (x, y, z)
        Where there is cortex.
    affine : ndarray, shape (4, 4)
        Voxel to world, RAS mm.
    points : mapping of str to sequence of (float, float, float)
        For each area, points ``(|x|, y, z)`` in mm; both hemispheres have them.
    n_voxels : int
        How many voxels are taken.

    Returns
    -------
    pandas.DataFrame
        A row a voxel in C order of the grid: ``i j k`` (voxel), ``x y z`` (mm), ``area`` and
        ``hemisphere`` (``L`` or ``R``).

    Raises
    ------
    InputError
        If the mask has too few voxels, or an area gets fewer than two in a hemisphere.
    """
    voxels = np.argwhere(mask)
    if not 0 < n_voxels <= len(voxels):
        raise InputError(
            "n_voxels", expected=f"1 to the {len(voxels)} voxels of the mask",
            found=str(n_voxels), hint="ask for fewer, or for smaller voxels",
        )  # fmt: skip
    place = voxels @ affine[:3, :3].T + affine[:3, 3]
    names = [name for name, own in points.items() for _ in own]
    sites = np.array([point for own in points.values() for point in own])
    folded = np.column_stack([np.abs(place[:, 0]), place[:, 1:]])
    distance = np.linalg.norm(folded[:, None] - sites, axis=2)
    taken = np.sort(np.argsort(distance.min(axis=1), kind="stable")[:n_voxels])
    table = pd.DataFrame(
        {
            **dict(zip("ijk", voxels[taken].T, strict=True)),
            **dict(zip("xyz", place[taken].T, strict=True)),
            "area": np.array(names)[distance[taken].argmin(axis=1)],
            "hemisphere": np.where(place[taken, 0] < 0, "L", "R"),
        }
    )
    counts = table.groupby(["area", "hemisphere"]).size()
    few = [f"{a} {h}" for a in points for h in "LR" if counts.get((a, h), 0) < 2]
    if few:
        raise InputError(
            "n_voxels", expected="at least two voxels for each area and hemisphere",
            found=f"{n_voxels} voxels leave fewer for {', '.join(few)}",
            hint="ask for more voxels, or check mask and affine",
        )  # fmt: skip
    return table


def crop_grid(
    table: pd.DataFrame, affine: np.ndarray, margin: int = 2
) -> tuple[pd.DataFrame, tuple[int, int, int], np.ndarray]:
    """Cut a grid down to a box around its voxels.

    Parameters
    ----------
    table : pandas.DataFrame
        Voxels, as `lay_out_areas` gives them.
    affine : ndarray, shape (4, 4)
        Voxel to world, mm.
    margin : int
        Voxels left on each side.

    Returns
    -------
    table : pandas.DataFrame
        The same voxels in the same order, ``i j k`` counted in the box.
    shape : (int, int, int)
        The box.
    affine : ndarray of float64, shape (4, 4)
        Its voxels to the same world.
    """
    voxels = table[list("ijk")].to_numpy()
    start = voxels.min(axis=0) - margin
    shape = tuple((voxels.max(axis=0) - start + 1 + margin).tolist())
    moved = np.array(affine, dtype=np.float64)
    moved[:3, 3] += moved[:3, :3] @ start
    return table.assign(**dict(zip("ijk", (voxels - start).T, strict=True))), shape, moved


def visual_field(
    table: pd.DataFrame, eccentricities: tuple[float, float] = (0.2, 0.85)
) -> pd.DataFrame:
    """Spread half of the visual field over each area of a hemisphere.

    The left hemisphere sees the right half. Polar angle runs from the upper vertical meridian
    in the lowest voxels to the lower one in the highest, eccentricity from the fovea at the
    back to the periphery in front, both by rank: every part is seen by as many voxels.

    Parameters
    ----------
    table : pandas.DataFrame
        Voxels, as `lay_out_areas` gives them.
    eccentricities : (float, float)
        Nearest and farthest, in radii of the image.

    Returns
    -------
    pandas.DataFrame
        With the index of `table`: ``angle`` in rad, from -pi to pi, counter-clockwise from the
        right horizontal meridian with y upwards; ``eccentricity`` in radii of the image (half
        its width).
    """
    seen = pd.DataFrame(np.nan, table.index, ["angle", "eccentricity"])
    for (_, hemisphere), rows in table.groupby(["area", "hemisphere"]):
        x, y, z = np.abs(rows["x"]), rows["y"], rows["z"]
        # The slight tilts order voxels of one slice; maps stay smooth.
        above = _STEEPEST * (1 - 2 * _ranks(z + 0.2 * x + 0.1 * y))
        angle = above if hemisphere == "L" else np.pi - above
        seen.loc[rows.index, "angle"] = np.arctan2(np.sin(angle), np.cos(angle))
        near, far = eccentricities
        # Cortex magnifies the fovea: eccentricity grows faster than the way forward.
        forward = _ranks(y + 0.2 * x + 0.1 * z)
        seen.loc[rows.index, "eccentricity"] = near + (far - near) * forward**1.5
    return seen


def _ranks(values: pd.Series) -> np.ndarray:
    """Give ranks evenly from 0 to 1."""
    order = np.argsort(np.argsort(values.to_numpy(), kind="stable"), kind="stable")
    return order / (len(values) - 1)


def gaussian_windows(
    angle: np.ndarray, eccentricity: np.ndarray, sigma: np.ndarray, shape: tuple[int, int]
) -> np.ndarray:
    """Make Gaussian windows on maps that cover the image evenly.

    Parameters
    ----------
    angle, eccentricity : ndarray, shape (n,)
        Centres: rad counter-clockwise from the right, y upwards; radii of the image.
    sigma : ndarray, shape (n,)
        Standard deviations in radii of the image.
    shape : (int, int)
        Height and width of the maps; row 0 is the top of the image.

    Returns
    -------
    ndarray of float32, shape (n, height * width)
        Windows of sum 1, in C order of row and column.
    """
    height, width = shape
    y = 1 - 2 * (np.arange(height) + 0.5) / height
    x = 2 * (np.arange(width) + 0.5) / width - 1
    away_x = x - (eccentricity * np.cos(angle))[:, None]
    away_y = y - (eccentricity * np.sin(angle))[:, None]
    scale = -0.5 / np.square(sigma)[:, None]
    # Relative to the nearest place, so that a window narrower than the grid is that place.
    rows = np.exp(scale * (away_y**2 - (away_y**2).min(axis=1, keepdims=True)))
    columns = np.exp(scale * (away_x**2 - (away_x**2).min(axis=1, keepdims=True)))
    windows = rows[:, :, None] * columns[:, None]
    windows /= windows.sum(axis=(1, 2), keepdims=True)
    return windows.reshape(len(windows), -1).astype(np.float32)
