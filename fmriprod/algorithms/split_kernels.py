"""Kernels of training and test samples for features that are too many to be kept.

Features arrive in blocks of columns, are standardised as if all were there, and leave only their
inner products. Scaling each feature needs its own deviation: there is no way to it from the
inner products of unscaled features, so that `kernels_of_gram` can centre but not scale.
"""

from collections.abc import Iterable
from typing import Literal, NamedTuple

import numpy as np

from fmriprod.algorithms.splits import Split

Scaling = Literal["split", "train", "center", "none"]


class SplitKernel(NamedTuple):
    """Inner products of a split's samples, without intercept.

    Attributes
    ----------
    train : ndarray of float64, shape (n_train, n_train)
    test : ndarray of float64, shape (n_test, n_train)
    """

    train: np.ndarray
    test: np.ndarray


def kernels_of_blocks(
    blocks: Iterable[np.ndarray], splits: list[Split], standardize: Scaling = "split"
) -> list[SplitKernel]:
    """Standardise features per split and sum their inner products, block by block.

    Parameters
    ----------
    blocks : iterable of ndarray, shape (n_samples, n_features_of_block)
        All samples; columns are the features.
    splits : list of Split
        Training and test rows of each fit. Sets of rows that several splits standardise
        alike are standardised once.
    standardize : {'split', 'train', 'center', 'none'}
        Mean 0 and standard deviation 1 (population formula) of each feature: separately over
        training and over test rows; with the training rows' mean and deviation; only the
        training rows' mean; not at all.

    Returns
    -------
    list of SplitKernel
    """
    plans = [_plan(split, standardize) for split in splits]
    needed = {pair for train, test in plans for pair in ((train, train), (test, train))}
    rows = {key: np.array(key[0]) for pair in needed for key in pair}
    sums = {(a, b): np.zeros((len(a[0]), len(b[0]))) for a, b in needed}
    for block in blocks:
        moments: dict[tuple[int, ...], tuple[np.ndarray, np.ndarray]] = {}
        parts = {}
        for key in rows:
            parts[key] = _scaled(block, rows[key], key[1], standardize != "center", moments)
        for a, b in needed:
            sums[a, b] += parts[a] @ parts[b].T
    return [SplitKernel(sums[train, train], sums[test, train]) for train, test in plans]


def kernels_of_gram(
    kernel: np.ndarray, splits: list[Split], standardize: Literal["center", "none"] = "center"
) -> list[SplitKernel]:
    """Take the kernels of splits out of the inner products of all samples.

    Parameters
    ----------
    kernel : ndarray of float64, shape (n_samples, n_samples)
        Inner products of unscaled features.
    splits : list of Split
        Training and test rows of each fit.
    standardize : {'center', 'none'}
        Subtract the training rows' mean from each feature, which is exact in the kernel, or
        nothing.

    Returns
    -------
    list of SplitKernel
    """
    result = []
    for _, train, test in splits:
        inner, outer = kernel[np.ix_(train, train)], kernel[np.ix_(test, train)]
        if standardize == "center":
            mean = inner.mean(axis=0)
            outer = outer - outer.mean(axis=1, keepdims=True) - mean + mean.mean()
            inner = inner - mean[:, None] - mean + mean.mean()
        result.append(SplitKernel(inner, outer))
    return result


_Key = tuple[tuple[int, ...], tuple[int, ...] | None]  # rows, and the rows that give moments


def _plan(split: Split, standardize: Scaling) -> tuple[_Key, _Key]:
    """Tell for training and test rows which rows' moments scale them."""
    train, test = tuple(split.train.tolist()), tuple(split.test.tolist())
    if standardize == "none":
        return (train, None), (test, None)
    return (train, train), (test, test if standardize == "split" else train)


def _scaled(
    block: np.ndarray,
    rows: np.ndarray,
    fit: tuple[int, ...] | None,
    scale: bool,
    moments: dict[tuple[int, ...], tuple[np.ndarray, np.ndarray]],
) -> np.ndarray:
    """Scale some rows by the moments of others; a feature of rounding noise is only centred."""
    part = block[rows]
    if fit is None:
        return part
    if fit not in moments:
        base = block[list(fit)]
        mean = base.mean(axis=0)
        base -= mean
        deviation = np.sqrt(np.einsum("ij,ij->j", base, base) / len(base))
        noise = deviation <= 1e-6 * np.abs(mean)
        moments[fit] = mean, 1 / np.where(noise, 1, deviation)
    mean, factor = moments[fit]
    part -= mean
    if scale:
        part *= factor
    return part
