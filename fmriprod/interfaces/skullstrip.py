"""Strip the skull from a T1-weighted image or a mean EPI."""

import shutil
from pathlib import Path

import nibabel as nb
import numpy as np
from nipype.interfaces.base import File, TraitedSpec, isdefined, traits

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.skullstrip import brain_mask_epi, brain_mask_t1w
from fmriprod.interfaces.base import ImageWriterInputSpec, PythonInterface
from fmriprod.interfaces.images import load_mask, open_image, read_voxels
from fmriprod.reports.slices import slices_figure
from fmriprod.reports.style import PALETTE


class _SkullStripInputSpec(ImageWriterInputSpec):
    in_file = File(exists=True, mandatory=True, desc="3-D T1w image or mean EPI of a head")
    modality = traits.Enum("T1w", "EPI", usedefault=True, desc="contrast of the image")
    engine = traits.Enum(
        "python",
        "bet",
        "ants",
        usedefault=True,
        desc="what finds the brain: this package, FSL's BET or antsBrainExtraction.sh",
    )
    mask_file = File(
        exists=True,
        desc="brain mask that exists already (fMRIPrep, FreeSurfer), on the grid of in_file; "
        "it is taken as it is, and no engine runs",
    )
    bet_frac = traits.Range(
        low=0.0,
        high=1.0,
        value=0.5,
        usedefault=True,
        desc="fractional intensity threshold of engines python (T1w only) and bet, 0 to 1; "
        "larger makes the brain smaller",
    )
    template_file = File(exists=True, desc="T1w template with its skull, for engine ants")
    template_prob_file = File(
        exists=True, desc="probability of brain on template_file, for engine ants"
    )


class _SkullStripOutputSpec(TraitedSpec):
    out_file = File(exists=True, desc="the image, 0 outside the brain")
    out_mask = File(exists=True, desc="the brain as uint8 0 and 1, on the grid of in_file")
    out_figure = File(exists=True, desc="PNG of the mask's outline on slices")


class SkullStrip(PythonInterface):
    """Find the brain and set everything else to 0.

    Engine ``python`` grows a balloon to the surface of the brain and draws it tight by
    morphology (T1w), or thresholds and opens (EPI); see `fmriprod.algorithms.skullstrip`.
    Whichever engine or mask is used, outputs have the same form, on the grid of
    ``in_file``.

    Examples
    --------
    >>> SkullStrip(modality="EPI").inputs.engine
    'python'
    """

    input_spec = _SkullStripInputSpec
    output_spec = _SkullStripOutputSpec
    _algorithm_version = "2"
    _libraries = ("SimpleITK", "scipy")

    def _process(self) -> None:
        image = open_image(self.inputs.in_file, ndim=3)
        data = read_voxels(image)
        if isdefined(self.inputs.mask_file):
            mask = load_mask(self.inputs.mask_file, like=image)
        elif self.inputs.engine == "python":
            mask = self._python(data, image)
        else:
            mask = load_mask(self._external(), like=image)
        name = Path(self.inputs.in_file).name.split(".nii")[0]
        self._save_brain(f"{name}_brain.nii.gz", image, data, mask)
        self.save_image("out_mask", f"{name}_brain_mask.nii.gz", mask, image)
        outline = [(mask, PALETTE[1], "brain mask")]
        with slices_figure(data, image.affine, contours=outline) as figure:
            self.save_figure("out_figure", f"{name}_brain_mask.png", figure)

    def _python(self, data: np.ndarray, image: nb.Nifti1Image) -> np.ndarray:
        try:
            if self.inputs.modality == "EPI":
                return brain_mask_epi(data, image.affine)
            return brain_mask_t1w(data, image.affine, fraction=self.inputs.bet_frac)
        except InputError as err:
            err.file = self.inputs.in_file
            raise

    def _save_brain(
        self, name: str, image: nb.Nifti1Image, data: np.ndarray, mask: np.ndarray
    ) -> None:
        """Keep the type of the file where its stored 0 means 0."""
        if image.dataobj.inter == 0:
            stored = read_voxels(image, dtype=None)
            brain = np.where(mask, stored, np.zeros((), stored.dtype))
            self.save_image("out_file", name, brain, image, same_storage=True)
        else:
            self.save_image("out_file", name, np.where(mask, data, 0), image)

    def _external(self) -> str:
        """Run the program of the engine in the run's folder and return its mask."""
        program = {"bet": "bet", "ants": "antsBrainExtraction.sh"}[self.inputs.engine]
        if shutil.which(program) is None:
            raise InputError(
                "engine",
                expected=f"the program {program} on the PATH",
                found="no such program",
                hint="install it, set PATH to its folder, or use engine='python'",
            )
        in_file = str(Path(self.inputs.in_file).absolute())
        if self.inputs.engine == "bet":
            from nipype.interfaces.fsl import BET

            step = BET(in_file=in_file, frac=self.inputs.bet_frac, mask=True)
            step.inputs.output_type = "NIFTI_GZ"
            step.inputs.out_file = str(self._folder / "bet_brain.nii.gz")
            return step.run(cwd=str(self._folder)).outputs.mask_file
        for trait in ("template_file", "template_prob_file"):
            if not isdefined(getattr(self.inputs, trait)):
                raise InputError(
                    trait,
                    expected="a template for engine ants",
                    found="none",
                    hint="give template_file and template_prob_file (ANTs offers OASIS), "
                    "or use engine='python'",
                )
        from nipype.interfaces.ants import BrainExtraction

        step = BrainExtraction(dimension=3, anatomical_image=in_file, out_prefix="ants_")
        step.inputs.brain_template = self.inputs.template_file
        step.inputs.brain_probability_mask = self.inputs.template_prob_file
        step.inputs.num_threads = self.inputs.num_threads
        return step.run(cwd=str(self._folder)).outputs.BrainExtractionMask
