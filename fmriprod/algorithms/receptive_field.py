"""Sparse receptive fields of every voxel: the lasso with a cross-validated penalty.

What scikit-learn's ``LassoLarsCV`` gives voxel by voxel (as in Nilearn's example of encoding
models for the data of Miyawaki et al. 2008, Neuron 60:915), for all voxels at once: folds share
one pass over the samples, and voxels take the steps of their paths together.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
from threadpoolctl import threadpool_limits

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.field_inputs import (
    analysable_voxels,
    block_size,
    check_arrays,
    fold_rows,
    varying_features,
)
from fmriprod.algorithms.fold_moments import Fold, feature_folds, response_products
from fmriprod.algorithms.lars_path import lasso_paths
from fmriprod.algorithms.penalty_curve import best_penalty, error_curve

STANDARDIZE = ("all", "fold", "none")


@dataclass(frozen=True)
class ReceptiveFields:
    """Receptive field of every voxel; NaN where a voxel is not usable.

    Attributes
    ----------
    coef : ndarray of float64, shape (n_voxels, n_features)
        Change of the response for a standard deviation of the feature (for a unit of it
        with ``standardize="none"``).
    intercept : ndarray, shape (n_voxels,)
        ``(features - mean) / scale @ coef + intercept`` is the prediction.
    alpha : ndarray, shape (n_voxels,)
        Penalty that was chosen, in units of the response.
    n_active : ndarray of int, shape (n_voxels,)
        Coefficients that are not 0.
    r2 : ndarray, shape (n_voxels,)
        Mean over folds of 1 - squared error / variance of the left-out samples, at the
        chosen penalty on the path of the others. As the same folds chose the penalty, it
        is a little too good; where a fold's left-out samples do not vary, without it.
    fold_r2 : ndarray, shape (n_folds, n_voxels)
        Of each fold.
    folds : list of str
        Names of the folds.
    mean, scale : ndarray, shape (n_features,)
        What was taken from features, and what they were divided by.
    usable : ndarray of bool, shape (n_voxels,)
        Voxels that are finite and not constant.
    varying : ndarray of bool, shape (n_features,)
        Features that are not constant; the others have coefficients of 0.
    """

    coef: np.ndarray
    intercept: np.ndarray
    alpha: np.ndarray
    n_active: np.ndarray
    r2: np.ndarray
    fold_r2: np.ndarray
    folds: list[str]
    mean: np.ndarray
    scale: np.ndarray
    usable: np.ndarray
    varying: np.ndarray


def receptive_fields(
    features: np.ndarray,
    responses: np.ndarray,
    *,
    max_iter: int = 10,
    groups: np.ndarray | None = None,
    n_folds: int = 5,
    standardize: str = "all",
    n_threads: int = 1,
    memory_mb: float = 1024.0,
) -> ReceptiveFields:
    """Fit a sparse receptive field to every voxel.

    Parameters
    ----------
    features : ndarray, shape (n_samples, n_features)
        What was shown, such as pixels.
    responses : ndarray, shape (n_samples, n_voxels)
        Activity, rows as in ``features``.
    max_iter : int
        Steps of the lasso path: about as many coefficients as a field may have.
    groups : array_like, shape (n_samples,), optional
        What is left out together, such as runs: each group once.
    n_folds : int
        Without groups: contiguous folds of equal length (scikit-learn's ``KFold``).
    standardize : {"all", "fold", "none"}
        Divide features by their standard deviation over all samples, as published: the
        penalty then means the same in every fold and in the final fit, and what leaves
        the training samples is no response but the spread of the stimuli. ``"fold"`` takes
        each fold's own training samples, ``"none"`` features as they are.
    n_threads : int
        Blocks of voxels at work at the same time. Does not change the result.
    memory_mb : float
        Bound on the memory beyond inputs and result, in MB; sets the voxels of a block.

    Returns
    -------
    ReceptiveFields
        With ``standardize="all"``, coefficients and penalties of ``LassoLarsCV(max_iter)``
        on ``StandardScaler``'s features to rounding (all sums in float64). Of features that
        are equal up to a factor in the training samples, the longest stands for all, the
        first if equally long; which of these scikit-learn takes, and whether another costs it
        a step, depends on rounding.

    Raises
    ------
    InputError
        If shapes do not fit, features are not finite or all constant, no voxel is usable,
        responses are too small for the path's tolerance (1.2e-7), there are too few
        samples or groups, or the bound on memory is below what one voxel needs.
    """
    features, responses = np.asarray(features), np.asarray(responses)
    _check_options(max_iter, standardize)
    check_arrays(features, responses)
    rows, names = fold_rows(len(features), groups, n_folds)
    shape, n_voxels = features.shape, responses.shape[1]
    size = block_size(shape, n_voxels, len(rows), max_iter, n_threads, memory_mb)
    usable, varying = analysable_voxels(responses), varying_features(features)
    mean, deviation = features.mean(axis=0, dtype=np.float64), features.std(axis=0, dtype=float)
    scale = np.where(varying & (standardize != "none"), deviation, 1.0)
    scaled = np.where(varying, (features - mean) / scale, 0.0)
    where = np.flatnonzero(usable)
    blocks = [where[start : start + size] for start in range(0, len(where), size)]
    found = _empty(shape[1], n_voxels, len(rows))
    with threadpool_limits(n_threads):
        folds, whole = feature_folds(scaled, rows, rescale=standardize == "fold")
    work = partial(_fit_block, scaled, responses, folds, whole, max_iter, found)
    with threadpool_limits(1), ThreadPoolExecutor(n_threads) as pool:
        list(pool.map(work, blocks))
    return ReceptiveFields(
        **found, folds=names, mean=mean, scale=scale, usable=usable, varying=varying
    )


def _fit_block(
    features: np.ndarray,
    responses: np.ndarray,
    folds: list[Fold],
    whole: Fold,
    max_iter: int,
    found: dict[str, np.ndarray],
    voxels: np.ndarray,
) -> None:
    """Fit some voxels and write what was found in its place."""
    series = responses[:, voxels].astype(np.float64)
    level = series.mean(axis=0)
    series -= level
    products, all_products = response_products(features, series, folds, whole)
    curves = []
    for fold, own in zip(folds, products, strict=True):
        paths = lasso_paths(
            fold.gram, own.train, fold.n_train, max_iter=max_iter, candidates=fold.candidates
        )
        curves.append(error_curve(paths, fold.test_gram, own.test, own.square, fold.n_test))
    alpha, error = best_penalty(curves)
    paths = lasso_paths(
        whole.gram, all_products, whole.n_train, max_iter=max_iter, alpha_min=alpha,
        candidates=whole.candidates,
    )  # fmt: skip
    coef = np.zeros((len(voxels), features.shape[1]))
    row, column = np.nonzero(paths.feature >= 0)
    coef[row, paths.feature[row, column]] = paths.coef[row, -1, column]
    spread = np.array([own.spread for own in products])
    counts = np.array([fold.n_test for fold in folds])[:, None]
    varies = spread > 1e-12 * np.array([own.square for own in products])
    with np.errstate(divide="ignore", invalid="ignore"):
        r2 = np.where(varies, 1 - error * counts / spread, np.nan)
        found["r2"][voxels] = np.nansum(r2, axis=0) / varies.sum(axis=0)
    found["fold_r2"][:, voxels] = r2
    found["coef"][voxels] = coef
    found["intercept"][voxels] = level
    found["alpha"][voxels] = alpha
    found["n_active"][voxels] = np.count_nonzero(coef, axis=1)


def _empty(n_features: int, n_voxels: int, n_folds: int) -> dict[str, np.ndarray]:
    return {
        "coef": np.full((n_voxels, n_features), np.nan),
        "intercept": np.full(n_voxels, np.nan),
        "alpha": np.full(n_voxels, np.nan),
        "n_active": np.zeros(n_voxels, int),
        "r2": np.full(n_voxels, np.nan),
        "fold_r2": np.full((n_folds, n_voxels), np.nan),
    }


def _check_options(max_iter: int, standardize: str) -> None:
    if max_iter < 1:
        raise InputError(
            "max_iter", expected="one step or more", found=str(max_iter),
            hint="10, as published, gives fields of up to 10 features",
        )  # fmt: skip
    if standardize not in STANDARDIZE:
        raise InputError(
            "standardize", expected=" or ".join(STANDARDIZE), found=repr(standardize),
            hint="'all' is as published",
        )  # fmt: skip
