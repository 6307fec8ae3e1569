"""Correct head motion in a run."""

from pathlib import Path
from typing import NamedTuple

import nibabel as nb
import numpy as np
import pandas as pd
from nipype.interfaces.base import File, TraitedSpec, isdefined, traits

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.itk_text import format_transforms
from fmriprod.algorithms.motion import estimate_motion
from fmriprod.algorithms.realign import realign
from fmriprod.algorithms.transforms import (
    MOTION_COLUMNS,
    framewise_displacement,
    grid_center,
    rigid_parameters,
)
from fmriprod.interfaces.base import ImageWriterInputSpec, PythonInterface
from fmriprod.interfaces.fsl import run_mcflirt
from fmriprod.interfaces.images import load_image, open_image

_SAME_SIZE = 0.01  # largest relative difference between voxel sizes


class _Pose(NamedTuple):
    """Where the head was: reference to volume (RAS mm), and which volumes to doubt."""

    matrices: np.ndarray
    not_converged: list[int]


class _MotionCorrectInputSpec(ImageWriterInputSpec):
    in_file = File(exists=True, mandatory=True, desc="4-D image")
    reference_volume = traits.Range(
        low=0,
        xor=["reference_file"],
        desc="align with this volume (counted from 0). With neither this nor reference_file: "
        "with the mean of the run, in two passes",
    )
    reference_file = File(
        exists=True,
        xor=["reference_volume"],
        desc="align with this image of the same contrast, such as the reference of another "
        "run: 3-D, of the same voxel size; out_file is on its grid",
    )
    engine = traits.Enum(
        "python",
        "mcflirt",
        usedefault=True,
        desc="least squares, or FSL's MCFLIRT (estimates only)",
    )
    interpolation = traits.Enum(
        "spline",
        "sinc",
        "linear",
        usedefault=True,
        desc="how values between voxels are found: cubic B-spline, windowed sinc "
        "(about forty times slower) or trilinear (smooths); once for each volume",
    )
    outside = traits.Enum(
        "exclude",
        "edge",
        usedefault=True,
        desc="a voxel that is out of the field of view, next to a NaN or constant in some volume: "
        "0 in all volumes, so that it is analysed nowhere; or the nearest value that was seen",
    )


class _MotionCorrectOutputSpec(TraitedSpec):
    out_file = File(exists=True, desc="realigned 4-D image (float32), interpolated once")
    mean_file = File(exists=True, desc="mean of out_file over time")
    out_mask = File(exists=True, desc="mask of the voxels that were seen in every volume")
    motion_file = File(
        exists=True,
        desc="TSV, one row for each volume: trans_x, trans_y, trans_z (mm), rot_x, rot_y, rot_z "
        "(rad), framewise_displacement (mm, first n/a). How the head lay in that volume "
        "relative to the reference, in RAS: trans_z of 1 is a head 1 mm higher. Rotations by the "
        "right hand, about x first, then y, then z, through the centre of the "
        "reference's grid",
    )
    transforms_file = File(
        exists=True,
        desc="ITK text, one affine for each volume: maps points of the reference to points of "
        "the volume (LPS mm)",
    )
    median_displacement = traits.Float(desc="median framewise displacement in mm")
    n_excluded = traits.Int(desc="voxels that were not seen in every volume")
    not_converged = traits.List(
        traits.Int(), desc="volumes (from 0) whose alignment was stopped before it settled"
    )


class MotionCorrect(PythonInterface):
    """Align all volumes of a run with a reference by rigid transforms.

    The Python engine registers by least squares with robust weights
    (`fmriprod.algorithms.motion`); MCFLIRT's estimates can be had instead. Either way the
    volumes are interpolated here, once, and all outputs mean the same.

    Examples
    --------
    >>> MotionCorrect().inputs.interpolation
    'spline'
    """

    input_spec = _MotionCorrectInputSpec
    output_spec = _MotionCorrectOutputSpec
    _algorithm_version = "3"
    _libraries = ("numpy", "scipy", "SimpleITK")

    def _process(self) -> None:
        reference = self._reference()
        series, image = load_image(self.inputs.in_file, ndim=4)
        grid = image if reference is None else reference
        if self.inputs.engine == "mcflirt":
            pose = self._mcflirt()
        else:
            pose = self._python(series, image, reference)
        realigned, mask = realign(
            series, image.affine, pose.matrices, grid.shape[:3], grid.affine,
            self.inputs.interpolation, self.inputs.outside, self.inputs.num_threads,
        )  # fmt: skip
        del series
        self._save(realigned, mask, pose, image, grid)

    def _located(self, err: InputError) -> InputError:
        if err.subject == "series":
            err.file = err.file or str(self.inputs.in_file)
        return super()._located(err)

    def _save(
        self,
        realigned: np.ndarray,
        mask: np.ndarray,
        pose: _Pose,
        image: nb.Nifti1Image,
        grid: nb.Nifti1Image,
    ) -> None:
        stem = Path(self.inputs.in_file).name.split(".nii")[0]
        center = grid_center(grid.shape, grid.affine)
        table = pd.DataFrame(rigid_parameters(pose.matrices, center), columns=MOTION_COLUMNS)
        table["framewise_displacement"] = framewise_displacement(table.to_numpy())
        at = {"affine": grid.affine}
        self.save_image("out_file", f"{stem}_realigned.nii.gz", realigned, image, **at)
        mean = realigned.mean(axis=3, dtype=np.float64).astype(np.float32)
        self.save_image("mean_file", f"{stem}_mean.nii.gz", mean, image, **at)
        self.save_image("out_mask", f"{stem}_seen.nii.gz", mask, image, **at)
        self.save_table("motion_file", f"{stem}_motion.tsv", table)
        self.save_text("transforms_file", f"{stem}_motion.txt", format_transforms(pose.matrices))
        self.result("median_displacement", float(table["framewise_displacement"].median()))
        self.result("n_excluded", int((~mask).sum()))
        self.result("not_converged", pose.not_converged)

    def _reference(self) -> nb.Nifti1Image | None:
        """Open the reference image and refuse one of another voxel size."""
        image = open_image(self.inputs.in_file, ndim=4)
        if not isdefined(self.inputs.reference_file):
            return None
        reference = open_image(self.inputs.reference_file, ndim=3)
        sizes = [np.linalg.norm(i.affine[:3, :3], axis=0) for i in (image, reference)]
        # Whatever way the axes run: a reference in another axis order is still one.
        if not np.allclose(*[np.sort(size) for size in sizes], rtol=_SAME_SIZE):
            raise InputError(
                "reference_file",
                expected=f"voxels as those of {self.inputs.in_file}, {_size(sizes[0])}",
                found=f"voxels of {_size(sizes[1])}",
                hint="give a mean or single volume of a run of the same sequence; to bring a run "
                "onto another image's grid use Coregister and ApplyTransform",
            )
        return reference

    def _python(
        self, series: np.ndarray, image: nb.Nifti1Image, reference: nb.Nifti1Image | None
    ) -> _Pose:
        target, affine = None, None
        if reference is not None:
            target, _ = load_image(self.inputs.reference_file, ndim=3)
            affine = reference.affine
        elif isdefined(self.inputs.reference_volume):
            target = self.inputs.reference_volume
        found = estimate_motion(series, image.affine, target, affine, self.inputs.num_threads)
        return _Pose(found.matrices, [int(t) for t in np.flatnonzero(~found.converged)])

    def _mcflirt(self) -> _Pose:
        reference = None
        if isdefined(self.inputs.reference_file):
            reference = str(self.inputs.reference_file)
        elif isdefined(self.inputs.reference_volume):
            reference = self.inputs.reference_volume
        return _Pose(run_mcflirt(self.inputs.in_file, reference, self._folder), [])


def _size(sizes: np.ndarray) -> str:
    return " x ".join(f"{s:.3g}" for s in sizes) + " mm"
