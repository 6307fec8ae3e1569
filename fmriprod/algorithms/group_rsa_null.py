"""Nulls of the maps of a group: signs of participants, and voxels that change places."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, cast

import numpy as np

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.rsa_clusters import largest_sizes

_EQUAL = 4e-6  # sums of float32, up to the root of the participants, that are equal


class FlipNull(NamedTuple):
    """What sign flips say; arrays of maps have shape ``(n_maps, n_voxels)``.

    Attributes
    ----------
    p : ndarray of float32
        Of each voxel alone.
    largest : ndarray of float32, shape (n_flips, n_maps)
        Largest statistic of each flip over voxels, as `flip_statistic` has it.
    cluster : ndarray of int64, shape (n_flips, n_maps), optional
        Voxels of the largest cluster of each flip.
    complete : bool
        Whether all flips were made, the unflipped ones among them.
    """

    p: np.ndarray
    largest: np.ndarray
    cluster: np.ndarray | None
    complete: bool

    def corrected(self, observed: np.ndarray, null: np.ndarray, together: bool) -> np.ndarray:
        """Share of the flips whose largest value, over maps too if together, is as large.

        Parameters
        ----------
        observed : ndarray, shape (n_maps, n)
            Of the data; NaN stays NaN.
        null : ndarray, shape (n_flips, n_maps)
            ``largest`` or ``cluster``.
        together : bool
            Correct for all maps at once.
        """
        if together:
            null = np.broadcast_to(null.max(axis=1, keepdims=True), null.shape)
        spare = 0 if self.complete else 1
        p = np.full(observed.shape, np.nan, dtype=np.float32)
        for row, values in enumerate(observed):
            known = np.isfinite(values)
            ordered = np.sort(null[:, row])
            reached = len(ordered) - np.searchsorted(ordered, values[known] - _EQUAL)
            p[row, known] = (reached + spare) / (len(ordered) + spare)
        return p


def flip_statistic(z: np.ndarray) -> np.ndarray:
    """Scale values of participants so that their sum rises with Student's t.

    Sums of squares do not change when signs do, so that with this scale t is
    ``s sqrt(n - 1) / sqrt(n - s^2)`` for the sum s of any flip: one product gives them all.

    Parameters
    ----------
    z : ndarray of float32, shape (n_subjects, ...)
        No column may be all 0.

    Returns
    -------
    ndarray of float32, shape (n_subjects, ...)
    """
    return z / np.sqrt(np.square(z).sum(axis=0))


def sum_of_t(t: float, n_subjects: int) -> float:
    """Sum of scaled values that has this t."""
    return t * np.sqrt(n_subjects / (n_subjects - 1 + t**2))


def all_or_random_signs(
    n_subjects: int, n_permutations: int, seed: int = 0
) -> tuple[np.ndarray, bool]:
    """Signs of participants: all ways if they are no more than asked for, else random ones.

    Returns
    -------
    signs : ndarray of float32, shape (n_flips, n_subjects)
        1 or -1.
    complete : bool
        Whether they are all.
    """
    if 2**n_subjects <= n_permutations:
        codes = np.arange(2**n_subjects)[:, None] >> np.arange(n_subjects)
        return (1 - 2 * (codes & 1)).astype(np.float32), True
    rng = np.random.default_rng(seed)
    return rng.choice(np.array([-1, 1], np.float32), size=(n_permutations, n_subjects)), False


def flip_null(
    z: np.ndarray,
    *,
    two_sided: bool = True,
    n_permutations: int = 10_000,
    cluster_t: float | None = None,
    neighbours: np.ndarray | None = None,
    seed: int = 0,
    memory_mb: float = 256.0,
) -> FlipNull:
    """Flip the signs of whole participants, all maps and voxels together [1]_.

    Parameters
    ----------
    z : ndarray of float32, shape (n_subjects, n_maps, n_voxels)
        Finite, and 0 in no participant.
    two_sided : bool
        Whether values below 0 count.
    n_permutations : int
        Random flips; all ``2 ** n_subjects`` are made where they are no more.
    cluster_t : float, optional
        Make clusters of voxels with t beyond this.
    neighbours : ndarray, optional
        From `rsa_clusters.neighbour_table`, for clusters.
    seed : int
        Source of the flips.
    memory_mb : float
        Memory of a block of flips.

    Returns
    -------
    FlipNull

    References
    ----------
    .. [1] Nichols & Holmes (2002). Nonparametric permutation tests for functional
       neuroimaging. Human Brain Mapping 15, 1.
    """
    n_subjects, n_maps, n_voxels = z.shape
    scaled = flip_statistic(z).reshape(n_subjects, -1)
    signs, complete = all_or_random_signs(n_subjects, n_permutations, seed)
    bound = _size(scaled.sum(axis=0), two_sided) - _EQUAL
    reached = np.zeros(scaled.shape[1], dtype=np.int64)
    largest = np.empty((len(signs), n_maps), dtype=np.float32)
    cluster = None if cluster_t is None else np.zeros((len(signs), n_maps), dtype=np.int64)
    for where in _blocks(len(signs), scaled.shape[1], memory_mb):
        sums = signs[where] @ scaled
        if cluster is not None and cluster_t is not None:
            limit = np.float32(sum_of_t(cluster_t, n_subjects))
            for number, each in enumerate(np.split(sums, n_maps, axis=1)):
                sides = [each > limit, each < -limit][: 1 + two_sided]
                cluster[where, number] = largest_sizes(sides, cast(np.ndarray, neighbours))
        sums = _size(sums, two_sided)
        largest[where] = sums.reshape(-1, n_maps, n_voxels).max(axis=2)
        reached += np.count_nonzero(sums >= bound, axis=0)
    spare = 0 if complete else 1
    p = ((reached + spare) / (len(signs) + spare)).astype(np.float32)
    return FlipNull(p.reshape(n_maps, n_voxels), largest, cluster, complete)


def shuffled_t(
    z: np.ndarray, n_draws: int = 1_000_000, seed: int | Sequence[int] = 0
) -> np.ndarray:
    """Student's t of values from a random voxel of each participant, no voxel twice in a draw.

    Parameters
    ----------
    z : ndarray, shape (n_subjects, n_voxels)
        One map of each participant.
    n_draws : int
        How many; published: 5,000 (layers) or 10,000 (codes) times the number of voxels, whose
        percentiles differ from those of a million draws by about .01.
    seed : int or sequence of int
        Source of the draws.

    Returns
    -------
    ndarray of float32, shape (n_draws,)
        Sorted.

    Raises
    ------
    InputError
        If there are fewer voxels than participants.
    """
    n_subjects, n_voxels = z.shape
    if n_voxels < n_subjects:
        raise InputError(
            "method",
            expected=f"a voxel for each of {n_subjects} participants, none twice",
            found=f"{n_voxels} voxels", hint="use sign flips",
        )  # fmt: skip
    rng = np.random.default_rng(seed)
    t = np.empty(n_draws, dtype=np.float32)
    step = 1 << 16
    for start in range(0, n_draws, step):
        voxels = _different(rng, min(step, n_draws - start), n_subjects, n_voxels)
        t[start : start + step] = one_sample_t(
            np.stack([row[v] for row, v in zip(z, voxels.T, strict=True)])
        )
    t.sort()
    return t


def shuffled_p(t: np.ndarray, null: np.ndarray, two_sided: bool = True) -> np.ndarray:
    """Share of a sorted null that is as large; two-sided: twice that of the nearer end."""
    above = len(null) - np.searchsorted(null, t, side="left")
    p = (above + 1.0) / (len(null) + 1)
    if two_sided:
        below = (np.searchsorted(null, t, side="right") + 1.0) / (len(null) + 1)
        p = np.minimum(2 * np.minimum(p, below), 1)
    return p.astype(np.float32)


def one_sample_t(z: np.ndarray) -> np.ndarray:
    """Student's t of the mean over the first axis against 0; infinite without scatter."""
    n = len(z)
    mean = z.mean(axis=0, dtype=np.float64)
    spread = z.std(axis=0, ddof=1, dtype=np.float64)
    spread = np.where(spread < 1e-6 * np.abs(mean), 0, spread)
    with np.errstate(divide="ignore", invalid="ignore"):
        return mean / (spread / np.sqrt(n))


def _different(rng: np.random.Generator, n_draws: int, n: int, n_voxels: int) -> np.ndarray:
    """Draw rows of n different numbers below n_voxels."""
    if n_voxels < 20 * n:  # drawing again until all differ would take long
        return rng.random((n_draws, n_voxels)).argpartition(n - 1, axis=1)[:, :n]
    drawn = rng.integers(0, n_voxels, size=(n_draws, n))
    twice = np.arange(n_draws)
    while len(twice):
        ordered = np.sort(drawn[twice], axis=1)
        twice = twice[(np.diff(ordered, axis=1) == 0).any(axis=1)]
        drawn[twice] = rng.integers(0, n_voxels, size=(len(twice), n))
    return drawn


def _size(sums: np.ndarray, two_sided: bool) -> np.ndarray:
    return np.abs(sums, out=sums) if two_sided else sums


def _blocks(n_flips: int, n_columns: int, memory_mb: float) -> Iterator[slice]:
    step = max(1, int(memory_mb * 1e6 / (4 * 3 * n_columns)))  # sums, and masks or labels of them
    for start in range(0, n_flips, step):
        yield slice(start, start + step)
