"""The description of a derivatives dataset, and how its files point to other datasets."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fmriprod import __version__
from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.atomic_files import save_json, save_text
from fmriprod.interfaces.bids_index import read_json
from fmriprod.interfaces.derivative_table import derivative_names

_BIDS_VERSION = "1.10.0"
_NAME = "fmriprod"


def write_dataset_description(
    folder: str | Path,
    *,
    raw_directory: str | Path | None = None,
    name: str = "fmriprod derivatives",
    links: Mapping[str, str | Path] | None = None,
) -> Path:
    """Make a folder a BIDS derivatives dataset; what is up to date is left alone.

    Writes ``dataset_description.json`` and a ``.bidsignore`` for the names that the
    specification does not have. Fields that a person added (``Authors``, ``License`` ...)
    are kept.

    Parameters
    ----------
    folder : path
        Root of the derivatives; made if it is not there.
    raw_directory : path, optional
        Root of the raw dataset, linked as ``raw`` (``DatasetLinks``), so that
        ``bids:raw:sub-01/...`` in a sidecar finds its file.
    name : str
        Name of the dataset, where the description has none yet.
    links : mapping of str to path, optional
        Roots of further datasets that results are made from, by the name that BIDS URIs give
        them.

    Returns
    -------
    pathlib.Path
        The ``dataset_description.json``.

    Raises
    ------
    InputError
        If the folder is a raw dataset or another program's derivatives, lies in the raw
        dataset elsewhere than below ``derivatives``, or holds participants' folders without
        a description.
    """
    present = check_derivatives_folder(folder, raw_directory)
    folder = Path(os.path.abspath(folder))
    file = folder / "dataset_description.json"
    content = {
        "Name": name,
        **present,
        "BIDSVersion": _BIDS_VERSION,
        "DatasetType": "derivative",
        "GeneratedBy": [{"Name": _NAME, "Version": __version__}],
    }
    roots = {**(links or {}), **({"raw": raw_directory} if raw_directory is not None else {})}
    if roots:
        places = {link: _link(folder, root) for link, root in roots.items()}
        content["DatasetLinks"] = {**present.get("DatasetLinks", {}), **places}
    save_json(content, file)
    _write_bidsignore(folder)
    return file


def bidsignore_patterns() -> list[str]:
    """Patterns of the files that the BIDS specification has no names for (yet).

    They are derivatives under the names that fMRIPrep, FitLins and Nilearn use; validators
    would take them for misspelt ones.
    """
    suffixes = derivative_names()["suffixes"]
    foreign = [suffix for suffix, rule in suffixes.items() if not rule["in_specification"]]
    # Masks that hold for all runs of a person; the specification wants a task in their names.
    shared = [f"{prefix}_mask.*" for prefix in ("sub-*_desc-brain", "sub-*_label-task_desc-region")]
    return ["*.html", "figures", "group", "logs", *shared, *(f"*_{suffix}.*" for suffix in foreign)]


def _write_bidsignore(folder: Path) -> None:
    """Add the patterns that a ``.bidsignore`` lacks; lines that a person added are kept."""
    file = folder / ".bidsignore"
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    missing = [pattern for pattern in bidsignore_patterns() if pattern not in lines]
    if missing:
        save_text("\n".join([*lines, *missing]) + "\n", file)


def check_derivatives_folder(
    folder: str | Path, raw_directory: str | Path | None = None
) -> dict[str, Any]:
    """Check that a folder may become, or is, a derivatives dataset of this package.

    Returns
    -------
    dict
        The description that it has; empty if there is none yet.

    Raises
    ------
    InputError
        As `write_dataset_description` does, but nothing is written.
    """
    folder = Path(os.path.abspath(folder))
    file = folder / "dataset_description.json"
    if raw_directory is not None:
        _check_outside_raw(folder, Path(os.path.abspath(raw_directory)))
    present = read_json(file) if file.is_file() else {}
    _check_own(folder, file, present)
    return present


def _link(folder: Path, raw_directory: str | Path) -> str:
    """Path of the raw dataset as seen from the derivatives, or a file URI when far away."""
    raw = Path(os.path.abspath(raw_directory))
    common = os.path.commonpath([folder, raw])
    return raw.as_uri() if common == os.sep else Path(os.path.relpath(raw, folder)).as_posix()


def _check_outside_raw(folder: Path, raw: Path) -> None:
    """Refuse to spoil the raw dataset; links are followed, since the files would be the same."""
    inside, root = folder.resolve(), raw.resolve()
    if inside == root:
        raise _folder_error(folder, "the raw dataset itself", f"give {raw / 'derivatives' / _NAME}")
    if inside.is_relative_to(root):
        first = inside.relative_to(root).parts[0]
        if first != "derivatives":
            hint = f"give a folder outside, or {raw / 'derivatives' / _NAME}"
            raise _folder_error(folder, f"a folder inside the raw dataset ({first}/)", hint)
        if len(inside.relative_to(root).parts) == 1:
            hint = f"give {raw / 'derivatives' / _NAME}"
            raise _folder_error(folder, "the folder that holds all derivatives", hint)


def _check_own(folder: Path, file: Path, present: dict[str, Any]) -> None:
    if not file.is_file():
        subjects = sorted(p.name for p in folder.glob("sub-*") if p.is_dir())
        if subjects:
            found = f"{', '.join(subjects[:3])} and no dataset_description.json"
            raise _folder_error(folder, found, "give an empty folder, or describe the dataset")
        return
    kind = present.get("DatasetType", "raw")
    if kind != "derivative":
        found = f"a dataset of DatasetType {kind!r} (raw is meant where the field is absent)"
        raise _folder_error(folder, found, "give another folder for the results")
    makers = present.get("GeneratedBy") or []
    names = [m.get("Name", "?") for m in makers if isinstance(m, dict)]
    if _NAME not in names:
        found = f"derivatives made by {', '.join(map(str, names)) or 'an unnamed program'}"
        raise _folder_error(folder, found, "give a folder of its own")


def _folder_error(folder: Path, found: str, hint: str) -> InputError:
    return InputError(
        "base_directory",
        expected=f"an empty folder or a derivatives dataset of {_NAME}",
        found=found,
        hint=hint,
        file=str(folder),
    )


def find_dataset_root(file: str | Path) -> str | None:
    """Find the dataset that a file lies in: the nearest folder above with a description.

    Where no folder has a ``dataset_description.json``, it is the one that holds ``sub-*``.
    """
    parents = Path(os.path.abspath(file)).parents
    for folder in parents:
        if (folder / "dataset_description.json").is_file():
            return str(folder)
    return next((str(p.parent) for p in reversed(parents) if p.name.startswith("sub-")), None)


def bids_uri(file: str, base_directory: str | Path, raw_directory: str | None) -> str:
    """Write a path as BIDS URI: ``bids::`` for derivatives, ``bids:raw:`` for the raw dataset.

    Raises
    ------
    InputError
        If the file lies in neither.
    """
    if file.startswith("bids:"):
        return file
    path = Path(os.path.abspath(file))
    base = Path(os.path.abspath(base_directory))
    for root, prefix in ((base, "bids::"), (raw_directory, "bids:raw:")):
        if root and path.is_relative_to(os.path.abspath(root)):
            return prefix + path.relative_to(os.path.abspath(root)).as_posix()
    raise InputError(
        "sources",
        expected=f"files below {base} or below the raw dataset ({raw_directory or 'unknown'})",
        found=str(path),
        hint="name the saved file instead of the one in the working folder, or give raw_directory",
    )


def is_simulated(folder: str | Path) -> bool:
    """Tell whether a dataset says of itself that it is simulated.

    Parameters
    ----------
    folder : path
        Root of the dataset.

    Returns
    -------
    bool
        Whether name or maker of its ``dataset_description.json`` speak of a simulation.
    """
    description = Path(folder, "dataset_description.json")
    content = read_json(description) if description.is_file() else {}
    return "simulat" in f"{content.get('Name', '')} {content.get('GeneratedBy', '')}".lower()
