import json
from pathlib import Path

import nibabel as nb
import nipype.pipeline.engine as pe
import numpy as np
import pandas as pd
import pytest

from fmriprod.algorithms.array_backend import get_backend
from fmriprod.algorithms.banded_ridge import banded_encode
from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.banded_encode import BandedRidgeEncode
from fmriprod.interfaces.banded_file import read_banded
from fmriprod.interfaces.layer_file import write_layers
from fmriprod.interfaces.masked_scores import read_masked_scores
from fmriprod.interfaces.score_file import read_scores

AFFINE = np.diag([-3.0, 3, 3.5, 1])
OPTIONS = {"penalties": [0.01, 1.0, 100.0], "n_candidates": 4}
N = 48


@pytest.fixture
def data(rng):
    spaces = {
        "pixels": 100 * rng.normal(size=(N, 6)),
        "gabor": rng.normal(size=(N, 30)),
        "words": 0.01 * rng.normal(size=(N, 3)),
    }
    spaces = {name: x.astype(np.float32) for name, x in spaces.items()}
    responses = rng.normal(size=(N, 40))
    responses[:, :20] += spaces["pixels"] @ rng.normal(size=(6, 20)) / 100
    responses[:, 20:] += spaces["words"] @ rng.normal(size=(3, 20)) * 100
    responses[3, 5], responses[:, 9] = np.nan, 1
    return spaces, responses.astype(np.float32), np.repeat(["a", "b", "c", "d"], N // 4)


@pytest.fixture
def files(work, data):
    spaces, responses, groups = data
    write_layers("features.h5", spaces)
    np.save("responses.npy", responses)
    table = pd.DataFrame({"run": groups, "stimulus": [f"image{i}" for i in range(N)]})
    table.to_csv("samples.tsv", sep="\t", index=False)
    mask = np.zeros((5, 4, 3), np.uint8)
    mask.ravel()[7:47] = 1
    for name, chosen in (("mask", slice(0, 40)), ("front", slice(0, 20)), ("back", slice(20, 40))):
        image = np.zeros_like(mask)
        image.ravel()[np.flatnonzero(mask)[chosen]] = 1
        nb.Nifti1Image(image, AFFINE).to_filename(f"{name}.nii.gz")
    names = {"features": "h5", "responses": "npy", "samples": "tsv", "mask": "nii.gz"}
    return {f"{name}_file": str(work / f"{name}.{kind}") for name, kind in names.items()}


def run(inputs, **options):
    return BandedRidgeEncode(**inputs, **(OPTIONS | options)).run().outputs


def refused(inputs, **options):
    with pytest.raises(InputError) as info:
        run(inputs, **options)
    assert info.value.interface == "BandedRidgeEncode"
    return info.value


def test_files_hold_what_the_arrays_give(files, data):
    spaces, responses, groups = data
    out = run(files, unique=True, seed=3, concentrations=[0.5])
    expected = banded_encode(
        spaces, responses, groups, OPTIONS["penalties"], n_candidates=4, seed=3,
        concentrations=[0.5], unique=True, backend=get_backend(n_threads=1),
    )  # fmt: skip
    found = read_banded(out.scores_file)
    for name in ("r2", "r", "fold_r2", "fold_r", "penalty", "split", "fold_split", "level_r2",
                 "candidate", "inner", "unique", "gamma", "units", "usable"):  # fmt: skip
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name), err_msg=name)
    assert found.spaces == expected.spaces == tuple(out.spaces) == ("pixels", "gabor", "words")
    assert found.folds == ("a", "b", "c", "d")
    mask = nb.load(files["mask_file"]).get_fdata() > 0
    maps = {"r2": expected.r2, "r": expected.r, "split": expected.split,
            "unique": expected.unique, "weight": expected.gamma.mean(axis=1)}  # fmt: skip
    for name, values in maps.items():
        image = nb.load(getattr(out, f"{name}_map"))
        np.testing.assert_allclose(image.affine, AFFINE)
        np.testing.assert_array_equal(image.get_fdata()[mask].T, values)
        assert (image.get_fdata()[~mask] == 0).all()
    assert nb.load(out.r2_map).ndim == 3 and nb.load(out.split_map).shape == (5, 4, 3, 3)


def test_scores_read_as_those_of_one_layer(files):
    out = run(files)
    scores = read_scores(out.scores_file)
    assert scores.layers == ["all"] and scores.penalties == OPTIONS["penalties"]
    assert set(np.unique(scores.penalty[:, :, scores.usable])) <= set(np.float32(scores.penalties))
    masked = read_masked_scores(out.scores_file, files["mask_file"])
    assert masked.usable.sum() == 38


def test_regions_and_summary_tell_the_planted_spaces(files, work):
    regions = [str(work / f"{name}.nii.gz") for name in ("front", "back")]
    out = run(files, roi_files=regions, n_candidates=10)
    table = pd.read_csv(out.table_file, sep="\t").pivot(index="roi", columns="space")
    assert table["split"].loc["front"].idxmax() == "pixels"
    assert table["split"].loc["back"].idxmax() == "words"
    assert table["n_voxels"].loc["front", "gabor"] == 18
    summary = json.loads(Path(out.summary_file).read_text())
    assert (summary["n_samples"], summary["n_voxels"]) == (N, 40)
    assert (summary["n_usable"], summary["n_left_out"]) == (38, 2)
    assert summary["n_candidates"] == 1 + 3 + 10
    most = {space["name"]: space["n_most"] for space in summary["spaces"]}
    assert most["pixels"] >= 15 and most["words"] >= 17 and sum(most.values()) == 38
    assert summary["spaces"][0]["mean_squared_length"] == pytest.approx(6e4, rel=0.2)
    assert summary["settings"]["seed"] == 0
    assert 0 <= summary["share_equal_weights"] < 0.5
    named = run(files, roi_files=regions, roi_names=["V1", "LOC"])
    assert set(pd.read_csv(named.table_file, sep="\t")["roi"]) == {"V1", "LOC"}


def test_in_a_node_the_same_inputs_give_the_same_bytes(files, work):
    contents = []
    for threads in (1, 2):
        node = pe.Node(BandedRidgeEncode(**files, **OPTIONS), f"step{threads}", base_dir=str(work))
        node.inputs.trait_set(num_threads=threads, unique=True, simulated=True)
        out = node.run().outputs
        paths = [out.scores_file, out.r2_map, out.r_map, out.split_map, out.weight_map,
                 out.unique_map, out.table_file, out.summary_file, out.figure_file]  # fmt: skip
        contents.append([Path(path).read_bytes() for path in paths])
    assert contents[0] == contents[1]


def test_without_a_mask_there_are_no_maps_and_layers_are_chosen(files):
    inputs = {name: path for name, path in files.items() if name != "mask_file"}
    out = run(inputs, layers=["words", "pixels"])
    assert out.spaces == ["words", "pixels"]
    assert not any(str(getattr(out, f"{n}_map")).endswith("gz") for n in ("r2", "split", "weight"))
    assert read_banded(out.scores_file).unique is None


def test_rows_of_features_are_found_by_stimulus(files, data, work, rng):
    spaces, *_ = data
    expected = read_banded(run(files).scores_file)
    order = rng.permutation(N)
    write_layers("shuffled.h5", {name: x[order] for name, x in spaces.items()})
    table = pd.DataFrame({"stimulus": [f"image{i}" for i in order]})
    table.to_csv("shown.tsv", sep="\t", index=False)
    shuffled = {"features_file": str(work / "shuffled.h5")}
    found = run(files | shuffled, features_samples_file=str(work / "shown.tsv"))
    np.testing.assert_array_equal(read_banded(found.scores_file).r2, expected.r2)


def test_what_banded_ridge_cannot_do_is_refused(files):
    error = refused(files, standardize=True)
    assert error.subject == "standardize" and error.found == "True"
    assert error.expected == "False, with several feature spaces"
    error = refused(files, form="primal")
    assert (error.found, error.hint) == ("primal", "leave it out")
    assert error.expected.startswith("auto or dual")


def test_bad_input_names_the_file(files, work, data):
    spaces, *_ = data
    write_layers("flat.h5", spaces | {"words": np.ones((N, 3), np.float32)})
    error = refused(files | {"features_file": str(work / "flat.h5")})
    assert error.found == "space 'words': all 3 features are constant"
    assert error.file.endswith("flat.h5")
    error = refused(files, penalties=[0.0])
    assert error.expected == "positive numbers"
    error = refused(files, concentrations=[-1.0])
    assert error.subject == "concentrations"
    error = refused(files, layers=["pixels", "wrods"])
    assert "'words'" in error.hint
    names = {"roi_files": [files["mask_file"]] * 2}
    assert refused(files, **names).expected == "a name of its own for each of 2 roi_files"
    empty = np.zeros((5, 4, 3), np.uint8)
    empty[0, 0, 0] = 1
    nb.Nifti1Image(empty, AFFINE).to_filename("outside.nii.gz")
    error = refused(files, roi_files=[str(work / "outside.nii.gz")])
    assert error.expected == "a region 'outside' with voxels of mask_file"
    assert error.file.endswith("outside.nii.gz")


def test_a_file_that_is_none_is_refused(files, work):
    from fmriprod.interfaces.score_file import write_scores

    scores = read_scores(run(files).scores_file)
    write_scores("ridge.h5", scores)
    for path in ("ridge.h5", files["samples_file"]):
        with pytest.raises(InputError) as info:
            read_banded(path)
        assert info.value.file == path and info.value.subject == "scores_file"
    with pytest.raises(InputError, match="as BandedRidgeEncode writes it"):
        read_banded("ridge.h5")
