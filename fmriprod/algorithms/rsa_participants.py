"""Similarities of RDMs with models over participants: means and their intervals."""

import numpy as np
import pandas as pd
from scipy import stats


def over_participants(table: pd.DataFrame, *, coverage: float = 0.95) -> pd.DataFrame:
    """Sum up similarities of participants by RDM and model.

    There is no test against 0: what a similarity is without any relation depends on the measure
    (the cosine of two RDMs is far above 0).

    Parameters
    ----------
    table : DataFrame
        ``rdm model value``, a row a participant; missing values count for nothing.
    coverage : float
        Of the interval, in (0, 1).

    Returns
    -------
    DataFrame
        ``rdm model n value low high``, in order of first appearance: number of values, their
        mean, and its interval by Student's t, NaN where there are fewer than two.
    """
    groups = table.groupby(["rdm", "model"], sort=False)["value"]
    found = groups.agg(n="count", value="mean", sd="std").reset_index()
    n = found["n"].to_numpy()
    half = stats.t.isf((1 - coverage) / 2, np.maximum(n - 1, 1)) * found["sd"] / np.sqrt(n)
    low, high = found["value"] - half, found["value"] + half
    return found.drop(columns="sd").assign(low=low, high=high)
