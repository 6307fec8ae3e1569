"""Inputs of distances, and the noise that some of them are measured in."""

from typing import Any

import numpy as np
from nipype.interfaces.base import File, InputMultiObject, isdefined, traits

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.noise_precision import Noise, noise_from_repeats, noise_from_residuals
from fmriprod.interfaces.base import PythonInputSpec
from fmriprod.interfaces.images import check_same_grid, open_image, read_voxels
from fmriprod.interfaces.patterns import Patterns


class DistanceInputSpec(PythonInputSpec):
    """Inputs that say which distance is computed."""

    distance = traits.Enum(
        "correlation",
        "euclidean",
        "mahalanobis",
        "crossnobis",
        usedefault=True,
        desc="correlation: 1 - r; others are squared and divided by the number of voxels: plain, "
        "in the precision of the noise, or that between runs, which may be negative",
    )
    noise = traits.Enum(
        "none",
        "repeats",
        "residuals",
        usedefault=True,
        desc="noise of mahalanobis and crossnobis: deviations of repeated patterns from the mean "
        "of their condition, or residual_files; mahalanobis needs one of them",
    )
    residual_files = InputMultiObject(
        File(exists=True),
        desc="4-D residuals of the model, one a run, on the grid of the maps",
    )
    residual_dof = traits.Int(
        desc="degrees of freedom that all residuals together have left (default: volumes minus "
        "files, which is too many where a model with regressors was fitted)",
    )
    noise_method = traits.Enum(
        "shrinkage_diag",
        "shrinkage_eye",
        "diagonal",
        usedefault=True,
        desc="covariance of the noise of a sphere's voxels: shrunk towards their variances "
        "(Schäfer and Strimmer), towards one variance (Ledoit and Wolf), or variances alone",
    )
    memory_mb = traits.Range(
        low=1.0, value=1000.0, usedefault=True, nohash=True,
        desc="megabytes held beside the patterns",
    )  # fmt: skip


def read_noise(inputs: Any, patterns: Patterns) -> tuple[Noise | None, np.ndarray]:
    """Read the noise that the inputs ask for.

    Returns
    -------
    noise : Noise or None
        None where distances are not measured in noise.
    usable : ndarray of bool, shape (n_mask_voxels,)
        Voxels of the patterns that can be used and have finite noise that is not 0.

    Raises
    ------
    InputError
        If residuals are asked for and not given, or lie on another grid.
    """
    if inputs.distance not in ("mahalanobis", "crossnobis") or inputs.noise == "none":
        return None, patterns.usable
    if inputs.noise == "repeats":
        noise = noise_from_repeats(patterns.values, patterns.condition, inputs.noise_method)
    else:
        noise = _read_residuals(inputs, patterns)
    with np.errstate(invalid="ignore", over="ignore"):
        squares = np.einsum("rv,rv->v", noise.residuals, noise.residuals)
    return noise, patterns.usable & np.isfinite(squares) & (squares > 0)


def _read_residuals(inputs: Any, patterns: Patterns) -> Noise:
    if not isdefined(inputs.residual_files) or not inputs.residual_files:
        raise InputError(
            "residual_files", expected="residuals of the model, one file a run",
            found="none", hint="give them, or choose noise='repeats'",
        )  # fmt: skip
    runs = []
    for path in inputs.residual_files:
        image = open_image(path, ndim=4)
        check_same_grid(image, patterns.image)
        run = read_voxels(image)[patterns.mask].T
        runs.append(run - run.mean(axis=0, dtype=np.float64).astype(np.float32))
    residuals = np.concatenate(runs)
    dof = inputs.residual_dof if isdefined(inputs.residual_dof) else len(residuals) - len(runs)
    return noise_from_residuals(residuals, dof, inputs.noise_method)
