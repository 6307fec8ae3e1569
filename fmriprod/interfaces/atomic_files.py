"""Write files so that they are either whole or not there, and not again when nothing changed."""

import glob
import gzip
import hashlib
import json
import os
import re
import secrets
import shutil
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.processes import is_alive, where_pids_count

# RFC 1952, bytes 4 to 9 of a gzip header: time, compression hints, operating system. No
# checksum covers them, and readers do not need them.
_ORIGIN = bytes((0, 0, 0, 0, 0, 255))

_MARK = re.compile(r"\.writing-(\d+)(?:\.(\w+)\.\w+)?")  # process, and where it counts
_LONG_AGO = 86_400.0  # s after which nobody elsewhere is still at work on a file
_MOST_NAME = 200  # bytes of a name that temporary ones end in: file systems have limits


def save_json(content: dict[str, Any], target: Path) -> bool:
    """Write JSON with sorted keys, unless the same is there; tell whether it was written."""
    text = json.dumps(content, indent=2, sort_keys=True, allow_nan=False, ensure_ascii=False)
    return save_text(text + "\n", target)


def save_text(text: str, target: Path) -> bool:
    r"""Write UTF-8 text, unless the same is there; tell whether it was written.

    Names of files need not be UTF-8. Their other bytes are written as ``\udcff``, which JSON reads
    as the same name.
    """
    data = text.encode(errors="backslashreplace")
    if target.is_file() and target.read_bytes() == data:
        return False
    with _replacing(target) as temporary:
        temporary.write_bytes(data)
    return True


def save_file(in_file: str | Path, target: Path) -> bool:
    """Copy a file atomically, unless the same content is there; tell whether it was written."""
    in_file = Path(in_file)
    if target.is_file() and same_content(in_file, target):
        return False
    with _replacing(target) as temporary:
        if target.suffix == ".gz" and in_file.suffix != ".gz":
            compress_file(in_file, temporary)
        else:
            shutil.copyfile(in_file, temporary)
        if target.suffix == ".gz":
            _forget_gzip_origin(temporary)
    return True


def compress_file(in_file: str | Path, target: str | Path) -> None:
    """Compress with gzip, the same content to the same bytes.

    Level 1: the noise in an image leaves little to find, and level 6 takes twice as long for
    files that are a few per cent smaller.
    """
    with open(in_file, "rb") as source, open(target, "wb") as raw:  # noqa: SIM117
        with gzip.GzipFile("", "wb", 1, raw, mtime=0) as stream:
            shutil.copyfileobj(source, stream, 1 << 20)
    _forget_gzip_origin(Path(target))


def same_bytes(one: str | Path, two: str | Path) -> bool:
    """Compare two files byte by byte (``filecmp`` remembers answers by size and time)."""
    if os.path.getsize(one) != os.path.getsize(two):
        return False
    with open(one, "rb") as first, open(two, "rb") as second:
        return _same_rest(first.read, second.read)


def same_content(in_file: Path, target: Path) -> bool:
    """Compare bytes; of gzip files the content, so that a time in the header is no change."""
    if target.suffix != ".gz":
        return same_bytes(in_file, target)
    if in_file.suffix == ".gz":
        if in_file.stat().st_size != target.stat().st_size:
            return False
        with in_file.open("rb") as one, target.open("rb") as two:
            head, other = bytearray(one.read(10)), two.read(10)
            head[4:10] = _ORIGIN
            return bytes(head) == other and _same_rest(one.read, two.read)
    try:
        with in_file.open("rb") as one, gzip.open(target) as two:
            return _same_rest(one.read, two.read)
    except (OSError, EOFError, zlib.error):  # a damaged target is another content
        return False


def _same_rest(one: Callable[[int], bytes], two: Callable[[int], bytes]) -> bool:
    while True:
        a, b = one(1 << 20), two(1 << 20)
        if a != b:
            return False
        if not a:
            return True


def _forget_gzip_origin(path: Path) -> None:
    """Set time, compression hints and operating system in a gzip header to unknown."""
    with path.open("r+b") as stream:
        stream.seek(4)
        stream.write(_ORIGIN)


@contextmanager
def _replacing(target: Path) -> Iterator[Path]:
    """Give a temporary path beside ``target`` that takes its place on success."""
    # Other hosts and containers may write the same file, with the same number of process.
    mark = f"{os.getpid()}.{where_pids_count()}.{secrets.token_hex(3)}"
    temporary = target.with_name(f".writing-{mark}-{_end_of(target)}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(target)
        yield temporary
        temporary.replace(target)
    except (PermissionError, NotADirectoryError, FileExistsError) as err:
        raise InputError(
            "base_directory",
            expected="a folder that may be written",
            found=str(err),
            hint="give another folder, or change its permissions",
        ) from None
    except OSError as err:  # a full disk: writing itself does not say where
        err.filename = err.filename or str(target)
        raise
    finally:
        if target.parent.is_dir():
            temporary.unlink(missing_ok=True)


def _remove_leftovers(target: Path) -> None:
    """Remove what a process left that was killed while it wrote ``target``.

    Those of other machines, containers and boots cannot be asked for: what they left goes when
    nobody wrote to it for a day. Names of earlier versions tell no machine.
    """
    end = _end_of(target)
    for path in target.parent.glob(f".writing-*-{glob.escape(end)}"):
        found = _MARK.fullmatch(path.name.removesuffix(f"-{end}"))
        if found is None:
            continue
        if found[2] in (None, where_pids_count()):
            gone = not is_alive(int(found[1]))
        else:
            gone = _is_old(path)
        if gone:
            path.unlink(missing_ok=True)


def _is_old(path: Path) -> bool:
    try:
        return time.time() - path.stat().st_mtime > _LONG_AGO
    except FileNotFoundError:  # finished just now
        return False


def _end_of(target: Path) -> str:
    """Give the name that temporary ones end in; of long names a digest and the end."""
    name = os.fsencode(target.name)
    if len(name) <= _MOST_NAME:
        return target.name
    digest = hashlib.md5(name, usedforsecurity=False).hexdigest()[:12]
    return f"{digest}-{target.name[-40:]}"
