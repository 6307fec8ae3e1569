"""Read, write and apply linear transforms."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nibabel as nb
import numpy as np
from nipype.interfaces.base import File, InputMultiObject, TraitedSpec, isdefined, traits

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.itk_text import parse_transforms
from fmriprod.algorithms.realign import realign
from fmriprod.algorithms.resample import coverage, resample
from fmriprod.algorithms.transforms import fsl_to_ras
from fmriprod.interfaces.base import PythonInputSpec, PythonInterface
from fmriprod.interfaces.images import open_image, read_voxels
from fmriprod.interfaces.supplied import check_file, read_text


def read_transforms(path: str | Path) -> np.ndarray:
    """Read an ITK text file of linear transforms.

    Returns
    -------
    ndarray, shape (n, 4, 4)
        Fixed to moving, RAS mm; one for each transform in the file.

    Raises
    ------
    InputError
        If the file is no such file.
    """
    text = read_text(
        path, "transform", "an ITK text file of linear transforms (binary .mat and .h5 are none)"
    )
    try:
        return parse_transforms(text)
    except InputError as err:
        err.file = str(path)
        raise


def read_fsl_transform(
    path: str | Path, moving: nb.Nifti1Image, reference: nb.Nifti1Image
) -> np.ndarray:
    """Read a FLIRT or MCFLIRT matrix as one that maps reference to moving, RAS mm, (4, 4).

    Parameters
    ----------
    path : path
        Text file of four rows.
    moving, reference : nibabel.Nifti1Image
        The images of FLIRT's ``-in`` and ``-ref``: an FSL matrix means nothing without them.
    """
    check_file(path, "transform", "a text file of four rows of four numbers, as FSL writes it")
    try:
        matrix = np.loadtxt(path)
    except (OSError, ValueError) as err:
        raise InputError(
            "transform",
            expected="a text file of four rows of four numbers, as FSL writes it",
            found=str(err),
            hint="look whether FSL ended well; run it again",
            file=str(path),
        ) from None
    return fsl_to_ras(
        matrix, (moving.shape[:3], moving.affine), (reference.shape[:3], reference.affine)
    )


def read_chain(files: Sequence[str], invert: Sequence[bool]) -> np.ndarray:
    """Read transforms and multiply them into one, so that images are interpolated once.

    Parameters
    ----------
    files : sequence of path
        ITK text files, from the reference's end. One that holds a transform for each volume
        makes the product one for each volume.
    invert : sequence of bool
        For each of them: use its inverse. Empty: of none.

    Returns
    -------
    ndarray, shape (1 or n_volumes, 4, 4)
        Reference to moving image, RAS mm.

    Raises
    ------
    InputError
        If the lists are not of one length, or the files are for other numbers of volumes.
    """
    if len(invert) not in (0, len(files)):
        raise InputError(
            "invert",
            expected=f"one value for each of the {len(files)} transform_files",
            found=f"{len(invert)} values",
            hint="leave it out to use all transforms as they are",
        )
    chain = np.eye(4)[None]
    for path, backwards in zip(files, invert or [False] * len(files), strict=True):
        step = read_transforms(path)
        if min(len(step), len(chain)) > 1 and len(step) != len(chain):
            raise InputError(
                "transform_files",
                expected="the same number of volumes in all files",
                found=f"{len(chain)} and {len(step)}",
                hint="give the motion transforms of one run only",
                file=path,
            )
        chain = (np.linalg.inv(step) if backwards else step) @ chain
    return chain


def stored_dtype(image: nb.Nifti1Image, interpolation: str) -> Any:
    """Type to read an image in: labels keep their own, unless they are scaled."""
    scaled = (image.dataobj.slope, image.dataobj.inter) != (1.0, 0.0)
    labels = interpolation == "nearest" and image.ndim == 3 and not scaled
    return image.get_data_dtype() if labels else np.float32


class TransformInputSpec(PythonInputSpec):
    """Inputs of interfaces that bring images onto another grid through transforms."""

    transform_files = InputMultiObject(
        File(exists=True),
        desc="ITK text files, from the reference's end: the first maps points of the "
        "reference, the last arrives in the image that is moved (the order of "
        "antsApplyTransforms). One that holds a transform for each volume moves a series volume "
        "by volume. None: the headers alone say where the images lie",
    )
    invert = traits.List(traits.Bool(), desc="for each of transform_files: use its inverse")

    def chain(self) -> np.ndarray:
        """Read and multiply the transforms; shape (1 or n_volumes, 4, 4)."""
        files = self.transform_files if isdefined(self.transform_files) else []
        return read_chain(files, self.invert if isdefined(self.invert) else [])


class _ApplyTransformInputSpec(TransformInputSpec):
    in_file = File(exists=True, mandatory=True, desc="3-D or 4-D image to be moved")
    reference_file = File(
        exists=True, mandatory=True, desc="image whose grid (shape and affine) out_file gets"
    )
    interpolation = traits.Enum(
        "spline",
        "linear",
        "nearest",
        "sinc",
        usedefault=True,
        desc="cubic B-spline; trilinear; nearest voxel (labels, keeps their type); windowed sinc "
        "(slow)",
    )


class _ApplyTransformOutputSpec(TraitedSpec):
    out_file = File(
        exists=True,
        desc="the image on the reference's grid, interpolated once whatever the number of "
        "transforms; 0 outside the field of view, in all volumes if it is so in one",
    )
    out_mask = File(exists=True, desc="mask of the voxels with data (in every volume)")


class ApplyTransform(PythonInterface):
    """Bring an image onto another grid through a chain of linear transforms.

    All transforms are multiplied before the image is touched, so that it is interpolated
    once only. `ResampleToGrid` does the same for many images and long series, volume by volume.

    Examples
    --------
    >>> ApplyTransform().inputs.interpolation
    'spline'
    """

    input_spec = _ApplyTransformInputSpec
    output_spec = _ApplyTransformOutputSpec
    _libraries = ("numpy", "scipy", "SimpleITK")

    def _process(self) -> None:
        chain = self.inputs.chain()
        reference = open_image(self.inputs.reference_file)
        to_grid = (reference.shape[:3], reference.affine)
        order = self.inputs.interpolation
        image = open_image(self.inputs.in_file)
        data = read_voxels(image, stored_dtype(image, order))
        if data.ndim == 4:
            moved, mask = realign(
                np.asarray(data, np.float32), image.affine, chain, *to_grid, order,
                num_threads=self.inputs.num_threads,
            )  # fmt: skip
        elif len(chain) > 1:
            raise InputError(
                "transform_files",
                expected="one transform for a single volume",
                found=f"{len(chain)} transforms, one for each volume of a series",
                hint="give the series, or the transform of this volume alone",
            )
        else:
            grids = (image.affine, *to_grid, chain[0])
            moved = resample(data, *grids, order, num_threads=self.inputs.num_threads)
            mask = coverage(data.shape, *grids)
        stem = Path(self.inputs.in_file).name.split(".nii")[0]
        at = {"affine": reference.affine}
        self.save_image("out_file", f"{stem}_resampled.nii.gz", moved, image, **at)
        self.save_image("out_mask", f"{stem}_resampled_mask.nii.gz", mask, reference)
