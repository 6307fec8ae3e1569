"""Compress an image."""

from pathlib import Path

from nipype.interfaces.base import File, TraitedSpec

from fmriprod.interfaces.atomic_files import compress_file
from fmriprod.interfaces.base import PythonInputSpec, PythonInterface
from fmriprod.interfaces.images import open_image


class _CompressImageInputSpec(PythonInputSpec):
    in_file = File(exists=True, mandatory=True, desc="image, .nii or already .nii.gz")


class _CompressImageOutputSpec(TraitedSpec):
    out_file = File(exists=True, desc="the same as .nii.gz; in_file itself if it is one already")


class CompressImage(PythonInterface):
    """Compress an image before it is saved; the same image becomes the same bytes.

    Steps of a workflow hand large images on uncompressed. What is kept is compressed by this,
    in a process of its own, while others go on.
    """

    input_spec = _CompressImageInputSpec
    output_spec = _CompressImageOutputSpec

    def _process(self) -> None:
        in_file = Path(self.inputs.in_file).absolute()
        open_image(in_file)
        if in_file.suffix == ".gz":
            self.result("out_file", str(in_file))
            return
        with self.writing("out_file", f"{in_file.name}.gz") as path:
            compress_file(in_file, path)
