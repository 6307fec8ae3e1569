"""Files of simulated data: folders, and the grid of a visual cortex in a template's grey matter."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nibabel as nb
import numpy as np


class Subfolders:
    """Lets an interface write outputs into folders within the run's own."""

    _folder: Path

    @contextmanager
    def within(self, name: str) -> Iterator[Path]:
        """Write into the folder `name`, which is made, until the context ends."""
        outer = self._folder
        self._folder = outer / name
        self._folder.mkdir(exist_ok=True)
        try:
            yield self._folder
        finally:
            self._folder = outer


def load_cortex(zoom: int) -> tuple[np.ndarray, nb.Nifti1Image]:
    """Load grey matter and anatomy of the ICBM 152 template that Nilearn ships.

    Parameters
    ----------
    zoom : int
        Voxel size in mm.

    Returns
    -------
    grey : ndarray of bool, shape (x, y, z)
        Grey matter.
    template : nibabel.Nifti1Image
        The brain on the same grid, in MNI space.
    """
    from nilearn.datasets import load_mni152_gm_mask, load_mni152_template

    grey = np.asarray(load_mni152_gm_mask(resolution=zoom).dataobj) > 0
    return grey, load_mni152_template(resolution=zoom)


def grid_image(shape: tuple[int, int, int], affine: np.ndarray) -> nb.Nifti1Image:
    """Make an empty image in MNI space, as the model of those that are written."""
    image = nb.Nifti1Image(np.zeros(shape, np.uint8), affine)
    image.set_sform(affine, 4)
    image.set_qform(affine, 4)
    return image


def cut_image(
    template: nb.Nifti1Image, shape: tuple[int, int, int], affine: np.ndarray
) -> np.ndarray:
    """Cut the part of an image that a grid within its own covers, as `crop_grid` makes them."""
    start = np.rint(np.linalg.solve(template.affine, affine)[:3, 3]).astype(int)
    box = tuple(slice(o, o + n) for o, n in zip(start, shape, strict=True))
    return np.asarray(template.dataobj, np.float32)[box]


def fill(voxels: np.ndarray, values: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """Put the values of voxels, shape (n_voxels, ...), into a grid; 0 elsewhere."""
    data = np.zeros((*shape, *values.shape[1:]), values.dtype)
    data[tuple(voxels.T)] = values
    return data
