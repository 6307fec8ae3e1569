"""What turns images into layers of features: networks by name or file, Gabor pyramid, pixels."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from fmriprod.algorithms.checks import InputError, suggest
from fmriprod.algorithms.gabor import FREQUENCIES, gabor_energy, luminance, pyramid_frequencies

Apply = Callable[[str, np.ndarray], Any]


@dataclass
class Network:
    """Something that answers to images in layers.

    Attributes
    ----------
    name : str
        As the user gave it.
    known : list of str
        All layers that it has.
    default : list of str, optional
        Layers that are taken unless some are named; None where that depends on the images.
    size : tuple of int, optional
        Height and width in pixels that images are resized to; None takes them as they are.
    mean, std : tuple of float, length 3
        Taken from, and divided into, red, green and blue (0 to 1).
    """

    name: str
    known: list[str]
    default: list[str] | None = None
    size: tuple[int, int] | None = None
    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    std: tuple[float, ...] = (1.0, 1.0, 1.0)
    about: dict[str, Any] = field(default_factory=dict)

    def check_layers(self, layers: Sequence[str]) -> None:
        """Refuse the name of a layer that there is not.

        Raises
        ------
        InputError
            With the name that was probably meant.
        """
        for layer in layers:
            if layer not in self.known:
                raise InputError(
                    "layers",
                    expected=f"layers of {self.name}",
                    found=repr(layer),
                    hint=suggest(layer, self.known),
                )
        if len(set(layers)) < len(layers):
            raise InputError(
                "layers",
                expected="each layer once",
                found=", ".join(layers),
                hint="leave out what is there twice",
            )

    def answers(self, images: np.ndarray, layers: list[str] | None, apply: Apply) -> dict:
        """Show a batch of images.

        Parameters
        ----------
        images : ndarray, shape (n, 3, height, width), float32
            Prepared images.
        layers : list of str, optional
            Layers; the default ones unless given.
        apply : callable
            Takes name and activations ``(n, ...)`` of a layer, gives what is kept.

        Returns
        -------
        dict
            By layer, what ``apply`` gave.
        """
        raise NotImplementedError


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


@dataclass
class NetworkOptions:
    """How a network is opened: its weights, and on what it is run."""

    weights: str | None = None
    untrained: bool = False
    download: bool = False
    device: str = "cpu"
    num_threads: int = 1


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
        from fmriprod.interfaces.onnx_network import open_onnx

        return open_onnx(Path(name), options)
    from fmriprod.interfaces.torch_networks import open_torch

    return open_torch(name, options)


def needs(package: str, name: str) -> InputError:
    """Say that a package has to be installed for a network."""
    extra = "pip install 'fmriprod[cnn]'"
    return InputError(
        "network",
        expected=f"{package}, which {name} needs",
        found="it is not installed",
        hint=extra if package in ("PyTorch", "onnx", "onnxruntime") else f"pip install {package}",
    )


def _refuse_weights(name: str, options: NetworkOptions) -> None:
    if options.weights or options.untrained:
        raise InputError(
            "weights",
            expected=f"no weights: {name} has none, or has its own",
            found=options.weights or "untrained",
            hint="leave weights and untrained out",
        )
