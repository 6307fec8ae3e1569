"""Make a mask of a map by a threshold."""

from pathlib import Path

import numpy as np
from nipype.interfaces.base import File, TraitedSpec, traits

from fmriprod.interfaces.base import ImageWriterInputSpec, PythonInterface
from fmriprod.interfaces.images import load_image


class _BinarizeInputSpec(ImageWriterInputSpec):
    in_file = File(exists=True, mandatory=True, desc="map, 3-D")
    threshold = traits.Float(mandatory=True, desc="values above it are in the mask; NaN never is")


class _BinarizeOutputSpec(TraitedSpec):
    out_mask = File(exists=True, desc="mask, uint8 0 and 1; it may be empty")
    n_voxels = traits.Int(desc="number of voxels in it")


class Binarize(PythonInterface):
    """Mark the voxels of a map that are above a threshold, be there any or none.

    `RoiMask` chooses with more choices, and refuses an empty region.

    Examples
    --------
    >>> Binarize(threshold=3.0).inputs.compress
    True
    """

    input_spec = _BinarizeInputSpec
    output_spec = _BinarizeOutputSpec

    def _process(self) -> None:
        data, image = load_image(self.inputs.in_file, ndim=3)
        mask = data > np.float32(self.inputs.threshold)
        stem = Path(self.inputs.in_file).name.split(".nii")[0]
        self.save_image("out_mask", f"{stem}_mask.nii.gz", mask, image)
        self.result("n_voxels", int(mask.sum()))
