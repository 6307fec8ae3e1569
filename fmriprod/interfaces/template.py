"""The common space of a group: the template that Nilearn ships."""

import nibabel as nb
import numpy as np
from nipype.interfaces.base import File, TraitedSpec

from fmriprod.interfaces.base import ImageWriterInputSpec, PythonInterface

SPACE = "MNI152NLin2009aAsym"


def load_template() -> tuple[np.ndarray, nb.Nifti1Image, np.ndarray]:
    """Load the ICBM152 2009 template and its brain mask at 2 mm; no network is needed.

    Returns
    -------
    template : ndarray of float32, shape (x, y, z)
        T1-weighted.
    image : nibabel.Nifti1Image
        With its grid.
    mask : ndarray of bool, shape (x, y, z)
        Brain.
    """
    from nilearn.datasets import load_mni152_brain_mask, load_mni152_template

    image = load_mni152_template(resolution=2)
    mask = load_mni152_brain_mask(resolution=2).get_fdata() > 0
    return image.get_fdata(dtype=np.float32), image, mask


class _TemplateInputSpec(ImageWriterInputSpec):
    pass


class _TemplateOutputSpec(TraitedSpec):
    template_file = File(exists=True, desc="T1-weighted template, 0 outside its brain, 2 mm")
    template_mask = File(exists=True, desc="its brain mask")


class Template(PythonInterface):
    """Write the template, as `Normalize` lays brains upon it, to files.

    Examples
    --------
    >>> Template().inputs.num_threads
    1
    """

    input_spec = _TemplateInputSpec
    output_spec = _TemplateOutputSpec
    _libraries = ("nilearn",)

    def _process(self) -> None:
        template, image, mask = load_template()
        self.save_image("template_file", "template.nii.gz", np.where(mask, template, 0), image)
        self.save_image("template_mask", "template_mask.nii.gz", mask, image)
