"""Dissimilarity matrices as vectors: the pairs of conditions, their order and their names."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from fmriprod.algorithms.checks import InputError, suggest


def n_pairs(n_conditions: int) -> int:
    """Count the pairs of different conditions."""
    return n_conditions * (n_conditions - 1) // 2


def pair_indices(n_conditions: int) -> tuple[np.ndarray, np.ndarray]:
    """Give the first and second condition of every pair: upper triangle, row by row.

    Examples
    --------
    >>> [index.tolist() for index in pair_indices(3)]
    [[0, 0, 1], [1, 2, 2]]
    """
    return np.triu_indices(n_conditions, 1)


def square(pairs: np.ndarray) -> np.ndarray:
    """Write vectors of pairs as symmetric matrices with a diagonal of 0.

    Parameters
    ----------
    pairs : ndarray, shape (..., n_pairs)
        Upper triangle, row by row.

    Returns
    -------
    ndarray, shape (..., n_conditions, n_conditions)
        Of the same dtype.
    """
    n = round((1 + (1 + 8 * pairs.shape[-1]) ** 0.5) / 2)
    first, second = pair_indices(n)
    matrix = np.zeros((*pairs.shape[:-1], n, n), dtype=pairs.dtype)
    matrix[..., first, second] = matrix[..., second, first] = pairs
    return matrix


def condensed(
    matrix: np.ndarray, subject: str = "rdm", *, distance: bool = True, tolerance: float = 1e-6
) -> np.ndarray:
    """Read a matrix as the vector of its pairs.

    Parameters
    ----------
    matrix : ndarray, shape (n_conditions, n_conditions)
        Symmetric. The diagonal is not read.
    subject : str
        What it is, for errors.
    distance : bool, default True
        Whether it has to be a distance; cross-validated ones may be below 0.
    tolerance : float
        Largest difference of the two triangles, as a share of the largest value.

    Raises
    ------
    InputError
        If it is not square, has fewer than three conditions, is not symmetric, or is negative
        where it has to be a distance.
    """
    matrix = np.asarray(matrix)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise InputError(
            subject, expected="a square matrix", found=f"shape {matrix.shape}",
            hint="give conditions x conditions",
        )  # fmt: skip
    check_n_conditions(len(matrix), subject)
    first, second = pair_indices(len(matrix))
    upper, lower = matrix[first, second], matrix[second, first]
    apart = np.abs(upper - lower) > tolerance * np.nanmax(np.abs(matrix), initial=0.0)
    apart |= np.isnan(upper) != np.isnan(lower)
    if apart.any():
        worst = int(np.nanargmax(np.where(apart, np.nan_to_num(np.abs(upper - lower), nan=0), -1)))
        i, j = int(first[worst]), int(second[worst])
        raise InputError(
            subject, expected="a symmetric matrix",
            found=f"{upper[worst]:.6g} in row {i + 1}, column {j + 1}, but {lower[worst]:.6g} in "
            f"row {j + 1}, column {i + 1}; {int(apart.sum())} such pairs",
            hint="average both triangles if they measure the same",
        )  # fmt: skip
    below = int((upper < 0).sum())
    if distance and below:
        raise InputError(
            subject, expected="distances, 0 or larger",
            found=f"{below} of {len(upper)} pairs below 0 (least {np.nanmin(upper):.4g})",
            hint="give dissimilarities, such as 1 - r, or say that they are cross-validated",
        )  # fmt: skip
    return upper


def check_n_conditions(n_conditions: int, subject: str = "conditions") -> None:
    """Refuse fewer than three conditions: with one pair there is nothing to compare.

    Raises
    ------
    InputError
        If there are fewer.
    """
    if n_conditions < 3:
        raise InputError(
            subject, expected="at least 3 conditions, which make 3 pairs",
            found=f"{n_conditions}", hint="the order of one distance says nothing",
        )  # fmt: skip


def check_conditions(names: Sequence[str], subject: str = "conditions") -> list[str]:
    """Check names of conditions: three or more, all different.

    Raises
    ------
    InputError
        If there are fewer, or a name occurs twice.
    """
    names = [str(name) for name in names]
    check_n_conditions(len(names), subject)
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise InputError(
            subject, expected="a different name for each condition",
            found=f"{', '.join(map(repr, twice))} more than once",
            hint="rename them, or average their patterns",
        )  # fmt: skip
    return names


def match_conditions(
    wanted: Sequence[str], given: Sequence[str], subject: str = "conditions"
) -> np.ndarray:
    """Find where each wanted condition is among the given ones.

    Parameters
    ----------
    wanted : sequence of str
        Conditions in the order that is needed.
    given : sequence of str
        Conditions that there are, in any order; others may be among them.
    subject : str
        What has the given ones, for errors.

    Returns
    -------
    ndarray of int, shape (n_wanted,)
        ``given[index] == wanted``.

    Raises
    ------
    InputError
        If one is lacking.
    """
    place = {name: index for index, name in enumerate(given)}
    lacking = [name for name in wanted if name not in place]
    if lacking:
        raise InputError(
            subject, expected=f"all of {', '.join(map(repr, wanted))}",
            found=f"{', '.join(map(repr, given))}; lacking: {', '.join(map(repr, lacking))}",
            hint=suggest(lacking[0], list(given)),
        )  # fmt: skip
    return np.array([place[name] for name in wanted], dtype=np.int64)


def reorder_pairs(index: np.ndarray, n_given: int) -> np.ndarray:
    """Find where the pairs of reordered or chosen conditions are among all pairs.

    Parameters
    ----------
    index : ndarray of int, shape (n_wanted,)
        Place of each wanted condition.
    n_given : int
        Conditions that there are.

    Returns
    -------
    ndarray of int, shape (n_wanted_pairs,)
        ``pairs[..., result]`` are the pairs in the wanted order.

    Examples
    --------
    >>> reorder_pairs(np.array([2, 0, 1]), 3).tolist()
    [1, 2, 0]
    """
    table = np.zeros((n_given, n_given), dtype=np.int64)
    first, second = pair_indices(n_given)
    table[first, second] = table[second, first] = np.arange(len(first))
    one, other = pair_indices(len(index))
    return table[index[one], index[other]]
