"""Splice fmriprod's workflows into a Nipype graph of your own.

Simulates a recognition run (no data, no network), aligns its volumes, and models its events,
between an interface of Nipype's own and a picture.

    python examples/own_graph.py --out own_graph
"""

import argparse
import shutil
from pathlib import Path

from nipype import Node, Workflow
from nipype.interfaces.utility import Rename

from fmriprod.interfaces.simulate import SimulateStudy
from fmriprod.workflows.bold import init_bold_wf, init_boldref_wf
from fmriprod.workflows.describe import describe
from fmriprod.workflows.glm import init_first_level_wf


def first(files: list) -> str:
    """Take the first of a list (Nipype runs this between two nodes)."""
    return files[0]


def build(bids: Path, folder: Path) -> Workflow:
    """Connect three workflows of fmriprod with nodes of one's own."""
    stem = "sub-01_task-recognition_run-1"
    bold_file = str(bids / "sub-01" / "func" / f"{stem}_bold.nii.gz")

    mine = Workflow(name="mine", base_dir=str(folder / "work"))
    reference = init_boldref_wf()
    align = init_bold_wf()
    model = init_first_level_wf(contrasts=["bed-chair"], fwhm=6.0)
    rename = Node(Rename(format_string="simulated_bed_minus_chair.png"), name="rename")

    reference.inputs.inputnode.bold_file = bold_file
    reference.inputs.inputnode.t1w_file = str(bids / "sub-01" / "anat" / "sub-01_T1w.nii.gz")
    align.inputs.inputnode.bold_file = bold_file
    model.inputs.inputnode.events_file = bold_file.replace("_bold.nii.gz", "_events.tsv")
    mine.connect([
        (reference, align, [("outputnode.reference_file", "inputnode.reference_file"),
                            ("outputnode.mask_file", "inputnode.mask_file")]),
        (reference, model, [("outputnode.mask_file", "inputnode.mask_file")]),
        (align, model, [("outputnode.bold_file", "inputnode.bold_file"),
                        ("outputnode.motion_file", "inputnode.confounds_file"),
                        ("outputnode.mean_file", "inputnode.background_file")]),
        (model, rename, [(("outputnode.contrast_figures", first), "in_file")]),
    ])  # fmt: skip
    return mine


def main() -> None:
    """Simulate, run, and keep the picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("own_graph"), help="output folder")
    folder = parser.parse_args().out.absolute()
    folder.mkdir(parents=True, exist_ok=True)

    study = SimulateStudy(
        out_dir=str(folder / "bids"), n_recognition_runs=1, n_production_runs=0, t1w_zoom=3
    )
    bids = Path(study.run(cwd=str(folder)).outputs.bids_dir)
    workflow = build(bids, folder)
    graph = workflow.run()
    figure = next(node for node in graph.nodes if node.name == "rename").result.outputs.out_file
    shutil.copy(figure, folder)
    print(f"\nSimulated data; the map of bed minus chair is in {folder}")
    print("For the methods section:\n\n" + describe(workflow))


if __name__ == "__main__":
    main()
