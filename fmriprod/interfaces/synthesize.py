"""Responses to stimuli that nobody was shown."""

from pathlib import Path

import numpy as np
import pandas as pd
from nipype.interfaces.base import File, TraitedSpec, isdefined, traits

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.base import PythonInputSpec, PythonInterface
from fmriprod.interfaces.encoding_model import EncodingModel, open_model
from fmriprod.interfaces.events import read_table
from fmriprod.interfaces.images import load_mask, open_image
from fmriprod.interfaces.layer_file import LayerFile, open_layers
from fmriprod.interfaces.masked_responses import check_n_voxels


class _SynthesizeResponsesInputSpec(PythonInputSpec):
    model_file = File(exists=True, mandatory=True, desc="fitted models (HDF5), from RidgeEncode")
    features_file = File(
        exists=True,
        mandatory=True,
        desc="features of the new stimuli (HDF5), made as those that the model was fitted on",
    )
    layers = traits.List(
        traits.Str, desc="layers whose predictions are averaged (default: all of the model)"
    )
    samples_file = File(
        exists=True, desc="table of the stimuli (TSV), a row each; passed on when it fits"
    )
    features_samples_file = File(
        exists=True,
        requires=["samples_file"],
        desc="samples_file of the features: its column stimulus, where both tables have it, must "
        "be that of samples_file",
    )
    mask_file = File(exists=True, desc="voxels of the model, in C order; passed on when it fits")
    block_mb = traits.Range(
        low=1,
        value=256,
        usedefault=True,
        nohash=True,
        desc="MB that the features and responses of one block of stimuli may take; the model of "
        "one layer comes on top of it",
    )


class _SynthesizeResponsesOutputSpec(TraitedSpec):
    responses_file = File(
        exists=True,
        desc="mean prediction over the layers: .npy, float32, samples x voxels; NaN where a "
        "voxel is not usable",
    )
    samples_file = File(exists=True, desc="the table of the stimuli, as given")
    mask_file = File(exists=True, desc="the mask of the voxels, as given")
    layers = traits.List(traits.Str, desc="layers that were averaged")
    n_usable = traits.Int(desc="voxels that there is a model of")


class SynthesizeResponses(PythonInterface):
    """Predict what every voxel would answer to new stimuli, averaged over layers.

    Examples
    --------
    >>> SynthesizeResponses(layers=["conv1"]).inputs.block_mb
    256
    """

    input_spec = _SynthesizeResponsesInputSpec
    output_spec = _SynthesizeResponsesOutputSpec

    def _process(self) -> None:
        inputs = self.inputs
        with (
            open_model(inputs.model_file) as model,
            open_layers(inputs.features_file) as features,
        ):
            names = _chosen(inputs.layers, model, features)
            self._pass_on(features.n_samples, model.n_voxels)
            with self.writing("responses_file", "responses.npy") as path:
                _write_mean(path, model, features, names, inputs.block_mb)
            self.result("layers", names)
            self.result("n_usable", int(model.usable.sum()))

    def _pass_on(self, n_samples: int, n_voxels: int) -> None:
        """Check the tables of rows and of columns, and hand them to the next step."""
        inputs = self.inputs
        if isdefined(inputs.samples_file):
            samples = read_table(inputs.samples_file, "samples_file")
            if len(samples) != n_samples:
                raise InputError(
                    "samples_file",
                    expected=f"{n_samples:,} rows, as the features have samples",
                    found=f"{len(samples):,}",
                    hint="give the table of the stimuli that the features were made of",
                )
            if isdefined(inputs.features_samples_file):
                table = read_table(inputs.features_samples_file, "features_samples_file")
                _check_same_stimuli(samples, table)
            self.result("samples_file", str(Path(inputs.samples_file).absolute()))
        if isdefined(inputs.mask_file):
            mask = load_mask(inputs.mask_file, open_image(inputs.mask_file, ndim=3))
            check_n_voxels(mask, n_voxels, inputs.mask_file)
            self.result("mask_file", str(Path(inputs.mask_file).absolute()))


def _check_same_stimuli(samples: pd.DataFrame, of_features: pd.DataFrame) -> None:
    """Refuse tables that name other stimuli, or the same in another order."""
    if not ("stimulus" in samples and "stimulus" in of_features):
        return
    ours, theirs = samples["stimulus"].tolist(), of_features["stimulus"].tolist()
    if ours == theirs:
        return
    row = next((i for i, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b), -1)
    where = f"row {row + 1}: {ours[row]!r} for {theirs[row]!r}" if row >= 0 else "other lengths"
    raise InputError(
        "samples_file",
        expected="the stimuli of features_samples_file, in their order",
        found=f"{len(ours)} for {len(theirs)} rows; {where}",
        hint="give the images to LayerFeatures in the order of this table",
    )


def _chosen(layers: list[str], model: EncodingModel, features: LayerFile) -> list[str]:
    """Layers to average; refuse those that the features have not, and any named twice."""
    names = list(layers) if isdefined(layers) and layers else list(model.layers)
    if len(set(names)) < len(names):
        raise InputError(
            "layers",
            expected="each layer once",
            found=", ".join(names),
            hint="a layer that is named twice would weigh twice",
        )
    for name in names:
        features.dataset(name)
    return names


def _write_mean(
    path: Path, model: EncodingModel, features: LayerFile, names: list[str], block_mb: int
) -> None:
    """Average the layers' predictions in a file, a block of samples at a time.

    Layers are the outer loop, so that a model that fits into one block of samples is read
    once; the sums wait on disk.
    """
    shape = (features.n_samples, model.n_voxels)
    total = _DiskRows(path, shape)
    for number, name in enumerate(names):
        layer = features.dataset(name)
        # Features; the prediction for usable voxels, its copy into all of them, and the sum.
        row_bytes = 4 * (layer.shape[1] + 3 * shape[1])
        rows = max(1, block_mb * 2**20 // row_bytes)
        for start in range(0, shape[0], rows):
            block = layer[start : start + rows]
            if not np.isfinite(block).all():
                raise _not_finite(name, block, start, features.path)
            part = model.predict(name, block) / np.float32(len(names))
            total.add(start, part, first=number == 0)


class _DiskRows:
    """A float32 matrix in a .npy file, of which only the rows at hand are in memory."""

    def __init__(self, path: Path, shape: tuple[int, int]) -> None:
        whole = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=shape)
        self._path, self._offset, self._width = path, whole.offset, shape[1]

    def add(self, start: int, rows: np.ndarray, *, first: bool) -> None:
        """Add rows from ``start`` on to those of the file, or put them there at first."""
        # Mapped anew for each block: pages of a lasting map would count as memory.
        offset = self._offset + 4 * start * self._width
        target = np.memmap(self._path, np.float32, "r+", offset, rows.shape)
        if first:
            target[:] = rows
        else:
            target += rows


def _not_finite(name: str, block: np.ndarray, start: int, path: str) -> InputError:
    row = int(np.flatnonzero(~np.isfinite(block).all(axis=1))[0])
    return InputError(
        "features_file",
        expected="finite features",
        found=f"{(~np.isfinite(block[row])).sum()} that are not, in layer {name!r}, "
        f"sample {start + row + 1}",
        hint="look at that stimulus; make the features again",
        file=path,
    )
