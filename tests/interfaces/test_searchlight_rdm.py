"""Dissimilarities of spheres as files."""

import json
from pathlib import Path

import nibabel as nb
import nipype.pipeline.engine as pe
import numpy as np
import pytest
from nipype.interfaces.base import Undefined
from support.images import write_image

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.noise_precision import noise_from_residuals
from fmriprod.algorithms.searchlight_rdm import searchlight_rdms
from fmriprod.algorithms.spheres import find_spheres, sphere_offsets
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


def run(folder, values, mask_file, conditions=NAMES, **said):
    found = SearchlightRDM(
        pattern_files=write_maps(folder, values), conditions=conditions, mask_file=mask_file,
        **{"radius_voxels": 2.0, **said},
    ).run().outputs  # fmt: skip
    return read_rdms(found.rdm_file), json.loads(Path(found.summary_file).read_text())


def test_repeated_conditions_are_averaged(work, maps, mask_file):
    repeated = np.concatenate([maps + 0.5, (maps - 0.5)[::-1]])
    found, _ = run(work, repeated, mask_file, NAMES + NAMES[::-1])
    once, _ = run(work, maps, mask_file)
    assert found.conditions == NAMES
    np.testing.assert_allclose(found.dissimilarities, once.dissimilarities, atol=2e-6)


def test_crossnobis_in_noise_of_residuals(work, mask_file):
    """Through files as from arrays; voxels without noise are left out and counted."""
    rng = np.random.default_rng(1)
    values = rng.normal(size=(8, *SHAPE)).astype(np.float32)
    series = rng.normal(size=(2, *SHAPE, 30)).astype(np.float32) + 50
    series[:, 2, 2, 2] = 7.0
    residuals = [str(write_image(work / f"res{i}.nii.gz", r, AFFINE)) for i, r in enumerate(series)]
    said = {
        "runs": ["1"] * 4 + ["2"] * 4, "distance": "crossnobis", "noise": "residuals",
        "residual_files": residuals, "residual_dof": 50,
    }  # fmt: skip
    found, summary = run(work, values, mask_file, NAMES * 2, **said)
    assert summary["n_excluded_voxels"] == 1
    assert summary["settings"]["noise_method"] == "shrinkage_diag"
    mask = np.ones(SHAPE, bool)
    mask[0] = False
    centred = series - series.mean(axis=-1, keepdims=True)
    flat = np.concatenate([run[mask].T for run in centred])
    usable = ~(flat == 0).all(axis=0)
    spheres = find_spheres(mask, AFFINE, radius_voxels=2.0, usable=usable)
    blocks = searchlight_rdms(
        values[:, mask], spheres, conditions=np.tile(np.arange(4), 2), n_conditions=4,
        runs=np.repeat([0, 1], 4), distance="crossnobis", noise=noise_from_residuals(flat, 50),
    )  # fmt: skip
    expected = np.concatenate([block for _, block in blocks])
    np.testing.assert_allclose(found.dissimilarities, expected, rtol=1e-4, atol=1e-5)
    repeats, _ = run(
        work, values, mask_file, NAMES * 2, runs=said["runs"], distance="mahalanobis",
        noise="repeats",
    )  # fmt: skip
    assert repeats.distance == "mahalanobis" and (repeats.dissimilarities > 0).all()


def test_spheres_with_a_constant_pattern_are_counted(work, maps, mask_file):
    maps[1] = 3.0
    found, summary = run(work, maps, mask_file)
    assert summary["n_spheres_with_constant_pattern"] == summary["n_spheres"] > 100
    first, second = np.triu_indices(4, 1)
    nan = np.isnan(found.dissimilarities)
    assert (nan == ((first == 1) | (second == 1))).all()


def test_without_a_mask_voxels_that_are_finite_and_not_0_are_taken(work, maps):
    maps[:, 0] = 0
    maps[2, 1, 1, 1] = np.nan
    found = SearchlightRDM(
        pattern_files=write_maps(work, maps), conditions=NAMES, radius=6.0
    ).run().outputs  # fmt: skip
    summary = json.loads(Path(found.summary_file).read_text())
    assert summary["n_mask_voxels"] == 5 * 7 * 6 - 1
    sizes = np.asarray(nb.load(found.n_voxels_map).dataobj)
    assert sizes[1, 1, 1] == 0 and not sizes[0].any() and sizes.max() == 33


def test_the_same_maps_give_the_same_bytes(work, maps, mask_file):
    contents = []
    for _ in range(2):
        said = {"pattern_files": write_maps(work, maps), "conditions": NAMES}
        found = SearchlightRDM(mask_file=mask_file, num_threads=2, **said).run().outputs
        contents.append(Path(found.rdm_file).read_bytes())
    assert contents[0] == contents[1]


def broken(values, which, value):
    values = values.copy()
    values[which] = value
    return values


@pytest.mark.parametrize(
    ("change", "said", "message"),
    [
        (lambda m: m[:2], {"conditions": NAMES[:2]}, "at least 3 conditions"),
        (lambda m: m, {"conditions": ["a", "b", "a", "b"]}, "at least 3 conditions"),
        (lambda m: m, {"conditions": NAMES[:3]}, r"(?s)4, one for each of pattern_files.*3: face"),
        (lambda m: m, {"runs": ["1"]}, r"(?s)SearchlightRDM.*4, one for each.*1: 1"),
        (lambda m: broken(m, 2, np.nan), {}, r"(?s)map2.nii.gz.*NaN or infinity in every voxel"),
        (lambda m: m, {"radius": 0.1, "radius_voxels": Undefined}, r"(?s)a sphere holds 10.*210"),
        (lambda m: m, {"distance": "crossnobis"}, "(?s)2 runs or more.*none"),
        (lambda m: m, {"distance": "crossnobis", "runs": ["1"] * 4}, "one run, '1'"),
        (lambda m: m, {"distance": "crossnobis", "runs": ["1", "1", "2", "2"]},
         "(?s)all conditions in every run.*'1' lacks 'cat', 'tree'; '2' lacks 'face', 'house'"),
        (lambda m: m, {"distance": "mahalanobis"}, "(?s)noise, for the Mahalanobis.*none"),
        (lambda m: m, {"distance": "mahalanobis", "noise": "repeats"},
         "(?s)conditions that are repeated.*4 conditions in 4 patterns"),
        (lambda m: m, {"distance": "mahalanobis", "noise": "residuals"},
         "(?s)residuals of the model, one file a run.*none"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_refused(work, maps, mask_file, change, said, message):
    with pytest.raises(InputError, match=message):
        run(work, change(maps), mask_file, **said)


def test_maps_on_another_grid_are_refused(work, maps, mask_file):
    files = write_maps(work, maps)
    files[3] = str(write_image(work / "other.nii.gz", maps[3], np.diag([3.0, 3, 4, 1])))
    node = SearchlightRDM(pattern_files=files, conditions=NAMES, mask_file=mask_file)
    with pytest.raises(InputError, match=r"(?s)other.nii.gz.*differs by up to 5 mm"):
        node.run()


def test_maps_that_are_0_leave_no_voxel(work, maps):
    node = SearchlightRDM(pattern_files=write_maps(work, maps * 0), conditions=NAMES)
    with pytest.raises(InputError, match="finite in all maps and not 0 in all"):
        node.run()
