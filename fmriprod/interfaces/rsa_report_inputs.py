"""What the report on representational similarity is made of: RDMs, tables, maps, pictures."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import nibabel as nb
import numpy as np
import pandas as pd

from fmriprod.algorithms.checks import InputError, suggest
from fmriprod.algorithms.rdm import match_conditions
from fmriprod.algorithms.rsa_participants import over_participants
from fmriprod.interfaces.events import read_table
from fmriprod.interfaces.images import check_same_grid, load_image
from fmriprod.interfaces.rdm_file import read_rdms
from fmriprod.reports.rsa_pairs import check_pairs

SQUARED = ("euclidean", "mahalanobis", "crossnobis")  # see docs/design/rsa.md
_BLOCK = 2**22  # values of RDMs that are read at once


class ShownRDMs(NamedTuple):
    """RDMs of a file that are drawn, and how many there are.

    Attributes
    ----------
    title : str
        What they are.
    values : ndarray of float32, shape (n_shown, n_pairs)
        Those drawn: the first ones, or the mean of all spheres.
    names : list of str
        What is above each.
    conditions : list of str
        Of the rows.
    distance : str
        Which.
    n_rdms, n_unknown, n_constant : int
        RDMs of the file, those with unknown pairs, and those whose pairs are all the same.
    """

    title: str
    values: np.ndarray
    names: list[str]
    conditions: list[str]
    distance: str
    n_rdms: int
    n_unknown: int
    n_constant: int


class SphereMaps(NamedTuple):
    """Similarities of spheres with models.

    ``values`` and ``q`` have shape (n_models, n_voxels), of the voxels of ``mask`` in C order.
    """

    values: np.ndarray
    q: np.ndarray | None
    mask: np.ndarray
    image: nb.Nifti1Image
    models: list[str]


def read_shown(path: str, title: str, most: int) -> ShownRDMs:
    """Read the first RDMs of a file; of spheres, which have no names, their mean.

    Parameters
    ----------
    path : path
        HDF5, see `fmriprod.interfaces.rdm_file`.
    title : str
        What they are.
    most : int
        RDMs that are drawn.
    """
    rdms = read_rdms(path, "rdm_files")
    stored = rdms.dissimilarities
    total = np.zeros(stored.shape[1])
    counts = {"known": 0, "constant": 0}
    step = max(1, _BLOCK // stored.shape[1])
    for start in range(0, len(stored), step):
        block = np.asarray(stored[start : start + step])
        known = np.isfinite(block).all(axis=1)
        total += block[known].sum(axis=0, dtype=np.float64)
        counts["known"] += int(known.sum())
        counts["constant"] += int((np.ptp(block[known], axis=1) == 0).sum())
    if rdms.names is not None:
        values, names = np.array(stored[:most]), rdms.names[:most]
    elif len(stored) == 1:
        values, names = np.array(stored), [title]
    else:
        values = (total / max(counts["known"], 1))[None].astype(np.float32)
        names = [f"mean of {counts['known']:,} spheres"]
    return ShownRDMs(title, values, names, rdms.conditions, rdms.distance, len(stored),
                     len(stored) - counts["known"], counts["constant"])  # fmt: skip


def read_groups(path: str, conditions: Sequence[str]) -> list[str]:
    """Read the group of each condition from a table with columns ``condition`` and ``group``.

    Raises
    ------
    InputError
        If a column or a condition is lacking.
    """
    table = _read_columns(path, "groups", ("condition", "group"))
    return table["group"].iloc[match_conditions(conditions, table["condition"], "groups")].tolist()


def read_pictures(
    files: Sequence[str], names: Sequence[str], conditions: Sequence[str]
) -> list[np.ndarray]:
    """Read the picture of each condition; they are matched by name.

    Raises
    ------
    InputError
        If names do not fit the files, a condition has none, or a file is no picture.
    """
    from PIL import Image, UnidentifiedImageError

    if names and len(names) != len(files):
        raise InputError(
            "stimulus_names", expected=f"the condition of each of {len(files)} pictures",
            found=f"{len(names)}", hint="give both in one order, or name files as conditions",
        )  # fmt: skip
    given = list(names) or [Path(file).stem for file in files]
    pictures = []
    for place in match_conditions(conditions, given, "stimulus_files"):
        try:
            with Image.open(files[place]) as image:
                image.thumbnail((160, 160))
                pictures.append(np.asarray(image.convert("RGB")))
        except (UnidentifiedImageError, OSError) as err:
            raise InputError(
                "stimulus_files", expected="readable pictures (PNG or JPEG)",
                found=f"{type(err).__name__}", hint="look at the file", file=str(files[place]),
            ) from None  # fmt: skip
    return pictures


def read_similarities(path: str) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    """Read ``rdm model value`` and what goes with them; participants are summed up.

    Returns
    -------
    table : DataFrame
        A row a pair.
    points : DataFrame or None
        ``rdm model value`` of each participant, where there is a column ``participant``.

    Raises
    ------
    InputError
        If a column is lacking, or a pair occurs twice.
    """
    table = _read_columns(path, "table_files", ("rdm", "model", "value"))
    if "participant" not in table:
        return check_pairs(table)
    twice = table.duplicated(["participant", "rdm", "model"])
    if twice.any():
        row = table[twice].iloc[0]
        raise InputError(
            "table_files", expected="one row for each participant, RDM and model",
            found=f"{row['participant']!r}, {row['rdm']!r} and {row['model']!r} more than once",
            hint="give one table for each analysis", file=str(path),
        )  # fmt: skip
    ceilings = [name for name in ("ceiling_lower", "ceiling_upper") if name in table]
    found = over_participants(table)
    if ceilings:
        ends = table.groupby(["rdm", "model"], sort=False)[ceilings].first().reset_index()
        found = found.merge(ends, on=["rdm", "model"])
    return check_pairs(found, table[["rdm", "model", "value"]].dropna())


def read_region_tables(path: str, points: str | None) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    """Read regions, and values of participants if there are any; names stay text."""
    table = _read_columns(path, "region", ("roi", "map", "mean"))
    if points is None:
        return table, None
    own = _read_columns(points, "region_participant", ("roi", "map", "mean"))
    if "voxels" in own:  # the mean of all voxels, not of positive ones
        own = own[own["voxels"] == "all"]
    return table, own.rename(columns={"mean": "value"})


def read_sphere_maps(value_map: str, q_map: str | None, models: Sequence[str]) -> SphereMaps:
    """Read maps of spheres; voxels that are finite and not 0 in some model are shown.

    Raises
    ------
    InputError
        If volumes and names differ in number, grids differ, or no voxel has a value.
    """
    data, image = _volumes(value_map, "value_map", models)
    mask = (np.isfinite(data) & (data != 0)).any(axis=3)
    if not mask.any():
        raise InputError(
            "value_map", expected="a voxel with a value", found="none that is finite and not 0",
            hint="look at the map: the mask of spheres may be empty", file=value_map,
        )  # fmt: skip
    q = None
    if q_map is not None:
        q, other = _volumes(q_map, "q_map", models)
        check_same_grid(other, image)
        q = q[mask].T
    return SphereMaps(data[mask].T, q, mask, image, list(models))


def _volumes(path: str, subject: str, models: Sequence[str]) -> tuple[np.ndarray, nb.Nifti1Image]:
    data, image = load_image(path)
    data = data[..., None] if data.ndim == 3 else data
    if data.ndim != 4 or data.shape[3] != len(models):
        raise InputError(
            subject, expected=f"a volume for each of {len(models)} names"
            + (f": {', '.join(models)}" if models else " (map_names are not given)"),
            found=f"shape {data.shape}", hint="give map_names in the order of the volumes",
            file=path,
        )  # fmt: skip
    return data, image


def _read_columns(path: str, subject: str, needed: Sequence[str]) -> pd.DataFrame:
    """Read a table with certain columns, of which names stay text."""
    table = read_table(path, subject)
    lacking = [name for name in needed if name not in table]
    if lacking or table.empty:
        raise InputError(
            subject, expected=f"a table with columns {', '.join(needed)} and a row at least",
            found=f"no column {', '.join(lacking)}" if lacking else "no row",
            hint=suggest(lacking[0], table.columns) if lacking else "run the step again",
            file=str(path),
        )  # fmt: skip
    words = [name for name in ("condition", "group", "rdm", "model", "participant", "roi", "map")
             if name in table]  # fmt: skip
    text = pd.read_csv(path, sep="\t", dtype=str, usecols=words, keep_default_na=False,
                       encoding="utf-8-sig")  # fmt: skip
    return table.assign(**{name: text[name] for name in words})
