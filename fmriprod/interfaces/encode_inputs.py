"""What encoding starts from: features of layers, responses, and groups of samples."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import nibabel as nb
import numpy as np
import pandas as pd
from nipype.interfaces.base import isdefined, traits

from fmriprod.algorithms.array_backend import get_backend
from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.paired_inputs import PairedInputs, PairedInputSpec, read_paired


class EncodingInputSpec(PairedInputSpec):
    """Inputs of all that fits ridge models of layers."""

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
        desc="divide each feature by its standard deviation in the training samples of each fold: "
        "features that hardly vary there then weigh as much as the others",
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
    groups : ndarray of str, shape (n_samples,)
        What is left out together.
    paired : PairedInputs
        Features and responses.
    """

    layers: list[str]
    groups: np.ndarray
    paired: PairedInputs

    @property
    def responses(self) -> np.ndarray:
        """Responses, mapped from disk: shape (n_samples, n_voxels)."""
        return self.paired.responses

    @property
    def samples(self) -> pd.DataFrame:
        """Samples of the responses."""
        return self.paired.samples

    @property
    def mask(self) -> np.ndarray | None:
        """Voxels: bool, shape (x, y, z)."""
        return self.paired.mask

    @property
    def image(self) -> nb.Nifti1Image | None:
        """Image of the mask, for its grid."""
        return self.paired.image

    def features(self, layer: str) -> np.ndarray:
        """Read a layer, a row for each response: float32, shape (n_samples, n_features)."""
        return self.paired.features(layer)


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
    with read_paired(values) as paired:
        groups = paired.groups(values.groups)
        layers = _layers(paired, values.layers if isdefined(values.layers) else ())
        yield EncodingInputs(layers, groups, paired)


def _layers(paired: PairedInputs, wanted: Sequence[str]) -> list[str]:
    names = list(wanted) or paired.layers
    for name in names:
        paired.check_layer(name)
    if len(set(names)) < len(names):
        raise InputError(
            "layers", expected="each layer once", found=", ".join(names), hint="leave one out"
        )
    return names
