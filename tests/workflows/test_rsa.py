"""Graphs of representational similarity find what was planted, with and without kept RDMs."""

import json
from pathlib import Path

import nibabel as nb
import numpy as np
import pandas as pd
import pytest
from nipype import Workflow
from scipy.ndimage import distance_transform_edt

from fmriprod.algorithms.model_codes import DIGITS_AND_OBJECTS
from fmriprod.interfaces.layer_file import write_layers
from fmriprod.interfaces.layer_rdm import LayerRDM
from fmriprod.interfaces.rdm_file import read_rdms
from fmriprod.interfaces.rsa_file import read_rsa
from fmriprod.interfaces.simulate_representations import SimulateRepresentations
from fmriprod.workflows.describe import describe
from fmriprod.workflows.group_rsa import init_group_rsa_wf
from fmriprod.workflows.layer_rsa import init_layer_rsa_wf
from fmriprod.workflows.searchlight_rsa import init_searchlight_rsa_wf

NAMES = [f"c{number}" for number in range(8)]


def run(workflow, folder):
    """Run a workflow and give what came to its output node."""
    outer = Workflow("outer", base_dir=str(folder))
    outer.config["execution"] = {"remove_unnecessary_outputs": "false"}
    outer.add_nodes([workflow])
    nodes = outer.run().nodes()
    return {node.name: node.result.outputs for node in nodes}


def voxels(path):
    return np.asarray(nb.load(path).dataobj)


@pytest.fixture
def study(work, rng):
    """Two layers of eight conditions with five images each, and a brain that holds both."""
    base = {name: rng.normal(size=(8, 3)) @ rng.normal(size=(3, 40)) for name in ("low", "high")}
    rows = {
        name: np.repeat(x, 5, axis=0) + 0.2 * rng.normal(size=(40, 40)) for name, x in base.items()
    }
    write_layers("layers.h5", {name: x.astype(np.float32) for name, x in rows.items()})
    table = pd.DataFrame({"stimulus": [f"{NAMES[i // 5]}/{i}.png" for i in range(40)]})
    table.to_csv("samples.tsv", sep="\t", index=False)
    layers = LayerRDM(features_file="layers.h5", samples_file="samples.tsv").run().outputs
    made = SimulateRepresentations(
        rdm_file=layers.rdm_file, n_subjects=1, n_runs=4, snr=3.0, shape=(10, 16, 12)
    ).run(cwd=str(work)).outputs  # fmt: skip
    return work, made


def fill(workflow, made):
    given = workflow.inputs.inputnode
    given.pattern_files, given.conditions = made.pattern_files[0], made.conditions
    given.runs, given.mask_file = made.runs, made.mask_file


def test_layers_are_found_where_they_were_planted(study):
    work, made = study
    options = {"radius": 6.0, "n_permutations": 200}
    workflow = init_layer_rsa_wf(searchlight_options=options)
    fill(workflow, made)
    workflow.inputs.inputnode.features_file = str(work / "layers.h5")
    workflow.inputs.inputnode.features_samples_file = str(work / "samples.tsv")
    found = run(workflow, work)
    assert found["rsa"].models == ["low", "high"]
    layer, areas = voxels(found["assign"].layer_map), voxels(made.area_map).astype(int)
    for number in (1, 2):
        own = layer[(areas == number) & np.isfinite(layer)]
        assert own.size > 0.8 * (areas == number).sum()
        assert (own == number).mean() > 0.8
    # Spheres at the borders of areas reach into silent voxels: far from them nothing is found.
    silent = (areas == 3) & (distance_transform_edt((areas != 1) & (areas != 2)) > 2)
    assert silent.sum() > 50
    assert np.isfinite(layer[silent]).mean() < 0.2


@pytest.mark.parametrize("distance", ["correlation", "crossnobis"])
def test_kept_rdms_change_nothing(study, distance):
    work, made = study
    results = {}
    for keep in (False, True):
        workflow = init_searchlight_rsa_wf(
            radius=6.0, distance=distance, n_permutations=50, keep_rdms=keep, name=f"keep{keep}"
        )
        fill(workflow, made)
        workflow.inputs.inputnode.model_files = [made.planted_rdm_file]
        results[keep] = run(workflow, work)
    one, other = (read_rsa(results[keep]["rsa"].rsa_file) for keep in (False, True))
    for name in ("value", "p", "q"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    kept = read_rdms(results[True]["rdm"].rdm_file)
    assert kept.conditions == NAMES and kept.distance == distance
    assert len(kept.dissimilarities) == one.value.shape[1]


def test_a_group_is_tested(work, rng):
    """Ten participants with similarity in one half of a box, and none in the other."""
    files = []
    for number in range(10):
        values = 0.1 * rng.normal(size=(6, 6, 6, 2))
        values[:3, ..., 0] += 0.5
        files.append(str(work / f"{number}.nii.gz"))
        nb.Nifti1Image(values.astype(np.float32), np.eye(4)).to_filename(files[-1])
    workflow = init_group_rsa_wf(maps=["face", "house"])
    workflow.inputs.inputnode.map_files = files
    found = run(workflow, work)["group"]
    best = voxels(found.layer_map)
    assert (best[:3] == 1).mean() > 0.95 and np.isnan(best[3:]).mean() > 0.95
    assert pd.read_csv(found.table_file, sep="\t")["map"].tolist() == ["face", "house"]


def test_images_become_layers_with_every_unit(work, rng):
    """Images in folders of their conditions, through a network, to dissimilarities and codes."""
    pytest.importorskip("torch")
    files = []
    for name in DIGITS_AND_OBJECTS:
        (work / name).mkdir()
        for number in range(2):
            files.append(str(work / name / f"{number}.npy"))
            np.save(files[-1], rng.random((16, 16)).astype(np.float32))
    workflow = init_layer_rsa_wf(
        stimuli="images", stimulus_options={"network": "small:tiny"},
        codes=["digit", "object"], searchlight=False,
    )  # fmt: skip
    workflow.inputs.inputnode.images = files
    found = run(workflow, work)
    layers = read_rdms(found["layers"].rdm_file)
    assert sorted(layers.conditions) == sorted(DIGITS_AND_OBJECTS)
    table = pd.read_csv(found["layers_and_codes"].table_file, sep="\t")
    assert set(table["model"]) == {"digit", "object"} and set(table["rdm"]) == set(layers.names)
    summary = json.loads(Path(found["features"].summary_file).read_text())
    assert all(layer["d"] == 1 for layer in summary["layers"])


def test_methods_cite_the_distance_and_the_comparison():
    text = describe(init_searchlight_rsa_wf(distance="crossnobis", method="whitened cosine"))
    assert "cross-validated squared Euclidean distances [@walther2016]" in text
    assert "(whitened cosine [@whitened_rdms])" in text
    plain = describe(init_searchlight_rsa_wf())
    assert "walther" not in plain and "(spearman) [" in plain
    assert "[@nichols_holmes]" in describe(init_group_rsa_wf())
    assert "nichols" not in describe(init_group_rsa_wf(method="voxel_shuffling", correction="none"))
