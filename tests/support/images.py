"""Small images for tests."""

from pathlib import Path

import nibabel as nb
import numpy as np


def write_image(path: Path, data: np.ndarray, affine=None, tr: float = 2.0) -> Path:
    """Write an array as NIfTI (2 mm RAS grid unless an affine is given) and return the path."""
    affine = np.diag([2.0, 2.0, 2.0, 1.0]) if affine is None else affine
    image = nb.Nifti1Image(data, affine)
    image.header.set_xyzt_units("mm", "sec")
    if data.ndim == 4:
        image.header.set_zooms((*image.header.get_zooms()[:3], tr))
    image.to_filename(path)
    return path
