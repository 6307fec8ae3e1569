"""Read the events file of a run."""

import csv
import io
import re
from pathlib import Path

import pandas as pd

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.events import check_events
from fmriprod.interfaces.supplied import MOST_TEXT, file_problem

# Columns of labels: 1, 2, n/a would become 1.0, 2.0, and 001 would become 1.
_LABELS = dict.fromkeys(("trial_type", "condition", "name", "participant_id", "parcel"), str)
_QUOTED = re.compile(rb'(?:\A(?:\xef\xbb\xbf)*|[\t\r\n])("[^\t\r\n]*)')  # a cell that begins so
_LINE_END = re.compile(rb"\r\n|\r|\n")
_BLANK_BETWEEN = re.compile(rb"(?:\r\n|\r(?!\n)|\n) *(?:\r\n?|\n) *[^\r\n ]")
_PACKED = (b"\x1f\x8b", b"PK\x03\x04", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd")
_PACKED_NAMES = (".gz", ".bz2", ".zip", ".xz", ".zst", ".tar")  # which pandas would unpack


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
        those with whole numbers too large for 64 bits, and labels: ``trial_type``,
        ``condition``, ``name``, ``participant_id`` and ``parcel``. Quotation marks around a whole
        value, which BIDS does not know but pandas and R write, are left out.

    Raises
    ------
    InputError
        If the file is absent, empty, packed, no text, ragged or not separated by tabs, names a
        column twice, has a value that begins with a quotation mark and does not end with one (or
        ends in another line), or a line of one column between others that is empty.
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
    if path.name.lower().endswith(_PACKED_NAMES):
        raise refuse("a packed file, as its name says", "unpack it, and name it .tsv")
    content = path.read_bytes()
    if problem := _unreadable(content):
        raise refuse(*problem)
    try:
        table = pd.read_csv(
            io.BytesIO(content),
            sep="\t",
            na_values=["n/a"],
            keep_default_na=False,
            encoding="utf-8-sig",
            dtype=_LABELS,
        )
    except pd.errors.EmptyDataError:
        raise refuse("an empty file", "write it again") from None
    except (pd.errors.ParserError, UnicodeDecodeError) as err:
        raise refuse(f"{err}".strip(), "save it as tab-separated UTF-8 text") from None
    if not isinstance(table.index, pd.RangeIndex):  # pandas takes surplus values as row names
        raise refuse("rows with more values than the header has names", "mend those rows")
    if problem := _header_problem(content, table.shape[1]):
        raise refuse(*problem)
    return without_huge_numbers(table)


def _unreadable(content: bytes) -> tuple[str, str] | None:
    """Say what pandas would unpack or read on over several lines, and what to do about it."""
    if content.startswith(_PACKED):
        return "a packed file", "unpack it, and name it .tsv"
    for found in _QUOTED.finditer(content) if b'"' in content else ():
        if found[1].count(b'"') % 2:
            value = found[1].decode("utf-8", "replace")[:80]
            place = f"line {_line(content, found.start(1))}"
            return (
                f"a quotation mark that is not closed within its value in {place}: {value}",
                "remove it, or write one on both sides of the value",
            )
    return None


def _header_problem(content: bytes, n_columns: int) -> tuple[str, str] | None:
    """Say what is wrong with the header of a table that pandas took, and what to do about it."""
    try:
        header = _LINE_END.split(content, maxsplit=1)[0].decode("utf-8-sig")
        names = next(csv.reader([header], delimiter="\t"), [])
    except (csv.Error, UnicodeDecodeError) as err:
        return f"a header that cannot be read ({err})", "write it again"
    if len(names) != n_columns:
        return "a header that cannot be told from the rows", "begin with the column names"
    if twins := sorted({name for name in names if names.count(name) > 1}):  # pandas renames them
        return f"column {twins[0]!r} is there twice", "rename or remove one"
    if n_columns == 1 and any(mark in names[0] for mark in ",; "):
        return f"one column {names[0]!r}", "separate columns by tabs (\\t)"
    if (short := _short_line(content, n_columns)) is not None:  # pandas takes the rest as missing
        return (
            f"fewer values than names in line {short}",
            "write n/a for what is missing; where it is the last line the file may be cut short",
        )
    if n_columns == 1 and (blank := _BLANK_BETWEEN.search(content)):  # pandas leaves it out
        return f"nothing in line {_line(content, blank.end()) - 1}", "write n/a, or remove the line"
    return None


def _short_line(content: bytes, n_columns: int) -> int | None:
    """Find the first line with fewer values than there are columns, from 1; empty ones are none."""
    for number, line in enumerate(_LINE_END.split(content), start=1):
        if line.strip(b" ") and line.count(b"\t") < n_columns - 1:
            return number
    return None


def _line(content: bytes, place: int) -> int:
    """Count the line of a place, from 1."""
    return 1 + len(_LINE_END.findall(content, 0, place))


def without_huge_numbers(table: pd.DataFrame) -> pd.DataFrame:
    """Make text of columns with whole numbers too large for 64 bits.

    pandas reads them as Python's, on which its own arithmetic fails.
    """
    huge = [
        name for name, column in table.items()
        if column.dtype == object and any(isinstance(value, int) for value in column)
    ]  # fmt: skip
    return table.assign(**{name: table[name].map(str, na_action="ignore") for name in huge})
