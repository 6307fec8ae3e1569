"""What the nodes of a workflow are set to at the moment of asking, for its methods text."""

from collections.abc import Mapping
from typing import Any

from nipype.interfaces.base import isdefined
from nipype.interfaces.utility import IdentityInterface
from nipype.pipeline import engine as pe


class Several(tuple):
    """Values that an input takes in turn (iterables, a list of a MapNode), printed as such."""

    __slots__ = ()

    def __format__(self, spec: str) -> str:
        *most, last = dict.fromkeys(format(value, spec) for value in self)
        return f"{', '.join(most)} and {last}" if most else last

    __str__ = __repr__ = lambda self: format(self, "")

    def __bool__(self) -> bool:
        return any(self)


class Computed:
    """Value that only the run can know; the text has a mark in its place."""

    def __format__(self, spec: str) -> str:
        return "(computed in the graph)"

    __str__ = __repr__ = lambda self: format(self, "")


COMPUTED = Computed()


class Steps:
    """The nodes of a workflow, for sentences about them.

    ``steps["smooth"].fwhm`` is the value that the input has now: what was set; what comes from
    a node of settings (`IdentityInterface`) here or in a workflow around; all values of an
    iterable (`Several`); `COMPUTED` where another step makes it; None where it is not set, and
    where there is no such node (any more).

    Parameters
    ----------
    workflow : nipype.pipeline.engine.Workflow
        Whose own nodes are looked at.
    outside : mapping, optional
        Values that come from workflows around, by ``node.input``.
    """

    def __init__(self, workflow: pe.Workflow, outside: Mapping[str, Any] | None = None) -> None:
        self.workflow = workflow
        self.outside = outside or {}

    def __contains__(self, name: str) -> bool:
        return self.workflow.get_node(name) is not None

    def __getitem__(self, name: str) -> "Settings":
        return Settings(self, name)

    def named(self, start: str) -> list["Settings"]:
        """Nodes whose names start so, in the order in which they were added."""
        nodes = (node.name for node in self.workflow._graph.nodes)
        return [self[name] for name in nodes if name.startswith(start)]

    def value(self, name: str, field: str) -> Any:
        """Value of an input of a node."""
        if f"{name}.{field}" in self.outside:
            return self.outside[f"{name}.{field}"]
        node = self.workflow.get_node(name)
        if node is None:  # somebody took the step out
            return None
        if field in (iterated := _iterated(node)):
            return iterated[field]
        for source, _, edge in self.workflow._graph.in_edges(node, data=True):
            for output, target in edge["connect"]:
                if target == field:
                    return self.output(source, output)
        value = getattr(node.inputs, field, None)
        if isinstance(node, pe.MapNode) and field in node.iterfield and isinstance(value, list):
            return Several(value)
        return value if isdefined(value) else None

    def output(self, source: Any, output: Any) -> Any:
        """Value of an output, which is known of nodes of settings only."""
        is_settings = isinstance(getattr(source, "interface", None), IdentityInterface)
        if not is_settings or not isinstance(output, str):  # a tuple: a function is in between
            return COMPUTED
        value = self.value(source.name, output)
        return COMPUTED if value is None else value

    def inside(self, child: pe.Workflow) -> "Steps":
        """Nodes of a workflow within, that know what comes to them from here."""
        start = f"{child.name}."
        known = {k.removeprefix(start): v for k, v in self.outside.items() if k.startswith(start)}
        for source, _, edge in self.workflow._graph.in_edges(child, data=True):
            known |= {target: self.output(source, output) for output, target in edge["connect"]}
        return Steps(child, known)


class Settings:
    """Inputs of one node of `Steps`, as attributes."""

    def __init__(self, steps: Steps, name: str) -> None:
        self._steps, self._name = steps, name

    def __getattr__(self, field: str) -> Any:
        return self._steps.value(self._name, field)


def phrase(phrases: Mapping[Any, str], value: Any) -> str:
    """Look up the words for a setting; for several values those of each, joined by "or"."""
    if value is COMPUTED:
        return str(value)
    if isinstance(value, Several):
        return " or ".join(dict.fromkeys(phrases[each] for each in value))
    return phrases[value]


def percent(share: Any) -> Any:
    """Turn a share, or several, into per cent."""
    if share is COMPUTED:
        return share
    return Several(map(percent, share)) if isinstance(share, Several) else 100 * share


def _iterated(node: Any) -> dict[str, Any]:
    """List the inputs that are iterables of a node, with their values."""
    iterables = getattr(node, "iterables", None) or []
    pairs = [iterables] if iterables and isinstance(iterables[0], str) else iterables
    return {
        field: Several(values) if isinstance(values, list | tuple) else COMPUTED
        for field, values in pairs
        if isinstance(field, str)
    }
