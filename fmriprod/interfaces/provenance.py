"""Where a result comes from: the steps behind it and the files that they were given.

It is read from what Nipype notes beside each result (its inputs, and the digests of those that
are files), so that it says what was done when the result was made, and not what would be now.
"""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fmriprod.interfaces.digests import node_folder
from fmriprod.interfaces.result_seals import hash_files

_NUMBER = re.compile(r"-?\d+\.\d{10}")  # as Nipype notes numbers
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


def _visit(folder: Path, chain: Chain, seen: set[Path]) -> None:
    """Add a node and what is behind it; without recursion, since graphs may be long."""
    stack = [(folder, False)]
    while stack:
        place, done = stack.pop()
        if not done and place in seen:
            continue
        seen.add(place)
        inputs = read_inputs(place)
        if done:
            _add(place, inputs, chain)
            continue
        stack.append((place, True))
        for path, digest in reversed(noted_files(list(inputs.values()))):
            before = node_folder(path)
            if before is None:
                chain.files[path] = digest
            elif before not in seen:
                stack.append((before, False))


def _add(folder: Path, inputs: Mapping[str, Any], chain: Chain) -> None:
    own, *libraries = str(inputs.get("algorithm_version", folder.name)).split(";")
    name, _, version = own.partition("=")
    chain.libraries.update(dict(part.partition("=")[::2] for part in libraries))
    parameters = {
        key: _plain(value)
        for key, value in inputs.items()
        if key not in _NOT_SAID and not noted_files(value) and not _is_place(value)
    }
    chain.engines.update(v for k, v in parameters.items() if k == "engine" and isinstance(v, str))
    step = {"Name": name, **({"Version": version} if version else {}), "Parameters": parameters}
    if version and step not in chain.steps:  # without: Nipype's own steps, which only gather
        chain.steps.append(step)


def _is_place(value: Any) -> bool:
    if isinstance(value, str):
        return os.path.isabs(value)
    return isinstance(value, list) and any(_is_place(part) for part in value)


def _plain(value: Any) -> Any:
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return float(value)
    return [_plain(part) for part in value] if isinstance(value, list) else value
