"""Scores that must belong to the features and responses they are used with."""

import numpy as np

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.encode_inputs import EncodingInputs
from fmriprod.interfaces.score_file import LayerScores, read_scores


def read_matching_scores(
    path: str, found: EncodingInputs, shared_penalty: bool = False
) -> LayerScores:
    """Read scores and check that layers, folds, voxels and kind of penalty are the inputs'.

    Parameters
    ----------
    path : str
        File of scores, from RidgeEncode.
    found : EncodingInputs
        Features, responses, groups.
    shared_penalty : bool
        Whether all voxels have one penalty.

    Raises
    ------
    InputError
        If it is no file of scores, or one of them differs.
    """
    scores = read_scores(path)
    names = list(dict.fromkeys(str(g) for g in found.groups))
    alike = (
        ("layers", found.layers, scores.layers, "layers"),
        ("groups", names, scores.folds, "folds"),
        ("voxels", [found.responses.shape[1]], [len(scores.usable)], "voxels"),
    )
    for what, wanted, known, word in alike:
        if list(wanted) != list(known):
            raise InputError(
                "scores",
                expected=f"{word} {', '.join(map(str, wanted))}, as the inputs have",
                found=", ".join(map(str, known)),
                hint=f"give the {what if what != 'voxels' else 'responses'} that RidgeEncode had",
            )
    if not scores.usable.any():
        raise InputError(
            "scores",
            expected="a voxel with scores",
            found=f"none among {len(scores.usable):,}",
            hint="look at the responses: all voxels were constant or not finite",
        )
    penalty = scores.penalty[:, :, scores.usable]
    if shared_penalty and not (penalty == penalty[..., :1]).all():
        raise InputError(
            "scores",
            expected="one penalty for all voxels, as shared_penalty says",
            found="voxels with penalties of their own",
            hint="set shared_penalty as RidgeEncode had it",
        )
    if not np.isfinite(penalty).all():
        raise InputError(
            "scores",
            expected="a penalty for every usable voxel",
            found="some that are not numbers",
            hint="make the scores again with RidgeEncode",
        )
    return scores
