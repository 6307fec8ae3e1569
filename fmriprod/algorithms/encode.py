"""Ridge encoding: how well features predict the response of each voxel."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from fmriprod.algorithms.array_backend import Array, Backend
from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.encode_model import DualModel, LinearModel
from fmriprod.algorithms.leave_group_out import LeaveGroupOut
from fmriprod.algorithms.nested_ridge import nested_ridge
from fmriprod.algorithms.ridge_inner import Columns

_BLOCK = 512


@dataclass(frozen=True)
class Encoding:
    """What one set of features predicts of each voxel; NaN where it is not usable.

    Attributes
    ----------
    r2, r : ndarray of float32, shape (n_voxels,)
        Mean over folds of the explained variance (about the mean of the test samples) and
        of the correlation.
    fold_r2, fold_r, penalty : ndarray of float32, shape (n_folds, n_voxels)
        Of each fold.
    usable : ndarray of bool, shape (n_voxels,)
        Voxels that are finite and vary in every group.
    folds : tuple of str
        The group that each fold leaves out.
    penalties : ndarray of float64, shape (n_penalties,)
        What was tried.
    unit : float
        What they are multiples of; see `NestedRidge`.
    form : str
        ``dual`` or ``primal``.
    predictions : ndarray of float32, shape (n_samples, n_voxels), optional
        Of each sample by the model that was not trained on its group.
    model : LinearModel or DualModel, optional
        Mean of the models of all folds, of the usable voxels.
    """

    r2: np.ndarray
    r: np.ndarray
    fold_r2: np.ndarray
    fold_r: np.ndarray
    penalty: np.ndarray
    usable: np.ndarray
    folds: tuple[str, ...]
    penalties: np.ndarray
    unit: float
    form: str
    predictions: np.ndarray | None = None
    model: LinearModel | DualModel | None = None


def ridge_encode(
    features: np.ndarray,
    responses: np.ndarray,
    groups: Sequence[Any],
    penalties: Sequence[float] | None = None,
    *,
    shared_penalty: bool = False,
    criterion: str = "r2",
    predictions: bool = False,
    model: bool = False,
    **options: Any,
) -> Encoding:
    """Predict each voxel from features by nested cross-validated ridge regression.

    Each group is left out in turn. The penalty is chosen by leaving out each other group in
    turn; the model with it, fitted to all groups but the first, predicts what was left out
    [1]_. Means are those of the training samples throughout.

    Parameters
    ----------
    features : array, shape (n_samples, n_features)
        Float; may be on disk.
    responses : array, shape (n_samples, n_voxels)
        May be on disk.
    groups : sequence, length n_samples
        Session or run of each sample.
    penalties : sequence of float, optional
        What to choose from; see `nested_ridge`.
    shared_penalty : bool, default False
        One penalty for all voxels (the best on average over them) or one for each.
    criterion : {"r2", "mse"}, default "r2"
        What inner folds are scored by.
    predictions, model : bool, default False
        Whether to return predictions of left-out samples, and the mean of the folds' models.
    **options
        ``standardize``, ``form``, ``backend``, ``memory_mb`` of `nested_ridge`.

    Returns
    -------
    Encoding
        Scores, penalties and what was asked for.

    Raises
    ------
    InputError
        If lengths differ, no voxel can be analysed, or as `nested_ridge` does.

    References
    ----------
    .. [1] Eickenberg M, Gramfort A, Varoquaux G, Thirion B (2017). Seeing it all:
       Convolutional network layers map the function of the human visual system.
       NeuroImage 152:184-194.
    """
    if criterion not in ("r2", "mse"):
        raise InputError(
            "criterion", expected="r2 or mse", found=repr(criterion), hint="choose one of them"
        )
    if len(responses.shape) != 2 or responses.shape[0] != features.shape[0]:
        raise InputError(
            "responses", expected=f"{features.shape[0]} samples, as the features have",
            found=f"shape {tuple(responses.shape)}",
            hint="give features and responses of the same samples, in the same order",
        )  # fmt: skip
    ridge = nested_ridge(features, groups, penalties, **options)
    usable = usable_responses(responses, ridge.folds, ridge.backend)
    columns, mean = sorted_columns(responses, usable, ridge)
    chosen = ridge.choose(columns, int(usable.sum()), shared=shared_penalty, criterion=criterion)
    predicted = (
        np.empty((int(usable.sum()), len(groups)), ridge.backend.dtype) if predictions else None
    )
    fold_r2, fold_r = ridge.outer(columns, chosen, predictions=predicted)
    fitted = _with_mean(ridge.model(columns, chosen), mean) if model else None
    tried = ridge.penalties[chosen]
    found = (fold_r2.mean(0), fold_r.mean(0), fold_r2, fold_r, tried)
    r2, r, fold_r2, fold_r, penalty = (spread_usable(values, usable) for values in found)
    if predicted is not None:
        unsorted = np.empty_like(predicted)
        unsorted[:, ridge.folds.order] = predicted
        predicted = spread_usable((unsorted + mean[:, None]).T, usable)
    return Encoding(
        r2,
        r,
        fold_r2,
        fold_r,
        penalty,
        usable,
        folds=ridge.folds.names,
        penalties=ridge.penalties,
        unit=ridge.unit,
        form=ridge.form,
        predictions=predicted,
        model=fitted,
    )


def usable_responses(responses: np.ndarray, folds: LeaveGroupOut, backend: Backend) -> np.ndarray:
    """Mark the voxels whose responses are finite and vary in every group.

    Raises
    ------
    InputError
        If there is none.
    """
    usable = np.zeros(responses.shape[1], dtype=bool)

    def look(start: int) -> None:
        block = _ordered(np.asarray(responses[:, start : start + _BLOCK]), folds.order)
        good = np.isfinite(block.sum(axis=0))
        if not good.all():  # or the sum is too large for its precision
            good = np.isfinite(block.sum(axis=0, dtype=np.float64))
        for place in folds.slices:
            same = np.flatnonzero(block[place.start] == block[place.start + 1])  # few, mostly
            good[same] &= (block[place][:, same] != block[place.start, same]).any(axis=0)
        usable[start : start + _BLOCK] = good

    backend.each(look, range(0, len(usable), _BLOCK))
    if not usable.any():
        raise InputError(
            "responses", expected="a voxel that is finite and varies in every group",
            found=f"none of {len(usable)}", hint="look at the mask and at the images",
        )  # fmt: skip
    return usable


class HasFolds(Protocol):
    """What the columns are laid out for: its folds, and where its arrays are."""

    @property
    def folds(self) -> LeaveGroupOut:
        """Groups of the samples."""

    @property
    def backend(self) -> Backend:
        """Where arrays are."""


def sorted_columns(
    responses: np.ndarray, usable: np.ndarray, ridge: HasFolds
) -> tuple[Columns, np.ndarray]:
    """Lay out usable voxels one a row, samples sorted by group, about their means.

    Returns
    -------
    columns : callable
        Gives the voxels of a slice or of an array of indices, on the backend's device.
    mean : ndarray of float64, shape (n_usable,)
        What was taken away.
    """
    first = np.concatenate([[0], np.cumsum(usable)])  # place of each voxel among the usable ones
    mean = np.empty(first[-1])
    rows = np.empty((first[-1], responses.shape[0]), dtype=ridge.backend.dtype)

    def lay_out(start: int) -> None:
        stop = min(start + _BLOCK, len(usable))
        block = np.asarray(responses[:, start:stop])
        block = block if block.dtype.kind == "f" else block.astype(np.float64)
        if not usable[start:stop].all():
            block = block[:, usable[start:stop]]
        block = np.array(_ordered(block, ridge.folds.order).T, order="C")  # always a copy
        place = slice(first[start], first[stop])
        mean[place] = block.mean(axis=1, dtype=np.float64)
        block -= mean[place, None].astype(block.dtype)
        rows[place] = block

    ridge.backend.each(lay_out, range(0, len(usable), _BLOCK))

    def columns(voxels: Any) -> Array:
        return ridge.backend.array(rows[voxels])

    return columns, mean


def _ordered(block: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Sort rows, without a copy where they are sorted."""
    return block if (order[1:] > order[:-1]).all() else block[order]


def spread_usable(values: np.ndarray, usable: np.ndarray) -> np.ndarray:
    """Put values of usable voxels, the last axis, among all; NaN elsewhere. float32."""
    full = np.full((*values.shape[:-1], len(usable)), np.nan, dtype=np.float32)
    full[..., usable] = values
    return full


def _with_mean(model: LinearModel | DualModel, mean: np.ndarray) -> LinearModel | DualModel:
    """Add the mean that was taken from the responses to a model's intercept."""
    return replace(model, intercept=(model.intercept + mean).astype(np.float32))
