"""Tables of RDMs and models: their columns, and which rows are significant."""

import pandas as pd

from fmriprod.algorithms.checks import InputError

NEEDED = ("rdm", "model", "value")


def check_pairs(
    table: pd.DataFrame, points: pd.DataFrame | None = None
) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    """Give tables with names as text, or refuse them.

    Raises
    ------
    InputError
        See `similarity_figure`.
    """
    given = {"rsa": table} | ({} if points is None else {"participants": points})
    for subject, part in given.items():
        lacking = [name for name in NEEDED if name not in part]
        if lacking or part.empty:
            raise InputError(
                subject, expected=f"a table with columns {', '.join(NEEDED)} and a row at least",
                found=f"no column {', '.join(lacking)}" if lacking else "no row",
                hint="give the table that RSA writes",
            )  # fmt: skip
        given[subject] = part.astype({"rdm": str, "model": str})
    pairs = pd.MultiIndex.from_frame(given["rsa"][["rdm", "model"]])
    if pairs.has_duplicates:
        twice = " and ".join(map(repr, pairs[pairs.duplicated()][0]))
        raise InputError(
            "rsa", expected="one row for each RDM and model", found=f"{twice} more than once",
            hint="give participants apart, and one table for each analysis",
        )  # fmt: skip
    if points is None:
        return given["rsa"], None
    others = pd.MultiIndex.from_frame(given["participants"][["rdm", "model"]]).difference(pairs)
    if len(others):
        raise InputError(
            "participants", expected="pairs of RDM and model that the table has",
            found=" and ".join(map(repr, others[0])), hint="give both of one analysis",
        )  # fmt: skip
    return given["rsa"], given["participants"]


def mark_significant(table: pd.DataFrame, alpha: float) -> pd.DataFrame:
    """Add ``significant`` where the table has q or p: 1, 0, or NaN where it was not tested."""
    tested = tested_column(table)
    if tested is None:
        return table
    return table.assign(significant=(table[tested] <= alpha).where(table[tested].notna()))


def above_chance(table: pd.DataFrame, alpha: float) -> pd.Series:
    """Tell which rows are significant and above 0: similar, not the opposite."""
    marked = mark_significant(table, alpha)
    return (marked.get("significant", 0) == 1) & (marked["value"] > 0)


def tested_column(table: pd.DataFrame) -> str | None:
    """Give the column that decides: q, else p, else none."""
    return next((name for name in ("q", "p") if name in table and table[name].notna().any()), None)
