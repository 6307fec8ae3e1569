"""The group of a study: task masks from the others, evidence within them, and statistics."""

from collections.abc import Sequence
from pathlib import Path

from nipype.interfaces.utility import IdentityInterface, Merge
from nipype.pipeline import engine as pe

from fmriprod.interfaces.dataset_description import is_simulated
from fmriprod.interfaces.save_group import SaveGroup
from fmriprod.workflows.group_parts import (
    build_members,
    build_statistics,
    build_task_masks,
    collect_tables,
)
from fmriprod.workflows.prepare_group import Member
from fmriprod.workflows.production_group_report import connect_group_report, save_report
from fmriprod.workflows.production_member import member_tables
from fmriprod.workflows.production_names import SPACE, TABLES
from fmriprod.workflows.save import Destination, save
from fmriprod.workflows.study_model import Study

_KEYS = {
    "evidence_file": (
        "subject", "region", "phase", "scheme", "task", "run", "trial", "time_point",
    ),
    "scores_file": ("subject", "region", "phase", "scheme"),
    "time_courses_file": ("subject", "region", "phase", "scheme", "by", "index"),
    "connectivity_file": (
        "subject", "region_1", "region_2", "features", "scheme", "run", "trial",
    ),
}  # fmt: skip
TABLE_NAMES = {
    "accuracy_file": "accuracy",
    "split_file": "trained",
    "change_file": "change",
    "log_odds_file": "log_odds",
    "model_file": "models",
    "selectivity_file": "selectivity",
    "missing_file": "missing",
}
_TASK_FILES = {
    "group_z_file": "task_z",
    "group_mask": "task_mask",
    "coverage_file": "task_coverage",
    "summary_file": "task_masks",
}


def init_production_group_wf(
    members: Sequence[Member],
    study: Study,
    *,
    out_dir: str,
    bids_dir: str,
    record_dir: str | None = None,
    missing: Sequence[str] = (),
    dataset: str = "",
    simulated: bool | None = None,
    omp_nthreads: int = 1,
    name: str = "group_wf",
) -> pe.Workflow:
    """Build the analysis of the group of a study, from the results of its participants.

    Parameters
    ----------
    members : sequence of Member
        Participants with results, as `prepare_members` finds them.
    study : Study
        As `read_study` reads it.
    out_dir, bids_dir : str
        Derivatives dataset, whose folder ``group`` gets the results, and the raw dataset.
    record_dir : str, optional
        Empty folder in which savers note what they wrote.
    missing : sequence of str
        Participants who are left out, for the report.
    dataset : str
        Name of the dataset, for the report.
    simulated : bool, optional
        Whether figures and report say that the data are simulated (default: if ``bids_dir``
        says so of itself).
    omp_nthreads : int
        Threads that one step may use.
    name : str
        Name of the workflow.

    Outputs
    -------
    accuracy_file
        Accuracy by region, phase and scheme (TSV)
    log_odds_file
        The three contrasts of log-probabilities (TSV)
    connectivity_file
        Mixed models of connectivity evidence (TSV), where the study asks for it
    report_file
        The report (HTML)

    Returns
    -------
    nipype.pipeline.engine.Workflow
    """
    workflow = pe.Workflow(name=name)
    outputs = ["accuracy_file", "log_odds_file", "connectivity_file"]
    outputnode = pe.Node(IdentityInterface(fields=[*outputs, "report_file"]), name="outputnode")
    task_masks = build_task_masks(members, study, omp_nthreads=omp_nthreads)
    built = build_members(workflow, members, study, task_masks, omp_nthreads=omp_nthreads)
    tables = {
        field: collect_tables(workflow, members, study, built, field, key)
        for field, key in _KEYS.items()
    }
    differentiation = [m.results.differentiation_file for m in members]
    differentiation = [path for path in differentiation if path]
    statistics = build_statistics(
        study,
        connectivity=tables["connectivity_file"] is not None,
        differentiation=bool(differentiation),
    )
    for field in ("scores_file", "connectivity_file", "evidence_file"):
        if tables[field] is not None:
            workflow.connect(*tables[field], statistics, f"inputnode.{field}s")
    if differentiation:
        statistics.inputs.inputnode.differentiation_files = differentiation
    made = dict(TABLE_NAMES)
    made |= {"connectivity_file": "connectivity"} if tables["connectivity_file"] else {}
    made |= {"differentiation_file": "differentiation"} if differentiation else {}
    if statistics.get_node("informational") is not None:
        made["informational_file"] = "informational"
    _save_files(workflow, statistics, made, out_dir, "tables")
    if task_masks is not None:
        _save_files(workflow, task_masks, _TASK_FILES, out_dir, "task")
    simulated = is_simulated(bids_dir) if simulated is None else simulated
    report = connect_group_report(
        workflow, members, study, statistics, tables, made, task_masks,
        missing=missing, dataset=dataset, simulated=simulated,
    )  # fmt: skip
    save_report(workflow, report, out_dir)
    saving = {"out_dir": out_dir, "bids_dir": bids_dir, "record_dir": record_dir}
    for member in members:
        if member.subject in built:
            _save_member(workflow, member, study, built[member.subject], saving)
    given = [field for field in outputs if field in made]
    workflow.connect(
        [(statistics, outputnode, [(f"outputnode.{field}", field) for field in given])]
    )
    return workflow


def _save_files(
    workflow: pe.Workflow, source: pe.Workflow, names: dict[str, str], out_dir: str, what: str
) -> None:
    """Save files of one source in the folder of the group."""
    gather = pe.Node(Merge(len(names)), name=f"gather_{what}", run_without_submitting=True)
    saver = pe.Node(
        SaveGroup(names=list(names.values()), folder=str(Path(out_dir, "group"))),
        name=f"save_{what}",
        run_without_submitting=True,
        mem_gb=0.01,
    )
    for place, field in enumerate(names, start=1):
        workflow.connect(source, f"outputnode.{field}", gather, f"in{place}")
    workflow.connect(gather, "out", saver, "in_files")


def _save_member(
    workflow: pe.Workflow,
    member: Member,
    study: Study,
    built: pe.Workflow,
    saving: dict[str, str | None],
) -> None:
    """Save a member's masks and what was decoded in them."""
    destination = Destination(
        source_file=member.plan.runs[0].bold_file, dismiss=("task", "run", "ses"), **saving
    )
    prefix = f"{member.subject}_"
    names = (built, "outputnode.region_names", "label")
    save(workflow, (built, "outputnode.mask_files"), f"{prefix}masks", destination, "mask",
         space=SPACE, labels=names, datatype="func")  # fmt: skip
    save(workflow, (built, "outputnode.counts_file"), f"{prefix}counts", destination,
         "timeseries", space=SPACE, label="taskregions", desc="counts")  # fmt: skip
    suffixes = {**TABLES, "connectivity_file": "connectivity"}
    for field in member_tables(member, study):
        save(workflow, (built, f"outputnode.{field}"), f"{prefix}{suffixes[field]}", destination,
             suffixes[field], space=SPACE, label="taskregions")  # fmt: skip
