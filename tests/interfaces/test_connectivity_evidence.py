import json
from pathlib import Path

import nibabel as nb
import nipype.pipeline.engine as pe
import numpy as np
import pandas as pd
import pytest
from support.drawing import drawing_samples, drawing_series, write_regions

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.connectivity_evidence import pair_evidence
from fmriprod.algorithms.connectivity_trials import connectivity_trials
from fmriprod.algorithms.trial_connectivity import trial_rows
from fmriprod.interfaces.connectivity_evidence import ConnectivityEvidence

NAMES = ["V1", "V2", "LOC"]


@pytest.fixture
def made(work, rng):
    samples = drawing_samples(n_points=6)
    series = drawing_series(rng, samples, (9, 7, 8), coupling=1.5)
    return samples, series, write_regions(work, series, samples, NAMES)


def read(out):
    table = pd.read_csv(out.evidence_file, sep="\t", dtype={"run": str, "subject": str})
    return table, json.loads(Path(out.summary_file).read_text())


def test_all_pairs_in_one_node(made, work):
    samples, series, files = made
    node = pe.Node(ConnectivityEvidence(**files), name="evidence", base_dir=str(work))
    table, summary = read(node.run().outputs)
    assert len(table) == 3 * 2 * 2 * 40
    assert list(dict.fromkeys(zip(table["region_1"], table["region_2"], strict=True))) == [
        ("V1", "V2"), ("V1", "LOC"), ("V2", "LOC")
    ]  # fmt: skip
    trials = connectivity_trials(trial_rows(samples)[0])
    expected = pair_evidence(dict(zip(NAMES, series, strict=True)), trials, [("V1", "V2")])
    assert np.allclose(table["log_odds"][:160], expected["log_odds"], atol=1e-6)
    assert summary["regions"]["LOC"] == {"n_voxels": 8, "n_constant": 0}
    assert summary["halves"] == {"1": 1, "2": 1, "3": 2, "4": 2}
    assert summary["settings"]["standardize"] == "split"
    assert summary["evidence"][0]["log_odds"] > 0.5 and len(summary["evidence"]) == 12


def test_chosen_pairs_kinds_schemes_and_halves(made):
    _, _, files = made
    out = ConnectivityEvidence(
        **files, pairs=[("LOC", "V1")], features=["stack"], schemes=["phase"],
        standardize="center", classifier="logistic", C=0.5, first_half=["1", "3"],
    ).run().outputs  # fmt: skip
    table, summary = read(out)
    assert len(table) == 40 and set(table["region_1"]) == {"LOC"}
    assert set(table["features"]) == {"stack"} and set(table["scheme"]) == {"phase"}
    assert table.groupby("run")["half"].first().to_dict() == {"1": 1, "2": 2, "3": 1, "4": 2}
    assert "V2" not in summary["regions"]


def test_a_voxel_that_one_trial_holds_constant_is_left_out_of_all(made):
    samples, series, files = made
    features = np.load(files["features_files"][1])
    voxels = pd.read_csv(files["voxels_files"][1], sep="\t")
    column = voxels[["i", "j", "k"]].eq([2, 1, 0]).all(axis=1).to_numpy()
    features[6:12, column] = 1000  # V2, its voxel 2, trial 1 of run 2
    np.save(files["features_files"][1], features)
    out = ConnectivityEvidence(**files).run().outputs
    table, summary = read(out)
    assert out.n_constant == 1
    assert summary["regions"]["V2"] == {"n_voxels": 6, "n_constant": 1}
    trials = connectivity_trials(trial_rows(samples)[0])
    kept = {"V1": series[0], "V2": np.delete(series[1], 2, axis=2)}
    expected = pair_evidence(kept, trials, [("V1", "V2")])
    assert np.allclose(table["log_odds"][:160], expected["log_odds"], atol=1e-6)


def test_labels_choose_the_two_objects(work, rng):
    samples = drawing_samples(n_trials=12, n_points=4, labels=("bed", "chair", "lamp"))
    series = drawing_series(rng, samples.assign(label="x"), (4, 3))
    files = write_regions(work, series, samples, ["a", "b"])
    with pytest.raises(InputError, match="3: 'bed', 'chair', 'lamp'"):
        ConnectivityEvidence(**files).run()
    table, _ = read(ConnectivityEvidence(**files, labels=["bed", "lamp"]).run().outputs)
    assert set(table["label"]) == {"bed", "lamp"} and len(table) == 4 * 32
    with pytest.raises(InputError, match="did you mean 'lamp'"):
        ConnectivityEvidence(**files, labels=["bed", "lmap"]).run()


def test_pairs_that_cannot_be_are_refused(made):
    _, _, files = made
    for pairs, found in (
        ([("V1", "V3")], "'V3'"),
        ([("V1", "V1")], "two regions in a pair"),
        ([("V1", "V2"), ("V2", "V1")], "each pair once"),
    ):
        with pytest.raises(InputError, match=found):
            ConnectivityEvidence(**files, pairs=pairs).run()
    one = {**files, "mask_files": files["mask_files"][:1], "region_names": ["V1"]}
    with pytest.raises(InputError, match="two regions or more"):
        ConnectivityEvidence(**one).run()


def test_a_region_without_time_courses_is_named(made):
    _, _, files = made
    features = np.load(files["features_files"][0])
    voxels = pd.read_csv(files["voxels_files"][0], sep="\t")
    features[:, (voxels["j"] == 2).to_numpy()] = 0
    np.save(files["features_files"][0], features)
    with pytest.raises(InputError, match="none in LOC"):
        ConnectivityEvidence(**files).run()


def test_a_region_that_the_task_mask_emptied_leaves_its_pairs_out(made):
    _, _, files = made
    image = nb.load(files["mask_files"][1])
    nb.Nifti1Image(np.zeros(image.shape, np.uint8), image.affine).to_filename(
        files["mask_files"][1]
    )
    with pytest.raises(InputError, match="V2"):
        ConnectivityEvidence(**files).run()
    table, summary = read(out := ConnectivityEvidence(**files, missing="skip").run().outputs)
    assert set(table["region_1"] + table["region_2"]) == {"V1LOC"}
    assert out.notes == summary["notes"] == ["no voxel: region V2, all its pairs"]
    out = ConnectivityEvidence(**files, missing="skip", pairs=[("V1", "V2")]).run().outputs
    table, _ = read(out)
    assert len(table) == 0 and "log_odds" in table
