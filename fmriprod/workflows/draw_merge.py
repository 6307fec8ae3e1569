"""Find parts of a workflow that repeat each other: participants, runs, regions."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise

import networkx as nx
from nipype.pipeline import engine as pe

from fmriprod.workflows.draw_flat import Flat, Path

ENTITIES = {
    "sub": "participants", "subject": "participants", "participant": "participants",
    "ses": "sessions", "session": "sessions", "task": "tasks", "run": "runs", "acq": "acquisitions",
    "echo": "echoes", "roi": "regions", "region": "regions", "fold": "folds", "hemi": "hemispheres",
    "layer": "layers", "space": "spaces", "model": "models", "contrast": "contrasts",
}  # fmt: skip
_WORKFLOW = re.compile(r"_(wf|workflow)$")


@dataclass(frozen=True)
class Repeats:
    """How many parts are drawn as one: fewest and most (in repeated parts they may differ)."""

    fewest: int
    most: int
    unit: str = ""


@dataclass
class Merged:
    """Which parts stand for which.

    Attributes
    ----------
    of : dict of Path to Path
        For each node the path of the part that is drawn in its place.
    repeats : dict of Path to Repeats
        For paths of parts that are drawn once for many.
    """

    of: dict[Path, Path] = field(default_factory=dict)
    repeats: dict[Path, Repeats] = field(default_factory=dict)


@dataclass
class _Shape:
    """A part without its name: what is in it, and what is joined."""

    form: frozenset
    of: dict[Path, Path]
    repeats: dict[Path, Repeats]


@cache
def pattern(name: str) -> tuple[str, ...]:
    """Take out of a name what tells repeated parts apart.

    Examples
    --------
    >>> pattern("task_recognition_run_1_wf")
    ('task', '#', 'run', '#')
    >>> pattern("t1w"), pattern("roi12")
    (('t1w',), ('roi', '#'))
    """
    found: list[str] = []
    for token in _WORKFLOW.sub("", name).split("_"):
        stem, number = re.fullmatch(r"(.*?)(\d*)", token).groups()
        if found and (found[-1] in ENTITIES or token.isdecimal()):
            found.append("#")
        elif stem and number:
            found += [stem, "#"]
        else:
            found.append(token)
    return tuple(found)


def unit_of(names: Sequence[str]) -> str:
    """Say what tells the names of repeated parts apart: runs, participants; empty if unclear."""
    values: dict[str, set[str]] = {}
    for name in names:
        tokens = re.sub(r"(?<=[a-z])(?=\d+(_|$))", "_", _WORKFLOW.sub("", name)).split("_")
        for key, value in pairwise(tokens):
            if key in ENTITIES:
                values.setdefault(ENTITIES[key], set()).add(value)
    varied = [unit for unit, found in values.items() if len(found) > 1]
    return varied[-1] if varied else ""


def merge(workflow: pe.Workflow, flat: Flat) -> Merged:
    """Find siblings of the same structure whose names differ in labels or numbers only.

    Parts of which one feeds another are left apart, and so are all of a workflow if drawing
    them as one would make a circle.

    Parameters
    ----------
    workflow : nipype.pipeline.engine.Workflow
        The workflow.
    flat : Flat
        The same, taken apart.

    Returns
    -------
    Merged
        Paths of nodes, and how often parts occur.
    """
    shape = _shape(workflow, (), flat, _inner_edges(flat))
    return Merged(shape.of, shape.repeats)


def _inner_edges(flat: Flat) -> dict[Path, list[tuple[Path, Path]]]:
    """Sort connections by the innermost workflow that has both ends."""
    found: dict[Path, list[tuple[Path, Path]]] = {}
    for wire in dict.fromkeys((w.source, w.target) for w in flat.wires):
        common = 0
        for a, b in zip(wire[0][:-1], wire[1][:-1], strict=False):
            if a != b:
                break
            common += 1
        found.setdefault(wire[0][:common], []).append(wire)
    return found


def _shape(
    workflow: pe.Workflow, path: Path, flat: Flat, edges: dict[Path, list[tuple[Path, Path]]]
) -> _Shape:
    """Describe a workflow by what is in it, repeated parts taken together."""
    shapes: dict[str, _Shape] = {}
    for node in workflow._graph.nodes:
        if isinstance(node, pe.Workflow):
            shapes[node.name] = _shape(node, (*path, node.name), flat, edges)
        else:
            kind = type(node.interface).__name__
            shapes[node.name] = _Shape(frozenset({((), kind)}), {(): ()}, {})
    depth = len(path)
    own = [(a[depth:], b[depth:]) for a, b in edges.get(path, ())]
    names = _representatives(workflow, shapes, [(a[0], b[0]) for a, b in own])
    of, repeats = {}, {}
    for name, shape in shapes.items():
        drawn = names[name]
        of |= {(name, *inner): (drawn, *outer) for inner, outer in shape.of.items()}
        for inner, count in shape.repeats.items():
            key = (drawn, *inner)
            repeats[key] = _wider(repeats.get(key), count)
    for drawn in dict.fromkeys(names.values()):
        alike = [name for name in shapes if names[name] == drawn]
        if len(alike) > 1:
            repeats[(drawn,)] = Repeats(len(alike), len(alike), unit_of(alike))
    form = {((pattern(names[n]), *p), kind) for n, s in shapes.items() for p, kind in s.form}
    form |= {((), (_form(of[a]), _form(of[b]))) for a, b in own}
    return _Shape(frozenset(form), of, repeats)


def _form(path: Path) -> tuple:
    return tuple(pattern(name) for name in path)


def _wider(first: Repeats | None, second: Repeats) -> Repeats:
    if first is None:
        return second
    low, high = min(first.fewest, second.fewest), max(first.most, second.most)
    return Repeats(low, high, first.unit or second.unit)


def _representatives(
    workflow: pe.Workflow, shapes: dict[str, _Shape], edges: Iterable[tuple[str, str]]
) -> dict[str, str]:
    """Give each part the first of those that it repeats."""
    workflows = {n.name for n in workflow._graph.nodes if isinstance(n, pe.Workflow)}
    graph = nx.DiGraph()
    graph.add_nodes_from(shapes)
    graph.add_edges_from((a, b) for a, b in edges if a != b)
    clusters: dict[tuple, list[str]] = {}
    for name, shape in shapes.items():
        form = pattern(name)
        if "#" not in form and name in workflows and len(form) > 1:
            form = (form[0], "#")  # evidence_recognition_wf, evidence_production_wf
        clusters.setdefault((form, shape.form, "#" in form), []).append(name)
    names = {name: name for name in shapes}
    for (_, _, varied), alike in clusters.items():
        if varied and len(alike) > 1 and not _chained(graph, alike):
            names |= dict.fromkeys(alike, alike[0])
    if nx.is_directed_acyclic_graph(graph):
        drawn = nx.DiGraph()
        drawn.add_edges_from((names[a], names[b]) for a, b in graph.edges)
        if not nx.is_directed_acyclic_graph(drawn):
            return {name: name for name in shapes}
    return names


def _chained(graph: nx.DiGraph, names: Sequence[str]) -> bool:
    """Tell whether one of some parts feeds another of them."""
    others = set(names)
    return any(nx.descendants(graph, name) & (others - {name}) for name in names)
