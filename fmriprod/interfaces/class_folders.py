"""Images in a folder for each class."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fmriprod.algorithms.checks import InputError, suggest
from fmriprod.interfaces.stimulus_files import IMAGE_ENDINGS, read_image, resize


@dataclass(frozen=True)
class ClassFolders:
    """Files of images and their classes.

    Attributes
    ----------
    classes : list of str
        Names, in the order of their numbers.
    paths : list of str
        Files, class by class, sorted.
    labels : ndarray of int64, shape (n_images,)
        Number of each file's class.
    """

    classes: list[str]
    paths: list[str]
    labels: np.ndarray

    def chosen(self, rows: np.ndarray) -> "ClassFolders":
        """Give some of the images."""
        return ClassFolders(self.classes, [self.paths[k] for k in rows], self.labels[rows])

    def names(self) -> list[str]:
        """Name images by class and file, with slashes."""
        return [f"{Path(path).parent.name}/{Path(path).name}" for path in self.paths]


def read_class_folders(
    directory: str | Path, classes: Sequence[str] | None = None, subject: str = "train_directory"
) -> ClassFolders:
    """List the images of a folder that holds a folder for each class.

    Parameters
    ----------
    directory : path
        ``<class>/<image>``; files of other kinds, and those that begin with a dot, are left out.
    classes : sequence of str, optional
        Their order; sorted by name unless given.
    subject : str
        What the folder is, for errors.

    Raises
    ------
    InputError
        If there are fewer than two classes, others than the given ones, or one without images.
    """
    directory = Path(directory)
    visible = (p for p in sorted(directory.iterdir()) if not p.name.startswith("."))
    folders = {path.name: path for path in visible if path.is_dir()}
    if len(folders) < 2:
        raise InputError(
            subject, expected="a folder for each of at least two classes, with their images in it",
            found=f"{len(folders)}: {', '.join(folders) or 'no folder'}",
            hint="sort images into <class>/<image>", file=str(directory),
        )  # fmt: skip
    classes = list(classes or folders)
    if sorted(classes) != sorted(folders):
        strange = sorted(set(classes) ^ set(folders))
        where = "in no folder" if strange[0] in classes else "a folder only"
        raise InputError(
            subject, expected=f"a folder for each of {', '.join(classes)}, and no other",
            found=f"{', '.join(map(repr, strange))}: {where}",
            hint=suggest(strange[0], folders if strange[0] in classes else classes),
            file=str(directory),
        )  # fmt: skip
    paths: list[str] = []
    labels: list[int] = []
    for number, name in enumerate(classes):
        found = sorted(
            str(p) for p in folders[name].iterdir()
            if p.suffix.lower() in IMAGE_ENDINGS and not p.name.startswith(".")
        )  # fmt: skip
        if not found:
            raise InputError(
                subject, expected=f"images of class {name!r}", found="an empty folder",
                hint="put images there, or remove the folder", file=str(folders[name]),
            )  # fmt: skip
        paths += found
        labels += [number] * len(found)
    return ClassFolders(classes, paths, np.array(labels, dtype=np.int64))


class ImageCache:
    """Images as squares of a side, kept in memory while there is room; others are read again.

    Parameters
    ----------
    paths : sequence of str
        Files.
    sides : ndarray of int, shape (n_images,)
        Side in pixels that each is resized to and kept with.
    most_bytes : float
        Of all that is kept: 3 bytes a pixel.

    Raises
    ------
    InputError
        If one cannot be read; all are read once, so that this is known before training starts.
    """

    def __init__(self, paths: Sequence[str], sides: np.ndarray, most_bytes: float) -> None:
        self._paths = list(paths)
        self._kept: dict[int, np.ndarray] = {}
        self._room = most_bytes
        for row, side in enumerate(sides):
            self._keep(row, self._read(row, int(side)))

    def __call__(self, rows: np.ndarray, side: int) -> np.ndarray:
        """Give images as float32 ``(n, 3, side, side)`` from 0 to 1."""
        out = np.empty((len(rows), 3, side, side), dtype=np.float32)
        for image, row in zip(out, rows, strict=True):
            kept = self._kept.get(int(row))
            image[:] = self._read(row, side) if kept is None or kept.shape[1] != side else kept
        out /= 255
        return out

    def _read(self, row: int, side: int) -> np.ndarray:
        image = resize(read_image(self._paths[row])[None], (side, side))[0]
        return np.rint(255 * image).astype(np.uint8)  # the same whether it is kept or not

    def _keep(self, row: int, image: np.ndarray) -> None:
        if image.nbytes <= self._room:
            self._kept[row] = image
            self._room -= image.nbytes
