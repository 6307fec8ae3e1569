"""Dissimilarities of categories in a layer of a network: standardise, PCA, means, correlation."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.rdm import pair_indices

Blocks = Callable[[], Iterable[np.ndarray]]
_EPSILON = np.finfo(np.float64).eps
SIGNS = ("scores", "loadings")


@dataclass(frozen=True)
class LayerDissimilarities:
    """What a layer holds apart, and what that was made from.

    Attributes
    ----------
    dissimilarities : ndarray of float64, shape (n_pairs,)
        1 - Pearson correlation of the categories' mean scores; upper triangle, row by row.
    n_components : int
        Principal components that were kept.
    n_constant : int
        Features that are the same in all images: they are standardised to 0 and count for nothing.
    """

    dissimilarities: np.ndarray
    n_components: int
    n_constant: int


def layer_rdm(
    blocks: Blocks,
    categories: np.ndarray,
    *,
    variance: float = 0.9,
    signs: str = "scores",
    subject: str = "features",
) -> LayerDissimilarities:
    """Measure how dissimilar categories are in a layer.

    Each feature is standardised over images, images are projected on the principal components
    that explain ``variance`` of it, scores are averaged over the images of a category, and the
    distance of two categories is 1 minus the Pearson correlation of their means over components.
    All of it follows from the products of images with images, so that features are read a block
    at a time and their number bounds nothing.

    Parameters
    ----------
    blocks : callable
        Gives, each time it is called, all features once, as arrays ``(n_images, n)`` in a fixed
        order. It is called once, and twice for ``signs="loadings"``.
    categories : ndarray of int, shape (n_images,)
        Number of each image's category, from 0 on, without gaps.
    variance : float
        Share of variance, above 0 and below 1; as many components are kept as exceed it.
    signs : {'scores', 'loadings'}
        Which way a component points. A principal component has no sign of its own, and the
        correlation over components depends on it. ``scores``: the largest score is positive, as
        scikit-learn did until 1.4, and so as published. ``loadings``: the largest loading is
        positive, as scikit-learn does from 1.5 on.
    subject : str
        What the features are of, for errors.

    Returns
    -------
    LayerDissimilarities

    Raises
    ------
    InputError
        If a feature is not finite, all images answer alike, or fewer than three components are
        kept (the correlation of two numbers is 1 or -1).

    References
    ----------
    Lee, Jung, Lustig & Lee 2023, Hum Brain Mapp 44:2018 (doi:10.1002/hbm.26189).
    """
    categories = np.asarray(categories)
    products, n_features, n_constant = _products(blocks, len(categories), subject)
    values, vectors = np.linalg.eigh(products)
    values, vectors = np.maximum(values[::-1], 0), vectors[:, ::-1]
    total = values.sum()
    if n_constant == n_features:
        raise InputError(
            subject, expected="features that differ between images",
            found=f"{n_features:,} features, each the same in all {len(categories)} images",
            hint="leave the layer out, or look at the network's weights",
        )  # fmt: skip
    explained = np.cumsum(values / total)
    kept = min(int(np.searchsorted(explained, variance, side="right")) + 1, len(values))
    if kept < 3:
        raise InputError(
            subject, expected="at least 3 principal components, over which categories correlate",
            found=f"{kept}, which explain {explained[kept - 1]:.1%} of the variance of "
            f"{len(categories)} images",
            hint="give more images, or a larger share of variance",
        )  # fmt: skip
    vectors = vectors[:, :kept]
    scores = vectors * np.sqrt(values[:kept])
    largest = vectors if signs == "scores" else _largest_loadings(blocks, vectors, subject)
    scores = scores * np.sign(largest[np.abs(largest).argmax(axis=0), np.arange(kept)])
    means = category_means(scores, categories)
    first, second = pair_indices(len(means))
    return LayerDissimilarities(1 - np.corrcoef(means)[first, second], kept, n_constant)


def category_means(values: np.ndarray, categories: np.ndarray) -> np.ndarray:
    """Average rows of the same category.

    Parameters
    ----------
    values : ndarray, shape (n_images, n_values)
        Rows.
    categories : ndarray of int, shape (n_images,)
        Number of each row's category, from 0 on, without gaps.

    Returns
    -------
    ndarray of float64, shape (n_categories, n_values)
    """
    member = np.equal.outer(np.arange(categories.max() + 1), categories)
    return (member / member.sum(axis=1, keepdims=True)) @ values


def standardised(block: np.ndarray, subject: str = "features") -> tuple[np.ndarray, int]:
    """Take the mean over images from each feature and divide by its standard deviation (ddof 0).

    Features that vary less than rounding does are constant, by the rule of scikit-learn's
    ``StandardScaler``; they become 0.

    Returns
    -------
    ndarray of float64, shape (n_images, n_features)
        Standardised features.
    int
        How many are constant.

    Raises
    ------
    InputError
        If a value is not finite.
    """
    block = np.asarray(block, dtype=np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        mean = block.mean(axis=0)
        block = block - mean
        spread = np.einsum("ij,ij->j", block, block) / len(block)
    if not np.isfinite(spread).all():
        raise InputError(
            subject, expected="finite features",
            found=f"{int((~np.isfinite(spread)).sum()):,} features with values that are not finite",
            hint="check the network's weights, and the mean and std of its images",
        )  # fmt: skip
    n = len(block)
    constant = spread <= n * _EPSILON * spread + (n * mean * _EPSILON) ** 2
    scale = np.where(constant, 0.0, 1 / np.sqrt(np.where(constant, 1.0, spread)))
    block *= scale
    return block, int(constant.sum())


def _products(blocks: Blocks, n_images: int, subject: str) -> tuple[np.ndarray, int, int]:
    """Sum products of images with images over standardised features."""
    products = np.zeros((n_images, n_images))
    n_features = n_constant = 0
    for raw in blocks():
        block, constant = standardised(raw, subject)
        products += block @ block.T
        n_features += block.shape[1]
        n_constant += constant
    return products, n_features, n_constant


def _largest_loadings(blocks: Blocks, vectors: np.ndarray, subject: str) -> np.ndarray:
    """Find each component's loading of largest size, up to a factor: shape (1, n_components)."""
    largest = np.zeros((1, vectors.shape[1]))
    for raw in blocks():
        loadings = standardised(raw, subject)[0].T @ vectors
        found = loadings[np.abs(loadings).argmax(axis=0), np.arange(vectors.shape[1])]
        largest = np.where(np.abs(found) > np.abs(largest), found, largest)
    return largest
