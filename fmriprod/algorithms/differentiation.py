"""How far the patterns of two objects move apart between two phases."""

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from fmriprod.algorithms.checks import InputError


@dataclass(frozen=True)
class PairDistances:
    """Pattern distances of a pair of objects before and after, and what changed.

    Correlation distances (1 - r) between patterns of different runs: ``within`` of the same
    object, ``between`` of the two objects. ``differentiation`` is ``between - within`` after
    less that before: above 0 if the objects moved apart.
    """

    between_before: float
    within_before: float
    between_after: float
    within_after: float

    @property
    def differentiation(self) -> float:
        """Change of ``between - within``."""
        after = self.between_after - self.within_after
        return after - (self.between_before - self.within_before)


def run_distances(patterns: np.ndarray) -> np.ndarray:
    """Correlation distance between patterns of different runs, averaged over pairs of runs.

    Parameters
    ----------
    patterns : ndarray, shape (n_runs, n_objects, n_voxels)
        Effect of each object in each run; the objects in one order.

    Returns
    -------
    ndarray, shape (n_objects, n_objects)
        Entry ``i, j``: 1 - r between object ``i`` in the earlier run and object ``j`` in the
        later one.

    Raises
    ------
    InputError
        If there are fewer than two runs or three voxels, or a pattern is constant.
    """
    patterns = np.asarray(patterns, dtype=np.float64)
    n_runs, n_objects, n_voxels = patterns.shape
    centred = patterns - patterns.sum(axis=2, keepdims=True) / max(n_voxels, 1)
    norm = np.linalg.norm(centred, axis=2, keepdims=True)
    flat = ~(norm > 1e-12 * np.abs(patterns).max(initial=0))
    if n_runs < 2 or n_voxels < 3 or flat.any():
        raise InputError(
            "patterns",
            expected="two runs or more, with patterns that vary over at least 3 voxels",
            found=f"{n_runs} runs, {n_objects} objects, {n_voxels} voxels, "
            f"{int(flat.sum())} constant patterns",
            hint="take a larger region, and look at the effect maps",
        )
    unit = centred / norm
    pairs = [unit[a] @ unit[b].T for a, b in combinations(range(n_runs), 2)]
    return 1 - np.mean(pairs, axis=0)


def pair_distances(before: np.ndarray, after: np.ndarray, pair: tuple[int, int]) -> PairDistances:
    """Compare two objects before and after.

    Parameters
    ----------
    before, after : ndarray, shape (n_objects, n_objects)
        From `run_distances`.
    pair : tuple of int
        The two objects.

    Returns
    -------
    PairDistances
    """
    parts = []
    for distances in (before, after):
        block = distances[np.ix_(pair, pair)]
        parts += [float(block[[0, 1], [1, 0]].mean()), float(block.diagonal().mean())]
    return PairDistances(*parts)
