"""Fingerprints of voxels: how the scores of one voxel run over the layers of a model."""

from typing import NamedTuple

import numpy as np

from fmriprod.algorithms.checks import InputError


class Component(NamedTuple):
    """First principal component of profiles over voxels.

    ``share`` is its part of the variance (0 to 1), ``loading`` its value for each layer
    (length 1, signed so that it rises), ``trend_r`` the correlation of the loading with a
    linear trend over layers, and ``n_voxels`` counts the voxels. Share, loading and
    correlation are NaN where voxels do not differ.
    """

    share: float
    loading: np.ndarray
    trend_r: float
    n_voxels: int


def voxel_profiles(scores: np.ndarray) -> np.ndarray:
    """Give the share that each layer has in the sum of a voxel's scores.

    Scores below 0 count as 0: a share of a sum of both signs has no meaning. The shares are
    for display; which layer predicts best, and the profiles of regions, go by the scores.

    Parameters
    ----------
    scores : ndarray, shape (n_layers, n_voxels)
        Scores (r2 or r) of each layer.

    Returns
    -------
    ndarray of float32, shape (n_layers, n_voxels)
        Shares from 0 to 1, each column with sum 1. NaN where a score is not finite, or none
        is above 0.

    Raises
    ------
    InputError
        If the scores do not have two dimensions, or no layer.

    References
    ----------
    Eickenberg et al. (2017), NeuroImage 152, 184: "Quantifying layer preference".

    Examples
    --------
    >>> voxel_profiles(np.array([[0.3, -0.1], [0.1, 0.2]])).tolist()
    [[0.75, 0.0], [0.25, 1.0]]
    """
    scores = layers_by_voxels(scores)
    positive = np.maximum(scores, 0).astype(np.float32)
    total = positive.sum(axis=0, dtype=np.float64)
    defined = np.isfinite(scores).all(axis=0) & (total > 0)
    return np.divide(
        positive, total.astype(np.float32), out=np.full_like(positive, np.nan), where=defined
    )


def linear_trend(n_layers: int) -> np.ndarray:
    """Give the rising line over layers from -1 to 1 (in steps of 0.25 for nine layers).

    Raises
    ------
    InputError
        If there are fewer than two layers.
    """
    if n_layers < 2:
        raise InputError(
            "scores",
            expected="at least two layers: a slope over layers needs them",
            found=f"{n_layers}",
            hint="score several layers, or leave the slope out",
        )
    return np.linspace(-1, 1, n_layers)


def profile_slopes(profiles: np.ndarray) -> np.ndarray:
    """Give the inner product of each voxel's profile with a line that rises from -1 to 1.

    Parameters
    ----------
    profiles : ndarray, shape (n_layers, n_voxels)
        Shares, from `voxel_profiles`.

    Returns
    -------
    ndarray of float32, shape (n_voxels,)
        From -1 (only the first layer predicts) to 1 (only the last); NaN where the profile is.

    Raises
    ------
    InputError
        If there are fewer than two layers.

    References
    ----------
    Eickenberg et al. (2017), NeuroImage 152, 184: their figure 4 has nine layers.

    Examples
    --------
    >>> profile_slopes(np.array([[0.75, 0.0], [0.25, 1.0]])).tolist()
    [-0.5, 1.0]
    """
    profiles = layers_by_voxels(profiles)
    return (linear_trend(len(profiles)) @ profiles).astype(np.float32)


def first_component(profiles: np.ndarray) -> Component:
    """Tell how much of the voxels' differences is one component, and whether it is a line.

    A slope sums up profiles well where the share is high and the loading is linear. The
    source found a share above 0.8 over significantly predicted voxels. With two layers both
    hold of any data.

    Parameters
    ----------
    profiles : ndarray, shape (n_layers, n_voxels)
        Profiles or scores; voxels that are not finite in every layer are left out.

    Returns
    -------
    Component

    Raises
    ------
    InputError
        If there are fewer than two layers.
    """
    profiles = layers_by_voxels(profiles)
    trend = linear_trend(len(profiles))
    finite = profiles[:, np.isfinite(profiles).all(axis=0)].astype(np.float64)
    n_voxels = finite.shape[1]
    missing = Component(np.nan, np.full(len(profiles), np.nan), np.nan, n_voxels)
    if n_voxels < 2:
        return missing
    finite -= finite.mean(axis=1, keepdims=True)
    variances, loadings = np.linalg.eigh(finite @ finite.T)
    if not variances[-1] > 1e-12 * n_voxels:  # no voxel differs from another
        return missing
    loading = loadings[:, -1]
    loading = loading if loading @ trend >= 0 else -loading
    spread = loading.std()
    r = np.corrcoef(loading, trend)[0, 1] if spread > 1e-9 else np.nan
    return Component(float(variances[-1] / variances.sum()), loading, float(r), n_voxels)


def layers_by_voxels(scores: np.ndarray) -> np.ndarray:
    """Give scores as an array; refuse what is not layers x voxels."""
    scores = np.asarray(scores)
    if scores.ndim != 2 or not len(scores):
        raise InputError(
            "scores",
            expected="an array of layers x voxels with at least one layer",
            found=f"shape {scores.shape}",
            hint="give one row a layer",
        )
    return scores
