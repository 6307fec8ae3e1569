"""Sparse receptive fields of voxels, from files."""

import numpy as np
import pandas as pd
from nipype.interfaces.base import File, TraitedSpec, isdefined

from fmriprod.algorithms.receptive_field import ReceptiveFields, receptive_fields
from fmriprod.interfaces.base import PythonInterface
from fmriprod.interfaces.receptive_field_inputs import (
    FieldInputs,
    ReceptiveFieldInputSpec,
    check_figure,
    read_field_inputs,
)

_MAPS = ("r2", "penalty", "size")


class _ReceptiveFieldOutputSpec(TraitedSpec):
    fields_file = File(
        exists=True,
        desc=".npy, float32 (n_voxels, n_features): change of the response for a standard "
        "deviation of the feature (for a unit of it with standardize none); NaN rows where a "
        "voxel is not usable",
    )
    voxels_file = File(
        exists=True,
        desc="TSV, a row a voxel: voxel, its place i j k where there is a mask, usable, penalty, "
        "intercept, r2, size (coefficients that are not 0)",
    )
    scaling_file = File(
        exists=True,
        desc="TSV, a row a feature: mean and scale; (features - mean) / scale times the field, "
        "plus the intercept, is the prediction; varying: 0 where it is constant and left out",
    )
    r2_map = File(
        exists=True,
        desc="NIfTI, mean over folds of the explained variance of left-out samples, at the "
        "penalty that these folds chose: a little too good",
    )
    penalty_map = File(exists=True, desc="NIfTI, penalty that was chosen, in units of responses")
    size_map = File(exists=True, desc="NIfTI, coefficients that are not 0")
    summary_file = File(
        exists=True, desc="JSON: numbers of samples, folds, features, voxels; what was left out"
    )
    figure = File(exists=True, desc="PNG, fields of some voxels, where stimulus_shape is given")


class ReceptiveField(PythonInterface):
    """Estimate which features drive each voxel: a sparse receptive field.

    The analysis of Nilearn's example after Miyawaki et al. (2008, Neuron 60, 915) for every
    voxel: scikit-learn's ``LassoLarsCV`` on standardised features, with its coefficients and
    penalties. Voxels that are not finite or constant are left out and counted.

    Examples
    --------
    >>> ReceptiveField(stimulus_shape=[10, 10], stimulus_order="F").inputs.max_iter
    10
    """

    input_spec = ReceptiveFieldInputSpec
    output_spec = _ReceptiveFieldOutputSpec
    _libraries = ("numpy", "scipy")

    def _process(self) -> None:
        values = self.inputs
        given = read_field_inputs(values)
        check_figure(values, given.features.shape[1], given.responses.shape[1])
        found = receptive_fields(
            given.features, given.responses, max_iter=values.max_iter, groups=given.groups,
            n_folds=values.n_folds, standardize=values.standardize,
            n_threads=values.num_threads, memory_mb=values.memory_mb,
        )  # fmt: skip
        self.save_array("fields_file", "fields.npy", found.coef.astype(np.float32))
        table = _voxel_table(found, given)
        self.save_table("voxels_file", "voxels.tsv", table)
        scaling = pd.DataFrame(
            {"mean": found.mean, "scale": found.scale, "varying": found.varying.astype(int)}
        )
        self.save_table("scaling_file", "scaling.tsv", scaling.rename_axis("feature").reset_index())
        if given.mask is not None:
            for name in _MAPS:
                volume = np.zeros(given.mask.shape, np.float32)
                volume[given.mask] = table[name].where(found.usable)
                self.save_image(f"{name}_map", f"{name}.nii.gz", volume, given.image)
        self.save_json("summary_file", "receptive_fields.json", _summary(found, given))
        if isdefined(values.stimulus_shape):
            self._draw(found, table)

    def _draw(self, found: ReceptiveFields, table: pd.DataFrame) -> None:
        from fmriprod.reports.receptive_fields import receptive_field_figure

        values = self.inputs
        best = np.argsort(-np.nan_to_num(found.r2, nan=-np.inf), kind="stable")[: values.n_drawn]
        chosen = values.voxels if isdefined(values.voxels) else best[found.usable[best]]
        order = values.stimulus_order
        fields = np.array(
            [found.coef[v].reshape(values.stimulus_shape, order=order) for v in chosen]
        )
        largest = float(np.nanmax(fields, initial=0)) if values.relative_limits else 1.0
        low, high = (limit * (largest or 1.0) for limit in values.limits)
        options = {} if values.standardize != "none" else {"unit": "change of the response"}
        with receptive_field_figure(
            fields, [_label(table.iloc[voxel]) for voxel in chosen], limits=(low, high),
            marked_pixel=tuple(values.marked_pixel) if isdefined(values.marked_pixel) else None,
            published_colours=values.published_colours, title=values.title,
            simulated=values.simulated, **options,
        ) as figure:  # fmt: skip
            self.save_figure("figure", "receptive_fields.png", figure)


def _voxel_table(found: ReceptiveFields, given: FieldInputs) -> pd.DataFrame:
    table = pd.DataFrame({"voxel": np.arange(len(found.usable))})
    if given.mask is not None:
        table[["i", "j", "k"]] = np.argwhere(given.mask)
    return table.assign(
        usable=found.usable.astype(int), penalty=found.alpha, intercept=found.intercept,
        r2=found.r2, size=found.n_active,
    )  # fmt: skip


def _label(row: pd.Series) -> str:
    """Title of a panel: which voxel, where, how well predicted."""
    where = f" ({row.i:.0f}, {row.j:.0f}, {row.k:.0f})" if "i" in row else ""
    score = f"r² {row.r2:.2f}" if row.usable else "not usable"
    return f"voxel {row.voxel:.0f}{where}\n{score}"


def _summary(found: ReceptiveFields, given: FieldInputs) -> dict:
    r2, size = found.r2[found.usable], found.n_active[found.usable]
    return {
        "n_samples": len(given.features),
        "folds": found.folds,
        "n_features": len(found.varying),
        "n_constant_features": int((~found.varying).sum()),
        "n_voxels": len(found.usable),
        "n_usable": int(found.usable.sum()),
        "n_excluded": int((~found.usable).sum()),
        "n_empty_fields": int((size == 0).sum()),
        "median_size": float(np.median(size)),
        "max_r2": float(np.nanmax(r2)),
        "median_r2": float(np.nanmedian(r2)),
        "n_r2_above_0": int((r2 > 0).sum()),
    }
