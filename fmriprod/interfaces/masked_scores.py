"""Scores of an encoding model with the mask whose voxels they are of."""

from dataclasses import dataclass

import nibabel as nb
import numpy as np

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.images import load_mask, open_image
from fmriprod.interfaces.score_file import LayerScores, read_scores


@dataclass(frozen=True)
class MaskedScores:
    """Scores, where their voxels lie, and which of them take part.

    Attributes
    ----------
    scores : LayerScores
        All that the file holds.
    name : str
        The score that is looked at, ``r2`` or ``r``.
    values : ndarray of float32, shape (n_layers, n_voxels)
        That score; NaN where a voxel is not usable.
    fold_values : ndarray of float32, shape (n_layers, n_folds, n_voxels)
        The same for each fold.
    mask : ndarray of bool, shape (x, y, z)
        Voxels, in C order.
    image : nibabel.Nifti1Image
        The image of the mask, for its grid.
    usable, kept : ndarray of bool, shape (n_voxels,)
        Voxels with a finite score for every layer, and those of them that were selected.
    """

    scores: LayerScores
    name: str
    values: np.ndarray
    fold_values: np.ndarray
    mask: np.ndarray
    image: nb.Nifti1Image
    usable: np.ndarray
    kept: np.ndarray

    def volume(self, values: np.ndarray, outside: float = 0.0) -> np.ndarray:
        """Put values of voxels, shape (n_voxels,), on the grid; float32."""
        volume = np.full(self.mask.shape, outside, np.float32)
        volume[self.mask] = values
        return volume


def read_masked_scores(
    scores_file: str, mask_file: str, name: str = "r2", selection_file: str | None = None
) -> MaskedScores:
    """Read scores and the mask of their voxels.

    Parameters
    ----------
    scores_file : path
        HDF5, from RidgeEncode.
    mask_file : path
        Mask; its voxels in C order are those of the scores.
    name : {"r2", "r"}
        Which score.
    selection_file : path, optional
        Mask on the same grid of voxels to keep, such as significant ones.

    Raises
    ------
    InputError
        If mask and scores differ in their voxels, grids differ, no voxel is usable, or none
        is selected.
    """
    scores = read_scores(scores_file)
    image = open_image(mask_file, ndim=3)
    mask = load_mask(mask_file, image)
    values = getattr(scores, name)
    if mask.sum() != values.shape[1]:
        raise InputError(
            "mask",
            expected=f"{values.shape[1]:,} voxels, as many as {scores_file} has",
            found=f"{mask.sum():,}",
            hint="give the mask that the responses were taken with",
        )
    values = np.where(scores.usable, values, np.float32(np.nan))
    usable = np.isfinite(values).all(axis=0)
    if not usable.any():
        raise InputError(
            "scores",
            expected="a voxel with a score for every layer",
            found=f"none among {usable.size:,}",
            hint="look at the responses: all voxels were constant or not finite",
        )
    kept = usable
    if selection_file is not None:
        kept = usable & load_mask(selection_file, image)[mask]
        if not kept.any():
            raise InputError(
                "selection",
                expected="a voxel that mask_file has too and that is usable",
                found="none",
                hint="look at both masks; a test in which no voxel is significant selects none",
            )
    folds = getattr(scores, f"fold_{name}")
    return MaskedScores(scores, name, values, folds, mask, image, usable, kept)
