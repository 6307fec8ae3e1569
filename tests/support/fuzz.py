"""Files as nobody should supply them: valid ones, spoilt in the ways in which files get spoilt.

A reader may give a result or raise `InputError`: never another exception, never take longer
than `SECONDS`, never need more than `MEMORY` bytes beyond what the process has.
"""

import gzip
import json
import os
import re
import resource
import signal
import stat
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from fmriprod.algorithms.checks import InputError

SECONDS = 10
MEMORY = 2 << 30
EXAMPLES = int(os.environ.get("FMRIPROD_FUZZ_EXAMPLES", "20"))
FUZZ = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize="FMRIPROD_FUZZ_EXAMPLES" not in os.environ,
    database=None,
    phases=(Phase.explicit, Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
)
TRIED: dict[str, Counter] = defaultdict(Counter)
"""Name of a reader -> how many inputs it took, and how many it refused."""


@dataclass(frozen=True)
class Reader:
    """A reader and valid files for it.

    ``read`` takes a path; ``seeds`` makes the content of valid files; ``packed`` tells that the
    file is the content in gzip; ``beside`` writes what must lie beside the file.
    """

    name: str
    read: Callable[[Path], Any]
    seeds: Callable[[], list[bytes]]
    file_name: str = "file.tsv"
    packed: bool = False
    text: bool = True
    header: int = 600  # bytes at the beginning in which numbers matter


class HangError(BaseException):
    """A reader that takes too long; no `Exception`, so that none of them catches it."""


@contextmanager
def bounds(seconds: int = SECONDS, memory: int = MEMORY) -> Iterator[None]:
    """Stop what takes too long, and let what asks for too much memory fail."""

    def stop(*_: object) -> None:
        raise HangError(f"longer than {seconds} s")

    with open("/proc/self/statm") as stream:
        now = int(stream.read().split()[0]) * resource.getpagesize()
    limits = resource.getrlimit(resource.RLIMIT_AS)
    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    resource.setrlimit(resource.RLIMIT_AS, (now + memory, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def readable(err: InputError) -> bool:
    """Tell whether a message has all its parts, and is of a length that is read."""
    parts = (err.subject, err.expected, err.found, err.hint)
    return all(str(part).strip() for part in parts) and len(str(err)) < 6000


def survives(name: str, read: Callable[[Path], Any], path: Path) -> bool:
    """Read a file; True where the reader took it, False where it refused in our words."""
    try:
        with bounds(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            read(path)
    except InputError as err:
        assert readable(err), f"{name}: a message that nobody can use: {err}"
        TRIED[name]["refused"] += 1
        return False
    TRIED[name]["taken"] += 1
    return True


def write(reader: Reader, folder: Path, content: bytes) -> Path:
    """Write content as a file for a reader."""
    path = folder / reader.file_name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(content, 1, mtime=0) if reader.packed else content)
    return path


# ---------------------------------------------------------------- bytes

NUMBERS = [
    b"nan", b"inf", b"-inf", b"1e999", b"-1", b"0", b"-0", b"1e-320", b"9" * 400, b"1_0", b"0x10",
    b"2147483648", b"9223372036854775808", b"-9223372036854775809", b"0.1e5", b"1,5", b"",
    "٣".encode(), b"True", b"None", b"n/a", b"1j",
]  # fmt: skip
PIECES = [
    b"\0", b"\r", b"\n", b"\r\n", b"\t", b"\t\t", b'"', b"'", b'"""', b",", b";", b":", b"=", b"#",
    b"[", b"]", b"{", b"}", b"(", b"\\", b"\\u0000", b"\\ud800", b"\xff", b"\xef\xbb\xbf", b"\xc3",
    b"\xe9", b"\x1a", b"\x1b[31m", "\u2028".encode(), "\u202e".encode(), b"<script>", b"../", b"/",
    b"$(touch x)", b" ", b"_", b"-", b"." , b"~", b"%s", b"{0}", b"n/a", b"null", b"true",
    b"x" * 5000, b"[" * 3000, b"\t" * 2000, b"\n" * 2000, b'{"a":' * 3000,
]  # fmt: skip
EXTREMES = [
    b"\0", b"\xff", b"\x7f", b"\x80", b"\0\0", b"\xff\xff", b"\xff\x7f", b"\0\x80", b"\0\0\0\0",
    b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f", b"\0\0\0\x80", b"\0\0\xc0\x7f", b"\0\0\x80\x7f",
    b"\0\0\x80\xff", b"\xff\xff\x7f\x7f", b"\x01\0\0\0", b"\0\0\0\x01", b"\xff" * 8, b"\0" * 8,
    b"\xff" * 7 + b"\x7f",
]  # fmt: skip


def _slot(content: bytes, place: float, top: int | None = None) -> int:
    return int(place * min(len(content), top or len(content)))


def _replace_match(content: bytes, pattern: bytes, place: float, new: bytes) -> bytes:
    found = list(re.finditer(pattern, content))
    if not found:
        return content
    one = found[min(int(place * len(found)), len(found) - 1)]
    return content[: one.start()] + new + content[one.end() :]


def _lines(content: bytes, what: str, place: float) -> bytes:
    lines = content.split(b"\n")
    k = min(int(place * len(lines)), len(lines) - 1)
    if what == "twice":
        lines.insert(k, lines[k])
    elif what == "gone":
        del lines[k]
    elif what == "first":
        lines.insert(0, lines.pop(k))
    return b"\n".join(lines)


def _column(content: bytes, place: float) -> bytes:
    """Write a column twice, with its name."""
    mark = b"\t" if b"\t" in content else b","
    rows = [line.split(mark) for line in content.split(b"\n")]
    k = int(place * len(rows[0])) if rows[0] else 0
    return b"\n".join(mark.join([*row, row[k]] if k < len(row) else row) for row in rows)


def _encode(content: bytes, codec: str) -> bytes:
    text = content.decode("utf-8", "replace")
    return text.encode(codec, "replace")


place = st.floats(0, 1, exclude_max=True)
TEXT_CHANGES = st.one_of(
    st.tuples(place, st.sampled_from(NUMBERS)).map(
        lambda a: lambda c: _replace_match(c, rb"-?\d+(\.\d+)?", *a)
    ),
    st.tuples(place, st.sampled_from([*NUMBERS, *PIECES])).map(
        lambda a: lambda c: _replace_match(c, rb"[A-Za-z_]\w*", *a)
    ),
    st.tuples(st.sampled_from(["twice", "gone", "first"]), place).map(
        lambda a: lambda c: _lines(c, *a)
    ),
    place.map(lambda a: lambda c: _column(c, a)),
    st.sampled_from(["utf-16", "utf-8-sig", "latin-1", "utf-32", "cp500"]).map(
        lambda a: lambda c: _encode(c, a)
    ),
    st.sampled_from([b"\r\n", b"\r", b"\0", b" ", b""]).map(
        lambda a: lambda c: c.replace(b"\n", a)
    ),
    st.sampled_from([b",", b" ", b";"]).map(lambda a: lambda c: c.replace(b"\t", a)),
)
BYTE_CHANGES = st.one_of(
    st.tuples(place, st.integers(0, 255)).map(
        lambda a: lambda c: c[: _slot(c, a[0])] + bytes([a[1]]) + c[_slot(c, a[0]) + 1 :]
    ),
    place.map(lambda a: lambda c: c[: _slot(c, a)]),
    st.tuples(place, place).map(lambda a: lambda c: c[: _slot(c, min(a))] + c[_slot(c, max(a)) :]),
    st.tuples(place, place).map(lambda a: lambda c: c + c[_slot(c, min(a)) : _slot(c, max(a))]),
    st.tuples(place, st.sampled_from(PIECES)).map(
        lambda a: lambda c: c[: _slot(c, a[0])] + a[1] + c[_slot(c, a[0]) :]
    ),
)


def _header_changes(top: int) -> st.SearchStrategy:
    """Write extreme numbers over numbers of a binary header."""
    return st.tuples(st.integers(0, max(top - 1, 0)), st.sampled_from(EXTREMES), st.booleans()).map(
        lambda a: (
            lambda c: (
                c[: (s := a[0] - (a[0] % min(len(a[1]), 4) if a[2] else 0))]
                + a[1]
                + c[s + len(a[1]) :]
            )
        )
    )


def _apply(content: bytes, changes: list[Callable]) -> bytes:
    for change in changes:
        content = change(content)[: 1 << 22]
    return content


def spoilt(reader: Reader, seeds: list[bytes]) -> st.SearchStrategy[bytes]:
    """Valid files with up to three changes; sometimes any bytes at all."""
    changes = (
        st.one_of(TEXT_CHANGES, TEXT_CHANGES, BYTE_CHANGES)
        if reader.text
        else st.one_of(_header_changes(reader.header), _header_changes(reader.header), BYTE_CHANGES)
    )
    valid = st.builds(_apply, st.sampled_from(seeds), st.lists(changes, min_size=1, max_size=3))
    return st.one_of(valid, valid, valid, valid, st.binary(max_size=300))


# ---------------------------------------------------------------- trees (JSON, TOML)

ODD_VALUES = st.sampled_from(
    [None, True, False, 0, -1, 1e308, 2**70, -0.5, "", " ", "x", "\0", "<b>", "../..", "nan", [],
     {}, [[]], [None], {"": None}, ["a", "a"], [1, "a"], "x" * 3000, {"a": {"a": {"a": 1}}}]
)  # fmt: skip


def _paths(tree: Any, at: tuple = ()) -> Iterator[tuple]:
    yield at
    items = tree.items() if isinstance(tree, dict) else (
        enumerate(tree) if isinstance(tree, list) else ()
    )  # fmt: skip
    for key, value in items:
        yield from _paths(value, (*at, key))


def _change_tree(tree: Any, what: str, where: float, value: Any) -> Any:
    tree = json.loads(json.dumps(tree))
    paths = list(_paths(tree))
    at = paths[min(int(where * len(paths)), len(paths) - 1)]
    if not at:
        return value if what == "set" else tree
    inner = tree
    for key in at[:-1]:
        inner = inner[key]
    if what == "set":
        inner[at[-1]] = value
    elif what == "gone":
        del inner[at[-1]]
    elif what == "more" and isinstance(inner[at[-1]], dict):
        inner[at[-1]]["more"] = value
    elif what == "list":
        inner[at[-1]] = [inner[at[-1]]] * 2
    return tree


def spoilt_trees(tree: Any) -> st.SearchStrategy[Any]:
    """Give nested dictionaries and lists in which values are others, gone or repeated."""
    change = st.tuples(st.sampled_from(["set", "set", "gone", "more", "list"]), place, ODD_VALUES)

    def apply(changes: list) -> Any:
        found = tree
        for one in changes:
            found = _change_tree(found, *one)
        return found

    return st.lists(change, min_size=1, max_size=3).map(apply)


# ---------------------------------------------------------------- what is no file


def no_files(folder: Path, name: str) -> Iterator[tuple[str, Path]]:
    """Put in the place of a file, one after the other, what is none."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    yield "nothing", path
    path.mkdir()
    yield "folder", path
    path.rmdir()
    path.symlink_to(folder / "nowhere")
    yield "dangling link", path
    path.unlink()
    path.symlink_to(path.name)
    yield "link to itself", path
    path.unlink()
    path.write_bytes(b"")
    yield "empty", path
    path.unlink()
    os.mkfifo(path)
    yield "fifo", path
    path.unlink()
    if os.geteuid():
        path.write_bytes(b"x")
        path.chmod(0)
        yield "no permission", path
        path.chmod(stat.S_IRUSR | stat.S_IWUSR)
        path.unlink()
