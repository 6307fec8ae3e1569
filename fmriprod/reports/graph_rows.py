"""The rows of one group of a picture of a graph: items, lanes of arrows, and their columns."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import networkx as nx

from fmriprod.reports.graph_drawing import Diagram
from fmriprod.reports.graph_layers import acyclic, layers_of, ordered
from fmriprod.reports.graph_positions import spread

SWEEPS = 10
LANE_WEIGHT = 4.0  # lanes are kept straight before boxes are put in the middle


@dataclass
class Net:
    """What goes out from one box, seen from a group.

    ``origin`` is the item that has the box (None: it comes from outside), ``targets`` the items
    that it goes to, and ``leaves`` says that it goes to the outside, too.
    """

    origin: str | None
    targets: set[str] = field(default_factory=set)
    leaves: bool = False


@dataclass
class Channel:
    """A net between two rows: items above and below that it joins."""

    above: list[str] = field(default_factory=list)
    below: list[str] = field(default_factory=list)
    enters: bool = False
    leaves: bool = False


@dataclass
class Rows:
    """Items and lanes in rows. ``channels`` are by the row below them and the net."""

    items: list[list[str]]
    centres: dict[str, float]
    extents: Mapping[str, tuple[float, float]]
    anchors: Mapping[tuple[str, str, str], float]
    channels: dict[tuple[int, str], Channel]
    width: float


def lane_key(net: str, row: int) -> str:
    """Name of the lane of a net through a row; no box has it."""
    return f"\0{row}\0{net}"


def build_rows(
    diagram: Diagram,
    group: str | None,
    extents: Mapping[str, tuple[float, float]],
    limit: float,
    anchors: Mapping[tuple[str, str, str], float],
    *,
    gap: float,
    lane: float,
) -> Rows:
    """Arrange what is in a group.

    Parameters
    ----------
    diagram : Diagram
        The whole picture.
    group : str or None
        Which group.
    extents : mapping of str to (float, float)
        Width and height of each item of the group.
    limit : float
        Width to keep to.
    anchors : mapping
        For groups as items: column, from their centre, where a net is at their top or bottom,
        by item, net and side.
    gap, lane : float
        Space between items, and width of a lane.

    Returns
    -------
    Rows
        With the columns of all items and lanes.
    """
    nets = _nets(diagram, group, extents)
    graph = nx.DiGraph()
    graph.add_nodes_from(extents)
    graph.add_edges_from(
        (n.origin, t) for n in nets.values() if n.origin for t in sorted(n.targets)
    )
    widths = {key: size[0] for key, size in extents.items()}
    row_of = layers_of(acyclic(graph), widths, limit, gap=gap, lane=lane)
    count = 1 + max(row_of.values(), default=-1)
    layers: list[list[str]] = [[] for _ in range(count)]
    for key in extents:
        layers[row_of[key]].append(key)
    channels: dict[tuple[int, str], Channel] = {}
    for name, net in nets.items():
        _thread(name, net, row_of, layers, channels)
    edges = [(a, b) for c in channels.values() for a in c.above for b in c.below]
    layers = ordered(layers, edges)
    widths |= {item: lane for row in layers for item in row if item not in widths}
    needed = max((sum(widths[i] + gap for i in row) - gap for row in layers), default=0.0)
    rows = Rows(layers, {}, extents, anchors, channels, needed)
    _find_columns(rows, widths, gap)
    return rows


def _nets(
    diagram: Diagram, group: str | None, extents: Mapping[str, tuple[float, float]]
) -> dict[str, Net]:
    """Collect what goes between items of a group, into it and out of it."""
    holder: dict[str, str | None] = {}
    for box in diagram.boxes:
        chain = [box.key, *diagram.ancestors(box.key)]
        holder[box.key] = next((key for key in chain if key in extents), None)
    nets: dict[str, Net] = {}
    for arrow in diagram.arrows:
        origin, target = holder[arrow.source], holder[arrow.target]
        if origin == target:
            continue
        net = nets.setdefault(arrow.source, Net(origin))
        if target is None:
            net.leaves = True
        else:
            net.targets.add(target)
    return nets


def _thread(
    name: str,
    net: Net,
    row_of: Mapping[str, int],
    layers: list[list[str]],
    channels: dict[tuple[int, str], Channel],
) -> None:
    """Lead a net through the rows, with a lane in each that it passes."""
    start = -1 if net.origin is None else row_of[net.origin]
    goals: dict[int, list[str]] = {}
    for target in sorted(net.targets):
        goals.setdefault(row_of[target], []).append(target)
    end = len(layers) if net.leaves else max([start, *goals])
    top = min([start + 1, *goals])
    forward = list(range(start + 1, end))
    back = list(range(top, start + 1))  # only where a cycle leads upwards
    for row in [*back, *forward]:
        layers[row].append(lane_key(name, row))
    lanes = {row: lane_key(name, row) for row in [*back, *forward]}

    def channel(row: int) -> Channel:
        return channels.setdefault((row, name), Channel())

    if end > start:
        first = channel(start + 1)
        first.enters = net.origin is None
        first.above += [] if net.origin is None else [net.origin]
    for row in range(start + 1, end + 1):
        found = channel(row)
        found.above += [lanes[row - 1]] if row > start + 1 else []
        found.below += goals.get(row, []) + ([lanes[row]] if row in forward else [])
    if net.leaves:
        channel(end).leaves = True
    if back:
        turn = channel(start + 1)
        if net.origin is not None and net.origin not in turn.above:
            turn.above.append(net.origin)
        turn.above.append(lanes[start])
        for row in range(start, top - 1, -1):
            found = channel(row)
            found.below += [lanes[row], *goals.get(row, [])]
            found.above += [lanes[row - 1]] if row > top else []


def _find_columns(rows: Rows, widths: Mapping[str, float], gap: float) -> None:
    """Place items near the middle of what they are joined with, going down and up in turn."""
    up: dict[str, list[tuple[str, str]]] = {}
    down: dict[str, list[tuple[str, str]]] = {}
    for (_, net), channel in rows.channels.items():
        for above in channel.above:
            for below in channel.below:
                up.setdefault(below, []).append((above, net))
                down.setdefault(above, []).append((below, net))
    for row in rows.items:
        room = sum(widths[i] + gap for i in row) - gap
        x = (rows.width - room) / 2
        for item in row:
            rows.centres[item] = x + widths[item] / 2
            x += widths[item] + gap
    count = len(rows.items)
    for sweep in range(SWEEPS):
        is_down = sweep % 2 == 0
        for i in range(count) if is_down else range(count - 1, -1, -1):
            _shift(rows, rows.items[i], widths, gap, up if is_down else down, is_down)
    reach = {item: max(widths[item] / 2, 1.0) for item in rows.centres}
    left = min((x - reach[item] for item, x in rows.centres.items()), default=0.0)
    right = max((x + reach[item] for item, x in rows.centres.items()), default=0.0)
    rows.centres = {item: round(x - left, 3) for item, x in rows.centres.items()}
    rows.width = right - left


def _shift(
    rows: Rows,
    row: list[str],
    widths: Mapping[str, float],
    gap: float,
    near: Mapping[str, list[tuple[str, str]]],
    is_down: bool,
) -> None:
    """Move the items of a row towards those of the row before."""
    own, other = ("top", "bottom") if is_down else ("bottom", "top")
    wanted, weights = [], []
    for item in row:
        places = [
            rows.centres[n] + rows.anchors.get((n, net, other), 0.0)
            - rows.anchors.get((item, net, own), 0.0)
            for n, net in near.get(item, ())
        ]  # fmt: skip
        wanted.append(sum(places) / len(places) if places else rows.centres[item])
        heavy = LANE_WEIGHT if item not in rows.extents else 1.0
        weights.append(heavy if places else 0.2)
    found = spread(wanted, [widths[i] for i in row], weights, gap=gap, limit=rows.width)
    rows.centres.update(zip(row, found, strict=True))
