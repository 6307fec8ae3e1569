"""Fill the voxels that a patch of the cortical surface passes through, grey matter deep."""

import numpy as np

from fmriprod.algorithms.checks import InputError


def vertex_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Outward normals at the vertices of a closed surface: the mean of those of its triangles.

    Parameters
    ----------
    vertices : ndarray, shape (n_vertices, 3)
        Coordinates.
    faces : ndarray of int, shape (n_faces, 3)
        Vertices of each triangle, counter-clockwise from outside. Triangles count by area.

    Returns
    -------
    ndarray of float64, shape (n_vertices, 3)
        Of length 1; zero at a vertex without triangles.
    """
    corners = np.asarray(vertices, float)[faces]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = np.zeros((len(vertices), 3))
    for corner in range(3):
        np.add.at(normals, faces[:, corner], across)
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    return np.divide(normals, length, out=np.zeros_like(normals), where=length > 0)


def surface_affine(shape: tuple[int, ...], voxel_sizes: np.ndarray) -> np.ndarray:
    """Voxel to surface coordinates ("tkRAS", mm) of the volume that surfaces were made from.

    FreeSurfer's convention: axes left, inferior and anterior (LIA) as in a conformed volume,
    and the origin in the middle of the volume.

    Examples
    --------
    >>> surface_affine((256, 256, 256), np.ones(3))[:3, 3]
    array([ 128., -128.,  128.])
    """
    (dx, dy, dz), (nx, ny, nz) = voxel_sizes, shape[:3]
    return np.array(
        [
            [-dx, 0, 0, dx * nx / 2],
            [0, 0, dz, -dz * nz / 2],
            [0, -dy, 0, dy * ny / 2],
            [0, 0, 0, 1],
        ]
    )


def project_label(
    label: np.ndarray,
    white: np.ndarray,
    faces: np.ndarray,
    *,
    thickness: np.ndarray | None = None,
    pial: np.ndarray | None = None,
    fractions: np.ndarray | None = None,
) -> np.ndarray:
    """Give the points between the white and the pial surface over the vertices of a label.

    Parameters
    ----------
    label : ndarray of int, shape (n,)
        Vertices of the label.
    white : ndarray, shape (n_vertices, 3)
        White surface, mm.
    faces : ndarray of int, shape (n_faces, 3)
        Its triangles.
    thickness : ndarray, shape (n_vertices,), optional
        Thickness of the cortex in mm, gone along the normal of the white surface, as
        ``mri_label2vol --proj frac 0 1 0.1`` does.
    pial : ndarray, shape (n_vertices, 3), optional
        Pial surface, gone to in a straight line. One of the two is needed.
    fractions : ndarray, optional
        Parts of the way; 0, 0.1, ... 1 by default.

    Returns
    -------
    ndarray of float64, shape (n * n_fractions, 3)
        In the coordinates of the surface.

    Raises
    ------
    InputError
        If label, thickness or pial surface do not belong to the white surface.
    """
    label, white = np.asarray(label), np.asarray(white, float)
    fractions = np.linspace(0, 1, 11) if fractions is None else np.asarray(fractions)
    if thickness is None and pial is None:
        raise InputError(
            "thickness", expected="the thickness of the cortex or its pial surface",
            found="neither", hint="give lh.thickness and rh.thickness, or lh.pial and rh.pial",
        )  # fmt: skip
    for name, other in (("thickness", thickness), ("pial", pial)):
        if other is not None and len(other) != len(white):
            raise InputError(
                name, expected=f"{len(white)} vertices as in the white surface",
                found=f"{len(other)}", hint="give the files of one participant and hemisphere",
            )  # fmt: skip
    if len(label) == 0 or label.min() < 0 or label.max() >= len(white):
        found = f"vertices from {label.min()} to {label.max()}" if len(label) else "no vertex"
        raise InputError(
            "label", expected=f"vertices of a surface that has {len(white)} (counted from 0)",
            found=found, hint="give the label and the surface of one participant and hemisphere",
        )  # fmt: skip
    if pial is not None:
        way = np.asarray(pial, float)[label] - white[label]
    else:
        way = vertex_normals(white, faces)[label] * np.asarray(thickness, float)[label, None]
    points = white[label, None] + fractions[:, None] * way[:, None]
    return points.reshape(-1, 3)


def fill_voxels(
    points: np.ndarray, affine: np.ndarray, shape: tuple[int, ...]
) -> tuple[np.ndarray, int]:
    """Mark the voxels that points fall into, one point being enough.

    Parameters
    ----------
    points : ndarray, shape (n, 3)
        World coordinates, mm.
    affine : ndarray, shape (4, 4)
        Voxel to world of the grid, mm.
    shape : (int, int, int)
        Shape of the grid.

    Returns
    -------
    mask : ndarray of bool
    n_outside : int
        Points that fall outside the grid.
    """
    to_voxel = np.linalg.inv(affine)
    index = np.rint(points @ to_voxel[:3, :3].T + to_voxel[:3, 3]).astype(int)
    inside = ((index >= 0) & (index < shape)).all(axis=1)
    mask = np.zeros(shape, bool)
    mask[tuple(index[inside].T)] = True
    return mask, int((~inside).sum())
