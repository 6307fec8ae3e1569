"""Rest, movements and faces on the parcels of the Human Connectome Project.

The path of a seminar on the Neuromatch Academy's subset of the HCP: connectivity at rest, left foot
minus right foot, left hand minus right hand, fearful faces minus shapes; rankings of parcels, and
what the seminar leaves out: tests over subjects. Without data, subjects with planted networks and
effects are simulated in the same file layout, and this is said.

    python examples/hcp_motor_emotion.py --out hcp
    python examples/hcp_motor_emotion.py --out hcp --data hcp_task --subjects 20

``--data`` is a folder with ``subjects``, ``regions.npy`` and ``atlas.npz``. Note that lf and rf are
feet there, though they are often read as fingers; hands are lh and rh.
"""

import argparse
import shutil
from pathlib import Path

import pandas as pd
from nipype import Workflow

from fmriprod.interfaces.simulate_parcel_dataset import SimulateParcelDataset
from fmriprod.workflows.describe import describe
from fmriprod.workflows.neuromatch_group import init_neuromatch_group_wf
from fmriprod.workflows.parcel_report import init_parcel_report_wf
from fmriprod.workflows.results import outputs_of

CONTRASTS = {
    "foot": ("MOTOR", "lf-rf", "left foot minus right foot"),
    "hand": ("MOTOR", "lh-rh", "left hand minus right hand"),
    "faces": ("EMOTION", "fear-neut", "fearful and angry faces minus shapes"),
}


def build(data: Path, n_subjects: int | None, simulated: bool) -> Workflow:
    """Connect rest, three contrasts, and a page on rest and hands."""
    options = {"n_subjects": n_subjects, "n_permutations": 2000}
    rest = init_neuromatch_group_wf(data, name="rest", **options)
    tasks = {
        name: init_neuromatch_group_wf(
            data, experiment=experiment, contrast=contrast, name=name, **options
        )
        for name, (experiment, contrast, _) in CONTRASTS.items()
    }
    page = init_parcel_report_wf(
        of=["contrast", "connectivity"], surface="atlas", seed="L_4",
        connectivity_range=(-0.6, 0.6), title="Rest and hand movements on parcels",
        simulated=simulated, contrast_name=CONTRASTS["hand"][2],
        methods=describe(rest, software=False) + "\n\n" + describe(tasks["hand"]),
    )  # fmt: skip
    page.inputs.inputnode.atlas_file = str(data / "atlas.npz")
    page.inputs.inputnode.regions_file = str(data / "regions.npy")
    mine = Workflow("hcp")
    mine.add_nodes(list(tasks.values()))
    mine.connect([
        (rest, page, [("outputnode.parcels_file", "inputnode.parcels_file"),
                      ("outputnode.r_file", "inputnode.connectivity_file")]),
        (tasks["hand"], page, [("outputnode.group_file", "inputnode.group_file"),
                               ("outputnode.top_file", "inputnode.top_file")]),
    ])  # fmt: skip
    return mine


def main() -> None:
    """Simulate or take a data set, run the graph, and say what was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("hcp"), help="output folder")
    parser.add_argument("--data", type=Path, help="data set (default: simulated)")
    parser.add_argument("--subjects", type=int, help="how many (default: all)")
    given = parser.parse_args()
    out = given.out.absolute()
    data = given.data.absolute() if given.data else out / "simulated" / "dataset"
    if not given.data:
        print("SIMULATED DATA: no person was scanned. Planted: hands and feet on the other side")
        data.parent.mkdir(parents=True, exist_ok=True)
        SimulateParcelDataset(n_subjects=given.subjects or 10).run(cwd=str(data.parent))
    workflow = build(data, given.subjects, simulated=given.data is None)
    workflow.base_dir = str(out / "work")
    graph = workflow.run()
    for name, (_, contrast, words) in CONTRASTS.items():
        group = pd.read_csv(outputs_of(graph, f"{name}.parcel_group_wf.group").group_file, sep="\t")
        n_found = (group["p_max"] <= 0.05).sum()
        print(f"\n{words} ({contrast}): {n_found} of {len(group)} parcels with p_max <= 0.05")
        top = group.reindex(group["t"].abs().nlargest(6).index)
        print(top[["parcel", "mean", "t", "p_max", "d"]].to_string(index=False))
    print(f"\nReport: {shutil.copy(outputs_of(graph, 'report').out_report, out)}")


if __name__ == "__main__":
    main()
