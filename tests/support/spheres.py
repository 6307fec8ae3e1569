"""Spheres of triangles."""

import numpy as np
from scipy.spatial import ConvexHull


def icosphere(n_splits):
    """Unit sphere of an icosahedron whose triangles were cut in four several times."""
    golden = (1 + 5**0.5) / 2
    corners = [(0, a, b * golden) for a in (-1, 1) for b in (-1, 1)]
    points = np.array([np.roll(corner, turn) for corner in corners for turn in range(3)], float)
    for _ in range(n_splits):
        points /= np.linalg.norm(points, axis=1, keepdims=True)
        faces = ConvexHull(points).simplices
        edges = np.unique(np.sort(faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1), axis=0)
        points = np.vstack([points, points[edges].mean(axis=1)])
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    hull = ConvexHull(points)
    inwards = np.einsum(
        "ij,ij->i",
        np.cross(*(points[hull.simplices[:, k]] - points[hull.simplices[:, 0]] for k in (1, 2))),
        points[hull.simplices[:, 0]],
    )
    faces = np.where((inwards < 0)[:, None], hull.simplices[:, [0, 2, 1]], hull.simplices)
    return points, faces
