"""How often the steps of a workflow are done: repeated parts, iterables, MapNodes."""

from collections.abc import Sequence

import networkx as nx
from nipype.pipeline import engine as pe

from fmriprod.workflows.draw_flat import Flat, Path, loops_of
from fmriprod.workflows.draw_merge import ENTITIES, Repeats
from fmriprod.workflows.draw_words import field_title

Loop = tuple[str, str, int]  # node with the iterables, field, number (0 where it is not known)


def loops_by_node(flat: Flat) -> dict[Path, set[Loop]]:
    """Find the iterables that each node is repeated for: its own, and those of all before it.

    A JoinNode ends the loop of the node that it joins over.
    """
    own = {
        path: {(path[-1], name, count or 0) for name, count in loops_of(node)}
        for path, node in flat.nodes.items()
    }
    if not any(own.values()):
        return own
    graph = nx.DiGraph()
    graph.add_nodes_from(flat.nodes)
    graph.add_edges_from((wire.source, wire.target) for wire in flat.wires)
    found: dict[Path, set[Loop]] = {}
    for path in nx.topological_sort(graph):
        loops = own[path].union(*(found[before] for before in graph.pred[path]))
        node = flat.nodes[path]
        if isinstance(node, pe.JoinNode):
            source = str(node.joinsource).rpartition(".")[2]
            loops = {loop for loop in loops if loop[0] != source}
        found[path] = loops
    return found


def count_text(
    repeated: Repeats | None, loops: Sequence[Loop], mapped: tuple[str, int | None] | None
) -> str:
    """Say how often something is done.

    Examples
    --------
    >>> count_text(Repeats(6, 10, "runs"), [], None)
    '× 6–10 runs'
    >>> count_text(None, [("info", "subject_id", 3)], None)
    '× 3 participants'
    >>> count_text(None, [], ("in_file", None))
    'each input'
    """
    parts = []
    if repeated is not None:
        few, most = repeated.fewest, repeated.most
        number = f"{few}–{most}" if few < most else f"{most}"
        parts.append(f"× {number} {repeated.unit}".strip())
    for _, name, count in loops:
        unit = _unit(name)
        parts.append(f"× {count} {unit}" if count else f"each {unit}")
    if mapped is not None:
        name, number = mapped
        unit = field_title(name)
        unit = unit[:1].lower() + unit[1:] if not unit[1:2].isupper() else unit
        parts.append(f"× {number}" if number else f"each {unit}")
    return ", ".join(parts)


def _unit(name: str) -> str:
    """Name what an iterable goes over."""
    stem = name.split("_")[0]
    return ENTITIES.get(stem) or field_title(name)
