"""Candidate weights of feature spaces for banded ridge regression."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from fmriprod.algorithms.checks import InputError

CONCENTRATIONS = (0.1, 1.0)


def draw_candidates(
    names: Sequence[str],
    n_candidates: int,
    *,
    concentrations: Sequence[float] = CONCENTRATIONS,
    seed: int = 0,
) -> np.ndarray:
    """Draw weights of feature spaces: the centre, the corners, then Dirichlet draws [1]_.

    The centre is ridge regression with a single penalty, a corner is one space alone. Draws go
    by the sorted names, so that the order of the spaces makes no difference.

    Parameters
    ----------
    names : sequence of str
        Feature spaces.
    n_candidates : int
        Number of draws besides centre and corners; a single space needs none.
    concentrations : sequence of float
        Of the Dirichlet distributions, taken in turn: 1 is uniform, below it most weight
        tends to lie on few spaces.
    seed : int
        Of the draws.

    Returns
    -------
    ndarray of float64, shape (1 + n_spaces + n_candidates, n_spaces)
        Rows that sum to 1; for a single space one row.

    Raises
    ------
    InputError
        If a concentration is not positive or the number is negative.

    References
    ----------
    .. [1] Dupré la Tour T, Eickenberg M, Nunez-Elizalde AO, Gallant JL (2022). Feature-space
       selection with banded ridge regression. NeuroImage 264:119728.

    Examples
    --------
    >>> draw_candidates(["edges", "words"], 0)
    array([[0.5, 0.5],
           [1. , 0. ],
           [0. , 1. ]])
    """
    if n_candidates < 0:
        raise InputError(
            "n_candidates", expected="0 or more", found=f"{n_candidates}",
            hint="0 tries each space alone and all with equal weights only",
        )  # fmt: skip
    shapes = np.asarray(concentrations, dtype=float)
    if shapes.ndim != 1 or not shapes.size or not (np.isfinite(shapes) & (shapes > 0)).all():
        raise InputError(
            "concentrations", expected="positive numbers", found=f"{list(concentrations)}",
            hint="0.1 favours few spaces, 1 is uniform",
        )  # fmt: skip
    n_spaces = len(names)
    if n_spaces == 1:
        return np.ones((1, 1))
    rng = np.random.default_rng(seed)
    drawn = [rng.dirichlet(np.full(n_spaces, shapes[i % len(shapes)])) for i in range(n_candidates)]
    centre = np.full((1, n_spaces), 1 / n_spaces)
    by_name = np.concatenate([centre, np.eye(n_spaces), np.reshape(drawn, (-1, n_spaces))])
    return by_name[:, np.argsort(np.argsort(names))]


def check_candidates(candidates: Any, n_spaces: int) -> np.ndarray:
    """Check weights that were given.

    Raises
    ------
    InputError
        If they are not rows of ``n_spaces`` numbers, none below 0, that sum to 1.
    """
    try:
        values = np.asarray(candidates, dtype=np.float64)
        good = values.ndim == 2 and len(values) > 0 and values.shape[1] == n_spaces
        good = good and bool((values >= 0).all())
        good = good and bool(np.allclose(values.sum(axis=1), 1, rtol=0, atol=1e-6))
        found = f"shape {values.shape}" + f", sums {values.sum(axis=-1)}" * (values.ndim == 2)
    except (TypeError, ValueError):
        good, found = False, repr(candidates)
    if not good:
        raise InputError(
            "candidates",
            expected=f"rows of {n_spaces} weights, one a space, none below 0, with the sum 1",
            found=found,
            hint="divide each row by its sum; leave them out to have them drawn",
        )
    return values


def without_space(candidates: np.ndarray, space: int) -> np.ndarray:
    """Take a space away: the other weights divided by their sum, each row once.

    A row that has nothing but that space is dropped; if all are, the rest gets equal weights.

    Examples
    --------
    >>> without_space(np.array([[0.5, 0.25, 0.25], [1, 0, 0], [0.2, 0.2, 0.6], [0, 0.5, 0.5]]), 0)
    array([[0.5 , 0.5 ],
           [0.25, 0.75]])
    """
    rest = np.delete(candidates, space, axis=1)
    total = rest.sum(axis=1, keepdims=True)
    kept = total[:, 0] > 0
    if not kept.any():
        return np.full((1, rest.shape[1]), 1 / rest.shape[1])
    rest = rest[kept] / total[kept]
    _, first = np.unique(rest.round(12), axis=0, return_index=True)
    return rest[np.sort(first)]
