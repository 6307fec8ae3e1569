"""Tables of the maps of a group: clusters, and voxels by layer."""

from collections.abc import Sequence
from typing import cast

import numpy as np
import pandas as pd

from fmriprod.algorithms.group_rsa import GroupRSA

CLUSTER_COLUMNS = ("map", "cluster", "n_voxels", "volume_mm3", "mean_t", "peak_t", "p",
                   "i", "j", "k", "x", "y", "z")  # fmt: skip


def cluster_table(
    found: GroupRSA, maps: Sequence[str], mask: np.ndarray, affine: np.ndarray
) -> pd.DataFrame:
    """List the clusters of surviving voxels.

    Parameters
    ----------
    found : GroupRSA
        Made with the mask.
    maps : sequence of str
        Names of the maps.
    mask : ndarray of bool, shape (x, y, z)
        Where voxels lie, in C order.
    affine : ndarray, shape (4, 4)
        Voxel to world in mm.

    Returns
    -------
    DataFrame
        A row a cluster, with `CLUSTER_COLUMNS`; ``p`` is the smallest that decides, ``peak_t`` that
        of the voxel farthest from 0, which ``i j k`` (from 0) and ``x y z`` (mm) tell.
    """
    places = np.argwhere(mask)
    size = abs(np.linalg.det(affine[:3, :3]))
    rows = []
    for name, label, t, p in zip(
        maps, cast(np.ndarray, found.cluster), found.t, found.p_decides, strict=True
    ):
        for number in range(1, label.max(initial=0) + 1):
            inside = np.flatnonzero(label == number)
            peak = inside[np.abs(t[inside]).argmax()]
            world = affine[:3, :3] @ places[peak] + affine[:3, 3]
            rows.append(
                (name, number, len(inside), len(inside) * size, t[inside].mean(), t[peak],
                 p[inside].min(), *places[peak], *world)
            )  # fmt: skip
    return pd.DataFrame(rows, columns=list(CLUSTER_COLUMNS))


def map_table(found: GroupRSA, maps: Sequence[str]) -> pd.DataFrame:
    """Count voxels by map.

    Returns
    -------
    DataFrame
        A row a map: ``number`` (from 1), ``map``, ``n_surviving`` voxels, ``n_above`` of them
        with t above 0, ``n_best`` where this map is the best, and ``share_best`` of all voxels
        that have a best map.
    """
    table = pd.DataFrame({"number": np.arange(len(maps)) + 1, "map": list(maps)})
    table["n_surviving"] = found.surviving.sum(axis=1)
    table["n_above"] = (found.surviving & (found.t > 0)).sum(axis=1)
    table["n_best"] = [int((found.layer == number).sum()) for number in table["number"]]
    table["share_best"] = table["n_best"] / max(1, int(np.isfinite(found.layer).sum()))
    return table
