"""Voxels of compressed images, read on to the checksum that lies behind them.

A reader that stops at the last voxel never reaches it, and takes a file with a damaged byte for
another image.
"""

import bz2
import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import nibabel as nb
from nibabel.arrayproxy import ArrayProxy

OPENERS = {".gz": gzip.open, ".mgz": gzip.open, ".bz2": bz2.open}
_CHUNK = 1 << 20
_MOST_AFTER = 1 << 26  # bytes behind the voxels; no format has more than some hundreds


def open_packed(image: nb.Nifti1Image) -> tuple[Any, BinaryIO] | None:
    """Open the voxels of an image anew, with the stream that they come from.

    Returns
    -------
    voxels : nibabel.arrayproxy.ArrayProxy
        As the image's own ``dataobj``, but of that stream.
    stream : file object
        Decompressed; to be closed by the caller, and to be read on (`read_on`).
        None in place of both where nothing is compressed and there is no checksum.
    """
    own = image.dataobj
    path = image.file_map["image"].filename if hasattr(image, "file_map") else None
    opener = OPENERS.get(Path(path).suffix.lower()) if path else None
    if opener is None or type(own) is not ArrayProxy:
        return None
    stream = opener(path, "rb")
    spec = (own.shape, own.dtype, own.offset, own.slope, own.inter)
    return ArrayProxy(stream, spec, order=own.order), stream


def read_on(stream: BinaryIO) -> None:
    """Read what follows the voxels, so that the checksum is compared.

    What lies behind the last compressed part is none of the image, and left alone.

    Raises
    ------
    OSError, EOFError
        If it is another one, or the stream ends before it.
    """
    try:
        for _ in range(_MOST_AFTER // _CHUNK):
            if not stream.read(_CHUNK):
                return
    except gzip.BadGzipFile as err:  # of a wrong checksum, too
        if not str(err).startswith("Not a gzipped file"):
            raise


@contextmanager
def whole_voxels(image: nb.Nifti1Image) -> Iterator[Any]:
    """Give the voxels of an image that will all be read; the checksum is compared at the end."""
    packed = open_packed(image)
    if packed is None:
        yield image.dataobj
        return
    voxels, stream = packed
    with stream:
        yield voxels
        read_on(stream)
