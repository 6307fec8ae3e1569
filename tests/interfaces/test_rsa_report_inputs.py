"""What other steps write and people have reaches the report on representational similarity."""

import json
import re
from pathlib import Path

import nibabel as nb
import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import pdist
from support.panels import volume_in
from support.rsa_study import (
    AFFINE,
    CODES,
    CONDITIONS,
    LAYERS,
    plain,
    run,
    save_image,
    save_table,
    similarities,
    write_study,
)

from fmriprod.algorithms.rdm_mds import classical_scaling
from fmriprod.interfaces.group_rsa import GroupRSA
from fmriprod.interfaces.rdm_file import RDMs, read_rdms, write_rdms
from fmriprod.interfaces.rsa import RSA
from fmriprod.interfaces.rsa_report_inputs import read_groups, read_pictures, read_shown


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Write all inputs of the report once, and say what was planted."""
    return write_study(tmp_path_factory.mktemp("study"))


def test_names_that_look_like_numbers_or_gaps_stay_as_they_are(work):
    table = similarities().assign(rdm=["01", "01", "01", "n/a", "n/a", "n/a"])
    text = plain(run(work, table_files=[save_table(work, "t", table)]).out_report)
    assert "n/a fc3 0.600" in text and "01 fc3 0.300" in text


@pytest.mark.realdata
def test_pictures_of_the_ninety_two_objects_stand_where_human_it_places_them(real_data, work):
    folder = real_data("kriegeskorte92")
    stimuli = pd.read_csv(folder / "stimuli.csv")
    names = [Path(file).stem for file in stimuli["file"]]
    with np.load(folder / "hIT_RDMs.npz") as stored:
        mean = np.mean([stored[name] for name in stored], axis=0)
    pairs = mean[np.triu_indices(92, 1)][None]
    write_rdms("hit.h5", RDMs(pairs, names, "correlation", names=["human IT"]))
    groups = pd.DataFrame({"condition": names, "group": stimuli["category"]})
    found = run(
        work, rdm_files=[str(work / "hit.h5")], rdm_titles=["Human IT"],
        groups_file=save_table(work, "groups", groups),
        stimulus_files=[str(folder / "stimuli" / file) for file in stimuli["file"]],
    )  # fmt: skip
    text = plain(found.out_report)
    assert "92 conditions" in text and "Human IT metric 0.34" in text


def test_what_a_group_analysis_writes_is_shown(work, rng):
    mask = np.zeros((8, 9, 7), bool)
    mask[1:7, 1:8, 1:6] = True
    front = mask & (np.arange(9)[None, :, None] > 4)
    files = []
    for number in range(8):
        value = rng.normal(0, 0.05, (*mask.shape, 2))
        value[front, 1] += 0.4
        value[~mask] = np.nan
        files.append(save_image(work, f"sub{number}", value))
    found = GroupRSA(
        map_files=files, maps=CODES, roi_files=[save_image(work, "front", front)],
    ).run().outputs  # fmt: skip
    page = run(
        work, value_map=found.t_map, q_map=found.p_corrected_map, map_level="corrected p",
        map_names=CODES, map_label="t", layer_map=found.layer_map, layer_names=CODES,
        region_file=found.region_file, region_participant_file=found.region_participant_file,
    )  # fmt: skip
    text = plain(page.out_report)
    n = int((nb.load(found.layer_map).get_fdata() == 2).sum())
    assert 0.9 * front.sum() < n <= 1.05 * front.sum()
    assert f"Spheres {n} of {mask.sum()} similar to object (corrected p ≤ 0.05); digit 0" in text
    assert f"Most similar layer object wins in {n} of {n} voxels" in text
    bars = pd.read_csv(found.region_file, sep="\t").query("voxels == 'all'")
    assert bars["significant"].tolist()[1] == 1
    assert (
        f"Regions {bars['significant'].sum()} of 2" in text and "largest: front with object" in text
    )


def test_what_a_comparison_writes_is_shown(study, work, rng):
    inputs, _, _ = study
    layers = inputs["rdm_files"][1]
    found = RSA(rdm_file=layers, model_files=[layers], n_permutations=50).run().outputs
    text = plain(run(work, table_files=[found.table_file], table_labels=["ρ"]).out_report)
    assert "rsa 1.00 ρ of conv1 and conv1, the largest" in text and "conv1 conv1 1.000" in text


def test_pictures_and_groups_are_matched_by_name(study):
    inputs, _, _ = study
    pictures = read_pictures(inputs["stimulus_files"], [], CONDITIONS)
    assert [int(p.mean()) for p in pictures] == [200, 160, 120, 80, 40, 0]  # written backwards
    renamed = read_pictures(inputs["stimulus_files"], CONDITIONS, CONDITIONS[:2])
    assert [int(p.mean()) for p in renamed] == [0, 40]
    groups = read_groups(inputs["groups_file"], ["cat", "one", "tree"])  # written backwards too
    assert groups == ["object", "digit", "object"]


def test_cross_validated_distances_are_scaled_as_squared_ones(work, rng):
    points = rng.normal(size=(6, 2))
    squared = pdist(points, "sqeuclidean").astype("f4")
    squared[np.argmin(squared)] = -0.01  # noise can make it so
    write_rdms("cross.h5", RDMs(squared[None], CONDITIONS, "crossnobis", names=["V1"]))
    text = plain(run(work, rdm_files=[str(work / "cross.h5")], scaling="classical").out_report)
    stress = classical_scaling(squared, squared=True).stress
    assert stress < 0.1 and f"cross, V1 classical {stress:.2f}" in text


def test_spheres_are_shown_by_their_mean_and_gaps_are_counted(work, rng):
    values = np.full((300, 15), 0.8, np.float32) + rng.normal(0, 0.1, (300, 15)).astype("f4")
    values[7, 3], values[9] = np.nan, 0.5
    write_rdms("spheres.h5", RDMs(values, CONDITIONS, "crossnobis", voxels=np.arange(300),
               n_voxels=np.full(300, 20), shape=(10, 10, 3), affine=np.eye(4)))  # fmt: skip
    found = run(work, rdm_files=[str(work / "spheres.h5")])
    text = plain(found.out_report)
    assert "1 of 300 RDMs have unknown pairs" in text
    assert "in 1 of 300 RDMs all distances are the same" in text

    shown = read_shown("spheres.h5", "spheres", 20)
    np.testing.assert_allclose(shown.values[0], np.delete(values, 7, axis=0).mean(axis=0), 1e-6)
    assert shown.names == ["mean of 299 spheres"]


def test_panels_hold_the_rdms_and_only_the_spheres_that_are_coloured(study, work):
    inputs, left, _ = study
    names = ("rdm_files", "value_map", "q_map", "map_names", "map_label", "groups_file")
    page = Path(run(work, **{name: inputs[name] for name in names}).out_report).read_text()
    data = [json.loads(found) for found in
            re.findall(r'application/json">(.*?)</script>', page, re.DOTALL)]  # fmt: skip
    spheres, regions, layers = data
    assert [entry["name"] for entry in spheres["maps"]] == CODES
    assert [entry["what"] for entry in spheres["maps"]] == ["Spearman ρ"] * 2
    shown = [volume_in(entry["picture"], spheres["shape"]) > 0 for entry in spheres["maps"]]
    planted = left.sum() * 3 * 3 * 3.5  # mm³; the panel's voxels are cubes
    assert shown[0].sum() * spheres["step"] ** 3 == pytest.approx(planted, rel=0.06)
    x = spheres["origin"][0] + spheres["step"] * np.nonzero(shown[0])[0]
    assert (x <= AFFINE[0, 0] * 8 + AFFINE[0, 3]).all() and not shown[1].any()
    assert regions["names"] == ["V1", "LOC"] and layers["names"] == LAYERS
    stored = read_rdms(inputs["rdm_files"][1], "rdm_files").dissimilarities
    np.testing.assert_allclose(layers["rdms"], np.array(stored), rtol=6e-3)
    assert layers["groups"] == ["digit"] * 3 + ["object"] * 3
