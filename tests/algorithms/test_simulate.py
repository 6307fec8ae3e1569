import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fmriprod.algorithms.simulate import acquire, add_noise, random_motion
from fmriprod.algorithms.transforms import rigid_matrix

FINE = np.diag([2.0, 2.0, 2.0, 1.0])
FINE[:3, 3] = -64
GRID = np.diag([-4.0, 4.0, 4.0, 1.0])
GRID[:3, 3] = 46, -46, -46
SHAPE = (24, 24, 24)
SPREAD, CENTRE = np.array([8.0, 10.0, 6.0]), np.array([6.0, -4.0, 3.0])


def ball(points, extra=0.0):
    """Evaluate a Gaussian object, blurred by the voxel, at points of shape (..., 3)."""
    wide = np.sqrt(SPREAD**2 + extra)
    height = np.prod(SPREAD / wide)
    return height * np.exp(-0.5 * (((points - CENTRE) / wide) ** 2).sum(axis=-1))


def world(shape, affine):
    index = np.moveaxis(np.indices(shape), 0, -1)
    return index @ affine[:3, :3].T + affine[:3, 3]


OBJECT = ball(world((64, 64, 64), FINE)).astype(np.float32)
NOTHING = {
    "changes": np.empty((0, 64, 64, 64), np.float32),
    "courses": np.empty((0, 1, 24), np.float32),
}


@settings(max_examples=15)
@given(st.tuples(*[st.floats(-6, 6)] * 3), st.tuples(*[st.floats(-0.2, 0.2)] * 3))
def test_a_moved_object_is_seen_where_it_is(shift, turn):
    pose = rigid_matrix([*shift, *turn], (1.0, 2.0, 3.0))
    seen = acquire(OBJECT, FINE, SHAPE, GRID, pose[None], **NOTHING)[..., 0]
    back = np.linalg.inv(pose)
    points = world(SHAPE, GRID) @ back[:3, :3].T + back[:3, 3]
    np.testing.assert_allclose(seen, ball(points, 4.0**2 / 12), atol=0.01)


def test_an_object_that_moves_far_within_a_run_is_not_cut_off():
    motion = np.zeros((3, 6))
    motion[:, 0] = -15, 0, 15
    seen = acquire(OBJECT, FINE, SHAPE, GRID, rigid_matrix(motion), **NOTHING)
    np.testing.assert_allclose(seen.sum(axis=(0, 1, 2)), seen[..., 1].sum(), rtol=0.01)


def test_responses_follow_their_courses_slice_by_slice(rng):
    pose = np.broadcast_to(np.eye(4), (5, 4, 4))
    courses = rng.normal(size=(2, 5, 24)).astype(np.float32)
    changes = np.stack([0.02 * OBJECT, -0.01 * np.roll(OBJECT, 4, axis=2)])
    rest = acquire(OBJECT, FINE, SHAPE, GRID, pose, **NOTHING)
    busy = acquire(OBJECT, FINE, SHAPE, GRID, pose, changes=changes, courses=courses)
    parts = [acquire(c, FINE, SHAPE, GRID, pose[:1], **NOTHING)[..., 0] for c in changes]
    expected = sum(
        p[..., None] * np.moveaxis(c, 0, -1) for p, c in zip(parts, courses, strict=True)
    )
    np.testing.assert_allclose(busy - rest, expected, atol=3e-4)
    assert np.abs(busy - rest).max() > 0.01


@given(st.integers(20, 300), st.floats(0.05, 2), st.integers(0, 2**32 - 1))
def test_motion_begins_at_rest_and_has_the_size_that_is_asked_for(n_volumes, amplitude, seed):
    motion = random_motion(n_volumes, np.random.default_rng(seed), amplitude=amplitude, jumps=0)
    assert motion.shape == (n_volumes, 6)
    np.testing.assert_array_equal(motion[0], 0)
    size = np.sqrt((motion**2).mean(axis=0)) * ([1] * 3 + [50] * 3)
    assert 0.15 * amplitude <= size.max() <= amplitude * 1.001


def test_jumps_are_sudden_and_of_their_length(rng):
    motion = random_motion(200, rng, amplitude=1e-9, jumps=2, jump=0.6)
    steps = np.linalg.norm(np.diff(motion, axis=0) * ([1] * 3 + [50] * 3), axis=1)
    assert (steps > 1e-3).sum() == 2
    np.testing.assert_allclose(steps[steps > 1e-3], 0.6, rtol=1e-3)


def test_a_head_may_keep_still(rng):
    assert not random_motion(50, rng, amplitude=0, jumps=0).any()


@pytest.mark.parametrize("tsnr", [40.0, 120.0])
def test_noise_gives_grey_matter_its_tsnr_and_air_rayleigh_noise(rng, tsnr):
    series = np.zeros((24, 24, 24, 120), np.float32, order="F")
    series[:12] = 800
    noisy = add_noise(series, 2.0, zooms=(4.0,) * 3, tsnr=tsnr, rng=rng)
    grey, air = noisy[:12], noisy[12:]
    found = np.median(grey.mean(axis=-1) / grey.std(axis=-1))
    assert found == pytest.approx(tsnr, rel=0.08)
    thermal = 800 * np.sqrt(0.5) / tsnr
    assert air.mean() == pytest.approx(thermal * np.sqrt(np.pi / 2), rel=0.01)
