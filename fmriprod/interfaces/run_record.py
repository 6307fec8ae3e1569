"""One file for each run that says what was made, from what, how, and by which versions."""

import os
import platform
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any

from fmriprod.interfaces.atomic_files import save_json
from fmriprod.interfaces.bids_index import read_json
from fmriprod.interfaces.digests import file_digest
from fmriprod.interfaces.program_versions import program_versions
from fmriprod.interfaces.provenance import Chain, trace_back
from fmriprod.interfaces.provenance_sidecar import linked_datasets, source_digests

FOLDER = Path("logs", "runs")
_FORMAT = "fmriprod run record, version 1"


def write_run_record(
    out_dir: str | Path,
    notes_dir: str | Path,
    *,
    raw_directory: str | Path | None,
    parameters: Mapping[str, Any],
    this_run: Mapping[str, Any],
    began: float,
) -> Path:
    """Write the record of a run, ``logs/runs/<id>.json`` in the output folder.

    Everything in it but ``ThisRun`` is the same wherever and whenever the same is made of the
    same: no path of this machine, no time, no name of a host. Nothing of the environment is
    in it.

    Parameters
    ----------
    out_dir : path
        Derivatives dataset.
    notes_dir : path
        Folder in which the savers of this run noted what they wrote (``record_directory`` of
        `SaveDerivative`); its name is the start of the record's.
    raw_directory : path or None
        Root of the raw dataset.
    parameters : mapping
        What was asked for; see `plain_parameters`.
    this_run : mapping
        What holds for this run only, such as ``Command`` and the number of steps.
    began : float
        When the run began, in seconds since the epoch.

    Returns
    -------
    pathlib.Path
        The record. ``Participants`` has for each the ``Inputs`` (MD5 by BIDS URI) that the
        steps behind its results have read, and the ``Outputs`` (MD5 by path below the output
        folder); ``Steps`` are those of all, each once.
    """
    out_dir, notes_dir = Path(os.path.abspath(out_dir)), Path(notes_dir)
    datasets, chains, participants = linked_datasets(out_dir, raw_directory), [], {}
    for target, in_file in _notes(out_dir, notes_dir):
        sidecar = target.with_name(f"{target.name.partition('.')[0]}.json")
        chain, sources = _behind(in_file, sidecar, datasets)
        chains.append(chain)
        label = target.relative_to(out_dir).parts[0].partition("_")[0]
        own = participants.setdefault(label, {"Inputs": {}, "Outputs": {}})
        own["Inputs"].update(sources)
        for file in (target, sidecar):
            if file.is_file():
                own["Outputs"][file.relative_to(out_dir).as_posix()] = file_digest(str(file))
    record = {
        "Format": _FORMAT,
        "Software": _software(chains),
        "Parameters": dict(parameters),
        "Steps": _steps(chains),
        "Participants": participants,
        "ThisRun": {
            **this_run,
            "Began": _time(began),
            "Ended": _time(datetime.now(UTC).timestamp()),
            "Platform": platform.platform(),
            "OutputFolder": str(out_dir),
            "RawDataset": os.path.abspath(raw_directory) if raw_directory else None,
        },
    }
    file = out_dir / FOLDER / f"{notes_dir.name}-{os.getpid()}.json"
    save_json(record, file)
    return file


def plain_parameters(options: Mapping[str, Any], leave_out: Iterable[str] = ()) -> dict[str, Any]:
    """Take from options what is the same on every machine: numbers, words and lists of them.

    Paths, functions and what is named in ``leave_out`` are left out; of a path that is a
    file, name and MD5 are taken.
    """
    found = {}
    for name, value in sorted(options.items()):
        if name in leave_out or callable(value):
            continue
        if isinstance(value, Path):
            if value.is_file():
                found[name] = {"Name": value.name, "MD5": file_digest(str(value))}
        elif _is_plain(value):
            found[name] = list(value) if isinstance(value, tuple) else value
    return found


def _is_plain(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(_is_plain(part) for part in value)
    if isinstance(value, str):
        return not os.path.isabs(value)
    return value is None or isinstance(value, bool | int | float)


def _behind(
    in_file: str, sidecar: Path, datasets: Mapping[str, str | Path]
) -> tuple[Chain, dict[str, str]]:
    """Tell what is behind a result, and the digests of its sources.

    Where the working folder was cleaned, the sidecar knows it.
    """
    chain = trace_back(in_file)
    if chain.steps or not sidecar.is_file():
        return chain, source_digests(chain.files, datasets)
    fields = read_json(sidecar)
    chain = Chain(fields.get("Steps", []), fields.get("Libraries", {}))
    return chain, fields.get("SourcesMD5", {})


def _notes(out_dir: Path, notes_dir: Path) -> list[tuple[Path, str]]:
    """Files that savers wrote and what they were copied from, as `claim_name` notes them."""
    notes = sorted(notes_dir.iterdir()) if notes_dir.is_dir() else []
    links = [note for note in notes if note.is_symlink()]
    return [(out_dir.joinpath(*note.name.split("__")), os.readlink(note)) for note in links]


def _steps(chains: Iterable[Chain]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for chain in chains:
        found += [step for step in chain.steps if step not in found]
    return found


def _software(chains: Iterable[Chain]) -> dict[str, str]:
    """Versions of Python, this package, all that it needs, and the programs that were used."""
    needed = [text for text in requires("fmriprod") or [] if "extra ==" not in text]
    names = {"fmriprod", *("".join(_name(text)) for text in needed)}
    for chain in chains:
        names.update(chain.libraries)
    found = {"Python": platform.python_version()}
    for name in sorted(names, key=str.lower):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return {**found, **program_versions({e for chain in chains for e in chain.engines})}


def _name(requirement: str) -> Iterable[str]:
    """Name of a distribution at the start of a requirement."""
    for sign in requirement:
        if not (sign.isalnum() or sign in "-_."):
            return
        yield sign


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
