"""Write the folder of a study; what a person edited stays as it is."""

import json
import os
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fmriprod.algorithms.checks import InputError, suggest
from fmriprod.algorithms.scaffold import (
    README,
    add_participants,
    description,
    participants_fields,
    run_order_template,
    study_name,
    trained_columns,
)
from fmriprod.interfaces.atomic_files import save_text
from fmriprod.interfaces.bids_index import read_json
from fmriprod.interfaces.supplied import read_text

STUDY_FILE = "study.toml"


@dataclass(frozen=True)
class Entry:
    """A file of the folder and what was done: ``new``, ``added to``, ``same`` or ``kept``."""

    file: str
    what: str


READY = Path(__file__).resolve().parent.parent / "data" / "studies"


def ready_studies() -> dict[str, Path]:
    """Study files that come with the package, by name."""
    return {path.stem: path for path in sorted(READY.glob("*.toml"))}


def find_study(study: str | Path) -> Path:
    """Find a study file by its path, or by the name of one that comes with the package.

    Raises
    ------
    InputError
        If there is neither.
    """
    path, ready = Path(study), ready_studies()
    if path.is_file():
        return path
    if str(study) in ready:
        return ready[str(study)]
    raise InputError(
        "study",
        expected="a study file (TOML), or the name of one that comes with the package",
        found=f"the folder {str(study)!r}" if path.is_dir() else f"no file {str(study)!r}",
        hint=suggest(str(study), ready) + "; `fmriprod scaffold` writes one to start from",
    )


def run_order_file(folder: str | Path, participant: str, session: str | None = None) -> Path:
    """Where the run order of a participant lies in a study's folder."""
    return source_folder(folder, participant, session) / "run-order.txt"


def source_folder(folder: str | Path, participant: str, session: str | None = None) -> Path:
    """Where what belongs to the conversion of a participant lies in a study's folder."""
    path = Path(folder, "sourcedata", f"sub-{participant}")
    return path / f"ses-{session}" if session else path


def write_dataset(
    folder: str | Path, participants: Sequence[str], study: dict[str, Any] | None = None
) -> list[Entry]:
    """Make a folder a raw BIDS dataset with rows for some participants.

    Parameters
    ----------
    folder : path
        Made if it is not there.
    participants : sequence of str
        Labels without ``sub-``.
    study : dict, optional
        Content of the study file.

    Returns
    -------
    list of Entry
        What was done with each file.

    Raises
    ------
    InputError
        For labels that BIDS does not allow, a ``participants.tsv`` without the column of
        participants, and a folder of derivatives.
    """
    folder, study = Path(folder), study or {}
    _check_raw(folder / "dataset_description.json")
    table = folder / "participants.tsv"
    text = _read(table) if os.path.lexists(table) else None
    rows = add_participants(text, participants, trained_columns(study))
    name = study_name(study)
    entries = [
        _offer(folder, "dataset_description.json", _json(description(name))),
        _offer(folder, "README.md", README.format(name=name)),
    ]
    if study:
        entries.append(_offer(folder, ".bidsignore", f"{STUDY_FILE}\n"))
    if fields := participants_fields(study):
        entries.append(_offer(folder, "participants.json", _json(fields)))
    written = save_text(rows, table)
    what = ("new" if text is None else "added to") if written else "same"
    return [*entries, Entry("participants.tsv", what)]


def write_study_folder(
    folder: str | Path, participants: Sequence[str], study: str | None = None
) -> list[Entry]:
    """Write a study's folder, or add participants to one.

    Parameters
    ----------
    folder : path
        Made if it is not there.
    participants : sequence of str
        Labels without ``sub-``.
    study : str, optional
        As `find_study` takes it; by default the study file that is there, else ``fan2020``.

    Returns
    -------
    list of Entry
        What was done with each file. A file that is there with another content is kept.

    Raises
    ------
    InputError
        As `write_dataset` and `find_study` do, and for a study file that is no TOML; nothing is
        written then.
    """
    folder = Path(folder)
    own = folder / STUDY_FILE
    offered = find_study(study or (own if own.is_file() else "fan2020")).read_text(encoding="utf-8")
    content = _parse(_read(own) if own.is_file() else offered, own)
    entries = write_dataset(folder, participants, content)
    entries.append(_offer(folder, STUDY_FILE, offered))
    for label in dict.fromkeys(participants):
        file = run_order_file(folder, label).relative_to(folder)
        entries.append(_offer(folder, file.as_posix(), run_order_template(content, label)))
    return entries


def _check_raw(file: Path) -> None:
    kind = read_json(file).get("DatasetType", "raw") if file.is_file() else "raw"
    if kind != "raw":
        raise InputError(
            "dataset", expected="a raw dataset, or a new folder",
            found=f"a dataset of DatasetType {kind!r}", hint="give another folder",
            file=str(file),
        )  # fmt: skip


def _parse(text: str, file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as err:
        raise InputError(
            "study", expected="a study file in TOML", found=str(err), hint="mend that line",
            file=str(file),
        ) from None  # fmt: skip


def _offer(folder: Path, name: str, text: str) -> Entry:
    """Write a file that is not there yet."""
    file = folder / name
    if not file.exists():
        save_text(text, file)
        return Entry(name, "new")
    return Entry(name, "same" if file.read_bytes() == text.encode() else "kept")


def _read(file: Path) -> str:
    return read_text(file, file.name, "a text", keep_mark=True)


def _json(content: dict[str, Any]) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"
