"""Networks to train on classes of images, with the weights that they start from."""

import importlib
import pickle
from pathlib import Path
from typing import Any

from fmriprod.algorithms.checks import InputError, suggest
from fmriprod.algorithms.fine_tuned_networks import load_vgg16_convolutions, small_convnet, vgg16

VGG16_FILES = {
    "caffe": "vgg16_features-amdegroot-88682ab5.pth",
    "torchvision": "vgg16-397923af.pth",
}
"""Weights by how their images were prepared; the first are those of the published network."""

_URL = "https://download.pytorch.org/models/"


def open_trainable(
    name: str,
    n_classes: int,
    size: int | None,
    dropout: float,
    weights: str | None,
    preparation: str,
    untrained: bool,
) -> Any:
    """Build a network for a number of classes, and load what it starts from.

    Parameters
    ----------
    name : str
        ``vgg16``, ``small``, or ``module:attribute``: a function of the number of classes.
    n_classes : int
        Classes.
    size : int, optional
        Side of images in pixels; 224 for vgg16, 32 for small, that of the network for others.
    dropout : float
        Of vgg16 and small.
    weights : str, optional
        File; for vgg16 that of torchvision in PyTorch's cache unless given or ``untrained``.
    preparation : {'caffe', 'torchvision'}
        Of vgg16: how the images of its weights were prepared.
    untrained : bool
        Start vgg16 from random weights.

    Raises
    ------
    InputError
        If there is no such network, or its weights are absent or do not fit.
    """
    if name == "small":
        network = small_convnet(n_classes, size or 32, dropout)
    elif name == "vgg16":
        network = vgg16(n_classes, size or 224, dropout, preparation)
        if not untrained:
            path = Path(weights) if weights else _cached_vgg16(preparation)
            _load_vgg16(network, path, preparation)
        return network
    else:
        network = _imported(name, n_classes, size)
    if weights:
        _load_all(network, read_weights(weights), weights)
    return network


def read_weights(path: str | Path) -> dict[str, Any]:
    """Read a file of weights of PyTorch, or of training, without running what it holds.

    Raises
    ------
    InputError
        If it is no such file.
    """
    import torch

    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, ValueError, KeyError, pickle.UnpicklingError) as err:
        raise InputError(
            "weights", expected="a file of weights of PyTorch",
            found=(str(err).splitlines() or [type(err).__name__])[0][:200],
            hint="give a file that NetworkTraining or torch.save wrote", file=str(path),
        ) from None  # fmt: skip


def _cached_vgg16(preparation: str) -> Path:
    import torch

    path = Path(torch.hub.get_dir()) / "checkpoints" / VGG16_FILES[preparation]
    if not path.is_file():
        raise InputError(
            "weights", expected=f"ImageNet weights of VGG16 at {path}", found="no such file",
            hint=f"put {_URL}{path.name} there, give a file as weights, or say untrained",
        )  # fmt: skip
    return path


def _load_vgg16(network: Any, path: Path, preparation: str) -> None:
    """Load convolutions of torchvision's VGG16, or a whole network that was trained here."""
    other = next(f for kind, f in VGG16_FILES.items() if kind != preparation)
    if path.name == other:
        raise InputError(
            "preparation", expected=f"the preparation that {other} was learnt with",
            found=repr(preparation), hint="give the other one: caffe or torchvision",
            file=str(path),
        )  # fmt: skip
    found = read_weights(path)
    state = found.get("state_dict", found)
    if "fc8.filter.weight" in state:
        _load_all(network, found, str(path))
        return
    try:
        load_vgg16_convolutions(network, state)
    except InputError as err:
        err.file = str(path)
        raise


def _load_all(network: Any, found: dict[str, Any], path: str) -> None:
    try:
        network.load_state_dict(found.get("state_dict", found))
    except RuntimeError as err:
        lines = [line.strip() for line in str(err).splitlines()]
        raise InputError(
            "weights", expected="weights of this network, for as many classes and this size",
            found=" ".join(lines[1:3])[:300] or lines[0],
            hint="give the file that belongs to it, or the same size and classes", file=path,
        ) from None  # fmt: skip


def _imported(name: str, n_classes: int, size: int | None) -> Any:
    """Call a user's function with the number of classes."""
    import torch

    place, _, attribute = name.partition(":")
    if not attribute:
        raise InputError(
            "network", expected="vgg16, small, or module:attribute", found=repr(name),
            hint=suggest(name, ["vgg16", "small"]),
        )  # fmt: skip
    try:
        network = getattr(importlib.import_module(place), attribute)(n_classes)
        network.size = size or int(getattr(network, "size", 224))
        with torch.inference_mode():
            shape = tuple(network.eval()(torch.zeros(2, 3, network.size, network.size)).shape)
    except Exception as err:  # whatever the user's module raises
        raise InputError(
            "network", expected=f"{attribute} of the Python module {place}, a function of the "
            "number of classes that makes a torch.nn.Module",
            found=f"{type(err).__name__}: {str(err).splitlines()[0] if str(err) else ''}",
            hint="check the spelling, the size, and that the module is on PYTHONPATH",
        ) from None  # fmt: skip
    if shape != (2, n_classes):
        raise InputError(
            "network", expected=f"{n_classes} answers, one a class", found=f"shape {shape} of two "
            "images", hint="make the last layer from the number of classes that is passed",
        )  # fmt: skip
    return network
