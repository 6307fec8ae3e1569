"""Which layer of a network predicts which voxel: the study of Eickenberg et al. (2017).

Images go through a network, every layer predicts every voxel by cross-validated ridge regression,
and where each layer does best is a map of the visual system. Without data a visual cortex is
simulated whose areas answer to known layers; this is said wherever something of it is shown.

    python examples/layers_of_the_visual_system.py --out layers
    python examples/layers_of_the_visual_system.py --out layers --data my_study

A folder of your own is laid out as the simulated one: images in ``training/``, their responses in
``training_responses.npy`` (a row a response) and ``training_samples.tsv`` (which ``stimulus``, in
which ``session``), ``mask.nii.gz`` (its voxels are the columns), ``background.nii.gz`` and a mask
``<region>_mask.nii.gz`` of each region. Networks need PyTorch: pip install 'fmriprod[cnn]'.
"""

import argparse
import shutil
from pathlib import Path

import pandas as pd
from nipype import Workflow

from fmriprod.interfaces.simulate_encoding import SimulateEncoding
from fmriprod.workflows.describe import describe
from fmriprod.workflows.encoding import init_encoding_wf
from fmriprod.workflows.encoding_report import add_encoding_report
from fmriprod.workflows.fingerprint import init_fingerprint_wf
from fmriprod.workflows.results import outputs_of

# The study has 1750 images and up to 25,000 features a layer; this is a small one of that kind.
SIZE = {"n_images": 600, "n_faces": 45, "n_places": 48, "n_validation": 25, "zoom": 2,
        "n_voxels": 2400, "max_features": 4096}  # fmt: skip


def simulate(folder: Path) -> Path:
    """Simulate a cortex whose areas answer to known layers."""
    print("SIMULATED DATA: no person was scanned, and a program drew the images.")
    folder.mkdir(exist_ok=True)
    made = SimulateEncoding(**SIZE, num_threads=2).run(cwd=str(folder)).outputs
    planted = pd.read_csv(made.truth_file, sep="\t").groupby("area", sort=False)["layer"].unique()
    print("Planted: " + "; ".join(f"{roi} {', '.join(sorted(planted[roi]))}" for roi in made.rois))
    return folder


def build(data: Path, network: str, simulated: bool, n_permutations: int) -> Workflow:
    """Connect encoding, its test, profiles of regions, and the page."""
    images = sorted(str(path) for path in (data / "training").iterdir())
    rois = sorted(path for path in data.glob("*_mask.nii.gz"))
    place = {"mask_file": str(data / "mask.nii.gz"),
             "background_file": str(data / "background.nii.gz")}  # fmt: skip
    encoding = init_encoding_wf(
        stimuli="images",
        stimulus_options={"network": network, "max_features": SIZE["max_features"]},
        groups="session", n_permutations=n_permutations, save_model=False,
        surface=simulated, space="MNI152NLin2009aSym" if simulated else None,
        simulated=simulated, omp_nthreads=2,
    )  # fmt: skip
    encoding.inputs.inputnode.trait_set(
        images=images, responses_file=str(data / "training_responses.npy"),
        samples_file=str(data / "training_samples.tsv"), **place,
    )  # fmt: skip
    profiles = init_fingerprint_wf(simulated=simulated)
    profiles.inputs.inputnode.trait_set(roi_files=[str(path) for path in rois], **place)
    profiles.inputs.inputnode.roi_names = [path.name.split("_mask")[0] for path in rois]
    mine = Workflow("layers")
    mine.connect([(encoding, profiles, [("outputnode.scores_file", "inputnode.scores_file"),
                                        ("outputnode.significant_mask",
                                         "inputnode.selection_file")])])  # fmt: skip
    add_encoding_report(
        mine, title="Layers of the visual system", subtitle=network, simulated=simulated
    )
    return mine


def main() -> None:
    """Simulate or take a study, run the graph, and say what was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("layers"), help="output folder")
    parser.add_argument("--data", type=Path, help="your own study (default: simulated)")
    parser.add_argument("--network", default="small:deep", help="as LayerFeatures takes it")
    parser.add_argument("--permutations", type=int, default=20, help="published: 100000")
    given = parser.parse_args()
    out = given.out.absolute()
    out.mkdir(parents=True, exist_ok=True)
    data = given.data.absolute() if given.data else simulate(out / "simulated")
    workflow = build(data, given.network, given.data is None, given.permutations)
    workflow.base_dir = str(out / "work")
    graph = workflow.run()
    found = pd.read_csv(outputs_of(graph, "fingerprint").profile_file, sep="\t")
    table = found.pivot(index="roi", columns="layer", values="value")[found["layer"].unique()]
    print("\nProfiles of regions over layers: r2, divided by its maximum\n")
    print(table.loc[found["roi"].unique()].round(2).to_string())
    print("\nFor the methods section:\n\n" + describe(workflow))
    print(f"\nReport: {shutil.copy(outputs_of(graph, 'report').out_report, out)}")


if __name__ == "__main__":
    main()
