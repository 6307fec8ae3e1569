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
        If it is no table of numbers, names are lacking or occur twice.
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
    parcels = pd.DataFrame({"name": names})
    check_names(parcels, path)
    text = [n for n, kind in zip(names, table.dtypes, strict=True) if kind.kind not in "fiu"]
    if text or table.empty:
        raise InputError(
            "in_file", expected="a number, or n/a, a parcel and volume",
            found=f"text in {', '.join(text[:5])}" if text else "no rows",
            hint="give the table of series (desc-denoised_timeseries.tsv or the like)",
            file=str(path),
        )  # fmt: skip
    parcels["hemisphere"] = [hemisphere_of(name) for name in names]
    parcels["network"] = "n/a"
    return table.to_numpy(np.float64).T, parcels
