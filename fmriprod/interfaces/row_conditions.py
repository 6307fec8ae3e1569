"""Which condition, and which participant or group, each row of features belongs to."""

from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

import h5py
import numpy as np
import pandas as pd

from fmriprod.algorithms.checks import InputError, suggest
from fmriprod.interfaces.events import read_table


def row_conditions(path: str, n_rows: int, column: str | None, trait: str = "column") -> list[str]:
    """Name the condition of each row of features.

    Parameters
    ----------
    path : str
        Table of the samples, as `LayerFeatures` writes it.
    n_rows : int
        Rows of the features.
    column : str, optional
        Column that names conditions; the folder of each ``stimulus`` unless given.
    trait : str
        Name of the input that ``column`` was given as, for errors.

    Raises
    ------
    InputError
        If rows differ in number, there is no such column, a value is missing, or stimuli lie in
        no folder.
    """
    samples = read_table(path, "samples_file")
    if len(samples) != n_rows:
        raise InputError(
            "samples_file", expected=f"a row for each of {n_rows} rows of features",
            found=f"{len(samples)} rows", hint="give samples_file of the same step",
            file=path,
        )  # fmt: skip
    if column is None:
        return _folders(samples, path)
    if column not in samples:
        raise InputError(
            trait, expected="a column of the samples", found=repr(column),
            hint=suggest(column, samples.columns), file=path,
        )  # fmt: skip
    values = samples[column]
    if values.isna().any():
        raise InputError(
            trait, expected=f"a value of {column!r} in every row",
            found=f"none in row {int(values.isna().argmax()) + 1}; {int(values.isna().sum())} such",
            hint="fill the table, or leave those rows out of the features", file=path,
        )  # fmt: skip
    return [str(value) for value in values]


def _folders(samples: pd.DataFrame, path: str) -> list[str]:
    """Name the folder that each stimulus lies in."""
    names = samples["stimulus"].tolist() if "stimulus" in samples else []
    folders = [PurePosixPath(name).parent.name for name in names]
    if not folders or not all(folders):
        lone = names[folders.index("")] if folders else "no column 'stimulus'"
        raise InputError(
            "samples_file", expected="stimuli in a folder for each condition, such as zero/1.png",
            found=lone, hint="give the column that names conditions", file=path,
        )  # fmt: skip
    return folders


def number_conditions(
    conditions: Sequence[str], order: Sequence[str] | None, trait: str = "conditions"
) -> tuple[np.ndarray, list[str]]:
    """Give conditions numbers, in a wanted order or that of their first rows.

    Returns
    -------
    ndarray of int, shape (n_rows,)
        Number of each row's condition; -1 where it is not among the wanted ones.
    list of str
        Conditions by number.

    Raises
    ------
    InputError
        If a wanted condition has no row, or is named twice.
    """
    names = list(order or dict.fromkeys(conditions))
    number = {name: k for k, name in enumerate(names)}
    found = np.array([number.get(name, -1) for name in conditions], dtype=np.int64)
    lacking = [name for name in names if name not in set(conditions)]
    if lacking or len(number) < len(names):
        raise InputError(
            trait, expected="conditions of the rows, each once",
            found=", ".join(map(repr, lacking or names)),
            hint=suggest((lacking or names)[0], dict.fromkeys(conditions)),
        )  # fmt: skip
    return found, names


def column_blocks(
    dataset: h5py.Dataset, rows: np.ndarray, most_bytes: float
) -> Iterator[np.ndarray]:
    """Read some rows of a layer a block of columns at a time: arrays ``(n_rows, n)``.

    Parameters
    ----------
    dataset : h5py.Dataset, shape (n_samples, n_features)
        A layer.
    rows : ndarray of int
        Rows, rising.
    most_bytes : float
        Of a block as float64, in which it is used.
    """
    n_features = dataset.shape[1]
    width = max(1, int(most_bytes / (8 * len(rows))))
    whole = len(rows) == len(dataset)
    for start in range(0, n_features, width):
        columns = slice(start, start + width)
        yield dataset[:, columns] if whole else dataset[rows, columns]
