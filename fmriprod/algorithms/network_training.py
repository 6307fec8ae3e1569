"""Training a network to tell classes of images: balanced batches, Adam, staircase learning rate."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from fmriprod.algorithms.augment import (
    colour_shifts,
    digit_views,
    object_side,
    object_views,
    warp,
)
from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.class_batches import Mix, epoch_batches

if TYPE_CHECKING:
    import torch

Load = Callable[[np.ndarray, int], np.ndarray]


@dataclass(frozen=True)
class ClassImages:
    """Images of classes, read when they are needed.

    Attributes
    ----------
    labels : ndarray of int64, shape (n_images,)
        Class of each.
    load : callable
        Takes rows and a side in pixels, gives float32 ``(n, 3, side, side)`` from 0 to 1.
    """

    labels: np.ndarray
    load: Load


@dataclass(frozen=True)
class Augmentation:
    """How training images are changed.

    Attributes
    ----------
    kinds : sequence of {'digits', 'objects', 'none'}
        One a class.
    colour_axes : ndarray, shape (3, 3), optional
        Of `augment.colour_axes`; colours of objects are shifted along them.
    published : bool
        As `augment.colour_shifts` takes it.
    """

    kinds: Sequence[str]
    colour_axes: np.ndarray | None = None
    published: bool = True

    def batch(
        self, images: ClassImages, rows: np.ndarray, size: int, random: np.random.Generator
    ) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray | None]]:
        """Draw changes of a batch: for each kind places in the batch, images, views, colours."""
        kinds = np.array(self.kinds)[images.labels[rows]]
        for kind in dict.fromkeys(kinds.tolist()):
            places = np.flatnonzero(kinds == kind)
            n, colours = len(places), None
            views = np.broadcast_to(np.eye(2, 3, dtype=np.float32), (n, 2, 3))
            if kind == "digits":
                views = digit_views(n, random)
            elif kind == "objects":
                views = object_views(n, size, random)
                if self.colour_axes is not None:
                    axes = self.colour_axes
                    colours = colour_shifts(n, axes, random, published=self.published)
            side = object_side(size) if kind == "objects" else size
            yield places, images.load(rows[places], side), views, colours


@dataclass(frozen=True)
class TrainingSettings:
    """How a network is trained.

    Attributes
    ----------
    mix : sequence of (classes, count)
        Groups of classes in a batch, as `class_batches.epoch_batches` takes them.
    learning_rate : float
        Of Adam, at first.
    decay : float
        The learning rate is multiplied by it every ``decay_epochs``, all at once.
    decay_epochs : int
        Epochs of one learning rate.
    weight_decay : float
        Times half the sum of squared weights is added to the loss. The published code declares
        0.0005 but never adds it.
    seed : int
        Of batches, changes of images and dropout.
    """

    mix: Mix
    learning_rate: float = 1e-5
    decay: float = 0.96
    decay_epochs: int = 10
    weight_decay: float = 0.0
    seed: int = 0

    def rate(self, epoch: int) -> float:
        """Give the learning rate of an epoch, from 0 on."""
        return self.learning_rate * self.decay ** (epoch // self.decay_epochs)


class NetworkTrainer:
    """Trains a network one epoch after another.

    Every epoch draws from a generator of its own, made from the seed and the epoch's number, so
    that training that is taken up again goes on as if it had not stopped.

    Parameters
    ----------
    network : torch.nn.Module
        Takes ``(n, 3, size, size)`` from 0 to 1 and gives ``(n, n_classes)``; changed in place.
        ``size`` is an attribute of it.
    settings : TrainingSettings
    augmentation : Augmentation
    device : str
        Of PyTorch.

    Attributes
    ----------
    history : list of dict
        One an epoch: ``epoch`` from 1 on, ``learning_rate``, ``loss`` and ``accuracy`` (means
        over the training batches, with dropout), ``validation_loss``, ``validation_accuracy``.
    """

    def __init__(
        self,
        network: "torch.nn.Module",
        settings: TrainingSettings,
        augmentation: Augmentation,
        device: str = "cpu",
    ) -> None:
        import torch

        self.network, self.settings, self.augmentation = network, settings, augmentation
        self.history: list[dict[str, float]] = []
        self._device = torch.device(device)
        self.network.to(self._device).requires_grad_(True)
        self._optimizer = torch.optim.Adam(
            network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
        )

    def state(self) -> dict[str, Any]:
        """Give what training can go on from: weights, optimizer and history."""
        return {
            "state_dict": self.network.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "history": self.history,
        }

    def resume(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        self.network.load_state_dict(state["state_dict"])
        self._optimizer.load_state_dict(state["optimizer"])
        self.history = list(state["history"])

    def run_epoch(self, train: ClassImages, validation: ClassImages) -> np.ndarray:
        """Train for an epoch, validate, and add a row to the history.

        Returns
        -------
        ndarray of int, shape (n_validation,)
            Class that each validation image is taken for.

        Raises
        ------
        InputError
            If the loss is not finite.
        """
        epoch = len(self.history)
        loss, accuracy = self._train(train, epoch)
        if not np.isfinite(loss):
            raise InputError(
                "learning_rate", expected="a loss that stays finite",
                found=f"a mean loss of {loss} in epoch {epoch + 1}",
                hint=f"give a smaller learning rate than {self.settings.rate(epoch):g}",
            )  # fmt: skip
        logits = self.logits(validation)
        taken = logits.argmax(axis=1)
        self.history.append(
            {
                "epoch": epoch + 1,
                "learning_rate": self.settings.rate(epoch),
                "loss": loss,
                "accuracy": accuracy,
                "validation_loss": cross_entropy(logits, validation.labels),
                "validation_accuracy": float((taken == validation.labels).mean()),
            }
        )
        return taken

    def _train(self, train: ClassImages, epoch: int) -> tuple[float, float]:
        import torch
        from torch.nn import functional

        random = np.random.default_rng([self.settings.seed, epoch])
        batches = epoch_batches(train.labels, self.settings.mix, random)
        for group in self._optimizer.param_groups:
            group["lr"] = self.settings.rate(epoch)
        loss_sum: Any = 0.0
        right: Any = 0.0
        self.network.train()
        devices = [self._device] if self._device.type == "cuda" else []
        with torch.random.fork_rng(devices=devices), torch.enable_grad():
            torch.manual_seed(int(random.integers(2**62)))
            for rows in batches:
                images = self._changed(train, rows, random)
                labels = torch.from_numpy(train.labels[rows]).to(self._device)
                logits = self.network(images)
                loss = functional.cross_entropy(logits, labels)
                self._optimizer.zero_grad(set_to_none=True)
                loss.backward()  # type: ignore[no-untyped-call]  # of PyTorch
                self._optimizer.step()
                loss_sum = loss_sum + loss.detach() * len(rows)  # no waiting for the device
                right = right + (logits.detach().argmax(1) == labels).sum()
        n = sum(map(len, batches))
        self.network.eval()
        return float(loss_sum) / n, float(right) / n

    def _changed(
        self, train: ClassImages, rows: np.ndarray, random: np.random.Generator
    ) -> "torch.Tensor":
        """Load a batch and change its images at random."""
        import torch

        size = int(cast(int, self.network.size))
        out = torch.empty((len(rows), 3, size, size), device=self._device)
        for places, images, views, colours in self.augmentation.batch(train, rows, size, random):
            changed = warp(torch.from_numpy(images).to(self._device), views, size)
            if colours is not None:
                changed = changed + torch.from_numpy(colours).to(self._device)[:, :, None, None]
            out[torch.from_numpy(places).to(self._device)] = changed
        return out

    def logits(self, images: ClassImages, batch_size: int = 64) -> np.ndarray:
        """Show images as they are: float32 (n_images, n_classes)."""
        import torch

        self.network.eval()
        out = []
        with torch.inference_mode():
            for start in range(0, len(images.labels), batch_size):
                rows = np.arange(start, min(start + batch_size, len(images.labels)))
                block = torch.from_numpy(images.load(rows, int(cast(int, self.network.size))))
                out.append(self.network(block.to(self._device)).cpu().numpy())
        return np.concatenate(out)


def cross_entropy(logits: np.ndarray, labels: np.ndarray) -> float:
    """Give the mean negative log probability of the right classes, in nats."""
    logits = logits.astype(np.float64)
    top = logits.max(axis=1, keepdims=True)
    total = top[:, 0] + np.log(np.exp(logits - top).sum(axis=1))
    return float((total - logits[np.arange(len(labels)), labels]).mean())


def confusion_matrix(labels: np.ndarray, taken: np.ndarray, n_classes: int) -> np.ndarray:
    """Count which class images of each class are taken for, as shares of their own class.

    Returns
    -------
    ndarray of float64, shape (n_classes, n_classes)
        Rows: own class, each adding up to 1.
    """
    counts = np.bincount(labels * n_classes + taken, minlength=n_classes**2)
    counts = counts.reshape(n_classes, n_classes)
    return counts / counts.sum(axis=1, keepdims=True)
