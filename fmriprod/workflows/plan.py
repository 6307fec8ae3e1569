"""Decide what is done with the runs of a participant, before anything is computed."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.contrasts import parse_contrasts
from fmriprod.algorithms.query import query_rows
from fmriprod.interfaces.bids_index import Participant, Run
from fmriprod.interfaces.events import read_events
from fmriprod.interfaces.images import open_image, repetition_time

TASK_CONTRAST = "task"


@dataclass(frozen=True)
class RunPlan:
    """One run: its files, and what is estimated from it.

    ``key`` is unique for the participant and fit for names of workflows; ``run_label`` is
    the value of the sample tables' column ``run``. ``contrasts`` are as `FirstLevelModel` takes
    them.
    ``sampling`` is ``events`` or ``volumes`` (see `Featurize`), ``drift`` the filter of the
    series that is decoded (see `TemporalFilter`).
    """

    key: str
    bold_file: str
    events_file: str
    task: str
    run_label: str
    tr: float
    conditions: tuple[str, ...]
    contrasts: tuple[str, ...]
    sampling: str
    drift: str = "cosine"

    @property
    def contrast_names(self) -> tuple[str, ...]:
        """Names of the contrasts, as files have them."""
        return tuple(spec.name for spec in parse_contrasts(self.contrasts, self.conditions))

    @property
    def title(self) -> str:
        """Name for people."""
        return f"{self.task}, run {self.run_label}" if self.run_label else self.task


@dataclass(frozen=True)
class EvidencePlan:
    """One question to the features: train on these samples, test on those, or fold."""

    name: str
    runs: tuple[str, ...]
    train: str | None = None
    test: str | None = None
    folds: str | None = None

    @property
    def title(self) -> str:
        """Name for people."""
        if self.folds:
            return f"{self.name}: leave one {self.folds} out"
        return f"train {self.train}, test {self.test}"


@dataclass(frozen=True)
class SubjectPlan:
    """Everything that is done for one participant.

    ``region_runs`` are the keys of the runs whose response to the task chooses the region of
    interest. ``decisions`` say in words what was left out or chosen, and why.
    """

    subject: str
    t1w_file: str
    runs: tuple[RunPlan, ...]
    region_runs: tuple[str, ...]
    evidence: tuple[EvidencePlan, ...]
    decisions: tuple[str, ...] = field(default=())


def plan_subject(
    participant: Participant,
    *,
    contrasts: Sequence[str] = (),
    train: str | None = None,
    test: str | None = None,
    sampling: str = "auto",
    high_pass: float = 100.0,
) -> SubjectPlan:
    """Decide what is done with a participant's runs.

    Parameters
    ----------
    participant : Participant
        As `index_dataset` found it, with the runs to analyse.
    contrasts : sequence of str
        ``expression`` or ``name=expression`` over conditions. Each is estimated in every run
        that has its conditions. The mean of all conditions against baseline is always
        estimated, under the name ``task``.
    train, test : str, optional
        Queries over the sample table for the evidence, given together. Without them each
        task is decoded by itself: leaving out one run at a time, or, from a single run,
        with the first half as training and the second as test.
    sampling : {"auto", "events", "volumes"}
        Samples are single volumes after brief events, or all volumes while a condition is
        on. ``auto`` takes events when they are brief and apart (each shorter than two
        volumes, no two in one volume).
    high_pass : float
        Cut-off period in s of the filter before decoding. Where a condition comes back only
        after more than half of it, the filter would take away what is decoded; there, one
        straight line is removed instead.

    Returns
    -------
    SubjectPlan
        The plan.

    Raises
    ------
    InputError
        If there is no T1-weighted image, no run, or a contrast that no run has.
    """
    t1w_file = participant.t1w_for()
    if t1w_file is None:
        raise _subject_error(participant, "a T1-weighted image (anat/*_T1w.nii.gz)", "none")
    if not participant.runs:
        raise _subject_error(participant, "at least one BOLD run", "none for this selection")
    events = [_read_run(run) for run in participant.runs]
    known = sorted({c for table, _ in events for c in table["trial_type"].unique()})
    specs = parse_contrasts(list(contrasts), known)
    decisions: list[str] = []
    runs = []
    for run, (table, tr) in zip(participant.runs, events, strict=True):
        conditions = tuple(sorted(table["trial_type"].unique()))
        possible = [_task_contrast(conditions)]
        for spec in specs:
            absent = sorted(set(spec.weights) - set(conditions))
            if absent:
                decisions.append(f"{spec.name} is not estimated in {_title(run)}: no {absent[0]}")
            else:
                possible.append(spec.expression)
        drift = "cosine"
        pause = longest_pause(table)
        if pause > high_pass / 2:
            drift = "linear"
            decisions.append(
                f"before decoding {_title(run)}, a straight line is removed instead of periods "
                f"above {high_pass:g} s: a condition comes back only after {pause:.0f} s"
            )
        kind = sampling if sampling != "auto" else choose_sampling(table, tr)
        runs.append(
            RunPlan(_key(run), run.bold_file, run.events_file or "", run.task, run.label, tr,
                    conditions, tuple(possible), kind, drift)
        )  # fmt: skip
    _check_contrasts(specs, runs)
    evidence = _plan_evidence(runs, train, test, decisions)
    region = _region_runs(runs, train)
    return SubjectPlan(
        participant.label, t1w_file, tuple(runs), region, tuple(evidence), tuple(decisions)
    )


def choose_sampling(events: pd.DataFrame, tr: float) -> str:
    """Choose between samples of brief events and of all volumes of long ones.

    Parameters
    ----------
    events : DataFrame
        Columns ``onset`` and ``duration`` in s.
    tr : float
        Repetition time in s.

    Returns
    -------
    {"events", "volumes"}
        ``events`` when each event is shorter than two volumes and no two begin in one.
    """
    slots = (events["onset"] // tr).astype(int)
    brief = bool((events["duration"] < 2 * tr).all())
    return "events" if brief and slots.is_unique else "volumes"


def longest_pause(events: pd.DataFrame) -> float:
    """Find the longest time between the end of a condition's event and its next onset.

    Parameters
    ----------
    events : DataFrame
        Columns ``onset``, ``duration`` (s) and ``trial_type``.

    Returns
    -------
    float
        In s; 0 when no condition comes back.
    """
    table = events.sort_values("onset")
    ends = (table["onset"] + table["duration"]).groupby(table["trial_type"]).shift()
    return float(np.nanmax((table["onset"] - ends).to_numpy(), initial=0.0))


def _read_run(run: Run) -> tuple[pd.DataFrame, float]:
    if run.events_file is None:
        raise InputError(
            "events",
            expected="an events file (onset, duration, trial_type) beside the run",
            found="none",
            hint="add it, or leave the task out with --task",
            file=run.bold_file,
        )
    image = open_image(run.bold_file, ndim=4)
    tr = repetition_time(image, run.metadata.get("RepetitionTime"))
    return read_events(run.events_file, n_volumes=image.shape[3], tr=tr), tr


def _task_contrast(conditions: Sequence[str]) -> str:
    words = [c if re.fullmatch(r"[^\W\d]\w*", c) else f"`{c}`" for c in conditions]
    return f"{TASK_CONTRAST}=({' + '.join(words)})/{len(words)}"


def _check_contrasts(specs: Sequence, runs: Sequence[RunPlan]) -> None:
    estimated = {name for run in runs for name in run.contrast_names}
    for spec in specs:
        if spec.name not in estimated:
            found = "; ".join(f"{run.title}: {', '.join(run.conditions)}" for run in runs)
            raise InputError(
                "contrasts",
                expected=f"a run with all conditions of {spec.expression!r}",
                found=found,
                hint="name conditions that one run has together",
            )


def _plan_evidence(
    runs: Sequence[RunPlan], train: str | None, test: str | None, decisions: list[str]
) -> list[EvidencePlan]:
    if (train is None) != (test is None):
        raise InputError(
            "train" if train is None else "test",
            expected="train and test together, or neither",
            found=f"only {train or test!r}",
            hint="give the other query too",
        )
    everything = tuple(run.key for run in runs)
    if train is not None:
        return [EvidencePlan("evidence", everything, train, test)]
    plans = []
    for task in dict.fromkeys(run.task for run in runs):
        own = [run for run in runs if run.task == task]
        keys = tuple(run.key for run in own)
        if min(len(run.conditions) for run in own) < 2:
            decisions.append(f"no evidence for task {task}: a run has fewer than two conditions")
        elif len(own) > 1:
            plans.append(EvidencePlan(task, keys, folds="run"))
        else:
            plans.append(EvidencePlan(task, keys, "half == 1", "half == 2"))
    return plans


def _region_runs(runs: Sequence[RunPlan], train: str | None) -> tuple[str, ...]:
    """Find the runs whose response chooses the region: those that may train, else all."""
    if train is None:
        return tuple(run.key for run in runs)
    rows = pd.DataFrame(
        [
            {"task": run.task, "run": run.run_label, "half": half, "label": label, "i": i}
            for i, run in enumerate(runs)
            for half in (1, 2)
            for label in run.conditions
        ]
    )
    try:
        chosen = set(rows.loc[query_rows(rows, train, "train"), "i"])
    except InputError as err:
        if "names of columns" not in err.expected:
            raise
        return tuple(run.key for run in runs)  # the query is about single trials or volumes
    return tuple(run.key for i, run in enumerate(runs) if i in chosen)


def _key(run: Run) -> str:
    parts = [("ses", run.session), ("task", run.task), ("run", run.run)]
    return "_".join(f"{entity}_{value}" for entity, value in parts if value)


def _title(run: Run) -> str:
    return f"task {run.task}" + (f" run {run.run}" if run.run else "")


def _subject_error(participant: Participant, expected: str, found: str) -> InputError:
    return InputError(
        f"participant {participant.label}", expected=expected, found=found,
        hint="check the dataset with `fmriprod check`",
    )  # fmt: skip
