"""HDF5 files of features: one array a layer, with the layers' order."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from fmriprod.algorithms.checks import InputError, suggest
from fmriprod.interfaces.hdf5_file import array_at, hdf5_damage, json_attribute, open_hdf5

_CHUNK_BYTES = 1 << 20


def layer_key(name: str) -> str:
    """Give the name of a layer's array or group: HDF5 reads / as a folder.

    Examples
    --------
    >>> layer_key("/features/conv1")
    '%2Ffeatures%2Fconv1'
    """
    return name.replace("%", "%25").replace("/", "%2F")


def listed(handle: h5py.File, name: str) -> list[str]:
    """Read an attribute that is a JSON list of different names; an empty one where it is none."""
    try:
        values = json_attribute(handle, name)
    except (KeyError, TypeError, ValueError, RecursionError):
        return []
    distinct = len(set(values)) == len(values)
    return values if distinct and all(isinstance(value, str) for value in values) else []


class LayerFile:
    """An open file of features, read a layer at a time.

    Attributes
    ----------
    path : str
        The file.
    names : list of str
        Layers, from the first to the last.
    n_samples : int
        Rows of every layer.
    about : dict
        What made the features: network, reduction, lags.
    """

    def __init__(self, path: str | Path, handle: h5py.File) -> None:
        self.path = str(path)
        self._handle = handle
        self.names = list(json.loads(handle.attrs["layers"]))
        self.about = json_attribute(handle, "about", dict) if "about" in handle.attrs else {}
        self.n_samples = int(self.dataset(self.names[0]).shape[0])

    def dataset(self, name: str) -> h5py.Dataset:
        """Give a layer without reading it: shape ``(n_samples, n_features)``, float32.

        Raises
        ------
        InputError
            If there is no such layer.
        """
        if name not in self.names:
            raise InputError(
                "layers",
                expected="layers of the features",
                found=f"{name!r}",
                hint=suggest(name, self.names),
                file=self.path,
            )
        return self._handle["layers"][layer_key(name)]

    def __getitem__(self, name: str) -> np.ndarray:
        """Read a layer whole."""
        return self.dataset(name)[:]

    def about_layer(self, name: str) -> dict[str, Any]:
        """Tell what made one layer: shape before reduction, factor of subsampling."""
        return dict(json.loads(self.dataset(name).attrs.get("about", "{}")))


@contextmanager
def open_layers(path: str | Path, subject: str = "features_file") -> Iterator[LayerFile]:
    """Open a file of features.

    Parameters
    ----------
    path : str or Path
        HDF5 file that `LayerWriter` wrote.
    subject : str
        Name of the input, for errors.

    Raises
    ------
    InputError
        If it is no such file, is damaged, or its layers differ in their rows.
    """
    with hdf5_damage(partial(_not_layers, path, subject)):
        handle = open_hdf5(path)
    with handle:
        with hdf5_damage(partial(_not_layers, path, subject)):
            _check_layers(path, subject, handle)
            found = LayerFile(path, handle)
        yield found


def _check_layers(path: str | Path, subject: str, handle: h5py.File) -> None:
    if "layers" not in handle.attrs or "layers" not in handle:
        raise _not_layers(path, subject, "an HDF5 file without the attribute 'layers'")
    names, arrays = listed(handle, "layers"), handle["layers"]
    there = [name for name in names if layer_key(name) in arrays]
    rows = {name: array_at(arrays, layer_key(name)).shape for name in there}
    if not names or len(rows) != len(names) or any(len(s) != 2 for s in rows.values()):
        found = f"layers {handle.attrs['layers']}, arrays {', '.join(arrays)}"
        raise _not_layers(path, subject, found)
    if len({shape[0] for shape in rows.values()}) > 1:
        raise _not_layers(path, subject, f"layers that differ in their samples: {rows}")
    for name in there:
        if "about" in arrays[layer_key(name)].attrs:
            json_attribute(arrays[layer_key(name)], "about", dict)


class LayerWriter:
    """Writes features a block of samples at a time.

    Parameters
    ----------
    path : str or Path
        New HDF5 file.
    about : mapping
        What made the features; written as JSON.
    """

    def __init__(self, path: str | Path, about: Mapping[str, Any] | None = None) -> None:
        self._handle = h5py.File(path, "w", libver="v110")
        self._handle.attrs["about"] = json.dumps(dict(about or {}), sort_keys=True)
        self._handle.create_group("layers")
        self._names: list[str] = []

    def __enter__(self) -> "LayerWriter":
        return self

    def __exit__(self, *_: object) -> None:
        self._handle.attrs["layers"] = json.dumps(self._names)
        self._handle.close()

    def append(self, name: str, block: np.ndarray, about: Mapping[str, Any] | None = None) -> None:
        """Add samples ``(n, n_features)`` at the end of a layer, which the first call makes."""
        block = np.ascontiguousarray(block, dtype=np.float32)
        layers, key = self._handle["layers"], layer_key(name)
        if key not in layers:
            self._names.append(name)
            width = block.shape[1]
            rows = max(1, _CHUNK_BYTES // (4 * max(width, 1)))
            layers.create_dataset(
                key, (0, width), "f4", maxshape=(None, width), chunks=(rows, width),
                track_times=False,
            )  # fmt: skip
            layers[key].attrs["about"] = json.dumps(dict(about or {}), sort_keys=True)
        dataset = layers[key]
        if len(block) == 0:
            return
        dataset.resize(len(dataset) + len(block), axis=0)
        dataset[-len(block) :] = block


def write_layers(
    path: str | Path,
    layers: Mapping[str, np.ndarray],
    about: Mapping[str, Any] | None = None,
) -> None:
    """Write whole layers ``{name: (n_samples, n_features)}`` in their order."""
    with LayerWriter(path, about) as writer:
        for name, values in layers.items():
            writer.append(name, values)


def _not_layers(path: str | Path, subject: str, found: str) -> InputError:
    return InputError(
        subject,
        expected="an HDF5 file of features, as LayerFeatures writes it",
        found=found,
        hint="make it with LayerFeatures, or with fmriprod.interfaces.layer_file.write_layers",
        file=str(path),
    )
