"""Images of a layer in two dimensions, neighbours near each other: t-SNE."""

from dataclasses import dataclass

import numpy as np

from fmriprod.algorithms.checks import InputError

_LEAST_IMAGES = 5


@dataclass(frozen=True)
class Embedding:
    """Places of images in a plane.

    Attributes
    ----------
    places : ndarray of float32, shape (n_images, 2)
        From 0 to 1 on each axis; only who is near whom has a meaning.
    perplexity : float
        That was used.
    divergence : float
        Kullback-Leibler divergence that is left, in nats.
    """

    places: np.ndarray
    perplexity: float
    divergence: float


def chosen_units(n_units: int, n_chosen: int | None, seed: int) -> np.ndarray | None:
    """Draw units of a layer without repetition; None takes all.

    Returns
    -------
    ndarray of int, rising, or None
    """
    if n_chosen is None or n_chosen >= n_units:
        return None
    random = np.random.default_rng(seed)
    return np.sort(random.choice(n_units, n_chosen, replace=False))


def usable_perplexity(n_images: int, perplexity: float = 30.0) -> float:
    """Give the perplexity, or, with few images, a third of the others.

    Examples
    --------
    >>> usable_perplexity(160), usable_perplexity(31)
    (30.0, 10.0)
    """
    return min(perplexity, (n_images - 1) / 3)


def embed(
    features: np.ndarray,
    *,
    perplexity: float = 30.0,
    seed: int = 0,
    start: str = "pca",
    subject: str = "features",
) -> Embedding:
    """Place images in a plane by t-SNE, scaled to 0 to 1 on each axis.

    Parameters
    ----------
    features : ndarray, shape (n_images, n_features)
        Finite.
    perplexity : float
        How many neighbours count, about; fewer with few images, see `usable_perplexity`.
    seed : int
        Seed of t-SNE.
    start : {'pca', 'random'}
        First places: principal components, scikit-learn's default since 1.2, or random, its
        default when the published code was written.
    subject : str
        What the features are of, for errors.

    Returns
    -------
    Embedding

    Raises
    ------
    InputError
        If there are fewer than five images, a value is not finite, or all images are alike.

    References
    ----------
    van der Maaten & Hinton 2008, J Mach Learn Res 9:2579.
    """
    features = np.asarray(features, dtype=np.float32)
    n = len(features)
    if n < _LEAST_IMAGES:
        raise InputError(
            subject, expected=f"at least {_LEAST_IMAGES} images", found=f"{n}",
            hint="give more images",
        )  # fmt: skip
    if not np.isfinite(features).all():
        bad = int((~np.isfinite(features)).sum())
        raise InputError(
            subject, expected="finite features", found=f"{bad:,} values that are not finite",
            hint="check the network's weights, and the mean and std of its images",
        )  # fmt: skip
    if (features == features[0]).all():
        raise InputError(
            subject, expected="features that differ between images",
            found=f"{n} images with the same", hint="leave the layer out",
        )  # fmt: skip
    from sklearn.manifold import TSNE

    used = usable_perplexity(n, perplexity)
    start = "random" if min(features.shape) < 2 else start  # one feature has one component
    model = TSNE(2, perplexity=used, init=start, random_state=seed)
    places = model.fit_transform(features)
    low, high = places.min(axis=0), places.max(axis=0)
    places = (places - low) / np.where(high > low, high - low, 1)
    return Embedding(places.astype(np.float32), float(used), float(model.kl_divergence_))
