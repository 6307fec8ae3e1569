"""What receptive fields are estimated from: features, responses, folds; what is drawn."""

from dataclasses import dataclass
from typing import Any

import nibabel as nb
import numpy as np
from nipype.interfaces.base import isdefined, traits

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.paired_inputs import PairedInputSpec, read_paired

_N_DRAWN = 9


class ReceptiveFieldInputSpec(PairedInputSpec):
    """Inputs of ReceptiveField."""

    layer = traits.Str(desc="layer of the features (default: the only one)")
    max_iter = traits.Range(
        low=1, value=10, usedefault=True, desc="steps of a path: most features of a field"
    )
    groups = traits.Str(
        desc="column of samples_file: what is left out together, such as run (default: n_folds "
        "contiguous parts, as published)"
    )
    n_folds = traits.Range(low=2, value=5, usedefault=True, desc="folds, without groups")
    standardize = traits.Enum(
        "all",
        "fold",
        "none",
        usedefault=True,
        desc="divide features by their standard deviation over all samples, as published; over "
        "the training samples of each fold; or not",
    )
    stimulus_shape = traits.List(
        traits.Range(low=1), minlen=2, maxlen=2,
        desc="rows and columns of the image whose pixels the features are; needed for the figure",
    )  # fmt: skip
    stimulus_order = traits.Enum(
        "C",
        "F",
        usedefault=True,
        desc="features go along the rows of the image (C) or down its columns (F)",
    )
    voxels = traits.List(
        traits.Range(low=0), minlen=1,
        desc="voxels to draw, columns of the responses from 0 (default: the best n_drawn)",
    )  # fmt: skip
    n_drawn = traits.Range(
        low=1, value=_N_DRAWN, usedefault=True, desc="voxels with the highest r2 to draw"
    )
    limits = traits.Tuple(
        traits.Float(0.1), traits.Float(0.75), usedefault=True,
        desc="coefficients of the figure: hidden below the first, colours end at the second",
    )  # fmt: skip
    relative_limits = traits.Bool(
        False, usedefault=True, desc="limits are shares of the largest coefficient that is drawn"
    )
    marked_pixel = traits.List(
        traits.Range(low=0), minlen=2, maxlen=2,
        desc="row and column, from 0, of a pixel with a box in each field of the figure",
    )  # fmt: skip
    published_colours = traits.Bool(
        False, usedefault=True, desc="strong coefficients are dark, as published, and not bright"
    )
    title = traits.Str("Receptive fields", usedefault=True, desc="title of the figure")
    simulated = traits.Bool(
        False, usedefault=True, desc="whether the figure says that the data are simulated"
    )
    memory_mb = traits.Range(
        low=0.0,
        exclude_low=True,
        value=1024.0,
        usedefault=True,
        nohash=True,
        desc="bound in MB of what is held besides features, responses and results",
    )


@dataclass(frozen=True)
class FieldInputs:
    """What was read.

    Attributes
    ----------
    features : ndarray of float32, shape (n_samples, n_features)
        A row for each response.
    responses : ndarray, shape (n_samples, n_voxels)
        Mapped from disk.
    groups : ndarray of str or None, shape (n_samples,)
        What is left out together.
    mask, image : ndarray of bool and nibabel image, or None
        Voxels.
    """

    features: np.ndarray
    responses: np.ndarray
    groups: np.ndarray | None
    mask: np.ndarray | None
    image: nb.Nifti1Image | None


def read_field_inputs(values: Any) -> FieldInputs:
    """Read what the inputs name, and check that it fits together.

    Raises
    ------
    InputError
        If a file cannot be read, a layer or column does not exist, samples are not the
        same, or the mask has other voxels.
    """
    with read_paired(values) as found:
        groups = found.groups(values.groups) if isdefined(values.groups) else None
        features = found.features(_layer(values, found.layers))
    return FieldInputs(features, found.responses, groups, found.mask, found.image)


def _layer(values: Any, names: list[str]) -> str:
    if isdefined(values.layer):
        return values.layer
    if len(names) > 1:
        raise InputError(
            "layer",
            expected="the name of one layer, as the features have several",
            found="none",
            hint=f"known: {', '.join(names)}",
        )
    return names[0]


def check_figure(values: Any, n_features: int, n_voxels: int) -> None:
    """Refuse a figure that cannot be drawn, before anything is computed.

    Raises
    ------
    InputError
        If ``stimulus_shape``, ``voxels``, ``limits`` or ``marked_pixel`` do not fit.
    """
    if not isdefined(values.stimulus_shape):
        return
    height, width = values.stimulus_shape
    if height * width != n_features:
        raise InputError(
            "stimulus_shape",
            expected=f"rows and columns of {n_features} features",
            found=f"{height} x {width}",
            hint="leave it out where features are no pixels",
        )
    if isdefined(values.voxels) and max(values.voxels) >= n_voxels:
        raise InputError(
            "voxels",
            expected=f"voxels from 0 to {n_voxels - 1}",
            found=str(max(values.voxels)),
            hint="count the columns of the responses, from 0",
        )
    low, high = values.limits
    if not 0 <= low < high:
        raise InputError(
            "limits",
            expected="two limits, 0 or more and rising",
            found=f"{low:g}, {high:g}",
            hint="0.1 and 0.75 are as published",
        )
    if isdefined(values.marked_pixel) and not (
        values.marked_pixel[0] < height and values.marked_pixel[1] < width
    ):
        raise InputError(
            "marked_pixel",
            expected=f"a pixel of {height} rows and {width} columns, from 0",
            found=f"{values.marked_pixel[0]}, {values.marked_pixel[1]}",
            hint="give row and column",
        )
