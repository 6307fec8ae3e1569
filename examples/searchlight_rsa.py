"""Where in the brain digits are coded: by magnitude, by parity, or by their closed loops.

Dissimilarities of the patterns in spheres around every voxel are compared by ranks with those that
each hypothesis expects (Kriegeskorte et al. 2006), in every participant; similarities are tested
over participants by flips of signs, with the largest over all voxels and hypotheses.

    python examples/searchlight_rsa.py --out searchlight
    python examples/searchlight_rsa.py --out searchlight --data my_study

``--data`` is a folder with ``mask.nii.gz``, ``patterns.tsv``: subject, run, condition and file of
effect maps, as FirstLevelModel makes them, and ``codes.tsv``: condition and a column a hypothesis,
numbers or words. Without it participants are simulated in whose brains magnitude and loops have an
area each, and parity none; this is said wherever they are shown.
"""

import argparse
import shutil
from pathlib import Path

import pandas as pd
from nipype import Node, Workflow

from fmriprod.interfaces.digit_images import DigitImages
from fmriprod.interfaces.model_rdm import ModelRDM
from fmriprod.interfaces.rsa_report import RSAReport
from fmriprod.interfaces.simulate_representations import SimulateRepresentations
from fmriprod.workflows.describe import describe
from fmriprod.workflows.participants_rsa import init_participants_rsa_wf
from fmriprod.workflows.results import outputs_of


def simulate(folder: Path) -> Path:
    """Simulate eight participants of four runs."""
    print("SIMULATED DATA: no person was scanned. Planted: magnitude and loops, not parity.")
    folder.mkdir(parents=True, exist_ok=True)
    digits = DigitImages(n_shown=1).run(cwd=str(folder)).outputs  # of it, only what is known
    expected = ModelRDM(conditions=digits.classes, features_file=digits.codes_file)
    SimulateRepresentations(
        rdm_file=expected.run(cwd=str(folder)).outputs.rdm_file, models=["magnitude", "loops"],
        n_subjects=8, n_runs=4,
    ).run(cwd=str(folder))  # fmt: skip
    return folder


def build(data: Path, simulated: bool) -> Workflow:
    """Connect models, the search in every participant, the group, and the page."""
    codes = pd.read_csv(data / "codes.tsv", sep="\t")
    names = [name for name in codes if name != "condition"]
    search = init_participants_rsa_wf(
        data / "patterns.tsv", searchlight_options={"radius": 9.0, "n_permutations": 500},
        group_options={"maps": names, "n_permutations": 2000},
    )  # fmt: skip
    search.inputs.inputnode.trait_set(
        mask_file=str(data / "mask.nii.gz"), features_file=str(data / "codes.tsv")
    )
    models = ModelRDM(conditions=list(codes["condition"]), features_file=str(data / "codes.tsv"))
    page = Node(
        RSAReport(
            title="What is known of digits, around every voxel", simulated=simulated,
            map_names=names, map_level="corrected p", map_label="mean Fisher z of Spearman ρ",
            rdm_titles=["Hypotheses"], methods=describe(search),
        ),
        "report",
    )  # fmt: skip
    mine = Workflow("searchlight")
    mine.connect([
        (search, page, [("outputnode.mean_map", "value_map"),
                        ("outputnode.p_corrected_map", "q_map")]),
        (Node(models, "models"), page, [("rdm_file", "rdm_files")]),
    ])  # fmt: skip
    return mine


def main() -> None:
    """Simulate or take a study, run the graph, and say what was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("searchlight"), help="output folder")
    parser.add_argument("--data", type=Path, help="your own effect maps (default: simulated)")
    given = parser.parse_args()
    out = given.out.absolute()
    data = given.data.absolute() if given.data else simulate(out / "simulated")
    workflow = build(data, given.data is None)
    workflow.base_dir = str(out / "work")
    graph = workflow.run()
    print("\nWhere a hypothesis survives:\n")
    print(pd.read_csv(outputs_of(graph, "group").table_file, sep="\t").to_string(index=False))
    print(f"\nReport: {shutil.copy(outputs_of(graph, 'report').out_report, out)}")


if __name__ == "__main__":
    main()
