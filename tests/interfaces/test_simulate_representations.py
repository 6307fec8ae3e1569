"""Simulated maps of conditions, with the distances that were planted."""

import json
from pathlib import Path

import nibabel as nb
import nipype.pipeline.engine as pe
import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.spatial.distance import pdist

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.layer_file import write_layers
from fmriprod.interfaces.rdm_file import RDMs, read_rdms, write_rdms
from fmriprod.interfaces.simulate_representations import SimulateRepresentations

CONDITIONS = ["zero", "one", "bird / dog", "house", "tree", "bed"]
SMALL = {"n_subjects": 2, "n_runs": 2, "shape": (12, 16, 10), "gap": 1, "snr": 100.0}


@pytest.fixture
def rdm_file(work, rng):
    distances = np.array([pdist(rng.normal(size=(6, 4)), "cosine") for _ in range(2)])
    write_rdms("layers.h5", RDMs(distances, CONDITIONS, "correlation", ["conv1", "fc2"]))
    return str(work / "layers.h5")


def simulate(**options):
    return SimulateRepresentations(**SMALL | options).run().outputs


def test_areas_have_the_distances_of_what_is_planted_in_them_and_others_do_not(rdm_file):
    out = simulate(rdm_file=rdm_file, n_subjects=1)
    maps = np.stack([nb.load(f).get_fdata() for f in out.pattern_files[0]])
    assert out.conditions == CONDITIONS * 2 and out.runs == ["1"] * 6 + ["2"] * 6
    areas = nb.load(out.area_map).get_fdata()
    planted = read_rdms(rdm_file).dissimilarities
    mean = maps.reshape(2, 6, *maps.shape[1:]).mean(axis=0)
    for number in (1, 2):
        assert (nb.load(out.roi_files[number - 1]).get_fdata() == (areas == number)).all()
        found = pdist(mean[:, areas == number], "correlation")
        rho = [stats.spearmanr(found, row).statistic for row in planted]
        assert rho[number - 1] > 0.9 and rho[number - 1] > rho[2 - number] + 0.2
    silent = maps[:, areas == 3]
    assert silent.var() == pytest.approx(1, abs=0.05)
    mask = nb.load(out.mask_file).get_fdata() > 0
    assert (mask == (areas > 0)).all() and not maps[:, ~mask].any()
    np.testing.assert_allclose(read_rdms(out.planted_rdm_file).dissimilarities, planted, atol=1e-5)


def test_what_is_written_says_what_it_is(rdm_file):
    out = simulate(rdm_file=rdm_file, models=["fc2", "conv1"], zoom=2.0)
    about = json.loads(Path(out.sidecar_file).read_text())
    assert about["Simulated"] and "no person was scanned" in about["Description"]
    assert about["Parameters"]["snr"] == 100
    assert read_rdms(out.planted_rdm_file).about == {"simulated": True}
    truth = pd.read_csv(out.truth_file, sep="\t")
    assert truth["model"].tolist() == out.rois == ["fc2", "conv1"]
    assert truth["area"].tolist() == [1, 2] and (truth["agreement"] > 0.999).all()
    areas = nb.load(out.area_map)
    assert areas.header.get_zooms() == (2, 2, 2)
    assert truth["n_voxels"].tolist() == [(areas.get_fdata() == k).sum() for k in (1, 2)]
    table = pd.read_csv(out.table_file, sep="\t", dtype=str)
    assert list(table) == ["subject", "run", "condition", "file"] and len(table) == 24
    folder = Path(out.table_file).parent
    assert [str(folder / f) for f in table["file"]] == [
        f for files in out.pattern_files for f in files
    ]
    assert table["condition"].tolist() == out.conditions * 2
    assert out.subjects == ["01", "02"]


def test_features_are_standardised(work, rng):
    x = rng.normal(size=(6, 5)) * [1, 100, 1, 1, 0] + 7
    write_layers("features.h5", {"conv1": x})
    out = simulate(features_file=str(work / "features.h5"), conditions=CONDITIONS)
    expected = pdist(stats.zscore(x[:, :4]), "cosine")
    found = read_rdms(out.planted_rdm_file)
    np.testing.assert_allclose(found.dissimilarities[0], expected, rtol=1e-4)
    assert found.conditions == CONDITIONS and found.names == ["conv1"]


def test_in_a_node_the_same_seed_gives_the_same_bytes(rdm_file, work):
    contents = []
    for number, seed in enumerate((1, 1, 2)):
        step = SimulateRepresentations(rdm_file=rdm_file, seed=seed, **SMALL)
        out = pe.Node(step, f"step{number}", base_dir=str(work)).run().outputs
        contents.append([Path(f).read_bytes() for f in [*out.pattern_files[1], out.truth_file]])
    assert contents[0] == contents[1] != contents[2]


def refused(**options):
    with pytest.raises(InputError) as info:
        simulate(**options)
    assert info.value.interface == "SimulateRepresentations"
    return info.value


def test_what_cannot_be_planted_is_refused(rdm_file, work):
    error = refused(rdm_file=rdm_file, models=["conv7"])
    assert error.expected == "some of conv1, fc2" and error.found == "conv7"
    assert "room for 2 areas" in refused(rdm_file=rdm_file, shape=(8, 8, 8)).expected
    write_rdms("layers.h5", RDMs(np.full((1, 15), -1.0), CONDITIONS, "crossnobis"))
    assert "0 or larger" in refused(rdm_file=rdm_file).expected
    write_layers("features.h5", {"conv1": np.eye(5)})
    error = refused(features_file=str(work / "features.h5"), conditions=CONDITIONS)
    assert error.expected == "a name for each of 5 rows" and error.subject == "conditions"
    error = refused(features_file=str(work / "features.h5"), conditions=["a", "a", "b"])
    assert error.expected == "a different name for each condition"
