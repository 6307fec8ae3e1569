"""Which clusters of a z map are larger than smooth noise makes them."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import ndimage, stats

from fmriprod.algorithms.checks import InputError

_NEIGHBOURS = np.ones((3, 3, 3), bool)  # faces, edges and corners: 26


class Smoothness(NamedTuple):
    """How smooth a map is, and how much of it there is.

    Attributes
    ----------
    fwhm : ndarray, shape (3,)
        Full width at half maximum of a Gaussian kernel along each voxel axis, in voxels.
    n_voxels : int
        Voxels of the map.
    """

    fwhm: np.ndarray
    n_voxels: int


@dataclass(frozen=True)
class ClusterRule:
    """What a task mask asks of a voxel.

    Attributes
    ----------
    cluster_threshold : float
        z above which neighbouring voxels (26 of them) form a cluster.
    height : float
        z above which the voxels of a cluster that is large enough are taken.
    p : float
        Corrected p of a cluster's size by the theory of random fields, as FEAT's cluster
        threshold; 0 leaves it out.
    min_voxels : int
        Smallest cluster in voxels.
    fwhm : float, optional
        Smoothness of the noise in mm that is known from residuals; by default that of the map.
    """

    cluster_threshold: float = 2.3
    height: float = 3.0
    p: float = 0.05
    min_voxels: int = 0
    fwhm: float | None = None


class TaskMask(NamedTuple):
    """A thresholded map.

    Attributes
    ----------
    surviving : ndarray of bool, shape (x, y, z)
        Voxels of the clusters that are large enough.
    mask : ndarray of bool, shape (x, y, z)
        Those of them above the second threshold.
    min_voxels : int
        Size that a cluster needed.
    n_clusters : int
        Clusters that had it.
    """

    surviving: np.ndarray
    mask: np.ndarray
    min_voxels: int
    n_clusters: int


def smoothness(z: np.ndarray, mask: np.ndarray) -> Smoothness:
    """Estimate a map's smoothness from how alike neighbouring voxels are.

    Parameters
    ----------
    z : ndarray, shape (x, y, z)
        A map with the statistics of noise: standard normal.
    mask : ndarray of bool, shape (x, y, z)
        Where it has values.

    Returns
    -------
    Smoothness
        White noise has a ``fwhm`` near 0; so has an axis with no two neighbours.

    Notes
    -----
    A Gaussian kernel of standard deviation s makes the correlation of neighbours
    exp(-1 / (4 s^2)) (Forman et al. 1995, MRM 33:636), the estimator of FSL's smoothest. An
    effect in the map is smoother than noise, so that with one clusters have to be larger.
    """
    inside = np.where(mask, z, 0.0).astype(np.float64)
    square = np.square(inside).sum() / max(int(mask.sum()), 1)
    fwhm = np.zeros(3)
    for axis in range(3):
        length = mask.shape[axis]
        one, two = (np.arange(length - 1) + k for k in (0, 1))
        both = np.take(mask, one, axis) & np.take(mask, two, axis)
        if square > 0 and both.any():
            product = (np.take(inside, one, axis) * np.take(inside, two, axis)).sum()
            alike = min(product / both.sum() / square, 1 - 1e-9)
            if alike > 0:
                fwhm[axis] = math.sqrt(-8 * math.log(2) / (4 * math.log(alike)))
    return Smoothness(fwhm, int(mask.sum()))


def cluster_p(size: npt.ArrayLike, threshold: float, smooth: Smoothness) -> np.ndarray:
    """Corrected p of clusters of a given size in a smooth Gaussian map.

    Parameters
    ----------
    size : array_like of float
        Sizes in voxels.
    threshold : float
        z that made the clusters, at least about 2.3.
    smooth : Smoothness
        Of the map.

    Returns
    -------
    ndarray of float64, shape of size
        Probability that noise has a cluster of this size or more anywhere in the map.

    Notes
    -----
    Friston et al. (1994), Hum Brain Mapp 1:210, with the expected number of clusters of
    Worsley et al. (1992), J Cereb Blood Flow Metab 12:900: sizes have the tail
    exp(-b k^(2/3)), with b set so that clusters together have the expected number of voxels.
    An axis one voxel long, or less smooth than a voxel, counts as a voxel smooth: the theory
    knows no white noise.
    """
    width = np.maximum(smooth.fwhm, 1.0)
    resels = smooth.n_voxels / width.prod()
    clusters = (
        resels
        * (4 * math.log(2)) ** 1.5
        * (2 * math.pi) ** -2
        * (threshold**2 - 1)
        * math.exp(-(threshold**2) / 2)
    )
    above = smooth.n_voxels * stats.norm.sf(threshold)
    rate = (math.gamma(2.5) * clusters / above) ** (2 / 3)
    return -np.expm1(-clusters * np.exp(-rate * np.asarray(size, float) ** (2 / 3)))


def least_size(p: float, threshold: float, smooth: Smoothness) -> int:
    """Smallest whole number of voxels whose `cluster_p` is below ``p``."""
    low, high = 0, 1
    while cluster_p(high, threshold, smooth) >= p and high < smooth.n_voxels:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if cluster_p(middle, threshold, smooth) < p else (middle, high)
    return high


def task_mask(
    z: np.ndarray,
    mask: np.ndarray,
    rule: ClusterRule | None = None,
    voxel_size: tuple[float, float, float] = (2.0, 2.0, 2.0),
) -> TaskMask:
    """Cut a z map into clusters, keep the large ones, and take their high voxels.

    Parameters
    ----------
    z : ndarray, shape (x, y, z)
        Map of z values.
    mask : ndarray of bool, shape (x, y, z)
        Where it has values: the search volume.
    rule : ClusterRule, optional
        By default clusters of z > 2.3 with corrected p < .05, of which z > 3 is taken.
    voxel_size : 3 floats
        In mm, for ``rule.fwhm``.

    Returns
    -------
    TaskMask
        Nothing may be left: that is no error.

    Raises
    ------
    InputError
        If the thresholds or the p make no sense.
    """
    rule = rule or ClusterRule()
    _check_rule(rule)
    needed = max(rule.min_voxels, 1)
    above = mask & (z > rule.cluster_threshold)
    if rule.p and mask.any():
        smooth = smoothness(z, mask)
        if rule.fwhm is not None:
            smooth = smooth._replace(fwhm=rule.fwhm / np.asarray(voxel_size, float))
        needed = max(needed, least_size(rule.p, rule.cluster_threshold, smooth))
    labels, n_labels = ndimage.label(above, _NEIGHBOURS)
    large = np.bincount(labels.ravel(), minlength=n_labels + 1) >= needed
    large[0] = False
    surviving = large[labels]
    return TaskMask(surviving, surviving & (z > rule.height), needed, int(large.sum()))


def _check_rule(rule: ClusterRule) -> None:
    problems = []
    if not rule.height >= rule.cluster_threshold:
        problems.append(
            f"height {rule.height:g} below the cluster threshold {rule.cluster_threshold:g}"
        )
    if not 0 <= rule.p < 1:
        problems.append(f"p {rule.p:g}")
    if rule.p and not rule.cluster_threshold >= 2:
        problems.append(f"cluster threshold {rule.cluster_threshold:g} with a cluster p")
    if problems:
        raise InputError(
            "threshold",
            expected="height >= cluster threshold, a p from 0 (no such rule) to below 1, and with "
            "one a cluster threshold of at least 2, where the theory of random fields holds",
            found="; ".join(problems),
            hint="such as cluster threshold 2.3, height 3.0, p 0.05; or p 0 and min_voxels",
        )
