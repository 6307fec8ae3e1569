"""Values of a volume in MNI space on the fsaverage5 surface that comes with Nilearn."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import nibabel as nb
import numpy as np

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.surface_projection import vertex_normals

SIDES = ("left", "right")


@dataclass(frozen=True)
class Hemisphere:
    """An inflated hemisphere with maps.

    Attributes
    ----------
    vertices : ndarray of float32, shape (n_vertices, 3)
        Inflated coordinates in mm (RAS).
    faces : ndarray of int, shape (n_faces, 3)
        Triangles, counter-clockwise from outside.
    sulcus : ndarray of bool, shape (n_vertices,)
        Where the folded surface lies in a sulcus.
    maps : ndarray of float32, shape (n_maps, n_vertices)
        NaN where no voxel with a value is near.
    """

    vertices: np.ndarray
    faces: np.ndarray
    sulcus: np.ndarray
    maps: np.ndarray


def check_space(space: str | None) -> None:
    """Refuse a space that fsaverage cannot be laid over.

    Raises
    ------
    InputError
        If the space is not one of MNI.
    """
    if space is None or not space.upper().startswith("MNI"):
        raise InputError(
            "space",
            expected="an image in MNI space (space='MNI152NLin2009cAsym', say), to project it "
            "onto fsaverage",
            found="no space" if space is None else repr(space),
            hint="normalise the maps first and give their space, or leave surface off",
        )


def project_to_fsaverage(
    maps: np.ndarray,
    mask: np.ndarray,
    affine: np.ndarray,
    *,
    space: str | None,
    labels: bool = False,
) -> dict[str, Hemisphere]:
    """Sample maps between the white and the pial surface of fsaverage5.

    The surfaces are those of an average of other people, and their space (MNI305) differs
    from MNI152 by some millimetres: this is for looking, not for measuring.

    Parameters
    ----------
    maps : ndarray, shape (n_maps, n_voxels)
        Values of the voxels of the mask in C order; voxels with NaN give nothing.
    mask : ndarray of bool, shape (x, y, z)
        Where they lie.
    affine : ndarray, shape (4, 4)
        Voxel to world (RAS, mm).
    space : str
        Space of the maps; it has to be one of MNI.
    labels : bool
        Values are numbers of something (layers): the one with the largest part of the tissue
        at a vertex is taken, not a mean.

    Returns
    -------
    dict of str to Hemisphere
        ``left`` and ``right``.

    Raises
    ------
    InputError
        If the space is not one of MNI.
    """
    from nilearn.datasets import fetch_surf_fsaverage
    from nilearn.surface import load_surf_data, load_surf_mesh

    check_space(space)
    files = fetch_surf_fsaverage("fsaverage5")  # in Nilearn's package: nothing is fetched
    found = {}
    for side in SIDES:
        inflated, pial, white = (
            load_surf_mesh(files[f"{kind}_{side}"]) for kind in ("infl", "pial", "white")
        )
        faces = facing_outwards(inflated.coordinates, inflated.faces)
        sulcus = np.asarray(load_surf_data(files[f"sulc_{side}"])) > 0
        one = partial(_sample, mask=mask, affine=affine, pial=pial, white=white)
        project = partial(_most_frequent, one=one) if labels else one
        found[side] = Hemisphere(
            inflated.coordinates, faces, sulcus, np.stack([project(values) for values in maps])
        )
    return found


def _most_frequent(values: np.ndarray, one: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Give the label with the largest part of what lies near each vertex."""
    known = np.isfinite(values)
    numbers = np.unique(values[known])
    parts = [one(np.where(known, values == number, np.nan)) for number in numbers]
    if not parts:
        return one(values)
    best = numbers[np.nan_to_num(parts).argmax(axis=0)].astype(np.float32)
    return np.where(np.isnan(parts[0]), np.float32(np.nan), best)


def _sample(
    values: np.ndarray, mask: np.ndarray, affine: np.ndarray, pial: object, white: object
) -> np.ndarray:
    """Mean between the surfaces at each vertex; NaN where there are no values."""
    from nilearn.surface import vol_to_surf

    present = np.zeros(mask.shape, bool)
    present[mask] = np.isfinite(values)
    if not present.any():
        return np.full(len(pial.coordinates), np.nan, np.float32)
    volume = np.zeros(mask.shape, np.float32)
    volume[mask] = np.nan_to_num(values)
    with warnings.catch_warnings():  # vertices without a voxel are NaN: that is what we want
        warnings.filterwarnings("ignore", "Mean of empty slice", RuntimeWarning)
        projected = vol_to_surf(
            nb.Nifti1Image(volume, affine),
            pial,
            inner_mesh=white,
            mask_img=nb.Nifti1Image(present.astype(np.uint8), affine),
        )
    return np.asarray(projected, dtype=np.float32)


def facing_outwards(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Triangles counter-clockwise from outside, whichever way the file has them."""
    outward = (vertex_normals(vertices, faces) * (vertices - vertices.mean(axis=0))).sum()
    return faces if outward > 0 else faces[:, ::-1]
