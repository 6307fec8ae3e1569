"""Sums over participants who are read one after the other, and sums of flipped signs."""

from collections.abc import Sequence

import numpy as np

_TOGETHER = 16  # participants of one product


class GroupSums:
    """Mean and variance of columns over participants, in one pass [1]_.

    Parameters
    ----------
    n_columns : int
        Parcels, or edges.

    Attributes
    ----------
    n : ndarray of int64, shape (n_columns,)
        Participants with a value that is not NaN.
    mean : ndarray of float64, shape (n_columns,)
        Their mean; 0 where there are none.
    n_subjects : int
        Participants that were added.

    References
    ----------
    .. [1] Welford (1962). Note on a method for calculating corrected sums of squares and
       products. Technometrics 4, 419.

    Examples
    --------
    >>> sums = GroupSums(2)
    >>> for row in ([1.0, 2.0], [3.0, np.nan], [5.0, 4.0]):
    ...     sums.add(np.array(row))
    >>> sums.n.tolist(), sums.mean.tolist(), sums.variance.tolist()
    ([3, 2], [3.0, 3.0], [4.0, 2.0])
    """

    def __init__(self, n_columns: int) -> None:
        self.n = np.zeros(n_columns, dtype=np.int64)
        self.mean = np.zeros(n_columns)
        self.n_subjects = 0
        self._scatter = np.zeros(n_columns)

    def add(self, values: np.ndarray) -> None:
        """Add a participant: shape (n_columns,), NaN where a column is lacking."""
        present = ~np.isnan(values)
        self.n += present
        self.n_subjects += 1
        change = np.where(present, values - self.mean, 0.0)
        self.mean += change / np.maximum(self.n, 1)
        self._scatter += change * np.where(present, values - self.mean, 0.0)

    @property
    def scatter(self) -> np.ndarray:
        """Sum of squares about the mean; 0 where it is no more than rounding."""
        rounding = 1e-14 * self.n * self.mean**2  # an sd of 1e-7 of the mean, as float32 has
        return np.where(self._scatter <= rounding, 0.0, self._scatter)

    @property
    def variance(self) -> np.ndarray:
        """Variance with n - 1; NaN for fewer than two participants."""
        free = np.where(self.n > 1, self.n - 1, 1)
        return np.where(self.n > 1, self.scatter / free, np.nan)

    @property
    def squares(self) -> np.ndarray:
        """Sum of squares about 0."""
        return self.scatter + self.n * self.mean**2


def flip_count(n_subjects: int, n_permutations: int) -> tuple[int, bool]:
    """Tell how many flips are made, and whether they are all: if they are no more than asked for.

    Examples
    --------
    >>> flip_count(5, 1000), flip_count(50, 1000)
    ((32, True), (1000, False))
    """
    if n_subjects < 60 and 2**n_subjects <= n_permutations:
        return 2**n_subjects, True
    return n_permutations, False


def flip_signs(subject: int, n_flips: int, complete: bool, seed: int) -> np.ndarray:
    """Signs of one participant in each flip, float32, shape (n_flips,).

    They depend on the participant's number and the seed alone, so that no table of all
    participants is needed; flip 0 of all flips changes nothing.
    """
    if complete:
        return 1 - 2 * (np.arange(n_flips) >> subject & 1).astype(np.float32)
    drawn = np.random.default_rng([seed, subject]).integers(0, 2, n_flips, dtype=np.int8)
    return 1 - 2 * drawn.astype(np.float32)


def flipped_sums(
    subjects: Sequence[np.ndarray],
    columns: np.ndarray,
    scale: np.ndarray,
    flips: slice,
    *,
    n_flips: int,
    complete: bool,
    seed: int,
) -> np.ndarray:
    """Sum scaled values of participants under a block of flips, reading each participant once.

    Parameters
    ----------
    subjects : sequence of ndarray, shape (n_columns,)
        Each is asked for once; NaN counts as 0.
    columns : ndarray of int
        Which columns, in the order of the answer.
    scale : ndarray, shape (len(columns),)
        Factors.
    flips : slice
        Which flips.
    n_flips, complete, seed
        As in `flip_signs`.

    Returns
    -------
    ndarray of float32, shape (number of flips, len(columns))
    """
    from scipy.linalg.blas import sgemm

    n_rows = flips.stop - flips.start
    sums = np.zeros((n_rows, len(columns)), dtype=np.float32)
    for start in range(0, len(subjects), _TOGETHER):
        numbers = range(start, min(start + _TOGETHER, len(subjects)))
        values = np.empty((len(numbers), len(columns)), dtype=np.float32)
        signs = np.empty((n_rows, len(numbers)), dtype=np.float32)
        for row, number in enumerate(numbers):
            values[row] = np.nan_to_num(subjects[number][columns] * scale)
            signs[:, row] = flip_signs(number, n_flips, complete, seed)[flips]
        # transposed, so that the product is added in place
        sgemm(1.0, values.T, signs.T, beta=1.0, c=sums.T, overwrite_c=1)
    return sums
