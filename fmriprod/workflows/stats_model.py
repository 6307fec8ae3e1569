"""Read the model of single runs from a BIDS Stats Models file (``*_smdl.json``).

Follows the BIDS Stats Models specification, version 1.0.0, as far as models of runs go; what
goes beyond is refused and never ignored.
"""

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.contrasts import word
from fmriprod.interfaces.bids_index import read_json
from fmriprod.interfaces.problems import Problem
from fmriprod.workflows.stats_model_rules import PREFIX, broken, instructions, labels_of, number
from fmriprod.workflows.stats_model_schema import Contrast, Document, Weight
from fmriprod.workflows.study_lines import shown


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
        for keys, expected, found, hint in broken(document)
    ]
    return (None if problems else _run_model(document)), problems


def _run_model(document: Document) -> RunModel:
    node = next(node for node in document.Nodes if node.Level == "Run")
    labels = labels_of(node)
    contrasts = {c.Name: _expression(c) for c in node.Contrasts}
    if node.DummyContrasts is not None:
        for name in node.DummyContrasts.Contrasts or [f"{PREFIX}{label}" for label in labels]:
            label = name.removeprefix(PREFIX)
            contrasts.setdefault(label, word(label))
    (convolve,) = instructions(node, "Convolve")
    hrf = convolve.Model
    hrf += " + derivative" if convolve.Derivative else ""
    hrf += " + dispersion" if convolve.Dispersion else ""
    cutoff = node.Model.Options.HighPassFilterCutoffHz if node.Model.Options else None
    tasks = document.Input.get("task", [])
    confounds = [str(x) for x in node.Model.X if str(x) != "1" and not str(x).startswith(PREFIX)]
    return RunModel(
        (tasks,) if isinstance(tasks, str) else tuple(tasks), tuple(labels), contrasts, hrf,
        1.0 / cutoff if cutoff else None, tuple(confounds),
    )  # fmt: skip


def _expression(contrast: Contrast) -> str:
    terms = [
        f"{_digits(weight)}*{word(str(name).removeprefix(PREFIX))}"
        for name, weight in zip(contrast.ConditionList, contrast.Weights, strict=True)
    ]
    return " + ".join(f"({term})" if term.startswith("-") else term for term in terms)


def _digits(weight: Weight) -> str:
    """Write a weight as expressions have it, without an exponent."""
    return format(Decimal(repr(number(weight))), "f")


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
