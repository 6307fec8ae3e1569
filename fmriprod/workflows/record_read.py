"""Read the record of a run, whatever a kill, a full disk or a stranger left of it."""

import json
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_YEAR_9999 = 253_370_764_800.0  # s; beyond it there are no dates


def _is_time(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value) and 0 <= value < _YEAR_9999


def _is_span(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) < _YEAR_9999


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_whole(value: Any) -> bool:
    return type(value) is int


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


_KINDS: dict[str, Callable[[Any], bool]] = {
    "time": _is_time, "clock": _is_span, "pid": _is_whole, "born": _is_whole,
    "participants": _are_texts,
    **dict.fromkeys(
        ("host", "machine", "command", "version", "level", "engine", "work_dir", "out_dir", "node",
         "message", "crash_file", "report"),
        _is_text,
    ),
}  # fmt: skip
_MAY_BE_NONE = ("born", "machine", "work_dir")


@dataclass(frozen=True)
class Record:
    """Lines of a record.

    Attributes
    ----------
    begin : dict
        Its first line; where that is lost, what the name of the file tells. It has a ``time``.
    entries : list of dict
        The others.
    trouble : str
        Why it is not known how the run began; empty where it is.
    readable : bool
        Whether there are lines that could be read if there were any.
    """

    begin: dict[str, Any]
    entries: list[dict[str, Any]] = field(default_factory=list)
    trouble: str = ""
    readable: bool = True


def load_record(path: Path) -> Record:
    """Read a record; what is missing of it is said, and never takes the place of something else."""
    named = owner_in_name(path)
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as err:
        return Record(named, trouble=f"{path}: {err.strerror or err}", readable=False)
    entries = list(_parse(text))
    if entries and entries[0]["what"] == "begin":
        return Record({"time": named["time"], **entries[0]}, entries[1:])
    return Record(named, entries, f"{path}: its first line is lost")


def owner_in_name(path: Path) -> dict[str, Any]:
    """Tell when a record began, on which host and by which process, from its name alone.

    Examples
    --------
    >>> owner_in_name(Path("01700000000000000000-node7-4711.jsonl"))
    {'time': 1700000000.0, 'host': 'node7', 'pid': 4711}
    """
    found = re.fullmatch(r"(\d{20})-(.+)-(\d{1,9})\.jsonl", path.name)
    if found and _is_time(int(found[1]) / 1e9):
        return {"time": int(found[1]) / 1e9, "host": found[2], "pid": int(found[3])}
    return {"time": touched(path) / 1e9}


def touched(path: Path) -> int:
    """Tell when a file was touched last, in ns by its file system; 0 where there is none."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def _parse(text: str) -> Iterator[dict[str, Any]]:
    for line in text.splitlines():
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(entry, dict) and isinstance(entry.get("what"), str):
            yield {key: value for key, value in entry.items() if _is_of_kind(key, value)}


def _is_of_kind(key: str, value: Any) -> bool:
    if value is None:
        return key in _MAY_BE_NONE
    return key not in _KINDS or _KINDS[key](value)
