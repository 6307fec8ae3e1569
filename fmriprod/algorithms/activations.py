"""What the layers of a network answer to images, all in one forward pass."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from fmriprod.algorithms.checks import InputError, suggest

if TYPE_CHECKING:
    import torch


def layer_activations(
    network: "torch.nn.Module",
    images: np.ndarray,
    layers: Sequence[str] | None = None,
    batch_size: int = 32,
) -> dict[str, np.ndarray]:
    """Give what each layer answers to images, whole; see `iterate_activations`.

    Returns
    -------
    dict of str to ndarray
        Float32, ``(n, channels, height, width)`` or ``(n, channels)``, in the order of ``layers``.
    """
    blocks = list(iterate_activations(network, images, layers, batch_size))
    return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}


def iterate_activations(
    network: "torch.nn.Module",
    images: np.ndarray,
    layers: Sequence[str] | None = None,
    batch_size: int = 32,
    apply: Callable[[str, np.ndarray], Any] | None = None,
) -> Iterator[dict[str, Any]]:
    """Give what each layer answers, a batch of images at a time: one forward pass for all layers.

    The network is used in evaluation mode and left in the mode that it had.

    Parameters
    ----------
    network : torch.nn.Module
        Any network that takes images.
    images : ndarray, shape (n, 3, height, width), float32
        Images, n at least 1, scaled as the network wants them.
    layers : sequence of str, optional
        Names as in ``network.named_modules()``; `default_layers` unless given. Of a module that
        runs several times in a pass, the last output counts.
    batch_size : int
        Images in a pass: bounds memory.
    apply : callable, optional
        Takes name and activations as soon as they are there and gives what is kept of them, so
        that all layers need not be in memory at once.

    Yields
    ------
    dict of str to ndarray
        A batch: float32, ``(n, channels, height, width)`` or ``(n, channels)``, or what ``apply``
        makes of it.

    Raises
    ------
    InputError
        If a layer does not exist, did not run, or gives no single tensor.
    """
    import torch

    layers = list(default_layers(network) if layers is None else layers)
    found: dict[str, Any] = {}

    def keep(name: str) -> Callable[..., None]:
        def hook(_module: Any, _inputs: Any, output: Any) -> None:
            if not isinstance(output, torch.Tensor):
                raise _layer_error(name, f"a {type(output).__name__}", "name a layer inside it")
            # A copy: what follows may write into it (nn.ReLU(inplace=True)).
            values = output.detach().to("cpu", torch.float32, copy=True).numpy()
            found[name] = values if apply is None else apply(name, values)

        return hook

    modules = dict(network.named_modules())
    for name in layers:
        if name not in modules:
            known = [n for n in modules if n]
            raise InputError(
                "layers",
                expected="names of the network's layers",
                found=repr(name),
                hint=suggest(name, known),
            )
    training = network.training
    handles = [modules[name].register_forward_hook(keep(name)) for name in layers]
    device = next((p.device for p in network.parameters()), torch.device("cpu"))
    try:
        network.eval()
        for start in range(0, len(images), batch_size):
            found.clear()
            batch = np.ascontiguousarray(images[start : start + batch_size], dtype=np.float32)
            with torch.inference_mode():
                network(torch.from_numpy(batch).to(device))
            for name in layers:
                if name not in found:
                    raise _layer_error(name, "it did not run", "leave it out")
            yield {name: found[name] for name in layers}
    finally:
        for handle in handles:
            handle.remove()
        network.train(training)


def default_layers(network: "torch.nn.Module") -> list[str]:
    """Name the layers of a network: its ``layer_names``, or every convolution and linear map."""
    from torch import nn

    if hasattr(network, "layer_names"):
        return list(cast(list[str], network.layer_names))
    kinds = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)
    return [name for name, module in network.named_modules() if isinstance(module, kinds)]


def _layer_error(name: str, found: str, hint: str) -> InputError:
    return InputError("layers", expected=f"activations of layer {name!r}", found=found, hint=hint)
