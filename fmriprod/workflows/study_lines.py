"""Find the line of a TOML file on which a key stands, so that a message can name it."""

import re
from collections.abc import Sequence

_TABLE = re.compile(r"^\s*\[(\[)?\s*([^\]]+?)\s*\]\]?\s*(#.*)?$")
_KEY = re.compile(
    r"""^\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*="""
)
_PART = re.compile(r"""[\w-]+|"[^"]*"|'[^']*'""")

Path = tuple[str | int, ...]


def key_lines(text: str) -> dict[Path, int]:
    """Find the lines of tables and keys.

    Parameters
    ----------
    text : str
        A TOML document.

    Returns
    -------
    dict
        Line, from 1, of each path such as ``("tasks", "drawing", "labels")``; tables of
        an array are counted from 0.

    Examples
    --------
    >>> key_lines("[a]")
    {('a',): 1}
    """
    lines: dict[Path, int] = {}
    counts: dict[Path, int] = {}
    place: Path = ()
    for number, line in enumerate(text.splitlines(), start=1):
        table = _TABLE.match(line)
        if table:
            place = _parts(table[2])
            if table[1]:
                counts[place] = counts.get(place, -1) + 1
                place = (*place, counts[place])
            lines.setdefault(place, number)
        elif key := _KEY.match(line):
            lines.setdefault((*place, *_parts(key[1])), number)
    return lines


def line_of(lines: dict[Path, int], path: Sequence[str | int]) -> int | None:
    """Find the line of a key, or of the nearest table around it.

    Parameters
    ----------
    lines : dict
        From `key_lines`.
    path : sequence
        Keys from the root of the document.

    Returns
    -------
    int or None
        None where not even the outermost table is written down.
    """
    path = tuple(path)
    while path:
        if path in lines:
            return lines[path]
        path = path[:-1]
    return None


def shown(path: Sequence[str | int]) -> str:
    """Write a path as a person would.

    Examples
    --------
    >>> shown(("evidence", 1, "scheme"))
    'evidence[2].scheme'
    """
    text = ""
    for part in path:
        text += f"[{part + 1}]" if isinstance(part, int) else f".{part}"
    return text.removeprefix(".")


def _parts(dotted: str) -> Path:
    return tuple(part.strip("\"'") for part in _PART.findall(dotted))
