"""Classical experiments on a fitted model: responses to stimuli that nobody was shown.

An encoding model is fitted to responses to natural images. Then, as in Eickenberg et al. (2017),
the model sees wedges cut from other images, which gives the angle that each voxel prefers; and it
sees faces and places, which it was not fitted on: the voxels that tell them apart are compared with
those of the measured responses. Without data a visual cortex is simulated, and this is said.

    python examples/synthesize_retinotopy.py --out synthesis
    python examples/synthesize_retinotopy.py --out synthesis --data my_study

A folder of your own is laid out as the simulated one, which is that of
``layers_of_the_visual_system.py`` with a column ``kind`` (natural, face, place) of the samples, and
images of any kind in ``validation/``. Networks need PyTorch: pip install 'fmriprod[cnn]'.
"""

import argparse
import shutil
from pathlib import Path

import pandas as pd
from nipype import Node, Workflow

from fmriprod.interfaces.response_contrast import ResponseContrast
from fmriprod.interfaces.select_samples import SelectSamples
from fmriprod.interfaces.simulate_encoding import SimulateEncoding
from fmriprod.workflows.encoding import init_encoding_wf
from fmriprod.workflows.encoding_report import add_encoding_report
from fmriprod.workflows.results import outputs_of
from fmriprod.workflows.synthesis import init_synthesis_wf

NETWORK = {"network": "small:deep", "max_features": 4096}
# Voxels of 2 mm: smoothing by one of 3 mm would mix a third of such small areas' visual fields.
SIZE = {"n_images": 600, "n_faces": 45, "n_places": 48, "zoom": 2, "n_voxels": 2400}


def build(data: Path, simulated: bool) -> Workflow:
    """Fit the model to natural images, and do both experiments on it."""
    place = {"mask_file": str(data / "mask.nii.gz"),
             "background_file": str(data / "background.nii.gz")}  # fmt: skip
    measured = {"responses_file": str(data / "training_responses.npy"),
                "samples_file": str(data / "training_samples.tsv")}  # fmt: skip
    samples = pd.read_csv(measured["samples_file"], sep="\t")
    images = {name: [str(data / "training" / image) for image in own["stimulus"]]
              for name, own in samples.groupby(samples["kind"] == "natural")}  # fmt: skip
    natural = Node(SelectSamples(query="kind == 'natural'", **measured), "natural")
    others = Node(SelectSamples(query="kind != 'natural'", **measured), "others")
    encoding = init_encoding_wf(stimuli="images", stimulus_options=NETWORK, groups="session",
                                simulated=simulated, omp_nthreads=2)  # fmt: skip
    encoding.inputs.inputnode.trait_set(images=images[True], **place)
    options = {**NETWORK, "simulated": simulated, "omp_nthreads": 2}
    angles = init_synthesis_wf(compare=simulated, name="retinotopy_wf", **options)
    angles.inputs.inputnode.trait_set(
        images=sorted(str(path) for path in (data / "validation").iterdir()), **place
    )
    if simulated:  # the planted angles are known
        angles.inputs.inputnode.truth_file = str(data / "angles.nii.gz")
    contrast = init_synthesis_wf(experiment="contrast", column="kind", single_layer="conv1",
                                 name="contrast_wf", **options)  # fmt: skip
    contrast.inputs.inputnode.trait_set(images=images[False], **place)
    kinds = {"column": "kind", "first": "face", "second": "place"}
    truth = Node(ResponseContrast(**kinds, **measured, mask_file=place["mask_file"]), "measured")
    mine = Workflow("synthesis")
    mine.connect([
        (natural, encoding, [("responses_file", "inputnode.responses_file"),
                             ("samples_file", "inputnode.samples_file")]),
        (others, contrast, [("samples_file", "inputnode.samples_file")]),
        (truth, contrast, [("t_file", "inputnode.truth_file")]),
        (encoding, angles, [("outputnode.model_file", "inputnode.model_file")]),
        (encoding, contrast, [("outputnode.model_file", "inputnode.model_file")]),
    ])  # fmt: skip
    title = "Experiments on a fitted model"
    add_encoding_report(mine, title=title, subtitle=NETWORK["network"], simulated=simulated)
    return mine


def main() -> None:
    """Simulate or take a study, fit, synthesise, and say where the page is."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("synthesis"), help="output folder")
    parser.add_argument("--data", type=Path, help="your own study (default: simulated)")
    given = parser.parse_args()
    out = given.out.absolute()
    data = given.data.absolute() if given.data else out / "simulated"
    if not given.data:
        print("SIMULATED DATA: no person was scanned, and a program drew the images.")
        data.mkdir(parents=True, exist_ok=True)
        SimulateEncoding(**SIZE, **NETWORK, n_validation=25, num_threads=2).run(cwd=str(data))
    workflow = build(data, given.data is None)
    workflow.base_dir = str(out / "work")
    graph = workflow.run()
    table = pd.read_csv(outputs_of(graph, "recovery").summary_file, sep="\t")
    print("\nFaces against places: voxels with measured |t| >= 3, found by the model\n")
    print(table.round(2).to_string(index=False))
    print(f"\nReport: {shutil.copy(outputs_of(graph, 'report').out_report, out)}")


if __name__ == "__main__":
    main()
