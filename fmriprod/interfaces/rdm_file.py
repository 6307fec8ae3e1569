"""HDF5 files of dissimilarities: an RDM a row, with the names of its conditions."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.rdm import check_conditions, match_conditions, n_pairs, reorder_pairs
from fmriprod.interfaces.hdf5_file import (
    array_at,
    hdf5_damage,
    json_attribute,
    open_hdf5,
    read_array,
)


@dataclass(frozen=True)
class RDMs:
    """Dissimilarities of pairs of conditions.

    Attributes
    ----------
    dissimilarities : ndarray of float32, shape (n_rdms, n_pairs)
        Upper triangles, row by row; a memory map where they were read from a file.
    conditions : list of str
        Names, in the order of the pairs.
    distance : str
        ``correlation``, ``euclidean``, ``mahalanobis``, ``crossnobis``, ``code`` or another.
    names : list of str, optional
        One an RDM: region, layer, model, participant.
    voxels : ndarray of int64, shape (n_rdms,), optional
        Place in the grid, in C order, of the centre of each searchlight.
    n_voxels : ndarray of int32, shape (n_rdms,), optional
        How many voxels each was made from.
    shape, affine : optional
        Grid of ``voxels``.
    about : dict
        What made them.
    """

    dissimilarities: np.ndarray
    conditions: list[str]
    distance: str
    names: list[str] | None = None
    voxels: np.ndarray | None = None
    n_voxels: np.ndarray | None = None
    shape: tuple[int, ...] | None = None
    affine: np.ndarray | None = None
    about: dict[str, Any] = field(default_factory=dict)

    def in_order(self, conditions: Sequence[str], subject: str = "rdm_file") -> np.ndarray:
        """Give dissimilarities of some conditions, in their order: (n_rdms, n_pairs).

        Raises
        ------
        InputError
            If one is lacking.
        """
        if list(conditions) == self.conditions:
            return self.dissimilarities
        index = match_conditions(conditions, self.conditions, subject)
        return self.dissimilarities[:, reorder_pairs(index, len(self.conditions))]


class RDMWriter:
    """Writes RDMs a block at a time into a file that can be memory-mapped.

    Parameters
    ----------
    path : str or Path
        New HDF5 file.
    n_rdms : int
        How many there will be.
    conditions, distance, names, voxels, n_voxels, shape, affine, about
        As those of `RDMs`.
    """

    def __init__(
        self,
        path: str | Path,
        n_rdms: int,
        conditions: Sequence[str],
        distance: str,
        *,
        names: Sequence[str] | None = None,
        voxels: np.ndarray | None = None,
        n_voxels: np.ndarray | None = None,
        shape: Sequence[int] | None = None,
        affine: np.ndarray | None = None,
        about: Mapping[str, Any] | None = None,
    ) -> None:
        conditions = check_conditions(conditions)
        self._handle = h5py.File(path, "w", libver="v110")
        attributes = {"conditions": conditions, "names": names, "about": dict(about or {})}
        for name, value in attributes.items():
            if value is not None:
                self._handle.attrs[name] = json.dumps(value, sort_keys=True)
        self._handle.attrs["distance"] = distance
        arrays = {"voxels": (voxels, "i8"), "n_voxels": (n_voxels, "i4")}
        for name, (values, kind) in arrays.items():
            if values is not None:
                self._handle.create_dataset(name, data=np.asarray(values, kind), track_times=False)
        if shape is not None:
            self._handle.attrs["shape"] = np.asarray(shape, dtype="i8")
            self._handle.attrs["affine"] = np.asarray(affine, dtype="f8")
        size = (n_rdms, n_pairs(len(conditions)))
        self._rows = self._handle.create_dataset(
            "dissimilarities", size, "f4", fillvalue=np.nan, track_times=False
        )

    def __enter__(self) -> "RDMWriter":
        return self

    def __exit__(self, *_: object) -> None:
        self._handle.close()

    def write(self, where: slice, block: np.ndarray) -> None:
        """Write dissimilarities ``(n, n_pairs)`` of some RDMs."""
        self._rows[where] = block


def write_rdms(path: str | Path, rdms: RDMs) -> None:
    """Write RDMs whole, byte-identical for the same content."""
    about = {k: getattr(rdms, k) for k in ("names", "voxels", "n_voxels", "shape", "affine")}
    values = rdms.dissimilarities
    with RDMWriter(
        path, len(values), rdms.conditions, rdms.distance, about=rdms.about, **about
    ) as out:
        out.write(slice(None), values)


def read_rdms(path: str | Path, subject: str = "rdm_file") -> RDMs:
    """Open a file of RDMs; dissimilarities stay on disk until they are used.

    Raises
    ------
    InputError
        If it is no such file, or its parts do not fit.
    """
    with hdf5_damage(partial(_no_rdms, path, subject)), open_hdf5(path) as handle:
        conditions = json_attribute(handle, "conditions")
        rows = array_at(handle, "dissimilarities")
        shape, offset = rows.shape, rows.id.get_offset()
        found = RDMs(
            np.memmap(path, rows.dtype, "r", offset, shape) if offset is not None else rows[:],
            conditions,
            str(handle.attrs["distance"]),
            json_attribute(handle, "names") if "names" in handle.attrs else None,
            *(read_array(handle, k) if k in handle else None for k in ("voxels", "n_voxels")),
            tuple(map(int, handle.attrs["shape"])) if "shape" in handle.attrs else None,
            np.array(handle.attrs["affine"]) if "affine" in handle.attrs else None,
            json_attribute(handle, "about", dict),
        )
    if len(shape) != 2 or shape[1] != n_pairs(len(conditions)):
        raise _no_rdms(path, subject, f"{len(conditions)} conditions, but an array of {shape}")
    for name in ("names", "voxels", "n_voxels"):
        values = getattr(found, name)
        if values is not None and np.shape(values)[:1] != (shape[0],):
            raise _no_rdms(path, subject, f"{shape[0]} RDMs, but {np.size(values)} {name}")
    return found


def _no_rdms(path: str | Path, subject: str, found: str) -> InputError:
    return InputError(
        subject,
        expected="an HDF5 file of dissimilarities, as SearchlightRDM, FeatureRDM or ModelRDM write",
        found=found,
        hint="give rdm_file of one of them, or write one with fmriprod.interfaces.rdm_file",
        file=str(path),
    )
