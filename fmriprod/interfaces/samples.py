"""Read feature matrices with their sample and voxel tables."""

from pathlib import Path

import numpy as np
import pandas as pd

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.events import read_table
from fmriprod.interfaces.numpy_file import load_array


def read_features(
    features_files: list[str], samples_files: list[str]
) -> tuple[np.ndarray, pd.DataFrame]:
    """Read feature matrices and their sample tables and stack them.

    Returns
    -------
    features : ndarray of float32, shape (n_samples, n_voxels)
        Rows of all files.
    samples : DataFrame
        ``subject``, ``task``, ``run`` and ``label`` are text.

    Raises
    ------
    InputError
        If the lists differ in length, a table has other rows than its matrix or lacks
        columns, matrices differ in their columns, or a run is there twice.
    """
    if not features_files or len(features_files) != len(samples_files):
        raise _unequal("samples_files", features_files, samples_files)
    matrices = [_read_matrix(path) for path in features_files]
    tables = [
        _read_samples(path, len(matrix))
        for path, matrix in zip(samples_files, matrices, strict=True)
    ]
    widths = [matrix.shape[1] for matrix in matrices]
    for path, width in zip(features_files, widths, strict=True):
        if width != widths[0]:
            raise InputError(
                "features_files",
                expected=f"{widths[0]} voxels, as {features_files[0]} has",
                found=f"{width}",
                hint="make all features with the same mask",
                file=path,
            )
    samples = pd.concat(tables, ignore_index=True)
    twice = samples.duplicated(["subject", "task", "run", "trial", "tr", "time_point"])
    if twice.any():
        row = samples[twice].iloc[0]
        raise InputError(
            "samples_files",
            expected="each sample once",
            found=f"{twice.sum()} samples twice, such as subject {row.subject}, task {row.task}, "
            f"run {row.run}, trial {row.trial}, tr {row.tr}",
            hint="give each run once, and runs different labels (run_label of Featurize)",
        )
    return np.concatenate(matrices), samples


def read_voxel_tables(
    voxels_files: list[str], features_files: list[str], n_voxels: int
) -> pd.DataFrame:
    """Read voxel tables that must agree; a voxel is usable if it is so in all of them.

    Raises
    ------
    InputError
        If there is not one for each feature file, tables differ in their voxels, or have
        other than ``n_voxels`` rows.
    """
    if len(voxels_files) != len(features_files):
        raise _unequal("voxels_files", features_files, voxels_files)
    place = ["i", "j", "k", "x", "y", "z"]
    first, usable = None, np.ones(n_voxels, dtype=np.int64)
    for path in voxels_files:
        table = read_table(path, "voxels_files")
        lacking = {*place, "usable"} - set(table.columns)
        if lacking or len(table) != n_voxels:
            raise InputError(
                "voxels_files",
                expected=f"{n_voxels} rows with columns {', '.join(place)}, usable",
                found=f"{len(table)} rows with columns {', '.join(table.columns)}",
                hint="give the voxels_file that Featurize wrote with these features",
                file=path,
            )
        numbers = table[[*place, "usable"]]
        words = [n for n, c in numbers.items() if c.dtype.kind not in "iufb" or c.isna().any()]
        if words:
            raise InputError(
                "voxels_files", expected=f"numbers in columns {', '.join(place)}, usable",
                found=f"others in {', '.join(words)}",
                hint="give the voxels_file that Featurize wrote with these features", file=path,
            )  # fmt: skip
        first = table if first is None else first
        differ = ~np.isclose(table[place], first[place], atol=1e-3).all(axis=1)
        if differ.any():
            row = int(np.flatnonzero(differ)[0])
            raise InputError(
                "voxels_files",
                expected=f"the voxels of {voxels_files[0]}",
                found=f"{differ.sum()} other voxels, the first in row {row + 1}: "
                f"{table.loc[row, place].tolist()} for {first.loc[row, place].tolist()}",
                hint="make all features with the same mask on the same grid",
                file=path,
            )
        usable &= table["usable"].to_numpy().astype(np.int64)
    return first.assign(usable=usable)


def _read_matrix(path: str) -> np.ndarray:
    try:
        matrix = load_array(path)
    except (ValueError, OSError, EOFError) as err:
        raise _bad_matrix(path, f"{err}") from None
    if not isinstance(matrix, np.ndarray) or matrix.ndim != 2 or matrix.dtype.kind not in "fiu":
        raise _bad_matrix(path, f"shape {getattr(matrix, 'shape', None)}")
    return matrix.astype(np.float32, copy=False)


def _read_samples(path: str, n_rows: int) -> pd.DataFrame:
    needed = ["subject", "task", "run", "label", "trial", "tr", "time_point"]
    table = read_table(path, "samples_files")
    lacking = [name for name in needed if name not in table.columns]
    if lacking or len(table) != n_rows:
        raise InputError(
            "samples_files",
            expected=f"{n_rows} rows, as the features have, with columns {', '.join(needed)}",
            found=f"{len(table)} rows" + (f", no {', '.join(lacking)}" if lacking else ""),
            hint="give the samples_file that Featurize wrote with these features",
            file=path,
        )
    text = pd.read_csv(
        path, sep="\t", dtype=str, usecols=needed[:4], keep_default_na=False, encoding="utf-8-sig"
    )
    return table.assign(**{name: text[name] for name in needed[:4]})


def _bad_matrix(path: str, found: str) -> InputError:
    return InputError(
        "features_files",
        expected="a .npy file with a matrix of numbers, samples x voxels",
        found=found,
        hint="give the features_file that Featurize wrote",
        file=str(Path(path)),
    )


def _unequal(subject: str, features_files: list[str], other: list[str]) -> InputError:
    return InputError(
        subject,
        expected=f"one file for each of {len(features_files)} features_files (at least one)",
        found=f"{len(other)} files",
        hint="give the lists in the same order of runs",
    )
