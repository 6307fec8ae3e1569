import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from support.blobs import LAS, SHAPE, BlobHead

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.resample import bridge_gaps, coverage, resample
from fmriprod.algorithms.transforms import grid_center, rigid_matrix

TILTED = rigid_matrix([4, -3, 2, 0.2, -0.1, 0.3]) @ np.diag([2.0, 2.5, 3.0, 1.0])


@pytest.mark.parametrize("how", ["nearest", "linear", "spline", "sinc"])
def test_a_grid_onto_itself_changes_nothing(how, rng):
    data = rng.normal(size=(9, 8, 7)).astype(np.float32)
    np.testing.assert_allclose(
        resample(data, TILTED, data.shape, TILTED, None, how), data, atol=2e-6
    )
    shift = TILTED[:3, :3] @ (1, -2, 0)
    transform = rigid_matrix([*shift, 0, 0, 0])
    moved = resample(data, TILTED, data.shape, TILTED, transform, how)
    np.testing.assert_allclose(moved[:-1, 2:], data[1:, :-2], atol=2e-6)


@given(st.lists(st.floats(-0.5, 0.5), min_size=6, max_size=6))
@settings(max_examples=15)
def test_a_linear_ramp_is_reproduced_wherever_the_grids_lie(parameters):
    shape, slope = (12, 11, 10), np.array([0.3, -0.7, 0.2])
    middle = grid_center(shape, TILTED)
    transform = rigid_matrix(parameters, middle)
    values = slope @ (TILTED[:3, :3] @ np.indices(shape).reshape(3, -1) + TILTED[:3, 3:])
    to = rigid_matrix([*middle, 0.1, 0.1, 0.1]) @ np.diag([1.0, 1.5, 1.2, 1])
    data = values.reshape(shape).astype(np.float32)
    found = resample(data, TILTED, (6, 5, 4), to, transform, outside=np.nan)
    points = np.indices((6, 5, 4)).reshape(3, -1)
    world = (transform @ to @ np.vstack([points, np.ones(points.shape[1])]))[:3]
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found.ravel(), slope @ world, atol=1e-4)


def test_linear_agrees_with_simpleitk_on_oblique_grids(rng):
    data = rng.normal(size=(9, 8, 7)).astype(np.float32)
    turn = rigid_matrix([1, 2, 1, 0.1, 0.05, -0.1])
    image = sitk.GetImageFromArray(np.ascontiguousarray(data.T))
    to_voxel = np.linalg.inv(TILTED) @ turn @ TILTED
    transform = sitk.AffineTransform(3)
    transform.SetMatrix(to_voxel[:3, :3].ravel().tolist())
    transform.SetTranslation(to_voxel[:3, 3].tolist())
    theirs = sitk.GetArrayFromImage(sitk.Resample(image, image, transform, sitk.sitkLinear)).T
    ours = resample(data, TILTED, data.shape, TILTED, turn)
    np.testing.assert_allclose(ours, theirs, atol=1e-4)
    assert (ours != 0).mean() > 0.5


def test_a_known_head_is_seen_where_it_was_moved_to():
    head, turn = BlobHead(), rigid_matrix([2, -1, 1.5, 0.05, 0.03, -0.04], grid_center(SHAPE, LAS))
    moved = head.image(turn)
    errors = {}
    for how in ("nearest", "linear", "spline", "sinc"):
        back = resample(moved, LAS, SHAPE, LAS, turn, how, "edge")
        errors[how] = np.sqrt(np.mean((back - head.image()) ** 2))
    assert errors["nearest"] > 2.5 * errors["linear"] > 6 * errors["spline"]
    assert errors["sinc"] < errors["linear"] / 2.5
    assert errors["spline"] < 5  # of 1000


def test_outside_is_explicit_and_begins_half_a_voxel_out():
    data, affine = np.full((5, 5, 5), 7, np.float32), np.eye(4)
    for shift, n_out in [(0.49, 0), (0.51, 1), (2.0, 2), (9.0, 5)]:
        transform = rigid_matrix([0, 0, shift, 0, 0, 0])
        args = (data, affine, (5, 5, 5), affine, transform)
        for how in ("nearest", "linear", "spline", "sinc"):
            out = resample(*args, how, -1.0)
            assert (out == -1).sum() == n_out * 25
            # The weights of a windowed sinc sum to one within a thousandth or two.
            np.testing.assert_allclose(out[out != -1], 7, rtol=2e-3 if how == "sinc" else 1e-5)
            np.testing.assert_allclose(resample(*args, how, "edge"), 7, rtol=2e-3)
        seen = coverage((5, 5, 5), affine, (5, 5, 5), affine, transform)
        assert (~seen).sum() == n_out * 25


def test_labels_keep_their_type_and_values(rng):
    labels = rng.integers(0, 2000, (6, 7, 8)).astype(np.int16)
    out = resample(labels, TILTED, (9, 9, 9), TILTED, rigid_matrix([3, 2, 1, 0.3, 0, 0]), "nearest")
    assert out.dtype == np.int16
    assert set(np.unique(out)) <= set(np.unique(labels)) | {0}
    with pytest.raises(InputError, match="int16 can hold"):
        resample(labels, TILTED, (9, 9, 9), TILTED, None, "nearest", np.nan)


@pytest.mark.parametrize("how", ["linear", "spline", "sinc"])
def test_a_nan_spreads_to_its_neighbours_and_no_further(how):
    head = BlobHead().image()
    holed = head.copy()
    holed[20, 20, 12] = np.nan
    shift = rigid_matrix([*(LAS[:3, :3] @ (0.5, 0.5, 0.5)), 0, 0, 0])
    out = resample(holed, LAS, SHAPE, LAS, shift, how)
    bad = np.argwhere(np.isnan(out))
    assert len(bad) == 8 and (bad >= (19, 19, 11)).all() and (bad <= (20, 20, 12)).all()
    whole = resample(head, LAS, SHAPE, LAS, shift, how)
    near = np.nan_to_num(np.abs(out - whole)).max()
    assert near < 12  # of 1000: the gap is bridged, it does not ring


def test_a_series_is_its_volumes_and_threads_change_nothing(rng):
    series = rng.normal(size=(9, 8, 7, 3)).astype(np.float32)
    args = (TILTED, (40, 41, 42), np.diag([1.0, 1, 1, 1]), None, "spline")
    together = resample(series, *args, num_threads=1)
    assert together.shape == (40, 41, 42, 3)
    for t in range(3):
        np.testing.assert_array_equal(resample(series[..., t], *args), together[..., t])
    np.testing.assert_array_equal(resample(series, *args, num_threads=3), together)


def test_a_gap_takes_the_nearest_value():
    volume = np.zeros((5, 5, 5)) + np.arange(5)
    bad = np.zeros((5, 5, 5), bool)
    bad[:, :, 3:] = True
    np.testing.assert_array_equal(bridge_gaps(volume, bad)[..., 3:], 2)
    assert (bridge_gaps(volume, np.ones_like(bad)) == 0).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"data": np.zeros(5)}, "three or four dimensions"),
        ({"to_shape": (5, 5)}, "three positive numbers"),
        ({"to_shape": (5, 5, 0)}, "three positive numbers"),
        ({"interpolation": "cubic"}, "one of nearest, linear, spline, sinc"),
        ({"transform": np.zeros((4, 4))}, "4x4 invertible"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(change, message):
    args = {"data": np.zeros((5, 5, 5)), "affine": np.eye(4), "to_shape": (5, 5, 5)}
    with pytest.raises(InputError, match=message):
        resample(**{**args, "to_affine": np.eye(4), **change})
