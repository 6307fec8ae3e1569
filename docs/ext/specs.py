"""Find the interfaces and the builders of workflows, and read their specifications."""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType

from nipype.interfaces.base import BaseInterface, isdefined

import fmriprod.interfaces
import fmriprod.workflows

SHARED = ("num_threads", "algorithm_version")  # inputs of every interface, described once
_OWN = {"trait_added", "trait_modified"}


@dataclass(frozen=True)
class Row:
    """A line of a table of inputs or outputs."""

    name: str
    kind: str
    default: str
    required: bool
    desc: str


def _modules(package: ModuleType) -> Iterator[ModuleType]:
    for found in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        yield importlib.import_module(found.name)


def interfaces() -> dict[str, type]:
    """List every interface that can be run, by name."""
    found = {}
    for module in _modules(fmriprod.interfaces):
        for name, member in inspect.getmembers(module, inspect.isclass):
            if member.__module__ != module.__name__ or not issubclass(member, BaseInterface):
                continue
            if member.output_spec is not None and not name.startswith("_"):
                found[name] = member
    return dict(sorted(found.items()))


def builders() -> dict[str, Callable]:
    """List every function that builds a workflow, by name."""
    found = {}
    for module in _modules(fmriprod.workflows):
        for name, member in inspect.getmembers(module, inspect.isfunction):
            if member.__module__ == module.__name__ and name.startswith("init_"):
                found[name] = member
    return dict(sorted(found.items()))


def summary(thing: Callable) -> str:
    """Take the first line of a docstring."""
    return inspect.getdoc(thing).splitlines()[0]


def inputs(interface: type) -> list[Row]:
    """Read the inputs of an interface, required ones first, without those that all have."""
    spec = interface.input_spec()
    rows = [_row(spec, name, trait) for name, trait in _traits(spec) if name not in SHARED]
    return sorted(rows, key=lambda row: not row.required)


def outputs(interface: type) -> list[Row]:
    """Read the outputs of an interface."""
    spec = interface.output_spec()
    return [_row(spec, name, trait) for name, trait in _traits(spec)]


def _traits(spec):
    return [(name, t) for name, t in spec.traits().items() if name not in _OWN]


def _row(spec, name, trait) -> Row:
    value = trait.default if trait.usedefault else None
    shown = "" if value is None or not isdefined(value) else repr(getattr(spec, name, value))
    notes = [str(trait.desc)]
    for word, others in (("not together with", trait.xor), ("needs", trait.requires)):
        others = [other for other in others or () if other != name]
        if others:
            notes.append(f"({word} {', '.join(others)})")
    return Row(name, _kind(trait.trait_type), shown, bool(trait.mandatory), " ".join(notes))


def _kind(trait_type) -> str:
    """Say what values a trait takes."""
    kind = type(trait_type).__name__
    if kind == "Enum":
        return "one of " + ", ".join(repr(value) for value in trait_type.values)
    if kind in ("Range", "BaseRange"):
        low, high = trait_type._low, trait_type._high
        number = "int" if isinstance(low if low is not None else high, int) else "float"
        bounds = [
            f"from {low}" if low is not None else "",
            f"to {high}" if high is not None else "",
        ]
        return " ".join([number, *filter(None, bounds)])
    if kind in ("List", "InputMultiObject", "OutputMultiObject"):
        return f"list of {_kind(trait_type.item_trait.trait_type)}"
    if kind == "Tuple":
        return "(" + ", ".join(_kind(part.trait_type) for part in trait_type.types) + ")"
    if kind in ("Either", "Union", "TraitCompound"):
        parts = getattr(trait_type, "list_ctrait_instances", None)
        if parts is not None:
            return " or ".join(_kind(part.trait_type) for part in parts)
    words = {"File": "file", "Directory": "folder", "Bool": "bool", "Str": "str", "Int": "int"}
    return words.get(kind, kind.lower())
