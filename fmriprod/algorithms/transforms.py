"""Rigid transforms as six numbers and as matrices, and how far they move a head.

All matrices map points to points in world coordinates, RAS+ in mm, as column vectors:
``y = M @ (x, 1)``. A rigid motion of three translations and three rotations about a centre
``c`` is ``y = R (x - c) + c + t`` with ``R = Rz Ry Rx``: turned about the x axis (towards the
right), then about y (anterior), then about z (superior), each by the right-hand rule.
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial.transform import Rotation

from fmriprod.algorithms.checks import InputError

_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])

# Columns of the tables of head motion, in the order of `rigid_parameters` (mm, rad).
MOTION_COLUMNS = ("trans_x", "trans_y", "trans_z", "rot_x", "rot_y", "rot_z")


def check_affine(affine: np.ndarray, subject: str = "affine") -> np.ndarray:
    """Return a 4x4 affine in float64, or say what is wrong with it.

    Raises
    ------
    InputError
        If it has another shape, is not finite, has another last row, or is singular.
    """
    affine = np.asarray(affine, dtype=np.float64)
    expected = "a 4x4 invertible matrix with finite values and last row 0 0 0 1"
    hint = "check the header or the transform file it came from"
    if affine.shape != (4, 4):
        raise InputError(subject, expected=expected, found=f"shape {affine.shape}", hint=hint)
    regular = np.isfinite(affine).all() and abs(np.linalg.det(affine[:3, :3])) > 1e-9
    if not (regular and np.allclose(affine[3], (0, 0, 0, 1))):
        raise InputError(subject, expected=expected, found=f"\n{affine}", hint=hint)
    return affine


def rigid_matrix(parameters: ArrayLike, center: ArrayLike = (0.0, 0.0, 0.0)) -> np.ndarray:
    """Turn six rigid parameters into a matrix.

    Parameters
    ----------
    parameters : array_like, shape (..., 6)
        ``trans_x, trans_y, trans_z`` in mm and ``rot_x, rot_y, rot_z`` in rad.
    center : array_like, shape (3,)
        Point in mm that the rotations leave in place.

    Returns
    -------
    ndarray of float64, shape (..., 4, 4)
        Point to point, RAS mm; see the module's text for the order of the rotations.

    Examples
    --------
    >>> rigid_matrix([1, 2, 3, 0, 0, 0])[:3, 3]
    array([1., 2., 3.])
    """
    parameters, center = np.asarray(parameters, float), np.asarray(center, float)
    lead = parameters.shape[:-1]
    turns = Rotation.from_euler("ZYX", parameters[..., 5:2:-1].reshape(-1, 3)).as_matrix()
    matrix = np.zeros((*lead, 4, 4))
    matrix[..., :3, :3] = turns.reshape(*lead, 3, 3)
    matrix[..., :3, 3] = parameters[..., :3] + center - matrix[..., :3, :3] @ center
    matrix[..., 3, 3] = 1
    return matrix


def rigid_parameters(matrix: ArrayLike, center: ArrayLike = (0.0, 0.0, 0.0)) -> np.ndarray:
    """Turn rigid matrices into six parameters; the inverse of `rigid_matrix`.

    Parameters
    ----------
    matrix : array_like, shape (..., 4, 4)
        Rigid: its upper left part a rotation.
    center : array_like, shape (3,)
        Point in mm about which the rotations are to be told.

    Returns
    -------
    ndarray of float64, shape (..., 6)
        Translations in mm, rotations in rad; ``rot_y`` within a quarter turn of zero.

    Raises
    ------
    InputError
        If a matrix scales, shears or mirrors.
    """
    matrix, center = np.asarray(matrix, float), np.asarray(center, float)
    rotation = matrix[..., :3, :3]
    square = rotation @ np.swapaxes(rotation, -1, -2)
    if not (np.allclose(square, np.eye(3), atol=1e-3) and (np.linalg.det(rotation) > 0).all()):
        raise InputError(
            "matrix",
            expected="a rigid transform (rotation and translation)",
            found=f"a matrix that scales, shears or mirrors:\n{matrix}",
            hint="only rigid transforms can be told in six numbers",
        )
    lead = matrix.shape[:-2]
    turns = Rotation.from_matrix(rotation.reshape(-1, 3, 3)).as_euler("ZYX")[:, ::-1]
    shift = matrix[..., :3, 3] + rotation @ center - center
    return np.concatenate([shift, turns.reshape(*lead, 3)], axis=-1)


def grid_center(shape: tuple[int, ...], affine: np.ndarray) -> np.ndarray:
    """World coordinates in mm of the centre of a grid, the point that motion is told about."""
    middle = (np.asarray(shape[:3], float) - 1) / 2
    return affine[:3, :3] @ middle + affine[:3, 3]


def flip_ras_lps(matrix: np.ndarray) -> np.ndarray:
    """Change a point-to-point matrix between RAS and LPS coordinates; its own inverse.

    Parameters
    ----------
    matrix : array_like, shape (..., 4, 4)
        In RAS mm (NiBabel) or LPS mm (ITK, DICOM).
    """
    return _LPS @ np.asarray(matrix, float) @ _LPS


def fsl_to_ras(
    matrix: np.ndarray,
    moving: tuple[tuple[int, ...], np.ndarray],
    reference: tuple[tuple[int, ...], np.ndarray],
) -> np.ndarray:
    """Turn a FLIRT or MCFLIRT matrix into one that maps reference points to moving points.

    FSL's matrices map moving to reference in scaled voxel coordinates: voxel index times
    voxel size, with the first axis counted from its other end when the affine has a positive
    determinant (neurological order). See Jenkinson & Smith (2001), Med Image Anal 5:143.

    Parameters
    ----------
    matrix : array_like, shape (4, 4)
        As FSL writes it.
    moving, reference : (shape, affine)
        Grids of FLIRT's ``-in`` and ``-ref``.

    Returns
    -------
    ndarray of float64, shape (4, 4)
        Reference to moving, RAS mm.
    """
    matrix = check_affine(matrix, "matrix")
    to_reference = reference[1] @ np.linalg.inv(_fsl_scaling(*reference)) @ matrix
    return np.linalg.inv(to_reference @ _fsl_scaling(*moving) @ np.linalg.inv(moving[1]))


def _fsl_scaling(shape: tuple[int, ...], affine: np.ndarray) -> np.ndarray:
    """Voxel index to FSL's scaled voxel coordinates."""
    sizes = np.linalg.norm(affine[:3, :3], axis=0)
    scaling = np.diag([*sizes, 1.0])
    if np.linalg.det(affine[:3, :3]) > 0:
        scaling[0, 0], scaling[0, 3] = -sizes[0], (shape[0] - 1) * sizes[0]
    return scaling


def displacement(one: np.ndarray, two: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Distance between where two transforms send each point.

    Parameters
    ----------
    one, two : ndarray, shape (4, 4)
        Point to point, mm.
    points : ndarray, shape (n_points, 3)
        World coordinates in mm, such as those of a brain mask.

    Returns
    -------
    ndarray of float64, shape (n_points,)
        Distances in mm.
    """
    change = np.asarray(one, float) - np.asarray(two, float)
    return np.linalg.norm(points @ change[:3, :3].T + change[:3, 3], axis=1)


def mask_points(mask: np.ndarray, affine: np.ndarray) -> np.ndarray:
    """World coordinates in mm, shape (n_voxels, 3), of the voxels that a mask holds."""
    return np.argwhere(mask) @ affine[:3, :3].T + affine[:3, 3]


def framewise_displacement(parameters: np.ndarray, radius: float = 50.0) -> np.ndarray:
    """Framewise displacement of Power et al. (2012), NeuroImage 59:2142.

    The summed absolute change of the six parameters from the volume before, rotations as
    the arc they make on a sphere.

    Parameters
    ----------
    parameters : ndarray, shape (n_volumes, 6)
        Translations in mm and rotations in rad.
    radius : float
        Radius of that sphere in mm.

    Returns
    -------
    ndarray of float64, shape (n_volumes,)
        In mm; the first is NaN, as there is no volume before it.
    """
    steps = np.abs(np.diff(np.asarray(parameters, float), axis=0))
    total = steps[:, :3].sum(axis=1) + radius * steps[:, 3:].sum(axis=1)
    return np.concatenate([[np.nan], total])
