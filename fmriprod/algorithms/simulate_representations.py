"""Simulated places in the brain whose patterns have known distances between conditions."""

from collections.abc import Mapping

import numpy as np
from scipy import ndimage

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.rdm import check_n_conditions, square
from fmriprod.algorithms.smooth import SIGMA_PER_FWHM


def simulate_patterns(
    areas: np.ndarray,
    features: Mapping[int, np.ndarray],
    *,
    n_runs: int = 4,
    snr: float = 1.0,
    fwhm: float = 0.0,
    noise_fwhm: float = 0.0,
    seed: int | list[int] = 0,
) -> np.ndarray:
    """Simulate one participant's map of every condition and run.

    A voxel of an area is a sum of the area's features with random normal weights, its own
    unless weights are smooth; so that over many voxels the correlation distance of two conditions
    is 1 - cosine of their features, and the squared Euclidean distance is theirs, up to a factor.
    Runs have the same signal and other noise.

    Parameters
    ----------
    areas : ndarray of int, shape (x, y, z)
        Number of the area of each voxel; 0 outside the brain. Areas without features are silent.
    features : mapping of int to ndarray, shape (n_conditions, n_features)
        What the conditions are to each area, taken as they are: subtract the mean of the
        conditions where a common answer to all of them is not meant.
    n_runs : int
        Runs.
    snr : float
        Variance over conditions of the signal, mean over an area's voxels, over the variance of
        the noise in a map.
    fwhm, noise_fwhm : float
        Smoothness, full width at half maximum in voxels, of the weights and of the noise. Smooth
        weights leave fewer independent voxels, and distances further from those planted.
    seed : int or list of int
        Seed of weights and noise: another one a participant.

    Returns
    -------
    ndarray of float32, shape (n_runs, n_conditions, n_voxels)
        Of the voxels whose area is not 0, in C order; noise has variance 1.

    Raises
    ------
    InputError
        If an area with features has no voxel, features differ in their number of conditions, are
        not finite or do not vary, or options make no sense.

    References
    ----------
    Diedrichsen & Kriegeskorte 2017, PLoS Comput Biol 13:e1005508: patterns as features with random
    weights.
    """
    areas = np.asarray(areas)
    n_conditions = _check_simulation(areas, features, n_runs, snr, fwhm, noise_fwhm)
    rng = np.random.default_rng(seed)
    brain = areas != 0
    label = areas[brain]
    signal = np.zeros((n_conditions, len(label)), dtype=np.float32)
    for number in sorted(features):
        x = np.asarray(features[number], dtype=np.float32)
        weights = smooth_noise(rng, x.shape[1], areas == number, fwhm)
        spread = np.sqrt(x.var(axis=0).sum())  # of a voxel over conditions, mean over weights
        signal[:, label == number] = np.float32(np.sqrt(snr) / spread) * (x @ weights)
    maps = smooth_noise(rng, n_runs * n_conditions, brain, noise_fwhm)
    maps = maps.reshape(n_runs, n_conditions, -1)
    maps += signal
    return maps


def smooth_noise(
    rng: np.random.Generator, n_maps: int, mask: np.ndarray, fwhm: float = 0.0
) -> np.ndarray:
    """Draw Gaussian noise of variance 1 in a mask, smooth over its neighbours.

    Parameters
    ----------
    rng : Generator
        Source.
    n_maps : int
        Independent maps.
    mask : ndarray of bool, shape (x, y, z)
        Voxels.
    fwhm : float
        Full width at half maximum in voxels of the Gaussian that white noise is smoothed with.
        Opposite faces of the grid are neighbours, so that the variance is 1 everywhere.

    Returns
    -------
    ndarray of float32, shape (n_maps, n_voxels)
    """
    if fwhm == 0:
        return rng.standard_normal((n_maps, int(mask.sum())), dtype=np.float32)
    sigma = fwhm * SIGMA_PER_FWHM
    point = np.zeros(mask.shape)
    point[tuple(n // 2 for n in mask.shape)] = 1
    norm = np.sqrt(np.square(ndimage.gaussian_filter(point, sigma, mode="wrap")).sum())
    maps = np.empty((n_maps, int(mask.sum())), dtype=np.float32)
    for row in maps:
        white = rng.standard_normal(mask.shape, dtype=np.float32)
        row[:] = ndimage.gaussian_filter(white, sigma, mode="wrap")[mask] / norm
    return maps


def features_of_rdm(pairs: np.ndarray, n_components: int = 0) -> np.ndarray:
    """Find features whose cosine distance is an RDM, or the nearest that can be had.

    Parameters
    ----------
    pairs : ndarray, shape (n_pairs,)
        Dissimilarities, 0 or larger: upper triangle, row by row. They are divided by their largest
        value where that is above 2, the largest that a cosine distance can be.
    n_components : int
        Leading components to keep; 0 keeps all.

    Returns
    -------
    ndarray of float64, shape (n_conditions, n_features)
        Rows of length 1.

    Raises
    ------
    InputError
        If they are negative, not finite or all alike.

    Notes
    -----
    1 - RDM is taken as the matrix of inner products. Where it has negative eigenvalues, as codes
    that call two things like a third but unlike each other, no features have these distances;
    those are set to 0 and rows scaled to length 1. Compare with `planted_distances`.
    """
    pairs = np.asarray(pairs, dtype=np.float64)
    if not np.isfinite(pairs).all() or pairs.min(initial=0) < 0 or np.ptp(pairs) == 0:
        raise InputError(
            "rdm", expected="finite distances, 0 or larger, that are not all alike",
            found=f"{np.nanmin(pairs):.4g} to {np.nanmax(pairs):.4g}, "
            f"{int((~np.isfinite(pairs)).sum())} not finite",
            hint="cross-validated distances can be below 0: plant others",
        )  # fmt: skip
    products = 1 - square(pairs / max(1.0, pairs.max() / 2))
    values, vectors = np.linalg.eigh(products)
    kept = values > 1e-9 * values[-1]
    kept[: -n_components or None] &= n_components == 0
    features = vectors[:, kept] * np.sqrt(values[kept])
    return features / np.linalg.norm(features, axis=1, keepdims=True)


def planted_distances(features: np.ndarray) -> np.ndarray:
    """Correlation distances that patterns of these features have with endless voxels.

    Parameters
    ----------
    features : ndarray, shape (n_conditions, n_features)
        As `simulate_patterns` takes them.

    Returns
    -------
    ndarray of float64, shape (n_pairs,)
        1 - cosine.
    """
    unit = np.asarray(features, dtype=np.float64)
    unit = unit / np.linalg.norm(unit, axis=1, keepdims=True)
    return 1 - (unit @ unit.T)[np.triu_indices(len(unit), 1)]


def standardized_features(features: np.ndarray, n_components: int = 0) -> np.ndarray:
    """Give features mean 0 and variance 1 over conditions; those that do not vary are left out.

    Parameters
    ----------
    features : ndarray, shape (n_conditions, n_features)
        Such as the activations of a layer.
    n_components : int
        Give the scores of this many leading principal components of them; 0 gives all features.
        Of many features of few conditions all distances are nearly alike, which noise hides;
        of a few components they are not.

    Returns
    -------
    ndarray of float64, shape (n_conditions, n_varying or n_components)
    """
    x = np.asarray(features, dtype=np.float64)
    x = x - x.mean(axis=0)
    spread = x.std(axis=0)
    varies = spread > 1e-6 * spread.max(initial=0)
    x = x[:, varies] / spread[varies]
    if not n_components:
        return x
    left, size, _ = np.linalg.svd(x, full_matrices=False)
    return left[:, :n_components] * size[:n_components]


def lay_out_areas(
    n_areas: int, *, shape: tuple[int, int, int] = (20, 28, 14), gap: int = 2
) -> np.ndarray:
    """Lay areas out from the back of a box to its front, with silent voxels around them.

    Parameters
    ----------
    n_areas : int
        Areas.
    shape : 3 int
        Voxels of the grid. One at each face is outside the brain.
    gap : int
        Silent voxels between areas. The upper third of the brain is silent too.

    Returns
    -------
    ndarray of int16, shape
        0 outside, 1 to n_areas, and ``n_areas + 1`` where silent.

    Raises
    ------
    InputError
        If they do not fit.
    """
    depth = (shape[1] - 2 - gap * (n_areas + 1)) // max(n_areas, 1)
    height = 1 + (2 * (shape[2] - 2)) // 3
    if n_areas < 1 or depth < 2 or min(shape) < 6:
        raise InputError(
            "shape", expected=f"room for {n_areas} areas of 2 voxels and gaps of {gap} along y: "
            f"at least {2 + gap + n_areas * (2 + gap)} voxels, and 6 along x and z",
            found=f"{shape}", hint="simulate a larger grid or fewer areas",
        )  # fmt: skip
    areas = np.zeros(shape, dtype=np.int16)
    areas[1:-1, 1:-1, 1:-1] = n_areas + 1
    for number in range(n_areas):
        start = 1 + gap + number * (depth + gap)
        areas[1 + gap : shape[0] - 1 - gap, start : start + depth, 1:height] = number + 1
    return areas


def _check_simulation(
    areas: np.ndarray, features: Mapping[int, np.ndarray], n_runs: int, snr: float,
    fwhm: float, noise_fwhm: float,
) -> int:  # fmt: skip
    """Refuse what cannot be simulated; give the number of conditions."""
    if areas.ndim != 3 or not areas.any():
        raise InputError(
            "areas", expected="a volume with areas that are not 0", found=f"shape {areas.shape}, "
            f"{int(np.count_nonzero(areas))} voxels", hint="number the areas from 1",
        )  # fmt: skip
    if n_runs < 1 or not 0 <= snr < np.inf or min(fwhm, noise_fwhm) < 0:
        raise InputError(
            "n_runs", expected="at least one run; snr, fwhm and noise_fwhm of 0 or more",
            found=f"{n_runs} runs, snr {snr:g}, fwhm {fwhm:g}, noise_fwhm {noise_fwhm:g}",
            hint="such as n_runs=4, snr=1, fwhm=0",
        )  # fmt: skip
    sizes = {number: np.shape(x) for number, x in features.items()}
    n_conditions = {shape[0] for shape in sizes.values() if len(shape) == 2}
    if len(n_conditions) != 1 or any(len(shape) != 2 for shape in sizes.values()):
        raise InputError(
            "features", expected="conditions x features, the same conditions for every area",
            found=", ".join(f"area {k}: shape {v}" for k, v in sizes.items()) or "none",
            hint="average the images of a condition",
        )  # fmt: skip
    (n,) = n_conditions
    check_n_conditions(n, "features")
    for number, x in features.items():
        usable = np.isfinite(x).all() and number != 0 and (areas == number).any()
        if not usable or not np.var(x, axis=0).sum() > 0:
            raise InputError(
                "features", expected="finite features that vary over conditions, of an area with "
                "voxels", found=f"area {number}: {int((areas == number).sum())} voxels, "
                f"{int((~np.isfinite(x)).sum())} features not finite, variance "
                f"{np.var(x, axis=0).sum():.3g}", hint="check the features and the areas",
            )  # fmt: skip
    return n
