"""What a simulated visual cortex answers to the layers of a network, without noise."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.simulate_cortex import AREAS, CATEGORIES
from fmriprod.algorithms.simulate_visual_fields import gaussian_windows

_UNITS = 40  # features that a voxel without receptive field sums
_CATEGORY_SHARE = 0.8  # of the variance of a voxel that prefers a category


def layer_shares(cortex: pd.DataFrame, layers: list[str]) -> np.ndarray:
    """Tell what share of each voxel's signal comes from each layer.

    Parameters
    ----------
    cortex : pandas.DataFrame
        As `make_cortex` gives it.
    layers : list of str
        Layers in their order.

    Returns
    -------
    ndarray of float64, shape (n_layers, n_voxels)
        Shares of the variance; columns add up to 1.
    """
    shares = np.zeros((len(layers), len(cortex)))
    ends = np.array([AREAS[area].ends for area in cortex["area"]]).reshape(-1, 2)
    own = pd.Index(layers).get_indexer(cortex["layer"])
    np.add.at(shares, (own, np.arange(len(cortex))), 1 - ends.sum(axis=1))
    shares[0] += ends[:, 0]
    shares[-1] += ends[:, 1]
    return shares


def planted_signal(
    features: Mapping[str, np.ndarray],
    shapes: Mapping[str, tuple[int, ...]],
    cortex: pd.DataFrame,
    kinds: np.ndarray,
    *,
    seed: int = 0,
) -> np.ndarray:
    """Compute what every voxel answers to every stimulus, without noise.

    Voxels with a receptive field sum what a layer has within a Gaussian window, each channel
    with a positive weight of its own: more within the window means more response. Others, and
    layers without places, are read by a few features from anywhere with random weights. Voxels
    that prefer a category add the difference of the mean faces and places, in units of each
    feature's spread within a category: a linear read-out, which a linear model of that layer can
    find.

    Parameters
    ----------
    features : mapping of str to ndarray, shape (n_stimuli, n_features)
        Features of every layer, first to last.
    shapes : mapping of str to tuple of int
        ``(channels, height, width)`` of the features of a row, in C order, for layers that have
        places; needed for those that drive voxels with retinotopy.
    cortex : pandas.DataFrame
        As `make_cortex` gives it.
    kinds : ndarray of str, shape (n_stimuli,)
        Kind of each stimulus.
    seed : int
        Seed of the weights.

    Returns
    -------
    ndarray of float32, shape (n_stimuli, n_voxels)
        Signal with mean 0 and variance 1 over the stimuli.

    Raises
    ------
    InputError
        If a driving layer is missing, does not vary, its shape does not match, or there are
        fewer than two faces or places.
    """
    layers = list(features)
    _check_layers(cortex, layers, shapes)
    signal = np.zeros((len(kinds), len(cortex)), np.float32)
    local = np.isfinite(cortex["sigma"].to_numpy())
    shares = layer_shares(cortex, layers)
    for number, layer in enumerate(layers):
        if not shares[number].any():
            continue
        rng = np.random.default_rng([seed, number])
        x = _standardized(layer, features[layer], len(kinds))
        read = (shares[number] > 0) & local & (layer in shapes)
        mine, others = np.flatnonzero(read), np.flatnonzero((shares[number] > 0) & ~read)
        weight = np.sqrt(shares[number]).astype(np.float32)
        if len(mine):
            signal[:, mine] += weight[mine] * _unit(
                _local(x, shapes[layer], cortex.iloc[mine], layer, rng)
            )
        if len(others):
            part = _unit(_global(x, len(others), rng))
            _add_category(part, x, cortex["kind"].iloc[others], kinds)
            signal[:, others] += weight[others] * part
    return _unit(signal)


def _check_layers(
    cortex: pd.DataFrame, layers: list[str], shapes: Mapping[str, tuple[int, ...]]
) -> None:
    missing = sorted(set(cortex["layer"]) - set(layers))
    if missing:
        raise InputError(
            "features", expected=f"features of the layers that drive voxels: {', '.join(missing)}",
            found=f"layers {', '.join(layers)}", hint="give those that the cortex was made for",
        )  # fmt: skip
    early = cortex["area"].isin(
        [n for n, area in AREAS.items() if area.window and not any(area.ends)]
    )
    flat = sorted(set(cortex["layer"][early]) - set(shapes))
    if flat:
        raise InputError(
            "shapes", expected=f"channels, height and width of layer {', '.join(flat)}",
            found=f"those of {', '.join(shapes) or 'none'}",
            hint="retinotopy needs early layers with places",
        )  # fmt: skip


def _standardized(layer: str, features: np.ndarray, n_stimuli: int) -> np.ndarray:
    """Give a layer's features with mean 0 and variance 1; what does not vary becomes 0."""
    x = np.asarray(features, dtype=np.float32)
    if x.ndim != 2 or len(x) != n_stimuli:
        raise InputError(
            "features", expected=f"layer {layer!r} with {n_stimuli} rows, one a stimulus",
            found=f"shape {x.shape}", hint="give the features of the same stimuli",
        )  # fmt: skip
    x = x - x.mean(axis=0)
    spread = x.std(axis=0)
    varies = spread > 1e-6 * float(spread.max(initial=0))
    if not varies.any() or not np.isfinite(spread).all():
        raise InputError(
            "features", expected="finite features that differ between stimuli",
            found=f"layer {layer!r}: {varies.sum()} of {len(varies)} features vary and are finite",
            hint="check the network",
        )  # fmt: skip
    return x / np.where(varies, spread, np.inf)


def _local(
    x: np.ndarray, shape: tuple[int, ...], voxels: pd.DataFrame, layer: str,
    rng: np.random.Generator,
) -> np.ndarray:  # fmt: skip
    """Sum channels within each voxel's window, with positive weights."""
    if len(shape) != 3 or np.prod(shape) != x.shape[1]:
        raise InputError(
            "shapes", expected=f"channels, height and width of {layer}'s {x.shape[1]} features",
            found=str(shape), hint="give the shape after subsampling",
        )  # fmt: skip
    channels, height, width = shape
    angle, eccentricity, sigma = (
        voxels[name].to_numpy() for name in ("angle", "eccentricity", "sigma")
    )
    windows = gaussian_windows(angle, eccentricity, sigma, (height, width))
    # Squares of exponential draws: a few channels of each voxel count for most.
    weights = rng.exponential(size=(len(voxels), channels)).astype(np.float32) ** 2
    maps = x.reshape(len(x), channels, -1)
    signal = np.zeros((len(x), len(voxels)), np.float32)
    for channel in range(channels):
        signal += weights[:, channel] * (maps[:, channel] @ windows.T)
    return signal


def _global(x: np.ndarray, n_voxels: int, rng: np.random.Generator) -> np.ndarray:
    """Sum a few features from anywhere, with random weights."""
    varies = np.flatnonzero(x.any(axis=0))
    signal = np.empty((len(x), n_voxels), np.float32)
    for column in signal.T:
        chosen = rng.choice(varies, min(_UNITS, len(varies)), replace=False)
        column[:] = x[:, chosen] @ rng.standard_normal(len(chosen), dtype=np.float32)
    return signal


def _add_category(signal: np.ndarray, x: np.ndarray, prefers: pd.Series, kinds: np.ndarray) -> None:
    """Add, in place, how much more a stimulus is like the mean face than like the mean place."""
    selective = (prefers != "").to_numpy()
    if not selective.any():
        return
    faces, places = (x[kinds == kind] for kind in CATEGORIES)
    if min(len(faces), len(places)) < 2:
        raise InputError(
            "kinds", expected="at least two faces and two places",
            found=f"{len(faces)} and {len(places)}", hint="ask for more of them",
        )  # fmt: skip
    within = np.sqrt((faces.var(axis=0) + places.var(axis=0)) / 2)
    axis = _unit(x @ ((faces.mean(axis=0) - places.mean(axis=0)) / (within + 0.5)))
    sign = np.where(prefers[selective] == CATEGORIES[0], 1, -1).astype(np.float32)
    own = np.float32(np.sqrt(1 - _CATEGORY_SHARE)) * signal[:, selective]
    signal[:, selective] = own + np.float32(np.sqrt(_CATEGORY_SHARE)) * axis[:, None] * sign


def _unit(signal: np.ndarray) -> np.ndarray:
    """Give columns mean 0 and variance 1; columns without variance stay 0."""
    signal = signal - signal.mean(axis=0)
    spread = signal.std(axis=0)
    return signal / np.where(spread > 0, spread, 1)
