"""Dissimilarities of conditions in every sphere, a block of spheres at a time."""

from collections.abc import Callable, Iterator

import numpy as np

from fmriprod.algorithms.array_backend import get_backend
from fmriprod.algorithms.checks import InputError, suggest
from fmriprod.algorithms.condition_maps import condition_maps, run_maps
from fmriprod.algorithms.noise_precision import Noise, noise_products
from fmriprod.algorithms.rdm import check_n_conditions, n_pairs
from fmriprod.algorithms.rdm_distances import correlation_distances, gram, squared_distances
from fmriprod.algorithms.spheres import Spheres

DISTANCES = ("correlation", "euclidean", "mahalanobis", "crossnobis")
_GATHERED = 1 << 20  # bytes gathered at once: they stay in a core's cache until they are used
_RESULTS = 1 << 24  # bytes of a block of results: its memory is used again for the next one

Measure = Callable[[np.ndarray], np.ndarray]  # voxels (n, k) -> dissimilarities (n, n_pairs)


def searchlight_rdms(
    patterns: np.ndarray,
    spheres: Spheres,
    *,
    conditions: np.ndarray,
    n_conditions: int,
    runs: np.ndarray | None = None,
    distance: str = "correlation",
    noise: Noise | None = None,
    memory_mb: float = 1000.0,
    n_threads: int = 1,
) -> Iterator[tuple[slice, np.ndarray]]:
    """Compute the dissimilarities of conditions in spheres, or in any sets of voxels.

    Spheres of one size are gathered together and multiplied in one call, few enough at a time
    to stay in a core's cache.

    Parameters
    ----------
    patterns : ndarray of float32, shape (n_rows, n_mask_voxels)
        A row a measurement. Voxels that no sphere holds may be NaN.
    spheres : Spheres
        Which voxels belong together.
    conditions : ndarray of int, shape (n_rows,)
        Condition of each row, from 0 on.
    n_conditions : int
        How many there are, 3 or more.
    runs : ndarray of int, shape (n_rows,), optional
        Run of each row, for crossnobis.
    distance : {"correlation", "euclidean", "mahalanobis", "crossnobis"}
        1 - r of mean patterns; or squared distances of them divided by the number of voxels:
        plain, in the noise's precision, or the same between runs, which is 0 in expectation
        where conditions do not differ and may be negative (Walther et al. 2016, NeuroImage
        137:188). Runs count alike.
    noise : Noise, optional
        Needed for mahalanobis; without it crossnobis is the cross-validated Euclidean
        distance.
    memory_mb : float, default 1000
        Upper bound of what is held beside the arguments and their copy in another order.
    n_threads : int, default 1
        Threads; the result does not depend on them.

    Yields
    ------
    where : slice
        Consecutive spheres.
    dissimilarities : ndarray of float32, shape (n, n_pairs)
        Upper triangles, row by row. NaN for the pairs of a pattern that is constant in a
        sphere (correlation).

    Raises
    ------
    InputError
        If an argument does not fit the others, a voxel of a sphere is not finite or has no
        noise, or crossnobis lacks runs.
    """
    measure, width = _measure(patterns, spheres, conditions, n_conditions, runs, distance, noise)
    pairs = n_pairs(n_conditions)
    sizes = spheres.n_voxels
    backend = get_backend(n_threads=n_threads)
    # A quarter for what threads work on; a block of results must leave room for its reader.
    works = max(1, min(_GATHERED, int(memory_mb * 1e6) // (4 * n_threads)) // (4 * width))
    most = max(1, int(min(memory_mb * 1e6 / 2, _RESULTS)) // (4 * pairs))
    for first in range(0, len(spheres), most):
        where = slice(first, min(first + most, len(spheres)))
        block = np.empty((where.stop - first, pairs), dtype=np.float32)

        def work(rows: np.ndarray, first: int = first, block: np.ndarray = block) -> None:
            begin = spheres.start[first + rows]
            voxels = spheres.members[begin[:, None] + np.arange(sizes[first + rows[0]])]
            block[rows] = measure(voxels)

        # Products are small: threads of BLAS would only wait for each other, for minutes.
        with backend.blas.limit(limits=1, user_api="blas"):
            backend.each(work, list(_groups(sizes[where], works)))
        yield where, block


def _groups(sizes: np.ndarray, works: int) -> Iterator[np.ndarray]:
    """Split spheres into groups of one size, as neighbours, with few voxels together."""
    order = np.argsort(sizes, kind="stable")
    edges = np.flatnonzero(np.diff(sizes[order])) + 1
    for same in np.split(order, edges):
        step = max(1, works // int(sizes[same[0]]))
        for first in range(0, len(same), step):
            yield same[first : first + step]


def _measure(
    patterns: np.ndarray,
    spheres: Spheres,
    conditions: np.ndarray,
    n_conditions: int,
    runs: np.ndarray | None,
    distance: str,
    noise: Noise | None,
) -> tuple[Measure, int]:
    """Prepare what is gathered; give the function of voxels, and numbers a voxel."""
    check_n_conditions(n_conditions)
    if distance not in DISTANCES:
        raise InputError(
            "distance", expected=f"one of {', '.join(DISTANCES)}", found=repr(distance),
            hint=suggest(distance, DISTANCES),
        )  # fmt: skip
    if distance == "mahalanobis" and noise is None:
        raise InputError(
            "noise", expected="noise, for the Mahalanobis distance", found="none",
            hint="give residuals or repeated patterns, or choose euclidean",
        )  # fmt: skip
    held = np.zeros(patterns.shape[1], dtype=bool)
    held[spheres.members] = True
    _check_finite(patterns, held, "patterns")
    if distance == "crossnobis":
        maps = run_maps(patterns, conditions, n_conditions, runs)
    else:
        maps = condition_maps(patterns, conditions, n_conditions)[:, None]
    if distance == "correlation":
        flat = maps[:, 0]
        return lambda voxels: correlation_distances(np.take(flat, voxels, axis=0)), n_conditions
    # What all conditions share drops out of differences; without it they lose fewer digits.
    maps -= maps.mean(axis=2, keepdims=True)
    if noise is not None:
        variance = _noise_variance(noise, held)
        if noise.method == "diagonal":
            maps /= np.sqrt(variance).astype(np.float32)[:, None, None]
            noise = None
    if noise is None:
        return _plain(maps), maps[0].size
    return _in_noise(maps, noise), 2 * (maps[0].size + len(noise.residuals))


def _plain(maps: np.ndarray) -> Measure:
    """Squared distances of maps ``(n_voxels, n_runs, n_conditions)``, across runs if several."""
    n_runs, c = maps.shape[1:]
    flat, total = maps.reshape(len(maps), -1), maps.sum(axis=1)

    def measure(voxels: np.ndarray) -> np.ndarray:
        n, k = voxels.shape
        products = gram(np.take(total, voxels, axis=0))
        if n_runs > 1:  # products of each run with the others: all products but its own
            products -= gram(np.take(flat, voxels, axis=0).reshape(n, k * n_runs, c))
            products /= n_runs * (n_runs - 1)
        return squared_distances(products, k, signed=n_runs > 1)

    return measure


def _in_noise(maps: np.ndarray, noise: Noise) -> Measure:
    """Do the same in the precision of the noise, in float64: it is inverted."""
    n_runs, c = maps.shape[1:]
    flat = maps.reshape(len(maps), -1)
    residuals = np.ascontiguousarray(noise.residuals.T)

    def measure(voxels: np.ndarray) -> np.ndarray:
        x = np.take(flat, voxels, axis=0).astype(np.float64)
        r = np.take(residuals, voxels, axis=0).astype(np.float64).transpose(0, 2, 1)
        products = noise_products(x, r, noise.dof, noise.method)
        if n_runs > 1:
            apart = products.reshape(-1, n_runs, c, n_runs, c)
            products = apart.sum(axis=(1, 3)) - np.einsum("nrirj->nij", apart)
            products /= n_runs * (n_runs - 1)
        return squared_distances(products, voxels.shape[1], signed=n_runs > 1)

    return measure


def _noise_variance(noise: Noise, held: np.ndarray) -> np.ndarray:
    """Give the variance of each voxel's noise; 1 for voxels that no sphere holds."""
    _check_finite(noise.residuals, held, "residuals")
    with np.errstate(invalid="ignore", over="ignore"):
        variance = np.einsum("rv,rv->v", noise.residuals, noise.residuals, dtype=np.float64)
    still = held & (variance == 0)
    if still.any():
        raise InputError(
            "residuals", expected="noise in every voxel of a sphere",
            found=f"none in {int(still.sum()):,} voxels",
            hint="mark these voxels as not usable when spheres are found",
        )  # fmt: skip
    return np.where(held, variance, noise.dof) / noise.dof


def _check_finite(values: np.ndarray, held: np.ndarray, subject: str) -> None:
    """Refuse NaN and infinity in voxels of spheres: they would spread without a trace."""
    if values.shape[1] != len(held):
        raise InputError(
            subject, expected=f"{len(held):,} voxels, as the patterns have",
            found=f"{values.shape[1]:,}", hint="take both from the same mask",
        )  # fmt: skip
    # A sum is finite where all its parts are, but for an overflow, which float64 excludes.
    broken = held & ~np.isfinite(values.sum(axis=0, dtype=np.float64))
    if broken.any():
        raise InputError(
            subject, expected="finite values in every voxel of a sphere",
            found=f"NaN or infinity in {int(broken.sum()):,} voxels",
            hint="mark these voxels as not usable when spheres are found",
        )  # fmt: skip
