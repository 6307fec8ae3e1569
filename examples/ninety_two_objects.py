"""Which hypotheses about objects fit human inferior temporal cortex (Kriegeskorte et al. 2008).

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
import shutil
from pathlib import Path

import pandas as pd
from nipype import Node, Workflow
from nipype.interfaces.utility import Merge

from fmriprod.interfaces.feature_rdm import FeatureRDM
from fmriprod.interfaces.kriegeskorte_objects import KriegeskorteObjects
from fmriprod.interfaces.model_rdm import ModelRDM
from fmriprod.interfaces.rsa import RSA
from fmriprod.interfaces.rsa_report import RSAReport
from fmriprod.interfaces.simulate_objects import SimulateObjects
from fmriprod.workflows.results import outputs_of

METHODS = (
    "Dissimilarities (1 - Pearson's r) of all pairs of objects were compared by Spearman's rank "
    "correlation; p from 1000 relabellings of objects; noise ceilings over participants "
    "[@nili_toolbox; @kriegeskorte92]."
)


def build(data: Path | None) -> Workflow:
    """Compose objects, codes, pixels, comparison and report."""
    study = Node(KriegeskorteObjects(data_dir=str(data)) if data else SimulateObjects(), "study")
    codes, pixels = Node(ModelRDM(), "codes"), Node(FeatureRDM(), "pixels")
    models = Node(Merge(3), "models")
    compare = Node(RSA(n_permutations=1000, seed=2008), "compare")
    who = "human inferior temporal cortex" if data else "simulated participants"
    page = RSAReport(title="Which hypotheses about 92 objects fit", simulated=data is None)
    page.inputs.trait_set(
        subtitle=who, rdm_titles=["Mean", "Participants"], table_titles=["Models and cortex"],
        table_labels=["Spearman ρ"], methods=METHODS,
    )  # fmt: skip
    report, rdms = Node(page, "report"), Node(Merge(2), "rdms")
    mine = Workflow("objects")
    mine.connect([
        (study, codes, [("names", "conditions"), ("codes_file", "features_file")]),
        (study, pixels, [("names", "conditions"), ("pixels_file", "features_file")]),
        (codes, models, [("rdm_file", "in1")]),
        (pixels, models, [("rdm_file", "in2")]),
        (study, compare, [("mean_file", "rdm_file"), ("participants_file", "participant_files")]),
        (models, compare, [("out", "model_files")]),
        (study, rdms, [("mean_file", "in1"), ("participants_file", "in2")]),
        (rdms, report, [("out", "rdm_files")]),
        (study, report, [("groups_file", "groups_file"), ("image_files", "stimulus_files"),
                         ("names", "stimulus_names")]),
        (compare, report, [("table_file", "table_files")]),
    ])  # fmt: skip
    if data:
        mine.connect(study, "models_file", models, "in3")
    return mine


def main() -> None:
    """Simulate or read the objects, compare, and say what fits."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("objects"), help="output folder")
    parser.add_argument("--data", type=Path, help="folder of the 92 objects (default: simulated)")
    given = parser.parse_args()
    out = given.out.absolute()
    out.mkdir(parents=True, exist_ok=True)
    if not given.data:
        print("SIMULATED DATA: no person was scanned, and a program drew the images.")
    workflow = build(given.data and given.data.absolute())
    workflow.base_dir = str(out / "work")
    graph = workflow.run()
    table = pd.read_csv(outputs_of(graph, "compare").table_file, sep="\t")
    print(table.sort_values("value", ascending=False).drop(columns="rdm").to_string(index=False))
    print(f"\nReport: {shutil.copy(outputs_of(graph, 'report').out_report, out)}")


if __name__ == "__main__":
    main()
