"""What a network has to say for its layers to be read as features."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fmriprod.algorithms.checks import InputError, suggest

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


@dataclass
class NetworkOptions:
    """How a network is opened: its weights, and on what it is run."""

    weights: str | None = None
    untrained: bool = False
    download: bool = False
    device: str = "cpu"
    num_threads: int = 1


def needs(package: str, name: str) -> InputError:
    """Say that a package has to be installed for a network."""
    extra = "pip install 'fmriprod[cnn]'"
    return InputError(
        "network",
        expected=f"{package}, which {name} needs",
        found="it is not installed",
        hint=extra if package in ("PyTorch", "onnx", "onnxruntime") else f"pip install {package}",
    )
