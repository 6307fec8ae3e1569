"""Responses with the table of their samples and the mask of their voxels."""

from dataclasses import dataclass
from pathlib import Path

import nibabel as nb
import numpy as np
import pandas as pd

from fmriprod.algorithms.checks import InputError, suggest
from fmriprod.interfaces.events import read_table
from fmriprod.interfaces.images import check_same_grid, load_image, load_mask, open_image
from fmriprod.interfaces.numpy_file import load_array


@dataclass(frozen=True)
class MaskedResponses:
    """Responses, what was shown for each, and where the voxels lie.

    Attributes
    ----------
    values : ndarray, shape (n_samples, n_voxels)
        Mapped from disk, not read.
    samples : DataFrame
        One row a sample.
    mask : ndarray of bool, shape (x, y, z)
        Voxels, in C order.
    image : nibabel.Nifti1Image
        The image of the mask, for its grid.
    """

    values: np.ndarray
    samples: pd.DataFrame
    mask: np.ndarray
    image: nb.Nifti1Image

    def volume(self, values: np.ndarray) -> np.ndarray:
        """Put values of voxels, shape (n_voxels,), on the grid as float32, 0 outside."""
        volume = np.zeros(self.mask.shape, dtype=np.float32)
        volume[self.mask] = values
        return volume

    def column(self, name: str, trait: str) -> pd.Series:
        """Give a column of the samples.

        Raises
        ------
        InputError
            If there is none of that name; it is said of the trait.
        """
        if name not in self.samples:
            raise InputError(
                trait,
                expected="a column of the samples",
                found=repr(name),
                hint=suggest(name, self.samples.columns),
            )
        return self.samples[name]


def open_responses(responses_file: str, samples_file: str, mask_file: str) -> MaskedResponses:
    """Open responses and check that samples and mask are theirs.

    Raises
    ------
    InputError
        If a file cannot be read, or rows or voxels differ in number.
    """
    values = open_matrix(responses_file)
    samples = read_table(samples_file, "samples_file")
    if len(samples) != len(values):
        raise InputError(
            "samples_file",
            expected=f"{len(values):,} rows, as {responses_file} has",
            found=f"{len(samples):,}",
            hint="give the table that was written with the responses, or with their stimuli",
            file=samples_file,
        )
    image = open_image(mask_file, ndim=3)
    mask = load_mask(mask_file, image)
    check_n_voxels(mask, values.shape[1], mask_file)
    return MaskedResponses(values, samples, mask, image)


def open_matrix(path: str, subject: str = "responses_file") -> np.ndarray:
    """Map a matrix of responses, samples x voxels, from disk.

    Raises
    ------
    InputError
        If it is no such file.
    """
    try:
        values = load_array(path, mapped=True)
    except (ValueError, OSError, EOFError) as err:
        raise _no_matrix(path, subject, f"{err}") from None
    if not isinstance(values, np.ndarray) or values.ndim != 2 or values.dtype.kind not in "fiu":
        raise _no_matrix(path, subject, f"shape {getattr(values, 'shape', None)}")
    return values


def check_n_voxels(mask: np.ndarray, n_voxels: int, mask_file: str) -> None:
    """Refuse a mask that has other voxels than the responses have columns."""
    if mask.sum() != n_voxels:
        raise InputError(
            "mask",
            expected=f"{n_voxels:,} voxels, as many as there are responses to a sample",
            found=f"{mask.sum():,}",
            hint="give the mask that the responses, or the model, were made with",
            file=str(mask_file),
        )


def grey_background(path: str | None, mask: np.ndarray, image: nb.Nifti1Image) -> np.ndarray:
    """Read the image to draw on, on the grid of the mask; without one, the mask in grey.

    Raises
    ------
    InputError
        If it lies on another grid.
    """
    if path is None:
        return mask.astype(np.float32)
    data, background = load_image(path, ndim=3)
    check_same_grid(background, image)
    return data


def _no_matrix(path: str, subject: str, found: str) -> InputError:
    return InputError(
        subject,
        expected="a .npy file with a matrix of numbers, samples x voxels",
        found=found,
        hint="give responses_file of the step before",
        file=str(Path(path)),
    )
