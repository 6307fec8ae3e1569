"""The report of a participant."""

from collections.abc import Sequence
from typing import Any

from nipype.interfaces.utility import Merge
from nipype.pipeline import engine as pe

from fmriprod.interfaces.brain_panel import BrainPanel
from fmriprod.interfaces.report import SubjectReport
from fmriprod.interfaces.run_panel import RunPanel
from fmriprod.interfaces.slices import SlicesFigure
from fmriprod.workflows import resources
from fmriprod.workflows.describe import describe
from fmriprod.workflows.parts import Parts
from fmriprod.workflows.save import Destination, save

_RUN_FIELDS = {
    "quality_file": "quality_files",
    "audit_file": "audit_files",
    "design_figure": "design_figures",
    "motion_figure": "motion_figures",
    "carpet_figure": "carpet_figures",
    "tsnr_figure": "tsnr_figures",
    "contrast_figures": "contrast_figures",
    "contrast_names": "contrast_names",
}
_EVIDENCE_FIELDS = {
    "summary_file": "evidence_summaries",
    "evidence_file": "evidence_files",
    "figures": "evidence_figures",
}


def connect_report(
    workflow: pe.Workflow,
    parts: Parts,
    destination: Destination,
    *,
    dataset: str = "",
    simulated: bool = False,
    settings: Sequence[str] = (),
) -> pe.Node:
    """Connect the report to what it shows, and save it.

    Parameters
    ----------
    workflow : Workflow
        The main job of the participant; gets the nodes ``report``, ``region_figure`` and
        ``region_panel``.
    parts : Parts
        Its parts, connected.
    destination : Destination
        Where the report goes.
    dataset : str
        Name of the dataset.
    simulated : bool
        Whether the page says that the data are simulated.
    settings : sequence of str
        Settings to list, each ``name: value``.

    Returns
    -------
    Node
        The report.
    """
    report = connect_base(
        workflow,
        parts,
        dataset=dataset,
        simulated=simulated,
        evidence_labels=[question.title for question in parts.plan.evidence],
        settings=list(settings),
    )
    region = pe.Node(
        SlicesFigure(
            threshold=3.1,
            overlay_label="z, all conditions against baseline",
            mask_label="region of interest",
            title="Response to all conditions, and the region of interest chosen by it",
        ),
        name="region_figure",
        mem_gb=0.5,
    )
    slices = pe.Node(
        BrainPanel(
            threshold=3.1,
            mask_label="the region of interest",
            label="Response to all conditions, at any place",
        ),
        name="region_panel",
        mem_gb=0.5,
    )
    workflow.connect([
        (parts.boldref, region, [("outputnode.reference_file", "in_file")]),
        (parts.region, region, [("outputnode.z_file", "overlay_file"),
                                ("outputnode.mask_file", "mask_file")]),
        (region, report, [("out_figure", "roi_figures"), ("out_figure", "lead_figure")]),
        (parts.boldref, slices, [("outputnode.reference_file", "in_file")]),
        (parts.region, slices, [("outputnode.z_file", "map_files"),
                                ("outputnode.mask_file", "mask_file")]),
        (slices, report, [("out_file", "brain_panels")]),
    ])  # fmt: skip
    if parts.evidence:
        _collect(workflow, list(parts.evidence.values()), _EVIDENCE_FIELDS, report)
    save(workflow, (report, "out_file"), "report", destination, "report")
    save(workflow, (region, "out_figure"), "region_figure", destination, "statmap",
         desc="region", datatype="figures")  # fmt: skip
    return report


def connect_base(workflow: pe.Workflow, parts: Any, **inputs: Any) -> pe.Node:
    """Connect the report to anatomy, reference and runs.

    Parameters
    ----------
    workflow : Workflow
        Of the participant, whose other parts are connected; gets the node ``report``.
    parts : Parts or ProductionParts
        Its parts.
    **inputs
        Further inputs of `SubjectReport`.

    Returns
    -------
    Node
        The report.
    """
    report = pe.Node(
        SubjectReport(
            subject=parts.plan.subject,
            run_labels=[run.title for run in parts.plan.runs],
            description=describe(workflow),
            decisions=list(parts.plan.decisions),
            **inputs,
        ),
        name="report",
        mem_gb=0.5,
    )
    workflow.connect([
        (parts.anat, report, [("outputnode.figure", "anat_figure")]),
        (parts.boldref, report, [("outputnode.coregister_figure", "coregistration_figure"),
                                 ("outputnode.mask_figure", "mask_figure")]),
    ])  # fmt: skip
    _collect(workflow, list(parts.runs.values()), _RUN_FIELDS, report)
    _connect_run_panels(workflow, parts, report)
    return report


def _connect_run_panels(workflow: pe.Workflow, parts: Any, report: pe.Node) -> None:
    """Give the report the volumes of each run, to be read off."""
    every = pe.Node(
        Merge(len(parts.runs)), name="report_run_panel", run_without_submitting=True, mem_gb=0.01
    )
    for i, run in enumerate(parts.plan.runs, start=1):
        source = parts.runs[run.key]
        quality, motion = _measured_in(source)
        panel = pe.Node(
            RunPanel(label=f"Volumes of {run.title}", tr=run.tr),
            name=f"{source.name}_panel",
            mem_gb=resources.needed_gb(resources.QUALITY, resources.image_gb(run.bold_file)),
        )
        workflow.connect([
            (source, panel, [("outputnode.bold_file", "in_file"),
                             (f"{quality}.out_table", "table_file"),
                             (f"{motion}.motion_file", "motion_file")]),
            (parts.boldref, panel, [("outputnode.mask_file", "mask_file")]),
            (panel, every, [("out_file", f"in{i}")]),
        ])  # fmt: skip
    workflow.connect(every, "out", report, "run_panels")


def _measured_in(run: pe.Workflow) -> tuple[str, str]:
    """Name the nodes of a run that measure its quality, and that have its motion.

    Prepared runs come with confounds; the motion of others is estimated in their graph.
    """
    names = {name.rpartition(".")[2]: name for name in run.list_node_names()}
    return names["quality"], names.get("motion") or names["confounds"]


def _collect(
    workflow: pe.Workflow, sources: list[pe.Workflow], fields: dict[str, str], report: pe.Node
) -> None:
    """Give the report one entry for each source, also where the entry is a list itself."""
    for output, field in fields.items():
        merge = pe.Node(
            Merge(len(sources), no_flatten=True),
            name=f"report_{field}",
            run_without_submitting=True,
            mem_gb=0.01,
        )
        for i, source in enumerate(sources, start=1):
            workflow.connect(source, f"outputnode.{output}", merge, f"in{i}")
        workflow.connect(merge, "out", report, field)
