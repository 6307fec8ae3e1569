"""Kendall's tau-a of many rows at once."""

from collections.abc import Iterable

import numpy as np
from scipy.stats import kendalltau

# So few RDMs or models, and so many pairs, are faster by sorting.
_FEW, _MANY_PAIRS = 16, 500


def tau_a(model_ranks: np.ndarray, rdm_ranks: np.ndarray) -> np.ndarray:
    """Compare by concordant minus discordant pairs of distances, ties as neither.

    Models of two values cost one multiplication; others the square of the number of pairs.

    Parameters
    ----------
    model_ranks : ndarray of float32, shape (m, n_pairs)
        Ranks that ties share, minus their mean.
    rdm_ranks : ndarray of float32, shape (n, n_pairs)
        The same of RDMs.

    Returns
    -------
    ndarray of float32, shape (m, n)
        Kendall's tau-a; NaN where a row is NaN.
    """
    n_pairs = rdm_ranks.shape[1]
    n_compared = n_pairs * (n_pairs - 1) / 2
    high = model_ranks == model_ranks.max(axis=1, keepdims=True)
    two_valued = (high | (model_ranks == model_ranks.min(axis=1, keepdims=True))).all(axis=1)
    tau = np.empty((len(model_ranks), len(rdm_ranks)), dtype=np.float32)
    # A code's concordant minus discordant pairs are twice the sum of middle ranks of its ones.
    codes = high[two_valued].astype(np.float32) * np.float32(2 / n_compared)
    tau[two_valued] = codes @ rdm_ranks.T
    if not two_valued.all():
        others = model_ranks[~two_valued]
        few = min(len(others), len(rdm_ranks)) < _FEW and n_pairs > _MANY_PAIRS
        tau[~two_valued] = (_by_sorting if few else _by_signs)(others, rdm_ranks) / n_compared
    return tau


def _by_signs(models: np.ndarray, rdms: np.ndarray) -> np.ndarray:
    """Count concordant minus discordant pairs as products of the signs of differences."""
    total = np.zeros((len(models), len(rdms)), dtype=np.float64)
    n = rdms.shape[1]
    step = max(1, (1 << 20) // (n * (len(models) + len(rdms))))
    for start in range(0, n - 1, step):
        some = range(start, min(start + step, n - 1))
        total += _signs(models, some) @ _signs(rdms, some).T
    return total


def _signs(ranks: np.ndarray, firsts: Iterable[int]) -> np.ndarray:
    """Tell the order of some values and all that come after them, as -1, 0 or 1."""
    apart = np.concatenate([ranks[:, i, None] - ranks[:, i + 1 :] for i in firsts], axis=1)
    return np.clip(apart, -1, 1, out=apart)  # different ranks differ by 1 or more


def _by_sorting(models: np.ndarray, rdms: np.ndarray) -> np.ndarray:
    """Count the same as SciPy does, by sorting: a pair of rows after the other."""
    n = rdms.shape[1]
    untied = [np.array([n * (n - 1) / 2 - _n_tied(row) for row in rows]) for rows in (models, rdms)]
    tau_b = np.array([[kendalltau(model, rdm).statistic for rdm in rdms] for model in models])
    return tau_b * np.sqrt(np.outer(*untied))


def _n_tied(row: np.ndarray) -> float:
    """Count pairs of equal values."""
    counts = np.unique(row, return_counts=True)[1].astype(np.float64)
    return float((counts * (counts - 1)).sum() / 2)
