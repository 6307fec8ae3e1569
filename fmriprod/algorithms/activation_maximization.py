"""Images that a unit of a network answers to most: gradient steps, blurred and kept in range."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.ndimage import gaussian_filter1d

from fmriprod.algorithms.checks import InputError, suggest

if TYPE_CHECKING:
    import torch

Objective = Callable[["torch.Tensor"], "torch.Tensor"]
SCHEDULES = ("published", "interpolated")
_START = (200.0, 8.0)  # mean and standard deviation of the first image, 0 to 255


@dataclass(frozen=True)
class Stage:
    """A number of iterations over which blur and step change.

    Attributes
    ----------
    n_iterations : int
        Iterations.
    sigma : tuple of float, length 2
        Start and end of the standard deviation of the blur, in pixels.
    step : tuple of float, length 2
        Start and end of the mean change of a pixel, of 0 to 255.
    """

    n_iterations: int
    sigma: tuple[float, float]
    step: tuple[float, float]


STAGES = {
    "classes": (
        Stage(200, (2.5, 1.1), (3.0, 2.5)),
        Stage(100, (1.1, 0.858), (2.5, 2.0)),
        Stage(100, (0.858, 0.78), (2.0, 1.5)),
        Stage(50, (0.858, 0.40), (1.5, 0.375)),
        Stage(25, (0.4, 0.1), (0.375, 0.125)),
    ),
    "filters": (Stage(200, (0.78, 0.624), (3.0, 3.0)),),
    "filters_long": (
        Stage(500, (2.5, 0.78), (2.0, 2.0)),
        Stage(500, (1.25, 0.39), (1.0, 1.0)),
    ),
}
"""Stages of Lee et al. 2023, for classes and for filters."""


def scheduled(start: float, end: float, n: int, schedule: str = "published") -> np.ndarray:
    """Give the value of every iteration of a stage.

    Parameters
    ----------
    start, end : float
        As a `Stage` names them.
    n : int
        Iterations.
    schedule : {'published', 'interpolated'}
        ``published``: ``start + end - start * i / n``, as the published code computes it, which
        begins at start + end. ``interpolated``: ``start + (end - start) * i / n``, as it is
        usually done.

    Returns
    -------
    ndarray of float64, shape (n,)

    Examples
    --------
    >>> scheduled(4.0, 2.0, 4).tolist(), scheduled(4.0, 2.0, 4, "interpolated").tolist()
    ([6.0, 5.0, 4.0, 3.0], [4.0, 3.5, 3.0, 2.5])
    """
    part = np.arange(n) / n
    if schedule == "published":
        return start + end - start * part
    return start + (end - start) * part


def first_images(n: int, size: tuple[int, int], seed: int = 0) -> np.ndarray:
    """Draw grey noise to start from: normal, mean 200, standard deviation 8 (of 0 to 255).

    Returns
    -------
    ndarray of float32, shape (n, 3, height, width)
    """
    random = np.random.default_rng(seed)
    return random.normal(*_START, (n, 3, *size)).astype(np.float32)


def maximize(
    objective: Objective,
    images: np.ndarray,
    stages: Sequence[Stage],
    *,
    schedule: str = "published",
    device: str = "cpu",
) -> tuple[np.ndarray, np.ndarray]:
    """Change images until what they are shown to answers more.

    In each iteration an image takes a step along its gradient, whose mean size over pixels and
    colours is the step; is clipped to 0 to 255; and is blurred, colour by colour. A stage starts
    from the images of the stage before, clipped and rounded to integers.

    Parameters
    ----------
    objective : callable
        Takes a tensor ``(n, 3, height, width)`` of values from 0 to 255, gives ``(n,)``; the
        value of an image must depend on that image only.
    images : ndarray, shape (n, 3, height, width)
        First images.
    stages : sequence of Stage
        In their order.
    schedule : {'published', 'interpolated'}
        As `scheduled` takes it.
    device : str
        Of PyTorch.

    Returns
    -------
    images : ndarray of uint8, shape (n, 3, height, width)
        Last images, clipped and rounded.
    n_still : ndarray of int, shape (n,)
        Iterations in which an image had no gradient, as of a unit that is silent; it was only
        blurred.

    References
    ----------
    Erhan, Bengio, Courville & Vincent 2009, Univ. Montreal TR 1341; Lee, Jung, Lustig & Lee 2023,
    Hum Brain Mapp 44:2018. The published code clips to bounds whose red and blue are exchanged;
    here they are those of images.
    """
    import torch

    x = torch.from_numpy(np.ascontiguousarray(images, dtype=np.float32)).to(device)
    n_still = torch.zeros(len(x), dtype=torch.long, device=x.device)
    for number, stage in enumerate(stages):
        x = x.clamp(0, 255).round() if number else x
        n = stage.n_iterations
        sigmas, steps = (scheduled(*ends, n, schedule) for ends in (stage.sigma, stage.step))
        for sigma, step in zip(sigmas, steps, strict=True):
            gradient = _gradient(objective, x)
            size = gradient.abs().mean(dim=(1, 2, 3), keepdim=True)
            n_still += (size == 0).flatten()
            x = x + torch.where(size > 0, step / size, 0.0) * gradient
            x = _blurred(x.clamp(0, 255), float(sigma))
    rounded = x.clamp(0, 255).round().to("cpu", torch.uint8).numpy()
    return rounded, n_still.cpu().numpy()


def unit_objective(
    network: "torch.nn.Module",
    layer: str | None,
    units: Sequence[int],
    mean: Sequence[float] = (0.0, 0.0, 0.0),
    std: Sequence[float] = (1.0, 1.0, 1.0),
) -> Objective:
    """Give what measures the answer of one unit to each image: the mean over its map.

    Parameters
    ----------
    network : torch.nn.Module
        In evaluation mode; takes images from 0 to 1 minus ``mean``, divided by ``std``.
    layer : str, optional
        Name as in ``network.named_modules()``; what the network gives in the end unless given.
        What comes after the layer is not computed.
    units : sequence of int
        Channel for each image.
    mean, std : sequence of float, length 3
        Of red, green and blue.

    Raises
    ------
    InputError
        If there is no such layer; and when called, if there is no such unit.
    """
    import torch

    modules = dict(network.named_modules())
    if (layer or "") not in modules:
        raise InputError(
            "layers", expected="names of the network's layers", found=repr(layer),
            hint=suggest(str(layer), [name for name in modules if name]),
        )  # fmt: skip
    module = modules[layer or ""]
    middle, spread = (torch.tensor(list(v), dtype=torch.float32) for v in (mean, std))

    def objective(images: "torch.Tensor") -> "torch.Tensor":
        to = images.device
        scaled = (images / 255 - middle.to(to)[:, None, None]) / spread.to(to)[:, None, None]
        answers = _answers(network, module, scaled)
        if max(units) >= answers.shape[1]:
            raise InputError(
                "units", expected=f"units from 0 to {answers.shape[1] - 1} of "
                f"{layer or 'the last layer'}", found=f"{max(units)}", hint="leave it out",
            )  # fmt: skip
        chosen = answers[torch.arange(len(images), device=to), torch.tensor(units, device=to)]
        return chosen.reshape(len(images), -1).mean(dim=1)

    return objective


class _ReachedError(Exception):
    """The layer has answered: nothing after it is needed."""


def _answers(network: Any, module: Any, images: Any) -> Any:
    found = []

    def keep(_module: Any, _inputs: Any, output: Any) -> None:
        found.append(output)
        raise _ReachedError

    handle = module.register_forward_hook(keep)
    try:
        network(images)
    except _ReachedError:
        return found[0]
    finally:
        handle.remove()
    raise InputError(
        "layers", expected="a layer that runs", found="it did not run", hint="leave it out"
    )


def _gradient(objective: Objective, images: Any) -> Any:
    import torch

    with torch.enable_grad():
        leaf = images.detach().requires_grad_(True)
        return torch.autograd.grad(objective(leaf).sum(), leaf)[0]


def _blurred(images: Any, sigma: float) -> Any:
    """Blur as `scipy.ndimage.gaussian_filter` does: one product a direction, borders and all."""
    import torch

    if sigma <= 0:
        return images
    sides = {side: np.eye(side) for side in images.shape[2:]}
    rows, columns = (
        torch.from_numpy(gaussian_filter1d(sides[side], sigma, axis=0).astype(np.float32))
        for side in images.shape[2:]
    )
    return rows.to(images.device) @ images @ columns.T.to(images.device)
