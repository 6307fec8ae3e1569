"""Find how one image of a head lies in another."""

from pathlib import Path

import nibabel as nb
import numpy as np
from nipype.interfaces.base import File, TraitedSpec, isdefined, traits

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.coregister import coregister, similarity
from fmriprod.algorithms.itk_text import format_transforms
from fmriprod.algorithms.resample import resample
from fmriprod.interfaces.base import PythonInputSpec, PythonInterface
from fmriprod.interfaces.fsl import run_flirt
from fmriprod.interfaces.images import load_image, load_mask, save_image
from fmriprod.reports.coregister import coregister_figure


class _CoregisterInputSpec(PythonInputSpec):
    in_file = File(exists=True, mandatory=True, desc="3-D image to be placed, such as the mean EPI")
    reference_file = File(
        exists=True, mandatory=True, desc="3-D image of the same head, such as the T1w"
    )
    in_mask = File(exists=True, desc="brain mask on the grid of in_file: voxels compared")
    reference_mask = File(
        exists=True,
        desc="brain mask on the grid of reference_file: drawn in the figure, and where the "
        "images are compared when there is no in_mask",
    )
    engine = traits.Enum(
        "python",
        "flirt",
        usedefault=True,
        desc="normalised mutual information, or FSL's FLIRT (correlation ratio; masks are applied "
        "to the images first)",
    )
    start = traits.Enum(
        "header",
        "search",
        usedefault=True,
        desc="begin with the headers as they are and with the heads' centres laid upon each "
        "other; or also with these turned by 25 degrees (54 starts, some 10 s more), when "
        "headers are wrong. For the python engine",
    )
    check_image = traits.Bool(
        True, usedefault=True, desc="write out_file; with a fine reference it takes some seconds"
    )


class _CoregisterOutputSpec(TraitedSpec):
    transform_file = File(
        exists=True,
        desc="ITK text, one affine (LPS mm): maps points of reference_file to points of in_file, "
        "and so resamples in_file onto reference_file's grid (BIDS: from-boldref_to-T1w)",
    )
    inverse_file = File(exists=True, desc="its inverse (BIDS: from-T1w_to-boldref)")
    out_file = File(exists=True, desc="in_file on the grid of reference_file, linear, to look at")
    out_figure = File(exists=True, desc="in_file with outlines from reference_file (PNG)")
    similarity = traits.Float(
        desc="normalised mutual information of the two images inside the head: 1 none, 2 full"
    )


class Coregister(PythonInterface):
    """Find the rigid transform between two images of one head of whatever contrast.

    The Python engine (`fmriprod.algorithms.coregister`) lays the heads upon each other and
    then compares the voxels inside, so that scalp and skull do not pull.

    Examples
    --------
    >>> Coregister().inputs.engine
    'python'
    """

    input_spec = _CoregisterInputSpec
    output_spec = _CoregisterOutputSpec
    _algorithm_version = "2"
    _libraries = ("numpy", "scipy")

    def _process(self) -> None:
        moving, image = load_image(self.inputs.in_file, ndim=3)
        reference, target = load_image(self.inputs.reference_file, ndim=3)
        mask = self._mask("in_mask", image)
        brain = self._mask("reference_mask", target)
        grids = (moving, image.affine, reference, target.affine)
        if self.inputs.engine == "flirt":
            transform = self._flirt(moving, image, mask, reference, target, brain)
            score = similarity(*grids, transform, mask)
        else:
            transform, score = coregister(
                *grids, mask, brain, self.inputs.start, self.inputs.num_threads
            )
        self.save_text("transform_file", "from_in_to_reference.txt", format_transforms(transform))
        inverse = np.linalg.inv(transform)
        self.save_text("inverse_file", "from_reference_to_in.txt", format_transforms(inverse))
        if self.inputs.check_image:
            self._save_placed(moving, image, reference.shape, target, transform)
        with coregister_figure(*grids, transform, brain) as figure:
            self.save_figure("out_figure", "coregister.png", figure)
        self.result("similarity", score)

    def _save_placed(
        self,
        moving: np.ndarray,
        image: nb.Nifti1Image,
        shape: tuple[int, int, int],
        target: nb.Nifti1Image,
        transform: np.ndarray,
    ) -> None:
        """Write the moving image on the grid of the reference."""
        placed = resample(
            moving, image.affine, shape, target.affine, transform,
            num_threads=self.inputs.num_threads,
        )  # fmt: skip
        stem = Path(self.inputs.in_file).name.split(".nii")[0]
        self.save_image("out_file", f"{stem}_coregistered.nii.gz", placed, target)

    def _located(self, err: InputError) -> InputError:
        if err.subject == "moving":
            err.file = err.file or str(self.inputs.in_file)
        return super()._located(err)

    def _mask(self, name: str, image: nb.Nifti1Image) -> np.ndarray | None:
        value = getattr(self.inputs, name)
        return load_mask(value, image) if isdefined(value) else None

    def _flirt(
        self,
        moving: np.ndarray,
        image: nb.Nifti1Image,
        mask: np.ndarray | None,
        reference: np.ndarray,
        target: nb.Nifti1Image,
        brain: np.ndarray | None,
    ) -> np.ndarray:
        paths = []
        for name, data, like, inside in (
            ("flirt_in.nii.gz", moving, image, mask),
            ("flirt_reference.nii.gz", reference, target, brain),
        ):
            paths.append(self._folder / name)
            save_image(paths[-1], data if inside is None else data * inside, like)
        try:
            return run_flirt(*map(str, paths), self._folder)
        finally:
            for path in paths:
                path.unlink(missing_ok=True)
