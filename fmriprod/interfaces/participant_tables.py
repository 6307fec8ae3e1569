"""Read the tables of many participants as one, with all that is wrong with them at once."""

import pandas as pd

from fmriprod.algorithms.checks import InputError, suggest
from fmriprod.interfaces.events import read_table

_SHOWN = 10


def read_participant_tables(
    paths: list[str], subject: str, *, text: tuple[str, ...], numbers: tuple[str, ...],
    key: tuple[str, ...],
) -> pd.DataFrame:  # fmt: skip
    """Read tables of the same columns and put them under each other.

    Parameters
    ----------
    paths : list of path
        Tab-separated tables, each of one participant or more.
    subject : str
        What they are, for messages: the name of the input.
    text : tuple of str
        Columns that are text (``0110171`` stays so).
    numbers : tuple of str
        Columns of numbers; missing values are NaN.
    key : tuple of str
        Columns that tell rows apart.

    Returns
    -------
    DataFrame
        All columns of the files, in the order of the files.

    Raises
    ------
    InputError
        If no table has a row, or with every file that cannot be read, lacks a column, has
        text for numbers or infinite ones, or repeats a row.
    """
    problems: list[tuple[str, str]] = []
    tables = []
    for path in paths:
        try:
            table = read_table(path, subject)
        except InputError as err:
            problems.append((str(path), err.found))
            continue
        found = _problems(table, text, numbers)
        problems += [(str(path), what) for what in found]
        if not found:
            as_text = pd.read_csv(
                path, sep="\t", dtype=str, usecols=list(text), keep_default_na=False,
                encoding="utf-8-sig",
            )  # fmt: skip
            content = {name: as_text[name] for name in text}
            content |= {name: table[name].astype(float) for name in numbers}
            tables.append(table.assign(**content, _file=str(path)))
    whole = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()
    if len(whole):
        again = whole[whole.duplicated(list(key), keep="first")]
        for path, rows in again.groupby("_file", sort=False):
            shown = ", ".join(f"{name} {rows.iloc[0][name]}" for name in key)
            problems.append((path, f"{len(rows)} rows that were there before, such as {shown}"))
    if problems or not len(whole):
        raise _refusal(subject, problems, (*text, *numbers), key)
    return whole.drop(columns="_file")


def _problems(table: pd.DataFrame, text: tuple[str, ...], numbers: tuple[str, ...]) -> list[str]:
    lacking = [name for name in (*text, *numbers) if name not in table.columns]
    found = []
    if lacking:
        found.append(f"no column {', '.join(lacking)} ({suggest(lacking[0], table.columns)})")
    for name in numbers:
        if name not in table.columns or not len(table):
            continue
        column = pd.to_numeric(table[name], errors="coerce")
        wrong = table.loc[column.isna() & table[name].notna(), name]
        if len(wrong):
            found.append(f"{name} {wrong.iloc[0]!r} is no number")
        elif (column.abs() == float("inf")).any():
            found.append(f"{name} is infinite")
    return found


def _refusal(
    subject: str, problems: list[tuple[str, str]], columns: tuple[str, ...], key: tuple[str, ...]
) -> InputError:
    shown = [f"{path}: {what}" for path, what in problems[:_SHOWN]]
    if len(problems) > _SHOWN:
        shown.append(f"and {len(problems) - _SHOWN} more")
    return InputError(
        subject,
        expected=f"tables with columns {', '.join(columns)}, one row for each {', '.join(key)}",
        found="\n".join(shown) or "no row in any table",
        hint="mend these files, give each once, or leave these participants out",
        file=problems[0][0] if len(problems) == 1 else None,
    )
