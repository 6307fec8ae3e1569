"""Where a result comes from: the steps behind it and the files that they were given.

It is read from what Nipype notes beside each result (its inputs, and the digests of those that
are files), so that it says what was done when the result was made, and not what would be now.
"""

import json
import os
import re
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from fmriprod.interfaces.digests import file_state, node_folder
from fmriprod.interfaces.result_seals import hash_files

# Numbers as Nipype notes them, and where ten decimals would not tell them, as Python writes them.
_NUMBER = re.compile(r"-?\d+\.\d{10,}|-?\d+(\.\d+)?e-\d+")
_DIGEST = re.compile(r"[0-9a-f]{32}")
_NOT_SAID = {"algorithm_version", "needed_outputs", "compress"}


@dataclass
class Chain:
    """What is behind a result.

    ``steps`` are dictionaries with ``Name``, ``Version`` and ``Parameters``, first those that
    others depend on, each once; ``libraries`` the versions of the distributions that made their
    numbers; ``files`` the MD5 of each file that came from outside, by path; ``engines``
    the programs that parameters named.
    """

    steps: list[dict[str, Any]] = field(default_factory=list)
    libraries: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    engines: set[str] = field(default_factory=set)


def trace_back(path: str | Path) -> Chain:
    """Follow a file in the working folder back to what it was made from.

    Parameters
    ----------
    path : path
        A result, in the folder of the node that made it.

    Returns
    -------
    Chain
        Empty for a file that is no node's result. Parameters are the inputs of a step that
        are set and are no files; paths of folders are left out, since they are another
        on each machine.
    """
    chain, seen = Chain(), set[Path]()
    folder = node_folder(path)
    if folder is not None:
        _visit(folder, chain, seen)
    return chain


def read_inputs(folder: Path) -> dict[str, Any]:
    """Read the inputs of a finished node as Nipype noted them; empty where there is no note."""
    for file in hash_files(folder) or sorted(folder.glob("_0x*.json")):
        try:
            return dict(json.loads(file.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            continue
    return {}


def noted_files(value: Any) -> list[tuple[str, str]]:
    """Paths and MD5 of the files in a noted input, which may be a list of lists."""
    if not isinstance(value, list):
        return []
    if len(value) == 2 and all(isinstance(part, str) for part in value):
        path, digest = value
        if os.path.isabs(path) and _DIGEST.fullmatch(digest):
            return [(path, digest)]
    return [file for part in value for file in noted_files(part)]


@dataclass(frozen=True)
class _Note:
    """What a node was given, taken apart; ``before`` are the folders of the nodes before it."""

    step: dict[str, Any] | None
    libraries: dict[str, str]
    files: tuple[tuple[str, str], ...]
    before: tuple[Path, ...]
    engine: str | None


def _visit(folder: Path, chain: Chain, seen: set[Path]) -> None:
    """Add a node and what is behind it; without recursion, since graphs may be long."""
    stack: list[tuple[Path, _Note | None]] = [(folder, None)]
    while stack:
        place, note = stack.pop()
        if note is not None:
            _add(note, chain)
        elif place not in seen:
            seen.add(place)
            note = _note_of(place)
            stack.append((place, note))
            stack += [(before, None) for before in reversed(note.before) if before not in seen]


def _add(note: _Note, chain: Chain) -> None:
    chain.libraries.update(note.libraries)
    chain.files.update(note.files)
    if note.engine is not None:
        chain.engines.add(note.engine)
    if note.step is not None and note.step not in chain.steps:
        chain.steps.append(note.step)


def _note_of(folder: Path) -> _Note:
    """Read a note; once in a process, since every saver asks for those of all steps before."""
    files = hash_files(folder)
    return _parsed(folder, tuple((str(file), *file_state(file)) for file in files))


@lru_cache(maxsize=1 << 14)
def _parsed(folder: Path, state: tuple[Any, ...]) -> _Note:
    inputs = read_inputs(folder)
    own, *libraries = str(inputs.get("algorithm_version", folder.name)).split(";")
    name, _, version = own.partition("=")
    parameters = {
        key: _plain(value)
        for key, value in inputs.items()
        if key not in _NOT_SAID
        and " " not in key
        and not noted_files(value)
        and not _is_place(value)
    }
    places = {path: node_folder(path) for path, _ in noted_files(list(inputs.values()))}
    engine = parameters.get("engine")
    return _Note(
        # Without a version it is one of Nipype's own steps, which only gather.
        {"Name": name, "Version": version, "Parameters": parameters} if version else None,
        dict(part.partition("=")[::2] for part in libraries),
        tuple(file for file in noted_files(list(inputs.values())) if places[file[0]] is None),
        tuple(dict.fromkeys(place for place in places.values() if place is not None)),
        engine if isinstance(engine, str) else None,
    )


def _is_place(value: Any) -> bool:
    if isinstance(value, str):
        return os.path.isabs(value)
    return isinstance(value, list) and any(_is_place(part) for part in value)


def _plain(value: Any) -> Any:
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return float(value)
    return [_plain(part) for part in value] if isinstance(value, list) else value
