"""A grid along the axes of the world holds what the volume holds, wherever its axes run."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nibabel.affines import apply_affine
from nibabel.orientations import axcodes2ornt, inv_ornt_aff, ornt_transform

from fmriprod.algorithms.viewer_grid import on_world_grid, world_grid

AFFINE = np.array([[3.0, 0, 0, -30], [0, 3, 0, -40], [0, 0, 3, -20], [0, 0, 0, 1]])


@pytest.fixture
def volume(rng):
    return rng.normal(size=(12, 14, 9)).astype(np.float32)


def test_a_grid_on_the_axes_gives_the_voxels_back(volume):
    grid = world_grid(np.ones(volume.shape, bool), AFFINE)
    assert grid.shape == volume.shape and grid.step == 3
    np.testing.assert_allclose(grid.origin, AFFINE[:3, 3])
    for order in (0, 1):
        np.testing.assert_allclose(on_world_grid(volume, AFFINE, grid, order=order), volume)


@pytest.mark.parametrize("codes", ["LAS", "PIR", "SRA", "ILP"])
def test_the_order_of_axes_does_not_matter(volume, codes):
    turn = ornt_transform(axcodes2ornt("RAS"), axcodes2ornt(codes))
    from nibabel.orientations import apply_orientation

    turned, affine = apply_orientation(volume, turn), AFFINE @ inv_ornt_aff(turn, volume.shape)
    grid = world_grid(np.ones(turned.shape, bool), affine)
    np.testing.assert_allclose(on_world_grid(turned, affine, grid, order=0), volume)


def test_a_point_lands_where_it_is_also_on_an_oblique_grid():
    angle = 0.4
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0],
                     [0, 0, 1]])  # fmt: skip
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = turn * [2, 2, 4], (10, -20, 5)
    volume = np.zeros((20, 20, 10), np.float32)
    volume[7:10, 11:14, 4:6] = 1
    grid = world_grid(np.ones(volume.shape, bool), affine)
    found = on_world_grid(volume, affine, grid, order=1)
    centre = np.argwhere(found > 0.5).mean(axis=0) * grid.step + grid.origin
    np.testing.assert_allclose(centre, apply_affine(affine, [8, 12, 4.5]), atol=0.5)


@given(
    st.tuples(*[st.integers(1, 40)] * 3), st.floats(0.5, 5.0), st.integers(50, 5000),
    st.floats(1.0, 4.0),
)  # fmt: skip
def test_a_grid_covers_what_is_marked_and_is_never_too_large(shape, size, most, least):
    inside = np.zeros(shape, bool)
    inside[shape[0] // 2 :, :, shape[2] // 3 :] = True
    affine = np.diag([-size, size, size, 1.0])
    grid = world_grid(inside, affine, least_step=least, most_voxels=most)
    assert np.prod(grid.shape) <= most and grid.step >= max(least, size) - 1e-9
    world = apply_affine(affine, np.argwhere(inside))
    upper = grid.origin + grid.step * (np.array(grid.shape) - 1)
    assert (world >= grid.origin - 1e-6).all() and (world <= upper + 1e-4 * grid.step).all()


def test_nothing_marked_is_all_of_it_and_points_outside_are_drawn_in():
    grid = world_grid(np.zeros((4, 5, 6), bool), AFFINE)
    assert grid.shape == (4, 5, 6)
    assert grid.nearest([-30, -37, -14]) == [0, 1, 2] and grid.nearest([99, -99, 0]) == [3, 0, 5]
