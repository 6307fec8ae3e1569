"""Features of each region in files of their own, under the original's names or BIDS names."""

from pathlib import Path
from typing import Any

from nipype.pipeline import engine as pe

from fmriprod.interfaces.region_features import RegionFeatures
from fmriprod.interfaces.save_group import SaveGroup
from fmriprod.workflows.parts import FEATURES, gather
from fmriprod.workflows.production_parts import ProductionParts

FOLDER = "features"


def save_region_features(
    workflow: pe.Workflow, parts: ProductionParts, saving: dict[str, Any]
) -> None:
    """Write matrix and metadata of each region and phase, if the study file asks for them.

    Parameters
    ----------
    workflow : Workflow
        Of the participant, whose parts are connected; gets two nodes a phase.
    parts : ProductionParts
        Its parts.
    saving : dict
        With ``out_dir``; files go to its folder ``features/<phase>``.
    """
    naming = parts.study.features.naming
    if naming == "none":
        return
    for phase, keys in parts.plan.phases.items():
        runs = [parts.run_plan(key) for key in keys]
        samples = parts.plan.samples[runs[0].task]
        label = phase
        if naming == "original":  # drawing has no phase there, recognition the numbers of its runs
            numbers = "".join(run.run_label.rpartition("run-")[2] for run in runs)
            label = "drawing" if samples.window > 1 else numbers
        write = RegionFeatures(phase=label, naming=naming)
        if samples.shift_volumes is not None:
            write.inputs.shift_volumes = samples.shift_volumes
        node = pe.Node(write, name=f"write_{phase}", mem_gb=1)
        for field in FEATURES:
            sources = [parts.patterns[key] for key in keys]
            gather(workflow, sources, f"outputnode.{field}", node, f"{field}s")
        workflow.connect([
            (parts.regions, node, [("outputnode.mask_files", "mask_files"),
                                   ("outputnode.region_names", "region_names")]),
        ])  # fmt: skip
        for what in ("features", "metadata"):
            saver = pe.Node(
                SaveGroup(folder=str(Path(saving["out_dir"], FOLDER, phase))),
                name=f"save_{phase}_{what}",
                run_without_submitting=True,
                mem_gb=0.01,
            )
            workflow.connect(node, f"{what}_files", saver, "in_files")
