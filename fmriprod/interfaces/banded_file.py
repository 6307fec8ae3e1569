"""HDF5 files of banded ridge scores: those of `score_file`, and what each space adds."""

import json
from pathlib import Path

import h5py
import numpy as np

from fmriprod.algorithms.banded_ridge import BandedEncoding
from fmriprod.algorithms.checks import InputError
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
    try:
        with h5py.File(path, "r") as handle:
            group = handle["spaces"]
            names = tuple(json.loads(group.attrs["names"]))
            arrays = {name: group[name][:] for name in (*_MORE, "split", "level_r2", "candidates",
                                                        "units")}  # fmt: skip
            unique = group["unique"][:] if "unique" in group else None
    except (OSError, KeyError) as err:
        raise InputError(
            subject,
            expected="an HDF5 file of scores, as BandedRidgeEncode writes it",
            found=str(err).splitlines()[0],
            hint="give scores_file of BandedRidgeEncode",
            file=str(path),
        ) from None
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
