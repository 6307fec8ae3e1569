"""Parcels in the order of their values."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from fmriprod.algorithms.checks import InputError


def rank_parcels(
    parcels: pd.DataFrame, values: np.ndarray, *, by: str = "absolute", subject: str = "values"
) -> pd.DataFrame:
    """Rank parcels from the largest to the smallest value.

    Parameters
    ----------
    parcels : DataFrame
        ``name hemisphere network``, a row a parcel.
    values : ndarray, shape (n_parcels,)
        NaN for parcels that are not ranked.
    by : {"absolute", "value"}
        What is large: the absolute value, or the value.
    subject : str
        What the values are, for messages.

    Returns
    -------
    DataFrame
        ``rank parcel hemisphere network value absolute``, rank 1 first. Equal ones share the
        smallest rank, and stay in the order of the parcels; parcels without a value come last,
        their rank missing.

    Raises
    ------
    InputError
        If no parcel has a value, or all have the same.

    Examples
    --------
    >>> parcels = pd.DataFrame({"name": list("abc"), "hemisphere": "L", "network": "n/a"})
    >>> table = rank_parcels(parcels, np.array([2.0, -3.0, -2.0]))
    >>> table[["rank", "parcel"]].to_numpy().tolist()
    [[1, 'b'], [2, 'a'], [2, 'c']]
    """
    values = np.asarray(values, dtype=np.float64)
    known = np.isfinite(values)
    size = np.abs(values) if by == "absolute" else values
    if not known.any() or (known.sum() > 1 and np.ptp(size[known]) == 0):
        found = f"{size[known][0]:g} in all" if known.any() else "none"
        raise InputError(
            subject, expected="values of parcels that differ", found=found,
            hint="check what made them: there is no order",
        )  # fmt: skip
    table = pd.DataFrame({
        "rank": pd.Series(size).rank(method="min", ascending=False).astype("Int64"),
        "parcel": parcels["name"].to_numpy(),
        "hemisphere": parcels["hemisphere"].to_numpy(),
        "network": parcels["network"].to_numpy(),
        "value": values,
        "absolute": np.abs(values),
    })  # fmt: skip
    return table.sort_values("rank", kind="stable", na_position="last", ignore_index=True)


def top_parcels(rankings: Sequence[pd.DataFrame], n: int) -> pd.DataFrame:
    """Keep parcels of rank n or less; where the last ones are equal, all of them."""
    return pd.concat([table[table["rank"].fillna(n + 1) <= n] for table in rankings])
