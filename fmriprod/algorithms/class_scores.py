"""Analysis of variance of every voxel for many targets at once."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class ClassScores:
    """How well each voxel tells the values of each target apart.

    Attributes
    ----------
    f : ndarray of float64, shape (n_targets, n_voxels)
        F of the one-way analysis of variance; NaN for a target with one value.
    products : ndarray of float64, shape (n_targets, n_voxels)
        Inner product of each standardised voxel with the centred target.
    """

    f: np.ndarray
    products: np.ndarray


def class_scores(features: np.ndarray, targets: np.ndarray) -> ClassScores:
    """F values as `sklearn.feature_selection.f_classif`, for all targets by one matrix product.

    With standardised features the sums of a voxel within the classes of a target are all that
    its F needs, and its inner product with the target too. Sums for all classes of all
    targets are one product; those of a target's last class follow from the others.

    Parameters
    ----------
    features : ndarray of float64, shape (n_voxels, n_samples)
        Mean 0 and sum of squares ``n_samples`` in each row.
    targets : ndarray, shape (n_samples, n_targets)
        Few distinct values in each column: they are the classes.

    Returns
    -------
    ClassScores

    Notes
    -----
    Memory: about ``8 * n_voxels * (number of classes of all targets)`` bytes.
    """
    n_samples, n_targets = targets.shape
    values, members = [], []
    for target in targets.T:
        found, codes = np.unique(target, return_inverse=True)
        values.append(found)
        members.append(codes == np.arange(len(found) - 1)[:, None])
    sums = np.concatenate(members).astype(np.float64) @ features.T
    f = np.full((n_targets, len(features)), np.nan)
    products = np.zeros((n_targets, len(features)))
    start = 0
    for target, (found, member) in enumerate(zip(values, members, strict=True)):
        stop = start + len(member)
        part, counts = sums[start:stop], member.sum(axis=1)
        start = stop
        n_classes = len(found)
        if n_classes == 1:
            continue
        last, n_last = -part.sum(axis=0), n_samples - counts.sum()
        between = (part**2 / counts[:, None]).sum(axis=0) + last**2 / n_last
        within = np.maximum(n_samples - between, 0)
        with np.errstate(divide="ignore"):
            f[target] = (between / (n_classes - 1)) / (within / max(n_samples - n_classes, 1e-300))
        products[target] = (found[:-1] - found[-1]) @ part
    return ClassScores(f, products)


def best_voxels(f: np.ndarray, n_voxels: int) -> np.ndarray:
    """Voxels with the highest F; of equal ones the last, as scikit-learn's SelectKBest.

    Parameters
    ----------
    f : ndarray, shape (n_targets, n_all)
        No NaN.
    n_voxels : int
        How many, at most ``n_all``.

    Returns
    -------
    ndarray of int, shape (n_targets, n_voxels)
        In ascending order.
    """
    order = np.argsort(f, axis=1, kind="stable")[:, f.shape[1] - n_voxels :]
    return np.sort(order, axis=1)
