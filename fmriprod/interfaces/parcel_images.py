"""Series of parcels from a 4-D image and an image of labels."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.parcel_means import parcel_means, usable_columns
from fmriprod.interfaces.events import read_table
from fmriprod.interfaces.images import check_same_grid, open_image, read_voxels, repetition_time
from fmriprod.interfaces.parcel_table import complete_parcels
from fmriprod.interfaces.volume_stream import VolumeReader


def read_labelled_image(
    path: str | Path,
    labels_file: str | Path,
    table_file: str | Path,
    tr: float | None = None,
    others: str = "error",
) -> tuple[np.ndarray, pd.DataFrame, float]:
    """Average the voxels of each label, in the memory of a volume.

    Parameters
    ----------
    path, labels_file : str or Path
        4-D series, and labels on the same grid (whole numbers; 0: none).
    table_file : str or Path
        TSV of BIDS: ``index name``.
    tr : float, optional
        In s, where the header has none.
    others : {"error", "leave_out"}
        What to do with labels that the table does not name.

    Returns
    -------
    series : ndarray of float32, shape (n_parcels, n_volumes)
        Means over voxels that are finite and not constant, NaN where there is none.
    parcels : DataFrame
        ``name hemisphere network n_voxels`` and the table's other columns, in its order.
    tr : float
        In s.

    Raises
    ------
    InputError
        If grids differ, labels and table disagree, or the repetition time is not known.
    """
    image = open_image(path, ndim=4)
    seconds = repetition_time(image, tr)
    label_image = open_image(labels_file, ndim=3)
    check_same_grid(label_image, image)
    parcels = _read_label_table(table_file)
    rows = _rows(read_voxels(label_image, np.float64), parcels["index"], labels_file, others)
    inside = np.flatnonzero(rows >= 0)

    def volumes() -> Iterator[np.ndarray]:
        reader = VolumeReader(path)
        for number in range(reader.n_volumes):
            yield reader(number).ravel()[inside][None]

    series, parcels["n_voxels"] = parcel_means(
        volumes(), rows[inside], len(parcels), usable_columns(volumes())
    )
    return series, parcels.drop(columns="index"), seconds


def _read_label_table(path: str | Path) -> pd.DataFrame:
    table = read_table(path, "label_table")
    if not {"index", "name"} <= set(table) or table["index"].dtype.kind != "i":
        raise InputError(
            "label_table", expected="columns index (whole numbers) and name",
            found=", ".join(map(str, table.columns)), hint="write it as a BIDS dseg.tsv",
            file=str(path),
        )  # fmt: skip
    table = table[table["index"] != 0].reset_index(drop=True)  # 0 is background
    twice = table["index"][table["index"].duplicated()].unique()
    if len(twice):
        raise InputError(
            "label_table", expected="an index a row", found=f"{twice[0]} twice",
            hint="give each label one name", file=str(path),
        )  # fmt: skip
    return complete_parcels(table, path)


def _rows(labels: np.ndarray, index: pd.Series, path: str | Path, others: str) -> np.ndarray:
    """Give the row of each voxel in the table, -1 outside."""
    flat = labels.ravel()
    if not (np.isfinite(flat) & (flat == np.rint(flat))).all():
        raise InputError(
            "labels", expected="whole numbers", found="others",
            hint="resample labels with the nearest neighbour", file=str(path),
        )  # fmt: skip
    values, place = np.unique(flat.astype(np.int64), return_inverse=True)
    row_of = {int(key): row for row, key in enumerate(index)}
    rows = np.array([row_of.get(int(value), -1) for value in values], dtype=np.int64)
    unnamed = values[(rows < 0) & (values != 0)]
    if len(unnamed) and others == "error":
        raise InputError(
            "labels", expected="labels that the table names",
            found=f"{len(unnamed)} others: {', '.join(map(str, unnamed[:5]))}",
            hint="give the table that belongs to the image, or set unwanted to leave_out",
            file=str(path),
        )  # fmt: skip
    if (rows < 0).all():
        raise InputError(
            "labels", expected="voxels with labels of the table", found="none",
            hint="give the table that belongs to the image", file=str(path),
        )  # fmt: skip
    return rows[place.ravel()]
