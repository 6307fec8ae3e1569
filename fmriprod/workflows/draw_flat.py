"""Take a workflow apart: all nodes by their paths, and what goes from one to another."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from nipype.interfaces.base import isdefined
from nipype.pipeline import engine as pe

Path = tuple[str, ...]  # names of workflows below the root, and of the node

_THROUGH = ("IdentityInterface",)  # each field is handed on as it is
_GATHER = ("Merge", "Select", "Split")  # all that comes in is handed on together


class Wire(NamedTuple):
    """A connection between fields of two nodes."""

    source: Path
    output: str
    target: Path
    input: str


class Given(NamedTuple):
    """A field of a node that nothing is connected to: it is set, or left to be set."""

    node: Path
    field: str


@dataclass
class Flat:
    """All nodes of a workflow, and the connections between them.

    ``wires`` keep the order of the workflow; ``hidden`` are nodes that are looked through.
    """

    nodes: dict[Path, pe.Node] = field(default_factory=dict)
    wires: list[Wire] = field(default_factory=list)
    hidden: set[Path] = field(default_factory=set)

    @cached_property
    def into(self) -> dict[Path, list[Wire]]:
        """Connections by the node that they end in."""
        found: dict[Path, list[Wire]] = {path: [] for path in self.nodes}
        for wire in self.wires:
            found[wire.target].append(wire)
        return found

    @cached_property
    def used(self) -> set[tuple[Path, str]]:
        """Outputs that something is connected to."""
        return {(wire.source, wire.output) for wire in self.wires}

    def sources(self, path: Path, name: str | None = None) -> list[Path | Given]:
        """List the steps, and the fields without a source, that an input gets its value from.

        Nodes that only hand on are looked through, field by field, so that nothing depends on
        what it does not use. Without ``name`` all inputs of the node are meant.
        """
        found: dict[Path | Given, None] = {}
        for wire in self.into[path]:
            if name is None or wire.input == name:
                found |= dict.fromkeys(self._behind(wire.source, wire.output))
        return list(found)

    def _behind(self, path: Path, output: str) -> list[Path | Given]:
        if path not in self.hidden:
            return [path]
        key = (path, output)
        if key not in self._known:
            self._known[key] = []  # a circle through plumbing ends here
            through = type(self.nodes[path].interface).__name__ in _THROUGH
            sources = self.sources(path, output if through else None)
            open_end = through and not any(w.input == output for w in self.into[path])
            self._known[key] = [Given(path, output)] if open_end else sources
        return self._known[key]

    @cached_property
    def _known(self) -> dict[tuple[Path, str], list[Path | Given]]:
        return {}


def flatten(workflow: pe.Workflow) -> Flat:
    """Collect the nodes and connections of a workflow and of all in it; nothing is changed.

    Parameters
    ----------
    workflow : nipype.pipeline.engine.Workflow
        Any workflow. Its iterables are not expanded.

    Returns
    -------
    Flat
        Nodes in the order in which they were added.
    """
    flat = Flat()
    _collect(workflow, (), flat, {})
    flat.hidden = {path for path, node in flat.nodes.items()
                   if is_plumbing(node) or _is_idle(node, flat.into[path])}  # fmt: skip
    return flat


def _collect(workflow: pe.Workflow, path: Path, flat: Flat, children: dict[int, dict]) -> None:
    for node in workflow._graph.nodes:
        if isinstance(node, pe.Workflow):
            _collect(node, (*path, node.name), flat, children)
        else:
            flat.nodes[(*path, node.name)] = node
    for source, target, data in workflow._graph.edges(data=True):
        for output, name in data["connect"]:
            output = output[0] if isinstance(output, tuple) else output  # with a function
            from_path, from_field = _resolve(source, (*path, source.name), output, children)
            to_path, to_field = _resolve(target, (*path, target.name), name, children)
            flat.wires.append(Wire(from_path, from_field, to_path, to_field))


def _resolve(
    node: Any, path: Path, name: str, children: dict[int, dict[str, Any]]
) -> tuple[Path, str]:
    """Find the node that a field such as ``bold_wf.outputnode.out_file`` of a workflow is of."""
    while isinstance(node, pe.Workflow):
        if id(node) not in children:
            children[id(node)] = {child.name: child for child in node._graph.nodes}
        head, _, name = name.partition(".")
        node = children[id(node)][head]
        path = (*path, head)
    return path, name


def is_plumbing(node: pe.Node) -> bool:
    """Tell whether a node only hands on what it gets."""
    interface = node.interface
    return type(interface).__name__ in (*_THROUGH, *_GATHER) and type(interface).__module__.split(
        "."
    )[0] in ("nipype", "niworkflows")


def _is_idle(node: pe.Node, into: list[Wire]) -> bool:
    """Tell whether a node smooths by nothing, and nobody else sets by how much."""
    open_end = any(wire.input == "fwhm" for wire in into) or any(loops_of(node))
    return type(node.interface).__name__ == "Smooth" and not open_end and node.inputs.fwhm == 0


def is_saver(node: pe.Node) -> bool:
    """Tell whether a node puts results in their final place, and gives nothing new."""
    kind = type(node.interface).__name__
    return (
        kind.endswith(("Sink", "SaveDerivative"))
        or kind.startswith(("Save", "Compress"))
        or (kind in ("ExportFile", "Write1D", "CopyMeta"))
    )


def loops_of(node: pe.Node) -> Iterator[tuple[str, int | None]]:
    """Give the fields over which a node repeats itself by iterables, and how often.

    The number is None where it is known only when the workflow runs.
    """
    iterables = getattr(node, "iterables", None)
    if not iterables:
        return
    if isinstance(iterables, tuple):
        iterables = [iterables]
    items = list(iterables.items() if isinstance(iterables, dict) else iterables)
    counts = [(str(name), _length(values)) for name, values in items]
    yield from counts[:1] if getattr(node, "synchronize", False) else counts


def _length(values: Any) -> int | None:
    return (
        len(values) if hasattr(values, "__len__") and not isinstance(values, str | dict) else None
    )


def mapped_of(node: pe.Node) -> tuple[str, int | None] | None:
    """Give the first field over which a MapNode goes, and the length of its list if that is set."""
    if not isinstance(node, pe.MapNode):
        return None
    fields = node.iterfield if isinstance(node.iterfield, list | tuple) else [node.iterfield]
    lengths = [_length(getattr(node.inputs, name, None)) for name in fields
               if isdefined(getattr(node.inputs, name, None))]  # fmt: skip
    return str(fields[0]), next((n for n in lengths if n), None)
