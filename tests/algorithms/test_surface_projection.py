"""Patches of a sphere, whose shell has a known volume."""

import numpy as np
import pytest
from nibabel.freesurfer import MGHImage
from support.spheres import icosphere

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.surface_projection import (
    fill_voxels,
    project_label,
    surface_affine,
    vertex_normals,
)


def test_normals_of_a_sphere_point_outwards():
    vertices, faces = icosphere(3)
    normals = vertex_normals(30 * vertices, faces)
    assert np.einsum("ij,ij->i", normals, vertices).min() > 0.999
    assert (vertex_normals(vertices, faces[:1])[faces[0].max() + 1 :] == 0).all()


def test_the_voxels_that_a_shell_passes_through_are_filled():
    vertices, faces = icosphere(6)
    radius, depth, edge = 20.0, 3.0, 2.0
    points = project_label(
        np.arange(len(vertices)), radius * vertices, faces, thickness=np.full(len(vertices), depth)
    )
    distance = np.linalg.norm(points, axis=1)
    assert distance.min() == pytest.approx(radius, abs=1e-3)
    assert distance.max() == pytest.approx(radius + depth, abs=1e-2)
    affine = np.diag([edge] * 3 + [1.0])
    affine[:3, 3] = -40
    mask, n_outside = fill_voxels(points, affine, (41, 41, 41))
    centre = np.abs(np.indices(mask.shape) * edge - 40)
    nearest = np.linalg.norm(np.maximum(centre - edge / 2, 0), axis=0)
    farthest = np.linalg.norm(centre + edge / 2, axis=0)
    meets = (nearest <= radius + depth + 1e-3) & (farthest >= radius - 1e-3)
    middle = np.linalg.norm(centre, axis=0)
    assert (mask <= meets).all() and n_outside == 0
    assert mask[(middle > radius) & (middle < radius + depth)].all()
    assert mask.sum() > 0.9 * meets.sum()  # what it misses is met by a corner only
    more = project_label(
        np.arange(len(vertices)), radius * vertices, faces,
        thickness=np.full(len(vertices), depth), fractions=np.linspace(0, 1, 51),
    )  # fmt: skip
    assert fill_voxels(more, affine, mask.shape)[0].sum() > 0.97 * meets.sum()
    # the same on the way to a pial surface
    pial = project_label(
        np.arange(len(vertices)), radius * vertices, faces, pial=(radius + depth) * vertices
    )
    np.testing.assert_allclose(pial, points, atol=0.05)


def test_a_label_fills_its_part_and_parts_make_the_whole():
    vertices, faces = icosphere(5)
    cap = np.flatnonzero(vertices[:, 2] > 0.5)  # a quarter of the sphere
    affine = np.diag([1.0, 1, 1, 1])
    affine[:3, 3] = -25
    thickness = np.full(len(vertices), 2.0)

    def fill(label):
        points = project_label(label, 20 * vertices, faces, thickness=thickness)
        return fill_voxels(points, affine, (51, 51, 51))[0]

    rest = np.setdiff1d(np.arange(len(vertices)), cap)
    whole = fill(np.arange(len(vertices)))
    np.testing.assert_array_equal(fill(cap) | fill(rest), whole)
    assert fill(cap).sum() / whole.sum() == pytest.approx(0.25, abs=0.02)
    z = np.argwhere(fill(cap))[:, 2] - 25
    assert z.min() >= 9


def test_surface_coordinates_are_those_of_the_conformed_header(rng):
    for shape, sizes in [((256, 256, 256), (1, 1, 1)), ((200, 220, 180), (0.8, 0.7, 0.9))]:
        image = MGHImage(np.zeros(shape, np.uint8), np.eye(4))
        image.header.set_zooms(sizes)
        expected = image.header.get_vox2ras_tkr()
        np.testing.assert_allclose(surface_affine(shape, np.array(sizes)), expected, atol=1e-4)


def test_points_outside_the_grid_are_counted():
    mask, n_outside = fill_voxels(np.array([[0.0, 0, 0], [9, 0, 0]]), np.eye(4), (2, 2, 2))
    assert mask.sum() == 1 and mask[0, 0, 0] and n_outside == 1


def test_what_does_not_belong_together_is_refused():
    vertices, faces = icosphere(1)
    n = len(vertices)
    for label, change, message in [
        ([0], {}, "neither"),
        ([0], {"thickness": np.ones(n + 1)}, f"{n} vertices as in the white surface"),
        ([0], {"pial": vertices[1:]}, f"{n} vertices as in the white surface"),
        ([n], {"thickness": np.ones(n)}, f"a surface that has {n}"),
        ([-1], {"thickness": np.ones(n)}, "vertices from -1"),
        ([], {"thickness": np.ones(n)}, "no vertex"),
    ]:
        with pytest.raises(InputError, match=message):
            project_label(np.array(label, int), vertices, faces, **change)
