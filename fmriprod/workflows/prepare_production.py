"""Find out before anything is computed what a study file asks for, and whom it can be done for."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from fmriprod.algorithms.checks import InputError, suggest
from fmriprod.interfaces.bids_index import BidsIndex, Participant, index_dataset
from fmriprod.interfaces.preflight import check_dataset
from fmriprod.interfaces.problems import Problem, participant_of
from fmriprod.workflows.plan_production import ProductionPlan, plan_production, read_participants
from fmriprod.workflows.study_file import find_study, read_study
from fmriprod.workflows.study_model import Study


@dataclass(frozen=True)
class PreparedProduction:
    """What can be computed of a study, what is wrong, and who is left out because of it.

    Attributes
    ----------
    root : str
        Absolute path of the raw dataset.
    study : Study or None
        None if the study file has problems.
    plans : tuple of ProductionPlan
        One for each participant without an error; none when an error concerns everyone.
    problems : tuple of Problem
        Errors first.
    left_out : tuple of str
        Labels of the chosen participants without a plan.
    """

    root: str
    study: Study | None
    plans: tuple[ProductionPlan, ...]
    problems: tuple[Problem, ...]
    left_out: tuple[str, ...] = ()


def prepare_production(
    bids_dir: str | Path,
    study_file: str | Path,
    *,
    participants: Sequence[str] | None = None,
    **checks: Any,
) -> PreparedProduction:
    """Check a study file and a dataset against each other, and plan what can be done.

    Parameters
    ----------
    bids_dir : path
        Root of the raw BIDS dataset.
    study_file : path
        As `read_study` takes it.
    participants : sequence of str, optional
        Labels; all by default.
    **checks
        Further options of `check_dataset`: ``out_dir``, ``work_dir``, ``full`` ...

    Returns
    -------
    PreparedProduction
        Plans and problems: an error in the folder of one participant leaves that one out,
        any other stops all of them.
    """
    root = os.path.abspath(bids_dir)
    try:
        study, problems = read_study(study_file)
        index = index_dataset(root)
    except InputError as err:
        return PreparedProduction(root, None, (), (Problem.of(err),))
    present, found = _tasks(study, index, str(find_study(study_file)))
    problems += found
    model = {"hrf": study.glm.hrf, "high_pass": study.glm.high_pass} if study else {}
    choice = {"participants": participants, "tasks": present or None}
    problems += check_dataset(root, **choice, **model, **checks)
    table, found = _participants(root)
    problems += found
    errors = [problem for problem in problems if problem.severity == "error"]
    owners = {participant_of(problem.file, root) for problem in errors}
    plans: list[ProductionPlan] = []
    left_out: list[str] = []
    if study is not None and None not in owners:
        for participant in index.select(**choice).participants:
            found = [] if participant.label in owners else _plan(study, participant, table, plans)
            problems += found
            if found or participant.label in owners:
                left_out.append(participant.label)
    problems.sort(key=lambda problem: problem.severity != "error")
    return PreparedProduction(root, study, tuple(plans), tuple(problems), tuple(left_out))


def _plan(
    study: Study, participant: Participant, table: pd.DataFrame | None, plans: list[ProductionPlan]
) -> list[Problem]:
    """Plan a participant, or give the problems."""
    try:
        plans.append(plan_production(study, participant, table=table))
    except ExceptionGroup as errors:
        place = f"sub-{participant.label}"
        return [Problem.of(err, file=err.file or place) for err in errors.exceptions]
    return []


def _tasks(study: Study | None, index: BidsIndex, place: str) -> tuple[list[str], list[Problem]]:
    """Tasks of the study that the dataset has; one that nobody has is a problem."""
    if study is None:
        return [], []
    absent = [name for name in study.tasks if name not in index.tasks]
    problems = [
        Problem("error", f"{place}: tasks.{name}", "a task of the dataset", repr(name),
                suggest(name, index.tasks))
        for name in absent
    ]  # fmt: skip
    return [name for name in study.tasks if name in index.tasks], problems


def _participants(root: str) -> tuple[pd.DataFrame | None, list[Problem]]:
    try:
        return read_participants(root), []
    except InputError as err:
        return None, [Problem.of(err)]
