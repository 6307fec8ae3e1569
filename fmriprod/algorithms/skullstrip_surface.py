"""A balloon that grows to the surface of the brain (Smith 2002, Hum Brain Mapp 17:143)."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import ndimage

_BOUNDS = (3.33, 10.0)  # mm, radii of curvature between which smoothing takes over
_REACH_MIN, _REACH_MAX = 20.0, 10.0  # mm, how far inwards the two intensities are sought


@dataclass(frozen=True)
class Balloon:
    """Starting point and intensities of the surface.

    Attributes
    ----------
    centre : ndarray, shape (3,)
        Centre of the head in voxels.
    radius : float
        Radius of a ball of the head's volume, mm.
    low, threshold, median : float
        Darkest intensity that counts, 10 % point between dark and bright, and the median
        inside the ball.
    """

    centre: np.ndarray
    radius: float
    low: float
    threshold: float
    median: float


@lru_cache(maxsize=2)
def icosphere(subdivisions: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Triangulate the unit sphere by dividing an icosahedron.

    Parameters
    ----------
    subdivisions : int
        How often each triangle is cut in four: 4 gives 2562 vertices.

    Returns
    -------
    vertices : ndarray of float64, shape (n_vertices, 3)
        Points of length 1.
    faces : ndarray of int, shape (n_faces, 3)
        Vertices of each triangle, counter-clockwise seen from outside.
    """
    g = (1 + np.sqrt(5)) / 2
    vertices = np.array(
        [[-1, g, 0], [1, g, 0], [-1, -g, 0], [1, -g, 0], [0, -1, g], [0, 1, g],
         [0, -1, -g], [0, 1, -g], [g, 0, -1], [g, 0, 1], [-g, 0, -1], [-g, 0, 1]]
    )  # fmt: skip
    faces = np.array(
        [[0, 11, 5], [0, 5, 1], [0, 1, 7], [0, 7, 10], [0, 10, 11], [1, 5, 9], [5, 11, 4],
         [11, 10, 2], [10, 7, 6], [7, 1, 8], [3, 9, 4], [3, 4, 2], [3, 2, 6], [3, 6, 8],
         [3, 8, 9], [4, 9, 5], [2, 4, 11], [6, 2, 10], [8, 6, 7], [9, 8, 1]]
    )  # fmt: skip
    for _ in range(subdivisions):
        edges = np.sort(faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
        unique, which = np.unique(edges, axis=0, return_inverse=True)
        a, b, c = (len(vertices) + which.reshape(-1, 3)).T
        vertices = np.vstack([vertices, vertices[unique].mean(axis=1)])
        p, q, r = faces.T
        faces = np.concatenate(
            [np.stack(t, axis=1) for t in ((p, a, c), (q, b, a), (r, c, b), (a, b, c))]
        )
    return vertices / np.linalg.norm(vertices, axis=1, keepdims=True), faces


@lru_cache(maxsize=2)
def _neighbours(n_faces: int) -> tuple[np.ndarray, np.ndarray]:
    """Neighbours of every vertex (six columns, the last repeated at corners) and weights."""
    subdivisions = round(np.log(n_faces / 20) / np.log(4))
    vertices, faces = icosphere(subdivisions)
    ends = faces[:, [[0, 1], [1, 0], [1, 2], [2, 1], [2, 0], [0, 2]]]
    pairs = np.unique(ends.reshape(-1, 2), axis=0)
    count = np.bincount(pairs[:, 0], minlength=len(vertices))
    start = np.concatenate([[0], np.cumsum(count)[:-1]])
    column = np.minimum(np.arange(6), count[:, None] - 1)
    weight = (np.arange(6) < count[:, None]) / count[:, None]
    return pairs[start[:, None] + column, 1], weight[..., None]


def normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Compute unit normals at the vertices, outwards, weighted by the triangles' areas."""
    p, q, r = (vertices[faces[:, i]] for i in range(3))
    face = np.cross(q - p, r - p)
    total = np.stack(
        [
            np.bincount(faces.ravel(), np.repeat(face[:, i], 3), minlength=len(vertices))
            for i in range(3)
        ],
        axis=1,
    )
    return total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-12)


def inflate(
    data: np.ndarray,
    start: Balloon,
    *,
    fraction: float = 0.5,
    smoothness: float = 1.0,
    iterations: int = 600,
) -> np.ndarray:
    """Let a sphere inside the head grow until intensity falls off beyond it.

    Each step moves every vertex by three parts: along the surface towards the mean of its
    neighbours, against sharp curvature, and outwards (or inwards) by how far the darkest
    point within 20 mm below the surface is above a share of the brightest within 10 mm.

    Parameters
    ----------
    data : ndarray of float32, shape (x, y, z)
        T1-weighted head on a grid of 1 mm.
    start : Balloon
        Where to begin, and the intensities.
    fraction : float
        Share of the local brightness below which tissue is outside, 0 to 1.
    smoothness : float
        Factor on the force against curvature.
    iterations : int
        Steps.

    Returns
    -------
    ndarray of float64, shape (2562, 3)
        Vertices of the icosphere's mesh in voxels.
    """
    sphere, faces = icosphere()
    near, weight = _neighbours(len(faces))
    framed = np.pad(data, 1)  # a point outside counts as 0
    vertices = start.centre + 0.5 * start.radius * sphere
    low, high = 1 / _BOUNDS[1], 1 / _BOUNDS[0]
    middle, steep = (low + high) / 2, 6 / (high - low)
    for step in range(iterations):
        normal = normals(vertices, faces)
        drift = (vertices[near] * weight).sum(axis=1) - vertices
        along = (drift * normal).sum(axis=1, keepdims=True)
        if step % 50 == 0:
            length = np.linalg.norm(vertices[near] - vertices[:, None], axis=2).mean()
        bend = 2 * np.abs(along) / length**2
        firm = np.minimum(smoothness * (1 + np.tanh(steep * (bend - middle))) / 2, 1)
        push = _push(framed, vertices, normal, start, fraction)
        vertices = vertices + 0.5 * (drift - along * normal) + firm * along * normal
        vertices += 0.05 * length * push[:, None] * normal
    return vertices


def _push(
    framed: np.ndarray, vertices: np.ndarray, normal: np.ndarray, start: Balloon, fraction: float
) -> np.ndarray:
    """Force along the normal, -2 to 2; `framed` is the head in a frame of one 0 voxel."""
    depth = np.arange(1, _REACH_MIN + 1)[:, None]  # depths first: minima over rows are fast
    index = np.zeros((len(depth), len(vertices)), np.intp)
    for axis, n in enumerate(framed.shape):
        at = np.rint(vertices[:, axis] + 1 - depth * normal[:, axis]).astype(np.intp)
        index = index * n + np.minimum(np.maximum(at, 0, out=at), n - 1, out=at)
    values = framed.ravel().take(index)
    darkest = np.clip(values.min(axis=0), start.low, start.median)
    bright = values[: int(_REACH_MAX)].max(axis=0)
    brightest = np.clip(bright, start.threshold, start.median)
    limit = (brightest - start.low) * fraction + start.low
    return 2 * (darkest - limit) / np.maximum(brightest - start.low, 1e-6)


def rasterise(vertices: np.ndarray, faces: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Fill a closed surface.

    Parameters
    ----------
    vertices : ndarray, shape (n_vertices, 3)
        Points in voxels.
    faces : ndarray of int, shape (n_faces, 3)
        Triangles.
    shape : tuple of 3 int
        Grid.

    Returns
    -------
    ndarray of bool, shape `shape`
        True inside and on the surface.
    """
    corners = vertices[faces]
    longest = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).max()
    n = int(np.ceil(longest / 0.7)) + 1
    steps = np.indices((n + 1, n + 1))
    v, u = steps[:, steps.sum(axis=0) <= n] / n
    share = np.stack([u, v, 1 - u - v], axis=1)
    points = np.rint(np.einsum("sc,fcx->fsx", share, corners)).reshape(-1, 3)
    places = np.clip(points.astype(np.intp), 0, np.subtract(shape, 1))
    mask = np.zeros(shape, bool)
    mask[tuple(places.T)] = True
    return ndimage.binary_fill_holes(mask)
