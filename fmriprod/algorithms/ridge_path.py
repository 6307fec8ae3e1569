"""Squared errors of ridge models for every penalty, from one product for each test set.

On the eigenvectors of its training samples a model with penalty a predicts
``sum_i b_i z_i / (l_i + a)``: l are eigenvalues, z the responses and b the test samples on the
eigenvectors. The sum of squares over the test samples holds ``C_ij z_i z_j / ((l_i + a)(l_j + a))``
with C = B'B, and since

    1 / ((l_i + a)(l_j + a)) = (1 / (l_i + a) - 1 / (l_j + a)) / (l_j - l_i),

the products of z with ``C_ij / (l_j - l_i)`` serve all penalties: what is left for each is a
weighted sum over i. Eigenvalues that are nearly equal are taken apart: for them the left side is
``(1 / (l_i + a)^2 + 1 / (l_j + a)^2) / 2``, but for half the square of their relative distance.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from fmriprod.algorithms.array_backend import Array, Backend
from fmriprod.algorithms.leave_group_out import LeaveGroupOut
from fmriprod.algorithms.ridge_inner import InnerErrors, InnerFold, inner_folds, test_totals
from fmriprod.algorithms.ridge_scores import sum_of_squares


@dataclass(frozen=True)
class PathErrors:
    """Squared errors of the models of one training set on one test set.

    Attributes
    ----------
    coupled : array, shape (n_values, n_values)
        Products of test samples by the distance of eigenvalues; 0 where they are near.
    near : array of int, shape (n_near,)
        Eigenvalues with others near them.
    near_products : array, shape (n_near, n_near)
        Products of test samples for pairs of those.
    own : array, shape (n_values,)
        Squares of test samples.
    once, twice : array, shape (n_values, n_penalties)
        ``1 / (l + a)`` and its square.
    """

    coupled: Array
    near: Array
    near_products: Array
    own: Array
    once: Array
    twice: Array

    def __call__(self, xp: Any, coordinates: Array, crossed: Array, squares: Array) -> Array:
        """Sum squared errors over the test samples.

        Parameters
        ----------
        xp : module
            Array namespace.
        coordinates : array, shape (n_voxels, n_values)
            Training responses z on the eigenvectors.
        crossed : array, shape (n_voxels, n_values)
            Products of test responses, about the mean of the training responses, with b.
        squares : array, shape (n_voxels,)
            Sum of squares of those test responses.

        Returns
        -------
        array, shape (n_voxels, n_penalties)
            Not below 0.
        """
        linear = coordinates @ self.coupled
        linear -= 2 * crossed
        linear *= coordinates
        square = coordinates * self.own
        if self.near.shape[0]:
            some = xp.take(coordinates, self.near, axis=1)
            square[:, self.near] += some @ self.near_products
        square *= coordinates
        error = linear @ self.once
        error += square @ self.twice
        error += squares[:, None]
        return xp.clip(error, 0.0, None)


def path_errors(
    values: np.ndarray, projected: np.ndarray, penalties: np.ndarray, backend: Backend
) -> PathErrors:
    """Prepare the errors of one training set on one test set.

    Parameters
    ----------
    values : ndarray, shape (n_values,)
        Eigenvalues in ascending order.
    projected : ndarray, shape (n_test, n_values)
        Test samples on the eigenvectors: what predicts is ``projected / (values + a)``.
    penalties : ndarray, shape (n_penalties,)
        Positive.
    backend : Backend
        Where responses are; eigenvalues nearer than the square root of its precision, as a
        share of themselves and the smallest penalty, are taken as near.
    """
    products = projected.T @ projected
    distance = values[None, :] - values[:, None]
    scale = values + float(np.min(penalties))
    apart = float(np.finfo(backend.dtype).eps) ** 0.5 * np.minimum(scale[:, None], scale)
    close = np.abs(distance) <= apart
    own = np.diag(products).copy()
    # Coordinates come from the left: entry (j, i) is what l_i takes from l_j.
    coupled = np.where(close, 0.0, -2 * products / np.where(close, 1.0, distance))
    close &= products != 0
    np.fill_diagonal(close, False)
    near = np.flatnonzero(close.any(axis=0))
    pairs = np.ix_(near, near)
    once = 1 / (values[:, None] + penalties)
    return PathErrors(
        backend.array(coupled),
        backend.array(near, "int64"),
        backend.array(np.where(close[pairs], products[pairs], 0.0)),
        backend.array(own),
        backend.array(once),
        backend.array(once**2),
    )


class PathSet(NamedTuple):
    """Training set without a pair of groups, in dual form, with its errors on both.

    Attributes
    ----------
    pair : tuple of int
        The groups that are left out.
    vectors : array, shape (n_others, n_values)
        Eigenvectors of the products of the training samples about their mean.
    projected : tuple of array, shape (n_test, n_values)
        Products of the samples of each inner fold with training samples, on the eigenvectors.
    errors : tuple of PathErrors
        Of each inner fold.
    """

    pair: tuple[int, int]
    vectors: Array
    projected: tuple[Array, ...]
    errors: tuple[PathErrors, ...]


def path_set(
    values: Array,
    vectors: Array,
    across: Array,
    pair: tuple[int, int],
    folds: LeaveGroupOut,
    penalties: np.ndarray,
    backend: Backend,
) -> PathSet:
    """Prepare the errors of models without a pair of groups.

    Parameters
    ----------
    values, vectors : array, shapes (n_others,) and (n_others, n_others)
        Eigenvalues, ascending, and eigenvectors of the products of the training samples.
    across : array, shape (n_left_out, n_others)
        Products of left-out samples with training samples, on the eigenvectors.
    pair, folds, penalties, backend
        Groups that are left out, all groups, penalties, and where responses are.
    """
    values, across = backend.numpy(values), backend.numpy(across)
    least = max(values[-1], 0.0) * len(values) * np.finfo(np.float64).eps
    first = int(np.searchsorted(values, least, side="right"))  # below it there is only rounding
    parts = [across[fold.test, first:] for fold in inner_folds(folds, pair)]
    return PathSet(
        pair,
        backend.cast(vectors[:, first:]),
        tuple(backend.array(part) for part in parts),
        tuple(path_errors(values[first:], part, penalties, backend) for part in parts),
    )


@dataclass(frozen=True)
class PathJob:
    """Errors of some pairs of groups for all penalties at once.

    Attributes
    ----------
    backend, folds : Backend, LeaveGroupOut
        What computes; groups.
    sets : sequence of PathSet
        One for each pair.
    """

    backend: Backend
    folds: LeaveGroupOut
    sets: Sequence[PathSet]

    def errors(self, responses: Array) -> Iterator[InnerErrors]:
        """Yield the errors of both inner folds of each pair for each penalty."""
        xp, folds = self.backend.xp, self.folds
        for own in self.sets:
            train = folds.take(xp, responses, folds.rest(*own.pair), 1)
            coordinates = train @ own.vectors
            left_out = folds.take(xp, responses, own.pair, 1)
            left_out = left_out - xp.mean(train, axis=1, keepdims=True)
            tests = inner_folds(folds, own.pair)
            totals = test_totals(xp, left_out, tests)
            for fold, projected, errors, total in zip(
                tests, own.projected, own.errors, totals, strict=True
            ):
                test = left_out[:, fold.test]
                found = errors(xp, coordinates, test @ projected, sum_of_squares(xp, test))
                yield from each_penalty(fold, found, total)


def each_penalty(fold: InnerFold, found: Array, total: Array) -> Iterator[InnerErrors]:
    """Yield the errors of one inner fold, shape (n_voxels, n_penalties), for each penalty."""
    n_test = fold.test.stop - fold.test.start
    for index in range(found.shape[1]):
        yield InnerErrors(fold.outer, index, found[:, index], total, n_test)


class Multiplications(NamedTuple):
    """How often the response of a voxel is multiplied to score all inner folds.

    Attributes
    ----------
    predict, residual : float
        By predictors of every pair of groups, or M Y and small inverses: for each penalty.
    path : float
        By products that serve all penalties.
    """

    predict: float
    residual: float
    path: float


def multiplications(folds: LeaveGroupOut) -> Multiplications:
    """Count multiplications for each voxel in all ways to score inner folds."""
    out = np.array([folds.size(*pair) for pair in folds.pairs], dtype=float)
    others = folds.n_samples - out
    return Multiplications(
        (out * others).sum(),
        folds.n_samples**2 + (out**2).sum(),
        (3 * others**2 + out * others).sum(),
    )
