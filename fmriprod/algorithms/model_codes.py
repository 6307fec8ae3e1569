"""Dissimilarities that a hypothesis expects: published codes, tables of pairs, features."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from fmriprod.algorithms.checks import InputError, suggest
from fmriprod.algorithms.rdm import check_conditions, pair_indices

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
OBJECTS = ("bed", "bird", "cat", "dog", "house", "tree")
DIGITS_AND_OBJECTS = DIGITS + OBJECTS

# 1 where a condition of the first set meets one of the second: expected to be unlike.
_HUMAN_CODES = {
    "digit": (DIGITS, DIGITS),
    "object": (OBJECTS, OBJECTS),
    "versus": (DIGITS, OBJECTS),
    "magnitude": (("one", "two", "three"), ("seven", "eight", "nine")),
    "animacy": (("bird", "cat", "dog"), ("bed", "house", "tree")),
}
HUMAN_CODES = tuple(_HUMAN_CODES)
_WORDS = {"alike": 0.0, "unlike": 1.0}


def human_code(name: str, conditions: Sequence[str]) -> np.ndarray:
    """Give a code of how people may tell ten digits and six objects apart [1]_.

    Parameters
    ----------
    name : {"digit", "object", "versus", "magnitude", "animacy"}
        ``digit``: digits differ from each other (45 pairs); ``object``: objects do (15);
        ``versus``: digits differ from objects (60); ``magnitude``: 1, 2, 3 differ from 7, 8, 9
        (9); ``animacy``: bird, cat, dog differ from bed, house, tree (9).
    conditions : sequence of str
        ``zero`` to ``nine``, ``bed bird cat dog house tree``, all of them in any order.

    Returns
    -------
    ndarray of float32, shape (120,)
        1 for pairs that are expected to be unlike, 0 for all others.

    Raises
    ------
    InputError
        If there is no such code, or the conditions are not those sixteen.

    References
    ----------
    .. [1] Lee J, Jung M, Lustig N, Lee J-H (2023). Neural representations of the perception of
       handwritten digits and visual objects from a convolutional neural network compared to
       humans. Hum Brain Mapp 44:2018-2038.
    """
    if name not in _HUMAN_CODES:
        raise InputError(
            "codes", expected=f"codes among {', '.join(HUMAN_CODES)}", found=f"{name!r}",
            hint=suggest(name, HUMAN_CODES),
        )  # fmt: skip
    conditions = check_conditions(conditions)
    if set(conditions) != set(DIGITS_AND_OBJECTS):
        raise _not_sixteen(conditions)
    return code_between(conditions, *_HUMAN_CODES[name])


def code_between(conditions: Sequence[str], one: Iterable[str], other: Iterable[str]) -> np.ndarray:
    """Mark pairs of a condition in one set with a condition in the other.

    Returns
    -------
    ndarray of float32, shape (n_pairs,)
        1 for those pairs, 0 for all others.

    Examples
    --------
    >>> code_between(["cat", "bed", "dog"], ["cat", "dog"], ["bed"]).tolist()
    [1.0, 0.0, 1.0]
    """
    first, second = pair_indices(len(conditions))
    in_one, in_other = (np.isin(conditions, list(names)) for names in (one, other))
    marked = (in_one[first] & in_other[second]) | (in_other[first] & in_one[second])
    return marked.astype(np.float32)


def code_from_pairs(
    conditions: Sequence[str], pairs: Iterable[tuple[str, str, str | float]]
) -> np.ndarray:
    """Make a code of pairs that are expected to be alike or unlike.

    Parameters
    ----------
    conditions : sequence of str
        All conditions.
    pairs : iterable of (str, str, str or float)
        Two conditions and ``alike`` (0), ``unlike`` (1) or a dissimilarity of 0 or larger. If
        all are ``alike``, the other pairs are unlike; if all are ``unlike``, alike; otherwise
        every pair has to be there.

    Returns
    -------
    ndarray of float32, shape (n_pairs,)

    Raises
    ------
    InputError
        If a condition is unknown, meets itself, a pair occurs twice with different values, or
        some pairs are lacking.
    """
    conditions = check_conditions(conditions)
    place = {name: index for index, name in enumerate(conditions)}
    matrix = np.full((len(conditions), len(conditions)), np.nan)
    said = set()
    for one, other, expected in pairs:
        i, j = (_place(str(name), place) for name in (one, other))
        value = _dissimilarity(expected, (one, other))
        if i == j or (np.isfinite(matrix[i, j]) and matrix[i, j] != value):
            twice = "a condition with itself" if i == j else f"{matrix[i, j]:g} and {value:g}"
            raise InputError(
                "pairs", expected="one value for two different conditions",
                found=f"{twice}, for {one!r} and {other!r}", hint="mend the table",
            )  # fmt: skip
        matrix[i, j] = matrix[j, i] = value
        said.add(str(expected))
    code = matrix[pair_indices(len(conditions))]
    lacking = np.isnan(code)
    if lacking.any():
        if len(said) != 1 or not said <= set(_WORDS):
            raise _pairs_lacking(conditions, lacking)
        code[lacking] = 1 - _WORDS[said.pop()]
    return code.astype(np.float32)


def feature_distance(values: Sequence[Any], name: str = "feature") -> np.ndarray:
    """Tell how far conditions are apart in one feature.

    Parameters
    ----------
    values : sequence, shape (n_conditions,)
        Numbers: the absolute difference, as a share of the largest. Anything else, such as
        names of categories: 1 for different ones, 0 for the same.
    name : str
        The feature, for errors.

    Returns
    -------
    ndarray of float32, shape (n_pairs,)
        From 0 to 1. Means of several are Gower's distance [1]_.

    Raises
    ------
    InputError
        If a value is lacking, or all are the same.

    References
    ----------
    .. [1] Gower JC (1971). A general coefficient of similarity and some of its properties.
       Biometrics 27:857-871.

    Examples
    --------
    >>> feature_distance([1, 2, 5]).tolist(), feature_distance(["a", "b", "a"]).tolist()
    ([0.25, 1.0, 0.75], [1.0, 0.0, 1.0])
    """
    array = np.asarray(values)
    first, second = pair_indices(len(array))
    if array.dtype.kind in "iuf":
        apart = np.abs(array[first].astype(np.float64) - array[second])
        lacking = int((~np.isfinite(array)).sum())
    else:
        lacking = sum(value is None or value != value or value == "" for value in values)
        names = np.array([str(value) for value in values])
        apart = (names[first] != names[second]).astype(np.float64)
    if lacking or apart.max() == 0:
        raise InputError(
            "features", expected=f"a value of {name!r} for each condition, not all the same",
            found=f"{lacking} lacking" if lacking else f"{values[0]!r} for all",
            hint="fill in the table, or leave this column out",
        )  # fmt: skip
    return (apart / apart.max()).astype(np.float32)


def _not_sixteen(conditions: list[str]) -> InputError:
    lacking = [name for name in DIGITS_AND_OBJECTS if name not in conditions]
    others = [name for name in conditions if name not in DIGITS_AND_OBJECTS]
    parts = {"lacking": lacking, "unknown": others}
    found = "; ".join(f"{what}: {', '.join(map(repr, who))}" for what, who in parts.items() if who)
    return InputError(
        "conditions",
        expected=f"all of {', '.join(DIGITS_AND_OBJECTS)}, which the published codes are for",
        found=found,
        hint="rename conditions, or write a code of your own as a table of pairs",
    )


def _place(name: str, place: dict[str, int]) -> int:
    if name not in place:
        raise InputError(
            "pairs", expected="names of conditions", found=f"{name!r}", hint=suggest(name, place)
        )
    return place[name]


def _dissimilarity(expected: str | float, pair: tuple[str, str]) -> float:
    value = _WORDS.get(str(expected).strip().lower())
    if value is None:
        try:
            value = float(expected)
        except ValueError:
            value = np.nan
    if not (np.isfinite(value) and value >= 0):
        raise InputError(
            "pairs", expected="alike, unlike or a dissimilarity of 0 or larger",
            found=f"{expected!r} for {pair[0]!r} and {pair[1]!r}", hint="mend the table",
        )  # fmt: skip
    return value


def _pairs_lacking(conditions: list[str], lacking: np.ndarray) -> InputError:
    first, second = pair_indices(len(conditions))
    at = int(np.flatnonzero(lacking)[0])
    return InputError(
        "pairs",
        expected=f"all {len(lacking)} pairs, or only pairs that are all alike or all unlike",
        found=f"{int(lacking.sum())} lacking, such as {conditions[first[at]]!r} with "
        f"{conditions[second[at]]!r}",
        hint="add them to the table",
    )
