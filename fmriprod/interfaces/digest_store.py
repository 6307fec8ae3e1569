"""Digests kept between processes: one small file for each folder of files."""

import contextlib
import hashlib
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

NODE_MARK = "_node.pklz"  # Nipype writes it into the folder of a node before it runs
NAME = "_digests.json"
_WORTH = 1 << 18  # bytes; smaller files are read as quickly as their entry
_AT_MOST = 2048  # entries in one file

_clocks: dict[int, tuple[int, int]] = {}  # by device: its time and ours (monotonic) in ns


def worth_storing(size: int) -> bool:
    """Tell whether looking up the digest of a file of that size is quicker than reading it."""
    return size >= _WORTH


class Store:
    """The kept digests of the files of one folder.

    The store is a JSON file, ``{"files": {name: [device, inode, size, mtime, ctime, digest]}}``,
    replaced as a whole. Processes that write at the same time may lose each other's entry, which
    is then found again by reading; a store that is damaged or cannot be written is no store.

    Parameters
    ----------
    root : path
        Folder whose files it speaks of.
    file : path
        Where it is.
    """

    def __init__(self, root: Path, file: Path) -> None:
        self.root, self.file = root, file

    @classmethod
    def of_node(cls, folder: Path) -> "Store":
        """Store in the folder of a node: Nipype empties that when the node runs again."""
        return cls(folder, folder / NAME)

    @classmethod
    def of_folder(cls, folder: str, elsewhere: Path) -> "Store":
        """Store of a folder that is not ours to write in, such as one of raw data."""
        name = hashlib.md5(folder.encode(errors="surrogateescape"), usedforsecurity=False)
        return cls(Path(folder), elsewhere / f"{name.hexdigest()}.json")

    def find(self, path: str, state: tuple[int, ...]) -> str | None:
        """Digest of a file in that state, None if it is not known."""
        entry = self._read().get(self._name(path))
        return entry[5] if entry is not None and tuple(entry[:5]) == state else None

    def keep(self, path: str, state: tuple[int, ...], digest: str) -> None:
        """Keep the digest of a file; nothing happens where the store cannot be written."""
        entries = self._read()
        name = self._name(path)
        entries.pop(name, None)
        entries = dict(list(entries.items())[1 - _AT_MOST :])
        entries[name] = [*state, digest]
        text = json.dumps({"folder": str(self.root), "files": entries}, separators=(",", ":"))
        with contextlib.suppress(OSError, UnicodeEncodeError):
            self.file.parent.mkdir(parents=True, exist_ok=True)
            with _beside(self.file) as temporary:
                Path(temporary).write_text(text, encoding="utf-8")
                os.replace(temporary, self.file)

    def clock(self, device: int) -> int | None:
        """Time of a file system in ns, told by a file written now; None if it is another one.

        It is asked once in a process, and then goes on with this machine's monotonic clock.
        """
        if device not in _clocks:
            with contextlib.suppress(OSError):
                self.file.parent.mkdir(parents=True, exist_ok=True)
                with _beside(self.file) as temporary:
                    stat = os.stat(temporary)
                    _clocks[stat.st_dev] = (stat.st_mtime_ns, time.monotonic_ns())
        if device not in _clocks:
            return None
        told, then = _clocks[device]
        return told + time.monotonic_ns() - then

    def _name(self, path: str) -> str:
        return os.path.relpath(path, self.root)

    def _read(self) -> dict[str, list[Any]]:
        try:
            entries = json.loads(self.file.read_text(encoding="utf-8"))["files"]
            return {name: entry for name, entry in entries.items() if _is_entry(entry)}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return {}


def _is_entry(entry: Any) -> bool:
    if not isinstance(entry, list) or len(entry) != 6:
        return False
    *state, digest = entry
    return (
        all(type(part) is int for part in state) and isinstance(digest, str) and len(digest) == 32
    )


@contextlib.contextmanager
def _beside(file: Path):
    """Give the name of an empty file beside ``file``, and remove it if it is still there."""
    handle, name = tempfile.mkstemp(prefix=".digests-", dir=file.parent)
    os.close(handle)
    try:
        yield name
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)
