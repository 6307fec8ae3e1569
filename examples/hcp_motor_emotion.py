r"""Rest, movements and faces on the parcels of the Human Connectome Project.

The path of a seminar on the Neuromatch Academy's subset of the HCP: connectivity at rest, left foot
minus right foot, left hand minus right hand, fearful faces minus shapes; networks, rankings, and
what the seminar leaves out: tests over subjects. Without data, subjects with planted networks and
effects are simulated in the same file layout; this is said, and what is found is compared with it.

    python examples/hcp_motor_emotion.py --out hcp
    python examples/hcp_motor_emotion.py --out hcp --data hcp_task --subjects 20

``--data`` is a folder with ``subjects``, ``regions.npy`` and ``atlas.npz``. Note that lf and rf are
feet there, though they are often read as fingers; hands are lh and rh.
"""

import argparse
from pathlib import Path

import pandas as pd
from nipype import Workflow

from fmriprod.algorithms.hcp_runs import TR
from fmriprod.interfaces.neuromatch_layout import list_runs, read_run_events, series_path
from fmriprod.interfaces.parcel_timeseries import ParcelTimeseries
from fmriprod.interfaces.simulate_parcel_dataset import SimulateParcelDataset
from fmriprod.workflows.parcel_group import init_parcel_group_wf
from fmriprod.workflows.parcel_report import init_parcel_report_wf
from fmriprod.workflows.parcel_rest import init_parcel_rest_wf
from fmriprod.workflows.parcel_task import init_parcel_task_wf

CONTRASTS = {
    "foot": ("MOTOR", "lf-rf", "left foot minus right foot"),
    "hand": ("MOTOR", "lh-rh", "left hand minus right hand"),
    "faces": ("EMOTION", "fear-neut", "fearful and angry faces minus shapes"),
}


def find_data(data: Path | None, folder: Path, n_subjects: int) -> tuple[Path, Path | None]:
    """Take the data that are given, or simulate some; also give the planted effects."""
    if data is not None:
        return data.absolute(), None
    print("SIMULATED DATA: no person was scanned. What is found shows whether the analysis finds")
    print("what was planted; it says nothing about brains.")
    root = folder / "simulated"
    root.mkdir(exist_ok=True)
    made = SimulateParcelDataset(n_subjects=n_subjects).run(cwd=str(root)).outputs
    return Path(made.dataset_dir), Path(made.effects_file)


def stage(data: Path, subject: str, runs: list[int], folder: Path) -> dict[str, list[str]]:
    """Write series, with names of their rows, and events of some runs of a subject."""
    found: dict[str, list[str]] = {"series_files": [], "events_files": [], "parcels_file": []}
    for run in runs:
        place = folder / "series" / subject / str(run)
        place.mkdir(parents=True, exist_ok=True)
        made = ParcelTimeseries(
            in_file=str(series_path(data, subject, run)), regions_file=str(data / "regions.npy"),
            tr=TR,
        ).run(cwd=str(place)).outputs  # fmt: skip
        found["series_files"].append(made.series_file)
        found["parcels_file"].append(made.parcels_file)
        if run > 4:  # the first four are rest
            events = place / "events.tsv"
            read_run_events(data, subject, run).to_csv(events, sep="\t", index=False)
            found["events_files"].append(str(events))
    return found


def fill(workflow: Workflow, given: dict[str, list[str]]) -> None:
    """Set the inputs of a workflow of one subject."""
    inputs = workflow.inputs.inputnode
    inputs.series_files, inputs.parcels_file = given["series_files"], given["parcels_file"][0]
    if given["events_files"]:
        inputs.events_files = given["events_files"]


def build(data: Path, n_subjects: int | None, folder: Path) -> tuple[Workflow, str]:
    """Compose rest and tasks of all subjects."""
    workflow = Workflow("subjects", base_dir=str(folder / "work"))
    workflow.config["execution"] = {"remove_unnecessary_outputs": "false"}
    parcels = ""
    experiments = ("REST", "MOTOR", "EMOTION")
    runs = {name: list_runs(data, name, missing="skip")[0] for name in experiments}
    subjects = sorted(set.intersection(*(set(table["subject"]) for table in runs.values())))
    for subject in subjects[:n_subjects]:
        staged = {}
        for name in experiments:
            table = runs[name]
            numbers = table.loc[table["subject"] == subject, "run"].astype(int).tolist()
            staged[name] = stage(data, subject, numbers, folder)
        parcels = staged["REST"]["parcels_file"][0]
        rest = init_parcel_rest_wf(fisher=False, networks=False, name=f"rest_{subject}")
        fill(rest, staged["REST"])
        tasks = []
        for key, (experiment, contrast, _) in CONTRASTS.items():
            task = init_parcel_task_wf(
                contrast=contrast, tr=TR, networks=False, name=f"{key}_{subject}",
            )  # fmt: skip
            fill(task, staged[experiment])
            tasks.append(task)
        workflow.add_nodes([rest, *tasks])
    return workflow, parcels


def over_subjects(kind: str, files: list[str], parcels: str, folder: Path) -> dict:
    """Test one contrast, or connectivity, over subjects."""
    of = "connectivity" if kind == "rest" else "contrast"
    group = init_parcel_group_wf(of=of, n_permutations=2000, name=f"group_{kind}")
    group.base_dir = str(folder / "work")
    group.config["execution"] = {"remove_unnecessary_outputs": "false"}
    group.inputs.inputnode.files, group.inputs.inputnode.parcels_file = files, parcels
    return {node.name: node.result.outputs for node in group.run().nodes()}


def say(key: str, found: dict, planted: Path | None, folder: Path) -> None:
    """Print the parcels with the largest effects, beside what was planted."""
    experiment, contrast, words = CONTRASTS[key]
    group = pd.read_csv(found["group"].group_file, sep="\t")
    group.to_csv(folder / f"{key}.tsv", sep="\t", index=False)
    found_parcels = set(group.loc[group["p_max"] <= 0.05, "parcel"])
    print(f"\n{words} ({contrast}): {len(found_parcels)} of {len(group)} parcels, p_max <= 0.05")
    top = group.reindex(group["t"].abs().sort_values(ascending=False).index).head(6)
    print(top[["parcel", "mean", "t", "p_max", "d"]].to_string(index=False, float_format="%.3f"))
    if planted is not None:
        table = pd.read_csv(planted, sep="\t")
        one, other = contrast.split("-")
        wide = table[table["task"] == experiment].pivot_table(
            index="parcel", columns="condition", values="effect", fill_value=0.0
        )
        truth = set(wide.index[wide[one] != wide[other]])
        right = len(found_parcels & truth)
        print(
            f"Planted in {len(truth)}: {right} of them found, {len(found_parcels - truth)} others."
        )


def main() -> None:
    """Run the example and say what was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("hcp"), help="new folder for results")
    parser.add_argument("--data", type=Path, help="data set (default: simulated)")
    parser.add_argument("--subjects", type=int, help="how many (default: all, or 10 simulated)")
    parser.add_argument("--seed", default="L_4", help="parcel whose connectivity is drawn")
    given = parser.parse_args()
    folder = given.out.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    data, planted = find_data(given.data, folder, given.subjects or 10)
    workflow, parcels = build(data, given.subjects, folder)
    files: dict[str, list[str]] = {"rest": [], **{key: [] for key in CONTRASTS}}
    for node in workflow.run().nodes():
        kind = node.fullname.split(".")[1].rsplit("_", 1)[0]
        if node.name == "contrast":
            files[kind].append(node.result.outputs.contrast_file)
        elif node.name == "connectivity":
            files["rest"].append(node.result.outputs.connectivity_file)
    groups = {key: over_subjects(key, files[key], parcels, folder) for key in CONTRASTS}
    for key, found in groups.items():
        say(key, found, planted, folder)
    rest = over_subjects("rest", files["rest"], parcels, folder)["group"]
    page = init_parcel_report_wf(
        of=["contrast", "connectivity"], surface="atlas", seed=given.seed,
        connectivity_range=(-0.6, 0.6), title="Rest and hand movements on parcels",
        simulated=planted is not None, contrast_name=CONTRASTS["hand"][2],
        methods="Correlations of parcels at rest, and responses to movements of the left against "
        "the right hand, were tested over subjects.",
    )  # fmt: skip
    page.base_dir = str(folder / "work")
    page.config["execution"] = {"remove_unnecessary_outputs": "false"}
    hand, inputs = groups["hand"], page.inputs.inputnode
    inputs.parcels_file, inputs.connectivity_file = parcels, rest.r_file
    inputs.group_file, inputs.top_file = hand["group"].group_file, hand["rank"].top_file
    inputs.atlas_file, inputs.regions_file = str(data / "atlas.npz"), str(data / "regions.npy")
    page.inputs.report.settings = [f"subjects: {rest.n_subjects}", f"repetition time: {TR} s"]
    made = {node.name: node.result.outputs for node in page.run().nodes()}["report"]
    (folder / "report.html").write_bytes(Path(made.out_report).read_bytes())
    print(f"\nConnectivity at rest, mean over {rest.n_subjects} subjects: {rest.r_file}")
    print(f"Report: {folder / 'report.html'}")


if __name__ == "__main__":
    main()
