"""A simulated visual cortex: each voxel answers to one layer of a network, as is planted.

Areas and their order follow Eickenberg et al. (2017, NeuroImage 152:184): V1 answers to the first
layer, V2 and V3 to the second, V4 to middle ones, V3A, V3B and LOC to the last.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.simulate_visual_fields import lay_out_areas, visual_field


@dataclass(frozen=True)
class Area:
    """What is planted in a visual area.

    Attributes
    ----------
    points : tuple of (float, float, float)
        About where it lies: ``(|x|, y, z)``, MNI mm.
    depths : (float, float)
        From which to which of the layers its voxels answer, from 0 (first) to 1 (last).
    window : float
        Size of the receptive fields against those of V1; 0 where there is no retinotopy.
    ends : (float, float)
        Shares of the first and of the last layer in the variance of the signal, besides the
        layer that drives a voxel.
    """

    points: tuple[tuple[float, float, float], ...]
    depths: tuple[float, float]
    window: float = 0.0
    ends: tuple[float, float] = (0.0, 0.0)


AREAS = {
    "V1": Area(((9, -86, 3),), (0, 0), 1.0),
    "V2": Area(((14, -96, 15), (15, -80, -10)), (0.125, 0.125), 1.2),
    "V3": Area(((24, -91, 19), (25, -76, -13)), (0.125, 0.125), 1.4),
    "V4": Area(((33, -80, -16),), (0.375, 0.5), 2.5, (0.08, 0.42)),
    "V3A": Area(((20, -88, 32),), (0.75, 1)),
    "V3B": Area(((33, -84, 27),), (0.75, 1)),
    "LOC": Area(((44, -73, -3),), (0.875, 1)),
}
"""Areas of the simulated cortex; depths are layers 1, 2, 4-5 and 7-9 of nine.

V4 is published as answering to every layer with more than 70 % of its best: hence its ends.
"""

CATEGORIES = ("face", "place")
_SELECTIVE = 1 / 3  # of LOC for each category


def make_cortex(
    mask: np.ndarray, affine: np.ndarray, layers: list[str], *, n_voxels: int = 800, seed: int = 0
) -> pd.DataFrame:
    """Lay out a visual cortex and plant what drives each voxel.

    Parameters
    ----------
    mask : ndarray of bool, shape (x, y, z)
        Where there is cortex.
    affine : ndarray, shape (4, 4)
        Voxel to world of a brain in MNI space, mm.
    layers : list of str
        Layers of the network, first to last; at least 2.
    n_voxels : int
        How many voxels.
    seed : int
        Seed of the layers, where an area has several.

    Returns
    -------
    pandas.DataFrame
        A row a voxel, in C order of the grid. Columns of `lay_out_areas`, and ``layer`` (which
        drives it), ``angle``, ``eccentricity`` (see `visual_field`) and ``sigma`` (standard
        deviation of the receptive field, in radii of the image), NaN where there is no
        retinotopy, and ``kind``: ``face`` or ``place`` for what a voxel of LOC prefers, empty
        for the others. Faces lie below places.
    """
    if len(layers) < 2 or len(set(layers)) < len(layers):
        raise InputError(
            "layers", expected="at least two layers with names of their own",
            found=str(layers), hint="name the layers of the network in their order",
        )  # fmt: skip
    rng = np.random.default_rng(seed)
    cortex = lay_out_areas(mask, affine, {n: area.points for n, area in AREAS.items()}, n_voxels)
    cortex["layer"] = ""
    cortex["kind"] = ""
    cortex[["angle", "eccentricity"]] = visual_field(cortex)
    cortex["sigma"] = 0.06 + 0.16 * cortex["eccentricity"]
    for name, area in AREAS.items():
        rows = cortex.index[cortex["area"] == name]
        first, last = (round(depth * (len(layers) - 1)) for depth in area.depths)
        first = max(first, min(1, round(8 * area.depths[0])))  # V2's is never V1's
        drawn = rng.integers(first, max(first, last) + 1, len(rows))
        cortex.loc[rows, "layer"] = np.array(layers)[drawn]
        cortex.loc[rows, "sigma"] *= area.window or np.nan
        if not area.window:
            cortex.loc[rows, ["angle", "eccentricity"]] = np.nan
    _plant_categories(cortex)
    return cortex


def _plant_categories(cortex: pd.DataFrame) -> None:
    """Let the lower third of LOC prefer faces, the upper third places, in each hemisphere."""
    for _, rows in cortex[cortex["area"] == "LOC"].groupby("hemisphere"):
        ordered = rows.sort_values("z", kind="stable").index
        n = round(_SELECTIVE * len(ordered))
        cortex.loc[ordered[:n], "kind"] = CATEGORIES[0]
        cortex.loc[ordered[len(ordered) - n :], "kind"] = CATEGORIES[1]
