"""The lines of arrows between the rows of a picture of a graph."""

from dataclasses import dataclass, field
from typing import NamedTuple

from fmriprod.reports.graph_channels import Piece, tracks
from fmriprod.reports.graph_positions import spread
from fmriprod.reports.graph_rows import Channel, Rows

HEAD, TRACK, TURN, PORT, EMPTY = 8.0, 4.0, 3.0, 6.0, 7.0


class Line(NamedTuple):
    """A part of the arrows from a box: corners, and whether it ends in a head."""

    net: str
    points: tuple[tuple[float, float], ...]
    head: bool

    def moved(self, dx: float, dy: float) -> "Line":
        """Give the same line elsewhere."""
        return Line(self.net, tuple((x + dx, y + dy) for x, y in self.points), self.head)


@dataclass
class Wires:
    """Lines, tops of rows, the height of all, and columns of nets at the upper and lower end."""

    lines: list[Line] = field(default_factory=list)
    tops: list[float] = field(default_factory=list)
    height: float = 0.0
    entries: dict[str, float] = field(default_factory=dict)
    exits: dict[str, float] = field(default_factory=dict)


def draw_wires(rows: Rows) -> Wires:
    """Lead each arrow down, along a track between two rows, and down again.

    Parameters
    ----------
    rows : Rows
        With columns of all items.

    Returns
    -------
    Wires
        Lines cross no item: between rows they are free, and through rows they have lanes.
    """
    found = Wires()
    lower_ports = _bottom_ports(rows)
    ports = _top_ports(rows, lower_ports)
    y = 0.0
    heights = [max((rows.extents[i][1] for i in row if i in rows.extents), default=0.0)
               for row in rows.items]  # fmt: skip
    before: dict[str, float] = {}  # lower ends of the items of the row above
    for gap in range(len(rows.items) + 1):
        own = {net: c for (row, net), c in sorted(rows.channels.items()) if row == gap}
        pieces = [_piece(rows, ports, lower_ports, net, channel) for net, channel in own.items()]
        placed = tracks(pieces)
        count = 1 + max((t for t in placed if t is not None), default=-1)
        height = (2 * TURN + max(0, count - 1) * TRACK + HEAD) if pieces else EMPTY
        if not pieces and gap in (0, len(rows.items)):
            height = EMPTY / 1.4
        for piece, track, (net, channel) in zip(pieces, placed, own.items(), strict=True):
            turn = y + TURN + (track or 0) * TRACK
            found.lines += _lines(rows, piece, channel, before, y, turn, y + height)
            if channel.enters:
                found.entries[net] = piece.tops[0]
            if channel.leaves:
                found.exits[net] = piece.bottoms[-1]
        y += height
        if gap == len(rows.items):
            break
        found.tops.append(y)
        before = {}
        for item in rows.items[gap]:
            before[item] = y + (rows.extents[item][1] if item in rows.extents else heights[gap])
            if item not in rows.extents:
                x = rows.centres[item]
                net = item.split("\0", 2)[2]
                found.lines.append(Line(net, ((x, y), (x, y + heights[gap])), False))
        y += heights[gap]
    found.height = y
    return found


def _bottom_ports(rows: Rows) -> dict[tuple[str, str], float]:
    """Columns where nets leave items: above where they go if that is one place, or the middle."""
    found = {}
    for (row, net), channel in rows.channels.items():
        for item in channel.above:
            found[item, net] = rows.centres[item] + rows.anchors.get((item, net, "bottom"), 0.0)
            found[item, net] = round(found[item, net], 3)
            free = item in rows.extents and (item, net, "bottom") not in rows.anchors
            if free and len(channel.above) == len(channel.below) == 1 and row > 0:
                below = channel.below[0]
                wanted = rows.centres[below] + rows.anchors.get((below, net, "top"), 0.0)
                reach = max(rows.extents[item][0] / 2 - 2 * PORT, 0.0)
                low, high = rows.centres[item] - reach, rows.centres[item] + reach
                found[item, net] = round(min(max(wanted, low), high), 3)
    return found


def _top_ports(rows: Rows, leaving: dict[tuple[str, str], float]) -> dict[tuple[str, str], float]:
    """Columns where nets arrive at the top of boxes: near where they come from, and apart."""
    arriving: dict[str, list[tuple[float, str]]] = {}
    for (_, net), channel in rows.channels.items():
        sources = [leaving[item, net] for item in channel.above] or [
            rows.centres[item] for item in channel.below if item not in rows.extents
        ]
        for item in channel.below:
            start = sources[0] if sources else rows.centres[item]
            arriving.setdefault(item, []).append((start, net))
    found = {}
    for item, nets in arriving.items():
        nets.sort()
        width = rows.extents[item][0] if item in rows.extents else 0.0
        left = rows.centres[item] - width / 2 + PORT
        room = max(width - 2 * PORT, 0.0)
        step = min(PORT, room / max(1, len(nets) - 1))
        wanted = [x - left for x, _ in nets]
        ones = [1.0] * len(nets)
        for (_, net), x in zip(
            nets, spread(wanted, [0.0] * len(nets), ones, gap=step, limit=room), strict=True
        ):
            fixed = rows.anchors.get((item, net, "top"))
            if fixed is not None or item not in rows.extents:
                x = rows.centres[item] + (fixed or 0.0) - left
            found[item, net] = round(left + x, 3)
    return found


def _piece(
    rows: Rows,
    ports: dict[tuple[str, str], float],
    leaving: dict[tuple[str, str], float],
    net: str,
    channel: Channel,
) -> Piece:
    """Find the columns of a net between two rows."""
    tops = [leaving[item, net] for item in channel.above]
    bottoms = [ports[item, net] for item in channel.below]
    if channel.enters:
        tops.append(sorted(bottoms or [rows.width / 2])[len(bottoms) // 2])
    if channel.leaves:
        bottoms.append((tops or bottoms)[0])
    return Piece(net, tops, bottoms)


def _lines(
    rows: Rows,
    piece: Piece,
    channel: Channel,
    before: dict[str, float],
    upper: float,
    turn: float,
    lower: float,
) -> list[Line]:
    """Join the ends of a net between two rows over its track."""
    ends = [(x, before.get(item, upper), False)
            for x, item in zip(piece.tops, [*channel.above, ""], strict=False)]  # fmt: skip
    items = [*channel.below, ""]
    boxes = {i for i in rows.extents if (i, piece.net, "top") not in rows.anchors}
    ends += [(x, lower, item in boxes)
             for x, item in zip(piece.bottoms, items, strict=False)]  # fmt: skip
    start = next((end for end in ends if not end[2]), ends[0])
    found = []
    for end in ends:
        if end is start:
            continue
        corners = [start[:2], (start[0], turn), (end[0], turn), end[:2]]
        if abs(start[0] - end[0]) < 1e-6:
            corners = [start[:2], end[:2]]
        found.append(Line(piece.net, tuple(corners), end[2]))
    return found
