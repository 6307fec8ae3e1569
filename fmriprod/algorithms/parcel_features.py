"""Features of samples for machine learning: parcels, edges, networks and graphs."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.graph_measures import graph_measures, positive_graph
from fmriprod.algorithms.network_summary import (
    check_networks,
    network_order,
    summarize_edges,
    summarize_networks,
)

KINDS = ("parcels", "networks", "edges", "edge_networks", "graph")
OF_VALUES, OF_MATRICES = KINDS[:2], KINDS[2:]


def value_features(
    values: np.ndarray, parcels: pd.DataFrame, kinds: Sequence[str] = OF_VALUES
) -> pd.Series:
    """Features of a value a parcel: the values, and means of networks by hemisphere.

    Parameters
    ----------
    values : ndarray, shape (n_parcels,)
        NaN where there is none.
    parcels : DataFrame
        ``name hemisphere network``.
    kinds : sequence of {"parcels", "networks"}
        Which.

    Returns
    -------
    Series of float64
        Indexed by kind and name: ``parcels L_V1``, ``networks Visual1 L``. Networks have no
        feature for a hemisphere in which they have no parcel.
    """
    found: dict[tuple[str, str], float] = {}
    if "parcels" in kinds:
        found |= dict(zip((("parcels", name) for name in parcels["name"]), values, strict=True))
    if "networks" in kinds:
        table = summarize_networks(values, parcels["network"], parcels["hemisphere"])
        table = table[(table["n"] + table["n_missing"]) > 0]
        for row in table.itertuples():
            found["networks", f"{row.network} {row.hemisphere}"] = row.mean
    return _series(found)


def matrix_features(
    matrix: np.ndarray,
    parcels: pd.DataFrame,
    kinds: Sequence[str] = OF_MATRICES,
    density: float = 1.0,
) -> pd.Series:
    """Features of connectivity: edges, their means by networks, and measures of the graph.

    Parameters
    ----------
    matrix : ndarray, shape (n_parcels, n_parcels)
        Symmetric, NaN for parcels that are not usable.
    parcels : DataFrame
        ``name hemisphere network``, in its order.
    kinds : sequence of {"edges", "edge_networks", "graph"}
        Which; edges are the upper triangle, row by row. The participation coefficient is among
        measures of the graph where there are networks.
    density : float
        Of the graph: see `graph_measures.positive_graph`.

    Returns
    -------
    Series of float64
        Indexed by kind and name: ``edges L_V1 R_V1``, ``graph strength L_V1``.
    """
    names = parcels["name"].to_numpy()
    found: dict[tuple[str, str], float] = {}
    if "edges" in kinds:
        upper = np.triu_indices(len(names), 1)
        labels = (f"{names[i]} {names[j]}" for i, j in zip(*upper, strict=True))
        found |= {("edges", label): v for label, v in zip(labels, matrix[upper], strict=True)}
    if "edge_networks" in kinds:
        table = summarize_edges(matrix, parcels["network"], parcels["hemisphere"])
        table = table[(table["hemispheres"] == "all") & ((table["n"] + table["n_missing"]) > 0)]
        for row in table.itertuples():
            found["edge_networks", f"{row.network_1} {row.network_2}"] = row.mean
    if "graph" in kinds:
        networks = parcels["network"] if network_order(parcels["network"]) else None
        measures = graph_measures(positive_graph(matrix, density), networks)
        for measure, values in measures.items():
            for name, value in zip(names, values, strict=True):
                found["graph", f"{measure} {name}"] = value
    return _series(found)


def complete_features(features: np.ndarray) -> np.ndarray:
    """Mark features that every sample has: bool, shape (n_features,).

    Raises
    ------
    InputError
        If there is none.
    """
    complete = np.isfinite(features).all(axis=0)
    if not complete.any():
        raise InputError(
            "features", expected="features that every sample has",
            found=f"none of {features.shape[1]:,}",
            hint="leave out the samples that lack most parcels",
        )  # fmt: skip
    return complete


def check_kinds(kinds: Sequence[str], networks: Sequence[str], known: Sequence[str]) -> None:
    """Refuse kinds of features that the data do not have.

    Raises
    ------
    InputError
        If a kind is not among the known ones, or means of networks are asked for without networks.
    """
    strange = [kind for kind in kinds if kind not in known]
    if strange or not kinds:
        raise InputError(
            "kinds", expected=f"some of {', '.join(known)}", found=", ".join(strange) or "none",
            hint="edges, edge_networks and graph need connectivity; parcels and networks need "
            "contrasts or effects",
        )  # fmt: skip
    if {"networks", "edge_networks"} & set(kinds):
        check_networks(networks)


def _series(found: dict[tuple[str, str], float]) -> pd.Series:
    index = pd.MultiIndex.from_tuples(list(found), names=["kind", "name"])
    return pd.Series(np.array(list(found.values()), dtype=np.float64), index=index)
