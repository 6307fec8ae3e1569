"""Dissimilarities of regions as files."""

import json
from pathlib import Path

import nipype.pipeline.engine as pe
import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import pdist
from support.images import write_image

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.rdm_file import read_rdms
from fmriprod.interfaces.region_rdm import RegionRDM

SHAPE = (6, 6, 6)
NAMES = ["face", "house", "cat", "tree"]


@pytest.fixture
def maps():
    return np.random.default_rng(0).normal(size=(4, *SHAPE)).astype(np.float32)


@pytest.fixture
def labels():
    labels = np.zeros(SHAPE, np.int16)
    labels[:2], labels[2:4, :5], labels[5, 5, 5] = 7, 3, 12
    return labels


@pytest.fixture
def run(work, maps):
    def run(in_node=False, **said):
        files = [str(write_image(work / f"map{i}.nii", v)) for i, v in enumerate(maps)]
        node = pe.Node(RegionRDM(), name="regions", base_dir=work)
        node.inputs.trait_set(**{"pattern_files": files, "conditions": NAMES, **said})
        found = (node if in_node else node.interface).run().outputs
        return found, json.loads(Path(found.summary_file).read_text())

    return run


@pytest.fixture
def label_file(work, labels):
    return str(write_image(work / "labels.nii.gz", labels))


def test_regions_of_masks_are_those_of_scipy(work, run, maps, labels):
    maps[1, 0, 0, 0] = np.nan
    files = [str(write_image(work / f"{n}.nii.gz", np.uint8(labels == n))) for n in (7, 3)]
    mask = np.ones(SHAPE, np.uint8)
    mask[2, 0, 0] = 0
    found, summary = run(
        True,
        roi_files=files,
        roi_names=["V1", "IT"],
        mask_file=str(write_image(work / "m.nii", mask)),
    )
    rdms = read_rdms(found.rdm_file)
    assert rdms.names == found.region_names == ["V1", "IT"]
    for row, code in zip(rdms.dissimilarities, (7, 3), strict=True):
        own = maps[:, (labels == code) & (mask > 0) & np.isfinite(maps).all(axis=0)]
        np.testing.assert_allclose(row, pdist(own.astype(float), "correlation"), atol=1e-6)
    np.testing.assert_array_equal(rdms.n_voxels, [71, 59])
    assert summary["regions"]["V1"] == {"n_voxels": 72, "n_usable": 71}
    assert summary["n_excluded_voxels"] == 1


def test_regions_of_labels(work, run, maps, labels, label_file):
    found, summary = run(label_file=label_file, too_small="leave_out", distance="euclidean")
    rdms = read_rdms(found.rdm_file)
    assert rdms.names == ["3", "7"] and summary["left_out"] == ["12"]
    own = maps[:, labels == 3].astype(float)
    np.testing.assert_allclose(
        rdms.dissimilarities[0], pdist(own, "sqeuclidean") / 60, rtol=1e-5
    )  # fmt: skip
    table = work / "labels.tsv"
    pd.DataFrame({"index": [0, 7], "name": ["nothing", "V1"]}).to_csv(table, sep="\t", index=False)
    named = run(label_file=label_file, table_file=str(table), distance="euclidean")[0]
    named = read_rdms(named.rdm_file)
    assert named.names == ["V1"]
    np.testing.assert_array_equal(named.dissimilarities[0], rdms.dissimilarities[1])


def test_a_constant_pattern_is_counted(run, maps, labels, label_file):
    maps[2][labels == 7] = 1.5
    found, summary = run(label_file=label_file, too_small="leave_out")
    assert summary["with_constant_pattern"] == ["7"]
    np.testing.assert_array_equal(
        np.isnan(read_rdms(found.rdm_file).dissimilarities),
        [[False] * 6, [False, True, False, True, False, True]],
    )


def test_what_cannot_be_used_is_refused(work, run, label_file, labels):
    def refused(message, **said):
        with pytest.raises(InputError, match=message):
            run(**said)

    refused(
        r"(?s)labels.nii.gz.*regions with 10 usable voxels or more.*12: 1", label_file=label_file
    )
    refused("regions with 200 usable", label_file=label_file, too_small="leave_out", min_voxels=200)
    refused("(?s)masks of regions or label_file.*0 masks")
    masks = [str(write_image(work / "one.nii", np.uint8(labels == 7)))] * 2
    refused("(?s)a name of its own for each.*2 masks, names: one, one", roi_files=masks)
    half = str(write_image(work / "half.nii", np.float32(labels) / 2))
    refused("whole numbers", label_file=half)
    table = work / "labels.tsv"
    table.write_text("code\tname\n7\tV1\n")
    refused("(?s)columns index and name.*code, name", label_file=label_file, table_file=str(table))
