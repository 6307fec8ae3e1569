"""Seals of results in the working folder tell whether all is there as the node left it."""

import contextlib
import json
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.atomic_files import save_text
from fmriprod.interfaces.digest_store import NAME as DIGESTS
from fmriprod.interfaces.digests import file_digest, file_state, known_digest

SEAL = "_seal.json"
PLACE = "place"  # in a seal, of the folder when it was sealed
_OF_NIPYPE = {"_node.pklz", "_inputs.pklz", "command.txt", DIGESTS, SEAL}  # not the result's truth
_PARTS = "mapflow"  # folder of the parts of a map node, each with a result of its own
_ELSEWHERE = "it was made in {}, and not here"


class Read(NamedTuple):
    """MD5 that a step found of a file, and the time (epoch, ns) by which it had read it."""

    digest: str
    when: int


def hash_files(folder: Path) -> list[Path]:
    """Files by which Nipype knows for which inputs a node's result is, unfinished ones left out."""
    try:
        names = os.listdir(folder)
    except OSError:
        return []
    found = [n for n in names if n.startswith("_0x") and n.endswith(".json")]
    return [folder / name for name in sorted(found) if not name.endswith("_unfinished.json")]


def seal(folder: Path, digests: Mapping[str, Sequence[Read]] | None = None) -> bool:
    """Note place, size, times and digest of each file of a finished result.

    A result that is not what its node left is no truth to be noted: it is discarded, so that the
    node runs again. It is known by an earlier seal for the same inputs, or by a step that read
    the file and found another content.

    Parameters
    ----------
    folder : path
        Working folder of a node.
    digests : mapping of str to sequence of Read, optional
        By path, what steps found that read the files; others are read for it, once.

    Returns
    -------
    bool
        Whether it was done now; not if there is no finished result, it has its seal, or it was
        discarded.
    """
    for part in _parts(folder):
        had = hash_files(part)
        seal(part, digests)
        if had and not hash_files(part):
            discard(folder)
    hashes = hash_files(folder)
    if len(hashes) != 1:
        return False
    content = _seal_of(folder)
    if content and broken(folder) is not None:
        discard(folder)
        return False
    if PLACE in content:
        return False
    files = _entries(folder, hashes[0], digests or {})
    if files is None:
        discard(folder)
        return False
    _save(folder, {"hash": hashes[0].name, PLACE: os.path.realpath(folder), "files": files})
    return True


def renew_note(folder: Path, inputs: Any) -> None:
    """Write again for which inputs a result is, of the same content at other places.

    The note is for provenance: where it cannot be written the result counts all the same.

    Parameters
    ----------
    folder : path
        Working folder of a node with a finished result.
    inputs : list
        As Nipype's ``get_hashval`` gives them.
    """
    note, content = hash_files(folder)[0], _seal_of(folder)
    try:
        save_text(json.dumps(inputs, sort_keys=True, indent=4), note)
    except (OSError, InputError):
        return
    if note.name in content.get("files", ()):
        content["files"][note.name] = _entry(note, ())
        _save(folder, content)


def broken(folder: Path) -> str | None:
    """Tell what is wrong with a finished result, None if nothing is.

    Files that are as they were noted (device, inode, size, times) are not read. Of others, the
    size and the content are compared. A result without a seal (its run was killed) is looked
    at as far as Nipype goes: what it names has to be there. Results name files by absolute
    paths, so that one that was made at another place speaks of the files there.

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
    content = _seal_of(folder)
    place = content.get(PLACE)
    if place is None:  # no seal, or one of an earlier version, which does not note it
        wrong = _unsealed(folder)
        if wrong:
            return wrong
    elif place != os.path.realpath(folder):
        return _ELSEWHERE.format(place)
    for name, entry in content.get("files", {}).items():
        wrong = _changed(folder / name, entry)
        if wrong:
            return f"{name} {wrong}"
    return None


def discard(folder: Path) -> None:
    """Make Nipype run a node again: its result is no longer taken for finished."""
    discard_parts(folder)
    for path in [*hash_files(folder), folder / SEAL]:  # Nipype does not empty a map node's folder
        path.unlink(missing_ok=True)


def discard_parts(folder: Path) -> None:
    """Discard the broken ones among the parts of a map node, which may not have finished itself."""
    for part in _parts(folder):
        if hash_files(part) and broken(part):
            discard(part)


def _seal_of(folder: Path) -> dict[str, Any]:
    """Read the seal of the result that is there; empty if there is none for its inputs."""
    hashes, content = hash_files(folder), _read(folder)
    return content if len(hashes) == 1 and content.get("hash") == hashes[0].name else {}


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


def _entries(
    folder: Path, note: Path, digests: Mapping[str, Sequence[Read]]
) -> dict[str, list[Any]] | None:
    """States and digests of the files of a result; None where one was changed since it was read."""
    ended = note.stat().st_ctime_ns  # Nipype renames the note when the node has ended
    files = {}
    for name in _result_files(folder):
        told = [read for read in digests.get(str(folder / name), ()) if read.when >= ended]
        files[name] = _entry(folder / name, told)
        if any(read.digest != files[name][-1] for read in told):
            return None
    return files


def _entry(path: Path, told: Iterable[Read]) -> list[Any]:
    state = file_state(path)
    since = [read.digest for read in told if read.when > max(state[3:])]
    digest = known_digest(str(path)) or (since[0] if since else file_digest(str(path)))
    return [*state, digest]


def _save(folder: Path, content: dict[str, Any]) -> None:
    text = json.dumps(content, separators=(",", ":"))
    with contextlib.suppress(OSError, UnicodeEncodeError):
        save_text(text + "\n", folder / SEAL)


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
        result = load_resultfile(results[0], resolve=False)
        outputs, ran = result.outputs, result.runtime
    except TraitError:
        return "a file that it names is missing"
    except Exception as err:  # a damaged pickle raises anything
        return f"{results[0].name} cannot be read ({type(err).__name__})"
    for each in ran if isinstance(ran, list) else [ran]:  # a map node has a list
        place = getattr(each, "cwd", None)
        if place is not None and not Path(place).is_relative_to(os.path.realpath(folder)):
            return _ELSEWHERE.format(place)
    gone = [path for path in _paths(_values(outputs)) if not os.path.exists(path)]
    gone = [path for path in gone if Path(path).is_relative_to(folder)]
    return f"{os.path.relpath(gone[0], folder)} is missing" if gone else None


def names_any(folder: Path, paths: Collection[str]) -> bool:
    """Tell whether a result hands on one of some paths, or a file that is lost."""
    from nipype.pipeline.engine.utils import load_resultfile
    from traits.api import TraitError

    for result in folder.glob("result_*.pklz"):
        try:
            given = _paths(_values(load_resultfile(result, resolve=False).outputs))
        except TraitError:
            return True
        if any(path in paths for path in given):
            return True
    return False


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
