"""Fingerprints through a graph: what goes in arrives, and so does what comes out."""

import json
from pathlib import Path

import nibabel as nb
import numpy as np
import pandas as pd
import pytest
from support.graphs import run_inside
from support.layer_scores import LAYERS, save, write_simulated

from fmriprod.algorithms.region_profile import region_profile
from fmriprod.workflows.describe import describe
from fmriprod.workflows.fingerprint import init_fingerprint_wf

FIELDS = ["profile_file", "voxel_profiles_file", "winner_map", "margin_map", "slope_map",
          "summary_file", "figures", "figure_names"]  # fmt: skip


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scores")
    inputs, mask, r2, folds, best = write_simulated(folder, np.random.default_rng(1))
    behind = np.indices(mask.shape)[1] < mask.shape[1] // 2
    for name, region in {"behind": behind & mask, "front": ~behind & mask}.items():
        save(folder, name, region)
    inputs |= {
        "roi_files": [str(folder / f"{name}.nii.gz") for name in ("behind", "front")],
        "roi_names": ["V1", "LOC"],
    }
    return folder, inputs, mask, r2, folds, best, behind[mask]


def run(inputs, folder, **options):
    workflow = init_fingerprint_wf(**options)
    workflow.inputs.inputnode.trait_set(**inputs)
    return run_inside(workflow, folder, FIELDS)


@pytest.fixture(scope="module")
def done(study, tmp_path_factory):
    options = {"n_bootstrap": 40, "seed": 3, "best_share": 0.5, "sigma": 0.0, "simulated": True}
    return run(study[1], tmp_path_factory.mktemp("done"), **options)


def test_profiles_are_those_of_the_arrays(study, done):
    _, _, _, r2, folds, _, behind = study
    table = pd.read_csv(done["profile_file"], sep="\t")
    for roi, voxels in {"V1": behind, "LOC": ~behind}.items():
        expected = region_profile(
            r2[:, voxels], folds[:, :, voxels], best_share=0.5, n_bootstrap=40, seed=3
        )
        part = table[table["roi"] == roi]
        assert part["layer"].tolist() == LAYERS
        for column in ("value", "low", "high"):
            np.testing.assert_allclose(part[column], getattr(expected, column), rtol=1e-5)
    peaks = table.loc[table.groupby("roi")["value"].idxmax()].set_index("roi")["layer"]
    assert LAYERS.index(peaks["V1"]) < LAYERS.index(peaks["LOC"])


def test_maps_are_of_the_planted_layers(study, done):
    _, _, mask, r2, _, best, _ = study
    winner = nb.load(done["winner_map"]).get_fdata()[mask]
    np.testing.assert_array_equal(winner, r2.argmax(axis=0) + 1)  # sigma 0: nothing is smoothed
    assert (winner == best).mean() > 0.9
    slope = nb.load(done["slope_map"]).get_fdata()[mask]
    assert np.corrcoef(slope, best)[0, 1] > 0.9
    assert nb.load(done["margin_map"]).get_fdata()[mask].min() >= 0
    assert np.load(done["voxel_profiles_file"]).shape == r2.shape


def test_every_option_reaches_the_step(study, done, tmp_path):
    assert json.loads(Path(done["summary_file"]).read_text())["settings"] == {
        "score": "r2", "sigma": 0.0, "best_share": 0.5, "n_bootstrap": 40, "seed": 3,
    }  # fmt: skip
    assert done["figure_names"] == ["fingerprints", "winner", "slope"]
    assert all(Path(path).is_file() for path in done["figures"])
    other = run(study[1], tmp_path, score="r", n_bootstrap=0)
    settings = json.loads(Path(other["summary_file"]).read_text())["settings"]
    assert (settings["score"], settings["sigma"], settings["best_share"]) == ("r", 1.0, 0.25)
    assert pd.read_csv(other["profile_file"], sep="\t")["low"].isna().all()


def test_only_selected_voxels_count_and_without_regions_all_are_one(study, tmp_path):
    _, inputs, mask, *_, behind = study
    chosen = np.zeros(mask.shape, bool)
    chosen[mask] = behind
    save(tmp_path, "chosen", chosen)
    given = {name: inputs[name] for name in ("scores_file", "mask_file")}
    given |= {"selection_file": str(tmp_path / "chosen.nii.gz"),
              "background_file": inputs["mask_file"]}  # fmt: skip
    done = run(given, tmp_path, n_bootstrap=0)
    winner = nb.load(done["winner_map"]).get_fdata()[mask]
    np.testing.assert_array_equal(np.isfinite(winner), behind)
    assert pd.read_csv(done["profile_file"], sep="\t")["roi"].unique().tolist() == ["all"]


def test_the_text_says_what_was_done():
    text = describe(init_fingerprint_wf(best_share=0.1, sigma=2.0))
    assert "best 10 % of voxels" in text and "sigma 2 voxels" in text and "@eickenberg2017" in text
