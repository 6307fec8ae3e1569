"""Read NumPy's files without trusting their headers, and without running what is in them."""

import io
import math
import zipfile
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npy

from fmriprod.interfaces.supplied import file_problem

_MOST = 1 << 34  # bytes that an archive may unpack to
_RATIO = 2000  # deflate packs at most 1032 bytes into one
_PICKLE = "Python objects (a pickle), which are not read: reading them would run what is in them"


class ArrayFileError(ValueError):
    """A file that holds no arrays that can be read; the text is one line."""


def load_array(path: str | Path, *, mapped: bool = False) -> np.ndarray:
    """Read a ``.npy`` file.

    Parameters
    ----------
    path : path
        The file; known by content, not by name.
    mapped : bool
        Map it from disk, read-only, instead of reading it.

    Raises
    ------
    ArrayFileError
        If it is no such file, holds objects, or ends before what its header promises. Nothing
        is unpickled, and no memory is asked for that the file could not fill.
    """
    _check(path, npy.MAGIC_PREFIX, "no .npy file")
    try:
        with open(path, "rb") as stream:
            shape, order, dtype = _header(stream)
            offset = stream.tell()
        _check_size(shape, dtype, Path(path).stat().st_size - offset)
        if not math.prod(shape):
            return np.empty(shape, dtype)
        array = np.memmap(path, dtype, "r", offset, shape, "F" if order else "C")
        return array if mapped else np.array(array, order="K")
    except ArrayFileError:
        raise
    except Exception as err:  # a header is a Python expression: many ways to be none
        raise ArrayFileError(_line(err)) from None


def load_arrays(path: str | Path) -> dict[str, np.ndarray]:
    """Read all arrays of a ``.npz`` file.

    Raises
    ------
    ArrayFileError
        As `load_array`, and if it would unpack to far more than it is.
    """
    _check(path, b"PK", "no .npz file")
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(member.file_size for member in archive.infolist())
            if size > min(_MOST, _RATIO * Path(path).stat().st_size + 2**20):
                raise ArrayFileError(f"an archive that unpacks to {size:,} bytes")
            return {
                member.filename.removesuffix(".npy"): _unpacked(archive.read(member))
                for member in archive.infolist()
            }
    except ArrayFileError:
        raise
    except Exception as err:  # zip's own kinds, zlib's, and those of headers
        raise ArrayFileError(_line(err)) from None


def is_archive(path: str | Path) -> bool:
    """Tell whether a file begins as a ``.npz`` file does; False for what is no file."""
    if file_problem(path):
        return False
    with open(path, "rb") as stream:
        return stream.read(2) == b"PK"


def _check(path: str | Path, begin: bytes, otherwise: str) -> None:
    if found := file_problem(path):
        raise ArrayFileError(found)
    with open(path, "rb") as stream:
        start = stream.read(len(begin))
    if not start:
        raise ArrayFileError("an empty file")
    if start != begin:
        raise ArrayFileError(_PICKLE if start[:1] == b"\x80" else otherwise)


def _unpacked(content: bytes) -> np.ndarray:
    stream = io.BytesIO(content)
    shape, order, dtype = _header(stream)
    _check_size(shape, dtype, len(content) - stream.tell())
    array = np.frombuffer(content, dtype, math.prod(shape), stream.tell()).copy()
    return array.reshape(shape, order="F" if order else "C")


def _header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Read shape, whether it is in Fortran's order, and type."""
    version = npy.read_magic(stream)
    readers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
    if version not in readers:
        raise ArrayFileError(f"a .npy file of version {version[0]}.{version[1]}")
    shape, order, dtype = readers[version](stream)
    if dtype.hasobject:
        raise ArrayFileError(_PICKLE)
    return shape, order, dtype


def _check_size(shape: tuple[int, ...], dtype: np.dtype, there: int) -> None:
    if any(n < 0 for n in shape):
        raise ArrayFileError(f"a shape of {shape}")
    needed = math.prod(shape) * dtype.itemsize
    if needed > there:
        raise ArrayFileError(f"{there:,} of {needed:,} bytes for a shape of {shape}")


def _line(err: Exception) -> str:
    return f"{(str(err).splitlines() or [''])[0]}"[:300] or type(err).__name__
