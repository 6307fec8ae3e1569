from pathlib import Path

import nibabel as nb
import numpy as np
import pytest
from nipype.pipeline import engine as pe
from support.images import write_image

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.prepared_reference import PreparedReference


def boxes(work, *places):
    """Masks of a box in a grid of 12 x 12 x 12 voxels, from place to place + 6."""
    files = []
    for i, place in enumerate(places):
        mask = np.zeros((12, 12, 12), np.uint8)
        mask[place : place + 6, 2:10, 2:10] = 1
        files.append(str(write_image(work / f"mask{i}.nii.gz", mask)))
    return files


@pytest.fixture
def reference(work, rng):
    return str(write_image(work / "ref.nii.gz", rng.random((12, 12, 12)).astype("float32")))


def test_voxels_of_all_masks(work, reference):
    step = PreparedReference(reference_file=reference, mask_files=boxes(work, 2, 3, 4))
    found = pe.Node(step, name="common", base_dir=str(work)).run().outputs
    mask = nb.load(found.out_mask).get_fdata()
    expected = np.zeros((12, 12, 12))
    expected[4:8, 2:10, 2:10] = 1
    assert (mask == expected).all()
    assert (found.n_voxels, found.n_lost) == (4 * 64, 4 * 64)
    assert found.mask_figure.endswith(".png")
    assert not isinstance(found.coregister_figure, str)


def test_the_brain_of_the_t1w_image_is_drawn_from_another_grid(work, reference):
    affine = nb.load(reference).affine.copy()
    affine[:3, :3] /= 2
    t1w = np.zeros((24, 24, 24), np.uint8)
    t1w[4:18, 4:20, 4:20] = 1
    file = work / "t1w_mask.nii.gz"
    nb.Nifti1Image(t1w, affine).to_filename(file)
    step = PreparedReference(
        reference_file=reference, mask_files=boxes(work, 2), t1w_mask=str(file)
    )
    with_brain = step.run(cwd=str(work)).outputs.coregister_figure
    first = Path(with_brain).read_bytes()
    nb.Nifti1Image(np.roll(t1w, 5, axis=0), affine).to_filename(file)
    assert Path(step.run(cwd=str(work)).outputs.coregister_figure).read_bytes() != first


def test_masks_that_do_not_meet_or_lie_on_another_grid(work, reference, rng):
    step = PreparedReference(reference_file=reference, mask_files=boxes(work, 0, 6))
    with pytest.raises(InputError, match="no voxel that is in all 2 masks"):
        step.run(cwd=str(work))
    other = write_image(work / "other.nii.gz", np.ones((12, 12, 11), np.uint8))
    step = PreparedReference(reference_file=reference, mask_files=[str(other)])
    with pytest.raises(InputError, match=r"other\.nii\.gz"):
        step.run(cwd=str(work))
