"""What turns images into layers of features: networks by name or file, Gabor pyramid, pixels."""

from pathlib import Path

import numpy as np

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.gabor import FREQUENCIES, gabor_energy, luminance, pyramid_frequencies
from fmriprod.interfaces.network_base import Apply, Network, NetworkOptions
from fmriprod.interfaces.onnx_network import open_onnx
from fmriprod.interfaces.torch_networks import open_torch


class Pixels(Network):
    """The luminance of every pixel, as one layer."""

    def answers(self, images: np.ndarray, layers: list[str] | None, apply: Apply) -> dict:
        """Give luminance as a layer of one channel."""
        return {"pixels": apply("pixels", luminance(images)[:, None])}


class Gabor(Network):
    """Contrast energy, a layer for each spatial frequency."""

    def answers(self, images: np.ndarray, layers: list[str] | None, apply: Apply) -> dict:
        """Give energy at the frequencies that were asked for, or that fit the images."""
        grey = luminance(images)
        fitting = [f"gabor{f}" for f in pyramid_frequencies(*grey.shape[1:])]
        for name in layers or fitting:
            if name not in fitting:
                raise InputError(
                    "layers",
                    expected=f"frequencies that fit images of {grey.shape[1]} x {grey.shape[2]}",
                    found=repr(name),
                    hint=f"give a larger size, or some of {', '.join(fitting)}",
                )
        return {
            name: apply(name, gabor_energy(grey, int(name.removeprefix("gabor"))))
            for name in layers or fitting
        }


def open_network(name: str, options: NetworkOptions) -> Network:
    """Find the network of a name.

    Parameters
    ----------
    name : str
        ``pixels``, ``gabor``, ``small`` (or ``small:tiny``, ``small:deep``),
        ``torchvision:NAME``, ``timm:NAME``, ``module:attribute``, or a file ``.onnx``.
    options : NetworkOptions
        Weights and device.

    Raises
    ------
    InputError
        If there is no such network, it cannot be read, or what it needs is not installed.
    """
    if name in ("pixels", "gabor") or name.endswith(".onnx"):
        _refuse_weights(name, options)
    if name == "pixels":
        return Pixels(name, ["pixels"], ["pixels"])
    if name == "gabor":
        return Gabor(name, [f"gabor{f}" for f in FREQUENCIES])
    if name.endswith(".onnx"):
        return open_onnx(Path(name), options)
    return open_torch(name, options)


def _refuse_weights(name: str, options: NetworkOptions) -> None:
    if options.weights or options.untrained:
        raise InputError(
            "weights",
            expected=f"no weights: {name} has none, or has its own",
            found=options.weights or "untrained",
            hint="leave weights and untrained out",
        )
