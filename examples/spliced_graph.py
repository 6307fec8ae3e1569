"""Three workflows of fmriprod between steps of one's own, in a Nipype graph.

Simulated films (no data, no network): a step of one's own clips spikes between responses and
encoding, and another one draws. Ends with a picture and the methods text.

    python examples/spliced_graph.py --out spliced_graph
"""

import argparse
import shutil
from pathlib import Path

from nipype import Function, Node, Workflow

from fmriprod.interfaces.simulate_miyawaki import SimulateMiyawaki
from fmriprod.workflows.describe import describe
from fmriprod.workflows.describe_nodes import Steps
from fmriprod.workflows.describe_write import write_methods
from fmriprod.workflows.described_workflow import DescribedWorkflow
from fmriprod.workflows.encoding import init_encoding_wf
from fmriprod.workflows.responses import init_responses_wf
from fmriprod.workflows.stimulus_features import init_stimulus_features_wf


def clip_spikes(responses_file: str, limit: float) -> str:
    """Cut what is farther from a voxel's mean than some standard deviations (a step of mine)."""
    import os

    import numpy as np

    values = np.load(responses_file)
    middle, reach = values.mean(axis=0), limit * values.std(axis=0)
    np.save("clipped.npy", np.clip(values, middle - reach, middle + reach))
    return os.path.abspath("clipped.npy")


def draw(r2_map: str, mask_file: str) -> str:
    """Draw how well voxels are predicted (another step of mine)."""
    import os

    import matplotlib.pyplot as plt
    import nibabel as nb

    scores = nb.load(r2_map).get_fdata().squeeze()[nb.load(mask_file).get_fdata() > 0]
    figure, axes = plt.subplots(figsize=(5, 3), layout="constrained")
    axes.hist(scores, bins=24, color="#3b6ea8")
    axes.set(xlabel="explained variance of left-out responses", ylabel="voxels",
             title="What pixels predict (simulated data)")  # fmt: skip
    figure.savefig("simulated_scores.png", dpi=150)
    return os.path.abspath("simulated_scores.png")


def say(steps: Steps) -> str:
    """Describe my step; a plain Workflow with a text in ``__desc__`` does as well."""
    return f"Values were cut {steps['clip'].limit:g} standard deviations from a voxel's mean."


def build(data: object, folder: Path) -> Workflow:
    """Connect three workflows of fmriprod with nodes of one's own."""
    mine = DescribedWorkflow("mine", say, at="clip", base_dir=str(folder / "work"))
    responses = init_responses_wf(shift=2)
    features = init_stimulus_features_wf(stimuli="labels", shift=2)
    encoding = init_encoding_wf(penalties=[10.0, 100.0, 1000.0], save_model=False, simulated=True)
    clip = Node(Function(["responses_file", "limit"], ["out_file"], clip_spikes), name="clip")
    clip.inputs.limit = 4.0
    picture = Node(Function(["r2_map", "mask_file"], ["out_file"], draw), name="picture")

    responses.inputs.inputnode.trait_set(bold_files=data.func_files, mask_file=data.mask_file)
    features.inputs.inputnode.label_files = data.label_files
    encoding.inputs.inputnode.mask_file = picture.inputs.mask_file = data.mask_file
    encoding.inputs.inputnode.background_file = data.background_file
    mine.connect([
        (responses, clip, [("outputnode.responses_file", "responses_file")]),
        (clip, encoding, [("out_file", "inputnode.responses_file")]),
        (responses, encoding, [("outputnode.samples_file", "inputnode.samples_file")]),
        (features, encoding, [("outputnode.features_file", "inputnode.features_file"),
                              ("outputnode.samples_file", "inputnode.features_samples_file")]),
        (encoding, picture, [("outputnode.r2_map", "r2_map")]),
    ])  # fmt: skip
    return mine


def main() -> None:
    """Simulate, run, keep the picture, and say what was done."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("spliced_graph"), help="output folder")
    folder = parser.parse_args().out.absolute()
    (folder / "data").mkdir(parents=True, exist_ok=True)
    study = SimulateMiyawaki(n_figure_runs=0, n_random_runs=4, n_blocks=10, n_voxels=200, snr=2.0)
    workflow = build(study.run(cwd=str(folder / "data")).outputs, folder)
    graph = workflow.run()
    figure = next(node for node in graph.nodes if node.name == "picture").result.outputs.out_file
    write_methods(workflow, folder / "methods.md")  # and methods.bib beside it
    print(f"\nSimulated data; the picture is {shutil.copy(figure, folder)}")
    print("For the methods section:\n\n" + describe(workflow))


if __name__ == "__main__":
    main()
