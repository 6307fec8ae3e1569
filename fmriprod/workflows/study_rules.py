"""Rules that hold between the tables of a study file."""

from collections.abc import Iterator
from typing import NamedTuple

from fmriprod.algorithms.checks import InputError, suggest
from fmriprod.algorithms.contrasts import parse_contrasts, word
from fmriprod.workflows.study_model import Study
from fmriprod.workflows.study_words import (
    PLACEHOLDER,
    fill,
    mentions_task,
    n_trained,
    placeholders,
)

NEEDS_TRAINING = ("4way", "3way", "2way", "4way_independent", "transfer")
_NEEDS_PAIR = ("3way", "2way", "4way_independent", "2way_within")


class Rule(NamedTuple):
    """A rule that is broken: where, and in the words of `InputError`."""

    keys: tuple
    expected: str
    found: str
    hint: str


def broken_rules(study: Study) -> list[Rule]:
    """List the rules that a study breaks.

    Parameters
    ----------
    study : Study
        Whose tables are each well formed.

    Returns
    -------
    list of Rule
        In the order of the file.
    """
    checks = (
        _objects, _tasks, _phases, _regions, _task_mask, _evidence, _connectivity, _comparisons,
    )  # fmt: skip
    return [rule for check in checks for rule in check(study)]


def _objects(study: Study) -> Iterator[Rule]:
    labels = study.objects.labels
    if len(set(labels)) < len(labels):
        yield Rule(("objects", "labels"), "each object once", ", ".join(labels), "remove one")
    lengths = {len(pair) for pair in study.objects.pairs.values()}
    if len(lengths) > 1:
        yield Rule(
            ("objects", "pairs"), "as many trained objects for each participant",
            " and ".join(map(str, sorted(lengths))), "name as many for each",
        )  # fmt: skip
    for subject, pair in study.objects.pairs.items():
        for name in pair:
            if name not in labels:
                where = ("objects", "pairs", subject)
                yield Rule(where, "objects of [objects] labels", repr(name), suggest(name, labels))
        if len(set(pair)) < len(pair):
            where = ("objects", "pairs", subject)
            yield Rule(where, "different objects", ", ".join(pair), "name each once")
    if labels and n_trained(study) >= len(labels):
        yield Rule(
            ("objects", "trained"), "at least one object that is not trained", "none",
            "add the control objects to [objects] labels",
        )  # fmt: skip


def _tasks(study: Study) -> Iterator[Rule]:
    known = placeholders(study)
    for name, task in study.tasks.items():
        samples = task.samples
        if samples.shift is not None and samples.shift_volumes is not None:
            where = ("tasks", name, "samples", "shift")
            yield Rule(where, "shift or shift_volumes", "both", "remove one")
        texts = [(("tasks", name, "labels"), text) for text in task.labels]
        texts += [(("tasks", name, "contrasts", key), t) for key, t in task.contrasts.items()]
        bad = [(keys, unknown) for keys, text in texts for unknown in _unknown(text, known)]
        for keys, unknown in bad:
            hint = suggest(unknown, known) if known else "give [objects] trained or pairs"
            yield Rule(keys, "words in braces that stand for objects", f"{{{unknown}}}", hint)
        if not bad:
            yield from _contrasts(name, task.labels, task.contrasts, known)


def _contrasts(
    name: str, labels: tuple[str, ...], contrasts: dict[str, str], known: list[str]
) -> Iterator[Rule]:
    """Check the contrasts with objects that stand for those of anyone."""
    objects = {word: word for word in known}
    conditions = [fill(text, objects) for text in labels]
    for key, text in contrasts.items():
        try:
            parse_contrasts([f"{key}={fill(text, objects)}"], conditions)
        except InputError as err:
            yield Rule(("tasks", name, "contrasts", key), err.expected, err.found, err.hint)


def _unknown(text: str, known: list[str]) -> list[str]:
    return [word for word in PLACEHOLDER.findall(text) if word not in known]


def _phases(study: Study) -> Iterator[Rule]:
    for name, phase in study.phases.items():
        if phase.task not in study.tasks:
            hint = suggest(phase.task, study.tasks)
            yield Rule(("phases", name), "a task of [tasks]", repr(phase.task), hint)
        if len(set(phase.runs)) < len(phase.runs):
            yield Rule(("phases", name), "each run once", ", ".join(phase.runs), "remove one")


def _regions(study: Study) -> Iterator[Rule]:
    regions = study.regions
    if regions.source == "labels" and not (regions.label_file and regions.table_file):
        yield Rule(
            ("regions", "source"), 'label_file and table_file with source = "labels"',
            "not both", "name the label image ({subject} in its path) and its table",
        )  # fmt: skip
    uses_task = [n for n, text in regions.definitions.items() if mentions_task(text)]
    if uses_task and study.task_mask is None:
        where = ("regions", "definitions", uses_task[0])
        yield Rule(where, "a [task_mask] table, for `task`", "none", "say how the mask is made")


def _task_mask(study: Study) -> Iterator[Rule]:
    mask = study.task_mask
    if mask is None:
        return
    if mask.task not in study.tasks:
        hint = suggest(mask.task, study.tasks)
        yield Rule(("task_mask", "task"), "a task of [tasks]", repr(mask.task), hint)
    elif mask.contrast not in study.tasks[mask.task].contrasts:
        known = study.tasks[mask.task].contrasts
        expected = f"a contrast of [tasks.{mask.task}.contrasts]"
        hint = suggest(mask.contrast, known)
        yield Rule(("task_mask", "contrast"), expected, repr(mask.contrast), hint)


def _evidence(study: Study) -> Iterator[Rule]:
    names = [question.name for question in study.evidence]
    for i, question in enumerate(study.evidence):
        where = ("evidence", i)
        if names.index(question.name) < i:
            yield Rule((*where, "name"), "a name of its own", repr(question.name), "rename it")
        phases = [("test", question.test), ("train", question.train)]
        for key, phase in phases:
            if phase is not None and phase not in study.phases:
                yield _no_phase((*where, key), phase, study)
        if question.scheme in NEEDS_TRAINING and question.train is None:
            expected = f"a phase to train on: {question.scheme} goes from one phase to another"
            yield Rule((*where, "scheme"), expected, "no key `train`", 'add train = "..."')
        if question.scheme == "2way_within" and question.train is not None:
            expected = "no `train`: 2way_within leaves out runs of the phase `test`"
            yield Rule((*where, "train"), expected, repr(question.train), "remove it")
        if question.scheme in _NEEDS_PAIR and (count := n_trained(study)) != 2:
            expected = f"two trained objects for each participant ({question.scheme})"
            hint = "give [objects] trained or pairs"
            yield Rule((*where, "scheme"), expected, f"{count}", hint)
        yield from _region_names(where, question.regions, study)


def _connectivity(study: Study) -> Iterator[Rule]:
    if study.connectivity is None:
        return
    where = ("connectivity",)
    if study.connectivity.phase not in study.phases:
        yield _no_phase((*where, "phase"), study.connectivity.phase, study)
    yield from _region_names(where, study.connectivity.regions, study)


def _comparisons(study: Study) -> Iterator[Rule]:
    for name in ("differentiation", "statistics"):
        table = getattr(study, name)
        if table is None:
            continue
        for key in ("before", "after"):
            phase = getattr(table, key)
            if phase is not None and phase not in study.phases:
                yield _no_phase((name, key), phase, study)
        if (table.before is None) != (table.after is None):
            yield Rule((name,), "both `before` and `after`, or neither", "one", "add the other")
    if study.differentiation is not None:
        yield from _region_names(("differentiation",), study.differentiation.regions, study)
        yield from _object_contrasts(study, study.differentiation.before)


def _object_contrasts(study: Study, phase: str) -> Iterator[Rule]:
    """Differentiation compares the maps of single objects."""
    task = study.phases[phase].task if phase in study.phases else None
    if task not in study.tasks:
        return
    written = [text.strip() for text in study.tasks[task].contrasts.values()]
    for name in study.objects.labels:
        if word(name) not in written:
            keys = ("tasks", task, "contrasts")
            expected = f"a contrast of each object by itself, for [differentiation]: {name}"
            yield Rule(keys, expected, "none", f'add {name} = "{word(name)}"')


def _region_names(where: tuple, names: tuple[str, ...], study: Study) -> Iterator[Rule]:
    known = study.regions.definitions
    for name in names:
        if name not in known:
            expected = "regions of [regions.definitions]"
            yield Rule((*where, "regions"), expected, repr(name), suggest(name, known))


def _no_phase(keys: tuple, phase: str, study: Study) -> Rule:
    return Rule(keys, "a phase of [phases]", repr(phase), suggest(phase, study.phases))
