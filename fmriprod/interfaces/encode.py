"""Which layer predicts which voxel: nested cross-validated ridge regression."""

from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import numpy as np
from nipype import logging
from nipype.interfaces.base import File, TraitedSpec, traits

from fmriprod.algorithms.encode import Encoding, ridge_encode
from fmriprod.algorithms.encode_model import DualModel
from fmriprod.interfaces.base import PythonInterface
from fmriprod.interfaces.encode_inputs import (
    EncodingInputs,
    EncodingInputSpec,
    read_inputs,
    ridge_options,
)
from fmriprod.interfaces.encoding_model import ModelWriter
from fmriprod.interfaces.layer_file import LayerWriter
from fmriprod.interfaces.score_file import LayerScores, write_scores

_LOG = logging.getLogger("nipype.interface")


class _RidgeEncodeInputSpec(EncodingInputSpec):
    save_predictions = traits.Bool(
        False, usedefault=True, desc="write the predictions of all left-out samples"
    )
    save_model = traits.Bool(
        False, usedefault=True, desc="write the mean of the folds' models, for SynthesizeResponses"
    )
    save_weights = traits.Bool(
        False,
        usedefault=True,
        desc="write that model's weights: features x voxels numbers for each layer",
    )


class _RidgeEncodeOutputSpec(TraitedSpec):
    scores_file = File(exists=True, desc="HDF5: r2, r, of each fold too, and chosen penalties")
    r2_map = File(exists=True, desc="NIfTI, mean explained variance, a volume a layer")
    r_map = File(exists=True, desc="NIfTI, mean correlation, a volume a layer")
    model_file = File(exists=True, desc="HDF5, the mean of the folds' models, where asked for")
    predictions_file = File(
        exists=True, desc="HDF5, left-out predictions, one array a layer, where asked for"
    )
    weights_file = File(
        exists=True, desc="HDF5, features x voxels weights, one array a layer, where asked for"
    )
    summary_file = File(
        exists=True,
        desc="JSON: numbers of samples, folds, voxels used and left out; for each layer the form "
        "(primal or dual), penalties, how often the smallest and largest were chosen, and scores",
    )
    layers = traits.List(traits.Str, desc="names of the layers, in order")


class RidgeEncode(PythonInterface):
    """Predict the responses of every voxel from each layer's features.

    Leaves out one group (session, run) at a time, chooses the penalty in inner folds that
    leave out another, and scores the predictions of what was left out: explained variance
    about the mean of the left-out samples, and correlation. Means, and scales where asked
    for, are those of the training samples of each fold. Voxels that are not finite, or
    constant in a group, are left out and counted.

    Examples
    --------
    >>> RidgeEncode(groups="session", penalties=[1, 10, 100]).inputs.criterion
    'r2'
    """

    input_spec = _RidgeEncodeInputSpec
    output_spec = _RidgeEncodeOutputSpec
    _libraries = ("numpy",)

    def _process(self) -> None:
        with read_inputs(self.inputs) as found:
            encodings = self._encode(found)
        scores = layer_scores(found.layers, encodings)
        with self.writing("scores_file", "scores.h5") as path:
            write_scores(path, scores)
        if found.mask is not None:
            for name in ("r2", "r"):
                volume = np.zeros((*found.mask.shape, len(found.layers)), dtype=np.float32)
                volume[found.mask] = getattr(scores, name).T
                self.save_image(f"{name}_map", f"{name}.nii.gz", volume, found.image)
        self.save_json("summary_file", "summary.json", _summary(found, encodings))
        self.result("layers", found.layers)

    def _encode(self, found: EncodingInputs) -> list[Encoding]:
        values = self.inputs
        options: dict[str, Any] = ridge_options(values)
        options["shared_penalty"] = values.shared_penalty
        options["criterion"] = values.criterion
        options["predictions"] = values.save_predictions
        options["model"] = values.save_model or values.save_weights
        encodings = []
        with ExitStack() as stack:
            model = predictions = weights = None
            for number, name in enumerate(found.layers, 1):
                _LOG.info("RidgeEncode: layer %d of %d, %s", number, len(found.layers), name)
                done = ridge_encode(found.features(name), found.responses, found.groups, **options)
                if values.save_predictions:
                    predictions = predictions or self._open(stack, "predictions", LayerWriter)
                    predictions.append(name, done.predictions)
                if values.save_model:
                    model = model or self._open(stack, "model", ModelWriter, done.usable)
                    model.add(name, done.model)
                if values.save_weights:
                    weights = weights or self._open(stack, "weights", LayerWriter)
                    weights.append(name, _all_weights(done))
                encodings.append(replace(done, predictions=None, model=None))
        return encodings

    def _open(self, stack: ExitStack, what: str, writer: type, *arguments: Any) -> Any:
        """Open the file of an output; it gets its name when all layers are written."""
        path = stack.enter_context(self.writing(f"{what}_file", f"{what}.h5"))
        return stack.enter_context(writer(path, *arguments))


def layer_scores(layers: list[str], encodings: list[Encoding]) -> LayerScores:
    """Put the scores of all layers together."""
    arrays = {
        name: np.stack([getattr(done, name) for done in encodings])
        for name in ("r2", "r", "fold_r2", "fold_r", "penalty")
    }
    first = encodings[0]
    return LayerScores(
        layers=list(layers),
        folds=list(first.folds),
        penalties=[float(p) for p in first.penalties / first.unit],
        penalty_units=[done.unit for done in encodings],
        usable=first.usable,
        **arrays,
    )


def _all_weights(done: Encoding) -> np.ndarray:
    """Weights of all voxels, NaN where they are not usable."""
    model = done.model.linear() if isinstance(done.model, DualModel) else done.model
    weights = np.full((model.n_features, len(done.usable)), np.nan, dtype=np.float32)
    weights[:, done.usable] = model.weights
    return weights


def _summary(found: EncodingInputs, encodings: list[Encoding]) -> dict[str, Any]:
    first = encodings[0]
    n_usable = int(first.usable.sum())
    layers = []
    for name, done in zip(found.layers, encodings, strict=True):
        chosen = done.penalty[:, done.usable]
        low, high = (np.float32(f(done.penalties)) for f in (np.min, np.max))
        layers.append(
            {
                "name": name,
                "form": done.form,
                "penalties": [float(p) for p in done.penalties],
                "share_smallest": float((chosen == low).mean()),
                "share_largest": float((chosen == high).mean()),
                "median_r2": float(np.nanmedian(done.r2)),
                "largest_r2": float(np.nanmax(done.r2)),
                "largest_r": float(np.nanmax(done.r)),
            }
        )
    return {
        "n_samples": len(found.groups),
        "n_voxels": len(first.usable),
        "n_usable": n_usable,
        "n_left_out": len(first.usable) - n_usable,
        "folds": list(first.folds),
        "layers": layers,
    }
