"""Series of parcels from CIFTI-2 files: ptseries, or dtseries with a dlabel."""

from collections.abc import Callable, Iterator
from pathlib import Path

import nibabel as nb
import numpy as np
import pandas as pd
from nibabel.cifti2 import BrainModelAxis, LabelAxis, ParcelsAxis, SeriesAxis

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.parcel_means import parcel_means, usable_columns
from fmriprod.interfaces.image_files import ImageFileProblem, load_file
from fmriprod.interfaces.images import image_damage
from fmriprod.interfaces.parcel_table import check_names, hemisphere_of

_TOLERANCE = 1e-3  # s


def open_cifti(path: str | Path, subject: str, *axes: type) -> nb.Cifti2Image:
    """Open a CIFTI-2 file that has certain axes.

    Raises
    ------
    InputError
        If it is absent, no such file, or has other axes.
    """
    wanted = " x ".join(axis.__name__ for axis in axes)
    try:
        image = load_file(path)
    except ImageFileProblem as err:
        raise _refuse(subject, path, f"CIFTI-2, {wanted}", str(err)) from None
    kinds = []
    if isinstance(image, nb.Cifti2Image):
        try:
            kinds = [type(image.header.get_axis(k)) for k in range(image.ndim)]
        except Exception as err:  # XML of any content
            found = f"axes that make no sense ({err})"
            raise _refuse(subject, path, f"CIFTI-2, {wanted}", found) from None
    if kinds != list(axes):
        found = " x ".join(kind.__name__ for kind in kinds) or "no CIFTI-2"
        raise _refuse(subject, path, f"CIFTI-2, {wanted}", found)
    return image


def read_ptseries(
    path: str | Path, tr: float | None = None
) -> tuple[np.ndarray, pd.DataFrame, float]:
    """Read a ptseries; the file itself names its parcels.

    Returns
    -------
    series : ndarray of float32, shape (n_parcels, n_volumes)
        As stored.
    parcels : DataFrame
        ``name hemisphere network``; hemispheres by names, else by the surface they lie on.
    tr : float
        In s.

    Raises
    ------
    InputError
        If it is no such file, names occur twice, or the time step is not known.
    """
    image = open_cifti(path, "in_file", SeriesAxis, ParcelsAxis)
    axis = image.header.get_axis(1)
    parcels = pd.DataFrame({"name": [str(name) for name in axis.name]})
    check_names(parcels, path)
    by_name = [hemisphere_of(name) for name in parcels["name"]]
    by_surface = [_side(part) for part in axis.vertices]
    parcels["hemisphere"] = [
        n if n != "n/a" else s for n, s in zip(by_name, by_surface, strict=True)
    ]
    parcels["network"] = "n/a"
    with image_damage(image):
        series = np.asarray(image.dataobj, np.float32).T
    return series, parcels, cifti_tr(image, tr)


def read_dtseries(
    path: str | Path, labels_file: str | Path, tr: float | None = None, memory_mb: float = 256.0
) -> tuple[np.ndarray, pd.DataFrame, float]:
    """Average the vertices and voxels of each parcel of a dlabel.

    Parameters
    ----------
    path, labels_file : str or Path
        dtseries and dlabel; they need not cover the same places, but lie on the same surfaces.
    tr : float, optional
        In s, where the file has none.
    memory_mb : float
        Memory of a block of volumes.

    Returns
    -------
    series : ndarray of float32, shape (n_parcels, n_volumes)
        Means of usable vertices and voxels, NaN where there is none.
    parcels : DataFrame
        ``name hemisphere network n_voxels`` (vertices and voxels averaged).
    tr : float
        In s.

    Raises
    ------
    InputError
        If a file is of another kind, or their surfaces or volumes are not the same.
    """
    image = open_cifti(path, "in_file", SeriesAxis, BrainModelAxis)
    labels = open_cifti(labels_file, "labels", LabelAxis, BrainModelAxis)
    seconds = cifti_tr(image, tr)
    rows, parcels = _rows(image.header.get_axis(1), labels, labels_file)
    blocks = _blocks(image, memory_mb)
    with image_damage(image):
        series, parcels["n_voxels"] = parcel_means(
            blocks(), rows, len(parcels), usable_columns(blocks())
        )
    return series, parcels, seconds


def cifti_tr(image: nb.Cifti2Image, given: float | None = None) -> float:
    """Tell the repetition time in s of a series.

    Raises
    ------
    InputError
        If neither the file nor ``given`` says it, or they differ by more than 1 ms.
    """
    axis = image.header.get_axis(0)
    step = float(axis.step) if axis.unit == "SECOND" and axis.step > 0 else None
    if step is None and given is None:
        raise InputError(
            "tr", expected="a repetition time in the file or as an input",
            found=f"a step of {axis.step:g} {axis.unit.lower()}", hint="give tr in seconds",
            file=image.get_filename(),
        )  # fmt: skip
    if step and given and abs(step - given) > _TOLERANCE:
        raise InputError(
            "tr", expected=f"the repetition time that was given, {given:g} s",
            found=f"{step:g} s in the file", hint="find out which is right; leave tr out for "
            "that of the file", file=image.get_filename(),
        )  # fmt: skip
    return step or given


def _blocks(image: nb.Cifti2Image, memory_mb: float) -> Callable[[], Iterator[np.ndarray]]:
    n_volumes, n_places = image.shape
    step = max(1, int(memory_mb * 2**20 / (8 * n_places)))  # and marks of it

    def read() -> Iterator[np.ndarray]:
        for first in range(0, n_volumes, step):
            yield np.asarray(image.dataobj[first : first + step], np.float32)

    return read


def _rows(
    places: BrainModelAxis, labels: nb.Cifti2Image, labels_file: str | Path
) -> tuple[np.ndarray, pd.DataFrame]:
    """Give the row of the parcel of each place of a series, -1 for none, and the parcels."""
    if labels.shape[0] != 1:
        raise _refuse("labels", labels_file, "a dlabel of one map", f"{labels.shape[0]} maps")
    table = labels.header.get_axis(0).label[0]
    known = {key: str(name) for key, (name, _) in table.items() if key != 0 and name != "???"}
    with image_damage(labels):
        keys = np.asarray(labels.dataobj[0]).astype(np.int64)
    there = [key for key in sorted(known) if key in set(keys.tolist())]  # tables name more
    parcels = pd.DataFrame({"name": [known[key] for key in there]})
    check_names(parcels, labels_file)
    parcels["hemisphere"] = [hemisphere_of(name) for name in parcels["name"]]
    parcels["network"] = "n/a"
    row_of = {key: row for row, key in enumerate(there)}
    own = np.array([row_of.get(key, -1) for key in keys.tolist()], dtype=np.int64)
    rows = np.full(len(places), -1, dtype=np.int64)
    where = {name: (part, axis) for name, part, axis in labels.header.get_axis(1).iter_structures()}
    for name, part, axis in places.iter_structures():
        if name not in where:
            continue
        label_part, label_axis = where[name]
        if name in places.nvertices:
            rows[part] = _same_vertices(name, axis, label_axis, own[label_part], labels_file)
        else:
            rows[part] = _same_voxels(axis, label_axis, own[label_part], labels_file)
    return rows, parcels


def _same_vertices(
    name: str, axis: BrainModelAxis, labelled: BrainModelAxis, own: np.ndarray, path: str | Path
) -> np.ndarray:
    """Look the labels up by vertex."""
    n_vertices = axis.nvertices[name]
    if labelled.nvertices.get(name) != n_vertices:
        raise _refuse(
            "labels", path, f"a surface of {n_vertices} vertices, as the series ({name})",
            f"{labelled.nvertices.get(name, 'a volume')}",
        )  # fmt: skip
    whole = np.full(n_vertices, -1, dtype=np.int64)
    whole[labelled.vertex] = own
    return whole[axis.vertex]


def _same_voxels(
    axis: BrainModelAxis, labelled: BrainModelAxis, own: np.ndarray, path: str | Path
) -> np.ndarray:
    """Look the labels up by voxel."""
    same = labelled.volume_shape == axis.volume_shape and np.allclose(
        labelled.affine, axis.affine, atol=1e-3
    )
    if not same:
        raise _refuse(
            "labels", path, f"voxels of the series' grid {axis.volume_shape}",
            f"another, {labelled.volume_shape}",
        )  # fmt: skip
    whole = np.full(axis.volume_shape, -1, dtype=np.int64)
    whole[tuple(labelled.voxel.T)] = own
    return whole[tuple(axis.voxel.T)]


def _side(vertices: dict) -> str:
    """Tell the hemisphere of the surfaces that a parcel lies on."""
    sides = {"L" if "LEFT" in name else "R" if "RIGHT" in name else "n/a" for name in vertices}
    return sides.pop() if len(sides) == 1 else "n/a"


def _refuse(subject: str, path: str | Path, expected: str, found: str) -> InputError:
    return InputError(
        subject, expected=expected, found=found, hint="give files that belong together",
        file=str(path),
    )  # fmt: skip
