"""Which pixels predict which voxel: the study of Miyawaki et al. (2008), in one Nipype graph.

Random images predict the responses of visual cortex, voxel by voxel; the receptive fields of
voxels are found; and figures are reconstructed from responses that no decoder has seen, as in
Nilearn's two examples. Without data a cortex is simulated; this is said wherever it is shown.

    python examples/miyawaki_encoding.py --out miyawaki
    python examples/miyawaki_encoding.py --out miyawaki --data ~/nilearn_data/miyawaki2008

The data are those that ``nilearn.datasets.fetch_miyawaki2008()`` downloads (153 MB).
"""

import argparse
import shutil
from pathlib import Path

from nipype import Node, Workflow
from nipype.interfaces.utility import Select

from fmriprod.interfaces.marked_voxels import MarkedVoxels
from fmriprod.interfaces.resample_to_grid import ResampleToGrid
from fmriprod.interfaces.simulate_miyawaki import SimulateMiyawaki
from fmriprod.workflows.encoding import init_encoding_wf
from fmriprod.workflows.encoding_report import add_encoding_report
from fmriprod.workflows.receptive_field import init_receptive_field_wf
from fmriprod.workflows.reconstruction import init_reconstruction_wf
from fmriprod.workflows.results import outputs_of

SHIFT = 2  # volumes from an image to its response
PUBLISHED = [1780, 1951, 2131, 1935]  # voxels whose receptive fields Nilearn's example shows


def build(data: Path, simulated: bool) -> Workflow:
    """Connect encoding, receptive fields, reconstruction and the page."""
    mask = str(data / "mask" / "mask.nii.gz")
    random, figure = (
        {"bold_files": sorted(map(str, data.glob(f"func/data_{kind}_run*.nii.gz"))),
         "label_files": sorted(map(str, data.glob(f"label/data_{kind}_run*.csv"))),
         "mask_file": mask}
        for kind in ("random", "figure")
    )  # fmt: skip
    # Pairs of runs are left out together: of 20 runs these are the folds of KFold(10).
    pairs = [str(run // 2 + 1) for run in range(len(random["bold_files"]))]
    encoding = init_encoding_wf(
        stimuli="labels", responses="bold", stimulus_options={"shift": SHIFT},
        response_options={"shift": SHIFT, "sessions": pairs}, groups="session",
        penalties=[100.0], save_model=False, simulated=simulated, omp_nthreads=2,
    )  # fmt: skip
    encoding.inputs.inputnode.trait_set(**random)
    fields = init_receptive_field_wf(stimulus_shape=(10, 10), simulated=simulated, omp_nthreads=2)
    fields.inputs.inputnode.mask_file = mask
    fields.inputs.receptive_field.relative_limits = simulated
    figures = init_reconstruction_wf(shift=SHIFT, simulated=simulated)
    figures.inputs.inputnode.trait_set(**figure)
    anatomy = Node(ResampleToGrid(interpolation="linear", reference_file=mask), "anatomy")
    anatomy.inputs.in_files = [str(data / "bg.nii.gz")]
    background = Node(Select(index=0), "background")
    marked = Node(MarkedVoxels(mask_file=mask, simulated=simulated), "marked")
    if not simulated:
        marked.inputs.voxels = PUBLISHED
    mine = Workflow("miyawaki")
    mine.connect([
        (anatomy, background, [("out_files", "inlist")]),
        (background, encoding, [("out", "inputnode.background_file")]),
        (background, marked, [("out", "background_file")]),
        (encoding, marked, [("outputnode.r2_map", "value_map")]),
        (encoding, fields, [(f"outputnode.{name}", f"inputnode.{name}")
                            for name in ("features_file", "responses_file", "samples_file")]),
        (marked, fields, [("voxels", "receptive_field.voxels")]),
        (encoding, figures, [("outputnode.responses_file", "inputnode.train_responses_file"),
                             ("outputnode.features_file", "inputnode.train_features_file")]),
    ])  # fmt: skip
    add_encoding_report(
        mine, title="Which pixels predict which voxel", simulated=simulated,
        decisions=["Volumes of rest stay in, as in Nilearn's example."],
    )  # fmt: skip
    return mine


def main() -> None:
    """Simulate or take the study, run the graph, and say where the page is."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("miyawaki"), help="output folder")
    parser.add_argument("--data", type=Path, help="folder with func, label, mask and bg.nii.gz")
    given = parser.parse_args()
    out = given.out.absolute()
    data = given.data.absolute() if given.data else out / "simulated"
    if not given.data:
        print("SIMULATED DATA: no person was scanned; what follows says nothing about brains.")
        data.mkdir(parents=True, exist_ok=True)
        SimulateMiyawaki(n_figure_runs=12, n_random_runs=20, n_voxels=5438).run(cwd=str(data))
    workflow = build(data, given.data is None)
    workflow.base_dir = str(out / "work")
    graph = workflow.run()
    print(f"\nReport: {shutil.copy(outputs_of(graph, 'report').out_report, out)}")


if __name__ == "__main__":
    main()
