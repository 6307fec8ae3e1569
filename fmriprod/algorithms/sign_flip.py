"""Tests of means over participants that keep their level: sign flips, many tests at once."""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from fmriprod.algorithms.bootstrap import subjects_by_columns
from fmriprod.algorithms.checks import InputError

_ROUNDING = 1e-9  # of sums of scaled values, times the root of the participants: equal is equal


@dataclass(frozen=True)
class SignFlip:
    """Results of a sign-flip test; every array has shape ``(n_columns,)``.

    ``t`` against the criterion, ``p`` of each column, ``p_max`` corrected for all columns.
    """

    t: np.ndarray
    p: np.ndarray
    p_max: np.ndarray
    n_permutations: int


def sign_flip(
    values: np.ndarray,
    *,
    criterion: float | np.ndarray = 0.0,
    n_permutations: int = 10_000,
    seed: int = 0,
) -> SignFlip:
    """Two-sided one-sample test by flipping the signs of whole participants [1]_.

    If there is no effect, a participant's distance from the criterion is as likely to be
    positive as negative. A participant's columns are flipped together, so that the largest
    absolute t over columns gives p values that hold for all of them at once.

    Parameters
    ----------
    values : ndarray, shape (n_subjects,) or (n_subjects, n_columns)
        One row a participant; NaN where a participant lacks a column.
    criterion : float or ndarray, shape (n_columns,)
        Value of no effect.
    n_permutations : int
        Random flips; all ``2 ** n_subjects`` are made instead where they are no more.
    seed : int
        Source of the flips.

    Returns
    -------
    SignFlip
        NaN for columns of fewer than two participants.

    Raises
    ------
    InputError
        If values are infinite or no flip is asked for.

    References
    ----------
    .. [1] Nichols & Holmes (2002). Nonparametric permutation tests for functional
       neuroimaging. Human Brain Mapping 15, 1.
    """
    values = subjects_by_columns(values) - criterion
    if n_permutations < 1:
        raise InputError(
            "n_permutations",
            expected="at least 1",
            found=repr(n_permutations),
            hint="10,000 make a p of .05 certain to .004",
        )
    n_subjects = len(values)
    complete = 2**n_subjects <= n_permutations
    if complete:
        codes = np.arange(2**n_subjects)[:, None] >> np.arange(n_subjects)
        signs = 1.0 - 2 * (codes & 1)
    else:
        rng = np.random.default_rng(seed)
        signs = rng.choice((-1.0, 1.0), size=(n_permutations, n_subjects))
    n = np.isfinite(values).sum(axis=0)
    tested = n > 1
    t, p, p_max = np.full((3, values.shape[1]), np.nan)
    if tested.any():
        t[tested] = _t_values(values[:, tested], n[tested])
        reached = np.array(_reached(values[:, tested], n[tested], signs))
        spare = 0 if complete else 1  # all flips hold the observed one already
        p[tested], p_max[tested] = (reached + spare) / (len(signs) + spare)
    return SignFlip(t, p, p_max, len(signs))


def fdr(p: np.ndarray) -> np.ndarray:
    """Benjamini-Hochberg p values, over those that are numbers.

    Examples
    --------
    >>> fdr(np.array([0.01, np.nan, 0.04, 0.3])).round(3).tolist()
    [0.03, nan, 0.06, 0.3]
    """
    p = np.asarray(p, dtype=float)
    adjusted = np.full(p.shape, np.nan)
    known = np.isfinite(p)
    if known.any():
        adjusted[known] = stats.false_discovery_control(np.minimum(p[known], 1))
    return adjusted


def _t_values(values: np.ndarray, n: np.ndarray) -> np.ndarray:
    """One-sample t of each column; 0 where all values are 0, infinite where they are the same."""
    mean = np.nan_to_num(values).sum(axis=0) / n
    scatter = np.nansum((values - mean) ** 2, axis=0)
    scatter[scatter <= 1e-14 * n * mean**2] = 0  # rounding, as of `group_sums.GroupSums`
    with np.errstate(divide="ignore", invalid="ignore"):
        t = mean * np.sqrt(n * (n - 1)) / np.sqrt(scatter)
    return np.where(np.isnan(t), 0, t)


def _reached(values: np.ndarray, n: np.ndarray, signs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Count the flips that reach the observed sum of each column, and those whose largest t does.

    Sums of squares do not change when signs do: values divided by the root of theirs have a sum
    that rises with t, and is not the difference of two large numbers, as the variance is.
    """
    scaled = np.nan_to_num(values)
    root = np.sqrt((scaled**2).sum(axis=0))
    scaled /= np.where(root > 0, root, 1)
    null = np.abs(signs @ scaled)
    bound = np.abs(scaled.sum(axis=0)) - _ROUNDING * np.sqrt(n)
    largest = _t_of_sums(null, n).max(axis=1)
    beyond = (largest[:, None] >= _t_of_sums(bound, n)).sum(axis=0)
    return (null >= bound).sum(axis=0), beyond


def _t_of_sums(sums: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Student's t of the sum of n values whose squares sum to 1."""
    sums = np.maximum(sums, 0.0)
    with np.errstate(divide="ignore"):
        return sums * np.sqrt((n - 1) / np.maximum(n - sums**2, 0))
