"""Networks of PyTorch: our small ones, torchvision's, timm's, and any that can be imported."""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import numpy as np

from fmriprod.algorithms.activations import default_layers, iterate_activations
from fmriprod.algorithms.checks import InputError, suggest
from fmriprod.algorithms.small_networks import SIZES, small_network
from fmriprod.interfaces.network_base import Apply, Network, NetworkOptions, needs

_IMAGENET_MEAN, _IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class TorchNetwork(Network):
    """A `torch.nn.Module`; ``module`` and ``num_threads`` are set when it is opened."""

    module: Any
    num_threads: int

    def answers(self, images: np.ndarray, layers: list[str] | None, apply: Apply) -> dict:
        """Run one forward pass."""
        with _threads(self.num_threads):
            try:
                blocks = iterate_activations(
                    self.module, images, layers or self.default, len(images), apply
                )
                return next(blocks)
            except RuntimeError as err:
                raise InputError(
                    "network",
                    expected=f"a network that takes images of shape {images.shape[1:]}",
                    found=str(err).splitlines()[0],
                    hint="give the size that it takes, a smaller batch_size, or another device",
                ) from None


def open_torch(name: str, options: NetworkOptions) -> Network:
    """Find a network of PyTorch; see `networks.open_network`."""
    family, _, rest = name.partition(":")
    if not (family == "small" or rest):
        raise InputError(
            "network",
            expected="torchvision:NAME, timm:NAME, module:attribute or a file .onnx",
            found=repr(name),
            hint=suggest(name, ["small", "gabor", "pixels"]),
        )
    try:
        import torch
    except ImportError:
        raise needs("PyTorch", name) from None
    makers = {"small": _small, "torchvision": _torchvision, "timm": _timm}
    # The seed matters for what is not trained; the user's own generator is left as it is.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module, traits = makers.get(family, _imported)(rest or "small", name, options)
    try:
        module = module.to(options.device)
    except (RuntimeError, AssertionError) as err:
        raise InputError(
            "device",
            expected="a device of PyTorch that is there",
            found=f"{options.device!r}: {str(err).splitlines()[0]}",
            hint="give cpu, or cuda where there is a card",
        ) from None
    known = [layer for layer, _ in module.named_modules() if layer]
    network = TorchNetwork(name, known, default_layers(module), **traits)
    network.module, network.num_threads = module, options.num_threads
    return network


def _small(which: str, name: str, options: NetworkOptions) -> tuple[Any, dict]:
    if which not in SIZES or options.weights or options.untrained:
        raise InputError(
            "network",
            expected="one of our small networks, which have weights of their own",
            found=f"{name}, weights {options.weights or 'untrained'}"
            if which in SIZES
            else repr(name),
            hint=suggest(which, SIZES),
        )
    module = small_network(**SIZES[which])
    side = module.size
    return module, {"size": (side, side), "mean": (0.5,) * 3, "std": (0.5,) * 3}


def _torchvision(which: str, name: str, options: NetworkOptions) -> tuple[Any, dict]:
    try:
        from torchvision import models
    except ImportError:
        raise needs("torchvision", name) from None
    known = models.list_models(module=models)
    if which not in known:
        raise _unknown(name, which, known)
    module = models.get_model(which, weights=None)
    best = models.get_model_weights(which).DEFAULT
    traits = {"size": (224, 224), "mean": _IMAGENET_MEAN, "std": _IMAGENET_STD}
    recipe = best.transforms()
    for trait in ("mean", "std"):
        traits[trait] = tuple(getattr(recipe, trait, traits[trait]))
    side = (getattr(recipe, "crop_size", None) or [224])[0]
    traits["size"] = (side, side)
    if not options.untrained:
        _load(module, _weights_file(best.url, name, options), name)
    return module, traits


def _timm(which: str, name: str, options: NetworkOptions) -> tuple[Any, dict]:
    try:
        import timm
    except ImportError:
        raise needs("timm", name) from None
    if not timm.is_model(which):
        raise _unknown(name, which, timm.list_models())
    module = timm.create_model(which, pretrained=False)
    recipe = module.pretrained_cfg
    traits = {
        "size": tuple(recipe.get("input_size", (3, 224, 224))[1:]),
        "mean": tuple(recipe.get("mean", _IMAGENET_MEAN)),
        "std": tuple(recipe.get("std", _IMAGENET_STD)),
    }
    if options.untrained:
        return module, traits
    url = recipe.get("url")
    if not url and recipe.get("hf_hub_id"):
        url = f"https://huggingface.co/{recipe['hf_hub_id']}/resolve/main/model.safetensors"
    if not (url or options.weights):
        raise InputError(
            "weights",
            expected=f"weights of {name}",
            found="timm knows none",
            hint="give a file of weights, or untrained",
        )
    _load(module, _weights_file(url, name, options), name)
    return module, traits


def _imported(_: str, name: str, options: NetworkOptions) -> tuple[Any, dict]:
    from torch import nn

    place, _, attribute = name.partition(":")
    try:
        found: Any = importlib.import_module(place)
        for part in attribute.split("."):
            found = getattr(found, part)
        if not isinstance(found, nn.Module) and callable(found):
            found = found()
    except Exception as err:  # whatever the user's module raises
        raise InputError(
            "network",
            expected=f"{attribute} of the Python module {place}, which can be imported",
            found=f"{type(err).__name__}: {err}",
            hint="check the spelling, and that the module is installed or on PYTHONPATH",
        ) from None
    if not isinstance(found, nn.Module):
        raise InputError(
            "network",
            expected=f"{name} to be a torch.nn.Module, or a function that makes one",
            found=f"a {type(found).__name__}",
            hint="name the module's network",
        )
    if options.weights:
        _load(found, Path(options.weights), name)
    side = getattr(found, "size", None)
    return found, {"size": (side, side)} if isinstance(side, int) else {}


def _weights_file(url: str, name: str, options: NetworkOptions) -> Path:
    """Find the weights: what was given, or what lies in the user's cache."""
    import torch

    if options.weights:
        return Path(options.weights)
    file_name = Path(urlparse(url).path).name
    if file_name == "model.safetensors":  # the name of every such file
        file_name = name.replace(":", "-") + ".safetensors"
    path = Path(torch.hub.get_dir()) / "checkpoints" / file_name
    if path.is_file():
        return path
    if not options.download:
        raise InputError(
            "weights",
            expected=f"the weights of {name} at {path}",
            found="no such file",
            hint=f"put {url} there, give a file as weights, or allow the download (download=True)",
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        torch.hub.download_url_to_file(url, str(path), progress=False)
    except OSError as err:
        raise InputError(
            "weights",
            expected=f"{url} to be there",
            found=str(err),
            hint=f"fetch it with another machine and put it at {path}",
        ) from None
    return path


def _load(module: Any, path: Path, name: str) -> None:
    """Read weights into a network; every one must be there, and no other."""
    import torch

    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            state = load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
            state = state.get("state_dict", state)
        module.load_state_dict(state)
    except ImportError:
        raise needs("safetensors", path.name) from None
    except Exception as err:  # pickle, zip, header and key errors: all mean another file
        lines = [line.strip() for line in str(err).splitlines()]
        raise InputError(
            "weights",
            expected=f"a file with the weights of {name} (a state dict)",
            found=" ".join(lines[:2])[:300],
            hint="give the file that belongs to this network",
            file=str(path),
        ) from None


def _unknown(name: str, which: str, known: list[str]) -> InputError:
    meant = suggest(which, known).partition("known:")[0]
    package = name.partition(":")[0]
    return InputError(
        "network",
        expected=f"a network that {package} has",
        found=repr(which),
        hint=f"{meant}see {package}'s list_models(), {len(known)} names",
    )


@contextmanager
def _threads(n: int) -> Iterator[None]:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(n)
    try:
        yield
    finally:
        torch.set_num_threads(before)
