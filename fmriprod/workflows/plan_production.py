"""Decide what is done for each participant of a study file, before anything is computed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from fmriprod.algorithms.checks import InputError, suggest
from fmriprod.algorithms.contrasts import parse_contrasts, word
from fmriprod.algorithms.sampling import run_samples
from fmriprod.interfaces.bids_index import Participant, Run
from fmriprod.interfaces.events import read_events, read_table
from fmriprod.interfaces.images import open_image, repetition_time
from fmriprod.workflows.plan import RunPlan, check_distinct, longest_pause, run_key, run_title
from fmriprod.workflows.study_model import Samples, Study
from fmriprod.workflows.study_words import fill


@dataclass(frozen=True)
class ProductionPlan:
    """Everything that is done for one participant of a study.

    Attributes
    ----------
    subject, t1w_file : str
        Label without ``sub-``, and the T1-weighted image.
    runs : tuple of RunPlan
        Runs that are analysed.
    phases : dict of str to tuple of str
        Keys of the runs of each phase that the participant has.
    trained, controls : tuple of str
        Objects, in alphabetical order.
    samples : dict of str to Samples
        By task.
    decisions : tuple of str
        What is left out or chosen, and why.
    """

    subject: str
    t1w_file: str
    runs: tuple[RunPlan, ...]
    phases: dict[str, tuple[str, ...]]
    trained: tuple[str, ...] = ()
    controls: tuple[str, ...] = ()
    samples: dict[str, Samples] = field(default_factory=dict)
    decisions: tuple[str, ...] = ()

    def runs_of(self, task: str) -> tuple[RunPlan, ...]:
        """List the runs of a task."""
        return tuple(run for run in self.runs if run.task == task)


def plan_production(
    study: Study, participant: Participant, *, table: pd.DataFrame | None = None
) -> ProductionPlan:
    """Decide what is done with a participant's runs.

    A task of which there is no run is left out with all that asks for it, and the decisions
    say so. A run that lacks a condition, or a phase that lacks a run, is an error, or left
    out where the study file says ``missing = "drop-run"``.

    Parameters
    ----------
    study : Study
        As `read_study` reads it.
    participant : Participant
        As `index_dataset` found it.
    table : DataFrame, optional
        ``participants.tsv``, for the trained objects.

    Returns
    -------
    ProductionPlan
        The plan.

    Raises
    ------
    ExceptionGroup of InputError
        All problems of the participant.
    """
    problems: list[InputError] = []
    trained, controls = _objects(study, participant, table, problems)
    words = {f"trained_{i + 1}": name for i, name in enumerate(trained)}
    words |= {f"control_{i + 1}": name for i, name in enumerate(controls)}
    t1w_file = participant.t1w_for()
    if t1w_file is None:
        found = "none (anat/*_T1w.nii.gz)"
        problems.append(_error(participant, "a T1-weighted image", found, "add it"))
    decisions: list[str] = []
    runs = []
    try:
        check_distinct([run for run in participant.runs if run.task in study.tasks])
    except InputError as err:
        problems.append(err)
    for name in study.tasks:
        own = [run for run in participant.runs if run.task == name]
        if not own:
            decisions.append(f"there is no run of task {name}: what needs it is left out")
        for run in own:
            try:
                plan = _plan_run(study, run, words, decisions)
            except InputError as err:
                problems.append(err)
                continue
            if plan is not None:
                runs.append(plan)
    phases = _phases(study, participant, runs, problems, decisions)
    for name in lacking_differentiation(study, phases):
        n_runs = len(phases.get(name, ()))
        decisions.append(f"differentiation is left out: phase {name} has {n_runs} of two runs")
    if not runs and not problems:
        expected = f"a run of one of the tasks {', '.join(study.tasks)}"
        found = ", ".join(sorted({run.task for run in participant.runs})) or "no run"
        problems.append(_error(participant, expected, found, "check [tasks] of the study file"))
    if problems:
        raise ExceptionGroup(f"participant {participant.label}", problems)
    samples = {name: task.samples for name, task in study.tasks.items()}
    return ProductionPlan(
        participant.label, t1w_file or "", tuple(runs), phases, trained, controls, samples,
        tuple(decisions),
    )  # fmt: skip


def read_participants(root: str | Path) -> pd.DataFrame | None:
    """Read ``participants.tsv`` of a dataset, if it has one; all columns are text."""
    file = Path(root, "participants.tsv")
    if not file.is_file():
        return None
    table = read_table(str(file), "participants")
    if "participant_id" not in table.columns:
        raise InputError(
            "participants", expected="a column participant_id", found=", ".join(table.columns),
            hint="name the column of sub-<label> so", file=str(file),
        )  # fmt: skip
    return table.astype(str).fillna("n/a")


def _objects(
    study: Study, participant: Participant, table: pd.DataFrame | None, problems: list[InputError]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Trained and control objects of a participant, each in alphabetical order."""
    objects = study.objects
    if not objects.trained and not objects.pairs:
        return (), tuple(sorted(objects.labels))
    try:
        named = objects.pairs.get(participant.label) or _named(objects.trained, participant, table)
        for name in named:
            if name not in objects.labels:
                raise _error(
                    participant, f"trained objects among {', '.join(objects.labels)}", repr(name),
                    suggest(name, objects.labels),
                )  # fmt: skip
        if len(set(named)) < len(named):
            found = ", ".join(named)
            raise _error(participant, "different trained objects", found, "name each once")
    except InputError as err:
        problems.append(err)
        return tuple(objects.labels[: len(objects.trained) or 2]), ()
    return tuple(sorted(named)), tuple(sorted(set(objects.labels) - set(named)))


def _named(
    columns: Sequence[str], participant: Participant, table: pd.DataFrame | None
) -> tuple[str, ...]:
    """Trained objects of a participant in ``participants.tsv``."""
    expected = f"trained objects in participants.tsv, columns {', '.join(columns)}"
    hint = "add them, or give [objects.pairs] in the study file"
    if not columns:
        expected = f"trained objects of {participant.label} in [objects.pairs]"
        raise _error(participant, expected, "none", "add them")
    if table is None:
        raise _error(participant, expected, "no participants.tsv", hint)
    absent = [name for name in columns if name not in table.columns]
    if absent:
        found = f"columns {', '.join(table.columns)}"
        raise _error(participant, expected, found, suggest(absent[0], table.columns))
    rows = table[table["participant_id"].str.removeprefix("sub-") == participant.label]
    if len(rows) != 1:
        raise _error(participant, f"one row of sub-{participant.label}", f"{len(rows)}", hint)
    values = tuple(rows.iloc[0][list(columns)])
    if any(value in ("n/a", "nan", "") for value in values):
        raise _error(participant, expected, ", ".join(values), hint)
    return values


def _plan_run(
    study: Study, run: Run, words: Mapping[str, str], decisions: list[str]
) -> RunPlan | None:
    """Plan a run; None if it is left out."""
    task = study.tasks[run.task]
    labels = [fill(text, dict(words)) for text in task.labels]
    if run.events_file is None:
        raise InputError(
            "events", expected="an events file (onset, duration, trial_type) beside the run",
            found="none", hint="add it", file=run.bold_file,
        )  # fmt: skip
    image = open_image(run.bold_file, ndim=4)
    tr = repetition_time(image, run.metadata.get("RepetitionTime"))
    events = read_events(run.events_file, n_volumes=image.shape[3], tr=tr)
    present = sorted(events["trial_type"].unique())
    absent = [name for name in labels if name not in present]
    if absent:
        if task.missing == "drop-run":
            decisions.append(f"{run_title(run)} is left out: it has no {', '.join(absent)}")
            return None
        raise InputError(
            "events", expected=f"the conditions {', '.join(labels)} in every run of {run.task}",
            found=f"{', '.join(present)}", file=run.events_file,
            hint=f'mend the events, or say missing = "drop-run" in [tasks.{run.task}]',
        )  # fmt: skip
    quoted = {key: word(name) for key, name in words.items()}
    contrasts = tuple(f"{k}={fill(text, quoted)}" for k, text in task.contrasts.items())
    parse_contrasts(contrasts, present)
    _check_samples(events[events["trial_type"].isin(labels)], run, image.shape[3], tr, task.samples)
    drift = study.grid.filter
    pause = longest_pause(events[events["trial_type"].isin(labels)])
    if pause > study.glm.high_pass:
        decisions.append(
            f"{run_title(run)}: a condition comes back only after {pause:.0f} s, the filter of "
            f"{study.glm.high_pass:g} s weakens it"
        )
    return RunPlan(
        run_key(run), run.bold_file, run.events_file, run.task, run.label, tr, tuple(labels),
        contrasts, "events", drift,
    )  # fmt: skip


def _check_samples(
    events: pd.DataFrame, run: Run, n_volumes: int, tr: float, samples: Samples
) -> None:
    """Take the samples that `Featurize` will take, so that a trial past the end is known."""
    table = events.rename(columns={"trial_type": "label"})[["onset", "duration", "label"]]
    try:
        run_samples(
            table, n_volumes, tr, mode="events", shift=samples.lag,
            shift_volumes=samples.shift_volumes, window=samples.window, past_end=samples.past_end,
        )  # fmt: skip
    except InputError as err:
        err.file = err.file or run.events_file
        raise


def lacking_differentiation(study: Study, phases: Mapping[str, Sequence[str]]) -> list[str]:
    """Phases that differentiation compares, of which there are not the two runs it needs."""
    table = study.differentiation
    compared = () if table is None else (table.before, table.after)
    return [name for name in compared if len(phases.get(name, ())) < 2]


def _phases(
    study: Study,
    participant: Participant,
    runs: Sequence[RunPlan],
    problems: list[InputError],
    decisions: list[str],
) -> dict[str, tuple[str, ...]]:
    """Keys of the runs of each phase that there are runs of."""
    found: dict[str, tuple[str, ...]] = {}
    for name, phase in study.phases.items():
        own = [run for run in runs if run.task == phase.task]
        if not phase.runs:
            keys = tuple(run.key for run in own)
        else:
            by_number = {_number(run.run_label): run.key for run in own}
            absent = [number for number in phase.runs if _number(number) not in by_number]
            keys = tuple(by_number[_number(n)] for n in phase.runs if _number(n) in by_number)
            anything = any(run.task == phase.task for run in participant.runs)
            if absent and anything:
                what = f"run {' and '.join(absent)} of task {phase.task} (phase {name})"
                if study.tasks[phase.task].missing == "drop-run":
                    decisions.append(f"phase {name} is without {what.split(' (')[0]}")
                elif not problems:
                    present = ", ".join(by_number) or "none"
                    hint = f'add it, or say missing = "drop-run" in [tasks.{phase.task}]'
                    problems.append(_error(participant, what, f"runs {present}", hint))
        if keys:
            found[name] = keys
    return found


def _number(label: str) -> str:
    number = label.rpartition("run-")[2]
    return str(int(number)) if number.isdecimal() else number


def _error(participant: Participant, expected: str, found: str, hint: str) -> InputError:
    return InputError(f"sub-{participant.label}", expected=expected, found=found, hint=hint)
