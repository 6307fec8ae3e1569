"""Clusters of voxels of a mask, many maps at once, and the null of their largest size."""

from collections.abc import Sequence

import numpy as np
from scipy import ndimage, sparse
from scipy.sparse import csgraph

from fmriprod.algorithms.checks import InputError

NEIGHBOURS = {1: "faces (6)", 2: "faces and edges (18)", 3: "faces, edges and corners (26)"}
"""What counts as a neighbour, by the number that AFNI gives it."""


def neighbour_table(mask: np.ndarray, neighbours: int = 2) -> np.ndarray:
    """List the neighbours of the voxels of a mask, each pair once.

    Parameters
    ----------
    mask : ndarray of bool, shape (x, y, z)
        Voxels, numbered in C order.
    neighbours : {1, 2, 3}
        Those that share a face, also an edge, also a corner (AFNI's NN1, NN2, NN3).

    Returns
    -------
    ndarray of int32, shape (3, 9 or 13, n_voxels)
        Number of the neighbour in each direction; ``n_voxels`` where it is not in the mask.

    Raises
    ------
    InputError
        If there are no such neighbours, or the mask is no volume.
    """
    if neighbours not in NEIGHBOURS:
        raise InputError(
            "neighbours", expected="1, 2 or 3: " + ", ".join(NEIGHBOURS.values()),
            found=repr(neighbours), hint="published: 2",
        )  # fmt: skip
    if mask.ndim != 3:
        raise InputError(
            "mask", expected="a volume, x, y, z", found=f"shape {mask.shape}",
            hint="clusters need to know where voxels lie",
        )  # fmt: skip
    n_voxels = int(mask.sum())
    number = np.full(np.add(mask.shape, 2), n_voxels, dtype=np.int32)
    inside = np.argwhere(mask) + 1
    number[tuple(inside.T)] = np.arange(n_voxels)
    offsets = np.argwhere(ndimage.generate_binary_structure(3, neighbours)) - 1
    half = offsets[len(offsets) // 2 + 1 :]  # the others point the other way
    return np.stack([number[tuple((inside + offset).T)] for offset in half])


def label_maps(above: np.ndarray, table: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Find the clusters of many maps at once.

    Parameters
    ----------
    above : ndarray of bool, shape (n_maps, n_voxels)
        Voxels above a threshold.
    table : ndarray of int32, shape (n_directions, n_voxels)
        From `neighbour_table`.

    Returns
    -------
    row, voxel, cluster : ndarray of int, shape (n_above,)
        Of each voxel above: its map, its number, and its cluster; clusters of different maps have
        different numbers, from 0.
    """
    row, voxel = np.nonzero(above)
    n_maps, n_voxels = above.shape
    node = np.full((n_maps, n_voxels + 1), -1, dtype=np.int32)
    node[row, voxel] = np.arange(len(row))
    ends = [node[row, neighbour[voxel]] for neighbour in table]
    start = [np.flatnonzero(end >= 0) for end in ends]
    one = np.concatenate([*start, np.empty(0, np.int64)])
    two = np.concatenate([end[s] for end, s in zip(ends, start, strict=True)])
    edges = sparse.coo_matrix((np.ones(len(one), bool), (one, two)), shape=(len(row), len(row)))
    _, cluster = csgraph.connected_components(edges, directed=False)
    return row, voxel, cluster


def largest_sizes(above: Sequence[np.ndarray], table: np.ndarray) -> np.ndarray:
    """Size in voxels of the largest cluster of each map; 0 where nothing is above.

    Parameters
    ----------
    above : sequence of ndarray of bool, shape (n_maps, n_voxels)
        One for each sign that is tested: clusters do not join over signs.
    table : ndarray
        From `neighbour_table`.

    Returns
    -------
    ndarray of int64, shape (n_maps,)
    """
    largest = np.zeros(len(above[0]), dtype=np.int64)
    for each in above:
        row, _, cluster = label_maps(each, table)
        if len(row):
            size = np.bincount(cluster)
            np.maximum.at(largest, row, size[cluster])
    return largest


def cluster_sizes(above: np.ndarray, table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give the clusters of one map numbers by size.

    Parameters
    ----------
    above : ndarray of bool, shape (n_voxels,)
        Voxels above a threshold.
    table : ndarray
        From `neighbour_table`.

    Returns
    -------
    label : ndarray of int32, shape (n_voxels,)
        0 where not above; 1 is the largest cluster, the first in C order of equal ones.
    size : ndarray of int64, shape (n_clusters,)
        Voxels of each, largest first.
    """
    _, voxel, cluster = label_maps(above[None], table)
    size = np.bincount(cluster)
    order = np.argsort(-size, kind="stable")
    rank = np.empty(len(size), np.int32)
    rank[order] = np.arange(1, len(size) + 1)
    label = np.zeros(len(above), dtype=np.int32)
    label[voxel] = rank[cluster]
    return label, size[order]
