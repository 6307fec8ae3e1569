"""Read the tables and matrices that models of dissimilarity come in."""

from collections.abc import Sequence
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd

from fmriprod.algorithms.checks import InputError, suggest
from fmriprod.algorithms.rdm import n_pairs, square
from fmriprod.interfaces.events import read_table
from fmriprod.interfaces.numpy_file import load_array
from fmriprod.interfaces.supplied import read_text

_PAIRS = ("condition_1", "condition_2", "expected")


def read_pairs(path: str | Path) -> list[tuple[str, str, str]]:
    """Read which pairs of conditions are expected to be alike or unlike.

    Raises
    ------
    InputError
        If a column is lacking.
    """
    table = _table(path, "pairs_files", _PAIRS)
    return list(table[list(_PAIRS)].itertuples(index=False, name=None))


def read_features(path: str | Path) -> pd.DataFrame:
    """Read features of conditions, with the conditions as index.

    Columns of numbers are numbers; all others are text, with None where a value is lacking.

    Raises
    ------
    InputError
        If there is no column ``condition``.
    """
    table = _table(path, "features_file", ("condition",)).set_index("condition")
    for name in table:
        known = table[name].mask(table[name].isin(["", "n/a"]))
        try:
            table[name] = known.astype(float)
        except ValueError:
            table[name] = known.astype(object).where(known.notna(), None)
    return table


def read_matrix(path: str | Path, conditions: Sequence[str]) -> tuple[np.ndarray, list[str]]:
    """Read a matrix of dissimilarities and the names of its conditions.

    Parameters
    ----------
    path : path
        CSV or TSV with names, or ``.npy`` without: square, or its upper triangle.
    conditions : sequence of str
        Names for ``.npy``.

    Returns
    -------
    matrix : ndarray of float64, shape (n, n)
    names : list of str

    Raises
    ------
    InputError
        If it cannot be read, names of rows and columns differ, or a ``.npy`` has no names or
        another size.
    """
    if Path(path).suffix == ".npy":
        return _read_npy(path, conditions)
    text = read_text(path, "matrix_files", "a matrix of numbers with names of conditions")
    separator = "\t" if Path(path).suffix == ".tsv" else ","
    try:
        table = pd.read_csv(
            StringIO(text), sep=separator, index_col=0, dtype=str, keep_default_na=False
        )
        values = table.mask(table.isin(["", "n/a"])).astype(float).to_numpy()
        # Names by themselves: of an index, pandas before 3 makes the number 1 of 01.
        names = pd.read_csv(
            StringIO(text), sep=separator, usecols=[0], header=None, dtype=str,
            keep_default_na=False,
        ).iloc[1:, 0]  # fmt: skip
    except ValueError as err:
        raise _no_matrix(path, str(err).splitlines()[0]) from None
    header = pd.read_csv(StringIO(text), sep=separator, header=None, nrows=1, dtype=str).iloc[0, 1:]
    rows, columns = ([str(name).strip() for name in line] for line in (names, header))
    if rows != columns:
        apart = next((f"{a!r} and {b!r}" for a, b in zip(rows, columns, strict=False) if a != b),
                     f"{len(rows)} rows and {len(columns)} columns")  # fmt: skip
        raise _no_matrix(path, f"other names in the first row than in the first column: {apart}")
    return values, rows


def _read_npy(path: str | Path, conditions: Sequence[str]) -> tuple[np.ndarray, list[str]]:
    try:
        values = load_array(path)
    except (ValueError, OSError, EOFError) as err:
        raise _no_matrix(path, str(err).splitlines()[0]) from None
    if values.dtype.kind not in "fiub":
        raise _no_matrix(path, f"values of type {values.dtype}")
    values = values.astype(np.float64)
    if not conditions:
        raise InputError(
            "conditions", expected="names of conditions, which a .npy file does not hold",
            found="none", hint="give conditions, in the order of the matrix", file=str(path),
        )  # fmt: skip
    n = len(conditions)
    if values.shape == (n_pairs(n),):
        values = square(values)
    if values.shape != (n, n):
        raise InputError(
            "conditions", expected=f"as many as the matrix has, shape {values.shape}",
            found=f"{n} conditions, which make {n} x {n}, or {n_pairs(n)} pairs",
            hint="give all conditions of the matrix, in its order", file=str(path),
        )  # fmt: skip
    return values, list(conditions)


def _table(path: str | Path, subject: str, needed: Sequence[str]) -> pd.DataFrame:
    """Read a table as text: a condition named 01 stays 01."""
    read_table(path, subject)  # says what is wrong with a file that is no table
    table = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False, encoding="utf-8-sig")
    lacking = [name for name in needed if name not in table]
    if lacking:
        raise InputError(
            subject, expected=f"columns {', '.join(needed)}", found=", ".join(table.columns),
            hint=suggest(lacking[0], list(table.columns)), file=str(path),
        )  # fmt: skip
    return table


def _no_matrix(path: str | Path, found: str) -> InputError:
    return InputError(
        "matrix_files",
        expected="a matrix of numbers with names of conditions in its first row and column",
        found=found, hint="write it as CSV (or TSV) with names, or as .npy", file=str(path),
    )  # fmt: skip
