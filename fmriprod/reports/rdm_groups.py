"""Colours and blocks of groups of conditions, the same in heat maps and in scaled pictures."""

from collections.abc import Sequence
from itertools import groupby

import numpy as np

from fmriprod.algorithms.checks import InputError
from fmriprod.reports.style import PALETTE

# Black stands last: a strip of it reads like a frame.
_COLOURS = (*PALETTE, "#999999", "#44AA99", "#882255", "#DDCC77")


def group_colours(groups: Sequence[str]) -> dict[str, str]:
    """Give each group its colour, in order of first appearance; they repeat after twelve.

    Examples
    --------
    >>> group_colours(["digit", "object", "digit"])
    {'digit': '#0072B2', 'object': '#D55E00'}
    """
    return {
        name: _COLOURS[number % len(_COLOURS)] for number, name in enumerate(dict.fromkeys(groups))
    }


def group_runs(groups: Sequence[str]) -> list[tuple[str, int, int]]:
    """Give blocks of neighbours of the same group: name, first, one past the last.

    Examples
    --------
    >>> group_runs(["a", "a", "b", "a"])
    [('a', 0, 2), ('b', 2, 3), ('a', 3, 4)]
    """
    places = [list(part) for _, part in groupby(range(len(groups)), key=lambda i: groups[i])]
    return [(groups[part[0]], part[0], part[-1] + 1) for part in places]


def check_groups(groups: Sequence[str] | None, n_conditions: int) -> list[str] | None:
    """Refuse groups that are not one a condition.

    Raises
    ------
    InputError
        With both numbers.
    """
    return None if groups is None else check_length(groups, n_conditions, "groups", "a group")


def check_length(names: Sequence, n: int, subject: str, what: str) -> list:
    """Refuse a list that has not one entry a condition.

    Raises
    ------
    InputError
        With both numbers.
    """
    if len(names) != n:
        raise InputError(
            subject, expected=f"{what} for each of {n} conditions", found=f"{len(names)}",
            hint="give one a condition, in the order of the RDM",
        )  # fmt: skip
    return list(names)


def strips(groups: Sequence[str]) -> np.ndarray:
    """Give the colour of each condition's group, shape (n_conditions, 3), from 0 to 1."""
    from matplotlib.colors import to_rgb

    colours = group_colours(groups)
    return np.array([to_rgb(colours[name]) for name in groups])
