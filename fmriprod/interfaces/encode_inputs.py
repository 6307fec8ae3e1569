"""What encoding starts from: features of layers, responses, and groups of samples."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import nibabel as nb
import numpy as np
import pandas as pd
from nipype.interfaces.base import File, isdefined, traits

from fmriprod.algorithms.array_backend import get_backend
from fmriprod.algorithms.checks import InputError, suggest
from fmriprod.interfaces.base import PythonInputSpec
from fmriprod.interfaces.images import load_mask, open_image
from fmriprod.interfaces.layer_file import LayerFile, open_layers
from fmriprod.interfaces.masked_responses import check_n_voxels, open_matrix
from fmriprod.interfaces.paired_samples import paired_rows
from fmriprod.interfaces.run_samples import read_samples_table


class EncodingInputSpec(PythonInputSpec):
    """Inputs of all that fits ridge models of layers."""

    features_file = File(
        exists=True, mandatory=True, desc="features (HDF5, one array a layer), from LayerFeatures"
    )
    responses_file = File(
        exists=True, mandatory=True, desc="responses, samples x voxels (.npy), from RunResponses"
    )
    samples_file = File(
        exists=True, mandatory=True, desc="samples of the responses (TSV), a row each"
    )
    features_samples_file = File(
        exists=True,
        desc="samples of the features (TSV): rows are found by run and volume, or by stimulus; "
        "without it they are those of samples_file, in that order",
    )
    mask_file = File(exists=True, desc="voxels of the responses, in C order; needed for maps")
    groups = traits.Str(
        "run",
        usedefault=True,
        desc="column of samples_file: what is left out together, such as session",
    )
    layers = traits.List(traits.Str, desc="layers to use (default: all)")
    penalties = traits.List(
        traits.Float,
        desc="ridge penalties to choose from; by default ten over nine decades around the mean "
        "squared length of a layer's centred features",
    )
    shared_penalty = traits.Bool(
        False, usedefault=True, desc="one penalty for all voxels instead of one for each"
    )
    criterion = traits.Enum("r2", "mse", usedefault=True, desc="what inner folds are scored by")
    standardize = traits.Bool(
        False,
        usedefault=True,
        desc="divide each feature by its standard deviation in the training samples of each fold",
    )
    form = traits.Enum(
        "auto",
        "primal",
        "dual",
        usedefault=True,
        desc="products of features (primal) or of samples (dual); auto: what costs less",
    )
    backend = traits.Enum("numpy", "torch", usedefault=True, desc="library that computes")
    device = traits.Str("cpu", usedefault=True, desc="device of torch: cpu, cuda, cuda:1")
    precision = traits.Enum(
        "float32",
        "float64",
        usedefault=True,
        desc="of what is as long as there are voxels; samples x samples is always float64",
    )
    memory_mb = traits.Range(
        low=1.0,
        value=2000.0,
        usedefault=True,
        nohash=True,
        desc="bound in MB of what is held besides one layer's features, responses and results",
    )


@dataclass(frozen=True)
class EncodingInputs:
    """What was read, with the layers still on disk.

    Attributes
    ----------
    layers : list of str
        Layers to use.
    responses : ndarray, shape (n_samples, n_voxels)
        Mapped from disk.
    samples : DataFrame
        Of the responses.
    groups : ndarray of str, shape (n_samples,)
        What is left out together.
    mask, image : ndarray of bool and nibabel image, or None
        Voxels.
    """

    layers: list[str]
    responses: np.ndarray
    samples: pd.DataFrame
    groups: np.ndarray
    mask: np.ndarray | None
    image: nb.Nifti1Image | None
    _file: LayerFile
    _rows: np.ndarray

    def features(self, layer: str) -> np.ndarray:
        """Read a layer, a row for each response: float32, shape (n_samples, n_features)."""
        values = self._file[layer]
        same = len(self._rows) == len(values) and (np.diff(self._rows) == 1).all()
        return values if same else values[self._rows]


def ridge_options(values: Any) -> dict[str, Any]:
    """Give the options of `nested_ridge` that the inputs hold."""
    return {
        "penalties": list(values.penalties) if isdefined(values.penalties) else None,
        "standardize": values.standardize,
        "form": values.form,
        "backend": get_backend(values.backend, values.device, values.precision, values.num_threads),
        "memory_mb": values.memory_mb,
    }


@contextmanager
def read_inputs(values: Any) -> Iterator[EncodingInputs]:
    """Open what the inputs of an `EncodingInputSpec` name, and check that it fits together.

    Raises
    ------
    InputError
        If a file cannot be read, a layer or column does not exist, samples are not the
        same, or the mask has other voxels.
    """
    responses = open_matrix(values.responses_file)
    samples = read_samples_table(values.samples_file, "samples_file")
    if len(samples) != len(responses):
        raise InputError(
            "samples_file",
            expected=f"{len(responses)} rows, as the responses have",
            found=f"{len(samples)}",
            hint="give the table that was written with the responses",
        )
    groups = _groups(samples, values.groups)
    mask = image = None
    if isdefined(values.mask_file):
        image = open_image(values.mask_file, ndim=3)
        mask = load_mask(values.mask_file, image)
        check_n_voxels(mask, responses.shape[1], values.mask_file)
    shown = None
    if isdefined(values.features_samples_file):
        shown = read_samples_table(values.features_samples_file, "features_samples_file")
    with open_layers(values.features_file) as file:
        layers = _layers(file, values.layers if isdefined(values.layers) else ())
        rows = paired_rows(shown, samples, file.n_samples)
        yield EncodingInputs(layers, responses, samples, groups, mask, image, file, rows)


def _layers(file: LayerFile, wanted: Sequence[str]) -> list[str]:
    names = list(wanted) or file.names
    for name in names:
        file.dataset(name)
    if len(set(names)) < len(names):
        raise InputError(
            "layers", expected="each layer once", found=", ".join(names), hint="leave one out"
        )
    return names


def _groups(samples: pd.DataFrame, column: str) -> np.ndarray:
    if column not in samples:
        raise InputError(
            "groups",
            expected="a column of samples_file",
            found=repr(column),
            hint=suggest(column, samples.columns),
        )
    return samples[column].to_numpy(dtype=object)
