"""How the parts of a participant of a study are connected."""

from nipype.interfaces.utility import Merge
from nipype.pipeline import engine as pe

from fmriprod.workflows.parts import gather
from fmriprod.workflows.preparation import connect_preparation
from fmriprod.workflows.production_parts import (
    MAPS,
    ProductionParts,
    connect_features,
    contrast_place,
    object_maps,
)


def connect_production(workflow: pe.Workflow, parts: ProductionParts) -> None:
    """Connect images, regions, patterns, evidence, and what the group needs."""
    connect_preparation(workflow, *parts.prepared)
    workflow.connect([
        (parts.anat, parts.regions, [("outputnode.t1w_file", "inputnode.reference_file")]),
        (parts.anat, parts.normalize, [("outputnode.t1w_file", "inputnode.t1w_file"),
                                       ("outputnode.mask_file", "inputnode.t1w_mask")]),
    ])  # fmt: skip
    for key, patterns in parts.patterns.items():
        workflow.connect([
            (parts.prepared.runs[key], patterns, [("outputnode.smoothed_file",
                                                   "inputnode.bold_file")]),
            (parts.boldref, patterns, [("outputnode.mask_file", "inputnode.brain_mask"),
                                       ("outputnode.transform_file",
                                        "inputnode.transform_files")]),
            (parts.anat, patterns, [("outputnode.t1w_file", "inputnode.grid_file")]),
            (parts.regions, patterns, [("outputnode.union_mask", "inputnode.mask_file")]),
        ])  # fmt: skip
    if parts.evidence is not None:
        connect_features(workflow, parts, parts.evidence)
    if parts.task_effect is not None:
        _connect_task(workflow, parts)
    if parts.differentiation is not None:
        _connect_differentiation(workflow, parts)


def nth_file(files: list | str, place: int) -> str:
    """Take one of a list of files (Nipype gives a list of one as the file itself)."""
    return [files][place] if isinstance(files, str) else files[place]


def some_files(files: list, places: list) -> list:
    """Take some of a list of files."""
    return [files[place] for place in places]


def _connect_task(workflow: pe.Workflow, parts: ProductionParts) -> None:
    """Combine the runs of drawing, and bring the result to the template."""
    mask = parts.study.task_mask
    runs = parts.plan.runs_of(mask.task)
    sources = [parts.prepared.runs[run.key] for run in runs]
    place = contrast_place(runs[0], mask.contrast)
    for kind in MAPS:
        output = (f"outputnode.{kind}_files", nth_file, place)
        gather(workflow, sources, output, parts.task_effect, f"{kind}_files")
    gather(workflow, sources, "outputnode.dof", parts.task_effect, "dof")
    workflow.connect(parts.boldref, "outputnode.mask_file", parts.task_effect, "mask_file")
    chain = pe.Node(Merge(2), name="from_template", run_without_submitting=True, mem_gb=0.01)
    workflow.connect([
        (parts.normalize, chain, [("outputnode.transform_file", "in1")]),
        (parts.boldref, chain, [("outputnode.transform_file", "in2")]),
    ])  # fmt: skip
    for kind, node in parts.task_maps.items():
        workflow.connect([
            (parts.task_effect, node, [(f"{kind}_file", "in_files")]),
            (parts.normalize, node, [("outputnode.template_file", "reference_file"),
                                     ("outputnode.template_mask", "mask_file")]),
            (chain, node, [("out", "transform_files")]),
        ])  # fmt: skip


def _connect_differentiation(workflow: pe.Workflow, parts: ProductionParts) -> None:
    """Bring the effects of single objects into the grid, and compare them."""
    for key, node in parts.effects.items():
        places = object_maps(parts.study, parts.run_plan(key))
        workflow.connect([
            (parts.prepared.runs[key], node,
             [(("outputnode.effect_files", some_files, places), "in_files")]),
            (parts.anat, node, [("outputnode.t1w_file", "reference_file")]),
            (parts.boldref, node, [("outputnode.transform_file", "transform_files")]),
            (parts.regions, node, [("outputnode.union_mask", "mask_file")]),
        ])  # fmt: skip
    sources = list(parts.effects.values())
    gather(workflow, sources, "out_files", parts.differentiation, "effect_files")
    workflow.connect([
        (parts.regions, parts.differentiation, [("outputnode.mask_files", "mask_files"),
                                                ("outputnode.region_names", "region_names")]),
    ])  # fmt: skip
