"""Tables of parcels: which row of an array is which region, by name."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from fmriprod.algorithms.checks import InputError, suggest
from fmriprod.interfaces.events import read_table
from fmriprod.interfaces.numpy_file import load_array

_SIDE = re.compile(
    r"^([LR])_|_([LR])$|(?:^|_)([LR])H_|_([LR])H$|^(left|right)[ _-]|[ _-](left|right)$",
    re.IGNORECASE,
)
_SIDES = {"l": "L", "lh": "L", "left": "L", "r": "R", "rh": "R", "right": "R"}
_NO_SIDE = ("", "na", "nan", "none", "b", "both", "bilateral")


def read_parcels(path: str | Path, n_parcels: int | None = None) -> pd.DataFrame:
    """Read a table of parcels.

    Parameters
    ----------
    path : str or Path
        TSV with a column ``name``, a row a parcel.
    n_parcels : int, optional
        Rows of the array that it describes.

    Returns
    -------
    DataFrame
        ``name hemisphere network`` and the other columns; see `complete_parcels`.

    Raises
    ------
    InputError
        If there is no column of names, or as of `complete_parcels`.
    """
    table = read_table(path, "parcels")
    if "name" not in table:
        raise InputError(
            "parcels", expected="a column name", found=", ".join(map(str, table.columns)),
            hint=suggest("name", list(map(str, table.columns))), file=str(path),
        )  # fmt: skip
    return complete_parcels(table, path, n_parcels)


def complete_parcels(
    table: pd.DataFrame, path: str | Path, n_parcels: int | None = None
) -> pd.DataFrame:
    """Check a table of parcels, and add the columns that it lacks.

    Parameters
    ----------
    table : DataFrame
        With a column ``name``, text.
    path : str or Path
        Its file, for messages.
    n_parcels : int, optional
        As of `read_parcels`.

    Returns
    -------
    DataFrame
        With ``hemisphere``: ``L`` or ``R``, missing where the column has ``n/a``, ``both``, or
        nothing; without the
        column it is read from names (``L_V1``, ``V1_R``, ``LH_Vis_1``, ``left V1``), ``n/a``
        where those do not say. With ``network``, ``n/a`` where there was none.

    Raises
    ------
    InputError
        If a name is missing or occurs twice, their number is another, or a hemisphere is neither
        left nor right.
    """
    unnamed = table["name"].isna() | table["name"].astype(str).str.strip().eq("")
    if unnamed.any():
        raise InputError(
            "parcels", expected="a name for each parcel",
            found=f"none in {int(unnamed.sum())} rows", hint="name them",
            file=str(path),
        )  # fmt: skip
    check_names(table, path, n_parcels)
    if "hemisphere" in table:
        sides = _sides(table["hemisphere"], path)
    else:
        sides = [hemisphere_of(name) for name in table["name"]]
    networks = table.get("network", "n/a")
    return table.assign(hemisphere=sides, network=networks)


def _sides(given: pd.Series, path: str | Path) -> pd.Series:
    """Write hemispheres as L and R: other words for them would be of no hemisphere."""
    words = given.dropna().astype(str)
    words = words[~words.str.strip().str.lower().isin(_NO_SIDE)]
    sides = words.str.strip().str.lower().map(_SIDES)
    if sides.isna().any():
        raise InputError(
            "parcels", expected="L, R or n/a in the column hemisphere (or lh, left and the like)",
            found=repr(words[sides.isna()].iloc[0]),
            hint="write n/a for parcels of both hemispheres or of none", file=str(path),
        )  # fmt: skip
    return sides.reindex(given.index)


def check_names(table: pd.DataFrame, path: str | Path, n_parcels: int | None = None) -> None:
    """Refuse a table in which a name occurs twice, or of another number of parcels.

    Raises
    ------
    InputError
        That names the parcels, or both numbers.
    """
    plain = table["name"].map(plain_name)
    twice = plain[plain.duplicated()].unique()
    if len(twice):
        raise InputError(
            "parcels", expected="a name for each parcel", found=f"{', '.join(twice[:5])} twice",
            hint="rename them", file=str(path),
        )  # fmt: skip
    if n_parcels is not None and len(table) != n_parcels:
        raise InputError(
            "parcels", expected=f"{n_parcels} parcels, as the array has rows",
            found=f"{len(table)}", hint="give the table that belongs to the array", file=str(path),
        )  # fmt: skip


def plain_name(name: str) -> str:
    """Leave out the ``_ROI`` that the HCP's files add to names.

    Examples
    --------
    >>> plain_name("L_V1_ROI"), plain_name("L_V1")
    ('L_V1', 'L_V1')
    """
    return name.removesuffix("_ROI")


def hemisphere_of(name: str) -> str:
    """Read the hemisphere from a name: ``L``, ``R``, or ``n/a``.

    Examples
    --------
    >>> [hemisphere_of(name) for name in ("L_V1", "V1_R_ROI", "RH_Vis_1", "Brain-Stem")]
    ['L', 'R', 'R', 'n/a']
    """
    found = _SIDE.search(plain_name(name))
    return next(part for part in found.groups() if part)[0].upper() if found else "n/a"


def match_parcels(
    wanted: Sequence[str],
    given: Sequence[str],
    subject: str = "parcels",
    *,
    others: str = "error",
) -> np.ndarray:
    """Find the row of each wanted parcel among the given ones.

    Parameters
    ----------
    wanted, given : sequence of str
        Names; ``_ROI`` at their ends does not count.
    subject : str
        What they are, for messages.
    others : {"error", "leave_out"}
        What to do with given parcels that nobody wants.

    Returns
    -------
    ndarray of int64, shape (n_wanted,)
        Rows of the given ones.

    Raises
    ------
    InputError
        If one is lacking, or there are others.
    """
    place = {plain_name(name): row for row, name in enumerate(given)}
    lacking = [name for name in wanted if plain_name(name) not in place]
    more = sorted(set(place) - {plain_name(name) for name in wanted})
    if lacking or (more and others == "error"):
        found = (
            f"lacking: {', '.join(lacking[:5]) or 'none'}; others: {', '.join(more[:5]) or 'none'}"
        )
        meant = [s for s in [suggest(n, list(given)) for n in lacking[:1]] if s.startswith("did")]
        raise InputError(
            subject, expected=f"the same {len(wanted)} parcels, in any order",
            found=f"{len(lacking)} lacking, {len(more)} others ({found})",
            hint=meant[0].split("? ")[0] + "?" if meant else "use one parcellation for all",
        )  # fmt: skip
    return np.array([place[plain_name(name)] for name in wanted], dtype=np.int64)


def read_series(path: str | Path, subject: str = "series") -> np.ndarray:
    """Read a series of parcels: float32, shape (n_parcels, n_volumes).

    Raises
    ------
    InputError
        If it is no such array, or holds infinity, or a parcel with some NaN.
    """
    try:
        series = load_array(path)
    except (OSError, ValueError) as err:
        raise _no_series(path, subject, str(err).splitlines()[0]) from None
    if series.ndim != 2 or series.dtype.kind not in "fiu" or 0 in series.shape:
        raise _no_series(path, subject, f"{series.dtype} of shape {series.shape}")
    with np.errstate(over="ignore", invalid="ignore"):
        series = series.astype(np.float32, copy=False)
        if np.isfinite(series.sum(axis=1)).all():  # nothing is missing: one pass says so
            return series
    missing = np.isnan(series)
    broken = np.isinf(series).any(axis=1) | (missing.any(axis=1) & ~missing.all(axis=1))
    if broken.any():
        raise InputError(
            subject, expected="finite numbers, or NaN in the whole row of a parcel",
            found=f"{int(broken.sum())} parcels with some values that are not finite, first row "
            f"{int(broken.argmax())} (counted from 0)",
            hint="mend what made the series, or set these rows to NaN", file=str(path),
        )  # fmt: skip
    return series


def _no_series(path: str | Path, subject: str, found: str) -> InputError:
    return InputError(
        subject, expected="a series of parcels, .npy (n_parcels, n_volumes)", found=found,
        hint="give series_file of ParcelTimeseries", file=str(path),
    )  # fmt: skip
