"""Outer folds of dual ridge models: each voxel at its own penalty."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from fmriprod.algorithms.array_backend import Array, Backend
from fmriprod.algorithms.leave_group_out import LeaveGroupOut
from fmriprod.algorithms.ridge_inner import Columns, PredictJob
from fmriprod.algorithms.ridge_scores import score_predictions


class Predictors(Protocol):
    """Solver that gives matrices of samples by samples."""

    backend: Backend
    folds: LeaveGroupOut

    def prepare(self, indices: Sequence[int], *left_out: int) -> None:
        """Make ready what the predictors of some penalties share."""

    def predictor(self, index: int, *left_out: int) -> Array:
        """Matrix ``(n_left_out, n_others)`` that predicts left-out groups from the others."""

    def coefficients(self, index: int, left_out: int) -> Array:
        """Matrix from responses of the other groups to a model without one group.

        Shape ``(n_others, n_others + 1)``: dual coefficients, and in the last column the
        response at the mean of the features.
        """


def predict_job(solver: Predictors, pair: tuple[int, int], together: Sequence[int]) -> PredictJob:
    """Make the predictors of a pair of groups for some penalties, side by side."""
    made = _predictors(solver, together, pair)
    in_order = [made[index] for index in together]
    return PredictJob(solver.backend, solver.folds, pair, together, in_order)


def outer_scores(
    solver: Predictors,
    columns: Columns,
    chosen: np.ndarray,
    *,
    block: int,
    predictions: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Score each outer fold with the penalty that its inner folds chose.

    Parameters
    ----------
    solver : Predictors
        Models.
    columns : callable
        Gives sorted responses of some voxels, one a row.
    chosen : ndarray of int, shape (n_folds, n_voxels)
        Index of the penalty.
    block : int
        Voxels at a time.
    predictions : ndarray, shape (n_voxels, n_samples), optional
        Filled with the predictions of sorted samples.

    Returns
    -------
    r2, r : ndarray, shape (n_folds, n_voxels)
        Scores.
    """
    backend, folds = solver.backend, solver.folds
    r2 = np.zeros(chosen.shape, dtype=backend.dtype)
    r = np.zeros_like(r2)
    for fold, choice in enumerate(chosen):
        place, rest = folds.slices[fold], folds.rest(fold)
        indices = [int(index) for index in np.unique(choice)]
        predictors = _predictors(solver, indices, fold)

        def score(
            work: tuple[int, np.ndarray],
            fold: int = fold,
            made: Any = predictors,
            place: slice = place,
            rest: Any = rest,
        ) -> None:
            index, voxels = work
            responses = columns(voxels)
            predicted = folds.take(backend.xp, responses, rest, 1) @ made[index]
            r2[fold, voxels], r[fold, voxels] = score_predictions(
                backend, responses[:, place], predicted
            )
            if predictions is not None:
                predictions[voxels, place] = backend.numpy(predicted)

        backend.each(score, _by_penalty(choice, indices, block))
    return r2, r


def dual_coefficients(
    solver: Predictors,
    columns: Columns,
    chosen: np.ndarray,
    *,
    block: int,
    average: bool,
) -> tuple[np.ndarray, np.ndarray]:
    """Fit the model of each outer fold.

    Parameters
    ----------
    solver, columns, chosen, block
        As those of `outer_scores`.
    average : bool
        Give the mean over folds.

    Returns
    -------
    dual : ndarray of float32, shape (n_folds or 1, n_voxels, n_samples)
        Dual coefficients of sorted samples; 0 for those that were left out.
    intercept : ndarray of float32, shape (n_voxels,)
        Mean over folds of the response at the mean of the features.
    """
    backend, folds = solver.backend, solver.folds
    n_folds, n_voxels = chosen.shape
    dual = np.zeros((1 if average else n_folds, n_voxels, folds.n_samples), dtype=np.float32)
    intercept = np.zeros(n_voxels, dtype=np.float32)
    share = n_folds if average else 1
    for fold, choice in enumerate(chosen):
        rest = folds.rest(fold)
        parts = _places(folds, rest)
        for index in np.unique(choice):
            matrix = backend.cast(solver.coefficients(int(index), fold) / share)

            def fit(
                work: tuple[int, np.ndarray],
                fold: int = fold,
                matrix: Any = matrix,
                rest: Any = rest,
                parts: Any = parts,
            ) -> None:
                voxels = work[1]
                train = folds.take(backend.xp, columns(voxels), rest, 1)
                fitted = backend.numpy(train @ matrix)
                for place, part in parts:
                    dual[0 if average else fold, voxels, place] += fitted[:, part]
                intercept[voxels] += fitted[:, -1] * (share / n_folds)

            backend.each(fit, _by_penalty(choice, [int(index)], block))
    return dual, intercept


def _places(folds: LeaveGroupOut, groups: Sequence[int]) -> list[tuple[slice, slice]]:
    """Place of each group among the sorted samples, and among the samples of these groups."""
    ends = np.cumsum([folds.size(g) for g in groups])
    return [
        (folds.slices[g], slice(int(end) - folds.size(g), int(end)))
        for g, end in zip(groups, ends, strict=True)
    ]


def _predictors(
    solver: Predictors, indices: Sequence[int], left_out: Sequence[int] | int
) -> dict[int, Array]:
    """Make transposed predictors of some penalties, side by side."""
    groups = (left_out,) if isinstance(left_out, int) else tuple(left_out)
    made: dict[int, Array] = {}

    def solve(index: int) -> None:
        made[index] = solver.predictor(index, *groups).T

    solver.prepare(indices, *groups)
    solver.backend.each(solve, indices)
    return made


def _by_penalty(
    choice: np.ndarray, indices: Sequence[int], block: int
) -> list[tuple[int, np.ndarray]]:
    """List penalties with the voxels that chose them, in blocks."""
    work = []
    for index in indices:
        voxels = np.flatnonzero(choice == index)
        work += [(index, voxels[i : i + block]) for i in range(0, len(voxels), block)]
    return work
