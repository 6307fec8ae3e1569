"""Read what is known of parcels: contrasts, effects of conditions and connectivity."""

from pathlib import Path

import numpy as np
import pandas as pd

from fmriprod.algorithms.checks import InputError, suggest
from fmriprod.interfaces.events import read_table
from fmriprod.interfaces.numpy_file import load_array
from fmriprod.interfaces.parcel_table import match_parcels, plain_name


def read_contrast(path: str | Path, column: str = "value") -> pd.Series:
    """Read a contrast: float64 by name of parcel, NaN where it is ``n/a``.

    Parameters
    ----------
    path : str or Path
        TSV with a column ``parcel``, a row a parcel.
    column : str
        The column of values.

    Raises
    ------
    InputError
        If a column is lacking or holds no numbers, or a parcel occurs twice (with and without
        ``_ROI`` too).
    """
    table = _table(path, "contrast", ("parcel", column))
    _once(table["parcel"].map(plain_name), "contrast", path)
    return pd.Series(_numbers(table, column, "contrast", path), index=table["parcel"], name=column)


def contrast_name(path: str | Path) -> str | None:
    """Read which contrast a table holds: its column ``contrast``, where that has one name."""
    table = read_table(path, "contrast")
    known = table["contrast"].dropna().unique() if "contrast" in table else []
    return str(known[0]) if len(known) == 1 else None


def read_effects(path: str | Path, column: str = "effect") -> pd.DataFrame:
    """Read effects of conditions: float64, a row a parcel and a column a condition, as they occur.

    Raises
    ------
    InputError
        If a column is lacking or holds no numbers, or a parcel has a condition twice or lacks it.
    """
    table = _table(path, "effects", ("parcel", "condition", column))
    table[column] = _numbers(table, column, "effects", path)
    table["condition"] = table["condition"].astype(str)
    _once(table["parcel"].map(plain_name) + ", " + table["condition"], "effects", path)
    parcels, conditions = table["parcel"].unique(), table["condition"].unique()
    if len(table) != len(parcels) * len(conditions):
        raise InputError(
            "effects", expected=f"a row for each of {len(parcels)} parcels and "
            f"{len(conditions)} conditions", found=f"{len(table)} rows",
            hint="write n/a for a parcel that has no effect", file=str(path),
        )  # fmt: skip
    wide = table.pivot(index="parcel", columns="condition", values=column)
    return wide.loc[parcels, conditions]


def is_of_model(path: str | Path) -> bool:
    """Tell whether effects are of a model, among whose conditions its contrasts stand."""
    return "variance" in read_table(path, "effects")


def read_connectivity(path: str | Path, n_parcels: int | None = None) -> np.ndarray:
    """Read a matrix of connectivity: floats, shape (n_parcels, n_parcels).

    Infinity on the diagonal, which says that it holds Fisher's z or a statistic, becomes NaN.

    Raises
    ------
    InputError
        If it is no square array of that size, or not symmetric.
    """
    return read_scaled_connectivity(path, n_parcels)[0]


def read_scaled_connectivity(
    path: str | Path, n_parcels: int | None = None, *, fisher: bool = False
) -> tuple[np.ndarray, str]:
    """Read a matrix of connectivity, and by its diagonal what it holds.

    Parameters
    ----------
    path : str or Path
        Array, .npy.
    n_parcels : int, optional
        Size that it must have.
    fisher : bool
        Whether it is to be transformed by Fisher's z, and so must hold correlations.

    Returns
    -------
    matrix : ndarray of floats, shape (n_parcels, n_parcels)
        NaN where the diagonal is infinite.
    scale : {"correlations", "Fisher's z", "a statistic", "other values"}
        Correlations have NaN, 1 or 0 throughout the diagonal; z infinity, as z of 1 is; t, p and
        other statistics of a group minus infinity.

    Raises
    ------
    InputError
        If it is no symmetric array of that size, or ``fisher`` and it holds no correlations.
    """
    try:
        matrix = load_array(path)
    except (OSError, ValueError) as err:
        raise _no_matrix(path, n_parcels, str(err).splitlines()[0]) from None
    wrong = matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or matrix.dtype.kind != "f"
    if wrong or (n_parcels is not None and len(matrix) != n_parcels):
        raise _no_matrix(path, n_parcels, f"{matrix.dtype} of shape {matrix.shape}")
    if not np.allclose(matrix, matrix.T, atol=1e-5, equal_nan=True):
        raise _no_matrix(path, n_parcels, "a matrix that is not symmetric")
    diagonal = np.diag(matrix)
    if np.isinf(diagonal).any():
        scale = "Fisher's z" if np.isposinf(diagonal).any() else "a statistic"
        np.fill_diagonal(matrix, np.nan)
    else:
        beside = np.abs(matrix[~np.eye(len(matrix), dtype=bool)])
        zero = 1e-6 * beside[np.isfinite(beside)].max(initial=0.0)  # r - 1 may leave its rounding
        known = np.isnan(diagonal) | np.isclose(diagonal, 1, atol=1e-5) | (abs(diagonal) <= zero)
        scale = "correlations" if known.all() else "other values"
    if fisher and scale != "correlations":
        raise InputError(
            "connectivity", expected="correlations, which fisher transforms (NaN, 1 or 0 on the "
            "diagonal)", found=f"{scale}, by the diagonal",
            hint="switch fisher off here, or in ParcelConnectivity: one transform is enough"
            if scale == "Fisher's z" else "switch fisher off: it is of correlations only",
            file=str(path),
        )  # fmt: skip
    return matrix, scale


class OneScale:
    """Refuse a matrix that holds something else than the first one does."""

    def __init__(self) -> None:
        self.scale = ""  # of the first one, when it was read
        self._path = ""

    def check(self, scale: str, path: str) -> None:
        """Compare what a file holds with the first one.

        Raises
        ------
        InputError
            That names both.
        """
        if not self.scale:
            self.scale, self._path = scale, path
        if scale != self.scale:
            raise InputError(
                "connectivity", expected=f"{self.scale}, as {self._path} holds",
                found=f"{scale}, by the diagonal", hint="make all with the same kind and fisher",
                file=path,
            )  # fmt: skip


def in_order(
    values: pd.Series | pd.DataFrame, names: list[str], subject: str, path: str
) -> pd.Series:
    """Put values into the order of names, matched by name.

    Raises
    ------
    InputError
        If the parcels are not the same; it names them.
    """
    try:
        return values.iloc[match_parcels(names, list(values.index), subject)]
    except InputError as err:
        err.file = err.file or str(path)
        raise


def _table(path: str | Path, subject: str, columns: tuple[str, ...]) -> pd.DataFrame:
    table = read_table(path, subject)
    lacking = [name for name in columns if name not in table]
    if lacking:
        raise InputError(
            subject, expected=f"columns {' '.join(columns)}",
            found=", ".join(map(str, table.columns)),
            hint=suggest(lacking[0], list(map(str, table.columns))), file=str(path),
        )  # fmt: skip
    table["parcel"] = table["parcel"].astype(str)
    return table


def _numbers(table: pd.DataFrame, column: str, subject: str, path: str | Path) -> np.ndarray:
    values = pd.to_numeric(table[column], errors="coerce")
    bad = (values.isna() & table[column].notna()) | np.isinf(values)
    if bad.any():
        raise InputError(
            subject, expected=f"finite numbers or n/a in column {column}",
            found=f"{int(bad.sum())} others, such as {table[column][bad].iloc[0]} of "
            f"{table['parcel'][bad].iloc[0]}", hint="write n/a where there is no value",
            file=str(path),
        )  # fmt: skip
    return values.to_numpy(dtype=np.float64)


def _once(names: pd.Series, subject: str, path: str | Path) -> None:
    twice = names[names.duplicated()].unique()
    if len(twice):
        raise InputError(
            subject, expected="one row each", found=f"{'; '.join(twice[:5])} twice",
            hint="give a file a contrast and participant", file=str(path),
        )  # fmt: skip


def _no_matrix(path: str | Path, n_parcels: int | None, found: str) -> InputError:
    size = "n_parcels" if n_parcels is None else n_parcels
    return InputError(
        "connectivity", expected=f"a symmetric matrix of floats, .npy ({size}, {size})",
        found=found, hint="give connectivity_file of ParcelConnectivity, and its own parcels_file",
        file=str(path),
    )  # fmt: skip
