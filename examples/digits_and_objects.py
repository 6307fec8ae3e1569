"""A network and a brain look at digits: the study of Lee et al. (2023, Human Brain Mapping).

A small network learns handwritten digits (real ones, that come with scikit-learn). What its layers
hold is looked at: images that excite its units most, and the digits laid out by every layer. Then
the dissimilarities of its layers are looked for in spheres around every voxel of participants'
brains, and tested over these (``searchlight_rsa.py`` does so for hypotheses without a network).

    python examples/digits_and_objects.py --out digits
    python examples/digits_and_objects.py --out digits --data my_study

``--data`` is a folder with ``mask.nii.gz`` and ``patterns.tsv``: subject, run, condition (zero ...
nine) and file of effect maps, as FirstLevelModel makes them. Without it participants are simulated,
an area for each layer, and this is said. It needs PyTorch: pip install 'fmriprod[cnn]'.
"""

import argparse
import shutil
from pathlib import Path

from nipype import Node, Workflow

from fmriprod.interfaces.activation_maximization import ActivationMaximization
from fmriprod.interfaces.digit_images import DigitImages
from fmriprod.interfaces.layer_embedding import LayerEmbedding
from fmriprod.interfaces.layer_features import LayerFeatures
from fmriprod.interfaces.layer_rdm import LayerRDM
from fmriprod.interfaces.network_training import NetworkTraining
from fmriprod.interfaces.rdm_file import read_rdms
from fmriprod.interfaces.rsa_report import RSAReport
from fmriprod.interfaces.simulate_representations import SimulateRepresentations
from fmriprod.workflows.describe import describe
from fmriprod.workflows.participants_rsa import init_participants_rsa_wf
from fmriprod.workflows.results import outputs_of


def build_network(digits, work: Path) -> Workflow:
    """Compose training, a look inside, and the dissimilarities of layers."""
    names = digits.classes
    training = NetworkTraining(
        train_directory=digits.train_directory, validation_directory=digits.shown_directory,
        network="small", classes=names, digit_classes=names, n_epochs=15, learning_rate=1e-3,
    )  # fmt: skip
    learn, inside = Node(training, "learn"), Node(ActivationMaximization(n_filters=9), "inside")
    images = LayerFeatures(images=digits.shown_files, reduce=False, log=False)
    features, layers = Node(images, "features"), Node(LayerRDM(conditions=names), "layers")
    embedding = Node(LayerEmbedding(classes=names), "embedding")
    made = [("features_file", "features_file"), ("samples_file", "samples_file")]
    network = Workflow("network", base_dir=str(work))
    network.config["execution"] = {"remove_unnecessary_outputs": "false"}  # all are looked at
    network.connect([
        (learn, inside, [("network", "network"), ("best_file", "weights")]),
        (learn, features, [("network", "network"), ("best_file", "weights")]),
        (features, embedding, list(made)), (features, layers, list(made)),
    ])  # fmt: skip
    return network


def main() -> None:
    """Train, look for layers in brains, and say where the page is."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("digits"), help="output folder")
    parser.add_argument("--data", type=Path, help="your own effect maps (default: simulated)")
    given = parser.parse_args()
    out = given.out.absolute()
    data = given.data.absolute() if given.data else out / "simulated"
    out.mkdir(parents=True, exist_ok=True)
    digits = DigitImages().run(cwd=str(out)).outputs
    trained = build_network(digits, out / "work").run()
    learn, features = (outputs_of(trained, name) for name in ("learn", "features"))
    rdm_file = outputs_of(trained, "layers").rdm_file
    print(f"Digits that the network was not trained on: {learn.accuracy:.0%} right.")
    if not given.data:
        print("SIMULATED DATA: no person was scanned; each layer is planted in an area.")
        data.mkdir(exist_ok=True)
        SimulateRepresentations(rdm_file=rdm_file, n_subjects=8).run(cwd=str(data))
    brains = Workflow("brains", base_dir=str(out / "work"))
    search = init_participants_rsa_wf(data / "patterns.tsv", models="layers",
                                      searchlight_options={"n_permutations": 500})  # fmt: skip
    search.inputs.inputnode.trait_set(
        features_file=features.features_file, features_samples_file=features.samples_file,
        mask_file=str(data / "mask.nii.gz"),
    )  # fmt: skip
    names = read_rdms(rdm_file).names
    page = RSAReport(
        title="Digits in a network and in the brain", simulated=not given.data, map_names=names,
        methods=describe(search), rdm_files=[rdm_file], layer_names=names, map_level="corrected p",
    )  # fmt: skip
    brains.connect([(search, Node(page, "report"), [
        ("outputnode.layer_map", "layer_map"), ("outputnode.mean_map", "value_map"),
        ("outputnode.p_corrected_map", "q_map"),
    ])])  # fmt: skip
    for picture in (*learn.figures, *outputs_of(trained, "inside").figures):
        shutil.copy(picture, out)
    report = shutil.copy(outputs_of(brains.run(), "report").out_report, out)
    print(f"\nReport: {report}; pictures of the network are beside it")


if __name__ == "__main__":
    main()
