"""Parcels or edges of a group tested against 0, participants read one after the other."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
from scipy import stats

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.effect_size import cohen_d
from fmriprod.algorithms.group_sums import GroupSums, flip_count, flipped_sums
from fmriprod.algorithms.sign_flip import fdr

_ROUNDING = 2e-6  # of sums of float32, times the root of the participants


@dataclass(frozen=True)
class GroupTest:
    """Tests of the means of a group; arrays have shape ``(n_columns,)``.

    Attributes
    ----------
    n : ndarray of int64
        Participants with a value.
    mean, sd, low, high : ndarray of float64
        Mean, standard deviation (n - 1), and the interval of the mean by Student's t.
    t, p : ndarray of float64
        One-sample t against 0 and its two-sided p; NaN where a column is not tested.
    p_flip, p_max : ndarray of float64
        Share of sign flips with an absolute t as large at the column, and at any column. NaN
        where no flips were made.
    q : ndarray of float64
        ``p`` adjusted for the columns (Benjamini & Hochberg).
    d, d_low, d_high : ndarray of float64
        Cohen's d and its interval by the noncentral t.
    tested : ndarray of bool
        Columns with two participants or more, and some scatter.
    n_subjects, n_few, n_constant, n_flips : int
        Participants; columns that fewer than two have; columns with one value in all; flips.
    complete : bool
        Whether they are all flips.
    """

    n: np.ndarray
    mean: np.ndarray
    sd: np.ndarray
    low: np.ndarray
    high: np.ndarray
    t: np.ndarray
    p: np.ndarray
    p_flip: np.ndarray
    p_max: np.ndarray
    q: np.ndarray
    d: np.ndarray
    d_low: np.ndarray
    d_high: np.ndarray
    tested: np.ndarray
    n_subjects: int
    n_few: int
    n_constant: int
    n_flips: int
    complete: bool


def group_test(
    subjects: Sequence[np.ndarray],
    *,
    n_permutations: int = 10_000,
    level: float = 0.95,
    seed: int = 0,
    memory_mb: float = 256.0,
) -> GroupTest:
    """Test the mean of each column over participants against 0.

    Sign flips [1]_ assume that a participant's value without effect is as likely to be
    positive as negative. A participant's columns are flipped together.

    Parameters
    ----------
    subjects : sequence of ndarray, shape (n_columns,)
        Values of each participant, NaN where one is lacking. Anything with a length that gives
        a participant by number does: participants are asked for one at a time, once for
        means and once for each block of flips, and are not kept.
    n_permutations : int
        Random flips; all ``2 ** n_subjects`` where they are no more; 0 for none.
    level : float
        Coverage of intervals.
    seed : int
        Source of the flips, which do not depend on ``memory_mb``.
    memory_mb : float
        Memory of a block of flips, in MB; a smaller one reads participants more often.

    Returns
    -------
    GroupTest

    Raises
    ------
    InputError
        If there are fewer than two participants, they have different numbers of columns,
        values are infinite, or no column can be tested.

    References
    ----------
    .. [1] Nichols & Holmes (2002). Nonparametric permutation tests for functional
       neuroimaging. Human Brain Mapping 15, 1.

    Examples
    --------
    >>> found = group_test([np.array([x, 1 - x]) for x in (1.0, 2.0, 3.0)], n_permutations=8)
    >>> found.t.round(3).tolist(), found.p_flip.tolist()
    ([3.464, -1.732], [0.25, 0.5])
    """
    _check(subjects, n_permutations, level)
    sums = _first_pass(subjects)
    few = sums.n < 2
    constant = ~few & (sums.scatter == 0)
    tested = ~few & ~constant
    if not tested.any():
        raise InputError(
            "values", expected="values that differ between participants",
            found=f"none of {len(tested):,}: {int(constant.sum()):,} with one value in all "
            f"participants, {int(few.sum()):,} that fewer than two have",
            hint="check that each participant has a file of his or her own",
        )  # fmt: skip
    n = np.where(tested, sums.n, 2)
    sd = np.sqrt(sums.variance)
    error = np.where(tested, sd / np.sqrt(n), np.nan)
    t = np.where(tested, sums.mean, np.nan) / error
    p = 2 * stats.t.sf(np.abs(t), n - 1)
    half = stats.t.ppf((1 + level) / 2, n - 1) * error
    d, d_low, d_high = cohen_d(t, n, level)
    n_flips, complete = flip_count(len(subjects), n_permutations)
    p_flip, p_max = np.full((2, len(t)), np.nan)
    if n_flips:
        p_flip[tested], p_max[tested] = _flip(
            subjects, sums, tested, n_flips=n_flips, complete=complete, seed=seed,
            memory_mb=memory_mb,
        )  # fmt: skip
    mean = np.where(sums.n > 0, sums.mean, np.nan)
    return GroupTest(
        n=sums.n, mean=mean, sd=sd, low=mean - half, high=mean + half, t=t, p=p, p_flip=p_flip,
        p_max=p_max, q=fdr(p), d=d, d_low=d_low, d_high=d_high, tested=tested,
        n_subjects=len(subjects), n_few=int(few.sum()), n_constant=int(constant.sum()),
        n_flips=n_flips, complete=complete,
    )  # fmt: skip


def _check(subjects: Sequence[np.ndarray], n_permutations: int, level: float) -> None:
    if len(subjects) < 2:
        raise InputError(
            "subjects", expected="two participants or more", found=f"{len(subjects)}",
            hint="one has no scatter to test a mean against; look at his or her own values",
        )  # fmt: skip
    if n_permutations < 0:
        raise InputError(
            "n_permutations", expected="0 or more", found=f"{n_permutations}",
            hint="10,000 make a p of .05 certain to .004",
        )  # fmt: skip
    if not 0 < level < 1:
        raise InputError(
            "level", expected="a share between 0 and 1", found=f"{level}",
            hint="leave it out for 0.95",
        )  # fmt: skip


def _first_pass(subjects: Sequence[np.ndarray]) -> GroupSums:
    sums: GroupSums | None = None
    for number in range(len(subjects)):
        values = np.asarray(subjects[number], dtype=np.float64)
        sums = sums or GroupSums(len(values))
        if values.shape != sums.n.shape or np.isinf(values).any():
            raise InputError(
                "values", expected=f"{len(sums.n):,} finite numbers, or NaN, of each participant",
                found=f"{int(np.isinf(values).sum()):,} infinite ones of {values.size:,} in "
                f"participant {number + 1}",
                hint="make the values of all participants in the same way",
            )  # fmt: skip
        sums.add(values)
    return cast(GroupSums, sums)  # there are two subjects or more


def _flip(
    subjects: Sequence[np.ndarray], sums: GroupSums, tested: np.ndarray, *, n_flips: int,
    complete: bool, seed: int, memory_mb: float,
) -> np.ndarray:  # fmt: skip
    """P of each tested column, and p of the largest absolute t: shape (2, n_tested).

    Sums of squares do not change when signs do. Values divided by the root of theirs have a sum
    that rises with t; only where n differs between columns is t itself needed for the largest.
    """
    columns = np.flatnonzero(tested)
    columns = columns[np.argsort(sums.n[columns], kind="stable")]  # columns of one n together
    n, root = sums.n[columns], np.sqrt(sums.squares[columns])
    kinds, starts = np.unique(n, return_index=True)
    bound = np.abs(n * sums.mean[columns]) / root - _ROUNDING * np.sqrt(n)
    reached = np.zeros(len(columns), dtype=np.int64)
    largest = np.empty(n_flips)
    for flips in _blocks(n_flips, len(columns), memory_mb):
        block = flipped_sums(
            subjects, columns, 1 / root, flips, n_flips=n_flips, complete=complete, seed=seed
        )
        np.abs(block, out=block)
        for number, row in zip(range(flips.start, flips.stop), block, strict=True):
            reached += row >= bound
            largest[number] = _t(np.maximum.reduceat(row, starts), kinds).max()
    largest.sort()
    beyond = n_flips - np.searchsorted(largest, _t(bound, n))
    spare = 0 if complete else 1  # all flips hold the observed one already
    p = (np.array([reached, beyond]) + spare) / (n_flips + spare)
    return p[:, np.argsort(columns)]


def _t(scaled: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Student's t of a sum of values whose squares sum to 1."""
    scaled = np.maximum(scaled, 0.0).astype(np.float64)
    spare = np.maximum(n - scaled**2, 1e-7)
    return scaled * np.sqrt((n - 1) / spare)


def _blocks(n_flips: int, n_columns: int, memory_mb: float) -> Iterator[slice]:
    step = max(1, int(memory_mb * 1e6 / (4 * n_columns)))
    for start in range(0, n_flips, step):
        yield slice(start, min(start + step, n_flips))
