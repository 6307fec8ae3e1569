"""What a training starts from: images of classes, a network, and how both are used."""

import hashlib
import json
import os
from typing import Any

import numpy as np
from nipype.interfaces.base import isdefined

from fmriprod.algorithms.augment import colour_axes, object_side
from fmriprod.algorithms.checks import InputError, suggest
from fmriprod.algorithms.class_batches import Mix, split_validation
from fmriprod.algorithms.network_training import (
    Augmentation,
    ClassImages,
    NetworkTrainer,
    TrainingSettings,
)
from fmriprod.interfaces.base import given_or_none
from fmriprod.interfaces.class_folders import ClassFolders, ImageCache, read_class_folders
from fmriprod.interfaces.trainable_networks import open_trainable

_COLOUR_IMAGES = 500  # from which the axes of colours are estimated


def training_images(values: Any) -> tuple[ClassFolders, ClassFolders]:
    """List training and validation images.

    Raises
    ------
    InputError
        If classes differ or are empty, an image is in both, or a class has too few to split.
    """
    given = given_or_none(values.classes)
    train = read_class_folders(values.train_directory, given)
    if isdefined(values.validation_directory):
        if isdefined(values.validation_share):
            raise _error(
                "validation_share", "a folder of validation images, or a share", "both",
                "leave one of them out",
            )  # fmt: skip
        held = read_class_folders(
            values.validation_directory, train.classes, "validation_directory"
        )
        both = {os.path.realpath(p) for p in train.paths} & {
            os.path.realpath(p) for p in held.paths
        }
        if both:
            raise _error(
                "validation_directory", "images that are not trained on",
                f"{len(both)} that are in both folders, such as {min(both)}",
                "move them, or give a validation_share instead",
            )  # fmt: skip
        return train, held
    counts = np.bincount(train.labels)
    if counts.min() < 2:
        raise _error(
            "train_directory", "at least two images of each class, one to hold back",
            f"one image of {train.classes[int(counts.argmin())]!r}",
            "add images, or give a validation_directory",
        )  # fmt: skip
    share = values.validation_share if isdefined(values.validation_share) else 0.2
    if not 0 < share < 1:
        raise _error(
            "validation_share", "a share above 0 and below 1", f"{share:g}", "give 0.2, say"
        )
    random = np.random.default_rng([values.seed, len(train.labels)])
    rows, held_rows = split_validation(train.labels, share, random)
    return train.chosen(rows), train.chosen(held_rows)


def make_trainer(values: Any, train: ClassFolders) -> NetworkTrainer:
    """Build the network and what trains it.

    Raises
    ------
    InputError
        If there is no such network, its weights do not fit, or classes are named wrongly.
    """
    import torch

    kinds = _kinds(values, train.classes)
    settings = TrainingSettings(
        _mix(values, kinds), values.learning_rate, values.decay, values.decay_epochs,
        values.weight_decay, values.seed,
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(values.seed)
        network = open_trainable(
            values.network, len(train.classes), given_or_none(values.size), values.dropout,
            given_or_none(values.weights), values.preparation, values.untrained,
        )  # fmt: skip
    published = values.colour_shift != "full"
    axes = None
    if "objects" in kinds and values.colour_shift != "none":
        axes = _colours(values, train, kinds)
    return NetworkTrainer(network, settings, Augmentation(kinds, axes, published), values.device)


def _kinds(values: Any, classes: list[str]) -> list[str]:
    """Tell for each class how its images are changed."""
    kind = dict.fromkeys(classes, "none")
    for trait, name in (("digit_classes", "digits"), ("object_classes", "objects")):
        for chosen in given_or_none(getattr(values, trait)) or []:
            if kind.get(chosen) != "none":
                found = f"{chosen!r} in both lists" if chosen in kind else repr(chosen)
                raise _error(trait, "classes, each in one list", found, suggest(chosen, classes))
            kind[chosen] = name
    return list(kind.values())


def _mix(values: Any, kinds: list[str]) -> Mix:
    """Tell how many images of which classes a batch has."""
    if not isdefined(values.n_digits):
        return [(range(len(kinds)), values.batch_size)]
    for name in ("n_digits", "n_objects"):
        if not getattr(values, name) > 0:
            raise _error(name, "at least 1 image", f"{getattr(values, name)}", "give a number")
    groups = {k: [i for i, kind in enumerate(kinds) if kind == k] for k in set(kinds)}
    if set(groups) != {"digits", "objects"}:
        found = "no class" if "none" not in groups else f"{len(groups['none'])} in neither"
        raise _error(
            "n_digits", "every class in digit_classes or object_classes, and some in each",
            found, "name them, or leave n_digits and n_objects out",
        )  # fmt: skip
    return [(groups["digits"], values.n_digits), (groups["objects"], values.n_objects)]


def _colours(values: Any, train: ClassFolders, kinds: list[str]) -> np.ndarray:
    """Find the axes of colours in some of the objects."""
    rows = np.flatnonzero(np.array(kinds)[train.labels] == "objects")
    random = np.random.default_rng([values.seed, 1])
    rows = random.permutation(rows)[:_COLOUR_IMAGES]
    some = train.chosen(rows)
    side = 64  # axes of colours need no detail
    cache = ImageCache(some.paths, np.full(len(rows), side), 1e9)
    return colour_axes(cache(np.arange(len(rows)), side))


def loaded_images(
    values: Any, train: ClassFolders, validation: ClassFolders, trainer: NetworkTrainer
) -> tuple[ClassImages, ClassImages]:
    """Read all images once, and keep those that fit into memory.

    Raises
    ------
    InputError
        If one cannot be read.
    """
    size = int(trainer.network.size)
    kinds = np.array(trainer.augmentation.kinds)[train.labels]
    sides = np.where(kinds == "objects", object_side(size), size)
    room = values.memory_mb * 1e6
    part = len(train.labels) / (len(train.labels) + len(validation.labels))
    shown = ImageCache(validation.paths, np.full(len(validation.paths), size), (1 - part) * room)
    loaded = ImageCache(train.paths, sides, part * room)
    return ClassImages(train.labels, loaded), ClassImages(validation.labels, shown)


def fixed_settings(values: Any, train: ClassFolders, validation: ClassFolders) -> dict[str, Any]:
    """List what must be the same when training goes on."""
    names = (
        "network", "preparation", "untrained", "digit_classes", "object_classes", "n_digits",
        "n_objects", "batch_size", "colour_shift", "learning_rate", "decay", "decay_epochs",
        "weight_decay", "dropout", "seed", "size",
    )  # fmt: skip
    chosen = {name: given_or_none(getattr(values, name)) for name in names}
    chosen = {k: list(v) if isinstance(v, list) else v for k, v in chosen.items()}
    for name, part in (("training", train), ("validation", validation)):
        text = json.dumps([part.classes, part.names()])
        chosen[f"list of {name} images"] = hashlib.sha256(text.encode()).hexdigest()
    return chosen


def _error(subject: str, expected: str, found: str, hint: str) -> InputError:
    return InputError(subject, expected=expected, found=found, hint=hint)
