import numpy as np
import pytest
from scipy import ndimage

from fmriprod.algorithms.skullstrip_surface import (
    Balloon,
    icosphere,
    inflate,
    normals,
    rasterise,
)


def test_icosphere_is_a_closed_sphere():
    vertices, faces = icosphere()
    assert vertices.shape == (2562, 3)
    edges = np.sort(faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    unique, count = np.unique(edges, axis=0, return_counts=True)
    assert (count == 2).all()  # each edge joins two triangles
    assert len(vertices) - len(unique) + len(faces) == 2  # Euler
    np.testing.assert_allclose(np.linalg.norm(vertices, axis=1), 1)
    np.testing.assert_allclose(normals(vertices, faces), vertices, atol=0.02)  # outwards


def test_normals_of_an_ellipsoid_are_its_gradient():
    sphere, faces = icosphere()
    radii = np.array([30.0, 50.0, 40.0])
    gradient = sphere / radii
    gradient /= np.linalg.norm(gradient, axis=1, keepdims=True)
    assert (normals(sphere * radii, faces) * gradient).sum(axis=1).min() > 0.999


@pytest.mark.parametrize("radii", [(20, 20, 20), (30, 18, 24)])
def test_rasterised_volume_is_that_of_the_ellipsoid(radii):
    sphere, faces = icosphere()
    mask = rasterise(32 + sphere * radii, faces, (64, 64, 64))
    grid = np.indices(mask.shape) - 32
    level = sum((g / r) ** 2 for g, r in zip(grid, radii, strict=True))
    assert mask[level < 0.93].all()
    assert not mask[level > 1.15].any()


def test_the_balloon_finds_an_ellipsoid_behind_a_dark_gap(rng):
    radii, centre = np.array([48.0, 62.0, 52.0]), np.array([62, 75, 66])
    grid = np.indices((124, 150, 132), dtype=np.float32)
    level = np.sqrt(sum(((g - c) / r) ** 2 for g, c, r in zip(grid, centre, radii, strict=True)))
    head = np.where(level < 1, 100, np.where((level > 1.08) & (level < 1.18), 120, 5.0))
    head = (head + rng.normal(0, 3, head.shape)).clip(0).astype(np.float32)
    start = Balloon(centre + np.array([4, -6, 5]), 60.0, 3.0, 12.0, 98.0)
    vertices = inflate(ndimage.gaussian_filter(head, 0.7), start)
    reached = np.sqrt((((vertices - centre) / radii) ** 2).sum(axis=1))
    assert 0.97 < reached.min() and reached.max() < 1.06  # at the gap all around
