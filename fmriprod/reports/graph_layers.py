"""Layers of a drawing of a graph: which item is in which row, and in which order.

The scheme is that of Sugiyama, Tagawa & Toda (1981), IEEE Trans Syst Man Cybern 11:109-125:
rows by dependency, then fewer crossings by sorting rows by the places of neighbours. Rows have
a largest width, as Coffman & Graham (1972) have a largest number of items.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import networkx as nx

SWEEPS = 12


def acyclic(graph: nx.DiGraph) -> nx.DiGraph:
    """Copy a graph without the edges that lead back, so that it has an order.

    An edge leads back if its target was begun, but not finished, when a depth-first search in
    the order of the nodes came by.
    """
    found = nx.DiGraph()
    found.add_nodes_from(graph)
    found.add_edges_from(graph.edges)
    if nx.is_directed_acyclic_graph(found):
        return found
    state: dict = {}
    for root in graph:
        stack = [(root, iter(graph[root]))] if root not in state else []
        state.setdefault(root, "begun")
        while stack:
            node, following = stack[-1]
            target = next(following, None)
            if target is None:
                state[node] = "finished"
                stack.pop()
            elif target not in state:
                state[target] = "begun"
                stack.append((target, iter(graph[target])))
            elif state[target] == "begun":
                found.remove_edge(node, target)
    return found


def layers_of(
    graph: nx.DiGraph, widths: Mapping[str, float], limit: float, *, gap: float, lane: float
) -> dict[str, int]:
    """Give each item a row below the rows of all that it depends on.

    Parameters
    ----------
    graph : networkx.DiGraph
        Without cycles.
    widths : mapping
        Of the items, in points.
    limit : float
        Width that rows shall not exceed, lanes of passing arrows included; where that cannot
        be, they do.
    gap, lane : float
        Space between items, and room of a passing arrow.

    Returns
    -------
    dict
        Number of the row of each item, from 0.
    """
    order = {node: i for i, node in enumerate(graph)}
    depth: dict[str, int] = {}
    for node in reversed(list(nx.topological_sort(graph))):
        depth[node] = 1 + max((depth[n] for n in graph[node]), default=-1)
    todo = list(nx.lexicographical_topological_sort(graph, key=lambda n: (-depth[n], order[n])))
    best: tuple[float, dict[str, int]] | None = None
    reserved: dict[int, float] = {}
    for _ in range(6):
        found = _greedy(graph, todo, widths, limit, gap, reserved)
        lanes = _lanes(graph, found, lane + gap)
        used: dict[int, float] = dict(lanes)
        for node, row in found.items():
            used[row] = used.get(row, -gap) + widths[node] + gap
        over = max((w - limit for w in used.values()), default=0.0)
        if best is None or over < best[0]:
            best = (over, found)
        if over <= 0:
            break
        reserved = {row: max(lanes.get(row, 0), reserved.get(row, 0)) for row in used}
    return best[1] if best else {}


def _greedy(
    graph: nx.DiGraph,
    todo: Sequence[str],
    widths: Mapping[str, float],
    limit: float,
    gap: float,
    reserved: Mapping[int, float],
) -> dict[str, int]:
    """Put each item into the first row with room, then those without inputs next to their use."""
    rows: dict[str, int] = {}
    used: dict[int, float] = {}

    def fits(node: str, row: int) -> bool:
        return row not in used or used[row] + gap + widths[node] <= limit

    def put(node: str, row: int) -> None:
        rows[node] = row
        used[row] = used.get(row, reserved.get(row, 0.0) - gap) + gap + widths[node]

    for node in todo:
        row = 1 + max((rows[p] for p in graph.pred[node]), default=-1)
        while not fits(node, row):
            row += 1
        put(node, row)
    for node in reversed(todo):
        if graph[node] and graph.in_degree(node) <= graph.out_degree(node):
            last = min(rows[n] for n in graph[node]) - 1
            for row in range(last, rows[node], -1):
                if fits(node, row):
                    used[rows[node]] -= gap + widths[node]
                    put(node, row)
                    break
    filled = {row: i for i, row in enumerate(sorted(set(rows.values())))}
    return {node: filled[row] for node, row in rows.items()}


def _lanes(graph: nx.DiGraph, rows: Mapping[str, int], lane: float) -> dict[int, float]:
    """Room in each row for arrows that pass it; those from the same item share a lane."""
    found: dict[int, float] = {}
    for node in graph:
        end = max((rows[n] for n in graph[node]), default=rows[node])
        for row in range(rows[node] + 1, end):
            found[row] = found.get(row, 0.0) + lane
    return found


def ordered(layers: Sequence[Sequence[str]], edges: Sequence[tuple[str, str]]) -> list[list[str]]:
    """Sort the items of each row so that few edges between neighbouring rows cross.

    Parameters
    ----------
    layers : sequence of sequence of str
        Items of each row.
    edges : sequence of (str, str)
        From an item to one of the next row.

    Returns
    -------
    list of list of str
        The same rows in the best order of all sweeps.
    """
    above: dict[str, list[str]] = {}
    below: dict[str, list[str]] = {}
    for source, target in edges:
        below.setdefault(source, []).append(target)
        above.setdefault(target, []).append(source)
    rows = [list(row) for row in layers]
    best, fewest = [list(row) for row in rows], crossings(rows, below)
    for sweep in range(SWEEPS):
        down = sweep % 2 == 0
        near = above if down else below
        for i in range(1, len(rows)) if down else range(len(rows) - 2, -1, -1):
            other = rows[i - 1] if down else rows[i + 1]
            place = {item: n / max(1, len(other) - 1) for n, item in enumerate(other)}
            own = {item: n / max(1, len(rows[i]) - 1) for n, item in enumerate(rows[i])}
            rows[i].sort(key=lambda item, p=place, o=own, n=near: _mean(item, p, o, n))
        count = crossings(rows, below)
        if count < fewest:
            best, fewest = [list(row) for row in rows], count
        if not fewest:
            break
    return best


def _mean(item: str, place: Mapping, own: Mapping, near: Mapping) -> float:
    places = [place[n] for n in near.get(item, ()) if n in place]
    return sum(places) / len(places) if places else own[item]


def crossings(rows: Sequence[Sequence[str]], below: Mapping[str, Sequence[str]]) -> int:
    """Count crossings between neighbouring rows: pairs of edges in opposite orders."""
    total = 0
    for upper, lower in pairwise(rows):
        place = {item: n for n, item in enumerate(lower)}
        tree = [0] * (len(lower) + 1)
        seen = 0
        for item in upper:
            ends = sorted(place[t] for t in below.get(item, ()) if t in place)
            for end in ends:
                i, before = end + 1, 0
                while i:
                    before += tree[i]
                    i &= i - 1
                total += seen - before
            for end in ends:
                seen += 1
                i = end + 1
                while i < len(tree):
                    tree[i] += 1
                    i += i & -i
    return total
