"""Check events, contrasts and queries before anything is computed."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.contrasts import parse_contrasts
from fmriprod.algorithms.design import design_matrix, why_not_estimable
from fmriprod.algorithms.quality_summary import MOTION
from fmriprod.algorithms.splits import check_splits, query_split
from fmriprod.interfaces.bids_index import Participant, Run
from fmriprod.interfaces.events import read_events
from fmriprod.interfaces.preflight_images import RunImage
from fmriprod.interfaces.problems import Problem

# columns of the sample table that are not known before the samples are made
_LATER = ("tr", "time_point")
Events = Mapping[Run, pd.DataFrame]


def check_run_events(run: Run, image: RunImage | None) -> tuple[list[Problem], pd.DataFrame | None]:
    """Check the events of a run, within its length where that is known.

    Returns
    -------
    list of Problem
        All that is wrong.
    DataFrame or None
        The events with the columns of a sample table (``subject, task, run, label, trial,
        tr, half``), one row per event.
    """
    if run.events_file is None:
        expected = "an events file (onset, duration, trial_type) beside the run"
        hint = "add it, or choose other tasks with --task"
        return [Problem("error", run.bold_file, expected, "none", hint)], None
    n_volumes, tr = (image.n_volumes, image.tr) if image else (None, None)
    try:
        events = read_events(run.events_file, n_volumes=n_volumes, tr=tr)
    except InputError as err:
        return [Problem.of(err)], None
    half: np.ndarray | float = np.nan  # the length of the run is not known
    if n_volumes and tr:
        half = np.where(events["onset"] < n_volumes * tr / 2, 1, 2)
    trial = np.arange(len(events))
    samples = events.assign(
        subject=run.subject,
        task=run.task,
        run=run.label,
        label=events["trial_type"],
        trial=trial,
        tr=trial,  # as if no two events shared a volume: sharing is not known yet
        half=half,
    )
    return [], samples


def check_design(
    run: Run,
    image: RunImage,
    events: pd.DataFrame,
    contrasts: Sequence[str],
    *,
    hrf: str,
    high_pass: float,
) -> list[Problem]:
    """Check that the model of a run can be built and can answer the contrasts that it has.

    Parameters
    ----------
    run, image, events
        The run, its image, and its events as `check_run_events` gives them.
    contrasts : sequence of str
        Readable or not; what cannot be read is told by `check_contrasts`.
    hrf, high_pass
        As `design_matrix` takes them.
    """
    if image.tr is None:
        return []
    # Numbers in place of motion that is not known yet: they take degrees of freedom, and names.
    noise = np.random.default_rng(0).normal(size=(image.n_volumes, len(MOTION)))
    motion = pd.DataFrame(noise, columns=list(MOTION))
    try:
        matrix = design_matrix(
            events, image.n_volumes, image.tr, hrf=hrf, high_pass=high_pass, confounds=motion
        )
    except InputError as err:
        return [Problem.of(err, file=run.events_file)]
    present = sorted(set(events["trial_type"]))
    asked = {"the mean of all conditions": dict.fromkeys(present, 1 / len(present))}
    for text in contrasts:
        try:
            asked |= {spec.name: spec.weights for spec in parse_contrasts([text], present)}
        except InputError:
            continue
    reasons = {name: why_not_estimable(matrix, weights) for name, weights in asked.items()}
    return [
        Problem(
            "error",
            run.events_file or "",
            f"events that let {name} be estimated",
            reason,
            "check onsets and durations, or leave out events after which nothing was measured",
        )
        for name, reason in reasons.items()
        if reason
    ]


def check_contrasts(
    contrasts: Sequence[str], participants: Sequence[Participant], events: Events
) -> list[Problem]:
    """Check that contrasts can be read, and that some run of each participant has them.

    Parameters
    ----------
    contrasts : sequence of str
        ``expression`` or ``name=expression``.
    participants : sequence of Participant
        Those that are analysed.
    events : mapping of Run to DataFrame
        Events of the runs that could be read.
    """
    conditions = {run: set(table["label"]) for run, table in events.items()}
    known = sorted(set().union(*conditions.values()))
    if not known:  # the events have problems of their own
        return []
    problems, readable = [], []
    for text in contrasts:
        try:
            parse_contrasts([text], known)
            readable.append(text)
        except InputError as err:
            problems.append(Problem.of(err, file="--contrast"))
    try:
        specs = parse_contrasts(readable, known)
    except InputError as err:
        return [*problems, Problem.of(err, file="--contrast")]
    for participant in participants:
        if not _complete(participant, events):
            continue
        sets = [conditions[run] for run in participant.runs]
        for spec in specs:
            if not any(set(spec.weights) <= present for present in sets):
                found = "; ".join(sorted({", ".join(sorted(present)) for present in sets}))
                problems.append(
                    Problem(
                        "error",
                        f"sub-{participant.label}",
                        f"a run with all conditions of the contrast {spec.expression!r}",
                        f"runs with {found}",
                        "leave the participant out, or name conditions that a run has together",
                    )
                )
    return problems


def check_queries(
    train: str | None, test: str | None, participants: Sequence[Participant], events: Events
) -> list[Problem]:
    """Check that the queries choose samples, and train every label that they test.

    Samples are taken as one for each event. Queries about single volumes (``tr``,
    ``time_point``) cannot be checked before samples are made, and are passed over.
    """
    if train is None and test is None:
        return []
    if train is None or test is None:
        missing = "--train" if train is None else "--test"
        found = f"only {train or test!r}"
        hint = "give the other query too"
        return [Problem("error", missing, "train and test together, or neither", found, hint)]
    if any(word in f"{train} {test}" for word in _LATER):
        return []
    problems = []
    for participant in participants:
        if not _complete(participant, events):
            continue
        samples = pd.concat([events[run] for run in participant.runs], ignore_index=True)
        if "half" in f"{train} {test}" and samples["half"].isna().any():
            continue
        try:
            check_splits(samples, query_split(samples, train, test))
        except InputError as err:
            place = f"sub-{participant.label} (--{err.subject})"
            problems.append(Problem.of(err, file=place))
    return problems


def _complete(participant: Participant, events: Events) -> bool:
    """Tell whether all events are known; otherwise what follows from them is not judged."""
    return bool(participant.runs) and all(run in events for run in participant.runs)
