"""Open images that someone else made: no trap in their headers, no promise that is not kept."""

import math
import os
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import nibabel as nb

from fmriprod.interfaces.packed_voxels import OPENERS
from fmriprod.interfaces.supplied import file_problem

_MOST_HEADER = 1 << 28  # bytes of extensions; a CIFTI header has some megabytes
_RATIOS = {".gz": 1100, ".mgz": 1100, ".bz2": 100_000}  # deflate: at most 1032 bytes from one
_DEFAULT_RATIO = 100_000


class ImageFileProblem(ValueError):
    """A file that is no image that can be used; the text says why."""


def load_file(path: str | Path) -> Any:
    """Open an image as `nibabel.load` does, without reading its voxels.

    Raises
    ------
    ImageFileProblem
        If it is no file, no image, its header makes no sense, or holds XML with entities, which
        can grow without end when they are read.
    """
    if found := file_problem(path):
        raise ImageFileProblem(found)
    if not os.path.getsize(path):
        raise ImageFileProblem("an empty file (0 bytes)")
    try:
        with suppress(OSError, EOFError, zlib.error):  # what is damaged NiBabel says better
            _refuse_entities(path)
        return nb.load(path)
    except ImageFileProblem:
        raise
    except Exception as err:  # NiBabel lets many kinds through: overflows, struct, zlib, expat
        raise ImageFileProblem(_line(err)) from None


def broken_promise(image: Any) -> str | None:
    """Tell why a file cannot hold the voxels of its header; None where it may.

    Asked before voxels are read, because memory for all of them is taken first.
    """
    path = image.get_filename()
    if path is None or not os.path.isfile(path):
        return None
    size = os.path.getsize(path)
    needed = math.prod(int(n) for n in image.shape) * image.get_data_dtype().itemsize
    packed = Path(path).suffix.lower() not in (".nii", ".img", ".hdr", ".mgh")
    most = size * _RATIOS.get(Path(path).suffix.lower(), _DEFAULT_RATIO) if packed else size
    if str(path).lower().endswith(".hdr") or needed <= most + (1 << 16) * packed:
        return None
    return f"a file that ends early: {size:,} bytes for {needed:,} bytes of voxels"


def _refuse_entities(path: str | Path) -> None:
    """Refuse XML that declares entities: neither CIFTI nor GIFTI have any."""
    opened = OPENERS.get(Path(path).suffix.lower(), open)
    with opened(path, "rb") as stream:
        start = stream.read(1 << 16)
        if ".gii" in Path(path).suffixes:
            end = _MOST_HEADER
        elif b"<" in start:
            end = min(_voxel_offset(start), _MOST_HEADER)
        else:
            return
        start += stream.read(max(0, end - len(start)))
    if b"<!ENTITY" in start[:end].replace(b"\0", b""):  # also in UTF-16
        raise ImageFileProblem("a header with entities of XML (<!ENTITY)")


def _voxel_offset(start: bytes) -> int:
    """Where voxels begin by a NIfTI-2 header; the end of what was read where it is none."""
    for order in ("little", "big"):
        if int.from_bytes(start[:4], order) == 540:
            return max(0, int.from_bytes(start[168:176], order, signed=True))
    return len(start)


def _line(err: Exception) -> str:
    return (str(err).splitlines() or [""])[0][:300] or type(err).__name__
