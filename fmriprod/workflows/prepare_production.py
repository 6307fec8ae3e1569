"""Find out before anything is computed what a study file asks for, and whom it can be done for."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd

from fmriprod.algorithms.bids_names import strip_prefix
from fmriprod.algorithms.checks import InputError, suggest
from fmriprod.interfaces.bids_index import BidsIndex, Participant, index_dataset
from fmriprod.interfaces.preflight import check_dataset
from fmriprod.interfaces.problems import Problem, participant_of
from fmriprod.interfaces.study_folder import find_study
from fmriprod.workflows.plan_production import ProductionPlan, plan_production, read_participants
from fmriprod.workflows.prepare import check_engines
from fmriprod.workflows.production_regions import (
    RegionFiles,
    check_region_names,
    find_region_files,
)
from fmriprod.workflows.study_feat import feat_problems
from fmriprod.workflows.study_file import read_study
from fmriprod.workflows.study_model import Study

_T = TypeVar("_T")


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
    regions : mapping of str to RegionFiles
        What the regions of each planned participant are made of; empty for FEAT, which has
        no regions.
    """

    root: str
    study: Study | None
    plans: tuple[ProductionPlan, ...]
    problems: tuple[Problem, ...]
    left_out: tuple[str, ...] = ()
    regions: Mapping[str, RegionFiles] = field(default_factory=dict)


def prepare_production(
    bids_dir: str | Path,
    study_file: str | Path,
    *,
    participants: Sequence[str] | None = None,
    subjects_dir: str | Path | None = None,
    engines: Sequence[tuple[str, str]] = (),
    only_fsf: bool = False,
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
    subjects_dir : path, optional
        FreeSurfer's, where the study takes its regions from there.
    engines : sequence of (str, str)
        Option and chosen program, such as ``("--motion-engine", "mcflirt")``.
    only_fsf : bool
        Only settings of FEAT are written: FEAT is not needed, nor is what the regions are
        made of.
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
    file = find_study(study_file)
    present, found = _tasks(study, index, participants, str(file))
    problems += [*found, *check_engines(engines)]
    if study is not None:
        problems += feat_problems(study, str(file), only_files=only_fsf)
    model = {"hrf": study.glm.hrf, "high_pass": study.glm.high_pass} if study else {}
    choice = {"participants": participants, "tasks": present or None}
    problems += check_dataset(root, **choice, **model, **checks)
    table = _try(problems, lambda: read_participants(root))
    if study is not None:
        _try(problems, lambda: check_region_names(study, file.parent), f"{file}: regions")
    errors = [problem for problem in problems if problem.severity == "error"]
    owners = {participant_of(problem.file, root) for problem in errors}
    if study is None or None in owners:
        return PreparedProduction(root, study, (), _sorted(problems))
    plans, regions, left_out = [], {}, []
    for participant in index.select(**choice).participants:
        label, before = participant.label, len(problems)
        files = None
        if study.glm.engine != "fsl" and not only_fsf:
            files = _try(
                problems,
                lambda label=label: find_region_files(
                    study, label, folder=file.parent, subjects_dir=subjects_dir
                ),
                f"sub-{label}",
            )
        plan = _plan(study, participant, table, problems) if label not in owners else None
        if plan is None or len(problems) > before:
            left_out.append(label)
        else:
            plans.append(plan)
            regions |= {label: files} if files else {}
    return PreparedProduction(
        root, study, tuple(plans), _sorted(problems), tuple(left_out), regions
    )


def _sorted(problems: list[Problem]) -> tuple[Problem, ...]:
    """Put errors first, each once."""
    return tuple(sorted(dict.fromkeys(problems), key=lambda p: p.severity != "error"))


def _try(problems: list[Problem], call: Callable[[], _T], place: str | None = None) -> _T | None:
    """Call, or note the problem."""
    try:
        return call()
    except InputError as err:
        problems.append(Problem.of(err, file=err.file or place))
        return None


def _plan(
    study: Study, participant: Participant, table: pd.DataFrame | None, problems: list[Problem]
) -> ProductionPlan | None:
    """Plan a participant, or note the problems."""
    try:
        return plan_production(study, participant, table=table)
    except ExceptionGroup as errors:
        place = f"sub-{participant.label}"
        problems += [Problem.of(err, file=err.file or place) for err in errors.exceptions]
        return None


def _tasks(
    study: Study | None, index: BidsIndex, participants: Sequence[str] | None, place: str
) -> tuple[list[str], list[Problem]]:
    """Tasks of the study that anyone chosen has; one that nobody at all has is a problem."""
    if study is None:
        return [], []
    labels = None if participants is None else {strip_prefix(label) for label in participants}
    chosen = [p for p in index.participants if labels is None or p.label in labels]
    present = {run.task for participant in chosen for run in participant.runs}
    absent = [name for name in study.tasks if name not in index.tasks]
    problems = [
        Problem("error", f"{place}: tasks.{name}", "a task of the dataset", repr(name),
                suggest(name, index.tasks))
        for name in absent
    ]  # fmt: skip
    return [name for name in study.tasks if name in present], problems
