"""Who can take part in the analysis of the group, and who cannot."""

from dataclasses import dataclass
from pathlib import Path

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.problems import Problem
from fmriprod.workflows.plan_production import ProductionPlan
from fmriprod.workflows.prepare_production import PreparedProduction
from fmriprod.workflows.production_names import ParticipantResults, find_results
from fmriprod.workflows.production_regions import RegionFiles


@dataclass(frozen=True)
class Member:
    """A participant of the group: the plan, what regions are made of, and the results so far."""

    plan: ProductionPlan
    regions: RegionFiles
    results: ParticipantResults

    @property
    def subject(self) -> str:
        """Label without ``sub-``."""
        return self.plan.subject


def prepare_members(
    prepared: PreparedProduction, out_dir: str | Path
) -> tuple[list[Member], list[Problem]]:
    """Find the results of all participants of a study.

    Parameters
    ----------
    prepared : PreparedProduction
        Of the same dataset and study file as the participants were.
    out_dir : path
        Derivatives dataset.

    Returns
    -------
    members : list of Member
        Those whose results are there.
    problems : list of Problem
        One for each participant whose results are not.
    """
    members, problems = [], []
    for plan in prepared.plans:
        try:
            results = find_results(prepared.study, plan, out_dir)
        except InputError as err:
            problems.append(Problem.of(err, file=f"sub-{plan.subject}"))
        else:
            members.append(Member(plan, prepared.regions[plan.subject], results))
    return members, problems
