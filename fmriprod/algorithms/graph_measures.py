"""Measures of each node of a weighted graph of parcels."""

from collections.abc import Sequence

import numpy as np

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.network_summary import check_networks

MEASURES = ("strength", "clustering", "participation")


def positive_graph(matrix: np.ndarray, density: float = 1.0) -> np.ndarray:
    """Make a weighted graph without negative edges of a matrix of connectivity.

    Parameters
    ----------
    matrix : ndarray, shape (n_parcels, n_parcels)
        Symmetric; NaN in whole rows and columns of parcels that are not usable. The diagonal does
        not count.
    density : float
        Share of the pairs of usable parcels that stay, the strongest ones; equal ones at the
        border all stay. Fewer stay where fewer are above 0.

    Returns
    -------
    ndarray of float64, shape (n_parcels, n_parcels)
        0 where there is no edge; NaN in rows and columns of parcels that are not usable.

    Raises
    ------
    InputError
        If the density is no share, an edge of usable parcels is NaN, or none is above 0.
    """
    if not 0 < density <= 1:
        raise InputError(
            "density", expected="a share of edges, above 0 and at most 1", found=f"{density}",
            hint="1 keeps all that are above 0; .1 or .2 are common",
        )  # fmt: skip
    matrix = np.array(matrix, dtype=np.float64)
    np.fill_diagonal(matrix, np.nan)
    usable = ~np.isnan(matrix).all(axis=1)
    inside = np.ix_(usable, usable)
    edges = matrix[inside]
    pairs = edges[np.triu_indices(len(edges), 1)]
    if np.isnan(pairs).any() or not (pairs > 0).any():
        raise InputError(
            "connectivity", expected="numbers for all pairs of usable parcels, some above 0",
            found=f"{int(np.isnan(pairs).sum())} NaN and {int((pairs > 0).sum())} above 0 of "
            f"{len(pairs)}", hint="NaN belongs in whole rows and columns of a parcel",
        )  # fmt: skip
    kept = max(1, round(density * len(pairs)))
    weakest = np.partition(pairs, len(pairs) - kept)[len(pairs) - kept]
    edges = np.where((edges >= weakest) & (edges > 0), edges, 0.0)
    graph = np.full(matrix.shape, np.nan)
    graph[inside] = edges
    return graph


def graph_measures(
    graph: np.ndarray, networks: Sequence[str] | None = None
) -> dict[str, np.ndarray]:
    r"""Strength, clustering coefficient and participation coefficient of nodes [1]_.

    Strength is the sum of a node's weights. Clustering is the mean, over pairs of its k
    neighbours, of the geometric mean of the three weights of the triangle, weights divided by the
    largest of the graph: :math:`(\hat W^{1/3})^3_{ii} / (k (k - 1))` [2]_. Participation is
    :math:`1 - \sum_m (s_{im} / s_i)^2` with the strength to network m; parcels of no network do not
    count in s there.

    Parameters
    ----------
    graph : ndarray, shape (n_parcels, n_parcels)
        From `positive_graph`.
    networks : sequence of str, optional
        Of each parcel, ``n/a`` for none; without it there is no participation.

    Returns
    -------
    dict of str to ndarray of float64, shape (n_parcels,)
        NaN for parcels that are not usable; 0 for nodes without enough neighbours.

    Raises
    ------
    InputError
        If no parcel has a network.

    References
    ----------
    .. [1] Rubinov & Sporns (2010). Complex network measures of brain connectivity: uses and
       interpretations. NeuroImage 52, 1059.
    .. [2] Onnela et al. (2005). Intensity and coherence of motifs in weighted complex networks.
       Physical Review E 71, 065103.
    """
    usable = ~np.isnan(graph).all(axis=1)
    edges = graph[np.ix_(usable, usable)]
    strength = edges.sum(axis=1)
    root = np.cbrt(edges / edges.max())
    n_neighbours = (edges > 0).sum(axis=1)
    pairs = n_neighbours * (n_neighbours - 1.0)
    triangles = np.einsum("ij,ji->i", root @ root, root)
    found = {"strength": strength, "clustering": _ratio(triangles, pairs)}
    if networks is not None:
        names = check_networks(networks, len(graph))[usable]
        known = sorted(set(names) - {"n/a"})
        member = np.array([names == name for name in known], dtype=np.float64)
        shares = edges @ member.T
        total = shares.sum(axis=1)
        squares = _ratio((shares**2).sum(axis=1), total**2)
        found["participation"] = np.where(total > 0, 1 - squares, 0.0)
    whole = {name: np.full(len(graph), np.nan) for name in found}
    for name, values in found.items():
        whole[name][usable] = values
    return whole


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    return np.divide(above, below, out=np.zeros_like(below), where=below > 0)
