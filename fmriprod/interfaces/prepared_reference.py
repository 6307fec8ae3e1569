"""What all preprocessed runs of a participant share: one mask, and how it lies."""

import numpy as np
from nipype.interfaces.base import File, InputMultiObject, TraitedSpec, isdefined, traits

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.resample import resample
from fmriprod.interfaces.base import PythonInputSpec, PythonInterface
from fmriprod.interfaces.images import load_image, load_mask

_OUTLINE = "#7CFF9B"


class _PreparedReferenceInputSpec(PythonInputSpec):
    reference_file = File(
        exists=True, mandatory=True, desc="reference (boldref) of the first run, shown in figures"
    )
    mask_files = InputMultiObject(
        File(exists=True), mandatory=True, desc="brain mask of each run, on the reference's grid"
    )
    t1w_mask = File(
        exists=True,
        desc="brain mask of the T1-weighted image, on any grid of the same space: its outline is "
        "drawn on the reference",
    )


class _PreparedReferenceOutputSpec(TraitedSpec):
    out_mask = File(exists=True, desc="voxels that are in the mask of every run")
    n_voxels = traits.Int(desc="their number")
    n_lost = traits.Int(desc="voxels that are in the mask of some runs only")
    mask_figure = File(exists=True, desc="outline of the mask on slices (PNG)")
    coregister_figure = File(
        exists=True, desc="outline of t1w_mask on the reference (PNG); only with t1w_mask"
    )


class PreparedReference(PythonInterface):
    """Intersect the brain masks of preprocessed runs, and show how well brains lie on each other.

    Examples
    --------
    >>> PreparedReference().inputs.num_threads
    1
    """

    input_spec = _PreparedReferenceInputSpec
    output_spec = _PreparedReferenceOutputSpec
    _libraries = ("scipy", "matplotlib")

    def _process(self) -> None:
        inputs = self.inputs
        reference, image = load_image(inputs.reference_file, ndim=3)
        masks = [load_mask(file, image) for file in inputs.mask_files]
        common = np.logical_and.reduce(masks)
        if not common.any():
            raise InputError(
                "mask_files", expected="brain masks of runs that lie on each other",
                found=f"no voxel that is in all {len(masks)} masks",
                hint="look at the masks; leave out the run whose brain lies elsewhere",
            )  # fmt: skip
        self.save_image("out_mask", "common_mask.nii.gz", common, image)
        self.result("n_voxels", int(common.sum()))
        self.result("n_lost", int(np.logical_or.reduce(masks).sum() - common.sum()))
        title = f"Voxels in the brain masks of all {len(masks)} runs, on the reference of the first"
        self._draw("mask_figure", reference, image.affine, common, title, "in all masks")
        if isdefined(inputs.t1w_mask):
            whole, t1w = load_image(inputs.t1w_mask, ndim=3)
            brain = (np.nan_to_num(whole) != 0).astype(np.uint8)
            near = resample(brain, t1w.affine, image.shape, image.affine, None, "nearest")
            title = "Brain of the T1-weighted image on the reference of the first run"
            self._draw("coregister_figure", reference, image.affine, near != 0, title, "brain")

    def _draw(
        self,
        field: str,
        data: np.ndarray,
        affine: np.ndarray,
        mask: np.ndarray,
        title: str,
        label: str,
    ) -> None:
        from fmriprod.reports.slices import slices_figure

        contours = [(mask, _OUTLINE, label)] if mask.any() else []
        with slices_figure(np.nan_to_num(data), affine, title=title, contours=contours) as figure:
            self.save_figure(field, f"{field.removesuffix('_figure')}.png", figure)
