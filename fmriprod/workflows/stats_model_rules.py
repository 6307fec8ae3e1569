"""What a BIDS Stats Models file may say, so that nothing in it is ignored."""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from math import isfinite

from fmriprod.algorithms.checks import suggest
from fmriprod.algorithms.hrf import MODELS
from fmriprod.workflows.stats_model_schema import Document, Instruction, Node, Weight

PREFIX = "trial_type."
_INPUT = {"datatype": ("func",), "suffix": ("bold",)}  # beside the task: what is read anyway
_RUN_GROUPS = (["run", "subject"], ("session", "task"))
_SUBJECT_GROUPS = (["contrast", "subject"], ())
_Found = Iterator[tuple[tuple, str, str, str]]


def broken(document: Document) -> _Found:
    """Find everything that cannot be: keys of the place, what is expected, found, and a hint."""
    names = [node.Name for node in document.Nodes]
    levels = [node.Level for node in document.Nodes]
    if levels.count("Run") != 1:
        found = f"{levels.count('Run')}"
        yield ("Nodes",), "one node with Level Run", found, "give one file for each model of runs"
    yield from _broken_input(document)
    for i, name in enumerate(names):
        if name in names[:i]:
            yield ("Nodes", i, "Name"), "a name of its own", repr(name), "rename it"
    for i, edge in enumerate(document.Edges):
        for key in ("Source", "Destination"):
            if (name := getattr(edge, key)) not in names:
                yield ("Edges", i, key), "the name of a node", repr(name), suggest(name, names)
        if edge.Filter:
            hint = "leave it out, and contrasts that are not wanted, too"
            yield ("Edges", i, "Filter"), "no filter: all contrasts go on", f"{edge.Filter}", hint
    for i, node in enumerate(document.Nodes):
        if node.Level == "Run":
            yield from _broken_run(("Nodes", i), node)
        else:
            yield from _broken_subject(("Nodes", i), node)


def labels_of(node: Node) -> list[str]:
    """Trial types in the design."""
    return [str(x).removeprefix(PREFIX) for x in node.Model.X if str(x).startswith(PREFIX)]


def instructions(node: Node, name: str) -> list[Instruction]:
    """Give the transformations of a node that have a name."""
    steps = node.Transformations.Instructions if node.Transformations else ()
    return [step for step in steps if step.Name == name]


def number(text: Weight) -> float | None:
    """Value of a weight or fraction; None where it is no finite number."""
    try:
        top, _, bottom = str(text).partition("/")
        parts = float(top), float(bottom or 1)
        value = parts[0] / parts[1]
    except (ValueError, ZeroDivisionError):
        return None
    return value if all(map(isfinite, (*parts, value))) else None


def _broken_input(document: Document) -> _Found:
    for key, given in document.Input.items():
        values = [given] if isinstance(given, str) else given
        if key != "task" and not (values and set(values) <= set(_INPUT.get(key, ()))):
            hint = "choose participants, sessions and runs with the options of the command"
            yield ("Input", key), "tasks only", f"{given}", hint


def _broken_groups(where: tuple, node: Node, groups: tuple) -> _Found:
    needed, more = groups
    if not set(needed) <= set(node.GroupBy) <= {*needed, *more}:
        what = "each run by itself" if node.Level == "Run" else "each contrast of each participant"
        hint = f"say {needed}; another grouping is another model"
        yield (*where, "GroupBy"), f"{needed}: {what}", f"{list(node.GroupBy)}", hint


def _broken_subject(where: tuple, node: Node) -> _Found:
    if node.Model.X != (1,) or node.Model.Type.casefold() != "meta":
        expected = "the fixed-effects mean of the runs: X [1] and Type meta"
        found = f"X {list(node.Model.X)}, Type {node.Model.Type}"
        yield (*where, "Model"), expected, found, "other models of subjects are not made"
    for key, given in (
        ("Transformations", node.Transformations), ("Contrasts", node.Contrasts),
        ("Model.Options", node.Model.Options),
    ):  # fmt: skip
        if given:
            expected = "the mean of the runs and nothing else"
            yield (*where, *key.split(".")), expected, f"{key}", "leave it out"
    yield from _broken_groups(where, node, _SUBJECT_GROUPS)


def _broken_run(where: tuple, node: Node) -> _Found:
    if node.Model.Type.casefold() != "glm":
        yield (*where, "Model", "Type"), "glm", repr(node.Model.Type), "say glm"
    yield from _broken_groups(where, node, _RUN_GROUPS)
    yield from _broken_columns((*where, "Model", "X"), node)
    yield from _broken_steps((*where, "Transformations", "Instructions"), node)
    yield from _broken_contrasts(where, node)


def _broken_columns(place: tuple, node: Node) -> _Found:
    columns = [str(x) for x in node.Model.X]
    shown = ", ".join(columns)
    if not labels_of(node):
        yield place, f"columns {PREFIX}<label>", shown, "name the trial types"
    if "1" not in columns or "0" in columns:
        yield place, "1, the constant that every model has", shown, "add 1, and leave 0 out"
    if twice := sorted({column for column in columns if columns.count(column) > 1}):
        yield place, "each column once", ", ".join(twice), "leave out the second"


def _broken_steps(place: tuple, node: Node) -> _Found:
    for step in instructions(node, "Factor"):
        if step.Input != ("trial_type",):
            found = f"Factor of {', '.join(step.Input)}"
            yield place, "Factor of trial_type", found, "other columns of events are not modelled"
    convolved = instructions(node, "Convolve")
    if len(convolved) != 1:
        hint = "join them" if convolved else "add it: without, the columns would be boxes in time"
        yield place, "one Convolve for all trial types", f"{len(convolved)}", hint
    for step in convolved:
        if step.Model not in MODELS:
            yield place, "a Model of the response", repr(step.Model), suggest(step.Model, MODELS)
        columns = {str(x) for x in node.Model.X if str(x) != "1"}
        chosen = {x for x in columns if any(x == p or fnmatchcase(x, p) for p in step.Input)}
        trials = {x for x in columns if x.startswith(PREFIX)}
        if len(convolved) == 1 and chosen != trials:
            found = f"Convolve of {', '.join(step.Input)}; " + (
                f"not of {', '.join(sorted(trials - chosen))}" if trials - chosen
                else f"also of {', '.join(sorted(chosen - trials))}"
            )  # fmt: skip
            yield place, "all trial types convolved, and nothing else", found, f"say {PREFIX}*"


def _broken_contrasts(where: tuple, node: Node) -> _Found:
    columns = [str(x) for x in node.Model.X]
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
            if number(text) is None:
                expected = "numbers or fractions such as 1/3"
                yield (*place, "Weights"), expected, repr(text), "mend it"
    dummies = node.DummyContrasts.Contrasts if node.DummyContrasts else None
    yield from _unknown((*where, "DummyContrasts", "Contrasts"), dummies or (), columns)


def _unknown(keys: tuple, names: tuple, columns: list[str]) -> _Found:
    for name in names:
        if str(name) not in columns or not str(name).startswith(PREFIX):
            known = [c for c in columns if c.startswith(PREFIX)]
            yield keys, "trial types of Model.X", repr(name), suggest(str(name), known)
