"""Combine the effect maps of several runs of one person."""

import numpy as np
from nipype.interfaces.base import File, InputMultiObject, TraitedSpec, traits

from fmriprod.algorithms.fixed_effects import fixed_effects
from fmriprod.interfaces.base import PythonInputSpec, PythonInterface
from fmriprod.interfaces.images import check_same_grid, load_image, load_mask


class _FixedEffectsInputSpec(PythonInputSpec):
    effect_files = InputMultiObject(
        File(exists=True), mandatory=True, desc="effect maps of one contrast, one a run"
    )
    variance_files = InputMultiObject(
        File(exists=True), mandatory=True, desc="their variance maps, in the same order"
    )
    dof = traits.List(
        traits.Float, mandatory=True, desc="residual degrees of freedom, in the same order"
    )
    mask_file = File(exists=True, mandatory=True, desc="voxels to combine, on the same grid")


class _FixedEffectsOutputSpec(TraitedSpec):
    effect_file = File(exists=True, desc="precision-weighted mean effect")
    variance_file = File(exists=True, desc="its variance")
    t_file = File(exists=True, desc="t map")
    z_file = File(exists=True, desc="z map of the same tail probability as t")
    out_mask = File(exists=True, desc="voxels that every run could estimate; 0 elsewhere in maps")
    n_excluded = traits.Int(desc="voxels of the mask that some run could not estimate")


class FixedEffects(PythonInterface):
    """Average one contrast over runs, weighted by precision, as a fixed-effects second level."""

    input_spec = _FixedEffectsInputSpec
    output_spec = _FixedEffectsOutputSpec
    _libraries = ("numpy", "scipy")

    def _process(self) -> None:
        first = load_image(self.inputs.effect_files[0], ndim=3)[1]
        mask = load_mask(self.inputs.mask_file, first)

        def masked(paths: list[str]) -> np.ndarray:
            rows = []
            for path in paths:
                data, image = load_image(path, ndim=3, dtype=np.float64)
                check_same_grid(image, first)
                rows.append(data[mask])
            return np.array(rows)

        combined = fixed_effects(
            masked(self.inputs.effect_files), masked(self.inputs.variance_files), self.inputs.dof
        )
        for name in ("effect", "variance", "t", "z"):
            volume = np.zeros(mask.shape, np.float32)
            volume[mask] = getattr(combined, name)
            self.save_image(f"{name}_file", f"{name}.nii.gz", volume, first)
        out_mask = mask.copy()
        out_mask[mask] = combined.usable
        self.save_image("out_mask", "common_mask.nii.gz", out_mask, first)
        self.result("n_excluded", int((~combined.usable).sum()))
