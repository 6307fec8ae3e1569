r"""Which hypotheses about objects fit human inferior temporal cortex (Kriegeskorte et al. 2008).

Dissimilarities of 92 objects in human cortex are compared with codes (animacy, categories), with
ready models and with the pixels of the images, with p by relabelling objects and noise ceilings
over participants; the objects are laid out so that similar ones are near. Without data, responses
of participants who code faces and places are simulated; this is said wherever it is shown.

    python examples/ninety_two_objects.py --out objects
    python examples/ninety_two_objects.py --out objects --data kriegeskorte92

``--data`` is a folder with ``stimuli/``, ``stimuli.csv``, ``categoryVectors.csv``,
``hIT_RDMs.npz`` and ``92_modelRDMs.mat``, made from the demonstration of rsatoolbox.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from nipype import Node, Workflow
from nipype.interfaces.utility import Merge
from PIL import Image
from scipy.io import loadmat

from fmriprod.algorithms.rdm import condensed
from fmriprod.algorithms.simulate_stimuli import simulate_stimuli
from fmriprod.interfaces.feature_rdm import FeatureRDM
from fmriprod.interfaces.model_rdm import ModelRDM
from fmriprod.interfaces.rdm_file import RDMs, write_rdms
from fmriprod.interfaces.rsa import RSA
from fmriprod.interfaces.rsa_report import RSAReport

KINDS = {"face": 32, "place": 30, "natural": 30}  # of simulated images
SEED = 2008


@dataclass(frozen=True)
class Study:
    """Files of a study of objects.

    Attributes
    ----------
    names : list of str
        Objects, in the order of all files.
    images : list of str
        Picture of each.
    pixels : str
        Their pixels, .npy (n_objects, n_pixels).
    categories : str
        TSV, a row an object: ``condition`` and a column a code.
    groups : str
        TSV, a row an object: ``condition group``.
    participants, mean : str
        RDMs of all participants, and their mean.
    models : list of str
        RDMs of other models.
    simulated : bool
        Whether nobody was scanned.
    """

    names: list[str]
    images: list[str]
    pixels: str
    categories: str
    groups: str
    participants: str
    mean: str
    models: list[str]
    simulated: bool


def load(data: Path, folder: Path) -> Study:
    """Read the 92 objects."""
    stimuli = pd.read_csv(data / "stimuli.csv")
    names = [Path(file).stem for file in stimuli["file"]]
    codes = pd.read_csv(data / "categoryVectors.csv")
    kept = ["animate", "human", "body", "face", "natObj", "artiObj"]
    categories = codes[kept].astype(str)
    measured = np.load(data / "hIT_RDMs.npz")
    sessions: dict[str, list[np.ndarray]] = {}
    for name in measured:
        sessions.setdefault(name.split("_")[1], []).append(condensed(measured[name], name))
    people = {who: np.mean(rows, axis=0) for who, rows in sessions.items()}
    ready = loadmat(data / "92_modelRDMs.mat")["Models"].ravel()
    models = {str(entry["name"][0]): condensed(entry["RDM"]) for entry in ready}
    # Ready models that are codes too are left to the codes.
    models = {k: v for k, v in models.items() if k not in ("animacy", "FaceBodyManmadeNatobj")}
    write_rdms(
        folder / "models.h5",
        RDMs(np.array(list(models.values()), "f4"), names, "code", list(models)),
    )
    images = [data / "stimuli" / file for file in stimuli["file"]]
    return _store(
        folder, names, images, categories, list(stimuli["category"]), people,
        [str(folder / "models.h5")], simulated=False,
    )  # fmt: skip


def simulate(folder: Path, n_participants: int = 6) -> Study:
    """Simulate participants whose patterns hold faces, places and an image's own part."""
    print("SIMULATED DATA: no person was scanned, and a program drew the images. What is found")
    print("shows whether the analysis finds what was planted; it says nothing about brains.")
    rng = np.random.default_rng(SEED)
    images, _ = simulate_stimuli(KINDS, size=96, seed=SEED)
    kinds = [kind for kind, count in KINDS.items() for _ in range(count)]
    counts = [number + 1 for count in KINDS.values() for number in range(count)]
    names = [f"{kind}{number:02d}" for kind, number in zip(kinds, counts, strict=True)]
    files = []
    for name, image in zip(names, images, strict=True):
        Image.fromarray(np.asarray(image)).save(folder / f"{name}.png")
        files.append(folder / f"{name}.png")
    face = np.isin(kinds, ("face",)).astype(float)
    place = np.isin(kinds, ("place",)).astype(float)
    people = {}
    for number in range(n_participants):
        weights = rng.normal(size=(2, 200)) * [[2.0], [1.0]]
        patterns = np.stack([face, place], axis=1) @ weights + rng.normal(size=(92, 200))
        people[f"{number + 1:02d}"] = 1 - np.corrcoef(patterns)[np.triu_indices(92, 1)]
    codes = {"face": face, "place": place, "random": rng.permutation(face)}
    categories = pd.DataFrame(codes).astype(int).astype(str)
    return _store(folder, names, files, categories, kinds, people, [], simulated=True)


def _store(
    folder: Path,
    names: list[str],
    images: list[Path],
    categories: pd.DataFrame,
    groups: list[str],
    people: dict[str, np.ndarray],
    models: list[str],
    *,
    simulated: bool,
) -> Study:
    pictures = [Image.open(path).convert("RGB").resize((64, 64)) for path in images]
    np.save(folder / "pixels.npy", np.array([np.asarray(p, "f4").ravel() for p in pictures]))
    categories.insert(0, "condition", names)
    categories.to_csv(folder / "categories.tsv", sep="\t", index=False)
    table = pd.DataFrame({"condition": names, "group": groups})
    table.to_csv(folder / "groups.tsv", sep="\t", index=False)
    rows = np.array(list(people.values()), "f4")
    write_rdms(folder / "participants.h5", RDMs(rows, names, "correlation", list(people)))
    name = "simulated cortex" if simulated else "human IT"
    mean = RDMs(rows.mean(axis=0, keepdims=True), names, "correlation", [name])
    write_rdms(folder / "mean.h5", mean)
    paths = {name: str(folder / name) for name in (
        "pixels.npy", "categories.tsv", "groups.tsv", "participants.h5", "mean.h5")}  # fmt: skip
    return Study(names, [str(path) for path in images], *paths.values(), models, simulated)


def build(study: Study, folder: Path, n_permutations: int) -> Workflow:
    """Compose codes, pixels, comparison and report."""
    workflow = Workflow("objects", base_dir=str(folder / "work"))
    codes = Node(ModelRDM(conditions=study.names, features_file=study.categories), name="codes")
    pixels = Node(FeatureRDM(features_file=study.pixels, conditions=study.names), name="pixels")
    models = Node(Merge(3), name="models")
    models.inputs.in3 = study.models
    compare = Node(
        RSA(rdm_file=study.mean, participant_files=[study.participants],
            n_permutations=n_permutations, seed=SEED),
        name="compare",
    )  # fmt: skip
    report = Node(
        RSAReport(
            title="Which hypotheses about 92 objects fit", simulated=study.simulated,
            subtitle="simulated participants" if study.simulated else "human inferior temporal "
            "cortex",
            rdm_files=[study.mean, study.participants], rdm_titles=["Mean", "Participants"],
            groups_file=study.groups, stimulus_files=study.images, stimulus_names=study.names,
            table_titles=["Models and cortex"], table_labels=["Spearman ρ"],
            methods="Dissimilarities (1 - Pearson's r) of all pairs of objects were compared by "
            "Spearman's rank correlation; p from relabelling objects; noise ceilings over "
            "participants [@nili_toolbox; @kriegeskorte92].",
            settings=[f"permutations: {n_permutations}", f"seed: {SEED}"],
        ),
        name="report",
    )  # fmt: skip
    workflow.connect([
        (codes, models, [("rdm_file", "in1")]),
        (pixels, models, [("rdm_file", "in2")]),
        (models, compare, [("out", "model_files")]),
        (compare, report, [("table_file", "table_files")]),
    ])  # fmt: skip
    return workflow


def main() -> None:
    """Run the example and say what was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("objects"), help="new folder for results")
    parser.add_argument("--data", type=Path, help="folder of the 92 objects (default: simulated)")
    parser.add_argument("--permutations", type=int, default=1000)
    given = parser.parse_args()
    folder = given.out.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    study = simulate(folder) if given.data is None else load(given.data.absolute(), folder)
    graph = build(study, folder, given.permutations).run()
    outputs = {node.name: node.result.outputs for node in graph.nodes()}
    table = pd.read_csv(outputs["compare"].table_file, sep="\t")
    shown = table.sort_values("value", ascending=False).drop(columns="rdm")
    print(shown.to_string(index=False, float_format="%.3f"))
    report = folder / "report.html"
    report.write_bytes(Path(outputs["report"].out_report).read_bytes())
    print(f"Report: {report}")


if __name__ == "__main__":
    main()
