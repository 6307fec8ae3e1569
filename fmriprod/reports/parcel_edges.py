"""Which pairs of parcels a connectome draws, and where its parcels lie."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from fmriprod.algorithms.checks import InputError

_SHARE = 0.01  # of all pairs, drawn where no number is given
_LEAST, _MOST = 50, 200  # more lines than that hide each other
_FARTHEST = 150.0  # mm from the origin: no brain reaches there


class Edges(NamedTuple):
    """Pairs of parcels, the strongest first.

    Attributes
    ----------
    first, second : ndarray of int64, shape (n_edges,)
        Rows of parcels, the smaller one first.
    value : ndarray of float64, shape (n_edges,)
        Connectivity, signed.
    """

    first: np.ndarray
    second: np.ndarray
    value: np.ndarray


def strongest_edges(matrix: np.ndarray, n_edges: int | None = None) -> Edges:
    """Give the pairs with the largest absolute connectivity.

    Parameters
    ----------
    matrix : ndarray of float, shape (n_parcels, n_parcels)
        Symmetric; the diagonal and NaN are no pairs.
    n_edges : int, optional
        How many; fewer where there are fewer, and pairs of exactly 0 are none. Default: 1 % of
        all pairs, but 50 at least and 200 at most.

    Returns
    -------
    Edges
        Equal ones in the order of their rows.

    Examples
    --------
    >>> edges = strongest_edges(np.array([[0, 0.2, -0.9], [0.2, 0, 0], [-0.9, 0, 0]]), 5)
    >>> edges.first.tolist(), edges.second.tolist(), edges.value.tolist()
    ([0, 0], [2, 1], [-0.9, 0.2])
    """
    if n_edges is None:
        share = round(_SHARE * len(matrix) * (len(matrix) - 1) / 2)
        n_edges = min(max(share, _LEAST), _MOST)
    first, second = np.triu_indices(len(matrix), 1)
    value = np.asarray(matrix, dtype=np.float64)[first, second]
    known = np.isfinite(value) & (value != 0)
    first, second, value = first[known], second[known], value[known]
    order = np.argsort(-np.abs(value), kind="stable")[:n_edges]
    return Edges(first[order], second[order], value[order])


def node_strength(matrix: np.ndarray) -> np.ndarray:
    """Mean absolute connectivity of each parcel with all others; NaN where it has none.

    Parameters
    ----------
    matrix : ndarray of float, shape (n_parcels, n_parcels)

    Returns
    -------
    ndarray of float64, shape (n_parcels,)
    """
    size = np.abs(np.asarray(matrix, dtype=np.float64))
    known = np.isfinite(size) & ~np.eye(len(size), dtype=bool)
    count = known.sum(axis=1)
    total = np.where(known, size, 0.0).sum(axis=1)
    return np.divide(total, count, out=np.full(len(size), np.nan), where=count > 0)


def parcel_places(parcels: pd.DataFrame) -> np.ndarray:
    """Give where parcels lie: float64, shape (n_parcels, 3), MNI, mm.

    Raises
    ------
    InputError
        If a coordinate is lacking, or far outside a brain.
    """
    lacking = [name for name in "xyz" if name not in parcels]
    if lacking:
        raise InputError(
            "parcels", expected="columns x y z, the centre of each parcel in mm (MNI)",
            found=f"no {', '.join(lacking)}", hint="add them, or leave the connectome out",
        )  # fmt: skip
    columns = [pd.to_numeric(parcels[name], errors="coerce") for name in "xyz"]
    places = np.stack(columns, axis=1).astype(np.float64)
    with np.errstate(invalid="ignore"):
        wrong = ~(np.linalg.norm(places, axis=1) < _FARTHEST)
    if wrong.any():
        raise InputError(
            "parcels", expected=f"places in mm, within {_FARTHEST:g} mm of the origin of MNI",
            found=f"{int(wrong.sum())} parcels elsewhere or nowhere, such as "
            f"{parcels['name'].iloc[int(wrong.argmax())]}",
            hint="correct x y z; voxel numbers and metres do not do",
        )  # fmt: skip
    return places
