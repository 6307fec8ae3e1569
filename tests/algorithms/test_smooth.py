import nibabel as nb
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nilearn.image import smooth_img
from scipy.spatial.transform import Rotation

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.smooth import smooth

AFFINE = np.diag([2.0, 3.0, 4.0, 1.0])


def _oblique(sizes, tilt):
    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_rotvec(tilt).as_matrix() @ np.diag(sizes)
    return affine


@given(
    st.floats(1, 12), st.tuples(*[st.floats(1, 4)] * 3), st.tuples(*[st.floats(-1, 1)] * 3),
    st.integers(0, 2**32 - 1),
)  # fmt: skip
def test_without_a_mask_it_is_nilearns_smoothing(fwhm, sizes, tilt, seed):
    affine = _oblique(sizes, tilt)
    data = np.random.default_rng(seed).normal(100, 10, (9, 8, 7)).astype(np.float32)
    theirs = smooth_img(nb.Nifti1Image(data, affine), fwhm).get_fdata()
    np.testing.assert_allclose(smooth(data, affine, fwhm), theirs, rtol=1e-5)


def test_a_point_becomes_a_gaussian_of_the_width_asked_for():
    sizes, fwhm = (1.0, 1.5, 2.0), 8.0
    point = np.zeros((61, 41, 31))
    point[30, 20, 15] = 1
    spread = smooth(point, np.diag([*sizes, 1]), fwhm).astype(float)
    assert spread.sum() == pytest.approx(1, abs=1e-5)
    for axis, size in enumerate(sizes):
        profile = spread.sum(axis=tuple({0, 1, 2} - {axis}))
        places = (np.arange(len(profile)) - len(profile) // 2) * size
        variance = (profile * places**2).sum()
        assert np.sqrt(variance * 8 * np.log(2)) == pytest.approx(fwhm, rel=0.005)
        # Half of the maximum is half the width away from the centre.
        half = np.interp(fwhm / 2, places[places >= 0], profile[places >= 0] / profile.max())
        assert half == pytest.approx(0.5, abs=0.01)


def test_two_smoothings_add_their_squares(rng):
    data = rng.normal(size=(40, 40, 40))
    affine = np.diag([1.0, 1, 1, 1])
    twice = smooth(smooth(data, affine, 4), affine, 3)
    np.testing.assert_allclose(twice, smooth(data, affine, 5), atol=1e-3)


@given(st.floats(0.5, 20), st.integers(0, 2**32 - 1), st.floats(0.05, 0.9))
def test_inside_a_mask_a_constant_stays_and_the_outside_does_not_matter(fwhm, seed, share):
    rng = np.random.default_rng(seed)
    mask = rng.random((7, 6, 5)) < share
    data = np.where(mask, 700, rng.normal(0, 1e4, mask.shape)).astype(np.float32)
    smoothed = smooth(data, AFFINE, fwhm, mask)
    np.testing.assert_allclose(smoothed[mask], 700, rtol=1e-5)
    assert not smoothed[~mask].any()


def test_normalised_convolution_is_a_weighted_mean_of_the_voxels_of_the_mask(rng):
    mask = rng.random((6, 7, 5)) < 0.6
    data, fwhm = rng.normal(size=mask.shape), 5.0
    smoothed = smooth(data, AFFINE, fwhm, mask)
    sigma = fwhm / np.sqrt(8 * np.log(2))
    places = np.argwhere(mask)
    inner = [p for p in places if (p >= 2).all() and (p < np.array(mask.shape) - 2).all()]
    # Beyond the field the image is mirrored, so the oracle mirrors it too.
    padded, padded_mask = (np.pad(a, 10, mode="symmetric") for a in (data, mask))
    grid = np.argwhere(padded_mask) - 10
    for place in [*inner, places[0], places[-1]]:
        steps = (grid - place) * [2, 3, 4]
        near = (np.abs(steps) <= 0.5 + 4 * sigma + np.array([1, 1.5, 2])).all(axis=1)
        radius = (4 * sigma / np.array([2, 3, 4]) + 0.5).astype(int)
        near = (np.abs(grid - place) <= radius).all(axis=1)
        weight = np.exp(-(steps[near] ** 2).sum(axis=1) / (2 * sigma**2))
        expected = (weight * padded[padded_mask][near]).sum() / weight.sum()
        assert smoothed[tuple(place)] == pytest.approx(expected, abs=1e-5)


def test_nan_neither_spreads_nor_is_filled(rng):
    data = rng.normal(100, 1, size=(8, 8, 8, 3)).astype(np.float32)
    data[4, 4, 4, 1], data[2, 2, 2, 1] = np.nan, np.inf
    smoothed = smooth(data, AFFINE, 6)
    assert np.isnan(smoothed[4, 4, 4, 1]) and np.isposinf(smoothed[2, 2, 2, 1])
    assert np.isfinite(smoothed).sum() == data.size - 2
    assert np.abs(smoothed[np.isfinite(smoothed)] - 100).max() < 3
    for volume in (0, 2):
        np.testing.assert_array_equal(smoothed[..., volume], smooth(data[..., volume], AFFINE, 6))
    finite = np.isfinite(data[..., 1])
    np.testing.assert_allclose(
        smoothed[..., 1][finite], smooth(data[..., 1], AFFINE, 6, finite)[finite], rtol=1e-6
    )


@pytest.mark.parametrize("level", [0, 700])
def test_voxels_without_data_neither_darken_their_neighbours_nor_get_a_signal(rng, level):
    """Motion correction writes 0 where the head left the field of view; the mask holds it."""
    series = rng.normal(100, 1, size=(9, 8, 10, 5)).astype(np.float32)
    mask = np.ones(series.shape[:3], bool)
    mask[0] = False
    lost = np.zeros_like(mask)
    lost[:, :, :2] = True
    series[lost] = level
    smoothed = smooth(series, AFFINE, 8, mask)
    np.testing.assert_array_equal(smoothed[lost & mask], level)
    expected = smooth(series, AFFINE, 8, mask & ~lost)
    np.testing.assert_allclose(smoothed[mask & ~lost], expected[mask & ~lost], rtol=1e-6)
    assert np.abs(smoothed[mask & ~lost] - 100).max() < 3


def test_a_single_volume_in_four_dimensions_is_no_constant_series(rng):
    volume = rng.normal(size=(6, 5, 4)).astype(np.float32)
    mask = np.ones(volume.shape, bool)
    np.testing.assert_array_equal(
        smooth(volume[..., None], AFFINE, 5, mask)[..., 0], smooth(volume, AFFINE, 5, mask)
    )


def test_width_zero_leaves_values_and_input_is_never_changed(rng):
    data = rng.normal(size=(4, 5, 6, 2)).astype(np.float32)
    data[1, 1, 1, 1] = np.nan
    before = data.copy()
    np.testing.assert_array_equal(smooth(data, AFFINE, 0), before)
    smooth(data, AFFINE, 4, np.ones((4, 5, 6), bool))
    np.testing.assert_array_equal(data, before)


def test_each_volume_is_smoothed_by_itself_in_any_memory_order(rng):
    data = rng.normal(size=(6, 5, 4, 3)).astype(np.float32)
    together = smooth(data, AFFINE, 5)
    for volume in range(3):
        alone = smooth(np.asfortranarray(data[..., volume]), AFFINE, 5)
        np.testing.assert_allclose(together[..., volume], alone, rtol=1e-5, atol=1e-6)
    turned = smooth(np.asfortranarray(data), AFFINE, 5)
    assert turned.flags.f_contiguous
    np.testing.assert_allclose(turned, together, atol=1e-6)


def test_noise_falls_as_theory_says(rng):
    """White noise of variance 1 keeps 1 / (8 pi^1.5 sx sy sz) of it, widths in voxels."""
    fwhm = 9.0
    smoothed = smooth(rng.normal(size=(60, 60, 60)), np.diag([2.0, 2, 2, 1]), fwhm)
    sigma = fwhm / np.sqrt(8 * np.log(2)) / 2
    inner = smoothed[10:-10, 10:-10, 10:-10]
    assert inner.var() == pytest.approx(1 / (8 * np.pi**1.5 * sigma**3), rel=0.1)


@pytest.mark.parametrize("fwhm", [-1.0, np.nan, np.inf])
def test_a_width_that_makes_no_sense_is_refused(fwhm):
    with pytest.raises(InputError, match="give the width in mm; 0 means no smoothing"):
        smooth(np.zeros((3, 3, 3)), AFFINE, fwhm)
