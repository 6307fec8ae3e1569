"""Find how a brain lies in a template."""

import shutil
from pathlib import Path
from typing import NamedTuple

import nibabel as nb
import numpy as np
from nipype.interfaces.base import File, InputMultiObject, TraitedSpec, isdefined, traits

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.itk_text import format_transforms
from fmriprod.algorithms.normalize import Normalization, match, normalize
from fmriprod.algorithms.resample import resample
from fmriprod.algorithms.transforms import flip_ras_lps
from fmriprod.interfaces.base import ImageWriterInputSpec, PythonInterface
from fmriprod.interfaces.fsl import require_program, run_flirt
from fmriprod.interfaces.images import load_image, load_mask, save_image
from fmriprod.interfaces.template import load_template
from fmriprod.interfaces.transforms import read_transforms
from fmriprod.reports.coregister import coregister_figure


class _NormalizeInputSpec(ImageWriterInputSpec):
    in_file = File(exists=True, mandatory=True, desc="T1w image, skull-stripped unless in_mask")
    in_mask = File(exists=True, desc="brain mask on the grid of in_file")
    template_file = File(
        exists=True,
        requires=["template_mask"],
        desc="T1w template; the ICBM152 2009 template in MNI space at 2 mm that Nilearn ships by "
        "default",
    )
    template_mask = File(exists=True, desc="brain mask on the grid of template_file")
    transform_files = InputMultiObject(
        File(exists=True),
        desc="transforms that exist already, ITK text, from the template's end: the first maps "
        "points of the template, the last arrives in in_file. Taken as they are; no engine runs",
    )
    engine = traits.Enum(
        "python",
        "flirt",
        "fnirt",
        "ants",
        usedefault=True,
        desc="affine by least squares with a smooth gain; FSL's FLIRT (12 parameters); FLIRT and "
        "then FNIRT; antsRegistrationSyNQuick.sh (affine and SyN)",
    )
    start = traits.Enum(
        "header",
        "search",
        usedefault=True,
        desc="the way up that the header says, or any (10 s more), for the engine python",
    )


class _NormalizeOutputSpec(TraitedSpec):
    transform_file = File(
        exists=True,
        desc="ITK text, one affine (LPS mm): maps points of the template to points of in_file, "
        "and so resamples in_file onto the template's grid (BIDS: from-T1w_to-MNI)",
    )
    inverse_file = File(exists=True, desc="its inverse (BIDS: from-MNI_to-T1w)")
    warp_file = File(
        exists=True,
        desc="warp as the engine wrote it, which holds its affine only for fnirt. fnirt: "
        "coefficients, for `applywarp -r template -w warp_file`, and after `invwarp` for the way "
        "back; ants: field, for `antsApplyTransforms -t warp_file -t transform_file`. Steps of "
        "this package use transform_file alone",
    )
    inverse_warp_file = File(
        exists=True,
        desc="ants only: field of the way back, for `antsApplyTransforms -t "
        "[transform_file,1] -t inverse_warp_file`",
    )
    out_file = File(exists=True, desc="in_file's brain on the template's grid, linear, by affine")
    template_file = File(exists=True, desc="template, 0 outside its brain: the common space")
    template_mask = File(exists=True, desc="its brain mask")
    out_figure = File(exists=True, desc="out_file with outlines of the template (PNG)")
    correlation = traits.Float(
        desc="of both images in the template's brain, smoothed with 4 mm: about 0.6 to 0.8 when "
        "it went well, below 0.35 it did not"
    )
    overlap = traits.Float(desc="Dice coefficient of the two brains: about 0.95 when it went well")


class _Pair(NamedTuple):
    """The two images that are laid upon each other, each 0 outside the brain."""

    data: np.ndarray
    image: nb.Nifti1Image
    template: np.ndarray
    space: nb.Nifti1Image
    mask: np.ndarray

    @property
    def arrays(self) -> tuple:
        return (self.data, self.image.affine, self.template, self.space.affine, self.mask)


class Normalize(PythonInterface):
    """Find the affine transform between a T1w image and a template.

    See `fmriprod.algorithms.normalize` for the engine ``python``. Whatever the engine, the
    affine comes as ITK text.

    Examples
    --------
    >>> Normalize().inputs.engine
    'python'
    """

    input_spec = _NormalizeInputSpec
    output_spec = _NormalizeOutputSpec
    _libraries = ("numpy", "scipy", "nilearn")

    def _process(self) -> None:
        pair = self._pair()
        self.save_image("template_file", "space.nii.gz", pair.template, pair.space)
        self.save_image("template_mask", "space_mask.nii.gz", pair.mask, pair.space)
        found = self._transform(pair)
        for field, matrix in (
            ("transform_file", found.transform), ("inverse_file", np.linalg.inv(found.transform))
        ):  # fmt: skip
            name = {
                "transform_file": "from_T1w_to_template",
                "inverse_file": "from_template_to_T1w",
            }
            self.save_text(field, f"{name[field]}.txt", format_transforms(matrix))
        placed = resample(
            pair.data, pair.image.affine, pair.mask.shape, pair.space.affine, found.transform,
            num_threads=self.inputs.num_threads,
        )  # fmt: skip
        stem = Path(self.inputs.in_file).name.split(".nii")[0]
        self.save_image("out_file", f"{stem}_normalized.nii.gz", placed, pair.space)
        grids = (placed, pair.space.affine, pair.template, pair.space.affine)
        with coregister_figure(*grids, np.eye(4), pair.mask) as figure:
            self.save_figure("out_figure", "normalize.png", figure)
        self.result("correlation", found.correlation)
        self.result("overlap", found.overlap)

    def _located(self, err: InputError) -> InputError:
        if err.subject == "image":
            err.file = err.file or str(self.inputs.in_file)
        return super()._located(err)

    def _pair(self) -> _Pair:
        data, image = load_image(self.inputs.in_file, ndim=3)
        data = np.nan_to_num(data)
        if isdefined(self.inputs.in_mask):
            data = np.where(load_mask(self.inputs.in_mask, image), data, 0)
        if isdefined(self.inputs.template_file):
            template, space = load_image(self.inputs.template_file, ndim=3)
            mask = load_mask(self.inputs.template_mask, space)
        else:
            template, space, mask = load_template()
        return _Pair(data, image, np.where(mask, template, 0), space, mask)

    def _transform(self, pair: _Pair) -> Normalization:
        values = self.inputs
        if isdefined(values.transform_files):
            chain = np.eye(4)
            for path in values.transform_files:
                steps = read_transforms(path)
                if len(steps) != 1:
                    raise InputError(
                        "transform_files",
                        expected="files of one affine each",
                        found=f"{len(steps)} transforms",
                        hint="give the transform of the template, not those of a series",
                        file=path,
                    )
                chain = steps[0] @ chain
            return match(*pair.arrays, chain)
        if values.engine == "python":
            return normalize(*pair.arrays, start=values.start)
        return match(*pair.arrays, self._external(pair))

    def _external(self, pair: _Pair) -> np.ndarray:
        """Run the programs of the engine in the run's folder; template to in_file, RAS mm."""
        brain, template = self._folder / "brain.nii.gz", self._folder / "in_template.nii.gz"
        save_image(brain, pair.data, pair.image)
        save_image(template, pair.template, pair.space)
        try:
            if self.inputs.engine == "ants":
                return self._ants(brain, template)
            affine = run_flirt(str(brain), str(template), self._folder, dof=12)
            if self.inputs.engine == "fnirt":
                self._fnirt(brain, template)
            return affine
        finally:
            for path in (brain, template):
                path.unlink(missing_ok=True)

    def _fnirt(self, brain: Path, template: Path) -> None:
        """Warp on from what FLIRT found; 10 mm between the knots."""
        from nipype.interfaces.fsl import FNIRT

        require_program("fnirt")
        warp = self._folder / "fnirt_warpcoef.nii.gz"
        tool = FNIRT(in_file=str(brain), ref_file=str(template), warp_resolution=(10, 10, 10))
        tool.inputs.trait_set(
            affine_file=str(self._folder / "flirt.mat"),
            fieldcoeff_file=str(warp),
            warped_file=str(self._folder / "fnirt_warped.nii.gz"),
            log_file=str(self._folder / "fnirt.log"),
            output_type="NIFTI_GZ",
        )
        tool.run(cwd=str(self._folder))
        self.result("warp_file", str(warp))

    def _ants(self, brain: Path, template: Path) -> np.ndarray:
        program = "antsRegistrationSyNQuick.sh"
        if shutil.which(program) is None:
            raise InputError(
                "engine",
                expected=f"the program {program} of ANTs on the PATH",
                found="no such program",
                hint="install ANTs and put its folder on the PATH, or use the engine python",
            )
        import SimpleITK as sitk
        from nipype.interfaces.ants import RegistrationSynQuick

        tool = RegistrationSynQuick(fixed_image=str(template), moving_image=str(brain))
        tool.inputs.trait_set(
            output_prefix="ants_", transform_type="s", num_threads=self.inputs.num_threads
        )
        done = tool.run(cwd=str(self._folder)).outputs
        self.result("warp_file", done.forward_warp_field)
        self.result("inverse_warp_file", done.inverse_warp_field)
        affine = sitk.AffineTransform(sitk.ReadTransform(done.out_matrix))
        lps = np.eye(4)
        lps[:3, :3] = np.reshape(affine.GetMatrix(), (3, 3))
        center = np.array(affine.GetCenter())
        lps[:3, 3] = np.array(affine.GetTranslation()) + center - lps[:3, :3] @ center
        return flip_ras_lps(lps)
