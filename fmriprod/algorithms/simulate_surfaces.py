"""Surfaces of a simulated cortex: a smooth hull of each hemisphere, and areas on it.

A simulated cortex has no folds: its outer surface is what a sheet around the hemisphere would
be, and its inner surface lies a constant thickness within. Both are spheres made of
triangles, pulled to where the hemisphere ends.
"""

import itertools
from dataclasses import dataclass

import numpy as np
from scipy import ndimage, sparse
from scipy.spatial import cKDTree

from fmriprod.algorithms.simulate_parcels import cerebrum

THICKNESS = 5.0  # mm; twice a person's, so that reduced grids show the cortex
AREAS = ("V1_exvivo", "V2_exvivo", "perirhinal_exvivo")
_CENTRE = (31.0, -18.0, 8.0)  # |x|, y, z in MNI mm; every ray from it leaves a hemisphere once
_MIDLINE = 1.5  # mm that the inner side of a hemisphere keeps from the middle
_CLOSING = 8.0  # mm, half the width of folds that the hull bridges
# Curve along the calcarine sulcus to the occipital pole, and the collateral sulcus: |x|, y, z.
_CALCARINE = ((3, -66, 7), (3, -74, 6), (3, -82, 4), (3, -90, 1), (6, -98, -1), (12, -102, -1))
_COLLATERAL = ((28, 0, -42), (33, -10, -40), (36, -20, -33))
_V1_REACH, _V2_REACH, _PERIRHINAL_REACH = 11.0, 20.0, 9.0  # mm from the curve


@dataclass(frozen=True)
class Surface:
    """Cortex of a hemisphere in MNI space.

    Attributes
    ----------
    faces : ndarray of int32, shape (n_faces, 3)
        Corners of the triangles, the outside to the left of their order.
    pial, white : ndarray of float64, shape (n_vertices, 3)
        Outer and inner surface, MNI mm.
    areas : dict of str to ndarray of int64
        Vertices of each of `AREAS`, increasing.
    """

    faces: np.ndarray
    pial: np.ndarray
    white: np.ndarray
    areas: dict[str, np.ndarray]


def icosphere(subdivisions: int) -> tuple[np.ndarray, np.ndarray]:
    """Make a sphere of nearly equal triangles by halving the edges of an icosahedron.

    Parameters
    ----------
    subdivisions : int
        How often each triangle is split in four.

    Returns
    -------
    vertices : ndarray of float64, shape (10 * 4 ** subdivisions + 2, 3)
        Points of the unit sphere.
    faces : ndarray of int32, shape (20 * 4 ** subdivisions, 3)
        Corners, counter-clockwise from outside.
    """
    from scipy.spatial import ConvexHull

    golden = (1 + np.sqrt(5)) / 2
    signs = [(a, b * golden) for a in (-1, 1) for b in (-1, 1)]
    vertices = np.array([np.roll((0, *s), k) for k in range(3) for s in signs], float)
    vertices /= np.linalg.norm(vertices, axis=1, keepdims=True)
    faces = np.array(ConvexHull(vertices).simplices)
    inwards = np.linalg.det(vertices[faces]) < 0
    faces[inwards] = faces[inwards][:, ::-1]
    for _ in range(subdivisions):
        edges = np.sort(faces[:, [[0, 1], [1, 2], [2, 0]]], axis=-1).reshape(-1, 2)
        unique, which = np.unique(edges, axis=0, return_inverse=True)
        middle = vertices[unique].sum(axis=1)
        middle /= np.linalg.norm(middle, axis=1, keepdims=True)
        ab, bc, ca = (which.reshape(-1, 3) + len(vertices)).T
        a, b, c = faces.T
        quarters = ((a, ab, ca), (b, bc, ab), (c, ca, bc), (ab, bc, ca))
        faces = np.concatenate([np.stack(corners, axis=1) for corners in quarters])
        vertices = np.concatenate([vertices, middle])
    return vertices, faces.astype(np.int32)


def vertex_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Average the directions of the triangles around each vertex, weighted by area.

    Parameters
    ----------
    vertices : ndarray, shape (n_vertices, 3)
        Points in mm.
    faces : ndarray of int, shape (n_faces, 3)
        Corners, counter-clockwise from outside.

    Returns
    -------
    ndarray of float64, shape (n_vertices, 3)
        Unit vectors that point outwards.
    """
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    across = np.cross(b - a, c - a)
    total = np.zeros_like(vertices)
    for k in range(3):
        np.add.at(total, faces[:, k], across)
    return total / np.linalg.norm(total, axis=1, keepdims=True)


def hemisphere(brain: np.ndarray, affine: np.ndarray, side: str, *, subdivisions: int) -> Surface:
    """Lay the two surfaces of the cortex around one half of a brain.

    Parameters
    ----------
    brain : ndarray of bool, shape (x, y, z)
        A brain in MNI space.
    affine : ndarray, shape (4, 4)
        Its voxel to MNI mm.
    side : {'lh', 'rh'}
        Which half.
    subdivisions : int
        Fineness; `icosphere`. 6 gives a vertex every square millimetre.

    Returns
    -------
    Surface
        In MNI space.
    """
    sign = -1 if side == "lh" else 1
    directions, faces = icosphere(subdivisions)
    centre = np.array(_CENTRE) * (sign, 1, 1)
    half = _half(brain, affine, sign)
    steps = np.arange(10, 115, 0.5)
    to_voxel = np.linalg.inv(affine)
    radius = np.empty(len(directions))
    for part in np.array_split(np.arange(len(directions)), max(1, len(directions) // 8192)):
        places = centre + directions[part, None] * steps[:, None]
        voxels = places @ to_voxel[:3, :3].T + to_voxel[:3, 3]
        inside = ndimage.map_coordinates(half, np.moveaxis(voxels, -1, 0), order=1) > 0.5
        radius[part] = steps[len(steps) - 1 - inside[:, ::-1].argmax(axis=1)]
    radius = _smoothed(radius, faces, rounds=2 * 4 ** max(0, subdivisions - 4))
    pial = centre + radius[:, None] * directions
    white = pial - THICKNESS * vertex_normals(pial, faces)
    return Surface(faces, pial, white, _areas(pial))


def _half(brain: np.ndarray, affine: np.ndarray, sign: int) -> np.ndarray:
    """Fill the folds of a half of the cerebrum; float32 for interpolation."""
    zooms = np.linalg.norm(affine[:3, :3], axis=0)
    mni = np.einsum("ij,j...->i...", affine[:3, :3], np.indices(brain.shape, np.float32))
    mni += affine[:3, 3].reshape(3, 1, 1, 1)
    half = brain & cerebrum(mni) & (sign * mni[0] > _MIDLINE)
    far = ndimage.distance_transform_edt(~half, sampling=zooms) > _CLOSING
    closed = ndimage.distance_transform_edt(~far, sampling=zooms) > _CLOSING
    return ((closed | half) & (sign * mni[0] > _MIDLINE)).astype(np.float32)


def _smoothed(values: np.ndarray, faces: np.ndarray, rounds: int) -> np.ndarray:
    """Average each vertex with its neighbours, some times."""
    edges = faces[:, [[0, 1], [1, 2], [2, 0], [1, 0], [2, 1], [0, 2]]].reshape(-1, 2)
    pairs = np.unique(edges, axis=0)
    near = sparse.coo_array((np.ones(len(pairs)), tuple(pairs.T))).tocsr()
    count = near.sum(axis=1)
    for _ in range(rounds):
        values = (values + near @ values) / (1 + count)
    return values


def _areas(pial: np.ndarray) -> dict[str, np.ndarray]:
    """Choose the vertices of each area by their distance from a curve."""
    places = pial * (np.sign(pial[:, :1].mean()), 1, 1)
    calcarine, collateral = (_distance(places, curve) for curve in (_CALCARINE, _COLLATERAL))
    v1 = calcarine < _V1_REACH
    chosen = (v1, (calcarine < _V2_REACH) & ~v1, collateral < _PERIRHINAL_REACH)
    return {name: np.flatnonzero(where) for name, where in zip(AREAS, chosen, strict=True)}


def _distance(places: np.ndarray, curve: tuple[tuple[int, int, int], ...]) -> np.ndarray:
    """Measure how far points are from a polyline, mm."""
    corners = np.array(curve, float)
    share = np.linspace(0, 1, 20)[:, None]
    line = [a + share * (b - a) for a, b in itertools.pairwise(corners)]
    return cKDTree(np.concatenate(line)).query(places)[0]


def ribbon_masks(mni: np.ndarray, surfaces: dict[str, Surface]) -> dict[str, np.ndarray]:
    """Find the voxels between the two surfaces of each area, on both sides.

    Parameters
    ----------
    mni : ndarray, shape (3, x, y, z)
        MNI coordinates (mm) of every voxel.
    surfaces : dict of str to Surface
        ``lh`` and ``rh``.

    Returns
    -------
    dict of str to ndarray of bool, shape (x, y, z)
        By name of `AREAS`.
    """
    masks = {name: np.zeros(mni.shape[1:], bool) for name in AREAS}
    for surface in surfaces.values():
        outwards = (surface.pial - surface.white) / THICKNESS
        tree = cKDTree(surface.pial)
        reach = 2 * THICKNESS
        for name, vertices in surface.areas.items():
            low, high = surface.pial[vertices].min(axis=0), surface.pial[vertices].max(axis=0)
            bounds = zip(mni, low - reach, high + reach, strict=True)
            box = np.logical_and.reduce([(m > a) & (m < b) for m, a, b in bounds])
            places = mni[:, box].T
            nearest = tree.query(places)[1]
            depth = ((surface.pial[nearest] - places) * outwards[nearest]).sum(axis=1)
            member = np.zeros(len(surface.pial), bool)
            member[vertices] = True
            masks[name][box] |= member[nearest] & (depth >= 0) & (depth <= THICKNESS)
    return masks
