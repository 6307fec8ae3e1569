"""Read HDF5 files without trusting what they say of themselves."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.supplied import file_problem

_RATIO = 2000  # deflate packs at most 1032 bytes into one


@contextmanager
def hdf5_damage(refuse: Callable[[str], InputError]) -> Iterator[None]:
    """Say of whatever fails within that the file is not what it should be.

    Parameters
    ----------
    refuse : callable
        Makes the error from what was found, one line.
    """
    try:
        yield
    except InputError:
        raise
    except Exception as err:  # h5py and JSON have many ways to stumble on another file
        raise refuse((str(err).splitlines() or [""])[0][:300] or type(err).__name__) from None


def open_hdf5(path: str | Path) -> h5py.File:
    """Open a file for reading.

    Raises
    ------
    OSError
        If it is no such file.
    """
    if found := file_problem(path):
        raise OSError(found)
    return h5py.File(path, "r")


def array_at(group: Any, name: str) -> h5py.Dataset:
    """Give an array of numbers without reading it.

    Raises
    ------
    ValueError
        If there is none, it is no array of numbers, or it promises far more than is there.
    """
    found = group.get(name) if isinstance(group, h5py.Group) else None
    if not isinstance(found, h5py.Dataset):
        raise ValueError(f"no array {name!r}")
    if found.dtype.kind not in "biuf" or found.shape is None:
        raise ValueError(f"{name} of type {found.dtype}")
    if found.nbytes > _RATIO * found.id.get_storage_size() + 2**20:
        raise ValueError(f"{name} of shape {found.shape}, of which the file has next to nothing")
    return found


def read_array(group: Any, name: str) -> np.ndarray:
    """Read an array whole, with the checks of `array_at`."""
    return array_at(group, name)[()]


def json_attribute(group: Any, name: str, kind: type = list) -> Any:
    """Read an attribute that holds JSON.

    Raises
    ------
    ValueError
        If it is not there, or holds something else than a ``kind``; items of lists must be text
        or numbers.
    """
    value = group.attrs[name]
    content = json.loads(value if isinstance(value, str | bytes) else "")
    simple = kind is not list or all(isinstance(item, str | int | float) for item in content)
    if not isinstance(content, kind) or not simple:
        raise ValueError(f"an attribute {name} that is no {kind.__name__}: {str(value)[:80]}")
    return content
