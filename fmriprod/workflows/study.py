"""The main job for all participants of a study."""

from collections.abc import Sequence
from typing import Any

from nipype.pipeline import engine as pe

from fmriprod.workflows.plan import SubjectPlan
from fmriprod.workflows.subject import init_subject_wf


def init_study_wf(
    plans: Sequence[SubjectPlan], *, name: str = "fmriprod", **options: Any
) -> pe.Workflow:
    """Build one graph with the main job of each participant.

    Parameters
    ----------
    plans : sequence of SubjectPlan
        One for each participant, as `plan_subject` makes them.
    name : str
        Name of the workflow.
    **options
        As `init_subject_wf` takes them; the same for all.

    Returns
    -------
    nipype.pipeline.engine.Workflow
    """
    workflow = pe.Workflow(name=name)
    workflow.add_nodes([init_subject_wf(plan, **options) for plan in plans])
    return workflow
