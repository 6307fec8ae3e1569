"""Which layer predicts each voxel best, after smoothing each layer's map."""

from typing import NamedTuple

import numpy as np

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.fingerprint import layers_by_voxels
from fmriprod.algorithms.smooth import SIGMA_PER_FWHM, smooth


class Winner(NamedTuple):
    """Best layer of each voxel; all of shape ``(n_voxels,)``.

    ``layer`` counts from 1 and is 0 where there is none; ``margin`` is the smoothed score of
    that layer minus that of the next best (NaN where there is none, or one layer only).
    """

    layer: np.ndarray
    margin: np.ndarray


def smooth_layers(scores: np.ndarray, mask: np.ndarray, sigma: float = 1.0) -> np.ndarray:
    """Smooth the map of each layer with a Gaussian inside a mask.

    The convolution is normalised: it equals SciPy's ``gaussian_filter`` of the map (0 where
    there is no value) divided by that of the voxels with values, so that nothing from
    outside the mask, or from a voxel without a finite score in every layer, leaks in.

    Parameters
    ----------
    scores : ndarray, shape (n_layers, n_voxels)
        Scores of the voxels of the mask, in C order.
    mask : ndarray of bool, shape (x, y, z)
        Where they lie.
    sigma : float
        Standard deviation in voxels, the same along each axis whatever their size in mm
        (as published). 0 leaves the scores as they are.

    Returns
    -------
    ndarray of float32, shape (n_layers, n_voxels)
        NaN where a score is not finite.

    Raises
    ------
    InputError
        If the scores do not fit the mask, or sigma is negative or not finite.
    """
    scores, mask = layers_by_voxels(scores), np.asarray(mask, bool)
    if mask.ndim != 3 or mask.sum() != scores.shape[1]:
        raise InputError(
            "mask",
            expected=f"a volume with {scores.shape[1]:,} voxels set, as many as there are scores",
            found=f"{mask.sum():,} set in shape {mask.shape}",
            hint="give the mask that the responses were taken with",
        )
    if not (np.isfinite(sigma) and sigma >= 0):
        raise InputError(
            "sigma",
            expected="a standard deviation of 0 voxels or more",
            found=f"{sigma}",
            hint="published: 1 voxel; 0 means no smoothing",
        )
    finite = np.isfinite(scores).all(axis=0)
    inside = np.zeros(mask.shape, bool)
    inside[mask] = finite
    smoothed = np.full(scores.shape, np.nan, dtype=np.float32)
    volume = np.zeros(mask.shape, np.float32)
    for layer, values in enumerate(scores):
        volume[inside] = values[finite]
        # One layer at a time: as a series, voxels with equal scores would count as no data.
        found = smooth(volume, np.eye(4), fwhm=sigma / SIGMA_PER_FWHM, mask=inside)
        smoothed[layer, finite] = found[inside]
    return smoothed


def best_layer(smoothed: np.ndarray, kept: np.ndarray | None = None) -> Winner:
    """Find the layer with the largest score; the first of equal ones.

    In noise every layer wins about as often, in patches that look like areas: with nine
    layers and a sigma of one voxel half of all neighbours agree, where chance gives a ninth.
    The map says nothing where no layer predicts: keep significant voxels only.

    Parameters
    ----------
    smoothed : ndarray, shape (n_layers, n_voxels)
        From `smooth_layers`.
    kept : ndarray of bool, shape (n_voxels,), optional
        Voxels to tell of.

    Returns
    -------
    Winner
        int16 layers and float32 margins.

    References
    ----------
    Eickenberg et al. (2017), NeuroImage 152, 184: "winner-takes-all map over spatially
    smoothed scores", their figure 3.

    Examples
    --------
    >>> best_layer(np.array([[0.1, 0.5, np.nan], [0.4, 0.5, 0.2]])).layer.tolist()
    [2, 1, 0]
    """
    smoothed = layers_by_voxels(smoothed)
    shown = np.isfinite(smoothed).all(axis=0)
    if kept is not None:
        shown &= np.asarray(kept, bool)
    layer = np.zeros(smoothed.shape[1], np.int16)
    layer[shown] = smoothed[:, shown].argmax(axis=0) + 1
    margin = np.full(smoothed.shape[1], np.nan, np.float32)
    if len(smoothed) > 1:
        top = np.partition(smoothed[:, shown], -2, axis=0)[-2:]
        margin[shown] = top[1] - top[0]
    return Winner(layer, margin)
