"""Experiments of the HCP's layout over subjects, and the example that does four of them."""

import shutil
from pathlib import Path

import nipype.pipeline.engine as pe
import numpy as np
import pandas as pd
import pytest
from support.examples import example, run

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.hcp_runs import N_VOLUMES, RUN_NAMES, TR, run_numbers
from fmriprod.interfaces.neuromatch_layout import read_run, read_run_events
from fmriprod.interfaces.neuromatch_runs import NeuromatchRuns
from fmriprod.interfaces.simulate_parcel_dataset import SimulateParcelDataset
from fmriprod.workflows.describe import describe
from fmriprod.workflows.neuromatch_group import init_neuromatch_group_wf


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dataset")
    made = SimulateParcelDataset(n_subjects=3, n_parcels=28, tasks=["REST", "MOTOR"])
    return made.run(cwd=str(folder)).outputs.dataset_dir


@pytest.fixture(scope="module")
def hcp(tmp_path_factory):
    """The example's folder, and what it said."""
    out = tmp_path_factory.mktemp("hcp")
    with pytest.MonkeyPatch.context() as patch, example("hcp_motor_emotion") as module:
        run(module, patch, "--out", out)
    return out


def group_table(hcp, name):
    return pd.read_csv(hcp / f"work/hcp/{name}/parcel_group_wf/group/group.tsv", sep="\t")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "task", "one", "other"),
    [("foot", "MOTOR", "lf", "rf"), ("hand", "MOTOR", "lh", "rh"),
     ("faces", "EMOTION", "fear", "neut")],
)  # fmt: skip
def test_what_is_planted_is_found_and_nothing_else(hcp, name, task, one, other):
    effects = pd.read_csv(hcp / "simulated/dataset/effects.tsv", sep="\t")
    wide = effects[effects["task"] == task].pivot_table(
        index="parcel", columns="condition", values="effect", fill_value=0.0
    )
    difference = wide.get(one, 0.0) - wide.get(other, 0.0)
    planted = difference[difference != 0]
    found = group_table(hcp, name).set_index("parcel")
    found = found[found["p_max"] <= 0.05]
    assert len(planted) >= 4 and set(found.index) == set(planted.index)
    assert (np.sign(found["mean"]) == np.sign(planted[found.index])).all()


@pytest.mark.slow
def test_parcels_of_a_network_go_together_at_rest(hcp):
    r = np.load(hcp / "work/hcp/rest/parcel_group_wf/group/r.npy")
    network = pd.read_csv(hcp / "simulated/dataset/parcels.tsv", sep="\t")["network"].to_numpy()
    same = (network[:, None] == network) & ~np.eye(len(network), dtype=bool)
    other = network[:, None] != network
    assert abs(r[same].mean() - 0.4) < 0.05 and abs(r[other].mean() - 0.1) < 0.05
    assert "Simulated data" in (hcp / "parcels.html").read_text()


@pytest.mark.parametrize(("experiment", "runs"), [("MOTOR", (5, 6)), ("REST", (1, 2, 3, 4))])
def test_runs_are_those_of_the_experiment(dataset, work, experiment, runs):
    read = NeuromatchRuns(dataset_dir=dataset, subject="2", experiment=experiment)
    out = pe.Node(read, "read", base_dir=str(work)).run().outputs
    assert len(out.series_files) == len(runs)
    for file, number in zip(out.series_files, runs, strict=True):
        series = read_run(dataset, 2, number, remove_mean=False)
        np.testing.assert_array_equal(np.load(file), series)
    if experiment == "REST":
        assert not out.events_files
    else:
        events = pd.read_csv(out.events_files[1], sep="\t")
        expected = read_run_events(dataset, 2, runs[1]).reset_index(drop=True)
        pd.testing.assert_frame_equal(events, expected, check_dtype=False)
    assert len(pd.read_csv(out.parcels_file, sep="\t")) == 28 and out.tr == 0.72


def test_subjects_without_all_runs_take_no_part(dataset, work):
    shutil.copytree(dataset, work / "less")
    next((work / "less/subjects/1/timeseries").glob("bold6_*")).unlink()
    names = init_neuromatch_group_wf("less", experiment="MOTOR", contrast="lh-rh").list_node_names()
    assert {"read_0", "read_2"} <= set(names) and "read_1" not in names
    assert "read_1" in init_neuromatch_group_wf("less").list_node_names()
    with pytest.raises(InputError, match=r"(?s)3 subjects with 2 runs of MOTOR.*found: +2 in less"):
        init_neuromatch_group_wf("less", experiment="MOTOR", contrast="lh-rh", n_subjects=3)
    few = init_neuromatch_group_wf(dataset, n_subjects=2).list_node_names()
    assert "read_1" in few and "read_2" not in few


def test_rest_has_no_contrast(dataset):
    with pytest.raises(InputError, match=r"(?s)none at rest.*'lh-rh'"):
        init_neuromatch_group_wf(dataset, contrast="lh-rh")


def test_methods_tell_of_the_contrast_and_its_test(dataset):
    text = describe(init_neuromatch_group_wf(dataset, experiment="MOTOR", contrast="lh-rh"))
    assert "lh-rh" in text and "[@nichols_holmes]" in text


def blocks(task, n):
    """Events of a run as the HCP has them: all_bk_* are sums of others, some have no error."""
    if task == "RELATIONAL":
        errors = [(15.5, 2.0)] if n % 2 else []
        return {"match": [(11, 16), (70, 16), (120, 16)], "relation": [(40, 16), (95, 16)],
                "error": errors}  # fmt: skip
    names = [f"{back}bk_{kind}" for back in (0, 2) for kind in ("body", "faces", "places", "tools")]
    found = {name: [(10.0 + 35 * i, 27.5)] for i, name in enumerate(names)}
    for back, first in (("0", 10.0), ("2", 150.0)):
        trials = [(first + 35 * i + 2.5 * j, 2.5) for i in range(4) for j in range(10)]
        found |= {f"{back}bk_cor": trials[::2], f"{back}bk_err": trials[1::2], f"{back}bk_nir": []}
    both = {f"all_bk_{k}": found[f"0bk_{k}"] + found[f"2bk_{k}"] for k in ("cor", "err")}
    return found | both


def write_task(folder, task, planted, n_subjects=2):
    """Write noise of six parcels, the first of which answers to one condition."""
    rng = np.random.default_rng(3)
    names = [f"{side}_{i}" for side in "RL" for i in range(3)]
    folder.mkdir()
    np.save(folder / "regions.npy", np.array([[name, "Vis", "1.2"] for name in names]))
    for subject in range(n_subjects):
        series = folder / "subjects" / str(subject) / "timeseries"
        series.mkdir(parents=True)
        for n in run_numbers(task):
            events = blocks(task, n + subject)
            run = rng.normal(size=(6, N_VOLUMES[task]))
            for onset, duration in events[planted]:  # some 5 s later, as blood does
                run[0, int((onset + 5) / TR) : int((onset + duration + 5) / TR)] += 10
            np.save(series / f"bold{n}_Atlas_MSMAll_Glasser360Cortical.npy", run)
            place = folder / "subjects" / str(subject) / "EVs" / RUN_NAMES[n - 1]
            place.mkdir(parents=True)
            for name, rows in events.items():
                lines = [f"{onset}\t{duration}\t1\n" for onset, duration in rows]
                (place / f"{name}.txt").write_text("".join(lines))
    return folder


@pytest.mark.parametrize(
    ("task", "contrast", "planted"),
    [("WM", "`2bk_body`-`0bk_body`", "2bk_body"), ("RELATIONAL", "relation-match", "relation"),
     ("RELATIONAL", "error-match", "match")],
)  # fmt: skip
def test_tasks_with_sums_of_conditions_or_runs_without_some(work, task, contrast, planted):
    workflow = init_neuromatch_group_wf(
        write_task(work / "data", task, planted), experiment=task, contrast=contrast,
        n_permutations=0,
    )  # fmt: skip
    workflow.base_dir = str(work)
    workflow.run()
    (table,) = Path(work).glob("*/*/group/group.tsv")
    mean = pd.read_csv(table, sep="\t")["mean"]
    sign = 1 if planted != "match" else -1
    assert sign * mean[0] > 5 and (mean[1:].abs() < 3).all()


def test_conditions_of_the_model_can_be_chosen(work):
    folder = write_task(work / "data", "WM", "2bk_body", n_subjects=2)
    given = {"dataset_dir": str(folder), "subject": "0", "experiment": "WM"}
    for options, expected in (
        ({}, {name for name, rows in blocks("WM", 1).items() if rows and name[0] != "a"}),
        ({"conditions": ["2bk_body", "all_bk_cor"]}, {"2bk_body", "all_bk_cor"}),
    ):
        out = NeuromatchRuns(**given, **options).run().outputs
        for path in out.events_files:
            assert set(pd.read_csv(path, sep="\t")["trial_type"]) == expected
    options = {"experiment": "WM", "contrast": "`2bk_body`-`0bk_body`"}
    chosen = ["0bk_body", "2bk_body"]
    workflow = init_neuromatch_group_wf(
        folder, **options, conditions=chosen, model_options={"noise": "ols", "hrf": "spm"}
    )
    assert workflow.get_node("read_1").inputs.conditions == chosen
    model = workflow.get_node("sub_1.model").inputs
    assert (model.noise, model.hrf, model.missing_conditions) == ("ols", "spm", "skip")


@pytest.mark.parametrize("option", [{"conditions": ["lh"]}, {"model_options": {"noise": "ols"}}])
def test_connectivity_has_no_model(dataset, option):
    with pytest.raises(InputError, match=r"(?s)none without a contrast.*name the contrast") as info:
        init_neuromatch_group_wf(dataset, **option)
    assert [info.value.subject] == list(option)
