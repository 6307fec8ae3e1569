"""Training a network on images in a folder for each class."""

import logging
from typing import Any

import numpy as np
import pandas as pd
from nipype.interfaces.base import Directory, File, TraitedSpec, traits

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.network_training import NetworkTrainer, confusion_matrix
from fmriprod.interfaces.base import PythonInputSpec, PythonInterface, given_or_none
from fmriprod.interfaces.class_folders import ClassFolders
from fmriprod.interfaces.torch_devices import check_device, torch_threads
from fmriprod.interfaces.trainable_networks import read_weights
from fmriprod.interfaces.training_inputs import (
    fixed_settings,
    loaded_images,
    make_trainer,
    training_images,
)

_LOG = logging.getLogger("nipype.interface")
_UNFINISHED = "unfinished.pt"


class _NetworkTrainingInputSpec(PythonInputSpec):
    train_directory = Directory(
        exists=True,
        mandatory=True,
        desc="images in a folder for each class; known to the cache by its name only",
    )
    validation_directory = Directory(
        exists=True, desc="images of the same classes that are never trained on"
    )
    validation_share = traits.Float(
        desc="share of each class that is held back for validation instead; 0.2 unless a folder "
        "is given",
    )
    classes = traits.List(traits.Str, desc="order of the classes; by name unless given")
    network = traits.Str(
        "vgg16",
        usedefault=True,
        desc="vgg16 (13 convolutions, fc6 of 1024 units, one a class), small (three convolutions), "
        "or module:attribute, a function of the number of classes (LayerFeatures calls it without)",
    )
    weights = File(
        exists=True,
        desc="weights to start from: of torchvision's vgg16, or trained here; those of vgg16 in "
        "PyTorch's cache unless given",
    )
    preparation = traits.Enum(
        "caffe",
        "torchvision",
        usedefault=True,
        desc="how images of vgg16's weights were prepared: minus a mean (as published), or also "
        "divided by a standard deviation",
    )
    untrained = traits.Bool(False, usedefault=True, desc="start vgg16 from random weights")
    size = traits.Int(desc="side of images in pixels; 224 for vgg16, 32 for small")
    digit_classes = traits.List(
        traits.Str, desc="classes whose training images grow, move and turn (1-1.08, 8 %, 15 deg)"
    )
    object_classes = traits.List(
        traits.Str, desc="classes whose training images are cropped, mirrored and shift in colour"
    )
    n_digits = traits.Int(
        requires=["n_objects"], desc="digits in a batch (20 as published), with n_objects"
    )
    n_objects = traits.Int(
        requires=["n_digits"], desc="objects in a batch (12 as published), with n_digits"
    )
    batch_size = traits.Range(
        low=1, value=32, usedefault=True, desc="images in a batch, all classes as often"
    )
    colour_shift = traits.Enum(
        "published",
        "full",
        "none",
        usedefault=True,
        desc="colours of objects shift along their axes: by next to nothing (as published: for "
        "values from 0 to 1, added to 0 to 255), or as Krizhevsky et al. 2012 mean it",
    )
    n_epochs = traits.Range(low=1, value=56, usedefault=True, desc="epochs")
    learning_rate = traits.Range(
        low=0.0, value=1e-5, exclude_low=True, usedefault=True, desc="of Adam, at first"
    )
    decay = traits.Range(
        low=0.0, high=1.0, value=0.96, exclude_low=True, usedefault=True,
        desc="the learning rate is multiplied by it every decay_epochs",
    )  # fmt: skip
    decay_epochs = traits.Range(low=1, value=10, usedefault=True, desc="epochs of one rate")
    weight_decay = traits.Range(
        low=0.0, value=0.0, usedefault=True,
        desc="times half the sum of squared weights is added to the loss (0.0005 is declared in "
        "the published code, but never added)",
    )  # fmt: skip
    dropout = traits.Range(
        low=0.0, high=1.0, value=0.5, exclude_high=True, usedefault=True,
        desc="share of the units of the first full layer that is silenced in training",
    )  # fmt: skip
    seed = traits.Range(
        low=0, value=0, usedefault=True, desc="of weights, split, batches, changes and dropout"
    )
    resume_file = File(
        exists=True, desc="last_file of a training with the same inputs and fewer epochs"
    )
    device = traits.Str("cpu", usedefault=True, desc="device of PyTorch: cpu, cuda, cuda:1")
    memory_mb = traits.Range(
        low=1, value=2000, usedefault=True, nohash=True, desc="MB of images kept in memory"
    )
    simulated = traits.Bool(False, usedefault=True, desc="the images are simulated: this is said")


class _NetworkTrainingOutputSpec(TraitedSpec):
    last_file = File(exists=True, desc="weights, optimizer and history after the last epoch")
    best_file = File(
        exists=True, desc="weights of the first epoch with the highest validation accuracy"
    )
    history_file = File(
        exists=True,
        desc="TSV, a row an epoch: epoch learning_rate loss accuracy (in training, with dropout) "
        "validation_loss validation_accuracy",
    )
    confusion_file = File(
        exists=True,
        desc="TSV, a row a class: class n_images, and the share of them taken for each class "
        "after the last epoch",
    )
    split_file = File(exists=True, desc="TSV, a row an image: image class part")
    summary_file = File(
        exists=True, desc="JSON: classes, images, settings, accuracies, name for LayerFeatures"
    )
    figures = traits.List(File(exists=True), desc="PNG of the course of training and confusions")
    network = traits.Str(desc="network for LayerFeatures, with last_file or best_file as weights")
    classes = traits.List(traits.Str, desc="classes in the order of the network's answers")
    accuracy = traits.Float(desc="share of validation images told right after the last epoch")


class NetworkTraining(PythonInterface):
    """Train a network to tell classes of images, as published for digits and objects.

    Of each class as many images are drawn for an epoch as the smallest class has. After every
    epoch a checkpoint is written; training that was interrupted goes on from it when its node
    runs again, or from ``resume_file``, with the same result. Validation images are resized and
    not changed. On CUDA, two trainings with one seed may differ in the last digits.

    References: Lee, Jung, Lustig & Lee 2023, Hum Brain Mapp 44:2018; Krizhevsky, Sutskever &
    Hinton 2012 (colours); Kingma & Ba 2015 (Adam).

    Examples
    --------
    >>> NetworkTraining(network="small").inputs.decay
    0.96
    """

    input_spec = _NetworkTrainingInputSpec
    output_spec = _NetworkTrainingOutputSpec
    _libraries = ("numpy", "pillow", "torch")
    _can_resume = True

    def _process(self) -> None:
        values = self.inputs
        check_device(values.device, values.network)
        train, validation = training_images(values)
        trainer = make_trainer(values, train)
        loaded, shown = loaded_images(values, train, validation, trainer)
        settings = fixed_settings(values, train, validation)
        best = self._resumed(trainer, settings)
        taken = None
        with torch_threads(values.num_threads):
            while len(trainer.history) < values.n_epochs:
                taken = trainer.run_epoch(loaded, shown)
                row = trainer.history[-1]
                _LOG.info(
                    "epoch %d of %d: loss %.4f, validation accuracy %.4f",
                    row["epoch"], values.n_epochs, row["loss"], row["validation_accuracy"],
                )  # fmt: skip
                if best is None or row["validation_accuracy"] > best["validation_accuracy"]:
                    state = {k: v.cpu().clone() for k, v in trainer.network.state_dict().items()}
                    best = {"state_dict": state, "classes": train.classes, **row}
                checkpoint = {"settings": settings, "classes": train.classes, "best": best}
                self._save("last_file", _UNFINISHED, {**trainer.state(), **checkpoint})
            if taken is None:
                taken = trainer.logits(shown).argmax(axis=1)
        (self._folder / _UNFINISHED).unlink(missing_ok=True)
        checkpoint = {"settings": settings, "classes": train.classes, "best": best}
        self._save("last_file", "last.pt", {**trainer.state(), **checkpoint})
        self._save("best_file", "best.pt", best)
        self._report(train, validation, trainer, settings, taken)

    def _resumed(self, trainer: NetworkTrainer, settings: dict[str, Any]) -> dict | None:
        """Take up a training that was given or interrupted; give its best epoch."""
        given = given_or_none(self.inputs.resume_file)
        own = self._folder / _UNFINISHED
        if given is None and not own.is_file():
            return None
        found = read_weights(own if own.is_file() else given)
        changed = [k for k, v in settings.items() if found.get("settings", {}).get(k) != v]
        if changed and given is None:
            return None  # of another training
        n_done = len(found.get("history", []))
        if changed or n_done > self.inputs.n_epochs:
            what = f"another {changed[0]}" if changed else f"{n_done} epochs"
            raise _error(
                "resume_file", f"the same inputs, and at most {self.inputs.n_epochs} epochs",
                what, "give last_file of this training, or leave it out to start anew",
            )  # fmt: skip
        trainer.resume(found)
        return found["best"]

    def _save(self, field: str, name: str, content: dict) -> None:
        import torch

        # A stream, not a path: PyTorch writes the name of a path into the file.
        with self.writing(field, name) as path, path.open("wb") as stream:
            torch.save(content, stream)

    def _report(
        self,
        train: ClassFolders,
        validation: ClassFolders,
        trainer: NetworkTrainer,
        settings: dict[str, Any],
        taken: np.ndarray,
    ) -> None:
        """Write tables, figures and the summary."""
        values, classes = self.inputs, train.classes
        history = pd.DataFrame(trainer.history)
        self.save_table("history_file", "history.tsv", history)
        shares = confusion_matrix(validation.labels, taken, len(classes))
        counts = np.bincount(validation.labels, minlength=len(classes))
        table = pd.DataFrame(shares, columns=classes)
        table.insert(0, "class", classes)
        table.insert(1, "n_images", counts)
        self.save_table("confusion_file", "confusion.tsv", table)
        parts = [
            pd.DataFrame(
                {"image": part.names(), "class": np.array(classes)[part.labels], "part": name}
            )
            for name, part in (("train", train), ("validation", validation))
        ]
        self.save_table("split_file", "split.tsv", pd.concat(parts))
        ours = values.network in ("vgg16", "small")
        network = "fmriprod.algorithms.fine_tuned_networks:trained_network"
        network = network if ours else values.network
        accuracy = float((taken == validation.labels).mean())
        summary = {
            "classes": classes,
            "n_train": np.bincount(train.labels).tolist(),
            "n_validation": counts.tolist(),
            "settings": settings,
            "n_epochs": len(history),
            "accuracy": accuracy,
            "best_accuracy": float(history["validation_accuracy"].max()),
            "network": network,
        }
        self.save_json("summary_file", "training.json", summary)
        self.result("network", network)
        self.result("classes", classes)
        self.result("accuracy", accuracy)
        self._draw(history, shares, counts, classes)

    def _draw(
        self, history: pd.DataFrame, shares: np.ndarray, counts: np.ndarray, classes: list[str]
    ) -> None:
        from fmriprod.reports.confusion import confusion_figure
        from fmriprod.reports.training_curve import training_figure

        said = {"simulated": self.inputs.simulated}
        files = []
        with training_figure(history, chance=1 / len(classes), **said) as figure:
            self.save_figure("figures", "training.png", figure)
            files.append(self._results["figures"])
        with confusion_figure(shares, counts, classes, **said) as figure:
            self.save_figure("figures", "confusion.png", figure)
            files.append(self._results["figures"])
        self.result("figures", files)


def _error(subject: str, expected: str, found: str, hint: str) -> InputError:
    return InputError(subject, expected=expected, found=found, hint=hint)
