"""What primal ridge regression needs to know of responses and features: sums over groups.

Means, covariances, predictions' levels and spreads follow from sums over the samples of each
group, so that responses are read once, however many folds and penalties there are.
"""

from typing import NamedTuple, cast

import numpy as np

from fmriprod.algorithms.array_backend import Array, Backend
from fmriprod.algorithms.leave_group_out import LeaveGroupOut
from fmriprod.algorithms.ridge_scores import FoldScores, score_sums, sum_of_squares


class GroupSums(NamedTuple):
    """What the groups' responses come to, one voxel a row.

    Attributes
    ----------
    mean, squares : array, shape (n_voxels, n_groups)
        Mean response of each group, and sum of squares about it.
    products : list of array, shape (n_voxels, n_features)
        Products with features of the responses of each group about their mean.
    whole : array of float64, shape (n_voxels, n_features)
        Their sum: what some groups leave of it is exact.
    """

    mean: Array
    squares: Array
    products: list[Array]
    whole: Array


class TrainingSet(NamedTuple):
    """What one training set knows of the features.

    Attributes
    ----------
    left_out : tuple of int
        Other groups.
    shares : array, shape (n_groups, 1)
        Share of each group in its samples.
    mean : array, shape (n_features,)
        Of the centred features.
    projection : array, shape (n_features, n_features)
        Eigenvectors, divided by the scale of the features.
    values : ndarray of float64, shape (n_features,)
        Eigenvalues, ascending.
    projected : ndarray of float64, shape (n_left_out, n_features)
        Left-out samples on the eigenvectors.
    levels, own_levels : array, shape (n_groups, n_features)
        Mean of each group on the eigenvectors, times its number of samples; the same with 0
        for the groups that are left out.
    """

    left_out: tuple[int, ...]
    shares: Array
    mean: Array
    projection: Array
    values: np.ndarray
    projected: np.ndarray
    levels: Array
    own_levels: Array


class LeftOutSet(NamedTuple):
    """What scores of one test set need of its samples on the eigenvectors.

    Attributes
    ----------
    level : array, shape (n_features,)
        Mean.
    factor : array, shape (n_features, n_directions)
        Matrix with the products of the samples about their mean.
    projected : array, shape (n_features, n_test), optional
        Samples, where predictions are asked for.
    """

    level: Array
    factor: Array
    projected: Array | None


def group_sums(
    responses: Array, folds: LeaveGroupOut, features: list[Array], backend: Backend
) -> GroupSums:
    """Sum responses over the samples of each group.

    Parameters
    ----------
    responses : array, shape (n_voxels, n_samples)
        Sorted.
    folds : LeaveGroupOut
        Groups.
    features : list of array, shape (n_in_group, n_features)
        Of each group.
    backend : Backend
        Where the arrays are.
    """
    xp = backend.xp
    means, squares, products = [], [], []
    for place, part in zip(folds.slices, features, strict=True):
        own = responses[:, place]
        mean = xp.mean(own, axis=1, keepdims=True)
        own = own - mean
        means.append(mean)
        squares.append(sum_of_squares(xp, own)[:, None])
        products.append(own @ part)
    whole = backend.cast(products[0], "float64")
    for more in products[1:]:
        whole = whole + more
    return GroupSums(xp.concat(means, axis=1), xp.concat(squares, axis=1), products, whole)


def project(training: TrainingSet, sums: GroupSums, backend: Backend) -> tuple[Array, Array]:
    """Mean response, and covariance of responses with features on the eigenvectors.

    Returns
    -------
    mean : array, shape (n_voxels, 1)
        Of the training samples.
    covariance : array, shape (n_voxels, n_features)
        Sum of products over them.
    """
    rest = sums.whole
    for group in training.left_out:
        rest = rest - sums.products[group]
    covariance = backend.cast(rest) @ training.projection
    covariance += sums.mean @ training.own_levels
    return sums.mean @ training.shares, covariance


def left_out_set(training: TrainingSet, backend: Backend, *, predict: bool) -> LeftOutSet:
    """Prepare the scores, and perhaps predictions, of what a training set leaves out."""
    level = training.projected.mean(axis=0)
    factor = cast(np.ndarray, np.linalg.qr(training.projected - level, mode="r"))
    samples = backend.array(np.ascontiguousarray(training.projected.T)) if predict else None
    return LeftOutSet(backend.array(level), backend.array(np.ascontiguousarray(factor.T)), samples)


def score_group(
    test: LeftOutSet, training: TrainingSet, sums: GroupSums, slopes: Array, mean: Array,
    n_test: int, backend: Backend,
) -> FoldScores:  # fmt: skip
    """Score the predictions of the group that a training set leaves out, without making them.

    Parameters
    ----------
    test, training, sums, backend
        What is known of features and responses.
    slopes : array, shape (n_voxels, n_features)
        Weights of the eigenvectors.
    mean : array, shape (n_voxels,)
        Prediction at the mean of the training samples.
    n_test : int
        Samples of the group.
    """
    xp, group = backend.xp, training.left_out[0]
    total = sums.squares[:, group]
    level = mean + slopes @ test.level
    spread = sum_of_squares(xp, slopes @ test.factor)
    common = xp.linalg.vecdot(slopes, sums.products[group] @ training.projection)
    apart = n_test * (sums.mean[:, group] - level) ** 2
    error = xp.clip(total - 2 * common + spread, 0.0, None) + apart
    return score_sums(backend, total, spread, common, error, spread + n_test * level**2)
