import gzip
from pathlib import Path

import nibabel as nb
import nipype.pipeline.engine as pe
import numpy as np
import pytest
from support.images import write_image

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.compress import CompressImage
from fmriprod.interfaces.reorient import Reorient
from fmriprod.interfaces.smooth import Smooth


def test_the_content_stays_and_the_bytes_are_always_the_same(work, rng):
    plain = write_image(work / "a.nii", rng.normal(size=(9, 8, 7)).astype("f4"))
    outs = []
    for name in ("one", "two"):
        (work / name).mkdir()
        node = pe.Node(CompressImage(in_file=str(plain)), name="step", base_dir=str(work / name))
        outs.append(node.run().outputs.out_file)
    one, two = (Path(out).read_bytes() for out in outs)
    assert one == two
    assert gzip.decompress(one) == Path(plain).read_bytes()
    assert outs[0].endswith("a.nii.gz")
    np.testing.assert_array_equal(nb.load(outs[0]).get_fdata(), nb.load(plain).get_fdata())


def test_what_is_compressed_is_passed_on(work, rng):
    packed = write_image(work / "a.nii.gz", rng.normal(size=(4, 4, 4)))
    assert CompressImage(in_file=str(packed)).run().outputs.out_file == str(packed)


def test_what_is_no_image_is_refused(work):
    (work / "a.nii").write_text("text")
    with pytest.raises(InputError, match="a readable NIfTI image"):
        CompressImage(in_file="a.nii").run()


@pytest.mark.parametrize("compress", [True, False])
def test_large_images_are_written_compressed_or_not_with_the_same_voxels(work, rng, compress):
    series = write_image(work / "a.nii.gz", rng.normal(size=(6, 6, 6, 3)).astype("f4"))
    out = Smooth(in_file=str(series), fwhm=4, compress=compress).run().outputs.out_file
    expected = Smooth(in_file=str(series), fwhm=4).run().outputs.out_file
    assert out.endswith(".nii.gz" if compress else "a_smoothed.nii")
    np.testing.assert_array_equal(nb.load(out).get_fdata(), nb.load(expected).get_fdata())


def test_scaled_integers_survive_without_compression(work, rng):
    image = nb.Nifti1Image(rng.integers(0, 999, (5, 6, 7)).astype(np.int16), np.eye(4))
    image.header.set_slope_inter(0.5, 3)
    image.to_filename(work / "a.nii")
    out = Reorient(in_file=str(work / "a.nii"), compress=False).run().outputs.out_file
    assert out.endswith("a_LAS.nii")
    np.testing.assert_array_equal(nb.load(out).get_fdata()[::-1], nb.load("a.nii").get_fdata())
