"""HDF5 files of banded ridge scores: those of `score_file`, and what each space adds."""

import json
from functools import partial
from pathlib import Path

import h5py
import numpy as np

from fmriprod.algorithms.banded_ridge import BandedEncoding
from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.hdf5_file import hdf5_damage, json_attribute, open_hdf5, read_array
from fmriprod.interfaces.score_file import LayerScores, read_scores, write_scores

LAYER = "all"  # the name under which the spaces together stand in a file of layers
_MORE = ("fold_split", "candidate", "inner")


def write_banded(path: str | Path, encoding: BandedEncoding) -> None:
    """Write scores that read as those of one layer, ``all``, and the group ``spaces``.

    That holds ``weight`` and ``fold_split`` (n_spaces, n_folds, n_voxels), ``split`` and, if
    there, ``unique`` (n_spaces, n_voxels), ``level_r2``, ``inner``, ``candidate`` and the table
    of ``candidates`` with the spaces' ``units``; names in the attribute ``names``.
    """
    scores = {name: getattr(encoding, name)[None] for name in
              ("r2", "r", "fold_r2", "fold_r", "penalty")}  # fmt: skip
    write_scores(
        path,
        LayerScores(
            layers=[LAYER],
            folds=list(encoding.folds),
            penalties=[float(p) for p in encoding.penalties],
            penalty_units=[1.0],
            usable=encoding.usable,
            **scores,
        ),
    )
    with h5py.File(path, "r+", libver="v110") as handle:
        group = handle.create_group("spaces")
        group.attrs["names"] = json.dumps(list(encoding.spaces))
        arrays = {
            "weight": encoding.gamma,
            "split": encoding.split,
            "level_r2": encoding.level_r2,
            "candidates": encoding.candidates,
            "units": encoding.units,
        } | {name: getattr(encoding, name) for name in _MORE}
        if encoding.unique is not None:
            arrays["unique"] = encoding.unique
        for name, values in sorted(arrays.items()):
            group.create_dataset(name, data=values, track_times=False)


def read_banded(path: str | Path, subject: str = "scores_file") -> BandedEncoding:
    """Read what `write_banded` wrote.

    Raises
    ------
    InputError
        If it is no such file, or damaged.
    """
    scores = read_scores(path, subject)
    with hdf5_damage(partial(_no_banded, path, subject)):
        with open_hdf5(path) as handle:
            group = handle["spaces"]
            names = tuple(json_attribute(group, "names"))
            wanted = (*_MORE, "split", "level_r2", "candidates", "units")
            arrays = {name: read_array(group, name) for name in wanted}
            unique = read_array(group, "unique") if "unique" in group else None
        n_spaces, (n_folds, n_voxels) = len(names), scores.fold_r2.shape[1:]
        shapes = {"fold_split": (n_spaces, n_folds, n_voxels), "split": (n_spaces, n_voxels)}
        apart = [name for name, shape in shapes.items() if arrays[name].shape != shape]
        if apart or not len(scores.r2):
            raise ValueError(f"{apart} of other shapes than {n_spaces} spaces and the scores")
    return BandedEncoding(
        spaces=names,
        r2=scores.r2[0],
        r=scores.r[0],
        fold_r2=scores.fold_r2[0],
        fold_r=scores.fold_r[0],
        penalty=scores.penalty[0],
        usable=scores.usable,
        folds=tuple(scores.folds),
        penalties=np.array(scores.penalties),
        unique=unique,
        **arrays,
    )


def _no_banded(path: str | Path, subject: str, found: str) -> InputError:
    return InputError(
        subject,
        expected="an HDF5 file of scores, as BandedRidgeEncode writes it",
        found=found,
        hint="give scores_file of BandedRidgeEncode",
        file=str(path),
    )
