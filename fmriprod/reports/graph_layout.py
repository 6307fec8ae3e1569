"""Where the boxes, frames and arrows of a picture of a graph lie; lengths are points."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from fmriprod.reports.graph_drawing import Diagram
from fmriprod.reports.graph_rows import Rows, build_rows
from fmriprod.reports.graph_wires import Line, draw_wires

# A lane has less than no width: two lanes may be nearer to each other than two boxes.
GAP, LANE, PAD, STRIP = 9.0, -4.0, 5.0, 12.0


class Rect(NamedTuple):
    """A rectangle by its left upper corner; y goes downwards."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Layout:
    """Places of everything.

    Attributes
    ----------
    width, height : float
        Size of the drawing.
    boxes, frames : dict of str to Rect
        By the keys of boxes and groups.
    lines : list of Line
        Parts of arrows: together, those of a source join it to all its targets.
    """

    width: float
    height: float
    boxes: dict[str, Rect]
    frames: dict[str, Rect]
    lines: list[Line]


@dataclass
class Placed:
    """The inside of a group, from (0, 0), and the columns where arrows enter and leave it."""

    width: float
    height: float
    boxes: dict[str, Rect] = field(default_factory=dict)
    frames: dict[str, Rect] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)
    entries: dict[str, float] = field(default_factory=dict)
    exits: dict[str, float] = field(default_factory=dict)


def lay_out(
    diagram: Diagram,
    sizes: Mapping[str, tuple[float, float]],
    limit: float,
    *,
    lengths: Mapping[str, float] | None = None,
) -> Layout:
    """Place boxes in rows, sources above their targets, and lead arrows between the boxes.

    A group is laid out by itself, and is then a box among others, so that frames neither
    overlap nor hold what is not theirs. Arrows from the same box share their way. They run
    between rows, or in lanes of their own through rows: never through a box.

    Parameters
    ----------
    diagram : Diagram
        What is drawn.
    sizes : mapping of str to (float, float)
        Width and height of each box.
    limit : float
        Width that the drawing shall not exceed; where boxes and arrows need more, it does.
    lengths : mapping of str to float, optional
        Least height of the frame of a group, for its title.

    Returns
    -------
    Layout
        The same for the same arguments.
    """
    placed = _place(diagram, None, sizes, limit, lengths or {})
    return Layout(placed.width, placed.height, placed.boxes, placed.frames, placed.lines)


def _place(
    diagram: Diagram,
    group: str | None,
    sizes: Mapping[str, tuple[float, float]],
    limit: float,
    lengths: Mapping[str, float],
) -> Placed:
    """Lay out what is directly in a group, after the groups in it."""
    inner: dict[str, Placed] = {}
    extents: dict[str, tuple[float, float]] = {}
    for part in diagram.within(group):
        if part.key in sizes:
            extents[part.key] = sizes[part.key]
        else:
            framed = _framed(
                _place(diagram, part.key, sizes, limit - STRIP - 2 * PAD, lengths),
                part.key, lengths.get(part.key, 0.0),
            )  # fmt: skip
            inner[part.key] = framed
            extents[part.key] = (framed.width, framed.height)
    anchors = {
        (key, net, side): x - placed.width / 2
        for key, placed in inner.items()
        for side, ports in (("top", placed.entries), ("bottom", placed.exits))
        for net, x in ports.items()
    }
    rows = build_rows(diagram, group, extents, limit, anchors, gap=GAP, lane=LANE)
    return _assemble(rows, inner)


def _framed(placed: Placed, key: str, least: float) -> Placed:
    """Put a frame around a group, with a strip for its title at the left."""
    extra = max(0.0, least - placed.height)
    dx = STRIP + PAD
    own = Rect(0.0, 0.0, placed.width + dx + PAD, placed.height + extra)
    lines = [line.moved(dx, 0.0) for line in placed.lines]
    for net, x in placed.exits.items() if extra else ():
        below = ((x + dx, placed.height), (x + dx, own.height))
        lines.append(Line(net, below, False))
    return Placed(
        own.width,
        own.height,
        {k: _moved(rect, dx, 0.0) for k, rect in placed.boxes.items()},
        {key: own} | {k: _moved(rect, dx, 0.0) for k, rect in placed.frames.items()},
        lines,
        {net: x + dx for net, x in placed.entries.items()},
        {net: x + dx for net, x in placed.exits.items()},
    )


def _assemble(rows: Rows, inner: Mapping[str, Placed]) -> Placed:
    """Give rows their heights, lead the arrows, and put the groups in their places."""
    wires = draw_wires(rows)
    found = Placed(rows.width, wires.height, lines=wires.lines, entries=wires.entries,
                   exits=wires.exits)  # fmt: skip
    for row, items in enumerate(rows.items):
        for item in items:
            if item not in rows.extents:
                continue
            width, height = rows.extents[item]
            x, y = rows.centres[item] - width / 2, wires.tops[row]
            if item not in inner:
                found.boxes[item] = Rect(x, y, width, height)
                continue
            placed = inner[item]
            found.boxes |= {k: _moved(rect, x, y) for k, rect in placed.boxes.items()}
            found.frames |= {k: _moved(rect, x, y) for k, rect in placed.frames.items()}
            found.lines += [line.moved(x, y) for line in placed.lines]
    return found


def _moved(rect: Rect, dx: float, dy: float) -> Rect:
    return Rect(rect.x + dx, rect.y + dy, rect.width, rect.height)
