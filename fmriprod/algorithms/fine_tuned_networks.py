"""Networks that are trained on classes of images: VGG16 with a small head, and a small one.

`trained_network` opens what was trained: it takes its architecture from the weights. As a network
for features, ``fmriprod.algorithms.fine_tuned_networks:trained_network`` with the file of weights.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from fmriprod.algorithms.checks import InputError

if TYPE_CHECKING:
    import torch

PREPARATIONS = {
    "caffe": ((123.68 / 255, 116.779 / 255, 103.939 / 255), (1 / 255,) * 3),
    "torchvision": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "centred": ((0.5,) * 3, (0.5,) * 3),
}
"""Mean and divisor of red, green and blue (0 to 1) that weights were learnt with."""

VGG16_CHANNELS = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
_TORCHVISION_PLACES = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)  # of its convolutions
_SMALL_CHANNELS = (16, 32, 64)
_SMALL_FULL = 128


def vgg16(
    n_classes: int = 16, size: int = 224, dropout: float = 0.5, preparation: str = "caffe"
) -> "torch.nn.Module":
    """Build VGG16 whose three full layers are two: 1024 units and one a class.

    The 13 convolutions are those of Simonyan & Zisserman 2014; ``fc6`` is a convolution of the
    whole last map (7 x 7 of images of 224 pixels) with 1024 filters, ``fc8`` one of 1 x 1. Weights
    are PyTorch's random ones until some are loaded.

    Parameters
    ----------
    n_classes : int
        Classes.
    size : int
        Height and width of images in pixels, a multiple of 32.
    dropout : float
        Share of the units of ``fc6`` that are silenced in training.
    preparation : {'caffe', 'torchvision', 'centred'}
        How the images are scaled inside the network; see `PREPARATIONS`.

    Returns
    -------
    torch.nn.Module
        Takes ``(n, 3, size, size)``, red, green and blue from 0 to 1; gives ``(n, n_classes)``.
        Each layer of ``layer_names`` is rectified; its linear part is ``<layer>.filter``.

    Raises
    ------
    InputError
        If the size is no multiple of 32.

    References
    ----------
    Lee, Jung, Lustig & Lee 2023, Hum Brain Mapp 44:2018 (doi:10.1002/hbm.26189).
    """
    _check_size(size, 32)
    from torch import nn

    parts: dict[str, Any] = {"prepare": _prepare(preparation)}
    inputs = 3
    for block, channels in enumerate(VGG16_CHANNELS, start=1):
        for number, outputs in enumerate(channels, start=1):
            filters = nn.Conv2d(inputs, outputs, 3, padding=1)
            parts[f"conv{block}_{number}"] = _layer(filters)
            inputs = outputs
        parts[f"pool{block}"] = nn.MaxPool2d(2)
    parts["fc6"] = _layer(nn.Conv2d(inputs, 1024, size // 32))
    parts["drop6"] = nn.Dropout(dropout)
    parts["fc8"] = _layer(nn.Conv2d(1024, n_classes, 1), rectified=False)
    parts["logits"] = nn.Flatten()
    return _assembled(parts, size)


def small_convnet(n_classes: int = 10, size: int = 32, dropout: float = 0.5) -> "torch.nn.Module":
    """Build three convolutions (16, 32 and 64 filters) and two full layers (128, one a class).

    Parameters
    ----------
    n_classes, dropout
        As `vgg16` takes them.
    size : int
        Height and width of images in pixels, a multiple of 8.

    Returns
    -------
    torch.nn.Module
        As that of `vgg16`: layers ``conv1 conv2 conv3 fc4 fc5``.

    Raises
    ------
    InputError
        If the size is no multiple of 8.
    """
    _check_size(size, 8)
    from torch import nn

    parts: dict[str, Any] = {"prepare": _prepare("centred")}
    inputs = 3
    for number, outputs in enumerate(_SMALL_CHANNELS, start=1):
        parts[f"conv{number}"] = _layer(nn.Conv2d(inputs, outputs, 3, padding=1))
        parts[f"pool{number}"] = nn.MaxPool2d(2)
        inputs = outputs
    parts["flat"] = nn.Flatten()
    parts["fc4"] = _layer(nn.Linear(inputs * (size // 8) ** 2, _SMALL_FULL))
    parts["drop4"] = nn.Dropout(dropout)
    parts["fc5"] = _layer(nn.Linear(_SMALL_FULL, n_classes), rectified=False)
    return _assembled(parts, size)


def trained_network() -> "torch.nn.Module":
    """Give a network that becomes the trained one when its weights are loaded.

    Returns
    -------
    torch.nn.Module
        Its ``load_state_dict`` takes the weights of any network of this module, builds that
        network from their names and shapes, and loads them. ``layer_names`` and ``size`` follow.
    """
    from torch import nn

    class TrainedNetwork(nn.Sequential):
        def load_state_dict(self, state_dict: Any, *args: Any, **how: Any) -> Any:
            built = _network_of(state_dict)
            for name, child in built.named_children():
                self.add_module(name, child)
            self.layer_names, self.size = built.layer_names, built.size
            self.eval()
            return super().load_state_dict(state_dict, **how)

        def forward(self, images: Any) -> Any:
            if not len(self):
                raise InputError(
                    "weights", expected="the weights of a trained network", found="none",
                    hint="give the file of weights that NetworkTraining wrote",
                )  # fmt: skip
            return super().forward(images)  # type: ignore[no-untyped-call]  # of PyTorch

    return TrainedNetwork()


def load_vgg16_convolutions(network: "torch.nn.Module", state: Mapping[str, Any]) -> None:
    """Give a `vgg16` the convolutions of torchvision's, and leave its head as it is.

    Parameters
    ----------
    network : torch.nn.Module
        Changed in place.
    state : mapping
        ``features.<n>.weight`` and ``.bias``; others, such as a classifier's, are not read.

    Raises
    ------
    InputError
        If one is lacking or has another shape.
    """
    import torch

    own = network.state_dict()
    names = [name for name in cast(list[str], network.layer_names) if name.startswith("conv")]
    for place, name in zip(_TORCHVISION_PLACES, names, strict=True):
        for part in ("weight", "bias"):
            given, target = state.get(f"features.{place}.{part}"), own[f"{name}.filter.{part}"]
            if given is None or given.shape != target.shape:
                found = "nothing" if given is None else f"shape {tuple(given.shape)}"
                raise InputError(
                    "weights", expected=f"features.{place}.{part} of shape {tuple(target.shape)}",
                    found=found, hint="give weights of torchvision's vgg16 (no batch norm)",
                )  # fmt: skip
            with torch.no_grad():
                target.copy_(given)


def _network_of(state: Mapping[str, Any]) -> "torch.nn.Module":
    """Build the network that weights belong to."""
    shapes = {name: tuple(values.shape) for name, values in state.items()}
    if "fc8.filter.weight" in shapes and "fc6.filter.weight" in shapes:
        size = 32 * shapes["fc6.filter.weight"][2]
        return vgg16(shapes["fc8.filter.weight"][0], size)
    if "fc5.filter.weight" in shapes and "fc4.filter.weight" in shapes:
        side = round((shapes["fc4.filter.weight"][1] / _SMALL_CHANNELS[-1]) ** 0.5)
        return small_convnet(shapes["fc5.filter.weight"][0], 8 * side)
    raise InputError(
        "weights", expected="weights of a network that NetworkTraining trained",
        found=", ".join(list(shapes)[:3]) or "none", hint="give its best_file or last_file",
    )  # fmt: skip


def _layer(filters: Any, rectified: bool = True) -> Any:
    from torch import nn

    layer = nn.Sequential()
    layer.add_module("filter", filters)
    if rectified:
        layer.add_module("relu", nn.ReLU())
    return layer


def _assembled(parts: Mapping[str, Any], size: int) -> Any:
    from torch import nn

    network: Any = nn.Sequential()
    for name, part in parts.items():
        network.add_module(name, part)
    network.layer_names = [name for name in parts if name.startswith(("conv", "fc"))]
    network.size = size
    return network


def _prepare(preparation: str) -> Any:
    """Scale colours inside the network, so that its weights say how."""
    import torch
    from torch import nn

    class Prepare(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            for name, values in zip(("mean", "std"), PREPARATIONS[preparation], strict=True):
                self.register_buffer(name, torch.tensor(values).view(3, 1, 1))

        def forward(self, images: Any) -> Any:
            return (images - self.mean) / self.std

    return Prepare()


def _check_size(size: int, multiple: int) -> None:
    if size < multiple or size % multiple:
        raise InputError(
            "size", expected=f"a multiple of {multiple} pixels", found=f"{size}",
            hint=f"give {max(multiple, round(size / multiple) * multiple)}",
        )  # fmt: skip
