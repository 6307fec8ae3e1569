"""Outer folds of dual ridge models: each voxel at its own penalty."""

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np

from fmriprod.algorithms.array_backend import Array, Backend
from fmriprod.algorithms.leave_group_out import LeaveGroupOut
from fmriprod.algorithms.ridge_inner import Columns, PredictJob
from fmriprod.algorithms.ridge_scores import score_predictions


class Predictors(Protocol):
    """Solver that gives matrices of samples by samples."""

    backend: Backend
    folds: LeaveGroupOut

    def predictor(self, index: int, *left_out: int) -> Array:
        """Matrix ``(n_left_out, n_others)`` that predicts left-out groups from the others."""

    def coefficients(self, index: int, left_out: int) -> Array:
        """Matrix from responses of the other groups to a model without one group.

        Shape ``(n_others, n_others + 1)``: dual coefficients, and in the last column the
        response at the mean of the features.
        """


def predict_job(solver: Predictors, pair: tuple[int, int], together: Sequence[int]) -> PredictJob:
    """Make the predictors of a pair of groups for some penalties, side by side."""
    made: dict[int, Array] = {}

    def solve(index: int) -> None:
        made[index] = solver.predictor(index, *pair).T

    solver.backend.each(solve, together)
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
    xp = backend.xp
    r2 = np.zeros(chosen.shape, dtype=backend.dtype)
    r = np.zeros_like(r2)
    for fold, index, blocks in _by_penalty(chosen, block):
        predictor = solver.predictor(index, fold).T
        place = folds.slices[fold]

        def score(voxels: np.ndarray, fold=fold, predictor=predictor, place=place) -> None:
            responses = columns(voxels)
            predicted = folds.take(xp, responses, folds.rest(fold), 1) @ predictor
            r2[fold, voxels], r[fold, voxels] = score_predictions(
                backend, responses[:, place], predicted
            )
            if predictions is not None:
                predictions[voxels, place] = backend.numpy(predicted)

        backend.each(score, blocks)
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
    for fold, index, blocks in _by_penalty(chosen, block):
        matrix = backend.cast(solver.coefficients(index, fold) / (n_folds if average else 1))
        parts = _places(folds, folds.rest(fold))

        def fit(voxels: np.ndarray, fold=fold, matrix=matrix, parts=parts) -> None:
            train = folds.take(backend.xp, columns(voxels), folds.rest(fold), 1)
            fitted = backend.numpy(train @ matrix)
            for place, part in parts:
                dual[0 if average else fold, voxels, place] += fitted[:, part]
            intercept[voxels] += fitted[:, -1] / (1 if average else n_folds)

        backend.each(fit, blocks)
    return dual, intercept


def _places(folds: LeaveGroupOut, groups: Sequence[int]) -> list[tuple[slice, slice]]:
    """Place of each group among the sorted samples, and among the samples of these groups."""
    ends = np.cumsum([folds.size(g) for g in groups])
    return [
        (folds.slices[g], slice(int(end) - folds.size(g), int(end)))
        for g, end in zip(groups, ends, strict=True)
    ]


def _by_penalty(chosen: np.ndarray, block: int) -> Iterator[tuple[int, int, list[np.ndarray]]]:
    """Yield fold, penalty, and the voxels that chose it in blocks."""
    for fold, choice in enumerate(chosen):
        for index in np.unique(choice):
            voxels = np.flatnonzero(choice == index)
            yield fold, int(index), [voxels[i : i + block] for i in range(0, len(voxels), block)]
