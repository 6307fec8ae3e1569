"""Which samples train a classifier and which test it, with guards against leaks."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from fmriprod.algorithms.checks import InputError, suggest
from fmriprod.algorithms.query import query_rows

RUN = ["subject", "task", "run"]


class Split(NamedTuple):
    """Positions of the rows that train and of those that test; ``name`` is for messages."""

    name: str
    train: np.ndarray
    test: np.ndarray


def query_split(samples: pd.DataFrame, train: str, test: str) -> list[Split]:
    """Split samples by two queries.

    Parameters
    ----------
    samples : DataFrame
        Sample table.
    train, test : str
        Queries as `query_rows` takes them.

    Returns
    -------
    list of Split
        One split.

    Raises
    ------
    InputError
        If a query selects nothing or a row is selected by both.
    """
    rows = query_rows(samples, train, "train"), query_rows(samples, test, "test")
    shared = np.intersect1d(*rows)
    if len(shared):
        raise InputError(
            "test",
            expected="test rows that are not training rows",
            found=f"{len(shared)} rows in both, such as {_describe(samples, shared[0])}",
            hint=f"make the queries exclude each other: train {train!r}, test {test!r}",
        )
    return [Split("test", *rows)]


def group_splits(samples: pd.DataFrame, column: str) -> list[Split]:
    """Leave one group out: each value of a column is tested once, trained on all others.

    Parameters
    ----------
    samples : DataFrame
        Sample table.
    column : str
        Column of the groups, such as ``"run"``.

    Returns
    -------
    list of Split
        One per group, in sorted order.

    Raises
    ------
    InputError
        If there is no such column, a value is missing, or there is only one group.
    """
    if column not in samples.columns:
        raise InputError(
            "folds",
            expected="a column of the sample table",
            found=repr(column),
            hint=suggest(column, samples.columns),
        )
    values = samples[column]
    groups = sorted(values.dropna().unique())
    if values.isna().any() or len(groups) < 2:
        raise InputError(
            "folds",
            expected="two groups or more, one for every row",
            found=f"column {column!r} has {len(groups)} group(s) "
            f"({', '.join(map(str, groups))}) and {values.isna().sum()} missing values",
            hint="name another column, or give train and test",
        )
    rows = np.arange(len(samples))
    parts = [(group, (values == group).to_numpy()) for group in groups]
    return [Split(f"{column} {group}", rows[~here], rows[here]) for group, here in parts]


def check_splits(samples: pd.DataFrame, splits: list[Split]) -> list[str]:
    """Refuse splits that leak or cannot be learned from.

    Parameters
    ----------
    samples : DataFrame
        Columns ``subject, task, run, label, trial, tr`` and, optionally, ``n_volumes``.
    splits : list of Split
        From `query_split` or `group_splits`.

    Returns
    -------
    list of str
        Labels of the training rows, sorted.

    Raises
    ------
    InputError
        If a trial or a volume is on both sides; if training rows have one label only; if a
        test label has no training sample; if splits train different labels.
    """
    label = samples["label"]
    trained = [sorted(label.iloc[split.train].unique()) for split in splits]
    everything = sorted(set().union(*trained))
    for split, labels in zip(splits, trained, strict=True):
        check_leak(samples, split)
        if len(labels) < 2:
            raise InputError(
                "train",
                expected="training samples of two labels or more",
                found=f"{split.name}: all {len(split.train)} training rows are {labels[0]!r}",
                hint="choose training rows with more labels, or other folds",
            )
        absent = sorted((set(label.iloc[split.test]) | set(everything)) - set(labels))
        if absent:
            raise InputError(
                "train",
                expected="training samples of every label that is tested",
                found=f"{split.name}: no training sample of {', '.join(map(repr, absent))}; "
                f"trained: {', '.join(labels)}",
                hint="choose training rows that have them, or leave them out with labels",
            )
    return everything


def row_groups(samples: pd.DataFrame, columns: list[str]) -> np.ndarray:
    """Give rows a number by the combination of values that they have in some columns.

    Returns
    -------
    ndarray of int, shape (n_rows,)
    """
    return samples.groupby(columns, dropna=False, sort=False).ngroup().to_numpy()


def check_leak(samples: pd.DataFrame, split: Split) -> None:
    """Refuse trials and volumes that both train and test.

    Parameters
    ----------
    samples : DataFrame
        As `check_splits` takes it.
    split : Split
        Training and test rows.

    Raises
    ------
    InputError
        If they share a trial or a volume.
    """
    trial = row_groups(samples, [*RUN, "trial"])
    both = np.isin(trial[split.test], trial[split.train])
    what = "trials"
    if not both.any():
        train, test = (_volume_keys(samples, rows) for rows in (split.train, split.test))
        both = pd.Series(np.isin(test["key"], train["key"])).groupby(test["row"]).any().to_numpy()
        what = "volumes"
    if both.any():
        row = split.test[np.flatnonzero(both)[0]]
        raise InputError(
            "test",
            expected=f"{what} that are not in the training rows",
            found=f"{split.name}: {np.count_nonzero(both)} test rows share {what} with training "
            f"rows, such as {_describe(samples, row)}",
            hint="split by run or by half of a run; shorten the window if windows overlap",
        )


def _volume_keys(samples: pd.DataFrame, rows: np.ndarray) -> dict[str, np.ndarray]:
    """List every volume that rows are made of, as a number that is unique over runs."""
    run, first = row_groups(samples, RUN)[rows], samples["tr"].to_numpy()[rows].astype(np.int64)
    count = np.ones(len(rows), dtype=np.int64)
    if "n_volumes" in samples:
        count = samples["n_volumes"].to_numpy()[rows].astype(np.int64)
    row = np.repeat(np.arange(len(rows)), count)
    within = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    return {"row": row, "key": run[row] * (1 << 40) + first[row] + within}


def _describe(samples: pd.DataFrame, row: int) -> str:
    values = samples.iloc[row]
    return ", ".join(f"{name} {values[name]}" for name in [*RUN, "trial", "tr"])
