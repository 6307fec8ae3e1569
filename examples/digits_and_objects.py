r"""A network and a brain look at digits: the study of Lee et al. (2023, Human Brain Mapping).

A small network learns the handwritten digits that scikit-learn ships (real ones). What its layers
hold is looked at: images that excite its units most, digits laid out by every layer, and the
dissimilarities of digits in each. Layers and codes (magnitude, parity, closed loops) are then
looked for around every voxel of participants' brains, and tested over participants. Without data
the participants are simulated, their areas having the dissimilarities of layers and of magnitude;
this is said wherever it is shown, and what is found is compared with what was planted.

    python examples/digits_and_objects.py --out digits
    python examples/digits_and_objects.py --out digits --patterns maps.tsv --mask mask.nii.gz

``--patterns`` is a table with columns subject, run, condition (zero ... nine) and file: effect
maps, such as those of `FirstLevelModel`. It needs PyTorch: pip install 'fmriprod[cnn]'.
"""

import argparse
import json
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import nibabel as nb
import numpy as np
import pandas as pd
from nipype import Node, Workflow
from nipype.interfaces.utility import Merge
from PIL import Image
from sklearn.datasets import load_digits

from fmriprod.interfaces.activation_maximization import ActivationMaximization
from fmriprod.interfaces.layer_embedding import LayerEmbedding
from fmriprod.interfaces.layer_features import LayerFeatures
from fmriprod.interfaces.layer_rdm import LayerRDM
from fmriprod.interfaces.model_rdm import ModelRDM
from fmriprod.interfaces.network_training import NetworkTraining
from fmriprod.interfaces.rdm_file import RDMs, read_rdms, write_rdms
from fmriprod.interfaces.rsa import RSA
from fmriprod.interfaces.rsa_report import RSAReport
from fmriprod.interfaces.simulate_representations import SimulateRepresentations
from fmriprod.workflows.code_rsa import init_code_rsa_wf
from fmriprod.workflows.group_rsa import init_group_rsa_wf
from fmriprod.workflows.layer_rsa import init_layer_rsa_wf

DIGITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
LOOPS = {"zero", "six", "eight", "nine"}
LEAST = 0.6  # share of an area's voxels whose planted layer has to be found
N_SHOWN = 30  # images of each digit that the network is not trained on
SEED = 2023


@dataclass(frozen=True)
class Patterns:
    """Effect maps of participants.

    Attributes
    ----------
    table : DataFrame
        ``subject run condition file``.
    mask : str
        Voxels to take.
    truth : DataFrame
        Of simulated data: ``area model n_voxels``; empty otherwise.
    area_map : str, optional
        Of simulated data: number of the area of each voxel.
    """

    table: pd.DataFrame
    mask: str
    truth: pd.DataFrame
    area_map: str | None = None

    @property
    def simulated(self) -> bool:
        """Whether nobody was scanned."""
        return len(self.truth) > 0


def write_digits(folder: Path) -> tuple[Path, Path]:
    """Write scikit-learn's digits into folders of classes, for training and to be shown."""
    images, numbers = load_digits(return_X_y=True)
    for number, name in enumerate(DIGITS):
        own = images[numbers == number].reshape(-1, 8, 8)
        for part, some in (("shown", own[:N_SHOWN]), ("train", own[N_SHOWN:])):
            (folder / part / name).mkdir(parents=True, exist_ok=True)
            for place, image in enumerate(some):
                picture = Image.fromarray((image * 255 / 16).astype(np.uint8))
                picture = picture.resize((32, 32), Image.Resampling.BICUBIC)
                picture.save(folder / part / name / f"{place:03d}.png")
    return folder / "train", folder / "shown"


def write_codes(folder: Path) -> str:
    """Write what is known of digits: their number, whether they are odd, and have a loop."""
    table = pd.DataFrame({
        "condition": DIGITS,
        "magnitude": range(10),
        "parity": ["odd" if number % 2 else "even" for number in range(10)],
        "loops": ["loop" if name in LOOPS else "none" for name in DIGITS],
    })  # fmt: skip
    table.to_csv(folder / "codes.tsv", sep="\t", index=False)
    return str(folder / "codes.tsv")


def build_network(folder: Path, n_epochs: int) -> Workflow:
    """Compose training, a look inside, and the dissimilarities of layers and codes."""
    train, shown = write_digits(folder / "images")
    learn = Node(
        NetworkTraining(
            train_directory=str(train), validation_directory=str(shown), network="small",
            classes=DIGITS, digit_classes=DIGITS, n_epochs=n_epochs, learning_rate=1e-3,
            dropout=0.2, seed=SEED,
        ),
        name="learn",
    )  # fmt: skip
    inside = Node(ActivationMaximization(n_filters=9, seed=SEED), name="inside")
    images = [str(path) for name in DIGITS for path in sorted((shown / name).iterdir())]
    features = Node(LayerFeatures(images=images, reduce=False, log=False), name="features")
    embedding = Node(LayerEmbedding(classes=DIGITS, seed=SEED), name="embedding")
    layers = Node(LayerRDM(conditions=DIGITS), name="layers")
    codes = Node(ModelRDM(conditions=DIGITS, features_file=write_codes(folder)), name="codes")
    compare = Node(RSA(method="cosine", seed=SEED), name="compare")
    made = [("features_file", "features_file"), ("samples_file", "samples_file")]
    workflow = Workflow("network", base_dir=str(folder / "work"))
    workflow.config["execution"] = {"remove_unnecessary_outputs": "false"}  # all are looked at
    workflow.connect([
        (learn, inside, [("network", "network"), ("best_file", "weights")]),
        (learn, features, [("network", "network"), ("best_file", "weights")]),
        (features, embedding, list(made)),
        (features, layers, list(made)),
        (layers, compare, [("rdm_file", "rdm_file")]),
        (codes, compare, [("rdm_file", "model_files")]),
    ])  # fmt: skip
    return workflow


def simulate(layer_file: str, code_file: str, folder: Path, snr: float) -> Patterns:
    """Simulate participants whose areas have the dissimilarities of layers and of magnitude."""
    print("SIMULATED DATA: no person was scanned. What is found shows whether the analysis finds")
    print("what was planted; it says nothing about brains.")
    layers, codes = read_rdms(layer_file), read_rdms(code_file)
    magnitude = codes.in_order(layers.conditions)[codes.names.index("magnitude")]
    # Correlation distances are from 0 to 2.
    rows = np.vstack([layers.dissimilarities, 2 * magnitude / magnitude.max()])
    names = [*layers.names, "magnitude"]
    write_rdms(folder / "planted.h5", RDMs(rows, layers.conditions, "correlation", names))
    root = folder / "simulated"
    root.mkdir(exist_ok=True)
    made = SimulateRepresentations(
        rdm_file=str(folder / "planted.h5"), n_subjects=8, n_runs=4, snr=snr, seed=SEED
    ).run(cwd=str(root)).outputs  # fmt: skip
    rows = [
        {"subject": subject, "run": run, "condition": condition, "file": file}
        for subject, files in zip(made.subjects, made.pattern_files, strict=True)
        for run, condition, file in zip(made.runs, made.conditions, files, strict=True)
    ]
    truth = pd.read_csv(made.truth_file, sep="\t")
    return Patterns(pd.DataFrame(rows), made.mask_file, truth, made.area_map)


def load(table_file: Path, mask: Path) -> Patterns:
    """Read which maps there are; files are relative to the table."""
    table = pd.read_csv(table_file, sep="\t", dtype=str)
    table["file"] = [str((table_file.parent / file).absolute()) for file in table["file"]]
    return Patterns(table, str(mask.absolute()), pd.DataFrame())


def build_brains(
    patterns: Patterns, features: dict[str, str], folder: Path, n_permutations: int
) -> Workflow:
    """Compose the search for layers and codes in every participant, and the group."""
    workflow = Workflow("brains", base_dir=str(folder / "work"))
    workflow.config["execution"] = {"remove_unnecessary_outputs": "false"}
    options = {"radius": 9.0, "n_permutations": n_permutations, "seed": SEED}
    subjects = list(patterns.table["subject"].unique())
    kinds = {
        "layers": lambda name: init_layer_rsa_wf(searchlight_options=options, name=name),
        "codes": lambda name: init_code_rsa_wf(codes=(), searchlight_options=options, name=name),
    }
    for kind, init in kinds.items():
        maps = Node(Merge(len(subjects)), name=f"{kind}_maps")
        group = init_group_rsa_wf(n_permutations=2000, name=f"{kind}_group")
        group.inputs.inputnode.mask_file = patterns.mask
        for number, subject in enumerate(subjects):
            own = patterns.table[patterns.table["subject"] == subject]
            search = init(f"{kind}_{subject}")
            given = search.inputs.inputnode
            given.pattern_files, given.mask_file = list(own["file"]), patterns.mask
            given.conditions = list(own["condition"])
            if kind == "layers":
                given.features_file, given.features_samples_file = features.values()
            else:
                given.features_file = str(folder / "codes.tsv")
            workflow.connect([(search, maps, [("outputnode.value_map", f"in{number + 1}")])])
        workflow.connect([(maps, group, [("out", "inputnode.map_files")])])
    return workflow


def check(patterns: Patterns, layer_map: str, names: list[str]) -> dict[str, float]:
    """Tell in which share of the voxels of each area that has one the planted layer was found."""
    areas = np.asarray(nb.load(patterns.area_map).dataobj).astype(int)
    found = np.asarray(nb.load(layer_map).dataobj)
    shares = {}
    for row in patterns.truth.itertuples():
        own = found[(areas == row.area) & np.isfinite(found)]
        if row.model in names and own.size:
            shares[row.model] = float((own == names.index(row.model) + 1).mean())
    return shares


def main() -> None:
    """Run the example and say what was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("digits"), help="new folder for results")
    parser.add_argument("--patterns", type=Path, help="table of effect maps (default: simulated)")
    parser.add_argument("--mask", type=Path, help="voxels to take; needed with --patterns")
    parser.add_argument("--snr", type=float, default=1.0, help="of simulated maps")
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--permutations", type=int, default=500)
    given = parser.parse_args()
    if find_spec("torch") is None:
        raise SystemExit("This example needs PyTorch: pip install 'fmriprod[cnn]'.")
    if given.patterns and not given.mask:
        raise SystemExit("--patterns needs --mask too.")
    folder = given.out.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    network = {n.name: n.result.outputs for n in build_network(folder, given.epochs).run().nodes()}
    print(f"Digits that the network was not trained on: {network['learn'].accuracy:.0%} right.")
    layer_file, code_file = network["layers"].rdm_file, network["codes"].rdm_file
    if given.patterns:
        patterns = load(given.patterns, given.mask)
    else:
        patterns = simulate(layer_file, code_file, folder, given.snr)
    made = network["features"]
    features = {"features": made.features_file, "samples": made.samples_file}
    brains = build_brains(patterns, features, folder, given.permutations).run()
    groups = {n.fullname.split(".")[1]: n.result.outputs for n in brains.nodes()
              if n.name == "group"}  # fmt: skip
    layers = read_rdms(layer_file).names
    if patterns.simulated:
        shares = check(patterns, groups["layers_group"].layer_map, layers)
        for name, share in shares.items():
            print(f"{name}: {share:.0%} of the voxels of its area have it as their layer.")
        truth = {
            f"Area of {name}, voxels with this layer": {
                "expected": f"at least {LEAST:.0%}", "found": f"{share:.0%}", "ok": share >= LEAST
            }
            for name, share in shares.items()
        }  # fmt: skip
        (folder / "truth.json").write_text(json.dumps(truth, indent=2))
    write_report(folder, network, groups, patterns, layers)


def write_report(
    folder: Path, network: dict, groups: dict, patterns: Patterns, layers: list[str]
) -> None:
    """Write one page on layers, codes and brains."""
    made = RSAReport(
        title="Digits in a network and in the brain", simulated=patterns.simulated,
        subtitle="simulated participants" if patterns.simulated else "",
        rdm_files=[network["layers"].rdm_file, network["codes"].rdm_file],
        rdm_titles=["Layers", "Codes"], table_files=[network["compare"].table_file],
        table_titles=["Layers and codes"], table_labels=["cosine"],
        value_map=groups["codes_group"].mean_map, q_map=groups["codes_group"].p_corrected_map,
        map_names=["magnitude", "parity", "loops"],
        map_level="corrected p",
        map_label="mean Fisher z of Spearman ρ", layer_map=groups["layers_group"].layer_map,
        layer_names=layers,
        methods="A small network was trained on handwritten digits; dissimilarities of its layers "
        "and codes were compared with those of patterns in spheres of 9 mm around every voxel "
        "[@lee_digits; @kriegeskorte_searchlight].",
        settings=[f"seed: {SEED}"],
        **({"truth_file": str(folder / "truth.json")} if patterns.simulated else {}),
    ).run(cwd=str(folder / "work")).outputs  # fmt: skip
    report = folder / "report.html"
    report.write_bytes(Path(made.out_report).read_bytes())
    pictures = [*network["learn"].figures, *network["inside"].figures, network["embedding"].figure]
    for path in map(Path, pictures):
        (folder / path.name).write_bytes(path.read_bytes())
    print(f"Report: {report}; pictures of the network: {folder}")


if __name__ == "__main__":
    main()
