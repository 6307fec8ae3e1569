import numpy as np
import pytest
from nilearn.datasets import load_mni152_template

from fmriprod.algorithms.simulate_surfaces import (
    AREAS,
    THICKNESS,
    hemisphere,
    icosphere,
    ribbon_masks,
    vertex_normals,
)


@pytest.fixture(scope="module")
def brain():
    image = load_mni152_template(resolution=3)
    data = np.asarray(image.dataobj, np.float32)
    return data > 0.1 * data.max(), image.affine


@pytest.fixture(scope="module")
def surfaces(brain):
    return {side: hemisphere(*brain, side, subdivisions=5) for side in ("lh", "rh")}


def triangle_areas(points, faces):
    a, b, c = (points[faces[:, k]] for k in range(3))
    return np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2


@pytest.mark.parametrize("subdivisions", [0, 1, 3])
def test_a_sphere_of_triangles_is_closed_and_faces_outwards(subdivisions):
    points, faces = icosphere(subdivisions)
    assert len(points) == 10 * 4**subdivisions + 2
    assert len(faces) == 20 * 4**subdivisions
    np.testing.assert_allclose(np.linalg.norm(points, axis=1), 1)
    assert (np.linalg.det(points[faces]) > 0).all()
    edges = np.sort(faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2))
    assert (np.unique(edges, axis=0, return_counts=True)[1] == 2).all()
    assert len(np.unique(np.round(points, 9), axis=0)) == len(points)


def test_area_and_normals_of_a_sphere():
    points, faces = icosphere(4)
    assert triangle_areas(points, faces).sum() == pytest.approx(4 * np.pi, rel=0.005)
    np.testing.assert_allclose(vertex_normals(3 * points, faces), points, atol=0.01)


def test_hemispheres_lie_in_their_half_of_the_brain(brain, surfaces):
    mask, affine = brain
    for side, sign in (("lh", -1), ("rh", 1)):
        surface = surfaces[side]
        assert (sign * surface.pial[:, 0] > 0).mean() > 0.99
        voxels = (surface.white - affine[:3, 3]) @ np.linalg.inv(affine[:3, :3]).T
        inside = mask[tuple(np.rint(voxels).astype(int).T)]
        assert inside.mean() > 0.97
        depth = np.linalg.norm(surface.pial - surface.white, axis=1)
        np.testing.assert_allclose(depth, THICKNESS)
        # A hull of a hemisphere, folds not counted, has 400 to 600 square centimetres.
        assert 40e3 < triangle_areas(surface.pial, surface.faces).sum() < 70e3


def test_areas_lie_where_anatomy_has_them(surfaces):
    for surface in surfaces.values():
        assert set(surface.areas) == set(AREAS)
        chosen = np.concatenate(list(surface.areas.values()))
        assert len(np.unique(chosen)) == len(chosen)
        v1, v2, perirhinal = (np.abs(surface.pial[surface.areas[a]]).mean(axis=0) for a in AREAS)
        assert v1[0] < 12 and 75 < v1[1] < 95
        assert v2[0] < 20 and 70 < v2[1] < 95
        assert 20 < perirhinal[0] < 40 and perirhinal[1] < 25 and perirhinal[2] > 25
        assert surface.pial[surface.areas["V1_exvivo"], 1].max() < -55


def test_the_ribbon_of_an_area_is_as_large_as_area_times_thickness(surfaces):
    zoom = 1.5
    axes = [np.arange(low, high, zoom) for low, high in ((-80, 80), (-115, 20), (-60, 60))]
    mni = np.stack(np.meshgrid(*axes, indexing="ij"))
    masks = ribbon_masks(mni, surfaces)
    for name in AREAS:
        volume = 0.0
        for surface in surfaces.values():
            member = np.isin(surface.faces, surface.areas[name]).mean(axis=1)
            for points in (surface.pial, surface.white):
                areas = triangle_areas(points, surface.faces)
                volume += THICKNESS * (member * areas).sum() / 2
        assert masks[name].sum() * zoom**3 == pytest.approx(volume, rel=0.12)
    assert not (masks["V1_exvivo"] & masks["V2_exvivo"]).any()
    middle = (surfaces["lh"].pial + surfaces["lh"].white)[surfaces["lh"].areas["V1_exvivo"]] / 2
    voxels = np.rint((middle - mni[:, 0, 0, 0]) / zoom).astype(int)
    assert masks["V1_exvivo"][tuple(voxels.T)].mean() > 0.9
