"""Spheres of voxels: who is inside, and who is left out."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.spheres import find_spheres, sphere_offsets


def rotation(angles):
    x, y, z = angles
    turn = np.eye(3)
    for angle, (i, j) in zip((x, y, z), ((1, 2), (0, 2), (0, 1)), strict=True):
        one = np.eye(3)
        one[i, i] = one[j, j] = np.cos(angle)
        one[i, j], one[j, i] = -np.sin(angle), np.sin(angle)
        turn = turn @ one
    return turn


def members_by_distance(mask, affine, radius, usable):
    """All distances of all voxels in mm, slowly."""
    world = np.argwhere(mask) @ affine[:3, :3].T + affine[:3, 3]
    near = cdist(world, world) <= radius * (1 + 1e-6)
    return near & usable[None] & usable[:, None]


@settings(max_examples=40, deadline=None)
@given(
    st.tuples(*[st.integers(1, 7)] * 3),
    st.tuples(*[st.sampled_from([1.5, 2.0, 3.0, 4.5])] * 3),
    st.tuples(*[st.floats(-3, 3)] * 3),
    st.floats(0.5, 9.0),
    st.integers(1, 20),
    st.integers(0, 100),
)
def test_spheres_hold_what_is_within_the_radius(shape, sizes, angles, radius, least, seed):
    rng = np.random.default_rng(seed)
    mask = rng.random(shape) < 0.7
    mask.flat[0] = True
    usable = rng.random(int(mask.sum())) < 0.9
    affine = np.eye(4)
    affine[:3, :3] = rotation(angles) @ np.diag(sizes)
    affine[:3, 3] = (10, -20, 5)
    expected = members_by_distance(mask, affine, radius, usable)
    large = (expected.sum(axis=1) >= least) & usable
    if not large.any():
        with pytest.raises(InputError, match="a sphere holds"):
            find_spheres(mask, affine, radius=radius, min_voxels=least, usable=usable)
        return
    found = find_spheres(mask, affine, radius=radius, min_voxels=least, usable=usable)
    np.testing.assert_array_equal(found.centres, np.flatnonzero(large))
    np.testing.assert_array_equal(found.n_voxels, expected[large].sum(axis=1))
    assert found.n_left_out == usable.sum() - large.sum()
    for index, centre in enumerate(found.centres):
        np.testing.assert_array_equal(found.of(index), np.flatnonzero(expected[centre]))


def test_a_voxel_at_the_radius_is_inside():
    affine = np.diag([3.0, 3.0, 3.0, 1.0])
    assert len(sphere_offsets(affine, radius=9.0)) == 123  # of the published analysis
    assert len(sphere_offsets(affine, radius=8.99)) == 123 - 30
    assert len(sphere_offsets(affine * 7, radius_voxels=3)) == 123
    assert len(sphere_offsets(np.eye(4), radius_voxels=1)) == 7
    assert len(sphere_offsets(np.diag([1, 1, 4, 1.0]), radius=1)) == 5
    tenth = np.diag([0.1, 0.1, 0.1, 1.0])  # 3 * 0.1 is above 0.3 in floating point
    assert len(sphere_offsets(tenth, radius=0.3)) == 123


def test_spheres_do_not_leave_the_grid():
    found = find_spheres(np.ones((6, 6, 6), bool), np.eye(4), radius_voxels=1.0, min_voxels=1)
    corner = found.of(0)
    np.testing.assert_array_equal(
        np.unravel_index(corner, (6, 6, 6)), [[0, 0, 0, 1], [0, 0, 1, 0], [0, 1, 0, 0]]
    )
    assert found.n_voxels.sum() == 6**3 * 7 - 6 * 6**2


def test_nine_millimetres_unless_given():
    mask = np.ones((7, 7, 7), bool)
    affine = np.diag([3.0, 3.0, 3.0, 1.0])
    assert find_spheres(mask, affine).n_voxels.max() == 123


@pytest.mark.parametrize(
    "radius",
    [
        {"radius": 0.0},
        {"radius": np.nan},
        {"radius_voxels": -1.0},
        {"radius": 1.0, "radius_voxels": 1.0},
    ],
)
def test_a_radius_is_one_number_above_0(radius):
    with pytest.raises(InputError, match="one radius above 0"):
        find_spheres(np.ones((3, 3, 3), bool), np.eye(4), **radius)


def test_a_mask_that_leaves_no_sphere_is_refused():
    mask = np.zeros((9, 9, 9), bool)
    mask[4, 4, 2:5] = True
    with pytest.raises(InputError, match=r"(?s)10 usable voxels or more.*3 voxels, 3 of them.*33"):
        find_spheres(mask, np.eye(4), radius=2.0)
