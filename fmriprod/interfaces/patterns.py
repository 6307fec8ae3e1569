"""Response patterns: one map a condition, or one a condition and run."""

from collections.abc import Sequence
from dataclasses import dataclass

import nibabel as nb
import numpy as np
from nipype.interfaces.base import File, InputMultiObject, isdefined, traits

from fmriprod.algorithms.checks import InputError, usable_voxels
from fmriprod.algorithms.rdm import check_n_conditions
from fmriprod.interfaces.base import PythonInputSpec
from fmriprod.interfaces.images import check_same_grid, load_mask, open_image, read_voxels


class PatternInputSpec(PythonInputSpec):
    """Inputs that say which patterns are compared."""

    pattern_files = InputMultiObject(
        File(exists=True),
        mandatory=True,
        desc="3-D maps, one a condition or one a condition and run, as effect_maps of "
        "FirstLevelModel",
    )
    conditions = traits.List(
        traits.Str,
        mandatory=True,
        desc="name of the condition of each file; a name that occurs again is measured again",
    )
    runs = traits.List(
        traits.Str, desc="run of each file, for distances that are cross-validated over runs"
    )
    mask_file = File(
        exists=True,
        desc="voxels to take, on the grid of the maps (default: those that are finite in all "
        "maps and not 0 in all of them)",
    )


@dataclass(frozen=True)
class Patterns:
    """Patterns of conditions in the voxels of a mask.

    Attributes
    ----------
    values : ndarray of float32, shape (n_rows, n_mask_voxels)
        A row a file; NaN stays NaN.
    conditions : list of str
        Names, each once, in the order in which they first occur.
    condition : ndarray of int, shape (n_rows,)
        Place of each row's condition among them.
    run : ndarray of int, shape (n_rows,), optional
        Run of each row, in the order in which they first occur.
    mask : ndarray of bool, shape (x, y, z)
        Voxels, in C order.
    image : nibabel.Nifti1Image
        A map, for its grid.
    usable : ndarray of bool, shape (n_mask_voxels,)
        Finite in every map, and not the same in all of them.
    """

    values: np.ndarray
    conditions: list[str]
    condition: np.ndarray
    run: np.ndarray | None
    mask: np.ndarray
    image: nb.Nifti1Image
    usable: np.ndarray

    @property
    def affine(self) -> np.ndarray:
        """Voxel to world in mm."""
        return self.image.affine

    @property
    def n_excluded(self) -> int:
        """How many voxels of the mask are not usable."""
        return int((~self.usable).sum())

    def volume(self, values: np.ndarray, fill: float = 0.0) -> np.ndarray:
        """Put values of mask voxels ``(n_mask_voxels,)`` on the grid as float32."""
        volume = np.full(self.mask.shape, fill, dtype=np.float32)
        volume[self.mask] = values
        return volume


def read_patterns(inputs: PatternInputSpec) -> Patterns:
    """Read maps of conditions, and say which voxels can be used.

    Parameters
    ----------
    inputs : PatternInputSpec
        Inputs of an interface.

    Raises
    ------
    InputError
        If names and files differ in number, there are fewer than three conditions, grids
        differ, a map has no finite value, or, where ``inputs.distance`` is crossnobis, there
        are fewer than two runs or one lacks a condition.
    """
    files = list(inputs.pattern_files)
    names = _one_a_file(inputs.conditions, files, "conditions")
    conditions, condition = _coded(names)
    check_n_conditions(len(conditions))
    runs = list(inputs.runs) if isdefined(inputs.runs) else []
    run = _coded(_one_a_file(runs, files, "runs"))[1] if runs else None
    if getattr(inputs, "distance", None) == "crossnobis":
        _check_complete(names, runs)
    images = [open_image(path, ndim=3) for path in files]
    for image in images[1:]:
        check_same_grid(image, images[0])
    mask = load_mask(inputs.mask_file, images[0]) if isdefined(inputs.mask_file) else None
    taken = np.ones(images[0].shape, bool) if mask is None else mask
    values = np.empty((len(files), int(taken.sum())), dtype=np.float32)
    for row, image in zip(values, images, strict=True):
        row[:] = read_voxels(image)[taken]
        if not np.isfinite(row).any():
            raise InputError(
                "pattern_files", expected="a map with finite values in the mask",
                found="NaN or infinity in every voxel",
                hint="make this map again, or leave it out", file=image.get_filename(),
            )  # fmt: skip
    if mask is None:
        inside = np.isfinite(values).all(axis=0) & (values != 0).any(axis=0)
        mask, values = inside.reshape(taken.shape), np.ascontiguousarray(values[:, inside])
        if not inside.any():
            raise InputError(
                "pattern_files", expected="voxels that are finite in all maps and not 0 in all",
                found="none", hint="look at the maps, and give mask_file",
            )  # fmt: skip
    usable = usable_voxels(values.T)
    return Patterns(values, conditions, condition, run, mask, images[0], usable)


def _coded(names: Sequence[str]) -> tuple[list[str], np.ndarray]:
    """Give each name the number of its first occurrence."""
    unique = list(dict.fromkeys(names))
    return unique, np.array([unique.index(name) for name in names], dtype=np.int64)


def _one_a_file(names: Sequence[str], files: Sequence[str], subject: str) -> list[str]:
    if len(names) != len(files):
        raise InputError(
            subject, expected=f"{len(files)}, one for each of pattern_files",
            found=f"{len(names)}: {', '.join(names)}",
            hint=f"give {subject} in the order of pattern_files",
        )  # fmt: skip
    return list(names)


def _check_complete(names: Sequence[str], runs: Sequence[str]) -> None:
    """Refuse what cannot be cross-validated: one run, or runs that lack a condition."""
    of_run = {run: {n for n, r in zip(names, runs, strict=True) if r == run} for run in runs}
    if len(of_run) < 2:
        raise InputError(
            "runs", expected="2 runs or more, to cross-validate over",
            found=f"one run, {next(iter(of_run))!r}" if of_run else "none",
            hint="give the run of each of pattern_files, or choose another distance",
        )  # fmt: skip
    every = list(dict.fromkeys(names))
    lacking = {run: [n for n in every if n not in has] for run, has in of_run.items()}
    told = [
        f"{run!r} lacks {', '.join(map(repr, which))}" for run, which in lacking.items() if which
    ]
    if told:
        raise InputError(
            "runs", expected="all conditions in every run", found="; ".join(told),
            hint="leave this run or this condition out, or choose another distance",
        )  # fmt: skip
