"""From runs and what was shown in them to receptive fields, through the whole graph."""

import json
from pathlib import Path

import nibabel as nb
import nipype.pipeline.engine as pe
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LassoLarsCV
from sklearn.preprocessing import StandardScaler
from support.graphs import run_inside

from fmriprod.interfaces.layer_file import LayerWriter, open_layers
from fmriprod.interfaces.simulate_miyawaki import SimulateMiyawaki
from fmriprod.workflows.describe import describe
from fmriprod.workflows.receptive_field import init_receptive_field_wf
from fmriprod.workflows.responses import init_responses_wf
from fmriprod.workflows.stimulus_features import init_stimulus_features_wf

TINY = {"n_figure_runs": 0, "n_random_runs": 6, "n_blocks": 12, "n_voxels": 120, "snr": 3.0}
INPUTS = ("features_file", "responses_file", "samples_file")
FIELDS = ["fields_file", "voxels_file", "scaling_file", "r2_map", "penalty_map", "size_map",
          "summary_file", "figure"]  # fmt: skip


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return SimulateMiyawaki(**TINY).run(cwd=str(tmp_path_factory.mktemp("study"))).outputs


@pytest.fixture(scope="module")
def samples(study, tmp_path_factory):
    """Responses, and what was shown, as the workflows make them."""
    shown = init_stimulus_features_wf(stimuli="labels", shift=2)
    shown.inputs.inputnode.label_files = study.label_files
    seen = init_responses_wf(shift=2)
    seen.inputs.inputnode.trait_set(bold_files=study.func_files, mask_file=study.mask_file)
    folder = tmp_path_factory.mktemp("samples")
    features = run_inside(shown, folder / "shown", ["features_file", "samples_file"])
    responses = run_inside(seen, folder / "seen", ["responses_file", "samples_file"])
    return {"features_file": features["features_file"], **responses}


def find_fields(study, samples, folder, fields=FIELDS, **options):
    workflow = init_receptive_field_wf(simulated=True, **options)
    workflow.inputs.inputnode.trait_set(mask_file=study.mask_file, **samples)
    return run_inside(workflow, folder, fields)


@pytest.fixture(scope="module")
def found(study, samples, tmp_path_factory):
    folder = tmp_path_factory.mktemp("fields")
    return find_fields(study, samples, folder, stimulus_shape=(10, 10), n_drawn=4)


def centres(fields):
    weight = np.maximum(fields, 0).reshape(len(fields), 10, 10)
    total = weight.sum(axis=(1, 2))
    return np.einsum("vij,aij->va", weight, np.indices((10, 10))) / total[:, None]


def test_fields_lie_where_they_were_planted(study, found):
    truth = pd.read_csv(study.truth_file, sep="\t")
    table = pd.read_csv(found["voxels_file"], sep="\t")
    known = ((truth["seen"] > 0.9) & (table["r2"] > 0.1)).to_numpy()
    assert known.sum() > 0.9 * (truth["seen"] > 0.9).sum() > 30
    planted = centres(np.load(study.fields_file)[known])
    error = np.linalg.norm(centres(np.load(found["fields_file"])[known]) - planted, axis=1)
    others = np.linalg.norm(np.roll(planted, 7, axis=0) - planted, axis=1)
    assert np.median(error) < 0.5 and np.percentile(error, 90) < 1.2
    assert np.median(others) > 2


def test_fields_are_those_of_scikit_learn(samples, found):
    with open_layers(samples["features_file"]) as layers:
        pixels = StandardScaler().fit_transform(layers["pixels"].astype(float))
    responses = np.load(samples["responses_file"]).astype(float)
    fields = np.load(found["fields_file"])
    best = np.argsort(pd.read_csv(found["voxels_file"], sep="\t")["r2"].to_numpy())[::-30]
    for voxel in best:
        expected = LassoLarsCV(max_iter=10).fit(pixels, responses[:, voxel]).coef_
        np.testing.assert_allclose(fields[voxel], expected, atol=1e-5)
    assert np.abs(fields[best[0]]).max() > 0.1


def test_every_output_arrives_and_maps_hold_the_table(study, found):
    assert all(Path(path).is_file() for path in found.values())
    inside = nb.load(study.mask_file).get_fdata() > 0
    table = pd.read_csv(found["voxels_file"], sep="\t")
    for name, column in (("r2_map", "r2"), ("penalty_map", "penalty"), ("size_map", "size")):
        values = nb.load(found[name]).get_fdata()[inside]
        np.testing.assert_allclose(values, table[column], rtol=1e-5)
    assert json.loads(Path(found["summary_file"]).read_text())["n_voxels"] == 120


def test_rows_in_another_order_are_found_by_their_samples(study, samples, found, work, rng):
    table = pd.read_csv(samples["samples_file"], sep="\t")
    order = rng.permutation(len(table))
    table.iloc[order].to_csv("shown.tsv", sep="\t", index=False)
    with open_layers(samples["features_file"]) as layers, LayerWriter(work / "p.h5") as writer:
        writer.append("pixels", layers["pixels"][order])
    turned = samples | {
        "features_file": str(work / "p.h5"), "features_samples_file": str(work / "shown.tsv"),
    }  # fmt: skip
    again = find_fields(study, turned, work, ["fields_file"])
    np.testing.assert_allclose(
        np.load(again["fields_file"]), np.load(found["fields_file"]), atol=1e-6
    )


def test_runs_are_left_out_and_no_figure_is_made_without_a_shape(study, samples, work):
    workflow = init_receptive_field_wf(groups="run")
    workflow.inputs.inputnode.trait_set(mask_file=study.mask_file, **samples)
    workflow.base_dir = str(work)
    node = next(n for n in workflow.run().nodes if n.name == "receptive_field")
    assert len(json.loads(Path(node.result.outputs.summary_file).read_text())["folds"]) == 6
    assert not list(work.rglob("*.png"))
    assert "leaving out each run in turn" in describe(workflow)
    assert "5-fold cross-validation" in describe(init_receptive_field_wf())


def test_the_workflow_takes_voxels_from_another_step(study, samples, work):
    """Inputs of the step that the builder has no option for are set, or connected, in it."""
    workflow = init_receptive_field_wf(stimulus_shape=(10, 10))
    workflow.inputs.receptive_field.voxels = [3, 5]
    workflow.inputs.inputnode.trait_set(mask_file=study.mask_file, **samples)
    assert isinstance(workflow, pe.Workflow)
    assert Path(run_inside(workflow, work, ["figure"])["figure"]).is_file()
