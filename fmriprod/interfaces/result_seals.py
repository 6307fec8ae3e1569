"""Seals of results in the working folder tell whether all is there as the node left it."""

import contextlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fmriprod.interfaces.atomic_files import save_text
from fmriprod.interfaces.digest_store import NAME as DIGESTS
from fmriprod.interfaces.digests import file_digest, file_state, known_digest

SEAL = "_seal.json"
_OF_NIPYPE = {"_node.pklz", "_inputs.pklz", "command.txt", DIGESTS, SEAL}  # not the result's truth
_PARTS = "mapflow"  # folder of the parts of a map node, each with a result of its own


def hash_files(folder: Path) -> list[Path]:
    """Files by which Nipype knows for which inputs a node's result is, unfinished ones left out."""
    try:
        names = os.listdir(folder)
    except OSError:
        return []
    found = [n for n in names if n.startswith("_0x") and n.endswith(".json")]
    return [folder / name for name in sorted(found) if not name.endswith("_unfinished.json")]


def seal(folder: Path, digests: Mapping[str, str] | None = None) -> bool:
    """Note size, times and digest of each file of a finished result.

    Parameters
    ----------
    folder : path
        Working folder of a node.
    digests : mapping, optional
        MD5 by path, as steps found that read the files; others are read for it, once.

    Returns
    -------
    bool
        Whether it was done now; not if there is no finished result, or it has its seal.
    """
    for part in _parts(folder):
        seal(part, digests)
    hashes = hash_files(folder)
    if len(hashes) != 1 or (_sealed(folder) and broken(folder) is None):
        return False
    files = {name: _entry(folder / name, digests or {}) for name in _result_files(folder)}
    text = json.dumps({"hash": hashes[0].name, "files": files}, separators=(",", ":"))
    with contextlib.suppress(OSError, UnicodeEncodeError):
        save_text(text + "\n", folder / SEAL)
    return True


def broken(folder: Path) -> str | None:
    """Tell what is wrong with a finished result, None if nothing is.

    Files that are as they were noted (device, inode, size, times) are not read. Of others, the
    size and the content are compared. A result without a seal (its run was killed) is looked
    at as far as Nipype goes: what it names has to be there.

    Parameters
    ----------
    folder : path
        Working folder of a node that Nipype takes for finished.

    Returns
    -------
    str or None
        Such as ``out.nii is missing``.
    """
    for part in _parts(folder):
        wrong = broken(part) if hash_files(part) else None
        if wrong:
            return f"{part.name}: {wrong}"
    if not _sealed(folder):
        return _unsealed(folder)
    for name, entry in _read(folder)["files"].items():
        wrong = _changed(folder / name, entry)
        if wrong:
            return f"{name} {wrong}"
    return None


def discard(folder: Path) -> None:
    """Make Nipype run a node again: its result is no longer taken for finished."""
    for part in _parts(folder):
        if hash_files(part) and broken(part):
            discard(part)
    for path in [*hash_files(folder), folder / SEAL]:  # Nipype does not empty a map node's folder
        path.unlink(missing_ok=True)


def _sealed(folder: Path) -> bool:
    """Tell whether there is a seal, and for the inputs of the result that is there."""
    hashes = hash_files(folder)
    return len(hashes) == 1 and _read(folder).get("hash") == hashes[0].name


def _parts(folder: Path) -> list[Path]:
    return sorted(path for path in (folder / _PARTS).glob("*") if path.is_dir())


def _result_files(folder: Path) -> list[str]:
    """Names of the files of a result, relative to its folder; those of parts are theirs."""
    names = []
    for place, folders, files in os.walk(folder):
        if place == str(folder):
            folders[:] = [name for name in folders if name not in (_PARTS, "_report")]
            files = [name for name in files if name not in _OF_NIPYPE and name[0] != "."]
        names += [os.path.relpath(os.path.join(place, name), folder) for name in files]
    return sorted(name for name in names if os.path.isfile(folder / name))


def _entry(path: Path, digests: Mapping[str, str]) -> list[Any]:
    name = str(path)
    digest = known_digest(name) or digests.get(name) or file_digest(name)
    return [*file_state(path), digest]


def _changed(path: Path, entry: list[Any]) -> str | None:
    try:
        state = file_state(path)
    except OSError:
        return "is missing"
    *noted, digest = entry
    if list(state) == noted:
        return None
    if state[2] != noted[2]:
        return f"has {state[2]} bytes, not {noted[2]}"
    same = file_digest(str(path)) == digest
    return None if same else "has another content than the step wrote"


def _read(folder: Path) -> dict[str, Any]:
    """Read a seal; a damaged one is none."""
    try:
        content = json.loads((folder / SEAL).read_text(encoding="utf-8"))
        entries = content["files"].values()
        return content if all(len(entry) == 6 for entry in entries) else {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _unsealed(folder: Path) -> str | None:
    from nipype.pipeline.engine.utils import load_resultfile
    from traits.api import TraitError

    results = list(folder.glob("result_*.pklz"))
    if len(results) != 1:
        return "the result is missing"
    try:
        outputs = load_resultfile(results[0], resolve=False).outputs
    except TraitError:
        return "a file that it names is missing"
    except Exception as err:  # a damaged pickle raises anything
        return f"{results[0].name} cannot be read ({type(err).__name__})"
    values = _values(outputs)
    gone = [path for value in values for path in _paths(value) if not os.path.exists(path)]
    gone = [path for path in gone if Path(path).is_relative_to(folder)]
    return f"{os.path.relpath(gone[0], folder)} is missing" if gone else None


def _values(outputs: Any) -> list[Any]:
    """Values of outputs, which a map node has in a Bunch."""
    if outputs is None:
        return []
    given = outputs.trait_get() if hasattr(outputs, "trait_get") else outputs.dictcopy()
    return list(given.values())


def _paths(value: Any) -> list[str]:
    if isinstance(value, str | os.PathLike):
        return [os.fspath(value)] if os.path.isabs(value) else []
    if isinstance(value, list | tuple):
        return [path for part in value for path in _paths(part)]
    return []
