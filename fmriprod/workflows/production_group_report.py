"""The report of the group of a study: what it shows, and where it goes."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from nipype.pipeline import engine as pe

from fmriprod.interfaces.save_group import SaveGroup
from fmriprod.interfaces.template import Template
from fmriprod.workflows.describe import describe
from fmriprod.workflows.group_parts import production_phase
from fmriprod.workflows.group_report import init_group_report_wf
from fmriprod.workflows.prepare_group import Member
from fmriprod.workflows.study_model import Study

_LISTS = {
    "scores_file": "scores_files",
    "time_courses_file": "time_courses_files",
    "connectivity_file": "connectivity_files",
}
_TASK = {
    "group_z_file": "group_z_file",
    "group_mask": "group_mask",
    "summary_file": "task_summary_file",
}


def connect_group_report(
    workflow: pe.Workflow,
    members: Sequence[Member],
    study: Study,
    statistics: pe.Workflow,
    tables: Mapping[str, tuple[pe.Node, str] | None],
    made: Mapping[str, str],
    task_masks: pe.Workflow | None,
    *,
    missing: Sequence[str] = (),
    dataset: str = "",
    simulated: bool = False,
) -> pe.Workflow:
    """Connect the report of a group to what it shows.

    Parameters
    ----------
    workflow : Workflow
        Of the group, whose other parts are connected; gets the report.
    members : sequence of Member
        Participants.
    study : Study
        As `read_study` reads it.
    statistics : Workflow
        Statistics of the group.
    tables : mapping of str to (Node, str) or None
        Lists of the participants' tables.
    made : mapping of str to str
        Outputs of ``statistics`` that there are, and the names of their files.
    task_masks : Workflow or None
        Task masks of all.
    missing : sequence of str
        Participants who are left out.
    dataset : str
        Name of the dataset.
    simulated : bool
        Whether the page says that the data are simulated.

    Returns
    -------
    Workflow
        The report.
    """
    decisions = [f"{m.subject}: {text}" for m in members for text in m.plan.decisions]
    decisions += [f"{label} is left out: there are no results, or its data have errors"
                  for label in missing]  # fmt: skip
    report = init_group_report_wf(
        study=study.study.name,
        before=study.statistics.before or "pre",
        after=study.statistics.after or "post",
        production=production_phase(study),
        chance=1.0 / len(study.objects.labels),
        standardize=next((question.standardize for question in study.evidence), "split"),
        description=describe(workflow),
        decisions=decisions,
        settings=[f"dataset: {dataset}"] if dataset else [],
        file_names=[
            f"{field.removesuffix('_file')}=group/{name}.tsv" for field, name in made.items()
        ],
        simulated=simulated,
    )
    for field, target in _LISTS.items():
        source = tables.get(field)
        if source is not None:
            workflow.connect(*source, report, f"inputnode.{target}")
    workflow.connect(
        [(statistics, report, [(f"outputnode.{field}", f"inputnode.{field}") for field in made])]
    )
    if task_masks is not None:
        template = pe.Node(Template(), name="template", mem_gb=0.5)
        edges = [(f"outputnode.{field}", f"inputnode.{target}") for field, target in _TASK.items()]
        workflow.connect([
            (task_masks, report, edges),
            (template, report, [("template_file", "inputnode.background_file")]),
        ])  # fmt: skip
    return report


def save_report(workflow: pe.Workflow, report: pe.Workflow, out_dir: str) -> None:
    """Save the page beside those of the participants, and the figures in the group's folder."""
    page = pe.Node(
        SaveGroup(names=["group_report"], folder=out_dir),
        name="save_report",
        run_without_submitting=True,
        mem_gb=0.01,
    )
    figures = pe.Node(
        SaveGroup(folder=str(Path(out_dir, "group", "figures"))),
        name="save_figures",
        run_without_submitting=True,
        mem_gb=0.01,
    )
    workflow.connect([
        (report, page, [("outputnode.report_file", "in_files")]),
        (report, figures, [("outputnode.figures", "in_files")]),
    ])  # fmt: skip
