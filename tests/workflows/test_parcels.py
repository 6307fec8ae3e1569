"""Graphs of parcels: rest, task and group find what was planted."""

import numpy as np
import pandas as pd
import pytest
from nipype import Workflow

from fmriprod.workflows.describe import describe, describe_html
from fmriprod.workflows.parcel_group import init_parcel_group_wf
from fmriprod.workflows.parcel_rest import init_parcel_rest_wf
from fmriprod.workflows.parcel_task import init_parcel_task_wf

NAMES = [f"{side}_{name}" for side in "LR" for name in ("V1", "M1", "FFC", "PFC")]
NETWORKS = ["Visual", "Motor", "Visual", "Control"] * 2
TR = 0.72


def run(workflow, folder):
    """Run a workflow and give the outputs of its nodes by name."""
    outer = Workflow("outer", base_dir=str(folder))
    outer.config["execution"] = {"remove_unnecessary_outputs": "false"}
    outer.add_nodes([workflow])
    return {node.name: node.result.outputs for node in outer.run().nodes()}


@pytest.fixture
def parcels(work):
    table = pd.DataFrame({"name": NAMES, "network": NETWORKS})
    table.to_csv(work / "parcels.tsv", sep="\t", index=False)
    return str(work / "parcels.tsv")


def rest(work, rng, name):
    """Series in which parcels of a network share a signal."""
    shared = {network: rng.normal(size=300) for network in set(NETWORKS)}
    series = np.array([shared[n] + rng.normal(size=300) for n in NETWORKS], dtype=np.float32)
    np.save(work / name, series + 1000)
    return str(work / name)


def task(work, rng, name, effect):
    """Series in which the left motor parcel answers to the right hand, by ``effect``."""
    onsets = np.arange(10, 170, 32.0)
    events = pd.DataFrame({
        "onset": np.concatenate([onsets, onsets + 16]), "duration": 12.0,
        "trial_type": ["rh"] * len(onsets) + ["lh"] * len(onsets),
    })  # fmt: skip
    events.to_csv(work / f"{name}.tsv", sep="\t", index=False)
    times = np.arange(284) * TR
    on = np.zeros(284)
    for onset in onsets:
        on[(times >= onset + 5) & (times < onset + 17)] = 1
    series = 1000 + rng.normal(size=(8, 284))
    series[NAMES.index("L_M1")] += effect * on
    np.save(work / f"{name}.npy", series.astype(np.float32))
    return str(work / f"{name}.npy"), str(work / f"{name}.tsv")


def test_networks_at_rest(work, rng, parcels):
    workflow = init_parcel_rest_wf()
    workflow.inputs.inputnode.series_files = [rest(work, rng, "1.npy"), rest(work, rng, "2.npy")]
    workflow.inputs.inputnode.parcels_file = parcels
    found = run(workflow, work)
    matrix = np.load(found["connectivity"].connectivity_file)
    same = np.equal.outer(NETWORKS, NETWORKS) & ~np.eye(8, dtype=bool)
    assert matrix[same].min() > 0.35 and np.nanmax(matrix[~same]) < 0.2
    assert len(pd.read_csv(found["networks"].table_file, sep="\t")) > 3


@pytest.mark.parametrize("model", ["glm", "average"])
def test_hand_movements_and_the_group(work, rng, parcels, model):
    contrasts = []
    for number in range(8):
        series, events = task(work, rng, f"{model}{number}", effect=1.5)
        options = {"skip": 6} if model == "average" else {}
        workflow = init_parcel_task_wf(contrast="rh-lh", model=model, tr=TR, model_options=options)
        given = workflow.inputs.inputnode
        given.series_files, given.events_files = [series], [events]
        given.parcels_file = parcels
        contrasts.append(run(workflow, work / str(number))["contrast"].contrast_file)
    group = init_parcel_group_wf(n_top=3)
    group.inputs.inputnode.files, group.inputs.inputnode.parcels_file = contrasts, parcels
    found = run(group, work)
    table = pd.read_csv(found["group"].group_file, sep="\t").set_index("parcel")
    assert table["p_max"].idxmin() == "L_M1" and table.loc["L_M1", "p_max"] < 0.05
    assert (table["p_max"].drop("L_M1") > 0.05).all()
    top = pd.read_csv(found["rank"].top_file, sep="\t")
    assert top["parcel"].iloc[0] == "L_M1"


def test_a_group_of_matrices(work, rng, parcels):
    files = []
    for number in range(6):
        workflow = init_parcel_rest_wf(networks=False)
        workflow.inputs.inputnode.series_files = [rest(work, rng, f"{number}.npy")]
        workflow.inputs.inputnode.parcels_file = parcels
        files.append(run(workflow, work / str(number))["connectivity"].connectivity_file)
    group = init_parcel_group_wf(of="connectivity")
    group.inputs.inputnode.files, group.inputs.inputnode.parcels_file = files, parcels
    found = run(group, work)["group"]
    same = np.equal.outer(NETWORKS, NETWORKS) & ~np.eye(8, dtype=bool)
    q = np.load(found.q_file)
    assert (q[same] < 0.05).all()


def test_z_made_before_goes_through_the_group(work, rng, parcels):
    """ParcelConnectivity(fisher=True) and a group that transforms would transform twice."""
    files = []
    for number in range(4):
        workflow = init_parcel_rest_wf(networks=False, fisher=True)
        workflow.inputs.inputnode.series_files = [rest(work, rng, f"{number}.npy")]
        workflow.inputs.inputnode.parcels_file = parcels
        files.append(run(workflow, work / str(number))["connectivity"].connectivity_file)
    group = init_parcel_group_wf(of="connectivity", fisher=False)
    group.inputs.inputnode.files, group.inputs.inputnode.parcels_file = files, parcels
    z = np.mean([np.load(path)[0, 2] for path in files])
    assert np.load(run(group, work)["group"].r_file)[0, 2] == pytest.approx(np.tanh(z), abs=1e-6)


@pytest.mark.parametrize("kind, averaged", [("correlation", True), ("covariance", False)])
def test_only_correlations_are_averaged_as_z(work, rng, parcels, kind, averaged):
    workflow = init_parcel_rest_wf(kind=kind)
    workflow.inputs.inputnode.series_files = [rest(work, rng, "rest.npy")]
    workflow.inputs.inputnode.parcels_file = parcels
    found = run(workflow, work)
    assert workflow.get_node("networks").inputs.fisher == averaged
    matrix = np.load(found["connectivity"].connectivity_file).astype(float)
    same = np.triu(np.equal.outer(NETWORKS, NETWORKS) & (np.array(NETWORKS) == NETWORKS[0]), 1)
    pairs = matrix[same]
    mean = np.tanh(np.arctanh(pairs).mean()) if averaged else pairs.mean()
    table = pd.read_csv(found["networks"].table_file, sep="\t")
    row = table.query("network_1 == network_2 == @NETWORKS[0] and hemispheres == 'all'")
    assert row["mean"].item() == pytest.approx(mean, rel=1e-5)


def test_methods_of_the_group_cite_what_they_use():
    text = describe(init_parcel_group_wf(of="connectivity"), software=False)
    assert text.startswith("Fisher's z of connectivity were tested")
    assert describe(init_parcel_group_wf(fisher=True)).startswith("Values were")
    assert describe_html(text).count("<li id") == 3
