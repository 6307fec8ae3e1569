import nibabel as nb
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.images import write_image

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.images import (
    check_same_grid,
    load_image,
    load_mask,
    open_image,
    repetition_time,
    save_image,
)


def image_of(zoom, unit, shape=(2, 2, 2, 5)):
    image = nb.Nifti1Image(np.zeros(shape, np.float32), np.eye(4))
    image.header.set_xyzt_units("mm", unit)
    image.header.set_zooms((1, 1, 1, zoom))
    return image


@pytest.mark.parametrize(
    ("zoom", "unit", "seconds"),
    [(2.0, "sec", 2.0), (1500.0, "msec", 1.5), (800000.0, "usec", 0.8), (2.5, "unknown", 2.5)],
)
def test_repetition_time_is_in_seconds_whatever_the_header_counts_in(zoom, unit, seconds):
    assert repetition_time(image_of(zoom, unit)) == pytest.approx(seconds)


def test_a_repetition_time_that_is_given_must_agree_unless_it_overrides():
    image = image_of(2.0, "sec")
    assert repetition_time(image, 2.0005) == 2.0005
    with pytest.raises(InputError, match=r"2\.4 s\n.*2 s in the header"):
        repetition_time(image, 2.4)
    assert repetition_time(image, 2.4, override=True) == 2.4
    assert repetition_time(image_of(0.0, "sec"), 2.4) == 2.4
    with pytest.raises(InputError, match="give the repetition time explicitly"):
        repetition_time(image_of(0.0, "sec"))


@pytest.mark.parametrize(("sform", "qform", "expected"), [(4, 1, 4), (0, 2, 2), (1, 1, 1)])
def test_what_the_world_means_is_kept(work, sform, qform, expected):
    """The code says whether coordinates are the scanner's or a template's."""
    affine = np.array([[-2, 0.1, 0, 3], [0.1, 2, 0, -4], [0, 0, 2, 5], [0, 0, 0, 1.0]])
    affine[:3, :3] = np.linalg.qr(affine[:3, :3])[0] * 2
    like = nb.Nifti1Image(np.zeros((3, 4, 5), np.float32), affine)
    like.set_sform(affine, sform)
    like.set_qform(affine, qform)
    save_image(work / "out.nii.gz", np.ones((3, 4, 5), np.float32), like)
    written = nb.load(work / "out.nii.gz")
    assert (int(written.header["sform_code"]), int(written.header["qform_code"])) == (
        expected,
        expected,
    )
    np.testing.assert_allclose(written.affine, affine, atol=1e-6)
    np.testing.assert_allclose(written.get_qform(), affine, atol=1e-5)


def test_an_affine_with_shear_is_kept_in_the_sform_alone(work):
    sheared = np.eye(4)
    sheared[0, 1] = 0.5
    like = nb.Nifti1Image(np.zeros((3, 3, 3), np.float32), sheared)
    save_image(work / "out.nii", np.zeros((3, 3, 3), np.float32), like)
    written = nb.load(work / "out.nii")
    np.testing.assert_allclose(written.affine, sheared)
    assert int(written.header["qform_code"]) == 0


def test_the_same_array_gives_the_same_bytes_and_values_without_factors(work, rng):
    data = rng.normal(size=(4, 4, 4, 3)).astype(np.float32)
    like = image_of(1.7, "sec", data.shape)
    for name in ("a.nii.gz", "b.nii.gz"):
        save_image(work / name, data, like)
    assert (work / "a.nii.gz").read_bytes() == (work / "b.nii.gz").read_bytes()
    back, image = load_image(work / "a.nii.gz")
    np.testing.assert_array_equal(back, data)
    assert image.header.get_zooms()[3] == pytest.approx(1.7)
    assert image.header.get_xyzt_units() == ("mm", "sec")
    assert (image.dataobj.slope, image.dataobj.inter) == (1, 0)


@given(st.floats(0, 0.01), st.integers(0, 2))
def test_grids_are_the_same_up_to_a_micrometre_at_every_corner(shift, axis):
    like = nb.Nifti1Image(np.zeros((50, 50, 30), np.int8), np.diag([2.0, 2, 2, 1]))
    affine = like.affine.copy()
    affine[axis, 3] += shift
    image = nb.Nifti1Image(np.zeros((50, 50, 30), np.int8), affine)
    if shift <= 0.999e-3:
        check_same_grid(image, like)
    elif shift >= 1.001e-3:
        with pytest.raises(InputError, match="differs by up to"):
            check_same_grid(image, like)


def test_a_small_turn_is_seen_though_the_origin_is_the_same():
    like = nb.Nifti1Image(np.zeros((50, 50, 30), np.int8), np.diag([2.0, 2, 2, 1]))
    turned = like.affine.copy()
    turned[0, 1] = 1e-3
    with pytest.raises(InputError, match=r"0\.049 mm"):
        check_same_grid(nb.Nifti1Image(np.zeros((50, 50, 30), np.int8), turned), like)


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
@pytest.mark.parametrize(
    "dtype", [np.complex64, [("R", "u1"), ("G", "u1"), ("B", "u1")]], ids=["complex", "colours"]
)
def test_voxels_that_are_no_real_numbers_are_refused(work, name, dtype):
    nb.save(nb.Nifti1Image(np.ones((3, 3, 3), dtype), np.eye(4)), name)
    with pytest.raises(InputError, match=r"real numbers as voxels(.|\n)*one real number a voxel"):
        open_image(name)


@pytest.mark.parametrize("value", [1e300, -1e10, 1e38])
def test_a_voxel_farther_than_any_head_is_refused(work, value):
    affine = np.eye(4)
    affine[0, 1] = value
    nb.save(nb.Nifti2Image(np.ones((3, 3, 3), np.float32), affine), "a.nii")
    with pytest.raises(InputError, match="an invertible affine"):
        open_image("a.nii")


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32])
def test_a_mask_is_what_is_neither_0_nor_nan(work, dtype):
    data = np.zeros((3, 3, 3), dtype)
    data[0, 0, 0], data[1, 1, 1] = 1, 3
    if dtype is np.float32:
        data[2, 2, 2] = np.nan
    path = write_image(work / "mask.nii", data)
    mask = load_mask(path, open_image(path))
    assert mask.dtype == bool and np.argwhere(mask).tolist() == [[0, 0, 0], [1, 1, 1]]
    empty = write_image(work / "empty.nii", np.zeros((3, 3, 3), dtype))
    with pytest.raises(InputError, match="no voxel is set"):
        load_mask(empty, open_image(path))


def test_a_header_without_repetition_time_is_copied_as_it_is(work):
    like = image_of(0.0, "sec")
    save_image(work / "out.nii", np.zeros(like.shape, np.float32), like)
    assert nb.load(work / "out.nii").header.get_zooms()[3] == 0


@pytest.mark.parametrize("dtype", ["u1", "i2", "f4"])
@pytest.mark.parametrize(("slope", "inter"), [(1, 0), (0.25, 0), (1, -3)])
def test_a_mask_is_what_is_not_zero_after_scaling(work, dtype, slope, inter):
    stored = np.zeros((4, 4, 4), dtype)
    stored[1:3, 1:3, 1] = 3
    stored[3, 3, 3] = 1
    image = nb.Nifti1Image(stored, np.eye(4))
    image.header.set_slope_inter(slope, inter)
    image.to_filename(work / "mask.nii")
    expected = nb.load(work / "mask.nii").get_fdata() != 0
    assert expected.any() and not expected.all()
    np.testing.assert_array_equal(load_mask("mask.nii", open_image("mask.nii")), expected)
