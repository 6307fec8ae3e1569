"""Tests of means over participants that keep their level: sign flips, many tests at once."""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from fmriprod.algorithms.bootstrap import subjects_by_columns
from fmriprod.algorithms.checks import InputError


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
    t = _t_values(values, np.ones((1, n_subjects)))[0]
    null = np.abs(_t_values(values, signs))
    bound = np.abs(t) * (1 - 1e-9)  # equal up to rounding is equal
    spare = 0 if complete else 1  # all flips hold the observed one already
    p, p_max = np.full((2, len(t)), np.nan)
    tested = np.isfinite(values).sum(axis=0) > 1
    if tested.any():
        largest = null[:, tested].max(axis=1)
        total = len(signs) + spare
        p[tested] = ((null >= bound).sum(axis=0)[tested] + spare) / total
        p_max[tested] = ((largest[:, None] >= bound[tested]).sum(axis=0) + spare) / total
    return SignFlip(np.where(tested, t, np.nan), p, p_max, len(signs))


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


def _t_values(values: np.ndarray, signs: np.ndarray) -> np.ndarray:
    """One-sample t of flipped values, shape (n_flips, n_columns)."""
    n = np.isfinite(values).sum(axis=0)
    filled = np.nan_to_num(values)
    squares = (filled**2).sum(axis=0)
    sums = signs @ filled
    spread = np.maximum(n * squares - sums**2, 0)
    spread[spread < 1e-12 * n * squares] = 0
    with np.errstate(divide="ignore", invalid="ignore"):
        t = sums * np.sqrt(np.maximum(n - 1, 0)) / np.sqrt(spread)
    return np.where(np.isnan(t), 0, t)
