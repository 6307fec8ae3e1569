"""One level of a BIDS dataset: the files of a folder by what they are."""

import os
from collections import defaultdict
from collections.abc import Mapping

from fmriprod.algorithms.bids_names import BidsName, build_name, parse_name
from fmriprod.algorithms.checks import InputError

IMAGES = (".nii.gz", ".nii")
_NOT_BIDS_NAMES = frozenset({"dataset_description.json", "genetic_info.json"})
_FOLDERS = ("sub-", "ses-", "anat", "func")
_GENERAL = frozenset({"bold.json", "events.tsv", "events.json", "T1w.json"})  # for all files


class Listing:
    """Files of a folder by suffix, and the folders in it.

    Parameters
    ----------
    folder : str
        The folder.
    place : mapping of str to str
        Entities that the folders say (``sub``, ``ses``); names must agree.
    """

    def __init__(self, folder: str, place: Mapping[str, str]) -> None:
        self._place = place
        self.folders: list[os.DirEntry] = []
        self.data: dict[str, list[tuple[BidsName, str]]] = defaultdict(list)
        self.sidecars: dict[tuple[str, str], list[tuple[BidsName, str]]] = defaultdict(list)
        self.broken: list[str] = []
        self.ignored: list[InputError] = []
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except PermissionError:
            error = dataset_error(folder, "a folder that may not be read", "ask for permission")
            self.ignored.append(error)
            return
        for entry in entries:
            if entry.name.startswith(".") or entry.name in _NOT_BIDS_NAMES:
                continue
            if entry.is_dir():
                self.folders.append(entry)
                if entry.name.endswith((*IMAGES, ".json", ".tsv")):
                    self.ignored.append(_no_file(entry))
            elif "." not in entry.name and entry.name.startswith(_FOLDERS) and is_broken(entry):
                self.broken.append(entry.path)
            elif entry.name in _GENERAL or (
                "_" in entry.name and entry.name.endswith((*IMAGES, ".json", ".tsv"))
            ):
                self._add(entry)

    def _add(self, entry: os.DirEntry) -> None:
        try:
            name = parse_name(entry.name)
            _check_place(name, self._place)
        except InputError as err:
            err.file = entry.path
            self.ignored.append(err)
            return
        if is_broken(entry):
            self.broken.append(entry.path)
        if name.extension in IMAGES:
            self.data[name.suffix].append((name, entry.path))
        else:
            self.sidecars[name.suffix, name.extension].append((name, entry.path))


def _no_file(entry: os.DirEntry) -> InputError:
    return InputError(
        "file name",
        expected="a file",
        found="a folder with the name of a file",
        hint="move the file out of it (archives are often unpacked so)",
        file=entry.path,
    )


def _check_place(name: BidsName, place: Mapping[str, str]) -> None:
    """Refuse a file that lies in another participant's or session's folder, or has no task."""
    for key, label in place.items():
        if name.get(key) not in (None, label):
            raise InputError(
                key,
                expected=f"{key}-{label}, as the folder says",
                found=f"{key}-{name.get(key)} in the file name",
                hint="move or rename the file",
            )
    if name.suffix == "bold" and name.extension in IMAGES and name.get("task") is None:
        named = build_name({**dict(name.entities), "task": "rest"}, "bold", name.extension)
        raise InputError(
            "task",
            expected="task-<label> in the name of a BOLD series",
            found="no task",
            hint=f"rename it, such as {named}",
        )


def is_broken(entry: os.DirEntry) -> bool:
    """Tell whether an entry is a symbolic link to something that is not there."""
    return entry.is_symlink() and not os.path.exists(entry.path)


def applying(level: Listing, suffix: str, extension: str, name: BidsName) -> list[str]:
    """Sidecars of a level that apply by the inheritance principle, most general first."""
    found = [pair for pair in level.sidecars[suffix, extension] if pair[0].applies_to(name)]
    return [path for _, path in sorted(found, key=lambda pair: (len(pair[0].entities), pair[1]))]


def dataset_error(folder: str, found: str, hint: str) -> InputError:
    """Error about a folder of the dataset."""
    return InputError(
        "dataset", expected="a BIDS dataset with sub-* folders", found=found, hint=hint, file=folder
    )
