import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.transforms import (
    check_affine,
    displacement,
    flip_ras_lps,
    framewise_displacement,
    fsl_to_ras,
    grid_center,
    mask_points,
    rigid_matrix,
    rigid_parameters,
)

shifts = st.tuples(*[st.floats(-100, 100)] * 3)
angles = st.tuples(st.floats(-3, 3), st.floats(-1.5, 1.5), st.floats(-3, 3))


@given(shifts, angles, shifts)
def test_parameters_come_back_and_the_center_only_shifts(shift, turn, center):
    parameters = np.array([*shift, *turn])
    matrix = rigid_matrix(parameters, center)
    np.testing.assert_allclose(rigid_parameters(matrix, center), parameters, atol=1e-7)
    moved = matrix @ [*center, 1]
    np.testing.assert_allclose(moved[:3] - center, shift, atol=1e-9)


def test_rotations_are_right_handed_about_x_then_y_then_z():
    a, b, c = 0.1, -0.2, 0.3
    about_x = [[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]]
    about_y = [[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]]
    about_z = [[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]]
    expected = np.array(about_z) @ about_y @ about_x
    np.testing.assert_allclose(rigid_matrix([0, 0, 0, a, b, c])[:3, :3], expected, atol=1e-12)


def test_many_at_once_are_as_one_by_one(rng):
    parameters = rng.normal(size=(5, 6))
    together = rigid_matrix(parameters, (1, 2, 3))
    for one, matrix in zip(parameters, together, strict=True):
        np.testing.assert_array_equal(rigid_matrix(one, (1, 2, 3)), matrix)


@pytest.mark.parametrize("diagonal", [(1.1, 1, 1, 1), (-1, 1, 1, 1)])
def test_a_matrix_that_is_not_rigid_has_no_six_parameters(diagonal):
    with pytest.raises(InputError, match="scales, shears or mirrors"):
        rigid_parameters(np.diag(diagonal))


@pytest.mark.parametrize(
    "affine", [np.eye(3), np.diag([1, 1, 0, 1]), np.full((4, 4), np.nan), np.ones((4, 4))]
)
def test_affines_that_are_none_are_refused(affine):
    with pytest.raises(InputError, match="4x4 invertible"):
        check_affine(affine)


def test_framewise_displacement_is_that_of_power():
    motion = np.zeros((4, 6))
    motion[1] = 0.1, -0.2, 0.3, 0.001, 0, -0.002  # .6 mm + 50 * .003
    motion[2] = motion[1]
    motion[3, 3] = 0.001  # back: .6 mm and .002 rad
    found = framewise_displacement(motion)
    assert np.isnan(found[0])
    np.testing.assert_allclose(found[1:], [0.75, 0, 0.7], atol=1e-12)


@pytest.mark.parametrize("first_axis", [-3.0, 3.0], ids=["radiological", "neurological"])
def test_an_fsl_shift_has_the_meaning_of_its_closed_form(first_axis):
    """FSL's x runs to the left in mm whatever the file's axis order is."""
    affine = np.diag([first_axis, 3, 3, 1.0])
    matrix = np.eye(4)
    matrix[:3, 3] = 6, 2, 1  # moving to reference: 6 mm left, 2 forward, 1 up
    found = fsl_to_ras(matrix, ((20, 20, 20), affine), ((20, 20, 20), affine))
    expected = np.eye(4)
    expected[:3, 3] = 6, -2, -1  # reference to moving: 6 mm right, 2 back, 1 down
    np.testing.assert_allclose(found, expected, atol=1e-12)


@given(shifts, angles, st.sampled_from([-1, 1]), st.sampled_from([-1, 1]))
def test_an_fsl_matrix_and_ours_agree_on_where_points_go(shift, turn, one, two):
    moving = ((10, 12, 14), rigid_matrix([*shift, 0.3, 0.1, 0.2]) @ np.diag([2 * one, 3, 4, 1]))
    reference = ((20, 22, 24), rigid_matrix([5, 6, 7, *turn]) @ np.diag([two, 1.5, 1, 1]))

    def fsl_point(grid, voxel):
        shape, affine = grid
        voxel = np.array(voxel, float)
        if np.linalg.det(affine[:3, :3]) > 0:
            voxel[0] = shape[0] - 1 - voxel[0]
        return voxel * np.linalg.norm(affine[:3, :3], axis=0)

    matrix = rigid_matrix([1, 2, 3, 0.2, -0.1, 0.3])
    found = fsl_to_ras(matrix, moving, reference)
    for voxel in [(0, 0, 0), (1, 2, 3), (9, 4, 2), (3, 11, 13)]:
        in_fsl = matrix[:3, :3] @ fsl_point(moving, voxel) + matrix[:3, 3]
        scale = np.linalg.norm(reference[1][:3, :3], axis=0)
        in_reference = in_fsl / scale
        if np.linalg.det(reference[1][:3, :3]) > 0:
            in_reference[0] = reference[0][0] - 1 - in_reference[0]
        world = reference[1] @ [*in_reference, 1]
        np.testing.assert_allclose(found @ world, moving[1] @ [*voxel, 1], atol=1e-6)


def test_flipping_is_its_own_inverse_and_negates_x_and_y(rng):
    matrix = rigid_matrix(rng.normal(size=6))
    np.testing.assert_array_equal(flip_ras_lps(flip_ras_lps(matrix)), matrix)
    point = rng.normal(size=3)
    ras = (matrix @ [*point, 1])[:3]
    lps = (flip_ras_lps(matrix) @ [*(point * (-1, -1, 1)), 1])[:3]
    np.testing.assert_allclose(lps, ras * (-1, -1, 1))


def test_displacement_over_a_mask():
    affine = np.diag([2.0, 2, 2, 1])
    points = mask_points(np.ones((3, 3, 3), bool), affine)
    np.testing.assert_allclose(points.mean(axis=0), grid_center((3, 3, 3), affine))
    shift = rigid_matrix([3, 4, 0, 0, 0, 0])
    np.testing.assert_allclose(displacement(shift, np.eye(4), points), 5)
    turn = rigid_matrix([0, 0, 0, 0, 0, np.pi])  # half a turn: twice the distance to the axis
    expected = 2 * np.linalg.norm(points[:, :2], axis=1)
    np.testing.assert_allclose(displacement(turn, np.eye(4), points), expected, atol=1e-12)
