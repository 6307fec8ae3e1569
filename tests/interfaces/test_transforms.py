import nibabel as nb
import nipype.pipeline.engine as pe
import numpy as np
import pytest
from support.blobs import LAS, SHAPE, BlobHead
from support.images import write_image

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.itk_text import format_transforms
from fmriprod.algorithms.resample import resample
from fmriprod.algorithms.transforms import rigid_matrix
from fmriprod.interfaces.transforms import ApplyTransform, read_fsl_transform, read_transforms

ONE, TWO = rigid_matrix([3, -2, 1, 0.1, 0, 0.05]), rigid_matrix([-1, 4, 2, 0, -0.1, 0.1])
GRID, SHAPE_OUT = (
    rigid_matrix([-60, -66, -44, 0.05, 0, 0]) @ np.diag([3.0, 3.0, 3.0, 1]),
    (40, 44, 30),
)


@pytest.fixture
def files(work):
    """One head, moved by TWO after ONE, and a grid to bring it onto."""
    write_image(work / "head.nii.gz", BlobHead().image(TWO @ ONE), LAS)
    write_image(work / "grid.nii.gz", np.zeros(SHAPE_OUT, np.float32), GRID)
    (work / "one.txt").write_text(format_transforms(ONE))
    (work / "two.txt").write_text(format_transforms(TWO))
    return {"in_file": str(work / "head.nii.gz"), "reference_file": str(work / "grid.nii.gz")}


def test_a_chain_is_applied_from_the_reference_with_one_interpolation(files, work):
    chain = [str(work / "one.txt"), str(work / "two.txt")]
    node = pe.Node(ApplyTransform(transform_files=chain, **files), name="apply", base_dir=str(work))
    out = nb.load(node.run().outputs.out_file)
    np.testing.assert_allclose(out.affine, GRID, atol=1e-5)
    truth = BlobHead().image(shape=SHAPE_OUT, affine=GRID)
    mask = nb.load(node.result.outputs.out_mask).get_fdata() == 1
    assert mask.mean() > 0.9 and (out.get_fdata()[~mask] == 0).all()
    assert np.abs(out.get_fdata() - truth)[mask].mean() < 3  # of 1000
    direct = resample(
        nb.load(files["in_file"]).get_fdata(dtype=np.float32), LAS, SHAPE_OUT,
        nb.load(files["reference_file"]).affine, TWO @ ONE, "spline",
    )  # fmt: skip
    np.testing.assert_allclose(out.get_fdata(), direct, atol=0.01)


def test_an_inverse_undoes_a_transform(files, work):
    chain = [str(work / "one.txt")] * 2
    same = ApplyTransform(transform_files=chain, invert=[False, True], **files).run().outputs
    plain = ApplyTransform(**files).run(cwd=work.joinpath("b").mkdir() or str(work / "b")).outputs
    a, b = (nb.load(r.out_file).get_fdata() for r in (same, plain))
    np.testing.assert_allclose(a, b, atol=1e-2)
    assert (plain.out_file != same.out_file) and b.any()


def test_a_series_goes_through_one_transform_for_each_volume(files, work):
    matrices = np.array([np.eye(4), ONE, TWO])
    series = np.stack([BlobHead().image(TWO @ m) for m in matrices], axis=3)
    write_image(work / "run.nii.gz", series, LAS, tr=1.5)
    (work / "motion.txt").write_text(format_transforms(matrices))
    files["in_file"] = str(work / "run.nii.gz")
    chain = [str(work / "motion.txt"), str(work / "two.txt")]
    out = nb.load(ApplyTransform(transform_files=chain, **files).run().outputs.out_file)
    assert out.shape == (*SHAPE_OUT, 3) and out.header.get_zooms()[3] == 1.5
    seen = out.get_fdata().all(axis=3)
    truth = BlobHead().image(shape=SHAPE_OUT, affine=GRID)
    assert seen.mean() > 0.7
    assert np.abs(out.get_fdata()[seen] - truth[seen][:, None]).mean() < 3


def test_labels_stay_labels(files, work, rng):
    labels = rng.integers(0, 2036, SHAPE).astype(np.int16)
    files["in_file"] = str(write_image(work / "labels.nii.gz", labels, LAS))
    out = nb.load(ApplyTransform(interpolation="nearest", **files).run().outputs.out_file)
    assert out.get_data_dtype() == np.int16
    assert set(np.unique(out.dataobj)) <= set(np.unique(labels)) | {0}


def test_wrong_lists_are_refused(files, work):
    (work / "three.txt").write_text(format_transforms(np.array([np.eye(4)] * 3)))
    (work / "four.txt").write_text(format_transforms(np.array([np.eye(4)] * 4)))
    for transforms, invert, message in [
        (["one.txt"], [True, False], "one value for each of the 1 transform_files"),
        (["three.txt"], [False], "one transform for a single volume"),
        (["three.txt", "four.txt"], [False] * 2, "the same number of volumes"),
    ]:
        paths = [str(work / name) for name in transforms]
        with pytest.raises(InputError, match=message) as error:
            ApplyTransform(transform_files=paths, invert=invert, **files).run()
        assert "ApplyTransform" in str(error.value)


def test_files_that_hold_no_transform_are_named(work):
    (work / "a.txt").write_text("hello")
    (work / "b.txt").write_bytes(b"\xff\xfe\x00\x01")
    for name, message in [("a.txt", "begins with 'hello'"), ("b.txt", "in UTF-8")]:
        with pytest.raises(InputError, match=message) as error:
            read_transforms(work / name)
        assert name in str(error.value)
    image = nb.Nifti1Image(np.zeros((3, 3, 3)), np.eye(4))
    with pytest.raises(InputError, match="four rows of four numbers") as error:
        read_fsl_transform(work / "a.txt", image, image)
    assert "a.txt" in str(error.value)
