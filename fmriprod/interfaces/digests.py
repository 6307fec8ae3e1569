"""Digests of files: each file is read once as long as it stays the same, in all processes."""

import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from fmriprod.interfaces.digest_store import NODE_MARK, Store, worth_storing

_AT_REST = 0.1  # s since the last change; the clocks of file systems tick every few ms
_SURELY_AT_REST = 3600.0  # s, where the clock of the file system is unknown
_CHUNK = 1 << 20

_known: dict[str, tuple[tuple[int, ...], str]] = {}
_elsewhere: ContextVar[Path | None] = ContextVar("folder of digests of other files", default=None)
_writing: ContextVar[bool] = ContextVar("whether digests may be written", default=True)


def file_digest(path: str) -> str:
    """Tell the MD5 of a file, the same as Nipype's ``hash_infile``.

    Nipype asks for it twice for each step that reads the file, and once more for each saver.
    The answer is remembered as long as device, inode, size and the times of the last change of
    content and of status stay the same; by this process, and between processes in a small
    file (`digest_store`) that lies in the folder of the node whose result the file is. Of files
    that are no node's result it is kept between processes where `remembering` says so.

    The time of the last change of status cannot be set by a program, and is compared for being
    the same, not for being later: a clock that is set back hides nothing. Only a change
    within the tick of the file system's clock in which the file was changed last could be
    missed; a digest is therefore remembered only of files that were at rest for 0.1 s before
    they were read, between processes by the clock of the file system itself. What is missed:
    writing through a shared memory map that was already written through less than about 35 s
    before (the kernel sets the times at the first write after it has stored a page; on tmpfs
    it never does); writing to the device beneath the file system; and, on file systems without a
    time of the last change of status (some network ones), a change that sets size and time of
    content back.

    Parameters
    ----------
    path : str
        An existing file.

    Returns
    -------
    str
        Hexadecimal digits.
    """
    path = os.path.abspath(path)
    state = file_state(path)
    found = _remembered(path, state)
    if found is not None:
        return found
    store = _store_of(path) if worth_storing(state[2]) and _writing.get() else None
    at_rest = time.time_ns() - max(state[3:]) > _AT_REST * 1e9
    lasting = store is not None and _lasting(state, store)
    digest = _read(path)
    if file_state(path) == state:
        if at_rest:
            _known[path] = (state, digest)
        if lasting and store is not None:
            store.keep(path, state, digest)
    return digest


def known_digest(path: str) -> str | None:
    """Tell the digest of a file if it is remembered; the file is not read."""
    path = os.path.abspath(path)
    return _remembered(path, file_state(path))


def learn_digest(path: str, digest: str, since: float) -> None:
    """Remember a digest that another process found after the time ``since`` (epoch, s).

    It is believed only if the file was last changed long before that time.
    """
    path = os.path.abspath(path)
    state = file_state(path)
    store = _store_of(path)
    if since - max(state[3:]) / 1e9 > _SURELY_AT_REST and worth_storing(state[2]):
        _known[path] = (state, digest)
        if store is not None and _writing.get():
            store.keep(path, state, digest)


@contextmanager
def remembering(folder: str | Path, *, write: bool = True) -> Iterator[None]:
    """Keep digests of files that are no node's result in a folder, such as those of raw data.

    Parameters
    ----------
    folder : path
        Folder that is made when there is something to keep; it may be removed at any time.
    write : bool
        Whether anything is written; if not, what is kept already is still used.
    """
    tokens = _elsewhere.set(Path(folder).absolute()), _writing.set(write)
    try:
        yield
    finally:
        _elsewhere.reset(tokens[0])
        _writing.reset(tokens[1])


def file_state(path: str | Path) -> tuple[int, ...]:
    """Device, inode, size, and times of the last change of content and of status in ns."""
    stat = os.stat(path)
    return (stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)


def node_folder(path: str | Path) -> Path | None:
    """Find the working folder of the Nipype node whose result a file is."""
    for folder in Path(os.path.abspath(path)).parents:
        if os.path.exists(folder / NODE_MARK):
            return folder
    return None


def _remembered(path: str, state: tuple[int, ...]) -> str | None:
    known = _known.get(path)
    if known is not None and known[0] == state:
        return known[1]
    store = _store_of(path) if worth_storing(state[2]) else None
    digest = store.find(path, state) if store is not None else None
    if digest is not None:
        _known[path] = (state, digest)
    return digest


def _store_of(path: str) -> Store | None:
    """Where the digest of a file is kept between processes."""
    node = node_folder(path)
    if node is not None:
        return Store.of_node(node)
    elsewhere = _elsewhere.get()
    return Store.of_folder(os.path.dirname(path), elsewhere) if elsewhere is not None else None


def _lasting(state: tuple[int, ...], store: Store) -> bool:
    """Tell whether a file is at rest by the clock of its file system."""
    last = max(state[3:])
    if time.time_ns() - last > _SURELY_AT_REST * 1e9:
        return True
    now = store.clock(state[0])
    return now is not None and now - last > _AT_REST * 1e9


def _read(path: str) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    with open(path, "rb") as stream:
        while block := stream.read(_CHUNK):
            digest.update(block)
    return digest.hexdigest()
