"""What goes into a workflow and comes out of it, for its picture."""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from nipype.interfaces.base import isdefined
from nipype.pipeline import engine as pe

from fmriprod.reports.graph_drawing import Arrow, Box
from fmriprod.workflows.draw_flat import Flat, Given, Path
from fmriprod.workflows.draw_words import field_title

_FILE_TRAITS = {"File", "BasePath", "ImageFile", "ImageFileSPM", "InputMultiObject",
                "InputMultiPath"}  # fmt: skip
_NAMED = 4  # fields that a port names
Ports = dict[str, set[str]]  # by title, the boxes that it is joined to


def inputs_of(
    flat: Flat,
    steps: Iterable[Path],
    box_of: Callable[[Path], str],
    is_open: Callable[[Path], bool],
) -> Ports:
    """Find what goes into the boxes from outside.

    Parameters
    ----------
    flat : Flat
        The workflow.
    steps : iterable of Path
        Nodes that are drawn, by themselves or within a box.
    box_of : callable
        Gives the box of a node.
    is_open : callable
        Tells whether fields of a workflow that are not set are meant to be set from outside.

    Returns
    -------
    dict of str to set of str
        For the name of each input the boxes that use it.
    """
    found: Ports = {}
    for path in steps:
        fields = [s for s in flat.sources(path) if isinstance(s, Given)]
        names = [given.field for given in fields if _comes_in(flat, given, is_open)]
        names += _own_files(flat, path)
        for name in names:
            found.setdefault(field_title(name), set()).add(box_of(path))
    return found


def outputs_of(
    flat: Flat,
    steps: Iterable[Path],
    box_of: Callable[[Path], str],
    is_open: Callable[[Path], bool],
) -> Ports:
    """Find what comes out: fields of the output node of an open workflow that nothing else uses."""
    drawn, found = set(steps), {}
    for path in flat.nodes:
        if path not in flat.hidden or not is_open(path[:-1]) or not re.match(r"out", path[-1]):
            continue
        for wire in flat.into[path]:
            if (path, wire.input) in flat.used:
                continue
            sources = {box_of(s) for s in flat.sources(path, wire.input) if s in drawn}
            if sources:
                found.setdefault(field_title(wire.input), set()).update(sources)
    return found


def port_boxes(ports: Ports, kind: str) -> tuple[list[Box], list[Arrow]]:
    """Make a box for all inputs, or outputs, that are joined to the same boxes."""
    together: dict[frozenset[str], list[str]] = {}
    for title, boxes in ports.items():
        together.setdefault(frozenset(boxes), []).append(title)
    made, arrows = [], []
    for number, (boxes, titles) in enumerate(together.items(), 1):
        key = f"{kind}:{number}"
        made.append(Box(key, _listed(titles), kind))
        pairs = [(key, box) if kind == "input" else (box, key) for box in sorted(boxes)]
        arrows += [Arrow(*pair) for pair in pairs]
    return made, arrows


def _listed(titles: Sequence[str]) -> str:
    shown = list(titles) if len(titles) <= _NAMED + 1 else [
        *titles[:_NAMED], f"and {len(titles) - _NAMED} more"
    ]  # fmt: skip
    return ", ".join([shown[0], *(t if t[1:2].isupper() else t[:1].lower() + t[1:]
                                  for t in shown[1:])])  # fmt: skip


def _comes_in(flat: Flat, given: Given, is_open: Callable[[Path], bool]) -> bool:
    """Tell whether a field without a source is an input of the workflow, and no setting."""
    node = flat.nodes[given.node]
    if any(given.field == name for name, *_ in _iterables(node)):
        return False
    value = getattr(node.inputs, given.field, None)
    if isdefined(value) and value is not None:
        return _is_path(value)
    return is_open(given.node[:-1])


def _iterables(node: pe.Node) -> list[Any]:
    found = getattr(node, "iterables", None) or []
    return [found] if isinstance(found, tuple) else list(
        found.items() if isinstance(found, dict) else found
    )  # fmt: skip


def _is_path(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return bool(value) and _is_path(value[0])
    return isinstance(value, str) and bool(re.search(r"/|\.\w{2,5}$", value))


def _own_files(flat: Flat, path: Path) -> list[str]:
    """Files that a step itself is given, or must be given, and that no other step makes."""
    inputs = flat.nodes[path].inputs
    joined = {wire.input for wire in flat.into[path]}
    found = []
    for name in inputs.copyable_trait_names():
        trait = inputs.trait(name)
        if name in joined or type(trait.trait_type).__name__ not in _FILE_TRAITS:
            continue
        if trait.genfile or trait.name_source or name.startswith("out"):
            continue
        value = getattr(inputs, name)
        others = _several(trait.xor)
        if any(other in joined or isdefined(getattr(inputs, other)) for other in others
               if other != name):  # fmt: skip
            continue
        single = type(trait.trait_type).__name__ not in ("InputMultiObject", "InputMultiPath")
        if _is_path(value) if isdefined(value) else trait.mandatory and single:
            found.append(name)
    return found


def _several(names: Any) -> tuple[str, ...]:
    """Names that Nipype has as a list, or one as a text, or not at all."""
    return (names,) if isinstance(names, str) else tuple(names or ())
