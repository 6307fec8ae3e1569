import hashlib
from pathlib import Path

import nibabel as nb
import nipype.pipeline.engine as pe
import numpy as np
import pytest
from support.images import write_image

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.reorient import Reorient


def test_values_and_scale_factors_are_copied_as_they_are_stored(work, rng):
    stored = rng.integers(0, 4000, size=(4, 5, 6, 3)).astype(np.int16)
    image = nb.Nifti1Image(stored, np.diag([2.0, 2.0, 3.0, 1.0]))
    image.header.set_slope_inter(0.37, 11)
    image.header.set_zooms((2.0, 2.0, 3.0, 1.5))
    image.to_filename("bold.nii.gz")
    out = nb.load(Reorient(in_file="bold.nii.gz", axis_codes="LAS").run().outputs.out_file)
    np.testing.assert_array_equal(out.dataobj.get_unscaled(), stored[::-1])
    assert (out.dataobj.slope, out.dataobj.inter) == (np.float32(0.37), 11)
    np.testing.assert_array_equal(out.get_fdata(), nb.load("bold.nii.gz").get_fdata()[::-1])
    assert out.header.get_zooms()[3] == 1.5
    assert nb.aff2axcodes(out.affine) == ("L", "A", "S")


def test_the_same_input_gives_the_same_bytes_in_a_node(work, rng):
    write_image(work / "a.nii.gz", rng.normal(size=(4, 5, 6)).astype(np.float32))
    sums = set()
    for run in ("one", "two"):
        node = pe.Node(Reorient(in_file=str(work / "a.nii.gz")), name="reorient", base_dir=run)
        out = node.run().outputs.out_file
        sums.add(hashlib.sha256(Path(out).read_bytes()).hexdigest())
    assert len(sums) == 1


@pytest.mark.realdata
def test_real_oblique_run_keeps_world_coordinates(real_data, work):
    source = real_data("studyforrest_localizer") / "bold.nii.gz"
    out = nb.load(Reorient(in_file=str(source), axis_codes="RPI").run().outputs.out_file)
    before, after = nb.load(source), out
    voxel = np.array([20, 30, 10, 1])
    there = np.linalg.inv(after.affine) @ before.affine @ voxel
    np.testing.assert_allclose(there, there.round(), atol=1e-3)
    x, y, z = there[:3].round().astype(int)
    np.testing.assert_array_equal(before.dataobj[20, 30, 10], after.dataobj[x, y, z])


def test_a_header_without_repetition_time_gets_that_of_the_sidecar(work, rng):
    write_image(work / "a.nii.gz", rng.normal(size=(4, 5, 6, 3)).astype(np.float32), tr=0)

    def spacing(**inputs):
        out_file = Reorient(in_file="a.nii.gz", **inputs).run().outputs.out_file
        return nb.load(out_file).header.get_zooms()[3]

    assert spacing() == 0 and spacing(tr=1.5) == 1.5
    write_image(work / "a.nii.gz", rng.normal(size=(4, 5, 6, 3)).astype(np.float32), tr=2.0)
    with pytest.raises(InputError, match=r"1\.5 s\n.*2 s in the header"):
        spacing(tr=1.5)
