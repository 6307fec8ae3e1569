"""Images with a volume a layer or code, and the names of their volumes."""

from collections.abc import Sequence

import nibabel as nb
import numpy as np

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.images import open_image


def open_stack(path: str, names: Sequence[str] | None = None, subject: str = "layers") -> tuple:
    """Open an image of maps, and name them.

    Parameters
    ----------
    path : str
        4-D NIfTI, or 3-D for a single map.
    names : sequence of str, optional
        One a volume, each once; by default 1, 2, 3 ...
    subject : str
        Name of the input that has the names, for errors.

    Returns
    -------
    image : nibabel.Nifti1Image
        Voxels are still on disk.
    names : list of str

    Raises
    ------
    InputError
        If names do not fit the volumes, or the image has other dimensions.
    """
    image = open_image(path)
    if image.ndim not in (3, 4):
        raise InputError(
            "image", expected="a map, or a volume a map", found=f"shape {image.shape}",
            hint="stack maps along the fourth axis", file=path,
        )  # fmt: skip
    n_maps = image.shape[3] if image.ndim == 4 else 1
    names = [str(k + 1) for k in range(n_maps)] if not names else list(names)
    if len(names) != n_maps or len(set(names)) < len(names):
        raise InputError(
            subject, expected=f"a name of its own for each of {n_maps} volumes of {path}",
            found=f"{len(names)}: {', '.join(names)}",
            hint="give the names in the order of the volumes",
        )  # fmt: skip
    return image, names


def voxel_rows(data: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Give maps of the voxels of a mask, (n_maps, n_voxels), from a volume or a stack."""
    data = data if data.ndim == 4 else data[..., None]
    return np.ascontiguousarray(data[mask].T)


def on_grid(rows: np.ndarray, mask: np.ndarray, fill: float = np.nan) -> np.ndarray:
    """Put maps of voxels on the grid: (x, y, z, n_maps), or (x, y, z) for one row of values."""
    kind = rows.dtype if rows.dtype.kind in "iu" else np.float32
    data = np.full((*mask.shape, *rows.shape[:-1]), fill, dtype=kind)
    data[mask] = rows.T
    return data


def bare_image(shape: tuple[int, ...], affine: np.ndarray) -> nb.Nifti1Image:
    """Make an image that is a grid only, as the model of those that are written."""
    return nb.Nifti1Image(np.zeros(shape[:3], np.uint8), affine)
