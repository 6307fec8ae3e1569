"""Small convolutional networks with fixed weights.

They need no training and no download: a hierarchy like that of the visual system, for simulations,
demonstrations and tests. They have learnt nothing and recognise nothing.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fmriprod.algorithms.activations import layer_activations
from fmriprod.algorithms.checks import InputError

if TYPE_CHECKING:
    import torch

__all__ = ["SIZES", "gabor_filters", "layer_activations", "small_network"]

SIZES = {
    "tiny": {"n_layers": 3, "size": 32},
    "small": {"n_layers": 5, "size": 64},
    "deep": {"n_layers": 9, "size": 128},
}
"""Networks by name: arguments of `small_network`."""

_KERNEL = 7  # pixels of a filter of the first layer, on a side
_PHASES = 4  # a rectified filter sees half of what it is tuned to: 0, 90, 180 and 270 degrees
_ORIENTATIONS = 4
_THRESHOLD = 0.4  # of a unit's spread: rectified units that are silent most of the time


def small_network(
    n_layers: int = 5, channels: Sequence[int] | None = None, size: int = 64, seed: int = 0
) -> "torch.nn.Module":
    """Build a convolutional network whose weights are the same on every machine.

    The first layer's filters are Gabor functions (orientations x phases x frequencies, of
    luminance); later ones are random, 3 x 3, without a mean, so that they answer to
    configurations and not to the sum of what the layer before says. Pooling by 2 makes receptive
    fields grow; the last third of the layers is fully connected. Every layer divides by its
    spread over channels and places, as cortex normalises, and is rectified.

    Parameters
    ----------
    n_layers : int
        Layers, at least 2: about two thirds ``conv1``, ``conv2``, ..., the others ``fc<n>``. Five
        give ``conv1 conv2 conv3 fc4 fc5``.
    channels : sequence of int, length n_layers, optional
        Channels of each layer; 16, 32, 64, ... up to 128 and 256 in fully connected layers unless
        given.
    size : int
        Height and width of the images in pixels, at least 16.
    seed : int
        Seed of the weights, drawn by NumPy.

    Returns
    -------
    torch.nn.Module
        In evaluation mode; float32. Takes ``(n, 3, size, size)`` with values from about -1 to 1.
        ``layer_names`` lists its layers; each is a child of that name, whose output is what comes
        after rectification and before pooling. ``size`` is the side of its images.

    Raises
    ------
    InputError
        If there are fewer than two layers, channels for another number of layers, or the images
        are too small.

    References
    ----------
    Filters: Jones & Palmer 1987, J Neurophysiol 58:1233. Normalisation: Carandini & Heeger 2012,
    Nat Rev Neurosci 13:51.
    """
    n_full = max(1, round(n_layers / 3))
    channels = _checked_channels(n_layers, n_full, channels, size)
    from torch import nn

    random = np.random.default_rng(seed)
    network = nn.Sequential()
    names, inputs, side = [], 3, size
    for number, outputs in enumerate(channels, start=1):
        if number == 1:
            names.append("conv1")
            layer: Any = nn.Conv2d(3, outputs, _KERNEL, stride=2, padding=_KERNEL // 2)
            weights, side = gabor_filters(outputs), (side + 1) // 2
        elif number <= n_layers - n_full:
            names.append(f"conv{number}")
            layer = nn.Conv2d(inputs, outputs, 3, padding=1)
            weights = _random_weights(random, (outputs, inputs, 3, 3))
        else:
            names.append(f"fc{number}")
            layer = nn.Linear(inputs * side**2, outputs)
            weights = _random_weights(random, (outputs, inputs * side**2))
            side = 1
        _set_weights(layer, weights)
        flat = [nn.Flatten()] if names[-1].startswith("fc") else []
        network.add_module(names[-1], nn.Sequential(*flat, layer, _normalise_and_rectify()))
        inputs = outputs
        if side >= 8:
            network.add_module(f"pool{number}", nn.MaxPool2d(2))
            side //= 2
    described: Any = network
    described.layer_names, described.size = names, size
    return network.eval().requires_grad_(False)


def gabor_filters(n_filters: int) -> np.ndarray:
    """Draw the filters of a first layer.

    Parameters
    ----------
    n_filters : int
        Number of filters. Phase (4) varies fastest, then orientation (4: 0, 45, 90 and 135
        degrees), then frequency (0.25, 0.125, 0.375 ... cycles per pixel).

    Returns
    -------
    ndarray, shape (n_filters, 3, 7, 7), float32
        Filters with mean 0 and norm 1, the same in each of the three colour channels.
    """
    place = np.arange(_KERNEL) - _KERNEL // 2
    y, x = np.meshgrid(place, place, indexing="ij")
    filters = np.empty((n_filters, _KERNEL, _KERNEL))
    for k in range(n_filters):
        phase = 2 * np.pi * (k % _PHASES) / _PHASES
        angle = np.pi * (k // _PHASES % _ORIENTATIONS) / _ORIENTATIONS
        step = k // (_PHASES * _ORIENTATIONS)
        frequency = (0.25, 0.125, 0.375)[step % 3]
        along = x * np.cos(angle) + y * np.sin(angle)
        wave = np.cos(2 * np.pi * frequency * along + phase)
        filters[k] = wave * np.exp(-(x**2 + y**2) / (2 * (1.5 + 0.25 * (step // 3)) ** 2))
    filters -= filters.mean(axis=(1, 2), keepdims=True)
    filters /= np.sqrt(3 * (filters**2).sum(axis=(1, 2), keepdims=True))
    return np.repeat(filters[:, None], 3, axis=1).astype(np.float32)


def _normalise_and_rectify() -> "torch.nn.Module":
    """Divide an image's answers by their root mean square; what is above a threshold is left."""
    from torch import nn

    class NormaliseAndRectify(nn.Module):
        def forward(self, x: Any) -> Any:
            axes = tuple(range(1, x.ndim))
            spread = (x.square().mean(dim=axes, keepdim=True) + 1e-4).sqrt()
            return (x / spread - _THRESHOLD).relu()

    return NormaliseAndRectify()


def _random_weights(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    weights = random.standard_normal(shape)
    inner = tuple(range(1, len(shape)))
    weights -= weights.mean(axis=inner, keepdims=True)
    return (weights / np.sqrt((weights**2).sum(axis=inner, keepdims=True))).astype(np.float32)


def _set_weights(layer: Any, weights: np.ndarray) -> None:
    import torch

    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(weights))
        layer.bias.zero_()


def _checked_channels(
    n_layers: int, n_full: int, channels: Sequence[int] | None, size: int
) -> list[int]:
    if n_layers < 2 or size < 16:
        raise InputError(
            "network",
            expected="at least 2 layers and images of at least 16 pixels",
            found=f"{n_layers} layers, {size} pixels",
            hint="ask for more",
        )
    if channels is None:
        n_conv = n_layers - n_full
        return [min(16 << k, 128) for k in range(n_conv)] + [256] * n_full
    if len(channels) != n_layers:
        raise InputError(
            "channels",
            expected=f"channels of {n_layers} layers",
            found=f"{len(channels)} numbers",
            hint="give one number a layer",
        )
    return list(channels)
