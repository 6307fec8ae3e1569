"""Digests of files, each file read once in a process as long as it stays the same."""

import hashlib
import os
import time

_AT_REST = 0.1  # s since the last change; the clocks of file systems tick every few ms
_CHUNK = 1 << 20

_known: dict[str, tuple[tuple[int, ...], str]] = {}


def file_digest(path: str) -> str:
    """Tell the MD5 of a file, the same as Nipype's ``hash_infile``.

    Nipype asks for it twice for each step that reads the file, and once more for each saver.
    Within one process the answer is remembered as long as device, inode, size and the times
    of the last change of content and of status stay the same. The latter cannot be set back by
    a program, so that only a change within the same tick of the file system's clock could be
    missed; a digest is therefore remembered only of files that were at rest for 0.1 s before
    they were read. Nothing is remembered from one process to the next.

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
    state = _state(path)
    known = _known.get(path)
    if known is not None and known[0] == state:
        return known[1]
    at_rest = time.time_ns() - max(state[3:]) > _AT_REST * 1e9
    digest = hashlib.md5(usedforsecurity=False)
    with open(path, "rb") as stream:
        while block := stream.read(_CHUNK):
            digest.update(block)
    if at_rest and _state(path) == state:
        _known[path] = (state, digest.hexdigest())
    return digest.hexdigest()


def _state(path: str) -> tuple[int, ...]:
    """Device, inode, size, and times of the last change of content and of status in ns."""
    stat = os.stat(path)
    return (stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
