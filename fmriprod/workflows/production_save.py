"""What is saved of a participant of a study, besides the results of single runs."""

from typing import Any

from nipype.pipeline import engine as pe

from fmriprod.interfaces.template import SPACE as TEMPLATE
from fmriprod.workflows.parts import FEATURES
from fmriprod.workflows.production_features import save_region_features
from fmriprod.workflows.production_names import LABEL, SPACE, TABLES
from fmriprod.workflows.production_parts import MAPS, ProductionParts
from fmriprod.workflows.save import Destination, save
from fmriprod.workflows.save_parts import save_preparation, shared


def save_production(workflow: pe.Workflow, parts: ProductionParts, saving: dict[str, Any]) -> None:
    """Connect savers to regions, patterns, evidence, and what the group needs.

    Parameters
    ----------
    workflow : Workflow
        Of the participant; gets the savers.
    parts : ProductionParts
        Its parts.
    saving : dict
        ``out_dir``, ``bids_dir`` and ``record_dir`` of all destinations.
    """
    save_preparation(workflow, parts, saving)
    for key, patterns in parts.patterns.items():
        destination = Destination(source_file=parts.run_plan(key).bold_file, **saving)
        for field in FEATURES:
            suffix = field.removesuffix("_file")
            source = (patterns, f"outputnode.{field}")
            save(workflow, source, f"{key}_{suffix}", destination, suffix, label=LABEL, space=SPACE)
    everything = [parts.run_plan(key).bold_file for key in parts.patterns]
    _save_regions(workflow, parts, saving)
    _save_normalization(workflow, parts, saving)
    if parts.evidence is not None:
        destination = shared(parts, everything, saving)
        for field, suffix in TABLES.items():
            source = (parts.evidence, f"outputnode.{field}")
            save(workflow, source, suffix, destination, suffix, label=LABEL, space=SPACE)
    if parts.differentiation is not None:
        sources = [parts.run_plan(key).bold_file for key in parts.effects]
        source = (parts.differentiation, "differentiation_file")
        save(workflow, source, "differentiation", shared(parts, sources, saving),
             "differentiation", space=SPACE)  # fmt: skip
    for key, node in parts.effects.items():
        destination = Destination(source_file=parts.run_plan(key).bold_file, **saving)
        save(workflow, (node, "out_files"), f"grid_{key}", destination, "statmap", space=SPACE,
             stat="effect", contrast=list(parts.study.objects.labels))  # fmt: skip
    _save_task(workflow, parts, saving)
    save_region_features(workflow, parts, saving)


def _save_regions(workflow: pe.Workflow, parts: ProductionParts, saving: dict[str, Any]) -> None:
    destination = shared(parts, [parts.plan.t1w_file], saving)
    names = (parts.regions, "outputnode.region_names", "label")
    for field, name, suffix, more in (
        ("mask_files", "regions", "mask", {"labels": names, "datatype": "func"}),
        ("union_mask", "union", "mask", {"label": LABEL, "datatype": "func"}),
        ("counts_file", "counts", "timeseries", {"label": LABEL, "desc": "counts"}),
    ):
        source = (parts.regions, f"outputnode.{field}")
        save(workflow, source, name, destination, suffix, space=SPACE, **more)


def _save_normalization(
    workflow: pe.Workflow, parts: ProductionParts, saving: dict[str, Any]
) -> None:
    destination = Destination(source_file=parts.plan.t1w_file, dismiss=("ses",), **saving)
    save(workflow, (parts.normalize, "outputnode.transform_file"), "to_template", destination,
         "xfm", from_="T1w", to=TEMPLATE, mode="image")  # fmt: skip
    save(workflow, (parts.normalize, "outputnode.figure"), "normalize_figure", destination,
         "T1w", desc="normalize", datatype="figures")  # fmt: skip


def _save_task(workflow: pe.Workflow, parts: ProductionParts, saving: dict[str, Any]) -> None:
    mask = parts.study.task_mask
    if parts.task_effect is None or mask is None:
        return
    files = [run.bold_file for run in parts.plan.runs_of(mask.task)]
    destination = shared(parts, files, saving)
    for kind in (*MAPS, "z"):
        save(workflow, (parts.task_effect, f"{kind}_file"), f"task_{kind}_boldref", destination,
             "statmap", contrast=mask.contrast, stat=kind, desc="fixed")  # fmt: skip
    for kind, node in parts.task_maps.items():
        save(workflow, (node, "out_files"), f"task_{kind}_template", destination, "statmap",
             space=TEMPLATE, contrast=mask.contrast, stat=kind, desc="fixed")  # fmt: skip
