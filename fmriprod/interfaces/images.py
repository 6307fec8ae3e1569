"""Reading and writing NIfTI images with checks that name the file."""

import math
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nibabel as nb
import numpy as np

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.header_tr import header_seconds
from fmriprod.interfaces.header_tr import repetition_time as repetition_time
from fmriprod.interfaces.image_files import ImageFileProblem, broken_promise, load_file
from fmriprod.interfaces.packed_voxels import whole_voxels

_DAMAGE = (EOFError, OSError, zlib.error, ValueError, OverflowError)
_FARTHEST = 1e9  # mm; no head is there, and squares of what is above leave float32


def open_image(path: str | Path, ndim: int | None = None) -> nb.Nifti1Image:
    """Open an image without reading its voxels.

    Parameters
    ----------
    path : path
        NIfTI file.
    ndim : int, optional
        Number of dimensions that the step needs.

    Returns
    -------
    nibabel.Nifti1Image
        The image; its voxels are still on disk.

    Raises
    ------
    InputError
        If the file is absent, empty, no image, has other dimensions, voxels that are no real
        numbers (complex, colours) or a singular affine.
    """
    path = Path(path)
    try:
        image = load_file(path)
    except ImageFileProblem as err:
        hint = "check the path, or copy it again"
        raise _image_error(path, "a readable NIfTI image", f"{err}", hint) from None
    if ndim is not None and image.ndim != ndim:
        raise _image_error(
            path,
            f"{ndim} dimensions",
            f"{image.ndim}, shape {image.shape}",
            "give a series" if ndim == 4 else "give a single volume (take a mean or one volume)",
        )
    if not isinstance(image, nb.spatialimages.SpatialImage) or 0 in image.shape:
        found = f"{type(image).__name__}, shape {getattr(image, 'shape', 'none')}"
        raise _image_error(path, "an image with voxels", found, "give a NIfTI image")
    dtype = image.get_data_dtype()
    if dtype.kind not in "biuf":
        hint = "convert it to one real number a voxel"
        raise _image_error(path, "real numbers as voxels", f"{dtype}", hint)
    affine = image.affine
    known = np.isfinite(affine).all() and np.abs(affine).max() < _FARTHEST
    if not known or abs(np.linalg.det(affine[:3, :3])) < 1e-9:
        raise _image_error(
            path, "an invertible affine", f"\n{affine}", "mend sform or qform in the header"
        )
    return image


def read_voxels(image: nb.Nifti1Image, dtype: Any = np.float32) -> np.ndarray:
    """Read the voxels of an opened image in ``dtype``, or as stored when it is None.

    Values as stored have the file's own type, and its scale factors are not applied.

    Raises
    ------
    InputError
        If the file ends before the voxels that its header promises, or its checksum is not
        that of its content (``.nii.gz``).
    """
    with image_damage(image), whole_voxels(image) as voxels:
        if dtype is None:
            return np.asarray(voxels.get_unscaled())
        return np.asarray(voxels, dtype=dtype)


@contextmanager
def image_damage(image: nb.Nifti1Image) -> Iterator[None]:
    """Say of a failure to read voxels that the file is damaged."""
    try:
        if found := broken_promise(image):  # before memory is taken for all of it
            raise EOFError(found)
        yield
    except _DAMAGE as err:
        raise _image_error(
            image.get_filename(),
            f"{math.prod(image.shape):,} voxels (shape {image.shape})",
            f"a file that ends early or is damaged ({err})",
            "copy or convert it again; compare its size with the original",
        ) from None


def load_image(
    path: str | Path, ndim: int | None = None, dtype: Any = np.float32
) -> tuple[np.ndarray, nb.Nifti1Image]:
    """Open an image and read its voxels.

    Returns
    -------
    data : ndarray
        Voxels in ``dtype``; as stored, without scale factors, when it is None.
    image : nibabel.Nifti1Image
        The opened image, for its affine and header.
    """
    image = open_image(path, ndim)
    return read_voxels(image, dtype), image


def load_mask(path: str | Path, like: nb.Nifti1Image) -> np.ndarray:
    """Read a mask that must lie on the grid of ``like``.

    Returns
    -------
    ndarray of bool, shape of the grid
        True where the mask is not zero.

    Raises
    ------
    InputError
        If the grids differ (nothing is ever resampled silently) or no voxel is set.
    """
    image = open_image(path, ndim=3)
    check_same_grid(image, like)
    if image.get_data_dtype().kind in "iu" and image.dataobj.inter == 0:
        mask = read_voxels(image, dtype=None) != 0  # a factor makes no 0 of what is none
    else:
        mask = np.nan_to_num(read_voxels(image)) != 0
    if not mask.any():
        raise _image_error(path, "a mask with voxels in it", "no voxel is set", "make it again")
    return mask


def check_same_grid(image: nb.Nifti1Image, like: nb.Nifti1Image, atol: float = 1e-3) -> None:
    """Refuse an image that is not on the grid of another.

    Parameters
    ----------
    image, like : nibabel.Nifti1Image
        The image to check and the one that sets the grid.
    atol : float
        Largest difference in mm that a corner of the volume may have.

    Raises
    ------
    InputError
        With both shapes or both affines and the distance between them.
    """
    path, other = image.get_filename() or "image", like.get_filename() or "the reference"
    if image.shape[:3] != like.shape[:3]:
        raise _image_error(
            path,
            f"the grid of {other}, shape {like.shape[:3]}, affine\n{like.affine}",
            f"shape {image.shape[:3]}, affine\n{image.affine}",
            "resample it to that grid first",
        )
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in like.shape[:3]])).reshape(3, -1)
    corners = np.vstack([corners, np.ones(corners.shape[1])])
    distance = np.abs(image.affine @ corners - like.affine @ corners).max()
    if not distance <= atol:
        raise _image_error(
            path,
            f"the affine of {other}\n{like.affine}",
            f"an affine that differs by up to {distance:.3g} mm\n{image.affine}",
            "resample it to that grid first, or mend the header that is wrong",
        )


def save_image(
    path: str | Path,
    data: np.ndarray,
    like: nb.Nifti1Image,
    *,
    affine: Any = None,
    tr: float | None = None,
    same_storage: bool = False,
) -> None:
    """Write an array as NIfTI and read its header back.

    The same array gives the same bytes: there is no time stamp in the gzip header, and
    values are stored as they are (``bool`` as ``uint8``, no scale factors).

    Parameters
    ----------
    path : path
        Where to write; ``.nii`` or ``.nii.gz``.
    data : ndarray
        Three or four dimensions.
    like : nibabel.Nifti1Image
        Gives affine, its codes and units.
    affine : array_like, shape (4, 4), optional
        Voxel to world in mm, when it is not that of ``like``.
    tr : float, optional
        Repetition time in seconds of a series; by default that of ``like``, or 0 where its
        header has none (a stack of maps is no series in time).
    same_storage : bool
        The values are stored values of ``like`` (read with ``dtype=None``): give the file
        its scale factors too.
    """
    data = np.asarray(data)
    if data.dtype == bool:
        data = data.astype(np.uint8)
    image = new_image(data, like, affine=affine, tr=tr)
    if same_storage:  # the constructor drops the factors of a header that it is given
        image.header.set_slope_inter(like.dataobj.slope, like.dataobj.inter)
    image.to_filename(path)
    written = nb.load(path)
    if written.shape != data.shape:
        raise OSError(f"{path}: wrote shape {data.shape}, read back {written.shape}")


def new_image(
    data: np.ndarray, like: nb.Nifti1Image, *, affine: Any = None, tr: float | None = None
) -> nb.Nifti1Image:
    """Make an image of an array, with a header as `save_image` describes it."""
    header = nb.Nifti1Header()
    header.set_data_dtype(data.dtype)
    image = nb.Nifti1Image(data, like.affine if affine is None else affine, header)
    image.header.set_xyzt_units("mm", "sec")
    if data.ndim == 4:
        if tr is None:
            tr = header_seconds(like) or 0.0
        image.header.set_zooms((*image.header.get_zooms()[:3], tr))
    code = _form_code(like)
    image.set_sform(image.affine, code)
    image.set_qform(image.affine, code)
    if not np.allclose(image.get_qform(), image.affine, atol=1e-3):  # shears: no quaternion
        image.set_qform(None, 0)
    return image


def _form_code(image: nb.Nifti1Image) -> int:
    """Tell of what space the affine speaks; 1, the scanner's, where the header is silent."""
    if "sform_code" not in image.header:  # FreeSurfer's volumes lie in the scanner's space
        return 1
    return int(image.header["sform_code"]) or int(image.header["qform_code"]) or 1


def _image_error(path: Any, expected: str, found: str, hint: str) -> InputError:
    return InputError("image", expected=expected, found=found, hint=hint, file=str(path))
