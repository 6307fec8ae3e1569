"""Masks of regions as columns of responses or scores."""

from collections.abc import Sequence
from pathlib import Path

import nibabel as nb
import numpy as np

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.images import load_mask


def roi_columns(
    files: Sequence[str], names: Sequence[str], mask: np.ndarray, image: nb.Nifti1Image
) -> dict[str, np.ndarray]:
    """Mark the voxels of each region among those of a mask.

    Parameters
    ----------
    files : sequence of path
        Masks of regions on the grid of ``image``.
    names : sequence of str
        Their names; those of the files where there are none.
    mask : ndarray of bool, shape (x, y, z)
        Voxels, in C order.
    image : nibabel.Nifti1Image
        Gives the grid.

    Raises
    ------
    InputError
        If grids differ, names are not one for each file, or a region has no voxel of the mask.
    """
    names = list(names) or [Path(path).name.split(".nii")[0] for path in files]
    if len(names) != len(files) or len(set(names)) < len(names):
        raise InputError(
            "roi_names",
            expected=f"a name of its own for each of {len(files)} roi_files",
            found=", ".join(names),
            hint="give roi_names, as many as files and each once",
        )
    regions = {}
    for name, path in zip(names, files, strict=True):
        regions[name] = load_mask(path, image)[mask]
        if not regions[name].any():
            raise InputError(
                "roi_files",
                expected=f"a region {name!r} with voxels of mask_file",
                found="none",
                hint="look at both masks over each other, or leave the region out",
                file=str(path),
            )
    return regions
