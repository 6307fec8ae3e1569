"""Decide what is done with the runs of a participant, before anything is computed."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

import pandas as pd

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.contrasts import ContrastSpec, parse_contrasts, word
from fmriprod.algorithms.sampling import run_samples
from fmriprod.interfaces.bids_index import Participant, Run
from fmriprod.interfaces.events import read_events
from fmriprod.interfaces.images import open_image, repetition_time
from fmriprod.interfaces.preprocessed_run import PreparedRun
from fmriprod.workflows.plan_evidence import EvidencePlan, plan_evidence, region_note, region_runs
from fmriprod.workflows.plan_sampling import choose_sampling, longest_pause
from fmriprod.workflows.record_names import graph_word

TASK_CONTRAST = "task"


@dataclass(frozen=True)
class RunPlan:
    """One run: its files, and what is estimated from it.

    ``key`` is unique for the participant (`check_distinct`) and fit for names of workflows;
    ``run_label`` is the value of the sample tables' column ``run``. ``contrasts`` are as
    `FirstLevelModel` takes them.
    ``sampling`` is ``events`` or ``volumes`` (see `Featurize`), ``drift`` the filter of the
    series that is decoded (see `TemporalFilter`). ``prepared`` is set where ``bold_file`` was
    preprocessed elsewhere.
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
    prepared: PreparedRun | None = None

    @property
    def lag(self) -> float:
        """Time in s from the moment that a volume represents to its middle; samples add it."""
        return self.tr / 2 - self.prepared.volume_time.seconds if self.prepared else 0.0

    @property
    def contrast_names(self) -> tuple[str, ...]:
        """Names of the contrasts, as files have them."""
        return tuple(spec.name for spec in parse_contrasts(self.contrasts, self.conditions))

    @property
    def title(self) -> str:
        """Name for people."""
        return f"{self.task}, run {self.run_label}"


@dataclass(frozen=True)
class Derivatives:
    """Where preprocessed runs of a participant come from: dataset, and mask of the T1w image."""

    root: str
    t1w_mask: str | None = None


@dataclass(frozen=True)
class SubjectPlan:
    """Everything that is done for one participant.

    ``region_runs`` are the keys of the runs whose response to the task chooses the region of
    interest. ``decisions`` say in words what was left out or chosen, and why. ``derivatives`` is
    set where the runs were preprocessed elsewhere.
    """

    subject: str
    t1w_file: str
    runs: tuple[RunPlan, ...]
    region_runs: tuple[str, ...]
    evidence: tuple[EvidencePlan, ...]
    decisions: tuple[str, ...] = field(default=())
    derivatives: Derivatives | None = None


def plan_subject(
    participant: Participant,
    *,
    contrasts: Sequence[str] = (),
    train: str | None = None,
    test: str | None = None,
    sampling: str = "auto",
    high_pass: float = 100.0,
    shift: float = 4.5,
    window: int = 1,
    past_end: Literal["error", "drop"] = "error",
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
        with the first half as training and the second as test. A task whose samples do not
        allow that is not decoded, and the decisions say why.
    sampling : {"auto", "events", "volumes"}
        Samples are single volumes after brief events, or all volumes while a condition is
        on. ``auto`` takes events when they are brief and apart (each shorter than two
        volumes, no two in one volume).
    high_pass : float
        Cut-off period in s of the filter before decoding. Where a condition comes back only
        after more than half of it, the filter would take away what is decoded; there, one
        straight line is removed instead.
    shift, window, past_end
        As `Featurize` takes them; the window for samples of mode ``events``.

    Returns
    -------
    SubjectPlan
        The plan.

    Raises
    ------
    InputError
        If there is no T1-weighted image, no run or two of the same number, a contrast that no
        run has, a run without samples, or queries that the samples cannot answer.
    """
    t1w_file = participant.t1w_for()
    if t1w_file is None:
        raise _subject_error(participant, "a T1-weighted image (anat/*_T1w.nii.gz)", "none")
    if not participant.runs:
        raise _subject_error(participant, "at least one BOLD run", "none for this selection")
    check_distinct(participant.runs)
    read = [_read_run(run) for run in participant.runs]
    known = sorted({c for run in read for c in run.events["trial_type"].unique()})
    specs = parse_contrasts(list(contrasts), known)
    decisions: list[str] = []
    runs, tables = [], []
    for one in read:
        mode = sampling if sampling != "auto" else choose_sampling(one.events, one.tr)
        plan = _plan_run(one, specs, mode, high_pass, decisions)
        samples, n_dropped = _samples(one, plan, shift, window, past_end)
        if n_dropped:
            decisions.append(
                f"{n_dropped} trials of {run_title(one.run)} are not decoded: the response comes "
                "after the end of the run"
            )
        runs.append(plan)
        tables.append(samples.assign(subject=participant.label))
    _check_contrasts(specs, runs)
    rows = pd.concat(tables, ignore_index=True)
    evidence, undecided = plan_evidence(rows, train, test)
    region = region_runs(rows, train)
    note = region_note(region, evidence)
    return SubjectPlan(
        participant.label,
        t1w_file,
        tuple(runs),
        region,
        tuple(evidence),
        (*decisions, *undecided, *([note] if note else [])),
    )


def _plan_run(
    read: "_Read", specs: Sequence[ContrastSpec], mode: str, high_pass: float, decisions: list[str]
) -> RunPlan:
    """Decide what is estimated from a run, and add to the decisions."""
    run, title = read.run, run_title(read.run)
    prepared = run if isinstance(run, PreparedRun) else None
    decisions += [f"{title}: {note}" for note in (prepared.notes if prepared else ())]
    conditions = tuple(sorted(read.events["trial_type"].unique()))
    possible = [_task_contrast(conditions)]
    for spec in specs:
        absent = sorted(set(spec.weights) - set(conditions))
        if absent:
            decisions.append(f"{spec.name} is not estimated in {title}: no {absent[0]}")
        else:
            possible.append(spec.expression)
    drift, pause = "cosine", longest_pause(read.events)
    if pause > high_pass / 2:
        drift = "linear"
        decisions.append(
            f"before decoding {title}, a straight line is removed instead of periods "
            f"above {high_pass:g} s: a condition comes back only after {pause:.0f} s"
        )
    return RunPlan(
        run_key(run), run.bold_file, run.events_file or "", run.task, run.label, read.tr,
        conditions, tuple(possible), mode, drift, prepared,
    )  # fmt: skip


def _samples(
    read: "_Read", plan: RunPlan, shift: float, window: int, past_end: Literal["error", "drop"]
) -> tuple[pd.DataFrame, int]:
    """List the samples that `Featurize` will take, and count the trials it will drop."""
    events = read.events.rename(columns={"trial_type": "label"})[["onset", "duration", "label"]]
    try:
        samples, n_dropped = run_samples(
            events,
            read.n_volumes,
            read.tr,
            mode=plan.sampling,
            shift=shift + plan.lag,
            window=window if plan.sampling == "events" else 1,
            past_end=past_end,
        )
    except InputError as err:
        err.file = err.file or plan.events_file
        raise
    return samples.assign(task=plan.task, run=plan.run_label, key=plan.key), n_dropped


class _Read(NamedTuple):
    run: Run
    events: pd.DataFrame
    n_volumes: int
    tr: float


def _read_run(run: Run) -> _Read:
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
    n_volumes = image.shape[3]
    return _Read(run, read_events(run.events_file, n_volumes=n_volumes, tr=tr), n_volumes, tr)


def _task_contrast(conditions: Sequence[str]) -> str:
    return f"{TASK_CONTRAST}=({' + '.join(map(word, conditions))})/{len(conditions)}"


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


def check_distinct(runs: Sequence[Run]) -> None:
    """Refuse series that only other entities tell apart: directions, reconstructions, echoes."""
    seen: dict[tuple, Run] = {}
    for run in runs:
        other = seen.setdefault((run.session, run.task, run.number), run)
        if other is not run:
            raise InputError(
                "runs", expected="one BOLD series for each session, task and run",
                found=" and ".join(Path(one.bold_file).name for one in (other, run)),
                hint="keep one of them, and move the other elsewhere", file=run.bold_file,
            )  # fmt: skip


def run_key(run: Run) -> str:
    """Name a run in one word, as names of workflows are; unique after `check_distinct`."""
    parts = [("ses", run.session), ("task", run.task), ("run", run.run)]
    return graph_word("_".join(f"{entity}_{value}" for entity, value in parts if value))


def run_title(run: Run) -> str:
    """Name a run for people."""
    return f"task {run.task}" + (f" run {run.run}" if run.run else "")


def _subject_error(participant: Participant, expected: str, found: str) -> InputError:
    return InputError(
        f"participant {participant.label}", expected=expected, found=found,
        hint="check the dataset with `fmriprod check`",
    )  # fmt: skip
