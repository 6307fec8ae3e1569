"""HDF5 files of comparisons: each RDM with each model."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.hdf5_file import hdf5_damage, json_attribute, open_hdf5, read_array

_ARRAYS = {
    "value": "f4", "p": "f4", "q": "f4", "p_familywise": "f4", "among": "f4",
    "voxels": "i8", "n_voxels": "i4",
}  # fmt: skip
_PER_RDM = ("value", "p", "q", "p_familywise")


@dataclass(frozen=True)
class Comparisons:
    """How alike RDMs and models are.

    Attributes
    ----------
    value : ndarray of float32, shape (n_models, n_rdms)
        Comparison by ``method``; NaN where an RDM cannot be compared.
    models : list of str
        Their names.
    method : str
        ``spearman`` or another of `fmriprod.algorithms.rdm_compare.METHODS`.
    p, q, p_familywise : ndarray of float32, shape (n_models, n_rdms), optional
        p of each, adjusted by Benjamini and Hochberg over the RDMs of each model, and by the
        largest value over the RDMs of each relabelling.
    among : ndarray of float32, shape (n_models, n_models), optional
        Models compared with each other.
    n_permutations : int
        Relabellings behind ``p``; 0 where there are none.
    names, voxels, n_voxels, shape, affine
        Those of the RDMs, see `fmriprod.interfaces.rdm_file.RDMs`.
    about : dict
        What made them: pairs, sides of the test, seed.
    """

    value: np.ndarray
    models: list[str]
    method: str
    p: np.ndarray | None = None
    q: np.ndarray | None = None
    p_familywise: np.ndarray | None = None
    among: np.ndarray | None = None
    n_permutations: int = 0
    names: list[str] | None = None
    voxels: np.ndarray | None = None
    n_voxels: np.ndarray | None = None
    shape: tuple[int, ...] | None = None
    affine: np.ndarray | None = None
    about: dict[str, Any] = field(default_factory=dict)

    def volumes(self, values: np.ndarray) -> np.ndarray:
        """Put values ``(n_models, n_rdms)`` on the grid, a volume a model, NaN elsewhere."""
        maps = np.full((int(np.prod(self.shape)), len(values)), np.nan, dtype=np.float32)
        maps[self.voxels] = values.T
        return maps.reshape(*self.shape, len(values))


def write_rsa(path: str | Path, found: Comparisons) -> None:
    """Write comparisons, byte-identical for the same content."""
    with h5py.File(path, "w", libver="v110") as handle:
        for name in ("models", "names", "about"):
            if getattr(found, name) is not None:
                handle.attrs[name] = json.dumps(getattr(found, name), sort_keys=True)
        handle.attrs["method"] = found.method
        handle.attrs["n_permutations"] = found.n_permutations
        if found.shape is not None:
            handle.attrs["shape"] = np.asarray(found.shape, dtype="i8")
            handle.attrs["affine"] = np.asarray(found.affine, dtype="f8")
        for name, kind in _ARRAYS.items():
            if getattr(found, name) is not None:
                values = np.asarray(getattr(found, name), dtype=kind)
                handle.create_dataset(name, data=values, track_times=False)


def read_rsa(path: str | Path, subject: str = "rsa_file") -> Comparisons:
    """Read comparisons.

    Raises
    ------
    InputError
        If it is no such file, or its parts do not fit.
    """
    with hdf5_damage(partial(_no_rsa, path, subject)):
        with open_hdf5(path) as handle:
            attrs = handle.attrs
            found = Comparisons(
                models=json_attribute(handle, "models"),
                method=str(attrs["method"]),
                n_permutations=int(attrs["n_permutations"]),
                names=json_attribute(handle, "names") if "names" in attrs else None,
                shape=tuple(map(int, attrs["shape"])) if "shape" in attrs else None,
                affine=np.array(attrs["affine"]) if "affine" in attrs else None,
                about=json_attribute(handle, "about", dict),
                **{name: read_array(handle, name) for name in _ARRAYS if name in handle},
            )
        if found.value.ndim != 2:
            raise ValueError(f"value of shape {found.value.shape}")
    n_rdms = found.value.shape[-1]
    for name in _PER_RDM:
        values = getattr(found, name)
        if values is not None and values.shape != (len(found.models), n_rdms):
            raise _no_rsa(path, subject, _apart(found.models, name, values))
    for name in ("names", "voxels", "n_voxels"):
        values = getattr(found, name)
        if values is not None and np.shape(values)[:1] != (n_rdms,):
            raise _no_rsa(path, subject, f"{n_rdms} RDMs, but {np.size(values)} {name}")
    return found


def _apart(models: Sequence[str], name: str, values: np.ndarray) -> str:
    return f"{len(models)} models, but {name} of shape {values.shape}"


def _no_rsa(path: str | Path, subject: str, found: str) -> InputError:
    return InputError(
        subject, expected="an HDF5 file of comparisons, as RSA and SearchlightRSA write it",
        found=found, hint="give rsa_file of one of them", file=str(path),
    )  # fmt: skip
