"""Inner products of every fold's training and test samples, from one pass over the samples.

What a fold trains on is everything less what it leaves out; so are its inner products.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

_SAME = 1e-12  # share of a feature's sum of squares below which a difference is rounding


@dataclass(frozen=True)
class Fold:
    """Features of one fold, centred (and, if asked for, scaled) by its training samples.

    Attributes
    ----------
    rows : slice or ndarray of int
        Test samples.
    n_train, n_test : int
        Samples.
    gram, test_gram : ndarray, shape (n_features, n_features)
        Inner products over training and over test samples.
    mean : ndarray, shape (n_features,)
        Of the training samples, before scaling.
    total : ndarray, shape (n_features,)
        Sum over the test samples, before centring and scaling.
    scale : ndarray, shape (n_features,)
        What features were divided by.
    candidates : ndarray of bool, shape (n_features,)
        Features that vary in the training samples, and of copies (up to a factor) the longest
        one, or the first of equal ones.
    """

    rows: slice | np.ndarray
    n_train: int
    n_test: int
    gram: np.ndarray
    test_gram: np.ndarray
    mean: np.ndarray
    total: np.ndarray
    scale: np.ndarray
    candidates: np.ndarray


class FoldProducts(NamedTuple):
    """Inner products of responses in one fold, centred by its training samples.

    Attributes
    ----------
    train, test : ndarray, shape (n_responses, n_features)
        With the features.
    square : ndarray, shape (n_responses,)
        Sum of squares over the test samples.
    spread : ndarray, shape (n_responses,)
        The same about the mean of the test samples.
    """

    train: np.ndarray
    test: np.ndarray
    square: np.ndarray
    spread: np.ndarray


def feature_folds(
    features: np.ndarray, rows: Sequence[slice | np.ndarray], *, rescale: bool
) -> tuple[list[Fold], Fold]:
    """Give the inner products of features for each fold, and those of all samples.

    Parameters
    ----------
    features : ndarray of float64, shape (n_samples, n_features)
        Centred over all samples.
    rows : list of slice or ndarray of int
        Test samples of each fold; each sample is in one of them.
    rescale : bool
        Divide features by their standard deviation in the fold's training samples.

    Returns
    -------
    folds : list of Fold
    whole : Fold
        Trained on all samples, never rescaled, with nothing to test.
    """
    parts = [features[each] for each in rows]
    grams, totals = [part.T @ part for part in parts], [part.sum(axis=0) for part in parts]
    gram, total, n = sum(grams), sum(totals), len(features)
    mean, size = total / n, np.diag(gram)
    ones, nothing = np.ones(len(gram)), np.zeros_like(gram)
    centred = gram - n * np.outer(mean, mean)
    whole = Fold(
        slice(0, 0), n, 0, centred, nothing, mean, np.zeros_like(mean), ones,
        _candidates(centred, np.diag(centred) > _SAME * size),
    )  # fmt: skip
    folds = []
    for each, part, own, own_total in zip(rows, parts, grams, totals, strict=True):
        n_train, n_test = n - len(part), len(part)
        mean = (total - own_total) / n_train
        train = gram - own - n_train * np.outer(mean, mean)
        cross = np.outer(mean, own_total)
        test = own - cross - cross.T + n_test * np.outer(mean, mean)
        own_size = np.diag(train)
        varies = own_size > _SAME * size
        scale = np.sqrt(np.where(varies, own_size / n_train, 1.0)) if rescale else ones
        both = np.outer(scale, scale)
        train, test = train / both, test / both
        kept = _candidates(train, varies)
        folds.append(Fold(each, n_train, n_test, train, test, mean, own_total, scale, kept))
    return folds, whole


def response_products(
    features: np.ndarray, responses: np.ndarray, folds: list[Fold], whole: Fold
) -> tuple[list[FoldProducts], np.ndarray]:
    """Give the inner products of responses with the features for each fold and for all.

    Parameters
    ----------
    features : ndarray of float64, shape (n_samples, n_features)
        As `feature_folds` had them.
    responses : ndarray of float64, shape (n_samples, n_responses)
        Centred over all samples.
    folds, whole
        From `feature_folds`.

    Returns
    -------
    products : list of FoldProducts
        One for each fold.
    all_products : ndarray, shape (n_responses, n_features)
        Over all samples.
    """
    parts = [responses[fold.rows] for fold in folds]
    owns = [part.T @ features[fold.rows] for part, fold in zip(parts, folds, strict=True)]
    totals = [part.sum(axis=0) for part in parts]
    squares = [np.einsum("nv,nv->v", part, part) for part in parts]
    products, total, found = sum(owns), sum(totals), []
    for fold, own, own_total, square in zip(folds, owns, totals, squares, strict=True):
        mean = (total - own_total) / fold.n_train
        train = products - own - fold.n_train * np.outer(mean, fold.mean)
        test = own - np.outer(own_total - fold.n_test * mean, fold.mean)
        test -= np.outer(mean, fold.total)
        found.append(
            FoldProducts(
                train / fold.scale, test / fold.scale,
                square - 2 * mean * own_total + fold.n_test * mean**2,
                square - own_total**2 / fold.n_test,
            )
        )  # fmt: skip
    return found, products - np.outer(total, whole.mean)


def _candidates(gram: np.ndarray, varies: np.ndarray) -> np.ndarray:
    """Mark features that vary; of those that are equal up to a factor, the longest (or first).

    The longest has the largest product with any response, so that it would enter before the
    others, which then add nothing.
    """
    length = np.sqrt(np.where(varies, np.diag(gram), 1))
    same = (gram / np.outer(length, length)) ** 2 >= 1 - _SAME
    rank = np.empty(len(gram), int)  # features of equal length, up to rounding, in their order
    rank[np.lexsort((np.arange(len(gram)), -np.round(np.log(length), 9)))] = np.arange(len(gram))
    same &= rank[:, None] < rank
    return varies & ~same.any(axis=0)
