"""Features and the responses to the same samples: what models of voxels start from."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import nibabel as nb
import numpy as np
import pandas as pd
from nipype.interfaces.base import File, isdefined

from fmriprod.algorithms.checks import InputError, suggest
from fmriprod.interfaces.base import PythonInputSpec
from fmriprod.interfaces.images import load_mask, open_image
from fmriprod.interfaces.layer_file import LayerFile, open_layers
from fmriprod.interfaces.masked_responses import check_n_voxels, open_matrix
from fmriprod.interfaces.paired_samples import paired_rows
from fmriprod.interfaces.run_samples import read_samples_table


class PairedInputSpec(PythonInputSpec):
    """Inputs that name features, responses, and what their rows are."""

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


@dataclass(frozen=True)
class PairedInputs:
    """What was read, with the layers still on disk.

    Attributes
    ----------
    layers : list of str
        Layers of the features.
    responses : ndarray, shape (n_samples, n_voxels)
        Mapped from disk.
    samples : DataFrame
        Of the responses.
    mask, image : ndarray of bool and nibabel image, or None
        Voxels.
    """

    layers: list[str]
    responses: np.ndarray
    samples: pd.DataFrame
    mask: np.ndarray | None
    image: nb.Nifti1Image | None
    _file: LayerFile
    _rows: np.ndarray

    def features(self, layer: str) -> np.ndarray:
        """Read a layer, a row for each response: float32, shape (n_samples, n_features)."""
        values = self._file[layer]
        same = len(self._rows) == len(values) and (np.diff(self._rows) == 1).all()
        return values if same else values[self._rows]

    def check_layer(self, layer: str) -> None:
        """Refuse a layer that does not exist."""
        self._file.dataset(layer)

    def groups(self, column: str) -> np.ndarray:
        """Give what is left out together: text, shape (n_samples,).

        Raises
        ------
        InputError
            If the samples have no such column.
        """
        if column not in self.samples:
            raise InputError(
                "groups",
                expected="a column of samples_file",
                found=repr(column),
                hint=suggest(column, self.samples.columns),
            )
        return self.samples[column].to_numpy(dtype=object)


@contextmanager
def read_paired(values: Any) -> Iterator[PairedInputs]:
    """Open what the inputs of a `PairedInputSpec` name, and check that it fits together.

    Raises
    ------
    InputError
        If a file cannot be read, samples are not the same, or the mask has other voxels.
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
    mask = image = shown = None
    if isdefined(values.mask_file):
        image = open_image(values.mask_file, ndim=3)
        mask = load_mask(values.mask_file, image)
        check_n_voxels(mask, responses.shape[1], values.mask_file)
    if isdefined(values.features_samples_file):
        shown = read_samples_table(values.features_samples_file, "features_samples_file")
    with open_layers(values.features_file) as file:
        rows = paired_rows(shown, samples, file.n_samples)
        yield PairedInputs(file.names, responses, samples, mask, image, file, rows)
