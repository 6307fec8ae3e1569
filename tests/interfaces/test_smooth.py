import hashlib
from pathlib import Path

import nibabel as nb
import nipype.pipeline.engine as pe
import numpy as np
import pytest
from nilearn.image import smooth_img
from support.images import write_image

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.smooth import smooth
from fmriprod.interfaces.smooth import Smooth


def test_a_series_in_a_node_keeps_grid_and_repetition_time(work, rng):
    data = rng.normal(100, 5, size=(8, 7, 6, 4)).astype(np.float32)
    path = write_image(work / "bold.nii.gz", data, np.diag([3.0, 3, 3.3, 1]), tr=1.5)
    result = pe.Node(Smooth(in_file=str(path), fwhm=5.0), name="s", base_dir="n").run().outputs
    out = nb.load(result.out_file)
    assert Path(result.out_file).name == "bold_smoothed.nii.gz"
    np.testing.assert_allclose(out.get_fdata(), smooth_img(path, 5.0).get_fdata(), rtol=1e-5)
    np.testing.assert_array_equal(out.affine, nb.load(path).affine)
    assert out.header.get_zooms()[3] == 1.5 and out.get_data_dtype() == np.float32
    assert result.n_nonfinite == 0


def test_a_volume_inside_a_mask_with_counted_nan(work, rng):
    data = rng.normal(size=(8, 7, 6)).astype(np.float32)
    mask = np.zeros(data.shape, np.uint8)
    mask[2:6, 2:6, 2:5] = 1
    data[3, 3, 3] = data[0, 0, 0] = np.nan
    path, mask_path = write_image(work / "t.nii", data), write_image(work / "mask.nii", mask)
    result = Smooth(in_file=str(path), mask_file=str(mask_path), fwhm=4.0).run().outputs
    assert result.n_nonfinite == 1
    expected = smooth(data, np.diag([2.0, 2, 2, 1]), 4.0, mask > 0)
    np.testing.assert_allclose(nb.load(result.out_file).get_fdata(), expected, atol=1e-6)


def test_a_stack_of_maps_needs_no_repetition_time(work, rng):
    path = write_image(work / "betas.nii", rng.normal(size=(5, 5, 5, 3)).astype("f4"), tr=0)
    out = nb.load(Smooth(in_file=str(path)).run().outputs.out_file)
    assert out.shape == (5, 5, 5, 3) and out.header.get_zooms()[3] == 0


def test_threads_do_not_change_a_bit(work, rng):
    path = write_image(work / "a.nii", rng.normal(1e4, 100, size=(64, 64, 30, 4)).astype("f4"))
    sums = set()
    for threads in (1, 2, 3):
        out = Smooth(in_file=str(path), num_threads=threads).run().outputs.out_file
        sums.add(hashlib.sha256(Path(out).read_bytes()).hexdigest())
    assert len(sums) == 1


def test_bad_input_names_interface_and_file(work, rng):
    path = write_image(work / "a.nii.gz", rng.normal(size=(9, 9, 9)).astype(np.float32))
    (work / "cut.nii.gz").write_bytes(path.read_bytes()[:900])
    (work / "empty.nii.gz").touch()
    write_image(work / "five.nii.gz", np.zeros((3, 3, 3, 1, 2), np.float32))
    shifted = np.diag([2.0, 2, 2, 1])
    shifted[1, 3] = 4
    write_image(work / "mask.nii.gz", np.ones((9, 9, 9), np.uint8), shifted)
    for inputs, text in [
        (
            {"in_file": str(work / "cut.nii.gz")},
            r"cut.nii.gz\n.*729 voxels .*\n.*ends early or is damaged",
        ),
        ({"in_file": str(work / "empty.nii.gz")}, r"empty.nii.gz\n.*\n.*an empty file"),
        ({"in_file": str(work / "five.nii.gz")}, r"five.nii.gz\n  expected: 3 or 4 dimensions"),
        ({"mask_file": str(work / "mask.nii.gz")}, r"mask.nii.gz\n(.*\n)+.*differs by up to 4 mm"),
        ({"fwhm": -2.0}, r"fwhm\n.*0 mm or more\n.*-2.0 mm"),
    ]:
        with pytest.raises(InputError, match=text) as error:
            Smooth(**{"in_file": str(path), **inputs}).run()
        assert str(error.value).startswith("Smooth: ")
