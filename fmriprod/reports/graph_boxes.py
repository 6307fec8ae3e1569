"""What is written into the boxes of a picture of a graph, and how large they are for it."""

from collections.abc import Sequence
from dataclasses import dataclass

from fmriprod.reports.graph_drawing import PORTS, Box, Group
from fmriprod.reports.graph_kinds import KINDS
from fmriprod.reports.graph_text import text_width, wrap

TITLE, NOTE, LEADING = 7.0, 6.0, 1.22
WIDEST = (86.0, 76.0, 66.0, 56.0)  # of the text in a box, in points: the first that fits
LEAST = 34.0
STACK = 2.0


@dataclass(frozen=True)
class BoxText:
    """Lines of a box (text, size in points, whether bold), and the size of the box in points."""

    lines: tuple[tuple[str, float, bool], ...]
    size: tuple[float, float]
    stacked: bool
    strip: float
    pad: float


def box_text(box: Box, widest: float = WIDEST[0]) -> BoxText:
    """Break the text of a box into lines of at most a width in points, and measure it."""
    port = box.kind in PORTS
    strip, pad = (0.0, 2.5) if port else (10.0, 3.0)
    title = (NOTE, False) if port else (TITLE, True)
    lines = [(line, *title) for line in wrap(box.title, widest, *title)]
    lines += [(line, NOTE, True) for line in wrap(box.count, widest, NOTE, True)]
    lines += [(line, NOTE, False) for note in box.notes for line in wrap(note, widest, NOTE)]
    width = max(LEAST, *(text_width(text, size, bold) for text, size, bold in lines))
    height = sum(size * LEADING for _, size, _ in lines)
    shadow = 2 * STACK if box.count else 0.0
    size = (strip + 2 * pad + width + shadow, 2 * pad + height + shadow)
    return BoxText(tuple(lines), size, bool(box.count), strip, pad)


def frame_length(group: Group) -> float:
    """Height that a frame must have for its name along its side, in points."""
    title = " ".join(filter(None, (group.title, group.count)))
    return text_width(title, TITLE, True) + 8.0


def legend_rows(kinds: Sequence[str], width: float) -> list[list[tuple[str, float]]]:
    """Place the kinds of a legend in rows: each with its column in points."""
    rows: list[list[tuple[str, float]]] = []
    x = width + 1
    for kind in kinds:
        own = 10 + text_width(KINDS[kind].label, NOTE) + 10
        if x + own - 10 > width:
            rows.append([])
            x = 0.0
        rows[-1].append((kind, x))
        x += own
    return rows
