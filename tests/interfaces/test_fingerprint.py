import json
from pathlib import Path

import nibabel as nb
import nipype.pipeline.engine as pe
import numpy as np
import pandas as pd
import pytest
from scipy.ndimage import gaussian_filter
from support.layer_scores import AFFINE, LAYERS, SHAPE, keep_layers, save, write_simulated

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.fingerprint import ScoreFingerprint
from fmriprod.interfaces.score_file import read_scores, write_scores

UNUSABLE = (5, 100)


@pytest.fixture
def files(work, rng):
    return write_simulated(work, rng, UNUSABLE)


@pytest.fixture
def simulated(files, monkeypatch):
    """Files for what does not look at figures, which take most of the time."""
    monkeypatch.setattr(ScoreFingerprint, "_draw", lambda *_: None)
    return files


def run(inputs, **options):
    return ScoreFingerprint(**inputs, **options).run().outputs


def refused(inputs, **options):
    with pytest.raises(InputError) as info:
        run(inputs, **options)
    assert info.value.interface == "ScoreFingerprint"
    return info.value


def test_maps_are_where_the_layers_were_planted(simulated):
    inputs, mask, r2, _, best = simulated
    out = run(inputs)
    maps = {name: nb.load(getattr(out, f"{name}_map")) for name in ("winner", "margin", "slope")}
    usable = np.isfinite(r2).all(axis=0)
    for image in maps.values():
        np.testing.assert_allclose(image.affine, AFFINE)
        data = image.get_fdata()
        assert image.get_data_dtype() == np.float32
        assert (data[~mask] == 0).all()
        assert (np.isnan(data[mask]) == ~usable).all()
    winner = maps["winner"].get_fdata()[mask][usable]
    assert (winner == best[usable]).mean() > 0.95
    weight = np.zeros(SHAPE)
    weight[mask] = usable
    smoothed = np.zeros((len(LAYERS), *SHAPE))
    smoothed[:, mask] = np.nan_to_num(r2)
    smoothed = [gaussian_filter(layer, 1) / gaussian_filter(weight, 1) for layer in smoothed]
    ranked = np.sort([layer[mask][usable] for layer in smoothed], axis=0)
    found = maps["margin"].get_fdata()[mask][usable]
    np.testing.assert_allclose(found, ranked[-1] - ranked[-2], atol=1e-6)
    shares = np.maximum(r2, 0) / np.maximum(r2, 0).sum(axis=0)
    np.testing.assert_allclose(np.load(out.voxel_profiles_file), shares, rtol=1e-5)
    slope = maps["slope"].get_fdata()[mask]
    np.testing.assert_allclose(slope, np.linspace(-1, 1, 5) @ shares, atol=1e-6)
    assert np.corrcoef(slope[usable], best[usable])[0, 1] > 0.95


def test_regions_have_the_profiles_of_their_best_voxels(simulated, work):
    inputs, mask, r2, _, best = simulated
    files = []
    for number in (1, 5):
        region = mask.copy()
        region[mask] = best == number
        files.append(save(work, f"area{number}", region))
    out = run(inputs, roi_files=files, n_bootstrap=200)
    table = pd.read_csv(out.profile_file, sep="\t")
    assert list(table) == [
        "roi", "layer", "value", "low", "high", "n_voxels", "fold_low", "fold_high", "n_best",
        "score",
    ]  # fmt: skip
    assert list(table["roi"].unique()) == ["area1", "area5"]
    for name, number in (("area1", 1), ("area5", 5)):
        part = table[table["roi"] == name]
        own = r2[:, (best == number) & np.isfinite(r2).all(axis=0)]
        top = own[:, np.argsort(-own.max(axis=0))[: int(np.ceil(own.shape[1] / 4))]].mean(axis=1)
        assert list(part["layer"]) == LAYERS
        np.testing.assert_allclose(part["value"], top / top.max(), rtol=1e-5)
        np.testing.assert_allclose(part["score"], top, rtol=1e-5)
        assert (part["n_voxels"] == own.shape[1]).all()
        for low, high in (("low", "high"), ("fold_low", "fold_high")):
            assert ((part[low] <= part["value"]) & (part["value"] <= part[high])).all()
    summary = json.loads(Path(out.summary_file).read_text())
    assert summary["regions"]["area1"]["peak_layer"] == "conv1"
    assert summary["regions"]["area5"]["peak_layer"] == "fc5"


def test_summary_counts_voxels_and_judges_the_trend(simulated):
    inputs, mask, *_ = simulated
    out = run(inputs, n_bootstrap=0)
    summary = json.loads(Path(out.summary_file).read_text())
    assert summary["n_voxels"] == mask.sum()
    assert summary["n_usable"] == summary["n_kept"] == mask.sum() - len(UNUSABLE)
    winner = nb.load(out.winner_map).get_fdata()
    counts = {name: int((winner == i + 1).sum()) for i, name in enumerate(LAYERS)}
    assert summary["n_voxels_by_best_layer"] == counts
    component = summary["component_of_profiles"]
    assert component["share_of_variance"] > 0.8 and component["correlation_with_trend"] > 0.95
    assert list(summary["regions"]) == ["all"]
    assert pd.read_csv(out.profile_file, sep="\t")["low"].isna().all()


def test_a_selection_says_what_is_shown_but_smoothing_sees_all(simulated, work):
    inputs, mask, r2, _, best = simulated
    chosen = mask.copy()
    chosen[mask] = best <= 2
    selected = run(inputs, selection_file=save(work, "chosen", chosen), score="r")
    winner = nb.load(selected.winner_map).get_fdata()[mask]
    margin = nb.load(selected.margin_map).get_fdata()[mask]
    profiles = np.load(selected.voxel_profiles_file)
    summary = json.loads(Path(selected.summary_file).read_text())
    everything = run(inputs, score="r")
    kept = (best <= 2) & np.isfinite(r2).all(axis=0)
    assert (np.isfinite(winner) == kept).all()
    assert (np.isfinite(profiles).all(axis=0) == kept).all()
    whole = nb.load(everything.margin_map).get_fdata()[mask]
    np.testing.assert_array_equal(margin[kept], whole[kept])
    assert summary["n_kept"] == kept.sum()


def test_a_region_without_a_selected_voxel_is_said_to_have_none(simulated, work):
    inputs, mask, _, _, best = simulated
    first, last = mask.copy(), mask.copy()
    first[mask], last[mask] = best == 1, best == 5
    out = run(
        inputs, selection_file=save(work, "first", first), roi_names=["V1", "LOC"],
        roi_files=[save(work, "first", first), save(work, "last", last)],
    )  # fmt: skip
    table = pd.read_csv(out.profile_file, sep="\t").set_index("roi")
    assert (table.loc["LOC", "n_voxels"] == 0).all() and table.loc["LOC", "value"].isna().all()
    assert np.isfinite(table.loc["V1", "value"]).all()
    assert json.loads(Path(out.summary_file).read_text())["regions"]["LOC"]["peak_layer"] is None


def test_in_a_node_the_same_inputs_give_the_same_bytes_with_any_threads(files, work):
    inputs, mask, *_ = files
    background = save(work, "background", mask * np.float32(100))
    contents = []
    for threads in (1, 2):
        node = pe.Node(ScoreFingerprint(**inputs), f"step{threads}", base_dir=str(work))
        node.inputs.trait_set(num_threads=threads, background_file=background, simulated=True)
        out = node.run().outputs
        assert out.figure_names == ["fingerprints", "winner", "slope"]
        files = [out.winner_map, out.margin_map, out.slope_map, out.profile_file,
                 out.summary_file, out.voxel_profiles_file, *out.figures]  # fmt: skip
        contents.append([Path(path).read_bytes() for path in files])
    assert contents[0] == contents[1]


def test_masks_of_other_voxels_or_grids_are_refused(simulated, work):
    inputs, mask, *_ = simulated
    smaller = mask.copy()
    smaller[tuple(np.argwhere(mask)[0])] = False
    error = refused(inputs | {"mask_file": save(work, "smaller", smaller)})
    assert error.expected == f"{mask.sum()} voxels, as many as {inputs['scores_file']} has"
    assert error.found == str(mask.sum() - 1) and error.file.endswith("smaller.nii.gz")
    moved = AFFINE.copy()
    moved[0, 3] += 3
    other = save(work, "moved", mask, moved)
    background = save(work, "ground", mask.astype(np.float32), moved)
    for options in ({"selection_file": other}, {"roi_files": [other]},
                    {"background_file": background}):  # fmt: skip
        error = refused(inputs, **options)
        assert error.found.startswith("an affine that differs by up to 3 mm")


def test_nothing_to_keep_is_refused(simulated, work, rng):
    inputs, mask, *_ = simulated
    outside = save(work, "outside", ~mask)
    error = refused(inputs, selection_file=outside)
    assert error.expected == "a voxel that mask_file has too and that is usable"
    assert error.file == outside
    error = refused(inputs, roi_files=[outside])
    assert error.expected == "a region 'outside' with voxels of mask_file"
    inputs, *_ = write_simulated(work, rng, range(mask.sum()))
    error = refused(inputs)
    assert error.found == f"none among {mask.sum()}" and error.file == inputs["scores_file"]


def test_names_of_regions_have_to_fit(simulated, work):
    inputs, mask, *_ = simulated
    files = [save(work, name, mask) for name in ("a", "b")]
    for names in (["V1"], ["V1", "V1"]):
        error = refused(inputs, roi_files=files, roi_names=names)
        assert error.subject == "roi_names" and error.found == ", ".join(names)
        assert error.expected == "a name of its own for each of 2 roi_files"


def test_a_voxel_that_is_marked_as_not_usable_is_left_out_whatever_its_score(simulated, work):
    inputs, mask, *_ = simulated
    scores = read_scores(inputs["scores_file"])
    scores.r2[:, list(UNUSABLE)] = 0.9
    write_scores("filled.h5", scores)
    filled = nb.load(run(inputs | {"scores_file": str(work / "filled.h5")}).winner_map).get_fdata()
    assert np.isnan(filled[mask][list(UNUSABLE)]).all()
    plain = nb.load(run(inputs).winner_map).get_fdata()
    np.testing.assert_array_equal(filled, plain)


def test_files_that_are_no_scores_or_have_one_layer_are_refused(simulated, work):
    inputs, *_ = simulated
    Path("no.h5").write_text("nothing")
    error = refused(inputs | {"scores_file": str(work / "no.h5")})
    assert error.expected == "an HDF5 file of scores, as RidgeEncode writes it"
    error = refused(inputs | {"scores_file": keep_layers(inputs["scores_file"], 1)})
    assert error.expected.startswith("at least two layers") and error.file.endswith("scores1.h5")
