"""Series of parcels in text tables: a column a parcel, a row a volume."""

from pathlib import Path

import numpy as np
import pandas as pd

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.events import read_table
from fmriprod.interfaces.parcel_table import check_names, hemisphere_of


def read_series_table(path: str | Path) -> tuple[np.ndarray, pd.DataFrame]:
    """Read series of parcels as XCP-D, fMRIPrep's descendants and Nilearn's users write them.

    Parameters
    ----------
    path : str or Path
        TSV, ``n/a`` where missing; its header names parcels.

    Returns
    -------
    series : ndarray of float64, shape (n_parcels, n_volumes)
        NaN where missing.
    parcels : DataFrame
        ``name hemisphere network``, in the order of the columns.

    Raises
    ------
    InputError
        If it is no table of numbers, values or names are lacking, or names occur twice. Names
        that all are numbers are values without names, but for whole ones (``1``, ``2``).
    """
    table = read_table(path, "in_file")
    names = [str(name) for name in table.columns]
    if any(not name.strip() or name.startswith("Unnamed:") for name in names):
        raise InputError(
            "in_file", expected="a name for each column, which is a parcel",
            found=f"column {1 + names.index(next(n for n in names if not n.strip()))} without one"
            if any(not n.strip() for n in names) else "a column Unnamed",
            hint="leave out the row numbers: DataFrame.to_csv(..., sep='\\t', index=False)",
            file=str(path),
        )  # fmt: skip
    if all(map(_is_value, names)) and not all(name.strip().isdigit() for name in names):
        raise InputError(
            "in_file", expected="names of parcels in the first line",
            found=f"numbers: {', '.join(names[:3])}",
            hint="write a line of names above the numbers", file=str(path),
        )  # fmt: skip
    parcels = pd.DataFrame({"name": names})
    check_names(parcels, path)
    if problem := _no_numbers(table):
        found, hint = problem
        raise InputError(
            "in_file", expected="a number, or n/a, a parcel and volume", found=found, hint=hint,
            file=str(path),
        )  # fmt: skip
    parcels["hemisphere"] = [hemisphere_of(name) for name in names]
    parcels["network"] = "n/a"
    return table.to_numpy(np.float64).T, parcels


def _is_value(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return text == "n/a"
    return True


def _no_numbers(table: pd.DataFrame) -> tuple[str, str] | None:
    """Say what is no number in a table, and what to do about it."""
    if table.empty:
        return "no rows", "give the table of series (desc-denoised_timeseries.tsv or the like)"
    text = [name for name, kind in table.dtypes.items() if kind.kind not in "fiu"]
    empty = [name for name in text if (table[name].astype(str).str.strip() == "").any()]
    if empty:
        return (
            f"empty values in {', '.join(empty[:5])}",
            "write n/a where a value is missing: DataFrame.to_csv(..., na_rep='n/a')",
        )
    if text:
        return (
            f"text in {', '.join(text[:5])}",
            "give the table of series (desc-denoised_timeseries.tsv or the like)",
        )
    return None
