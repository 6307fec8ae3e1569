"""Smooth an image."""

from pathlib import Path

import numpy as np
from nipype.interfaces.base import File, TraitedSpec, isdefined, traits
from threadpoolctl import threadpool_limits

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.smooth import smooth
from fmriprod.interfaces.base import ImageWriterInputSpec, PythonInterface
from fmriprod.interfaces.images import load_image, load_mask


class _SmoothInputSpec(ImageWriterInputSpec):
    in_file = File(exists=True, mandatory=True, desc="3-D or 4-D image")
    fwhm = traits.Float(
        3.0, usedefault=True, desc="full width at half maximum of the Gaussian in mm; 0: none"
    )
    mask_file = File(
        exists=True,
        desc="smooth inside this mask only (normalised convolution: the edge does not darken, "
        "nothing leaks in); voxels outside become 0. Voxels of a series that never change are "
        "left out in the same way and stay as they are",
    )


class _SmoothOutputSpec(TraitedSpec):
    out_file = File(exists=True, desc="smoothed image (float32)")
    n_nonfinite = traits.Int(
        desc="voxels (of the mask) with a NaN or infinite value in any volume; where a value "
        "is not finite it stays so and gives no weight to its neighbours"
    )


class Smooth(PythonInterface):
    """Smooth each volume with a Gaussian given in mm, on oblique grids too.

    Examples
    --------
    >>> Smooth().inputs.fwhm
    3.0
    """

    input_spec = _SmoothInputSpec
    output_spec = _SmoothOutputSpec
    _algorithm_version = "2"
    _libraries = ("scipy",)

    def _process(self) -> None:
        data, image = load_image(self.inputs.in_file)
        if data.ndim not in (3, 4):
            raise InputError(
                "in_file",
                expected="3 or 4 dimensions",
                found=f"{data.ndim}, shape {data.shape}",
                hint="split the image first",
            )
        mask = None
        if isdefined(self.inputs.mask_file):
            mask = load_mask(self.inputs.mask_file, image)
        bad = ~np.isfinite(data)
        bad = bad.any(axis=3) if data.ndim == 4 else bad
        # One thread: sums in another order would change the last bit of some values.
        with threadpool_limits(1):
            smoothed = smooth(data, image.affine, self.inputs.fwhm, mask)
        name = f"{Path(self.inputs.in_file).name.split('.nii')[0]}_smoothed.nii.gz"
        self.save_image("out_file", name, smoothed, image)
        self.result("n_nonfinite", int((bad if mask is None else bad & mask).sum()))
