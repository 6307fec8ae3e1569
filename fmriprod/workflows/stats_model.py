"""Read the model of single runs from a BIDS Stats Models file (``*_smdl.json``).

Follows the BIDS Stats Models specification, version 1.0.0, as far as models of runs go; what
goes beyond is refused and never ignored.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from fmriprod.algorithms.checks import InputError, suggest
from fmriprod.algorithms.contrasts import word
from fmriprod.algorithms.hrf import MODELS
from fmriprod.interfaces.bids_index import read_json
from fmriprod.interfaces.problems import Problem
from fmriprod.workflows.stats_model_schema import Contrast, Document, Node, Weight
from fmriprod.workflows.study_lines import shown

_PREFIX = "trial_type."


@dataclass(frozen=True)
class RunModel:
    """What a model file says about single runs.

    Attributes
    ----------
    tasks : tuple of str
        Tasks it is about; empty for all.
    labels : tuple of str
        Trial types in the design.
    contrasts : dict of str to str
        Expressions over trial types, by name.
    hrf : str
        As `FirstLevelModel` takes it.
    high_pass : float or None
        Cut-off period in s.
    confounds : tuple of str
        Other columns of the design.
    """

    tasks: tuple[str, ...]
    labels: tuple[str, ...]
    contrasts: dict[str, str]
    hrf: str
    high_pass: float | None
    confounds: tuple[str, ...]


def read_stats_model(path: str | Path) -> tuple[RunModel | None, list[Problem]]:
    """Read a model file and find everything in it that cannot be.

    Parameters
    ----------
    path : path
        ``*_smdl.json``.

    Returns
    -------
    model : RunModel or None
        None if there are problems.
    problems : list of Problem
        Each with the place in the file.
    """
    if not Path(path).is_file():
        hint = "check glm.models, paths relative to the study file"
        return None, [Problem("error", str(path), "a BIDS Stats Models file", "no file", hint)]
    try:
        document = Document.model_validate(read_json(path))
    except InputError as err:
        return None, [Problem.of(err)]
    except ValidationError as err:
        return None, [_translated(path, error) for error in err.errors()]
    problems = [
        Problem("error", f"{path}: {shown(keys)}", expected, found, hint)
        for keys, expected, found, hint in _broken(document)
    ]
    return (None if problems else _run_model(document)), problems


def _broken(document: Document) -> Iterator[tuple[tuple, str, str, str]]:
    names = [node.Name for node in document.Nodes]
    levels = [node.Level for node in document.Nodes]
    if levels.count("Run") != 1:
        found = f"{levels.count('Run')}"
        yield ("Nodes",), "one node with Level Run", found, "give one file for each model of runs"
    for i, name in enumerate(names):
        if name in names[:i]:
            yield ("Nodes", i, "Name"), "a name of its own", repr(name), "rename it"
    for i, edge in enumerate(document.Edges):
        for key in ("Source", "Destination"):
            if (name := getattr(edge, key)) not in names:
                yield ("Edges", i, key), "the name of a node", repr(name), suggest(name, names)
    for i, node in enumerate(document.Nodes):
        if node.Level == "Run":
            yield from _broken_run(("Nodes", i), node)
        elif node.Model.X != (1,) or node.Model.Type.casefold() != "meta":
            expected = "the fixed-effects mean of the runs: X [1] and Type meta"
            found = f"X {list(node.Model.X)}, Type {node.Model.Type}"
            yield ("Nodes", i, "Model"), expected, found, "other models of subjects are not made"


def _broken_run(where: tuple, node: Node) -> Iterator[tuple[tuple, str, str, str]]:
    columns = [str(x) for x in node.Model.X]
    if node.Model.Type.casefold() != "glm":
        yield (*where, "Model", "Type"), "glm", repr(node.Model.Type), "say glm"
    if not _labels(node):
        expected = f"columns {_PREFIX}<label>"
        yield (*where, "Model", "X"), expected, ", ".join(columns), "name the trial types"
    steps = node.Transformations.Instructions if node.Transformations else ()
    convolved = [step for step in steps if step.Name == "Convolve"]
    if len(convolved) > 1:
        keys = (*where, "Transformations", "Instructions")
        yield keys, "one Convolve for all trial types", f"{len(convolved)}", "join them"
    for step in convolved:
        if step.Model not in MODELS:
            keys = (*where, "Transformations", "Instructions")
            yield keys, "a Model of the response", repr(step.Model), suggest(step.Model, MODELS)
    names = [contrast.Name for contrast in node.Contrasts]
    for k, contrast in enumerate(node.Contrasts):
        place = (*where, "Contrasts", k)
        if contrast.Name in names[:k]:
            yield (*place, "Name"), "a name of its own", repr(contrast.Name), "rename it"
        if len(contrast.Weights) != len(contrast.ConditionList):
            expected = f"{len(contrast.ConditionList)} weights, one for each condition"
            yield (*place, "Weights"), expected, f"{len(contrast.Weights)}", "add or remove some"
        yield from _unknown((*place, "ConditionList"), contrast.ConditionList, columns)
        for text in contrast.Weights:
            if _number(text) is None:
                expected = "numbers or fractions such as 1/3"
                yield (*place, "Weights"), expected, repr(text), "mend it"
    dummies = node.DummyContrasts.Contrasts if node.DummyContrasts else None
    yield from _unknown((*where, "DummyContrasts", "Contrasts"), dummies or (), columns)


def _unknown(keys: tuple, names: tuple, columns: list[str]) -> Iterator[tuple]:
    for name in names:
        if str(name) not in columns or not str(name).startswith(_PREFIX):
            known = [c for c in columns if c.startswith(_PREFIX)]
            yield keys, "trial types of Model.X", repr(name), suggest(str(name), known)


def _labels(node: Node) -> list[str]:
    return [str(x).removeprefix(_PREFIX) for x in node.Model.X if str(x).startswith(_PREFIX)]


def _run_model(document: Document) -> RunModel:
    node = next(node for node in document.Nodes if node.Level == "Run")
    labels = _labels(node)
    contrasts = {c.Name: _expression(c) for c in node.Contrasts}
    if node.DummyContrasts is not None:
        for name in node.DummyContrasts.Contrasts or [f"{_PREFIX}{label}" for label in labels]:
            label = name.removeprefix(_PREFIX)
            contrasts.setdefault(label, word(label))
    steps = node.Transformations.Instructions if node.Transformations else ()
    convolve = next((step for step in steps if step.Name == "Convolve"), None)
    hrf = convolve.Model if convolve else "spm"
    hrf += " + derivative" if convolve and convolve.Derivative else ""
    hrf += " + dispersion" if convolve and convolve.Dispersion else ""
    cutoff = node.Model.Options.HighPassFilterCutoffHz if node.Model.Options else None
    tasks = document.Input.get("task", [])
    confounds = [str(x) for x in node.Model.X if str(x) != "1" and not str(x).startswith(_PREFIX)]
    return RunModel(
        (tasks,) if isinstance(tasks, str) else tuple(tasks), tuple(labels), contrasts, hrf,
        1.0 / cutoff if cutoff else None, tuple(confounds),
    )  # fmt: skip


def _expression(contrast: Contrast) -> str:
    terms = [
        f"{_number(weight)!r}*{word(str(name).removeprefix(_PREFIX))}"
        for name, weight in zip(contrast.ConditionList, contrast.Weights, strict=True)
    ]
    return " + ".join(f"({term})" if term.startswith("-") else term for term in terms)


def _number(text: Weight) -> float | None:
    try:
        top, _, bottom = str(text).partition("/")
        return float(top) / float(bottom or 1)
    except (ValueError, ZeroDivisionError):
        return None


def _translated(path: str | Path, error: Any) -> Problem:
    keys = tuple(key for key in error["loc"] if key not in ("str", "list[str]"))
    place = f"{path}: {shown(keys)}"
    if error["type"] == "extra_forbidden":
        hint = "check its spelling; what this package does not do is refused, not ignored"
        return Problem("error", place, "a key that is known", repr(keys[-1]), hint)
    if error["type"] == "missing":
        return Problem("error", place, "this key", "none", "add it")
    message = error["msg"][:1].lower() + error["msg"][1:]
    return Problem("error", place, message, repr(error.get("input")), "mend the value")
