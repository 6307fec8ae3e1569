"""Read the events file of a run."""

import csv
from pathlib import Path

import pandas as pd

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.events import check_events
from fmriprod.interfaces.supplied import MOST_TEXT, file_problem


def read_events(
    path: str | Path,
    *,
    n_volumes: int | None = None,
    tr: float | None = None,
    allow_negative: bool = False,
) -> pd.DataFrame:
    """Read and validate a BIDS events file.

    Parameters
    ----------
    path : path
        Tab-separated, with columns ``onset``, ``duration`` (s) and ``trial_type``.
    n_volumes : int, optional
        Number of volumes of the run; with ``tr``, events after the end are refused.
    tr : float, optional
        Repetition time in s.
    allow_negative : bool
        Accept events that begin before the first volume.

    Returns
    -------
    DataFrame
        One row per event in the order of the file: ``onset`` and ``duration`` as float64,
        ``trial_type`` as text, the other columns as numbers where all of them are numbers
        and as text otherwise; ``n/a`` becomes missing.

    Raises
    ------
    InputError
        With all problems of the file at once.
    """
    path = Path(path)
    table = read_table(path, "events")
    run_seconds = n_volumes * tr if n_volumes is not None and tr is not None else None
    try:
        return check_events(table, run_seconds, allow_negative=allow_negative)
    except InputError as err:
        err.file = err.file or str(path)
        raise


def read_table(path: str | Path, subject: str) -> pd.DataFrame:
    """Read a BIDS table (tab-separated, ``n/a`` for missing values).

    Parameters
    ----------
    path : path
        The file.
    subject : str
        What it is, for messages: ``"events"``, ``"confounds"``.

    Returns
    -------
    DataFrame
        Columns of numbers are numbers (missing: NaN), all others are text (missing: NaN), also
        those with whole numbers too large for 64 bits.

    Raises
    ------
    InputError
        If the file is absent, empty, no text, ragged or not separated by tabs, or names a column
        twice.
    """

    def refuse(found: str, hint: str) -> InputError:
        return InputError(
            subject,
            expected="a tab-separated table with one header line",
            found=found,
            hint=hint,
            file=str(path),
        )

    path = Path(path)
    if found := file_problem(path, MOST_TEXT):
        raise refuse(found, "check the path")
    try:
        table = pd.read_csv(
            path,
            sep="\t",
            na_values=["n/a"],
            keep_default_na=False,
            encoding="utf-8-sig",
            dtype={"trial_type": str},  # 1, 2, n/a would become 1.0, 2.0
        )
    except pd.errors.EmptyDataError:
        raise refuse("an empty file", "write it again") from None
    except (pd.errors.ParserError, UnicodeDecodeError) as err:
        raise refuse(f"{err}".strip(), "save it as tab-separated UTF-8 text") from None
    if not isinstance(table.index, pd.RangeIndex):  # pandas takes surplus values as row names
        raise refuse("rows with more values than the header has names", "mend those rows")
    with path.open(encoding="utf-8-sig", newline="") as stream:
        try:
            names = next(csv.reader(stream, delimiter="\t"), [])
        except csv.Error as err:
            raise refuse(f"a header that cannot be read ({err})", "write it again") from None
    if len(names) != table.shape[1]:
        raise refuse("a header that cannot be told from the rows", "begin with the column names")
    if twins := sorted({name for name in names if names.count(name) > 1}):  # pandas renames them
        raise refuse(f"column {twins[0]!r} is there twice", "rename or remove one")
    if len(table.columns) == 1 and any(mark in table.columns[0] for mark in ",; "):
        raise refuse(f"one column {table.columns[0]!r}", "separate columns by tabs (\\t)")
    return without_huge_numbers(table)


def without_huge_numbers(table: pd.DataFrame) -> pd.DataFrame:
    """Make text of columns with whole numbers too large for 64 bits.

    pandas reads them as Python's, on which its own arithmetic fails.
    """
    huge = [
        name for name, column in table.items()
        if column.dtype == object and any(isinstance(value, int) for value in column)
    ]  # fmt: skip
    return table.assign(**{name: table[name].map(str, na_action="ignore") for name in huge})
