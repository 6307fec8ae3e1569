"""Multidimensional scaling: conditions as points whose distances are nearly those of an RDM."""

from typing import NamedTuple

import numpy as np

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.rdm import check_n_conditions, n_pairs, pair_indices, square


class Scaling(NamedTuple):
    """Points for conditions.

    Attributes
    ----------
    coordinates : ndarray of float64, shape (n_conditions, n_dimensions)
        Centred, along the principal axes, the longest first; of each axis the value farthest
        from 0 is positive, so that pictures of the same RDM are alike.
    stress : float
        Kruskal's stress-1, see `scaling_stress`: 0 is perfect.
    """

    coordinates: np.ndarray
    stress: float


def classical_scaling(
    dissimilarities: np.ndarray, n_dimensions: int = 2, *, squared: bool = False
) -> Scaling:
    """Place conditions by the closed form: eigenvectors of the doubly centred squared distances.

    For Euclidean distances these are the principal components of the patterns (Torgerson 1952,
    Psychometrika 17:401; Gower 1966, Biometrika 53:325).

    Parameters
    ----------
    dissimilarities : ndarray, shape (n_pairs,)
        Upper triangle, row by row.
    n_dimensions : int
        Of the points; one less than conditions at most.
    squared : bool
        Whether they are squared distances, as this package's Euclidean, Mahalanobis and
        crossnobis ones; they may then be below 0.

    Returns
    -------
    Scaling
        Dimensions for which there is nothing left are 0.

    Raises
    ------
    InputError
        If a dissimilarity is not finite or, where distances are not squared, below 0; or if
        more dimensions are asked for than there can be.
    """
    d, d2 = _checked(dissimilarities, n_dimensions, squared)
    gram = square(-0.5 * d2)
    gram -= gram.mean(axis=0)
    gram -= gram.mean(axis=1, keepdims=True)
    values, vectors = np.linalg.eigh(gram)
    order = np.argsort(values)[::-1][:n_dimensions]
    points = vectors[:, order] * np.sqrt(np.maximum(values[order], 0))
    return Scaling(_turned(points), scaling_stress(d, points))


def metric_scaling(
    dissimilarities: np.ndarray,
    n_dimensions: int = 2,
    *,
    squared: bool = False,
    max_iterations: int = 1000,
    tolerance: float = 1e-9,
) -> Scaling:
    """Place conditions so that stress is as small as it gets from the classical solution on.

    Stress is majorised (SMACOF, by scikit-learn; de Leeuw 1977). There is no random start: the
    same RDM gives the same points.

    Parameters
    ----------
    dissimilarities, n_dimensions, squared
        As of `classical_scaling`; squared distances below 0 count as 0.
    max_iterations : int
        Steps at most.
    tolerance : float
        Relative gain of a step at which it ends.

    Returns
    -------
    Scaling

    Raises
    ------
    InputError
        As `classical_scaling`.
    """
    from sklearn.manifold import smacof

    d, _ = _checked(dissimilarities, n_dimensions, squared)
    classical = classical_scaling(dissimilarities, n_dimensions, squared=squared)
    start = classical.coordinates
    if not start.any():  # nothing to part
        return classical
    scale = np.sqrt((d**2).mean())  # the tolerance should not depend on the unit
    points, _ = smacof(
        square(d / scale), metric=True, n_components=n_dimensions, init=start / scale, n_init=1,
        max_iter=max_iterations, eps=tolerance, normalized_stress=False,
    )  # fmt: skip
    points = (points - points.mean(axis=0)) * scale
    _, _, axes = np.linalg.svd(points, full_matrices=False)
    points = points @ axes.T
    return Scaling(_turned(points), scaling_stress(d, points))


def scaling_stress(distances: np.ndarray, points: np.ndarray) -> float:
    """Measure how far distances of points are from those that they stand for: stress-1.

    Root of the sum of their squared differences over that of the points' squared distances
    (Kruskal 1964, Psychometrika 29:1).

    Parameters
    ----------
    distances : ndarray, shape (n_pairs,)
        Not squared.
    points : ndarray, shape (n_conditions, n_dimensions)
        Their places.

    Returns
    -------
    float
        0 where all agree; NaN where all points fall on one and the distances are not 0.
    """
    first, second = pair_indices(len(points))
    between = np.linalg.norm(points[first] - points[second], axis=1)
    wrong, total = float(((between - distances) ** 2).sum()), float((between**2).sum())
    if not total:
        return np.nan if wrong else 0.0
    return float(np.sqrt(wrong / total))


def _checked(
    dissimilarities: np.ndarray, n_dimensions: int, squared: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Give distances, and squared distances, of which some may be below 0."""
    values = np.asarray(dissimilarities, dtype=np.float64)
    n = round((1 + (1 + 8 * values.size) ** 0.5) / 2)
    if values.ndim != 1 or n_pairs(n) != values.size:
        raise InputError(
            "dissimilarities", expected="a vector of all pairs of conditions",
            found=f"shape {values.shape}", hint="give the upper triangle of one RDM, row by row",
        )  # fmt: skip
    check_n_conditions(n)
    if not 1 <= n_dimensions < n:
        raise InputError(
            "n_dimensions", expected=f"1 to {n - 1}, for {n} conditions",
            found=f"{n_dimensions}", hint="two are seen best",
        )  # fmt: skip
    unknown = int((~np.isfinite(values)).sum())
    below = 0 if squared else int((values < 0).sum())
    if unknown or below:
        raise InputError(
            "dissimilarities",
            expected="a finite value for each pair" if unknown else "distances, 0 or larger",
            found=f"{unknown or below} of {values.size} {'not finite' if unknown else 'below 0'}",
            hint="leave out conditions without a pattern" if unknown
            else "say that they are squared, if they are cross-validated distances",
        )  # fmt: skip
    if squared:
        return np.sqrt(np.maximum(values, 0)), values
    return values, values**2


def _turned(points: np.ndarray) -> np.ndarray:
    """Turn each axis so that its value farthest from 0 is positive."""
    farthest = np.abs(points).argmax(axis=0)
    signs = np.sign(points[farthest, np.arange(points.shape[1])])
    return points * np.where(signs == 0, 1, signs)
