"""Clusters of regions that go together."""

from dataclasses import dataclass

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import cdist, squareform

from fmriprod.algorithms.checks import InputError


@dataclass(frozen=True)
class FuzzyClusters:
    """Memberships, shape ``(n_points, n_clusters)``, rows sum to 1; centres; objective."""

    membership: np.ndarray
    centres: np.ndarray
    objective: float


def average_linkage(distances: np.ndarray, n_clusters: int) -> np.ndarray:
    """Agglomerative clusters by average distance.

    Parameters
    ----------
    distances : ndarray, shape (n_points, n_points)
        Symmetric, 0 on the diagonal.
    n_clusters : int
        Clusters to stop at.

    Returns
    -------
    ndarray of int, shape (n_points,)
        Number of each point's cluster, from 1, in the order of first points.

    Raises
    ------
    InputError
        If distances are missing or there are more clusters than points.
    """
    distances = np.asarray(distances, dtype=float)
    _check(distances, n_clusters)
    if len(distances) == 1:
        return np.ones(1, dtype=int)
    tree = linkage(squareform(distances, checks=False), method="average")
    found = fcluster(tree, n_clusters, criterion="maxclust")
    _, first, code = np.unique(found, return_index=True, return_inverse=True)
    return first.argsort().argsort()[code] + 1


def fuzzy_c_means(
    points: np.ndarray,
    n_clusters: int,
    *,
    fuzziness: float = 2.0,
    n_starts: int = 20,
    max_iterations: int = 500,
    seed: int = 0,
) -> FuzzyClusters:
    """Fuzzy c-means clustering by Bezdek's alternating updates [1]_.

    Parameters
    ----------
    points : ndarray, shape (n_points, n_features)
        What to cluster.
    n_clusters : int
        Number of clusters.
    fuzziness : float
        Exponent of the memberships, above 1; towards 1 clusters become hard.
    n_starts : int
        Random starts; the one with the lowest objective is kept.
    max_iterations : int
        Updates of one start; it stops sooner when no membership moves by more than 1e-9.
    seed : int
        Source of the starts.

    Returns
    -------
    FuzzyClusters
        Clusters in the order of the points that belong to them most.

    Raises
    ------
    InputError
        If values are missing, there are more clusters than points, or fuzziness is not
        above 1.

    References
    ----------
    .. [1] Bezdek (1981). Pattern Recognition with Fuzzy Objective Function Algorithms.
    """
    points = np.asarray(points, dtype=float)
    _check(points, n_clusters)
    if not fuzziness > 1:
        raise InputError(
            "fuzziness", expected="above 1", found=f"{fuzziness:g}", hint="2 is customary"
        )
    rng = np.random.default_rng(seed)
    starts = (rng.dirichlet(np.ones(n_clusters), size=len(points)) for _ in range(n_starts))
    found = [_descend(points, start, fuzziness, max_iterations) for start in starts]
    best = min(found, key=lambda one: one.objective)
    order = best.membership.argmax(axis=0).argsort(kind="stable")
    return FuzzyClusters(best.membership[:, order], best.centres[order], best.objective)


def _descend(
    points: np.ndarray, membership: np.ndarray, fuzziness: float, max_iterations: int
) -> FuzzyClusters:
    for _ in range(max_iterations):
        before = membership
        power = membership**fuzziness
        centres = power.T @ points / power.sum(axis=0)[:, None]
        squared = cdist(points, centres, "sqeuclidean")
        membership = _memberships(squared, fuzziness)
        if np.abs(membership - before).max() < 1e-9:
            break
    return FuzzyClusters(membership, centres, float((membership**fuzziness * squared).sum()))


def _memberships(squared: np.ndarray, fuzziness: float) -> np.ndarray:
    """Memberships by distance; a point on a centre belongs to it alone."""
    nearest = squared.min(axis=1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = (nearest / squared) ** (1 / (fuzziness - 1))
    share = np.where(nearest == 0, squared == 0, share)
    return share / share.sum(axis=1, keepdims=True)


def _check(values: np.ndarray, n_clusters: int) -> None:
    n_points = len(values)
    if not np.isfinite(values).all() or not 1 <= n_clusters <= n_points:
        raise InputError(
            "n_clusters",
            expected="finite values, and no more clusters than points",
            found=f"{int((~np.isfinite(values)).sum())} missing values, {n_clusters} clusters "
            f"of {n_points} points",
            hint="leave out regions without evidence, or ask for fewer clusters",
        )
