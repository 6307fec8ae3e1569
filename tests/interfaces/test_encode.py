"""RidgeEncode: its files hold what `ridge_encode` gives, at the right voxels and samples."""

import json
from pathlib import Path

import h5py
import nibabel as nb
import nipype.pipeline.engine as pe
import numpy as np
import pandas as pd
import pytest
from nipype import config
from support.images import write_image
from support.nested_ridge import simulate

from fmriprod.algorithms.array_backend import get_backend
from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.encode import ridge_encode
from fmriprod.algorithms.nested_ridge import RELATIVE_PENALTIES
from fmriprod.interfaces.encode import RidgeEncode
from fmriprod.interfaces.encoding_model import open_model
from fmriprod.interfaces.layer_file import layer_key, open_layers, write_layers
from fmriprod.interfaces.score_file import read_scores

PENALTIES = [0.5, 20.0, 800.0]
SIZES = (9, 8, 10, 9)
BAD = (3, 17)
SCORES = ("r2", "r", "fold_r2", "fold_r", "penalty")


@pytest.fixture
def study(work, rng):
    """Write a study of 30 voxels, two of them not usable; give the inputs and arrays."""
    wide, responses, groups = simulate(rng, SIZES, 60, 30)
    responses[4, BAD[0]], responses[:, BAD[1]] = np.nan, 2.0
    layers = {"conv1": wide[:, :7], "conv2": wide, "fc/3": rng.normal(size=(36, 12))}
    layers = {name: values.astype("f4") for name, values in layers.items()}
    write_layers("features.h5", layers)
    np.save("responses.npy", responses.astype("f4"))
    table = pd.DataFrame({"run": groups, "session": np.arange(36) % 3, "stimulus": range(36)})
    table.to_csv("samples.tsv", sep="\t", index=False)
    mask = np.zeros((5, 4, 3), np.uint8)
    mask.ravel()[rng.choice(60, 30, replace=False)] = 1
    write_image(work / "mask.nii.gz", mask, np.diag([-3.0, 3, 4, 1]))
    names = {"features_file": "features.h5", "responses_file": "responses.npy",
             "samples_file": "samples.tsv", "mask_file": "mask.nii.gz"}  # fmt: skip
    inputs = {name: str(work / file) for name, file in names.items()}
    return inputs, layers, responses.astype("f4"), groups, mask.astype(bool)


def run(inputs, **options):
    return RidgeEncode(**{**inputs, "penalties": PENALTIES, **options}).run().outputs


def direct(features, responses, groups, **options):
    options = {"penalties": PENALTIES, "backend": get_backend(n_threads=1), **options}
    return ridge_encode(features, responses, groups, **options)


def summary_of(out):
    return json.loads(Path(out.summary_file).read_text())


def same_scores(out, layers, responses, groups, **options):
    scores = read_scores(out.scores_file)
    for row, values in enumerate(layers):
        found = direct(values, responses, groups, **options)
        for name in SCORES:
            np.testing.assert_array_equal(getattr(scores, name)[row], getattr(found, name))
    return scores


def test_all_outputs_in_a_node(study):
    inputs, layers, responses, groups, mask = study
    node = pe.Node(
        RidgeEncode(
            **inputs, penalties=PENALTIES, save_model=True, save_weights=True,
            save_predictions=True,
        ),
        name="encode", base_dir="nodes",
    )  # fmt: skip
    out = node.run().outputs
    assert out.layers == ["conv1", "conv2", "fc/3"]
    scores = same_scores(out, layers.values(), responses, groups)
    assert scores.layers == out.layers and scores.folds == list(dict.fromkeys(groups))
    assert scores.penalties == PENALTIES and scores.penalty_units == [1.0] * 3
    usable = ~np.isin(np.arange(30), BAD)
    np.testing.assert_array_equal(scores.usable, usable)
    for name in ("r2", "r"):
        image = nb.load(getattr(out, f"{name}_map"))
        assert image.shape == (5, 4, 3, 3) and image.get_data_dtype() == np.float32
        np.testing.assert_array_equal(image.affine, np.diag([-3.0, 3, 4, 1]))
        volume = np.asarray(image.dataobj)
        np.testing.assert_array_equal(volume[mask].T, getattr(scores, name))
        assert (volume[~mask] == 0).all()
        assert (np.isnan(volume[mask]).all(axis=1) == ~usable).all()
    # What predicts is conv2; fc/3 has nothing to do with the responses.
    assert np.nanmean(scores.r[1]) > 0.2 > abs(np.nanmean(scores.r[2]))
    with (
        open_model(out.model_file) as model,
        open_layers(out.predictions_file) as predictions,
        h5py.File(out.weights_file) as file,
    ):
        weights = {name: file["layers"][layer_key(name)][:] for name in out.layers}
        assert model.layers == predictions.names == out.layers
        np.testing.assert_array_equal(model.usable, usable)
        for name, values in layers.items():
            found = direct(values, responses, groups, predictions=True, model=True)
            np.testing.assert_array_equal(predictions[name], found.predictions)
            answer = model.predict(name, values)
            np.testing.assert_allclose(answer[:, usable], found.model.predict(values), atol=1e-6)
            assert np.isnan(answer[:, ~usable]).all() and np.isnan(weights[name][:, ~usable]).all()
            assert weights[name].shape == (values.shape[1], 30)
            varies = answer[:, usable] - answer[:, usable].mean(axis=0)
            by_weights = (values - values.mean(axis=0)) @ weights[name][:, usable]
            np.testing.assert_allclose(by_weights, varies, atol=1e-3)


def test_the_summary_counts(study):
    inputs, *_ = study
    out = run(inputs)
    found, scores = summary_of(out), read_scores(out.scores_file)
    assert (found["n_samples"], found["n_voxels"]) == (36, 30)
    assert (found["n_usable"], found["n_left_out"]) == (28, 2)
    assert found["folds"] == scores.folds
    for row, layer in enumerate(found["layers"]):
        assert layer["name"] == out.layers[row] and layer["penalties"] == PENALTIES
        assert layer["form"] in ("primal", "dual")
        chosen = scores.penalty[row][:, scores.usable]
        assert layer["share_smallest"] == pytest.approx((chosen == 0.5).mean())
        assert layer["share_largest"] == pytest.approx((chosen == 800).mean())
        assert layer["median_r2"] == pytest.approx(np.nanmedian(scores.r2[row]))
        assert layer["largest_r2"] == pytest.approx(np.nanmax(scores.r2[row]))
        assert layer["largest_r"] == pytest.approx(np.nanmax(scores.r[row]))
    forced = summary_of(run(inputs, form="dual", layers=["conv1"]))
    assert [layer["form"] for layer in forced["layers"]] == ["dual"]


def test_what_is_not_asked_for_is_not_written(study, work):
    inputs, *_ = study
    del inputs["mask_file"]
    out = run(inputs)
    files = {path.name for path in work.iterdir()} - {Path(f).name for f in inputs.values()}
    assert files == {"mask.nii.gz", "scores.h5", "summary.json"}
    assert set(out.get()) > {"model_file", "r2_map"} and "model.h5" not in str(out)


def test_the_same_inputs_give_the_same_bytes_with_any_threads(study, work):
    inputs, *_ = study
    asked = {"save_model": True, "save_weights": True, "save_predictions": True}
    files = ("scores_file", "r2_map", "r_map", "model_file", "predictions_file", "weights_file",
             "summary_file")  # fmt: skip

    def contents(name, **options):
        node = pe.Node(
            RidgeEncode(**inputs, penalties=PENALTIES, **asked, **options), name=name,
            base_dir=str(work / "nodes"),
        )  # fmt: skip
        out = node.run().outputs
        return {name: Path(getattr(out, name)).read_bytes() for name in files}

    first = contents("one")
    assert contents("two") == first
    assert contents("threads", num_threads=2) == first


def test_a_node_is_not_run_again_for_threads_and_memory(study, work):
    inputs, *_ = study
    config.set("execution", "hash_method", "content")
    hashes = [
        RidgeEncode(**inputs, penalties=PENALTIES, **options).inputs.get_hashval("content")[1]
        for options in ({}, {"memory_mb": 10.0, "num_threads": 3}, {"criterion": "mse"})
    ]
    assert hashes[0] == hashes[1] != hashes[2]


@pytest.mark.parametrize(
    "options",
    [
        {"standardize": True}, {"shared_penalty": True}, {"criterion": "mse"}, {"form": "dual"},
        {"form": "primal"}, {"penalties": [3.0]},
    ],
    ids=str,
)  # fmt: skip
def test_options_reach_the_kernel(study, options):
    inputs, layers, responses, groups, _ = study
    out = run(inputs, **options)
    same_scores(out, layers.values(), responses, groups, **options)


def test_precision_backend_and_memory_reach_the_kernel(study):
    pytest.importorskip("torch")
    inputs, layers, responses, groups, _ = study
    out = run(inputs, precision="float64")
    same_scores(
        out, layers.values(), responses, groups, backend=get_backend(dtype="float64", n_threads=1)
    )
    for options in ({"backend": "torch"}, {"memory_mb": 1.0}):
        other = read_scores(run(inputs, **options).scores_file)
        np.testing.assert_allclose(other.fold_r2, read_scores(out.scores_file).fold_r2, atol=1e-4)


def test_penalties_that_are_not_given_have_a_unit_for_each_layer(study):
    inputs, layers, *_ = study
    out = RidgeEncode(**inputs).run().outputs
    scores, summary = read_scores(out.scores_file), summary_of(out)
    np.testing.assert_allclose(scores.penalties, RELATIVE_PENALTIES, rtol=1e-6)
    for row, values in enumerate(layers.values()):
        length = ((values - values.mean(axis=0)) ** 2).sum(axis=1).mean()
        assert scores.penalty_units[row] == pytest.approx(length, rel=1e-4)
        tried = summary["layers"][row]["penalties"]
        np.testing.assert_allclose(tried, length * np.array(RELATIVE_PENALTIES), rtol=1e-4)
        chosen = scores.penalty[row][:, scores.usable]
        assert np.isclose(chosen[..., None], tried, rtol=1e-4).any(axis=-1).all()


def test_layers_are_selected_in_the_order_asked_for(study):
    inputs, layers, responses, groups, _ = study
    out = run(inputs, layers=["fc/3", "conv1"])
    assert out.layers == read_scores(out.scores_file).layers == ["fc/3", "conv1"]
    same_scores(out, [layers["fc/3"], layers["conv1"]], responses, groups)
    assert nb.load(out.r2_map).shape[3] == 2


def test_groups_are_a_column_of_the_samples(study):
    inputs, layers, responses, *_ = study
    out = run(inputs, groups="session")
    scores = same_scores(out, layers.values(), responses, np.arange(36) % 3)
    assert scores.folds == ["0", "1", "2"]


@pytest.mark.parametrize("keys", [["stimulus"], ["run", "volume"]], ids="+".join)
def test_features_are_found_by_their_samples(study, rng, keys):
    """Images that are shown twice, in another order than that of the features."""
    inputs, layers, responses, groups, _ = study
    rows = rng.integers(0, 20, 36)  # features of 24 samples, some of them shown often
    order = rng.permutation(24)
    features = {name: values[:24] for name, values in layers.items()}
    write_layers("features.h5", {name: values[order] for name, values in features.items()})
    known = pd.DataFrame({"stimulus": [f"{i}.png" for i in range(24)], "run": "1"})
    known["volume"] = np.arange(24)
    samples = known.iloc[rows].assign(session=groups)
    if keys == ["stimulus"]:
        known = known[["stimulus"]]
    known.iloc[order].to_csv("shown.tsv", sep="\t", index=False)
    samples.to_csv("samples.tsv", sep="\t", index=False)
    out = run(inputs, features_samples_file=str(Path("shown.tsv").absolute()), groups="session")
    same_scores(out, [values[rows] for values in features.values()], responses, groups)


def test_as_many_features_in_another_order_are_found_too(study, rng):
    inputs, layers, responses, groups, _ = study
    order = np.roll(np.arange(36), 5)
    write_layers("features.h5", {name: values[order] for name, values in layers.items()})
    pd.DataFrame({"stimulus": order}).to_csv("shown.tsv", sep="\t", index=False)
    out = run(inputs, features_samples_file=str(Path("shown.tsv").absolute()))
    same_scores(out, layers.values(), responses, groups)


# What cannot be used.


def refused(inputs, **options):
    with pytest.raises(InputError) as info:
        run(inputs, **options)
    assert info.value.interface == "RidgeEncode"
    assert not list(Path.cwd().glob(".writing*"))
    return str(info.value)


def test_lengths_that_differ_are_refused(study):
    inputs, _, responses, *_ = study
    np.save("responses.npy", responses[:-1])
    text = refused(inputs)
    assert "samples.tsv" in text and "35 rows, as the responses have" in text
    assert "found:    36" in text
    pd.read_csv("samples.tsv", sep="\t").iloc[:-1].to_csv("samples.tsv", sep="\t", index=False)
    text = refused(inputs)
    assert "features.h5" in text and "35 samples, as the responses have" in text
    assert "found:    36" in text and "give features_samples_file" in text


@pytest.mark.parametrize("form", ["primal", "dual"])
@pytest.mark.parametrize("standardize", [False, True])
def test_a_feature_that_is_not_finite_is_named(study, form, standardize):
    inputs, layers, *_ = study
    layers["conv2"][5, 41] = np.nan
    write_layers("features.h5", layers)
    text = refused(inputs, form=form, standardize=standardize)
    assert "features.h5" in text and "column 41 (counted from 0)" in text
    assert "leave these features out" in text


def test_groups_that_cannot_be_left_out_are_refused(study):
    inputs, *_ = study
    samples = pd.read_csv("samples.tsv", sep="\t")

    def with_runs(runs):
        samples.assign(run=runs).to_csv("samples.tsv", sep="\t", index=False, na_rep="n/a")
        return refused(inputs)

    text = with_runs("1")
    assert "at least 3 groups (sessions or runs)" in text and "1: 1" in text
    assert "2: 0, 1" in with_runs(np.arange(36) % 2)
    assert "2 samples in each group" in with_runs([0] + [1] * 15 + [2] * 20)
    assert "missing labels" in with_runs([np.nan] * 6 + [1] * 10 + [2] * 10 + [3] * 10)
    assert "finer groups" in text


def test_a_column_of_groups_that_does_not_exist_is_suggested(study):
    inputs, *_ = study
    text = refused(inputs, groups="sesion")
    assert "a column of samples_file" in text and "did you mean 'session'?" in text


@pytest.mark.parametrize("penalty", [0.0, -3.0, np.nan, np.inf])
def test_penalties_that_are_not_above_0_are_refused(study, penalty):
    inputs, *_ = study
    text = refused(inputs, penalties=[1.0, penalty])
    assert "penalties" in text and "positive numbers" in text and f"{penalty}" in text


def test_penalties_that_are_no_numbers_are_no_inputs(study):
    with pytest.raises(Exception, match="penalties"):
        RidgeEncode(**study[0], penalties=["ten"])
    assert "found:    []" in refused(study[0], penalties=[])


def test_a_layer_that_does_not_exist_is_suggested(study):
    text = refused(study[0], layers=["conv1", "cnov2"])
    assert "features.h5" in text and "did you mean 'conv2'? known: conv1, conv2, fc/3" in text
    text = refused(study[0], layers=["conv1", "conv1"])
    assert "each layer once" in text and "conv1, conv1" in text


def test_voxels_none_of_which_vary_are_refused(study):
    inputs, *_ = study
    np.save("responses.npy", np.ones((36, 30), "f4"))
    text = refused(inputs)
    assert "responses.npy" in text and "varies in every group" in text and "none of 30" in text


def test_masks_that_do_not_fit_are_refused(study, work):
    inputs, _, _, _, mask = study
    write_image(work / "mask.nii.gz", np.zeros((5, 4, 3), np.uint8))
    text = refused(inputs)
    assert "mask.nii.gz" in text and "no voxel is set" in text
    fewer = mask.astype(np.uint8)
    fewer[tuple(np.argwhere(mask)[0])] = 0
    write_image(work / "mask.nii.gz", fewer)
    text = refused(inputs)
    assert "mask.nii.gz" in text and "30 voxels" in text and "found:    29" in text
    write_image(work / "mask.nii.gz", np.ones((5, 4, 3, 2), np.uint8))
    assert "3 dimensions" in refused(inputs)


def test_damaged_files_are_refused(study, work):
    inputs, *_ = study
    whole = {name: Path(path).read_bytes() for name, path in inputs.items()}
    for name, found in (
        ("features_file", "truncated"), ("responses_file", "matrix of numbers, samples x voxels"),
        ("mask_file", "damaged"), ("samples_file", "tab-separated table"),
    ):  # fmt: skip
        content = b"" if name == "samples_file" else whole[name][: len(whole[name]) // 2]
        Path(inputs[name]).write_bytes(content)
        text = refused(inputs)
        assert found in text and Path(inputs[name]).name in text
        Path(inputs[name]).write_bytes(whole[name])
    run(inputs)


def test_a_failure_half_way_leaves_no_file_behind(study, work):
    inputs, layers, *_ = study
    layers["fc/3"][0, 0] = np.nan  # after two layers that are written
    write_layers("features.h5", layers)
    refused(inputs, save_model=True, save_weights=True, save_predictions=True)
    assert not {"model.h5", "weights.h5", "predictions.h5", "scores.h5"} & {
        path.name for path in work.iterdir()
    }


def test_a_device_without_its_library_is_refused(study):
    text = refused(study[0], device="cuda")
    assert "with the backend numpy" in text and "backend='torch'" in text
