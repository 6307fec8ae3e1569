"""Check events, designs and contrasts before anything is computed."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.contrasts import parse_contrasts
from fmriprod.algorithms.design import design_matrix, why_not_estimable
from fmriprod.algorithms.transforms import MOTION_COLUMNS
from fmriprod.interfaces.bids_index import Participant, Run
from fmriprod.interfaces.events import read_events
from fmriprod.interfaces.preflight_images import RunImage
from fmriprod.interfaces.problems import Problem

Events = Mapping[Run, pd.DataFrame]


def check_run_events(run: Run, image: RunImage | None) -> tuple[list[Problem], pd.DataFrame | None]:
    """Check the events of a run, within its length where that is known.

    Returns
    -------
    list of Problem
        All that is wrong.
    DataFrame or None
        The events, as `read_events` gives them.
    """
    if run.events_file is None:
        expected = "an events file (onset, duration, trial_type) beside the run"
        hint = "add it, or choose other tasks with --task"
        return [Problem("error", run.bold_file, expected, "none", hint)], None
    n_volumes, tr = (image.n_volumes, image.tr) if image else (None, None)
    try:
        return [], read_events(run.events_file, n_volumes=n_volumes, tr=tr)
    except InputError as err:
        return [Problem.of(err)], None


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
    noise = np.random.default_rng(0).normal(size=(image.n_volumes, len(MOTION_COLUMNS)))
    motion = pd.DataFrame(noise, columns=list(MOTION_COLUMNS))
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
    conditions = {run: set(table["trial_type"]) for run, table in events.items()}
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


def _complete(participant: Participant, events: Events) -> bool:
    """Tell whether all events are known; otherwise what follows from them is not judged."""
    return bool(participant.runs) and all(run in events for run in participant.runs)
