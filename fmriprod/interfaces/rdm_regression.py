"""Fit several models together to what was compared with each."""

import nibabel as nb
import numpy as np
import pandas as pd
from nipype.interfaces.base import File, TraitedSpec, isdefined, traits

from fmriprod.algorithms.checks import InputError, suggest
from fmriprod.algorithms.rdm_regression import (
    MOST_PARTITIONED,
    REGRESSED,
    check_distinct,
    partition_variance,
    regress_rdms,
)
from fmriprod.interfaces.base import PythonInputSpec, PythonInterface
from fmriprod.interfaces.rsa_file import Comparisons, read_rsa


class _RDMRegressionInputSpec(PythonInputSpec):
    rsa_file = File(
        exists=True, mandatory=True, desc="HDF5 of comparisons, from RSA or SearchlightRSA"
    )
    models = traits.List(traits.Str, desc="names of the models to fit together (default: all)")
    nonnegative = traits.Bool(
        True, usedefault=True, desc="weights of 0 or larger (non-negative least squares)"
    )
    partition = traits.Bool(
        False,
        usedefault=True,
        desc=f"part variance between 2 to {MOST_PARTITIONED} models: what each explains alone, and "
        "what they have in common; by least squares without that bound",
    )


class _RDMRegressionOutputSpec(TraitedSpec):
    table_file = File(
        exists=True, desc="TSV of named RDMs: rdm r2, and weights and parts by name of models"
    )
    weight_map = File(
        exists=True, desc="NIfTI of searchlights, a volume a model: its weight; NaN elsewhere"
    )
    r2_map = File(exists=True, desc="NIfTI: share of variance that all explain together")
    part_map = File(exists=True, desc="NIfTI, a volume a part: share of variance")
    models = traits.List(traits.Str, desc="names of the models, in the order of the volumes")
    parts = traits.List(
        traits.Str, desc="what each part is: models that have it in common, joined by &"
    )
    n_fitted = traits.Int(desc="number of RDMs with weights")


class RDMRegression(PythonInterface):
    """Fit models together to each RDM, and part the variance that they explain.

    How alike RDMs and models are is all that a fit by least squares needs, so that RDMs are
    not read again: ranks, values or whitened values, as they were compared.

    Examples
    --------
    >>> RDMRegression(models=["digit", "animacy"], partition=True).inputs.nonnegative
    True
    """

    input_spec = _RDMRegressionInputSpec
    output_spec = _RDMRegressionOutputSpec
    _libraries = ("numpy", "scipy")

    def _process(self) -> None:
        found = read_rsa(self.inputs.rsa_file)
        models, values, among = self._chosen(found)
        fit = regress_rdms(values, among, nonnegative=self.inputs.nonnegative)
        parts = {}
        if self.inputs.partition:
            parts = {
                "&".join(models[i] for i in some): part
                for some, part in partition_variance(values, among).items()
            }
        self.result("models", models)
        self.result("parts", list(parts))
        self.result("n_fitted", int(np.isfinite(fit.r2).sum()))
        if found.voxels is None:
            self._save_table(found, models, fit.weights, fit.r2, parts)
            return
        like = nb.Nifti1Image(np.zeros(found.shape[:3], np.uint8), found.affine)
        self.save_image("weight_map", "weights.nii.gz", found.volumes(fit.weights), like)
        self.save_image("r2_map", "r2.nii.gz", found.volumes(fit.r2[None])[..., 0], like)
        if parts:
            volumes = found.volumes(np.array(list(parts.values())))
            self.save_image("part_map", "parts.nii.gz", volumes, like)

    def _chosen(self, found: Comparisons) -> tuple[list[str], np.ndarray, np.ndarray]:
        if found.method not in REGRESSED or found.among is None:
            raise InputError(
                "rsa_file", expected=f"comparisons by one of {', '.join(REGRESSED)}",
                found=found.method, hint="compare by one of these", file=self.inputs.rsa_file,
            )  # fmt: skip
        models = list(self.inputs.models) if isdefined(self.inputs.models) else found.models
        unknown = [name for name in models if name not in found.models]
        if unknown or not models or len(set(models)) < len(models):
            raise InputError(
                "models", expected="names of models, each once", found=", ".join(models) or "none",
                hint=suggest(unknown[0] if unknown else "", found.models),
            )  # fmt: skip
        index = [found.models.index(name) for name in models]
        among = found.among[np.ix_(index, index)]
        check_distinct(among, models)
        return models, found.value[index], among

    def _save_table(
        self,
        found: Comparisons,
        models: list[str],
        weights: np.ndarray,
        r2: np.ndarray,
        parts: dict[str, np.ndarray],
    ) -> None:
        names = found.names or [str(number + 1) for number in range(len(r2))]
        table = {"rdm": names, "r2": r2}
        table |= {f"weight_{name}": row for name, row in zip(models, weights, strict=True)}
        table |= {f"part_{name}": part for name, part in parts.items()}
        self.save_table("table_file", "regression.tsv", pd.DataFrame(table))
