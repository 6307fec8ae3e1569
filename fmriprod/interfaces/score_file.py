"""HDF5 files of encoding scores: what each layer predicts of each voxel."""

import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import h5py
import numpy as np

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.hdf5_file import hdf5_damage, json_attribute, open_hdf5, read_array


@dataclass(frozen=True)
class LayerScores:
    """Scores of every layer for every voxel; NaN where a voxel is not usable.

    Attributes
    ----------
    layers, folds : list of str
        Names, in the order of the axes.
    penalties : list of float
        The penalties that were tried, in ``penalty_units``.
    penalty_units : list of float
        For each layer what they are multiples of: 1, or where they were chosen by the
        features themselves, the mean squared length of these.
    r2, r : ndarray of float32, shape (n_layers, n_voxels)
        Mean over folds.
    fold_r2, fold_r, penalty : ndarray of float32, shape (n_layers, n_folds, n_voxels)
        Of each outer fold.
    usable : ndarray of bool, shape (n_voxels,)
        Voxels that were analysed.
    """

    layers: list[str]
    folds: list[str]
    penalties: list[float]
    penalty_units: list[float]
    r2: np.ndarray
    r: np.ndarray
    fold_r2: np.ndarray
    fold_r: np.ndarray
    penalty: np.ndarray
    usable: np.ndarray


_ARRAYS = ("r2", "r", "fold_r2", "fold_r", "penalty")
_LISTS = ("layers", "folds", "penalties", "penalty_units")


def write_scores(path: str | Path, scores: LayerScores) -> None:
    """Write scores, byte-identical for the same scores."""
    with h5py.File(path, "w", libver="v110") as handle:
        for name in _LISTS:
            handle.attrs[name] = json.dumps(list(getattr(scores, name)))
        for name in _ARRAYS:
            values = np.asarray(getattr(scores, name), dtype=np.float32)
            handle.create_dataset(name, data=values, track_times=False)
        handle.create_dataset("usable", data=scores.usable.astype(np.uint8), track_times=False)


def read_scores(path: str | Path, subject: str = "scores_file") -> LayerScores:
    """Read scores.

    Raises
    ------
    InputError
        If it is no such file, is damaged, or its parts do not fit.
    """
    with hdf5_damage(partial(_no_scores, path, subject)), open_hdf5(path) as handle:
        lists = {name: json_attribute(handle, name) for name in _LISTS}
        arrays = {name: read_array(handle, name) for name in _ARRAYS}
        usable = read_array(handle, "usable").astype(bool)
        if usable.ndim != 1:
            raise ValueError(f"usable of shape {usable.shape}")
    n_layers, n_folds, n_voxels = len(lists["layers"]), len(lists["folds"]), len(usable)
    for name, values in arrays.items():
        folds = () if name in ("r2", "r") else (n_folds,)
        if values.shape != (n_layers, *folds, n_voxels):
            found = f"{n_layers} layers, {n_folds} folds, {n_voxels} voxels, but {name} "
            raise _no_scores(path, subject, found + str(values.shape))
    return LayerScores(**lists, **arrays, usable=usable)


def _no_scores(path: str | Path, subject: str, found: str) -> InputError:
    return InputError(
        subject,
        expected="an HDF5 file of scores, as RidgeEncode writes it",
        found=found,
        hint="give scores_file of RidgeEncode",
        file=str(path),
    )
