"""HDF5 files of fitted encoding models, one group a layer."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import h5py
import numpy as np

from fmriprod.algorithms.checks import InputError, suggest
from fmriprod.algorithms.encode_model import DualModel, LinearModel
from fmriprod.interfaces.hdf5_file import array_at, hdf5_damage, open_hdf5, read_array
from fmriprod.interfaces.layer_file import layer_key, listed

_LINEAR = ("weights", "intercept")
_DUAL = ("dual", "mean", "scale", "intercept")


class EncodingModel:
    """An open file of models.

    Attributes
    ----------
    path : str
        The file.
    layers : list of str
        Layers that there is a model of.
    usable : ndarray of bool, shape (n_voxels,)
        Voxels that there is a model of.
    """

    def __init__(self, path: str | Path, handle: h5py.File) -> None:
        self.path = str(path)
        self._handle = handle
        self.layers = list(json.loads(handle.attrs["layers"]))
        self.usable = read_array(handle, "usable").astype(bool)

    @property
    def n_voxels(self) -> int:
        """Number of voxels, usable or not."""
        return len(self.usable)

    def model(self, layer: str) -> LinearModel | DualModel:
        """Read the model of one layer, of its usable voxels only.

        Raises
        ------
        InputError
            If there is no model of that layer.
        """
        if layer not in self.layers:
            raise InputError(
                "layers",
                expected="layers of the model",
                found=f"{layer!r}",
                hint=suggest(layer, self.layers),
                file=self.path,
            )
        with hdf5_damage(partial(_no_model, self.path, "model_file")):
            group = self._handle["models"][layer_key(layer)]
            if "weights" in group:
                return LinearModel(*(read_array(group, name) for name in _LINEAR))
            arrays = [read_array(group, name) for name in _DUAL]
            return DualModel(array_at(group, "features"), *arrays)

    def predict(self, layer: str, features: np.ndarray) -> np.ndarray:
        """Predict responses from features of one layer.

        Parameters
        ----------
        layer : str
            One of `layers`.
        features : ndarray of float32, shape (n_samples, n_features)
            Features of the stimuli, made as those that the model was fitted on.

        Returns
        -------
        ndarray of float32, shape (n_samples, n_voxels)
            Predicted responses, NaN for voxels that are not usable.

        Raises
        ------
        InputError
            If there is no such layer, or it has another number of features.
        """
        model = self.model(layer)
        if features.shape[1] != model.n_features:
            raise InputError(
                "features_file",
                expected=f"{model.n_features} features in layer {layer!r}, as the model has",
                found=f"{features.shape[1]}",
                hint="make the features with the same network, image size and reduction",
            )
        responses = np.full((len(features), self.n_voxels), np.nan, dtype=np.float32)
        responses[:, self.usable] = model.predict(features)
        return responses


@contextmanager
def open_model(path: str | Path, subject: str = "model_file") -> Iterator[EncodingModel]:
    """Open a file of models.

    Raises
    ------
    InputError
        If it is no such file, or damaged.
    """
    with hdf5_damage(partial(_no_model, path, subject)):
        handle = open_hdf5(path)
    with handle:
        with hdf5_damage(partial(_no_model, path, subject)):
            if "layers" not in handle.attrs or not {"models", "usable"} <= set(handle):
                raise _no_model(path, subject, "an HDF5 file without models")
            names = listed(handle, "layers")
            if not names or any(layer_key(name) not in handle["models"] for name in names):
                found = f"layers {handle.attrs['layers']}, models {', '.join(handle['models'])}"
                raise _no_model(path, subject, found)
            model = EncodingModel(path, handle)
        yield model


class ModelWriter:
    """Writes models a layer at a time.

    Parameters
    ----------
    path : str or Path
        New HDF5 file.
    usable : ndarray of bool, shape (n_voxels,)
        Voxels that there are models of.
    """

    def __init__(self, path: str | Path, usable: np.ndarray) -> None:
        self._handle = h5py.File(path, "w", libver="v110")
        self._models = self._handle.create_group("models")
        self._names: list[str] = []
        self._handle.create_dataset("usable", data=usable.astype(np.uint8), track_times=False)

    def __enter__(self) -> "ModelWriter":
        return self

    def __exit__(self, *_: object) -> None:
        self._handle.attrs["layers"] = json.dumps(self._names)
        self._handle.close()

    def add(self, layer: str, model: LinearModel | DualModel) -> None:
        """Add the model of a layer."""
        self._names.append(layer)
        group = self._models.create_group(layer_key(layer))
        names = _LINEAR if isinstance(model, LinearModel) else (*_DUAL, "features")
        for name in names:
            values = np.asarray(getattr(model, name), dtype=np.float32)
            group.create_dataset(name, data=values, track_times=False)


def write_model(
    path: str | Path, models: Mapping[str, LinearModel | DualModel], usable: np.ndarray
) -> None:
    """Write the models of all layers."""
    with ModelWriter(path, usable) as writer:
        for layer, model in models.items():
            writer.add(layer, model)


def _no_model(path: str | Path, subject: str, found: str) -> InputError:
    return InputError(
        subject,
        expected="an HDF5 file of encoding models, as RidgeEncode writes it",
        found=found,
        hint="run RidgeEncode with save_model=True",
        file=str(path),
    )
