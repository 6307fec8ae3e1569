"""Read and write series volume by volume, in the memory of one."""

import weakref
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import nibabel as nb
import numpy as np

from fmriprod.interfaces.images import image_damage, new_image, open_image
from fmriprod.interfaces.packed_voxels import open_packed, read_on


class VolumeReader:
    """Read single volumes of an image.

    Parameters
    ----------
    path : path
        3-D or 4-D image; a 3-D image is a series of one volume.

    Attributes
    ----------
    image : nibabel.Nifti1Image
        The opened image.
    n_volumes : int
        How many there are.

    Notes
    -----
    The file stays open, so that a compressed one is read on from where the last volume ended;
    going back in it means to decompress it again from its beginning.
    """

    def __init__(self, path: str | Path) -> None:
        self.image = open_image(path)
        self.n_volumes = self.image.shape[3] if self.image.ndim > 3 else 1
        packed = open_packed(self.image)
        if packed is None:
            self.image = nb.load(path, keep_file_open=True)
            self._voxels, self._stream = self.image.dataobj, None
        else:
            self._voxels, self._stream = packed
            weakref.finalize(self, self._stream.close)

    def __call__(self, number: int) -> np.ndarray:
        """Give a volume as float32, shape (x, y, z).

        Raises
        ------
        InputError
            If the file ends early or is damaged. The checksum of a compressed file lies at its
            end, and is compared with the last volume.
        """
        index = (..., number) if self.image.ndim > 3 else ...
        with image_damage(self.image):
            volume = np.asarray(self._voxels[index], np.float32)
            if self._stream is not None and number in (self.n_volumes - 1, -1):
                read_on(self._stream)
        return volume


def write_volumes(
    path: str | Path,
    volumes: Iterable[np.ndarray],
    shape: tuple[int, ...],
    like: nb.Nifti1Image,
    *,
    affine: Any = None,
    tr: float | None = None,
) -> None:
    """Write a series as NIfTI, each volume as it comes; the bytes are those of `save_image`.

    Parameters
    ----------
    path : path
        Where to write; ``.nii``.
    volumes : iterable of ndarray of float32, shape (x, y, z)
        As many as ``shape`` says.
    shape : (int, int, int) or (int, int, int, int)
        Shape of the whole.
    like, affine, tr
        As `fmriprod.interfaces.images.save_image` takes them.
    """
    whole = np.broadcast_to(np.float32(0), shape)  # no memory behind it
    header = new_image(whole, like, affine=affine, tr=tr).header
    header.set_slope_inter(1, 0)
    header["vox_offset"] = 352
    with open(path, "wb") as stream:
        header.write_to(stream)
        stream.write(bytes(352 - stream.tell()))
        for volume in volumes:
            stream.write(np.asarray(volume, np.float32).tobytes(order="F"))
        n_bytes = stream.tell()
    if n_bytes != 352 + 4 * whole.size:
        raise OSError(f"{path}: wrote {n_bytes} bytes of a series of shape {shape}")
