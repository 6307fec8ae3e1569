"""Choose the columns of a confounds table that enter a design."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from fmriprod.algorithms.checks import InputError, suggest

NAN_POLICIES = ("error", "mean")


def select_confounds(
    table: pd.DataFrame, columns: Sequence[str], n_volumes: int, *, nan: str = "error"
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Take columns of a confounds table and apply one rule for missing values.

    Parameters
    ----------
    table : DataFrame, one row a volume
        Confounds, such as motion parameters.
    columns : sequence of str
        Names of the columns to take.
    n_volumes : int
        Length of the run.
    nan : {"error", "mean"}
        Missing values (derivatives have one in their first row) are refused, or replaced
        by the mean of their column.

    Returns
    -------
    confounds : DataFrame of float64
        The columns in the order that was asked for.
    filled : dict of str to int
        Number of values replaced in each column that had missing ones.

    Raises
    ------
    InputError
        If a column is unknown, named twice, no number, without any value, or has missing
        values under ``"error"``, or if the rows do not match the volumes.
    """
    if len(table) != n_volumes:
        raise _error(
            f"one row for each of the {n_volumes} volumes",
            f"{len(table)} rows",
            "give the confounds of this run; remove or add the same volumes in both",
        )
    for column in columns:
        if column not in table.columns:
            hint = f"name columns of the file; {suggest(column, table.columns)}"
            raise _error("columns that the file has", f"no column {column!r}", hint)
    if len(set(columns)) < len(columns):
        twice = sorted({c for c in columns if list(columns).count(c) > 1})
        raise _error("each column once", f"twice: {', '.join(twice)}", "name each column once")
    chosen = table[list(columns)].apply(pd.to_numeric, errors="coerce").astype(np.float64)
    chosen = chosen.where(np.isfinite(chosen))
    missing = {str(c): int(n) for c, n in chosen.isna().sum().items() if n}
    empty = [c for c, n in missing.items() if n == n_volumes]
    if empty:
        raise _error("columns of numbers", f"no number in {', '.join(empty)}", "leave them out")
    if missing and nan == "error":
        shown = "; ".join(
            f"{c}: {n} (volume {int(chosen[c].isna().argmax()) + 1}"
            + (" and later)" if n > 1 else ")")
            for c, n in missing.items()
        )
        raise _error(
            "a value for every volume",
            f"missing or not a number in {shown}",
            'leave these columns out, or choose confounds_nan="mean" '
            "to put the mean of the column there",
        )
    return chosen.fillna(chosen.mean()), missing


def _error(expected: str, found: str, hint: str) -> InputError:
    return InputError("confounds", expected=expected, found=found, hint=hint)
