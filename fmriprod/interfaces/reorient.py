"""Reorient an image to the axis order of a study."""

from pathlib import Path

from nipype.interfaces.base import File, TraitedSpec, isdefined, traits

from fmriprod.algorithms.reorient import reorient
from fmriprod.interfaces.base import ImageWriterInputSpec, PythonInterface
from fmriprod.interfaces.images import load_image, repetition_time


class _ReorientInputSpec(ImageWriterInputSpec):
    in_file = File(exists=True, mandatory=True, desc="3-D or 4-D image")
    axis_codes = traits.Str(
        "LAS",
        usedefault=True,
        desc="side that each voxel axis shall run towards (LAS: radiological, as FSL's)",
    )
    tr = traits.Float(
        desc="repetition time in s (RepetitionTime of the sidecar) for the header of out_file, "
        "where that of in_file has none; if both are known they must agree within 1 ms"
    )


class _ReorientOutputSpec(TraitedSpec):
    out_file = File(exists=True, desc="the image in that axis order, voxel values untouched")


class Reorient(PythonInterface):
    """Permute and flip the axes of an image; every voxel keeps its world coordinates.

    Values are copied as they are stored (same integer type, same scale factors), never
    interpolated. Oblique images stay oblique.

    Examples
    --------
    >>> Reorient(axis_codes="RAS").inputs.axis_codes
    'RAS'
    """

    input_spec = _ReorientInputSpec
    output_spec = _ReorientOutputSpec

    def _process(self) -> None:
        data, image = load_image(self.inputs.in_file, dtype=None)
        data, affine = reorient(data, image.affine, self.inputs.axis_codes)
        stem = Path(self.inputs.in_file).name.split(".nii")[0]
        name = f"{stem}_{self.inputs.axis_codes.upper()}.nii.gz"
        tr = repetition_time(image, self.inputs.tr) if isdefined(self.inputs.tr) else None
        self.save_image("out_file", name, data, image, affine=affine, tr=tr, same_storage=True)
