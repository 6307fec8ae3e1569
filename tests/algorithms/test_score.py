import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.score import (
    at_least,
    at_most,
    dice,
    distance_to,
    judge_evidence,
    judge_map,
    mean_rigid,
    motion_error,
    nearby_share,
    place_region,
)
from fmriprod.algorithms.transforms import rigid_matrix

AFFINE = np.diag([2.0, 3.0, 4.0, 1.0])
RIGID = st.tuples(*[st.floats(-20, 20)] * 3, *[st.floats(-0.4, 0.4)] * 3)


def box(start, stop, shape=(20, 20, 20)):
    mask = np.zeros(shape, bool)
    mask[tuple(slice(a, b) for a, b in zip(start, stop, strict=True))] = True
    return mask


def test_limits_are_stated_and_kept():
    assert at_most(0.3, 0.3, "mm").ok
    assert not at_most(0.31, 0.3, "mm").ok
    assert not at_most(np.nan, 0.3, "mm").ok
    assert at_least(0.5, 0.5).expected == "at least 0.5"
    assert at_least(0.123456, 0.1, "%").content() == {
        "expected": "at least 0.1 %", "found": 0.1235, "unit": "%", "ok": True,
    }  # fmt: skip


def test_dice_of_boxes():
    one, two = box((0, 0, 0), (4, 4, 4)), box((2, 0, 0), (6, 4, 4))
    assert dice(one, one) == 1
    assert dice(one, two) == pytest.approx(2 * 32 / 128)
    assert dice(one, box((10, 10, 10), (12, 12, 12))) == 0
    with pytest.raises(InputError, match="no voxel in either"):
        dice(one & False, one & False)
    with pytest.raises(InputError, match=r"shape \(3, 3, 3\)"):
        dice(one, np.ones((3, 3, 3), bool))


def test_distances_are_in_mm():
    distance = distance_to(box((5, 5, 5), (6, 6, 6)), AFFINE)
    assert distance[5, 5, 5] == 0
    assert distance[8, 5, 5] == 6
    assert distance[5, 7, 5] == 6
    assert distance[8, 9, 5] == pytest.approx(np.hypot(6, 12))


@given(RIGID)
def test_a_region_is_found_again_where_its_pose_puts_it(parameters):
    """A ball, whose volume and centre no rotation changes, on a coarser grid."""
    fine = np.diag([1.5, 1.5, 1.5, 1.0])
    fine[:3, 3] = -45
    index = np.moveaxis(np.indices((61, 61, 61)), 0, -1) * 1.5 - 45
    ball = np.linalg.norm(index - [5, -3, 2], axis=-1) < 15
    coarse = np.diag([-4.0, 4.0, 4.0, 1.0])
    coarse[:3, 3] = 60, -60, -60
    pose = rigid_matrix(parameters)
    there = place_region(ball, fine, (31, 31, 31), coarse, pose)
    points = np.argwhere(there) @ coarse[:3, :3].T + coarse[:3, 3]
    target = pose[:3, :3] @ [5, -3, 2] + pose[:3, 3]
    np.testing.assert_allclose(points.mean(axis=0), target, atol=0.6)
    assert len(points) * 64 == pytest.approx(4 / 3 * np.pi * 15**3, rel=0.12)


@given(RIGID)
def test_the_reference_of_an_estimate_does_not_matter(parameters):
    rng = np.random.default_rng(4)
    true = rigid_matrix(rng.normal(size=(20, 6)) * [1, 1, 1, 0.01, 0.01, 0.01], (1, 2, 3))
    points = rng.uniform(-70, 70, (200, 3))
    found = true @ rigid_matrix(parameters)
    assert motion_error(found, true, points).max() < 1e-6


def test_errors_of_motion_are_measured_in_mm():
    rng = np.random.default_rng(4)
    true = rigid_matrix(rng.normal(size=(40, 6)) * [1, 1, 1, 0.01, 0.01, 0.01])
    points = rng.uniform(-70, 70, (200, 3))
    found = true.copy()
    found[7, 0, 3] += 4  # one volume 4 mm off, of which the mean pose takes a fortieth
    error = motion_error(found, true, points)
    assert error[7] == pytest.approx(4 * 39 / 40, abs=0.02)
    np.testing.assert_allclose(np.delete(error, 7), 0.1, atol=0.02)
    still = np.broadcast_to(np.eye(4), true.shape)
    assert motion_error(still, true, points).mean() > 0.5
    with pytest.raises(InputError, match="each of 40 volumes"):
        motion_error(found[:5], true, points)


def test_the_mean_of_opposite_motions_is_none():
    pair = rigid_matrix([[1, 2, 3, 0.1, 0, 0], [-1, -2, -3, -0.1, 0, 0]], (4, 5, 6))
    np.testing.assert_allclose(mean_rigid(pair, np.array([4, 5, 6])), np.eye(4), atol=1e-12)


def test_a_map_is_judged_by_peak_share_and_false_alarms(rng):
    brain = np.ones((20, 20, 20), bool)
    planted = box((8, 8, 8), (12, 12, 12))
    z = rng.standard_normal(brain.shape) + 8 * planted
    judged = judge_map(z, AFFINE, planted, brain, 3.1)
    assert all(v.ok for v in judged.values())
    assert judged["region with z above 3.1"].found > 95
    for other in (rng.standard_normal(brain.shape), np.roll(z, 8, axis=0)):
        judged = judge_map(other, AFFINE, planted, brain, 3.1)
        assert not judged["peak from the region"].ok
        assert not judged["region with z above 3.1"].ok
    everywhere = judge_map(z + 5, AFFINE, planted, brain, 3.1)
    assert not everywhere["rest of the brain with z above 3.1"].ok


@pytest.mark.parametrize(
    ("low", "high", "above", "chance"),
    [(0.3, 0.5, True, False), (0.2, 0.3, False, True), (0.1, 0.2, False, False)],
)
def test_evidence_is_judged_by_its_interval(low, high, above, chance):
    summary = {
        "accuracy": (low + high) / 2,
        "chance": 0.25,
        "accuracy_interval": {"low": low, "high": high},
    }
    assert judge_evidence(summary).ok is above
    assert judge_evidence(summary, chance_only=True).ok is chance


def test_a_region_that_lies_nearby_is_near():
    planted = [box((0, 0, 0), (4, 4, 4)), box((10, 10, 10), (14, 14, 14))]
    assert nearby_share(planted[1], planted, AFFINE) == 1
    assert nearby_share(box((4, 0, 0), (6, 4, 4)), planted, AFFINE) == 1
    assert nearby_share(box((4, 0, 0), (8, 4, 4)), planted, AFFINE) == 0.5
    assert nearby_share(box((17, 0, 0), (20, 4, 4)), planted, AFFINE) == 0
