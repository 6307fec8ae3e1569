"""The table of parcels, and the atlas, of the Neuromatch Academy's HCP subset."""

from pathlib import Path

import numpy as np
import pandas as pd

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.numpy_file import is_archive, load_array, load_arrays
from fmriprod.interfaces.parcel_table import check_names, hemisphere_of


def read_regions(path: str | Path, n_parcels: int | None = None) -> pd.DataFrame:
    """Read ``regions.npy``.

    Parameters
    ----------
    path : str or Path
        The file, or the folder that holds it.
    n_parcels : int, optional
        Rows of the series that it describes.

    Returns
    -------
    DataFrame
        ``name hemisphere network myelin``, a row a parcel in the order of the file.

    Raises
    ------
    InputError
        If it is no such table, or of another number of parcels, or a name occurs twice.
    """
    path = Path(path)
    path = path / "regions.npy" if path.is_dir() else path
    rows = _load(path, "text (n_parcels, 3): name, network, myelin")
    if rows.ndim != 2 or rows.shape[1] != 3 or rows.dtype.kind not in "US":
        raise _refuse(
            path, "text (n_parcels, 3): name, network, myelin", f"{rows.dtype} {rows.shape}"
        )
    rows = rows.astype(str)
    try:
        myelin = rows[:, 2].astype(np.float64)
    except ValueError as err:
        raise _refuse(path, "numbers in the third column, myelin", str(err)) from None
    table = pd.DataFrame({"name": rows[:, 0], "hemisphere": [hemisphere_of(n) for n in rows[:, 0]],
                          "network": rows[:, 1], "myelin": myelin})  # fmt: skip
    check_names(table, path, n_parcels)
    return table


def read_atlas(path: str | Path, n_parcels: int | None = None) -> dict[str, np.ndarray]:
    """Read ``atlas.npz``.

    Parameters
    ----------
    path : str or Path
        The file, or a folder: it lies there or beside it.
    n_parcels : int, optional
        Parcels that it must know.

    Returns
    -------
    dict of str to ndarray
        ``labels_L`` and ``labels_R``: row of the parcel of each vertex of a hemisphere of
        fsaverage5 (int, (10242,)); ``coords``: MNI, mm, (n_parcels, 3).

    Raises
    ------
    InputError
        If it is no such file, or of other parcels.
    """
    path = Path(path)
    if path.is_dir():
        path = next((p for p in (path / "atlas.npz", path.parent / "atlas.npz") if p.is_file()),
                    path / "atlas.npz")  # fmt: skip
    atlas = _load(path, "arrays labels_L, labels_R and coords")
    names = ("labels_L", "labels_R", "coords")
    if not isinstance(atlas, dict) or not set(names) <= set(atlas):
        found = ", ".join(atlas) if isinstance(atlas, dict) else "one array"
        raise _refuse(path, "arrays labels_L, labels_R and coords", found)
    kinds = {"labels_L": (1, "iu"), "labels_R": (1, "iu"), "coords": (2, "iuf")}
    for name, (ndim, kind) in kinds.items():
        array = atlas[name]
        if array.ndim != ndim or array.dtype.kind not in kind or not array.size:
            raise _refuse(path, f"numbers in {name}", f"{array.dtype} of shape {array.shape}")
    n_coords, last = len(atlas["coords"]), max(int(atlas[k].max()) for k in names[:2])
    if (n_parcels or n_coords) != n_coords or last >= n_coords:
        raise _refuse(
            path, f"{n_parcels or n_coords} parcels", f"{n_coords} places, labels up to {last}"
        )
    return {name: atlas[name] for name in names}


def _load(path: Path, expected: str) -> np.ndarray | dict[str, np.ndarray]:
    try:
        return load_arrays(path) if is_archive(path) else load_array(path)
    except (OSError, ValueError) as err:
        raise _refuse(path, expected, str(err)) from None


def _refuse(path: Path, expected: str, found: str) -> InputError:
    return InputError(
        "parcels", expected=expected, found=found,
        hint="give the file that comes with the series", file=str(path),
    )  # fmt: skip
