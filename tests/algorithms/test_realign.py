import numpy as np
import pytest
from support.blobs import LAS, SHAPE, BlobHead

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.realign import realign
from fmriprod.algorithms.transforms import grid_center, rigid_matrix

CENTER = grid_center(SHAPE, LAS)
MOTION = np.array([[0, 0, 0, 0, 0, 0], [1, -1, 0.5, 0.02, 0.01, -0.02], [0, 2, -1, -0.03, 0, 0.02]])


@pytest.fixture
def run():
    head, matrices = BlobHead(), rigid_matrix(MOTION, CENTER)
    return np.stack([head.image(m) for m in matrices], axis=3), matrices


def test_the_head_stands_still_again(run):
    series, matrices = run
    before = series.std(axis=3).mean()
    out, covered = realign(series, LAS, matrices)
    assert out is series  # one copy in memory
    assert out[covered].std(axis=1).mean() < before / 20
    np.testing.assert_allclose(out[..., 0][covered], BlobHead().image()[covered], atol=1e-3)


def test_a_voxel_that_leaves_the_field_of_view_is_out_in_all_volumes(rng):
    series = (1000 + rng.normal(size=(*SHAPE, 4))).astype(np.float32)
    matrices = np.array([np.eye(4)] * 4)
    matrices[2, 2, 3] = -9.0  # mm: two of the lowest slices of 4 mm leave
    out, covered = realign(series.copy(), LAS, matrices)
    np.testing.assert_array_equal(covered.all(axis=(0, 1)), [False] * 2 + [True] * 22)
    assert (out[~covered] == 0).all() and (out[covered] > 900).all()
    edge, seen = realign(series.copy(), LAS, matrices, outside="edge")
    np.testing.assert_array_equal(seen, covered)
    assert (edge > 900).all()
    np.testing.assert_allclose(edge[:, :, 0, 2], series[:, :, 0, 2], rtol=1e-5)


def test_half_a_voxel_of_motion_costs_no_voxel(rng):
    series = (1000 + rng.normal(size=(*SHAPE, 2))).astype(np.float32)
    matrices = np.array([np.eye(4), rigid_matrix([1.7, -1.7, 1.9, 0, 0, 0])])
    out, covered = realign(series, LAS, matrices)
    assert covered.all() and (out > 900).all()


@pytest.mark.parametrize("outside", ["exclude", "edge"])
def test_a_voxel_that_is_nan_once_is_out_in_all_volumes(run, outside):
    series, matrices = run
    series[20, 20, 12, 1] = np.nan
    out, covered = realign(series, LAS, matrices, outside=outside)
    assert np.isfinite(out).all()
    lost = np.argwhere((out == 0).all(axis=3) & (BlobHead().image() > 500))
    assert 1 <= len(lost) <= 8 + (outside == "exclude") * 400
    assert np.abs(np.argwhere(~covered)[:, None] - [[20, 20, 12]]).max(axis=2).min() <= 2


def test_another_grid_and_threads(run):
    series, matrices = run
    to = (20, 22, 30), rigid_matrix([0, 0, 0, 0.2, 0, 0]) @ np.diag([3.0, 3, 3, 1])
    one, covered = realign(series, LAS, matrices, *to, "linear", num_threads=1)
    two, _ = realign(series, LAS, matrices, *to, "linear", num_threads=3)
    assert one.shape == (20, 22, 30, 3) and covered.any()
    np.testing.assert_array_equal(one, two)


def test_transforms_of_another_run_are_refused(run):
    with pytest.raises(InputError, match="one for each of 3 volumes") as error:
        realign(run[0], LAS, run[1][:2])
    assert "found:    2 transforms" in str(error.value)


@pytest.mark.parametrize("outside", ["exclude", "edge"])
def test_voxels_that_are_constant_before_the_alignment_are_so_after_it(rng, outside):
    series = (1000 + rng.normal(size=(*SHAPE, 6))).astype(np.float32)
    series[10:12, 12, 12] = 0
    series[20, 12, 12] = 777
    still = np.array([np.eye(4)] * 6)
    out, covered = realign(series.copy(), LAS, still, outside=outside)
    dead = np.zeros(SHAPE, bool)
    dead[10:12, 12, 12] = dead[20, 12, 12] = True
    np.testing.assert_array_equal((out == 0).all(axis=3), dead)
    assert not covered[dead].any() and covered[~dead].all()
    moved = still.copy()
    moved[2, 0, 3] = 4.0  # one voxel: another voxel is nearest to the constant ones
    out, covered = realign(series.copy(), LAS, moved, outside="exclude")
    inside = np.zeros(SHAPE, bool)
    inside[2:-2] = True
    assert (~covered & inside).sum() == 5  # the two become three, the one two
    assert (out[~covered] == 0).all()


@pytest.mark.parametrize("n_volumes", [1, 2])
def test_a_few_volumes_say_nothing_about_constant_voxels(n_volumes):
    assert realign(np.ones((*SHAPE, n_volumes), np.float32), LAS, np.eye(4))[1].all()
