"""Dissimilarities of spheres as files."""

import json
from pathlib import Path

import nibabel as nb
import nipype.pipeline.engine as pe
import numpy as np
import pytest
from support.images import write_image

from fmriprod.algorithms.spheres import sphere_offsets
from fmriprod.interfaces.rdm_file import read_rdms
from fmriprod.interfaces.searchlight_rdm import SearchlightRDM

SHAPE = (6, 7, 6)
AFFINE = np.diag([3.0, 3.0, 3.0, 1.0])
NAMES = ["face", "house", "cat", "tree"]


def write_maps(folder, values, affine=AFFINE):
    return [str(write_image(folder / f"map{i}.nii.gz", v, affine)) for i, v in enumerate(values)]


@pytest.fixture
def maps():
    return np.random.default_rng(0).normal(size=(4, *SHAPE)).astype(np.float32)


@pytest.fixture
def mask_file(work):
    mask = np.ones(SHAPE, np.uint8)
    mask[0] = 0
    return str(write_image(work / "mask.nii.gz", mask, AFFINE))


def test_a_node_writes_what_corrcoef_gives(work, maps, mask_file):
    maps[1, 3, 3, 3] = np.nan
    maps[:, 4, 4, 4] = 2.0
    node = pe.Node(SearchlightRDM(), name="rdm", base_dir=work)
    node.inputs.pattern_files = write_maps(work, maps)
    node.inputs.conditions = NAMES
    node.inputs.mask_file = mask_file
    node.inputs.radius_voxels = 2.0
    found = node.run().outputs
    rdms = read_rdms(found.rdm_file)
    assert (rdms.conditions, rdms.distance, rdms.shape) == (NAMES, "correlation", SHAPE)
    np.testing.assert_allclose(rdms.affine, AFFINE)
    steps = sphere_offsets(np.eye(4), radius=2.0)
    usable = np.ones(SHAPE, bool)
    usable[0], usable[3, 3, 3], usable[4, 4, 4] = False, False, False
    sizes = np.zeros(SHAPE, int)
    row = 0
    for centre in np.argwhere(usable):
        near = centre + steps
        near = near[((near >= 0) & (near < SHAPE)).all(axis=1)]
        near = near[usable[tuple(near.T)]]
        if len(near) < 10:
            continue
        assert rdms.voxels[row] == np.ravel_multi_index(centre, SHAPE)
        sizes[tuple(centre)] = len(near)
        expected = 1 - np.corrcoef(maps[:, *near.T].astype(float))[np.triu_indices(4, 1)]
        np.testing.assert_allclose(rdms.dissimilarities[row], expected, atol=1e-6)
        row += 1
    assert row == len(rdms.dissimilarities) == len(rdms.n_voxels) > 100
    image = nb.load(found.n_voxels_map)
    np.testing.assert_array_equal(np.asarray(image.dataobj), sizes)
    summary = json.loads(Path(found.summary_file).read_text())
    assert summary["n_excluded_voxels"] == 2
    assert summary["n_mask_voxels"] == 5 * 7 * 6
    assert summary["n_spheres"] == row
    assert summary["n_left_out_spheres"] == usable.sum() - row
    assert summary["settings"]["radius_voxels"] == 2.0
