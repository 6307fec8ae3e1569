"""The report of a participant of a study."""

from typing import Any

from nipype.pipeline import engine as pe

from fmriprod.interfaces.resample_to_grid import ResampleToGrid
from fmriprod.interfaces.slices import SlicesFigure
from fmriprod.workflows.parts import first_file
from fmriprod.workflows.production_parts import ProductionParts
from fmriprod.workflows.report import connect_base
from fmriprod.workflows.save import save
from fmriprod.workflows.save_parts import shared


def connect_production_report(
    workflow: pe.Workflow,
    parts: ProductionParts,
    saving: dict[str, Any],
    *,
    dataset: str = "",
    simulated: bool = False,
) -> pe.Node:
    """Connect the report to what it shows, and save it.

    Parameters
    ----------
    workflow : Workflow
        Of the participant; gets the nodes ``report`` and ``regions_figure``.
    parts : ProductionParts
        Its parts, connected.
    saving : dict
        ``out_dir``, ``bids_dir`` and ``record_dir`` of the report.
    dataset : str
        Name of the dataset.
    simulated : bool
        Whether the page says that the data are simulated.

    Returns
    -------
    Node
        The report.
    """
    settings = [f"study: {parts.study.study.name}"]
    settings += [f"trained objects: {', '.join(parts.plan.trained)}"] if parts.plan.trained else []
    report = connect_base(workflow, parts, dataset=dataset, simulated=simulated, settings=settings)
    figure = pe.Node(
        SlicesFigure(mask_label="regions", title="All regions, on the T1-weighted image"),
        name="regions_figure",
        mem_gb=0.5,
    )
    ground = pe.Node(
        ResampleToGrid(interpolation="linear", space="T1w"), name="regions_ground", mem_gb=0.5
    )
    if parts.study.grid.voxel_size is not None:
        ground.inputs.voxel_size = parts.study.grid.voxel_size
    files = [parts.plan.t1w_file, *(run.bold_file for run in parts.plan.runs)]
    page = shared(parts, files, saving)
    workflow.connect([
        (parts.anat, ground, [("outputnode.t1w_file", "in_files"),
                              ("outputnode.t1w_file", "reference_file")]),
        (ground, figure, [(("out_files", first_file), "in_file")]),
        (parts.regions, figure, [("outputnode.union_mask", "mask_file")]),
        (figure, report, [("out_figure", "roi_figures")]),
    ])  # fmt: skip
    save(workflow, (report, "out_file"), "report", page, "report")
    save(workflow, (figure, "out_figure"), "regions_figure", page, "mask", desc="regions",
         datatype="figures")  # fmt: skip
    return report
