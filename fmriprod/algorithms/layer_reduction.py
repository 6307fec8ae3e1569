"""Fewer features of a layer: smoothing and subsampling in space, then the logarithm.

The reduction is that of Eickenberg et al. 2017 (NeuroImage 152:184).
"""

import math
from functools import lru_cache

import numpy as np
from scipy.ndimage import gaussian_filter1d

MAX_FEATURES = 25_000
SIGMA_PER_STEP = 0.35  # of the step of subsampling


def subsampling_step(shape: tuple[int, ...], max_features: int = MAX_FEATURES) -> int:
    """Find the step ``d`` by which a layer is subsampled in both directions.

    ``d`` is the smallest integer with ``channels * height * width / d**2 <= max_features``.

    Parameters
    ----------
    shape : tuple of int
        ``(channels, height, width)`` of the layer. A layer without space, of any other number of
        axes or of one place only, is never subsampled.
    max_features : int
        Most features by that division. Places at 0, d, 2d, ... are kept, so where ``d`` does not
        divide a side a few more can be left: 25,600 of 256 x 56 x 56.

    Returns
    -------
    int
        The step; 1 leaves the layer as it is.

    Examples
    --------
    OverFeat's layers:

    >>> [subsampling_step(s) for s in [(96, 113, 113), (256, 31, 31), (512, 15, 15), (4096, 1, 1)]]
    [8, 4, 3, 1]
    """
    if len(shape) != 3 or shape[1] * shape[2] == 1:
        return 1
    step = max(1, math.isqrt(math.prod(shape) // max_features))
    while math.prod(shape) > max_features * step**2:
        step += 1
    return step


@lru_cache(maxsize=64)
def smoothing_matrix(n_places: int, step: int) -> np.ndarray:
    """Make the matrix that smooths a line of places and keeps every ``step``-th.

    Parameters
    ----------
    n_places : int
        Places along the line.
    step : int
        Step of subsampling; the Gaussian has sigma 0.35 x step places, edges are mirrored
        (`scipy.ndimage.gaussian_filter1d`, mode ``reflect``), and step 1 does not smooth.

    Returns
    -------
    ndarray, shape (ceil(n_places / step), n_places), float32
        The matrix; read-only, as it is kept for the next call.
    """
    matrix = np.eye(n_places)
    if step > 1:
        matrix = gaussian_filter1d(matrix, SIGMA_PER_STEP * step, axis=0, mode="reflect")[::step]
    matrix = np.ascontiguousarray(matrix, dtype=np.float32)
    matrix.flags.writeable = False
    return matrix


def reduce_layer(activations: np.ndarray, max_features: int = MAX_FEATURES) -> np.ndarray:
    """Smooth each channel, subsample it and make a row of every sample.

    Both directions are done by one matrix product each, which smooths only the places that stay.

    Parameters
    ----------
    activations : ndarray, shape (n, channels, height, width) or (n, ...), float32
        A layer; without two axes of space it is only made rows of.
    max_features : int
        Most features; see `subsampling_step`.

    Returns
    -------
    ndarray, shape (n, n_features), float32
        Features, in C order of channel, row and column.
    """
    activations = np.asarray(activations, dtype=np.float32)
    shape = activations.shape[1:]
    step = subsampling_step(shape, max_features)
    if step > 1:
        rows, columns = (smoothing_matrix(side, step) for side in shape[1:])
        activations = rows @ (activations @ columns.T)
    return activations.reshape(len(activations), -1)


def signed_log(values: np.ndarray) -> np.ndarray:
    """Compress: ``sign(x) log(1 + |x|)``, which is ``log(1 + x)`` where nothing is negative.

    Layers without rectification have negative values, and ``log(1 + x)`` has none below -1.

    Parameters
    ----------
    values : ndarray, float32 or float64
        Features.

    Returns
    -------
    ndarray, same shape and dtype
        Compressed features.
    """
    values = np.asarray(values)
    return np.copysign(np.log1p(np.abs(values)), values)
