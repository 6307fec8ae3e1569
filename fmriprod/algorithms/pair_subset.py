"""Which pairs of conditions a comparison is made of, and what may be exchanged in them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import factorial, prod

import numpy as np

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.rdm import (
    check_conditions,
    match_conditions,
    n_pairs,
    pair_indices,
    reorder_pairs,
)


@dataclass(frozen=True)
class PairSubset:
    """Pairs that are compared.

    Attributes
    ----------
    pairs : ndarray of int64, shape (n_used,)
        Their places among all pairs of all conditions.
    first, second : ndarray of int64, shape (n_used,)
        Their conditions.
    exchangeable : tuple of ndarray of int64
        Sets of conditions; labels may be exchanged within each.
    n_conditions : int
        All conditions, used or not.
    complete : bool
        They are all pairs of some conditions, as whitened comparisons need.
    """

    pairs: np.ndarray
    first: np.ndarray
    second: np.ndarray
    exchangeable: tuple[np.ndarray, ...]
    n_conditions: int
    complete: bool

    @property
    def is_all(self) -> bool:
        """Whether no pair is left out."""
        return len(self.pairs) == n_pairs(self.n_conditions)

    @property
    def n_relabellings(self) -> int:
        """In how many ways labels can be exchanged, with leaving them as they are."""
        return prod(factorial(len(group)) for group in self.exchangeable)

    def of(self, rows: np.ndarray) -> np.ndarray:
        """Give these pairs of rows ``(n, n_pairs)``; the rows themselves if they are all."""
        return rows if self.is_all else rows[:, self.pairs]

    def relabelled(self, orders: np.ndarray) -> np.ndarray:
        """Tell which pair comes to the place of each when conditions are relabelled.

        Parameters
        ----------
        orders : ndarray of int, shape (n, n_conditions)
            Which condition takes the place of each.

        Returns
        -------
        ndarray of int64, shape (n, n_used)
            Places among the used pairs.
        """
        table = np.full((self.n_conditions, self.n_conditions), -1, dtype=np.int64)
        table[self.first, self.second] = table[self.second, self.first] = np.arange(len(self.pairs))
        return table[orders[:, self.first], orders[:, self.second]]


def choose_pairs(
    conditions: Sequence[str],
    within: Sequence[str] | None = None,
    between: Sequence[Sequence[str]] | None = None,
) -> PairSubset:
    """Choose all pairs, those within a set of conditions, or those between two sets.

    Parameters
    ----------
    conditions : sequence of str
        All conditions, in the order of the pairs.
    within : sequence of str, optional
        Three conditions or more.
    between : two sequences of str, optional
        Sets without common conditions, which make three pairs or more.

    Raises
    ------
    InputError
        If both are given, a condition is unknown or named twice, sets overlap, or there are
        fewer than three pairs.

    Examples
    --------
    >>> choose_pairs(["a", "b", "c", "d"], between=[["d"], ["a", "b", "c"]]).pairs.tolist()
    [2, 4, 5]
    """
    n = len(check_conditions(conditions))
    if within and between:
        raise InputError(
            "within", expected="within or between", found="both", hint="leave one of them out"
        )
    if between:
        return _between(conditions, between)
    if within:
        names = check_conditions(within, "within")
        group = np.sort(match_conditions(names, conditions, "within"))
        first, second = pair_indices(len(group))
        pairs = reorder_pairs(group, n)
        return PairSubset(pairs, group[first], group[second], (group,), n, True)
    group = np.arange(n)
    return PairSubset(np.arange(n_pairs(n)), *pair_indices(n), (group,), n, True)


def _between(conditions: Sequence[str], between: Sequence[Sequence[str]]) -> PairSubset:
    sets = [[str(name) for name in names] for names in between]
    names = [name for some in sets for name in some]
    if len(sets) != 2 or len(set(names)) < len(names) or np.prod([*map(len, sets)]) < 3:
        found = " and ".join("[" + ", ".join(some) + "]" for some in sets)
        raise InputError(
            "between",
            expected="two sets without common conditions, which make 3 pairs or more",
            found=found, hint="name each condition once, in one of two sets",
        )  # fmt: skip
    one, other = (np.sort(match_conditions(some, conditions, "between")) for some in sets)
    first, second = np.repeat(one, len(other)), np.tile(other, len(one))
    table = np.zeros((len(conditions),) * 2, dtype=np.int64)
    rows, columns = pair_indices(len(conditions))
    table[rows, columns] = table[columns, rows] = np.arange(len(rows))
    pairs = table[first, second]
    order = np.argsort(pairs)  # as they are in the file
    return PairSubset(
        pairs[order], first[order], second[order], (one, other), len(conditions), False
    )


def relabellings(chosen: PairSubset, n_permutations: int, seed: int = 0) -> tuple[np.ndarray, bool]:
    """Draw relabellings of the conditions that may be exchanged.

    Parameters
    ----------
    chosen : PairSubset
        What may be exchanged.
    n_permutations : int
        How many to draw, each independently. If there are no more, beside the labels as they
        are, all of them are given once.
    seed : int
        Source of the draws.

    Returns
    -------
    orders : ndarray of int64, shape (n, n_conditions)
        Which condition takes the place of each.
    exhaustive : bool
        Whether they are all there are.
    """
    exhaustive = chosen.n_relabellings - 1 <= n_permutations
    if exhaustive:
        every = list(_all_orders(np.arange(chosen.n_conditions), chosen.exchangeable))
        return np.array(every[1:], dtype=np.int64).reshape(-1, chosen.n_conditions), True
    rng = np.random.default_rng(seed)
    orders = np.tile(np.arange(chosen.n_conditions), (n_permutations, 1))
    for group in chosen.exchangeable:
        orders[:, group] = rng.permuted(orders[:, group], axis=1)
    return orders, False


def _all_orders(order: np.ndarray, groups: tuple[np.ndarray, ...]) -> Iterator[np.ndarray]:
    """Go through all orders within each group, the given one first."""
    from itertools import permutations

    if not groups:
        yield order
        return
    for new in permutations(groups[0]):
        changed = order.copy()
        changed[groups[0]] = new
        yield from _all_orders(changed, groups[1:])
