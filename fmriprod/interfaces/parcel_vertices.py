"""Which parcel each vertex of fsaverage belongs to."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from xml.parsers.expat import ExpatError

import nibabel as nb
import numpy as np
import pandas as pd
from nibabel.filebasedimages import ImageFileError

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.nearest_parcel import nearest_parcel
from fmriprod.interfaces.fsaverage import SIDES, Hemisphere, facing_outwards
from fmriprod.interfaces.image_files import load_file
from fmriprod.interfaces.neuromatch_regions import read_atlas, read_regions
from fmriprod.interfaces.parcel_table import match_parcels, plain_name
from fmriprod.reports.parcel_edges import parcel_places

N_VERTICES = 10242  # of a hemisphere of fsaverage5
_FINER = (N_VERTICES, 40962, 163842)  # fsaverage5, 6 and 7; each begins with the coarser one's
_HEMISPHERES = {"L": "left", "R": "right"}
_UNREADABLE = (OSError, ValueError, IndexError, EOFError, AttributeError, MemoryError, Warning,
               ImageFileError, ExpatError)  # fmt: skip
_NO_CORTEX = 0.6  # mm: the cortex of fsaverage is thinner on the medial wall only


def read_vertices(label_files: Sequence[str], parcels: pd.DataFrame) -> dict[str, np.ndarray]:
    """Read which parcel each vertex belongs to, by name.

    Parameters
    ----------
    label_files : sequence of path
        FreeSurfer annotations (``.annot``) or GIFTI labels (``.label.gii``), a file a hemisphere,
        on fsaverage, fsaverage6 or fsaverage5. The hemisphere is told by the parcels' names.
    parcels : DataFrame
        ``name hemisphere``.

    Returns
    -------
    dict of str to ndarray of int64, shape (10242,)
        ``left`` and ``right``: rows of parcels, -1 where there is none (as on the medial wall).

    Raises
    ------
    InputError
        If a file cannot be read, is of another surface, of other parcels or of the same
        hemisphere as another, or lacks a parcel.
    """
    names = [plain_name(str(name)) for name in parcels["name"]]
    place = {name: row for row, name in enumerate(names)}
    found: dict[str, np.ndarray] = {}
    for path in label_files:
        labels = _read_labels(path)
        rows = np.array([place.get(plain_name(name), -1) for name in labels.categories] or [-1])
        sides = set(parcels["hemisphere"].iloc[rows[rows >= 0]])
        side = _HEMISPHERES.get(sides.pop()) if len(sides) == 1 else None
        if side is None or side in found:
            what = f"those of {side} again" if side else "none" if not (rows >= 0).any() else "both"
            raise _refuse(path, "parcels of parcels_file, one hemisphere a file", what)
        own = [n for n, s in zip(names, parcels["hemisphere"], strict=True) if s == side[0].upper()]
        try:
            match_parcels(own, list(labels.categories), "label_files", others="leave_out")
        except InputError as err:
            err.file = str(path)
            raise
        codes = np.asarray(labels.codes)[:N_VERTICES]
        found[side] = np.where(codes >= 0, rows[codes], -1).astype(np.int64)
    return found


def atlas_vertices(
    atlas_file: str, regions_file: str, parcels: pd.DataFrame
) -> dict[str, np.ndarray]:
    """Read which parcel each vertex belongs to from the Neuromatch Academy's ``atlas.npz``.

    Parameters
    ----------
    atlas_file, regions_file : str
        Its labels are rows of ``regions.npy``, which knows the names.
    parcels : DataFrame
        ``name``.

    Returns
    -------
    dict of str to ndarray of int64, shape (10242,)
        As of `read_vertices`.

    Raises
    ------
    InputError
        If files or parcels disagree.
    """
    regions = read_regions(regions_file)
    atlas = read_atlas(atlas_file, len(regions))
    # Row of parcels for each row of the atlas.
    rows = match_parcels(list(regions["name"]), list(parcels["name"]), "regions")
    found = {}
    for letter, side in _HEMISPHERES.items():
        labels = atlas[f"labels_{letter}"].astype(np.int64)
        if labels.shape != (N_VERTICES,):
            raise _refuse(atlas_file, f"{N_VERTICES} vertices of fsaverage5", str(labels.shape))
        found[side] = np.where(labels >= 0, rows[labels], -1)
    return found


def nearest_vertices(parcels: pd.DataFrame) -> dict[str, np.ndarray]:
    """Give each vertex the parcel of its hemisphere whose centre is nearest.

    The boundaries are not those of the parcellation: this is a stopgap where there are no labels.
    Most of the medial wall, where fsaverage has no cortex, is left out.

    Parameters
    ----------
    parcels : DataFrame
        ``name hemisphere x y z`` (MNI, mm).

    Returns
    -------
    dict of str to ndarray of int64, shape (10242,)
        As of `read_vertices`.

    Raises
    ------
    InputError
        If there are no places.
    """
    from nilearn.datasets import fetch_surf_fsaverage
    from nilearn.surface import load_surf_data, load_surf_mesh

    places, files = parcel_places(parcels), fetch_surf_fsaverage("fsaverage5")
    found = {}
    for letter, side in _HEMISPHERES.items():
        rows = np.flatnonzero(parcels["hemisphere"] == letter)
        if not len(rows):
            continue
        pial = load_surf_mesh(files[f"pial_{side}"]).coordinates
        nearest = nearest_parcel(pial, places, rows)
        cortex = np.asarray(load_surf_data(files[f"thick_{side}"])) >= _NO_CORTEX
        found[side] = np.where(cortex, nearest, -1).astype(np.int64)
    return found


def paint_vertices(rows: dict[str, np.ndarray], values: np.ndarray) -> dict[str, Hemisphere]:
    """Lay values of parcels over the inflated hemispheres of fsaverage5.

    Parameters
    ----------
    rows : dict of str to ndarray of int, shape (10242,)
        As of `read_vertices`; a hemisphere that is lacking has no values.
    values : ndarray of float, shape (n_parcels,)

    Returns
    -------
    dict of str to Hemisphere
        ``left`` and ``right``, with one map.
    """
    from nilearn.datasets import fetch_surf_fsaverage
    from nilearn.surface import load_surf_data, load_surf_mesh

    files = fetch_surf_fsaverage("fsaverage5")  # in Nilearn's package: nothing is fetched
    values, found = np.asarray(values, dtype=np.float32), {}
    for side in SIDES:
        mesh = load_surf_mesh(files[f"infl_{side}"])
        own = rows.get(side, np.full(N_VERTICES, -1))
        painted = np.where(own >= 0, values[own], np.float32(np.nan))
        sulcus = np.asarray(load_surf_data(files[f"sulc_{side}"])) > 0
        faces = facing_outwards(mesh.coordinates, mesh.faces)
        found[side] = Hemisphere(mesh.coordinates, faces, sulcus, painted[None])
    return found


def _read_labels(path: str) -> pd.Categorical:
    """Read the name of each vertex; missing where it has none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # NumPy only warns of a file that ends too early
            if Path(path).name.endswith(".gii"):
                image = load_file(path)
                codes = np.asarray(image.darrays[0].data)
                table = image.labeltable.get_labels_as_dict()
            else:
                codes, _, texts = nb.freesurfer.read_annot(path)
                table = {number: text.decode() for number, text in enumerate(texts)}
    except _UNREADABLE as err:
        found = f"a file that cannot be read ({str(err).splitlines()[0] if str(err) else err!r})"
        raise _refuse(path, "an annotation of FreeSurfer's or GIFTI labels", found) from None
    if codes.shape not in [(n,) for n in _FINER]:
        raise _refuse(
            path, f"labels of {', '.join(map(str, _FINER))} vertices (fsaverage5, 6, 7)",
            f"shape {codes.shape}",
        )  # fmt: skip
    return pd.Categorical([table.get(int(code)) for code in codes])


def _refuse(path: str, expected: str, found: str) -> InputError:
    return InputError(
        "label_files", expected=expected, found=found,
        hint="give lh and rh of this parcellation on fsaverage; labels on fs_LR have to be "
        "resampled first", file=str(path),
    )  # fmt: skip
