"""The workflow of the page on parcels, connected to what it shows by name."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from nipype import Workflow

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.simulate_parcel_table import made_up_parcels
from fmriprod.workflows.parcel_group import init_parcel_group_wf
from fmriprod.workflows.parcel_report import init_parcel_report_wf


@pytest.fixture
def files(work, rng):
    """Contrasts and connectivity of six: R_4 up, and L_4 goes with R_4."""
    parcels = made_up_parcels(40)
    parcels.to_csv(work / "parcels.tsv", sep="\t", index=False)
    names = parcels["name"].tolist()
    hand, other = names.index("R_4"), names.index("L_4")
    contrasts, matrices = [], []
    for k in range(6):
        values = rng.normal(size=40)
        values[hand] += 20
        table = pd.DataFrame({"parcel": names, "contrast": "lh-rh", "value": values})
        table.to_csv(work / f"{k}.tsv", sep="\t", index=False)
        series = rng.normal(size=(40, 80))
        series[other] = series[hand] + 0.3 * rng.normal(size=80)
        matrix = np.corrcoef(series).astype("f4")
        np.fill_diagonal(matrix, np.nan)
        np.save(work / f"{k}.npy", matrix)
        contrasts.append(str(work / f"{k}.tsv"))
        matrices.append(str(work / f"{k}.npy"))
    return str(work / "parcels.tsv"), contrasts, matrices


def run(workflow, work):
    workflow.base_dir = str(work)
    workflow.config["execution"] = {"remove_unnecessary_outputs": "false"}
    return {node.fullname: node.result.outputs for node in workflow.run().nodes()}


def test_after_two_groups(files, work):
    parcels, contrasts, matrices = files
    whole = Workflow("whole")
    task = init_parcel_group_wf(n_permutations=64, name="task")
    rest = init_parcel_group_wf(of="connectivity", n_permutations=64, name="rest")
    page = init_parcel_report_wf(
        of=["contrast", "connectivity"], surface="nearest", seed="R_4", simulated=True,
        contrast_name="left minus right hand", title="A page",
    )  # fmt: skip
    task.inputs.inputnode.files, rest.inputs.inputnode.files = contrasts, matrices
    for part in (task, rest, page):
        part.inputs.inputnode.parcels_file = parcels
    whole.connect([
        (task, page, [("outputnode.group_file", "inputnode.group_file"),
                      ("outputnode.top_file", "inputnode.top_file")]),
        (rest, page, [("outputnode.r_file", "inputnode.connectivity_file")]),
    ])  # fmt: skip
    found = run(whole, work)["whole.parcel_report_wf.report"]
    assert found.figure_names == [
        "group", "ranking-1", "surface", "networks", "matrix", "brain", "seed",
    ]  # fmt: skip
    text = Path(found.out_report).read_text(encoding="utf-8")
    words = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text))
    assert "Largest |t| of parcels R_4" in words and "Most connected with R_4 L_4" in words
    assert "no person was scanned" in words and "left minus right hand" in words
    assert 'class="connectome"' in text


def test_a_contrast_alone_without_networks(files, work):
    parcels, contrasts, _ = files
    task = init_parcel_group_wf(n_permutations=64, name="task")
    page = init_parcel_report_wf(networks=False)
    task.inputs.inputnode.files = contrasts
    task.inputs.inputnode.parcels_file = page.inputs.inputnode.parcels_file = parcels
    whole = Workflow("whole")
    whole.connect(task, "outputnode.group_file", page, "inputnode.group_file")
    found = run(whole, work)["whole.parcel_report_wf.report"]
    assert found.figure_names == ["group"]


def used(workflow):
    """Inputs that lead somewhere."""
    graph, node = workflow._graph, workflow.get_node("inputnode")
    edges = [data["connect"] for _, _, data in graph.out_edges(node, data=True)]
    return {source for connections in edges for source, _ in connections}


def test_only_what_it_shows_is_used():
    assert {"label_files", "group_file", "atlas_file"} <= used(
        init_parcel_report_wf(surface="labels")
    )
    only = init_parcel_report_wf(of=["connectivity"], surface="labels", seed="L_4")
    assert used(only) == {"parcels_file", "connectivity_file", "atlas_file", "regions_file"}
    assert only.inputs.report.seed == "L_4" and only.get_node("networks") is None


@pytest.mark.parametrize(
    ("options", "words"),
    [({"of": []}, "no part"), ({"of": ["contrasts"]}, "'contrasts'"), ({"of": "contrast"}, "list"),
     ({"surface": "label"}, "did you mean 'labels'")],
)  # fmt: skip
def test_bad_input(options, words):
    with pytest.raises(InputError, match=re.escape(words)):
        init_parcel_report_wf(**options)
