"""Find out before anything is computed what can be computed, and for whom it cannot."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fmriprod.algorithms.bids_names import strip_prefix
from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.bids_index import Participant, index_dataset
from fmriprod.interfaces.fmriprep_checks import check_choice
from fmriprod.interfaces.fmriprep_echoes import first_echoes
from fmriprod.interfaces.fmriprep_index import index_derivatives
from fmriprod.interfaces.fmriprep_runs import prepared_participant
from fmriprod.interfaces.fsl import require_program
from fmriprod.interfaces.preflight import check_dataset
from fmriprod.interfaces.preprocessed_run import Preprocessed
from fmriprod.interfaces.problems import Problem, participant_of
from fmriprod.workflows.plan import Derivatives, SubjectPlan, plan_subject

_OPTIONS = {"train": "--train", "test": "--test", "contrasts": "--contrast",
            "confounds": "--confounds", "space": "--space",
            "slice_time_ref": "--slice-time-ref"}  # fmt: skip


@dataclass(frozen=True)
class Prepared:
    """What can be computed, what is wrong, and who is left out because of it.

    Parameters
    ----------
    root : str
        Absolute path of the dataset.
    plans : tuple of SubjectPlan
        One for each participant without an error; none when an error concerns everyone.
    problems : tuple of Problem
        Errors first.
    left_out : tuple of str
        Labels of the chosen participants without a plan.
    """

    root: str
    plans: tuple[SubjectPlan, ...]
    problems: tuple[Problem, ...]
    left_out: tuple[str, ...] = ()


def prepare_study(
    bids_dir: str | Path,
    *,
    choice: Mapping[str, Any],
    plan: Mapping[str, Any],
    engines: Sequence[tuple[str, str]] = (),
    derivatives: Mapping[str, Any] | None = None,
    **checks: Any,
) -> Prepared:
    """Check a dataset and what is asked of it, and plan what can be done.

    An error in the folder of one participant leaves that participant out; any other error
    stops all of them.

    Parameters
    ----------
    bids_dir : path
        Root of the raw BIDS dataset.
    choice : mapping
        ``participants``, ``sessions``, ``tasks`` and ``runs`` as `check_dataset` takes them.
    plan : mapping
        Options of `plan_subject`.
    engines : sequence of (str, str)
        Option and chosen program, such as ``("--motion-engine", "mcflirt")``.
    derivatives : mapping, optional
        ``folder`` of preprocessed series to start from, and options of `Preprocessed`.
    **checks
        Further options of `check_dataset`: ``hrf``, ``out_dir``, ``work_dir``, ``full`` ...

    Returns
    -------
    Prepared
        Plans and problems.
    """
    root = os.path.abspath(bids_dir)
    asked = {"contrasts": plan.get("contrasts", ()), "high_pass": plan.get("high_pass", 100.0)}
    checks["preprocessed"] = derivatives is not None
    problems = [*check_engines(engines), *check_dataset(root, **choice, **asked, **checks)]
    source = _source(derivatives, choice.get("participants"), problems)
    errors = [problem for problem in problems if problem.severity == "error"]
    owners = {participant_of(problem.file, root) for problem in errors}
    if None in owners:
        return Prepared(root, (), tuple(problems))
    plans, left_out = [], []
    index = index_dataset(root).select(**choice)
    for participant in (first_echoes(index) if derivatives else index).participants:
        if participant.label in owners:
            left_out.append(participant.label)
            continue
        made, found = _planned(participant, plan, source)
        problems += found
        if made is None:
            left_out.append(participant.label)
        else:
            plans.append(made)
    problems.sort(key=lambda problem: problem.severity != "error")
    return Prepared(root, tuple(plans), tuple(problems), tuple(left_out))


def _source(
    given: Mapping[str, Any] | None, participants: Sequence[str] | None, problems: list[Problem]
) -> Preprocessed | None:
    """Index the derivatives to start from; what is wrong with them as a whole is a problem."""
    if given is None:
        return None
    options = dict(given)
    try:
        source = Preprocessed(index_derivatives(options.pop("folder")), **options)
        chosen = None if participants is None else [strip_prefix(p) for p in participants]
        check_choice(source, chosen)
        return source
    except InputError as err:
        problems.append(Problem.of(err, file=_OPTIONS.get(err.subject)))
        return None


def _planned(
    participant: Participant, plan: Mapping[str, Any], source: Preprocessed | None
) -> tuple[SubjectPlan | None, list[Problem]]:
    """Plan a participant; None, and what is wrong, if that cannot be done."""
    try:
        if source is None:
            return plan_subject(participant, **plan), []
        participant, errors = prepared_participant(participant, source)
        if errors:
            return None, [_problem(err, participant) for err in errors]
        made = plan_subject(participant, **plan)
        anat = source.index.anat.get(participant.label)
        mask = anat.mask_file if anat is not None and anat.t1w_file else None
        return replace(made, derivatives=Derivatives(source.index.root, mask)), []
    except InputError as err:
        return None, [_problem(err, participant)]


def check_engines(engines: Sequence[tuple[str, str]]) -> list[Problem]:
    """Check that the programs of engines are installed; ``python`` is always there."""
    problems = []
    for option, program in engines:
        try:
            if program != "python":
                require_program(program)
        except InputError as err:
            problems.append(Problem.of(err, file=option))
    return problems


def _problem(err: InputError, participant: Participant) -> Problem:
    """Say whose problem it is, and which file or option it is about."""
    if err.file:
        return Problem.of(err)
    option = _OPTIONS.get(err.subject)
    return Problem.of(err, file=f"sub-{participant.label}" + (f" ({option})" if option else ""))
