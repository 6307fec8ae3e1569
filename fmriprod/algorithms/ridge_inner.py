"""Inner folds of nested cross-validation: work that scores a block of voxels at a time."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, Protocol

import numpy as np

from fmriprod.algorithms.array_backend import Array, Backend
from fmriprod.algorithms.leave_group_out import LeaveGroupOut
from fmriprod.algorithms.ridge_scores import centred, sum_of_squares

Columns = Callable[[Any], Array]  # sorted responses of voxels (slice or indices), one a row


class InnerFold(NamedTuple):
    """One inner fold: of outer fold ``outer``, tested on ``test`` (rows of what is left out)."""

    outer: int
    test: slice


class InnerErrors(NamedTuple):
    """Errors of one inner fold with one penalty.

    Attributes
    ----------
    outer, index : int
        Outer fold and penalty.
    error, total : array, shape (n_voxels,)
        Sum of squared errors, and of squares about the mean of the test samples.
    n_test : int
        Number of test samples.
    """

    outer: int
    index: int  # type: ignore[assignment]  # nothing looks for fields of this tuple
    error: Array
    total: Array
    n_test: int


class InnerJob(Protocol):
    """Work of some models for a block of voxels."""

    def errors(self, responses: Array) -> Iterator[InnerErrors]:
        """Yield the errors for sorted responses, one voxel a row."""


def inner_folds(folds: LeaveGroupOut, pair: tuple[int, ...]) -> list[InnerFold]:
    """Both inner folds that the models without a pair of groups serve."""
    first, second = pair
    n_first, n_both = folds.size(first), folds.size(*pair)
    return [InnerFold(second, slice(0, n_first)), InnerFold(first, slice(n_first, n_both))]


def test_totals(xp: Any, test: Array, tests: Sequence[InnerFold]) -> list[Array]:
    """Sum of squares about the mean of the test samples, for each inner fold."""
    return [sum_of_squares(xp, centred(xp, test[:, fold.test])) for fold in tests]


def measure(
    xp: Any, residuals: Array, index: int, tests: Sequence[InnerFold], totals: Sequence[Array]
) -> Iterator[InnerErrors]:
    """Yield the errors of inner folds from the residuals of what is left out."""
    for fold, total in zip(tests, totals, strict=True):
        error = sum_of_squares(xp, residuals[:, fold.test])
        n_test = fold.test.stop - fold.test.start
        yield InnerErrors(fold.outer, index, error, total, n_test)


@dataclass(frozen=True)
class PredictJob:
    """Predictors of one pair of groups for some penalties.

    Attributes
    ----------
    backend, folds : Backend, LeaveGroupOut
        What computes; groups.
    pair : tuple of int
        The groups that are left out.
    indices : sequence of int
        Penalties.
    predictors : sequence of array, shape (n_others, n_out)
        One for each.
    """

    backend: Backend
    folds: LeaveGroupOut
    pair: tuple[int, int]
    indices: Sequence[int]
    predictors: Sequence[Array]

    def errors(self, responses: Array) -> Iterator[InnerErrors]:
        """Yield the errors of both inner folds for each penalty."""
        xp = self.backend.xp
        train = self.folds.take(xp, responses, self.folds.rest(*self.pair), 1)
        test = self.folds.take(xp, responses, self.pair, 1)
        tests = inner_folds(self.folds, self.pair)
        totals = test_totals(xp, test, tests)
        for index, predictor in zip(self.indices, self.predictors, strict=True):
            residuals = train @ predictor
            residuals -= test
            yield from measure(xp, residuals, index, tests, totals)


@dataclass(frozen=True)
class ResidualJob:
    """Residuals of all pairs of groups for one penalty, by small inverses.

    Attributes
    ----------
    backend, folds : Backend, LeaveGroupOut
        What computes; groups.
    index : int
        Penalty.
    maker : array, shape (n_samples, n_samples)
        Matrix M.
    inverses : sequence of array, shape (n_out, n_out)
        Inverse of M_RR for each pair.
    """

    backend: Backend
    folds: LeaveGroupOut
    index: int
    maker: Array
    inverses: Sequence[Array]

    def errors(self, responses: Array) -> Iterator[InnerErrors]:
        """Yield the errors of all inner folds."""
        xp, folds = self.backend.xp, self.folds
        made = responses @ self.maker
        totals = [sum_of_squares(xp, centred(xp, responses[:, own])) for own in folds.slices]
        for pair, inverse in zip(folds.pairs, self.inverses, strict=True):
            residuals = folds.take(xp, made, pair, 1) @ inverse
            tests = inner_folds(folds, pair)
            yield from measure(xp, residuals, self.index, tests, [totals[g] for g in pair])


def inner_scores(
    jobs: Iterable[InnerJob],
    columns: Columns,
    shape: tuple[int, int, int],
    backend: Backend,
    *,
    block: int,
    criterion: str,
) -> np.ndarray:
    """Score every outer fold and penalty by its inner folds.

    Parameters
    ----------
    jobs : iterable of InnerJob
        Work; the next is made when the one before is done.
    columns : callable
        Gives sorted responses of the voxels of a slice, one a row.
    shape : tuple
        Numbers of folds, penalties, voxels.
    backend : Backend
        What computes.
    block : int
        Voxels at a time.
    criterion : {"r2", "mse"}
        Mean over inner folds of the explained variance (less 1), or of minus the mean
        squared error.

    Returns
    -------
    ndarray of float32 or float64, shape ``shape``
        Larger is better.
    """
    n_folds, _, n_voxels = shape
    scores = np.zeros(shape, dtype=backend.dtype)

    def add(job: InnerJob, start: int) -> None:
        stop = min(start + block, n_voxels)
        for inner in job.errors(columns(slice(start, stop))):
            unit = inner.total if criterion == "r2" else inner.n_test
            score = backend.numpy(-inner.error / unit)
            scores[inner.outer, inner.index, start:stop] += score

    for job in jobs:
        backend.each(partial(add, job), range(0, n_voxels, block))
    scores /= n_folds - 1  # in place: the largest array beside the responses
    return scores
