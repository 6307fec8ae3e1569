from pathlib import Path

import nibabel as nb
import nipype.pipeline.engine as pe
import numpy as np
import pytest
from nipype.interfaces.base import isdefined
from support.blobs import LAS, SHAPE, BlobHead
from support.fake_fsl import install
from support.images import write_image

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.transforms import displacement, mask_points, rigid_matrix
from fmriprod.interfaces.coregister import Coregister
from fmriprod.interfaces.transforms import read_transforms

WHERE = rigid_matrix([4, -5, 3, 0.08, -0.06, 0.05])
FINE, FINE_SHAPE = np.diag([-2.0, 2.0, 2.0, 1.0]), (66, 72, 60)
FINE[:3, 3] = 65, -71, -59


@pytest.fixture
def files(work):
    t1w = BlobHead().image(shape=FINE_SHAPE, affine=FINE)
    epi = BlobHead(inverted=True).image(WHERE)
    images = {
        "in_file": (epi, LAS),
        "reference_file": (t1w, FINE),
        "in_mask": ((epi > 300).astype(np.uint8), LAS),
        "reference_mask": ((t1w > 500).astype(np.uint8), FINE),
    }
    return {
        name: str(write_image(work / f"{name}.nii.gz", data, affine))
        for name, (data, affine) in images.items()
    }


def test_the_transform_places_the_image_and_both_files_say_so(files, work):
    node = pe.Node(Coregister(**files), name="coregister", base_dir=str(work))
    out = node.run().outputs
    (there,), (back,) = read_transforms(out.transform_file), read_transforms(out.inverse_file)
    points = mask_points(BlobHead().image() > 500, LAS)[::20]
    assert displacement(there, WHERE, points).mean() < 0.8
    np.testing.assert_allclose(there @ back, np.eye(4), atol=1e-9)
    placed = nb.load(out.out_file)
    np.testing.assert_allclose(placed.affine, FINE)
    truth = BlobHead(inverted=True).image(shape=FINE_SHAPE, affine=FINE)
    assert np.corrcoef(placed.get_fdata().ravel(), truth.ravel())[0, 1] > 0.99
    assert 1.02 < out.similarity < 2
    assert Path(out.out_figure).read_bytes()[:4] == b"\x89PNG"


def test_the_check_image_can_be_left_out(files):
    with_it = Coregister(**files).run().outputs
    without = Coregister(check_image=False, **files).run().outputs
    assert not isdefined(without.out_file)
    assert Path(without.transform_file).read_bytes() == Path(with_it.transform_file).read_bytes()


def test_flirt_gets_brains_and_its_matrix_is_turned_round(files, work, monkeypatch):
    matrix = np.eye(4)
    matrix[:3, 3] = 3, 2, 1
    log = install(work, "flirt", matrix[None], monkeypatch)
    out = Coregister(engine="flirt", **files).run().outputs
    (there,) = read_transforms(out.transform_file)
    # Where voxel 0 0 0 of EPI is (scaled by its size) plus the shift, in the T1w's voxels.
    in_reference = FINE @ [3 / 2, 2 / 2, 1 / 2, 1]
    np.testing.assert_allclose(there @ in_reference, LAS @ [0, 0, 0, 1], atol=1e-9)
    arguments = log.read_text()
    assert "-dof 6" in arguments and "flirt_in.nii.gz" in arguments
    assert not list(work.glob("flirt*"))[1:]  # only the matrix stays


def test_masks_on_another_grid_are_refused(files):
    files["in_mask"] = files["reference_mask"]
    with pytest.raises(InputError, match="shape") as error:
        Coregister(**files).run()
    assert "resample it to that grid first" in str(error.value)


def test_a_series_and_a_missing_program_are_refused(files, work, monkeypatch):
    series = write_image(work / "s.nii.gz", np.ones((*SHAPE, 2), np.float32), LAS)
    with pytest.raises(InputError, match="3 dimensions"):
        Coregister(**{**files, "in_file": str(series)}).run()
    flat = write_image(work / "flat.nii.gz", np.ones(SHAPE, np.float32), LAS)
    with pytest.raises(InputError, match="constant or nowhere finite") as error:
        Coregister(**{**files, "in_file": str(flat)}).run()
    assert "flat.nii.gz" in str(error.value)
    monkeypatch.setenv("PATH", str(work))
    with pytest.raises(InputError, match="flirt of FSL"):
        Coregister(engine="flirt", **files).run()
