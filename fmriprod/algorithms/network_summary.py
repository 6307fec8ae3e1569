"""Means of parcels by network and hemisphere, and of connectivity within and between networks."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.group_rsa import fisher_z

HEMISPHERES = ("both", "L", "R")
PAIRS = ("all", "within", "between")
_NONE = "n/a"


def check_networks(
    networks: Sequence[str] | np.ndarray, n_parcels: int | None = None
) -> np.ndarray:
    """Check that there are networks.

    Raises
    ------
    InputError
        If no parcel has one, or their number is not that of the parcels.
    """
    names = np.array([_NONE if pd.isna(name) else str(name) for name in networks])
    if n_parcels is not None and len(names) != n_parcels:
        raise InputError(
            "networks", expected=f"one for each of {n_parcels} parcels", found=f"{len(names)}",
            hint="give the table that belongs to the values",
        )  # fmt: skip
    if (names == _NONE).all():
        raise InputError(
            "networks", expected="a network of each parcel, n/a for those in none",
            found="none: the table of parcels has no column network, or n/a in all rows",
            hint="add the column network to the table of parcels",
        )  # fmt: skip
    return names


def network_order(networks: Sequence[str] | np.ndarray) -> list[str]:
    """List networks as they first occur, those of no network (``n/a`` or missing) left out."""
    return [name for name in dict.fromkeys(networks) if not pd.isna(name) and name != _NONE]


def summarize_networks(
    values: np.ndarray, networks: Sequence[str] | np.ndarray, hemispheres: Sequence[str]
) -> pd.DataFrame:
    """Mean, standard deviation and number of parcels by network and hemisphere.

    Parameters
    ----------
    values : ndarray, shape (n_parcels,)
        NaN for parcels that are left out.
    networks, hemispheres : sequence of str
        Of each parcel; ``n/a`` where it has none.

    Returns
    -------
    DataFrame
        ``network hemisphere n n_missing mean sd``: for each network, as they first occur,
        ``both`` (all its parcels, those without a hemisphere too), ``L`` and ``R``. The sd has
        n - 1 and is NaN for one parcel. Parcels of no network are in no row.

    Raises
    ------
    InputError
        If there is no network.

    Examples
    --------
    >>> table = summarize_networks(np.array([1.0, 3, 8]), ["Vis", "Vis", "n/a"], ["L", "R", "L"])
    >>> table[["hemisphere", "n", "mean"]].to_numpy().tolist()
    [['both', 2, 2.0], ['L', 1, 1.0], ['R', 1, 3.0]]
    """
    values = np.asarray(values, dtype=np.float64)
    networks, side = check_networks(networks, len(values)), np.asarray(hemispheres).astype(str)
    rows = []
    for network in network_order(networks):
        for hemisphere in HEMISPHERES:
            inside = networks == network
            inside &= (side == hemisphere) | (hemisphere == "both")
            rows.append((network, hemisphere, *_moments(values[inside])))
    return pd.DataFrame(rows, columns=["network", "hemisphere", "n", "n_missing", "mean", "sd"])


def summarize_edges(
    matrix: np.ndarray,
    networks: Sequence[str] | np.ndarray,
    hemispheres: Sequence[str],
    *,
    fisher: bool = False,
) -> pd.DataFrame:
    """Mean connectivity within and between networks.

    Parameters
    ----------
    matrix : ndarray, shape (n_parcels, n_parcels)
        Symmetric; NaN for edges that are left out. The diagonal is not used.
    networks, hemispheres : sequence of str
        Of each parcel.
    fisher : bool
        Take means of Fisher's z, and turn them back; sd is then that of z.

    Returns
    -------
    DataFrame
        ``network_1 network_2 hemispheres n n_missing mean sd``; edges of ``all`` parcels, those
        ``within`` a hemisphere and those ``between`` left and right. n counts edges, each once.

    Raises
    ------
    InputError
        If there is no network, or what is to be turned into z lies beyond 1.
    """
    matrix = np.asarray(matrix, dtype=np.float64)
    networks, side = check_networks(networks, len(matrix)), np.asarray(hemispheres).astype(str)
    values = fisher_z(matrix)[0].astype(np.float64) if fisher else matrix
    upper = np.triu(np.ones(matrix.shape, dtype=bool), 1)
    known = np.isin(side, ["L", "R"])
    known = known[:, None] & known
    same = side[:, None] == side
    kinds = {"all": np.ones_like(upper), "within": known & same, "between": known & ~same}
    rows, names = [], network_order(networks)
    for number, first in enumerate(names):
        for second in names[number:]:
            a, b = np.flatnonzero(networks == first), np.flatnonzero(networks == second)
            block = np.ix_(a, b)
            once = upper[block] if first == second else np.ones((len(a), len(b)), dtype=bool)
            for kind in PAIRS:
                n, missing, mean, sd = _moments(values[block][once & kinds[kind][block]])
                rows.append(
                    (first, second, kind, n, missing, np.tanh(mean) if fisher else mean, sd)
                )
    columns = ["network_1", "network_2", "hemispheres", "n", "n_missing", "mean", "sd"]
    return pd.DataFrame(rows, columns=columns)


def network_matrix(table: pd.DataFrame, hemispheres: str = "all") -> tuple[np.ndarray, list[str]]:
    """Turn means of `summarize_edges` into a symmetric matrix, float32, networks x networks."""
    chosen = table[table["hemispheres"] == hemispheres]
    names = list(dict.fromkeys(chosen["network_1"]))
    place = {name: row for row, name in enumerate(names)}
    matrix = np.full((len(names), len(names)), np.nan, dtype=np.float32)
    i, j = chosen["network_1"].map(place), chosen["network_2"].map(place)
    matrix[i, j] = matrix[j, i] = chosen["mean"]
    return matrix, names


def _moments(values: np.ndarray) -> tuple[int, int, float, float]:
    known = values[~np.isnan(values)]
    mean = known.mean() if len(known) else np.nan
    sd = known.std(ddof=1) if len(known) > 1 else np.nan
    return len(known), len(values) - len(known), mean, sd
