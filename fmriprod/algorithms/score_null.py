"""Null of encoding scores: the best layer for permuted responses, without fitting anew."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from fmriprod.algorithms.array_backend import Array, Backend
from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.nested_ridge import NestedRidge
from fmriprod.algorithms.permute_samples import SampleOrders
from fmriprod.algorithms.ridge_inner import Columns


def max_score_null(
    layers: Iterable[tuple[NestedRidge, np.ndarray | None]],
    responses: np.ndarray,
    orders: SampleOrders,
    n_permutations: int,
    *,
    score: str = "r2",
    criterion: str = "r2",
) -> np.ndarray:
    """Score permuted responses by every layer, and keep the best [1]_.

    The data set of one permutation is the same for all layers and voxels. Nothing is fitted
    anew: permuted responses are more columns for the models that were prepared.

    Parameters
    ----------
    layers : iterable of (NestedRidge, ndarray of int or None)
        Models of each layer; one is held at a time. With each, which penalties to use, shape
        ``(n_folds, n_voxels)``, or None: the inner folds of every permuted data set choose.
    responses : ndarray, shape (n_samples, n_voxels)
        Of the voxels whose null is wanted.
    orders : SampleOrders
        Permutations.
    n_permutations : int
        How many.
    score, criterion : {"r2", "r"}, {"r2", "mse"}
        What is tested, and what inner folds are scored by.

    Returns
    -------
    ndarray of float32, shape (n_voxels, n_permutations)
        Largest score over layers, of the mean over folds. NaN where a voxel is constant in a
        group of a permuted data set.

    Raises
    ------
    InputError
        If no permutation is asked for.

    Notes
    -----
    Penalties that the data chose know the data, and differ between voxels: in 60 simulated studies
    of 100 voxels and noise alone, 2.6 % of p were below .01, and 33 % of the studies had a voxel
    with q below .05. Where the choice is repeated it was 1.0 %, and 7 %.

    References
    ----------
    .. [1] Eickenberg M, Gramfort A, Varoquaux G, Thirion B (2017). Seeing it all:
       Convolutional network layers map the function of the human visual system.
       NeuroImage 152:184-194.
    """
    if n_permutations < 1:
        raise InputError(
            "n_permutations", expected="at least 1", found=f"{n_permutations}",
            hint="the smallest p is 1 / (1 + permutations)",
        )  # fmt: skip
    rows = rows_about_mean(responses)
    best = np.full((len(rows), n_permutations), -np.inf, dtype=np.float32)
    for ridge, chosen in layers:
        step = _n_together(ridge, len(rows))
        for start in range(0, n_permutations, step):
            part = slice(start, min(start + step, n_permutations))
            made = orders.orders(part.start, part.stop)
            made = np.take(made, ridge.folds.order, axis=1)  # rows stay contiguous
            columns = permuted_columns(rows, made, ridge.backend)
            repeated = None if chosen is None else np.repeat(chosen, len(made), axis=1)
            n_columns = len(rows) * len(made)
            scores = _mean_scores(ridge, columns, n_columns, repeated, score, criterion)
            np.maximum(best[:, part], scores.reshape(len(rows), -1), out=best[:, part])
        del ridge  # before the next is made
    return best


def rows_about_mean(responses: np.ndarray) -> np.ndarray:
    """Lay out voxels one a row, about their mean: float64, shape (n_voxels, n_samples)."""
    rows = np.ascontiguousarray(np.asarray(responses, dtype=np.float64).T)
    return rows - rows.mean(axis=1, keepdims=True)


def permuted_columns(rows: np.ndarray, orders: np.ndarray, backend: Backend) -> Columns:
    """Lay out permuted responses one a row, made when they are asked for.

    Parameters
    ----------
    rows : ndarray, shape (n_voxels, n_samples)
        Responses about their mean.
    orders : ndarray of int, shape (n_orders, n_samples)
        Which sample comes to each place.
    backend : Backend
        Where they are made.

    Returns
    -------
    callable
        Gives the rows of a slice or of an array of indices into voxels x orders.
    """
    xp = backend.xp
    n_orders, n_samples = orders.shape
    n_columns = len(rows) * n_orders
    flat = xp.reshape(backend.array(rows), (-1,))
    kept = backend.array(orders, str(orders.dtype))

    def columns(which: Any) -> Array:
        if isinstance(which, slice):
            which = np.arange(*which.indices(n_columns))
        voxel, order = np.divmod(which, n_orders)
        places = xp.take(kept, backend.array(order, "int64"), axis=0)
        places = backend.cast(places, "int64")
        places += backend.array(voxel * n_samples, "int64")[:, None]
        return xp.reshape(xp.take(flat, xp.reshape(places, (-1,)), axis=0), places.shape)

    return columns


def check_known_scores(
    ridge: NestedRidge,
    responses: np.ndarray,
    penalty: np.ndarray,
    fold_r2: np.ndarray,
    *,
    criterion: str | None = None,
) -> np.ndarray:
    """Check that models give the scores that are known, and say which penalties those had.

    Parameters
    ----------
    ridge : NestedRidge
        Models of one layer.
    responses : ndarray, shape (n_samples, n_voxels)
        Of some voxels.
    penalty, fold_r2 : ndarray, shape (n_folds, n_voxels)
        Their penalties and scores, as known.
    criterion : {"r2", "mse"}, optional
        What inner folds are scored by: whether they choose these penalties is checked too.

    Returns
    -------
    ndarray of int, shape (n_folds, n_voxels)
        Index of each penalty.

    Raises
    ------
    InputError
        If penalties, choices or scores are not those that are known.
    """
    ratio = np.abs(np.log(penalty[..., None] / ridge.penalties))
    chosen = ratio.argmin(axis=-1)
    if not (ratio.min(axis=-1) < 1e-3).all():
        raise InputError(
            "scores", expected="penalties among " + ", ".join(f"{p:.4g}" for p in ridge.penalties),
            found=", ".join(f"{p:.4g}" for p in np.unique(penalty)),
            hint="give the penalties, features and standardize that the scores were made with",
        )  # fmt: skip
    rows = rows_about_mean(responses)
    columns = permuted_columns(rows, ridge.folds.order[None], ridge.backend)
    found, _ = ridge.outer(columns, chosen)
    differ = ~np.isclose(found, fold_r2, rtol=1e-3, atol=1e-3)
    if differ.any():
        raise InputError(
            "scores", expected="the scores that these features and responses give",
            found=f"{differ.mean():.0%} of r2 of checked folds differ, by "
            f"{np.abs(found - fold_r2)[differ].max():.2g}",
            hint="give features, responses, groups and options that the scores were made with",
        )  # fmt: skip
    if criterion is not None:
        agree = (ridge.choose(columns, len(rows), criterion=criterion) == chosen).mean()
        if agree < 0.9:
            raise InputError(
                "scores", expected="penalties that inner folds choose for these voxels",
                found=f"{1 - agree:.0%} of them differ",
                hint="give the criterion and shared_penalty that the scores were made with",
            )  # fmt: skip
    return chosen


def _n_together(ridge: NestedRidge, n_voxels: int) -> int:
    """Permutations at a time: their orders and all scores of inner folds in half the bound."""
    wide = 4 if ridge.backend.dtype == "float32" else 8
    column = ridge.folds.n_folds * (2 * wide * len(ridge.penalties) + 4 * wide + 24) + 16
    each = n_voxels * column + 8 * ridge.folds.n_samples
    return max(1, int(ridge.memory_mb * 1e6 / 2 / each))


def _mean_scores(
    ridge: NestedRidge,
    columns: Columns,
    n_columns: int,
    chosen: np.ndarray | None,
    score: str,
    criterion: str,
) -> np.ndarray:
    """Score one layer, mean over folds: float32, shape (n_columns,)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        if chosen is None:
            chosen = ridge.choose(columns, n_columns, criterion=criterion)
        r2, r = ridge.outer(columns, chosen)
        mean = (r2 if score == "r2" else r).mean(axis=0)
    # Where r2 is not finite there is nothing to correlate with either.
    return np.where(np.isfinite(r2).all(axis=0), mean, np.nan).astype(np.float32)
