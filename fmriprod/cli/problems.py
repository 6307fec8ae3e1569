"""Problems of a dataset or study, printed."""

import os
import textwrap
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

if TYPE_CHECKING:
    from fmriprod.interfaces.problems import Problem

_STYLES = {"error": "bold red", "warning": "bold yellow"}
_FILES_SHOWN = 5
_INDENT = 19  # columns before the text


def show_problems(
    problems: Sequence["Problem"], console: Console, root: str | Path | None = None
) -> None:
    """Print problems; those that differ in nothing but the file are printed once.

    Parameters
    ----------
    problems : sequence of Problem
        As `check_dataset` gives them.
    console : rich.console.Console
        Colours on a terminal, plain text elsewhere.
    root : path, optional
        Files below it are shown relative to it.
    """
    alike: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for problem in problems:
        key = (problem.severity, problem.expected, problem.found, problem.hint)
        alike[key].append(_shown(problem.file, root))
    for (severity, expected, found, hint), files in alike.items():
        title = Text(f"{severity.upper():<8}", _STYLES[severity])
        console.print(title.append(files[0], "bold"), soft_wrap=True)
        more = [f"{'':8}{file}" for file in files[1:_FILES_SHOWN]]
        if len(files) > _FILES_SHOWN:
            more.append(f"{'':8}and {len(files) - _FILES_SHOWN} more")
        lines = [(expected, "expected", ""), (found, "found", ""), (hint, "do", "cyan")]
        for line in more:
            console.print(Text(line, "bold"), soft_wrap=True)
        for text, name, style in lines:
            label = Text(f"{'':8}{name + ':':<11}", "dim")
            console.print(label.append(_indent(text, console), style or "not dim"), soft_wrap=True)
        console.print()
    console.print(_summary(problems))


def _indent(text: str, console: Console) -> str:
    """Put the lines of a text below each other, wrapped where a terminal would cut them."""
    width = max(console.width - _INDENT, 40) if console.is_terminal else None
    lines = [
        part
        for line in text.split("\n")
        for part in (
            textwrap.wrap(line, width, subsequent_indent=" " * (len(line) - len(line.lstrip())))
            if width and len(line) > width
            else [line]
        )
    ]
    return ("\n" + " " * _INDENT).join(lines)


def _summary(problems: Sequence["Problem"]) -> Text:
    counts = {s: sum(p.severity == s for p in problems) for s in _STYLES}
    if not problems:
        return Text("No problems found.", "green")
    parts = [f"{n} {s}{'s' if n > 1 else ''}" for s, n in counts.items() if n]
    style = _STYLES["error" if counts["error"] else "warning"]
    return Text(", ".join(parts) + ".", style)


def _shown(file: str, root: str | Path | None) -> str:
    """Path of a file of the dataset below its root; other paths as they are."""
    if root is None or not os.path.isabs(file):
        return file
    inside = file.removeprefix(os.path.abspath(root) + os.sep)
    return inside if inside.startswith("sub-") or os.path.isfile(file) else file
