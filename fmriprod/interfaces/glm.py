"""Fit the model of one run's events."""

from typing import Any

import numpy as np
import pandas as pd
from nipype.interfaces.base import File, TraitedSpec, isdefined, traits
from threadpoolctl import threadpool_limits

from fmriprod.algorithms import design
from fmriprod.algorithms.audit import audit_record
from fmriprod.algorithms.first_level import FirstLevel, Plan, fit_run, plan_run
from fmriprod.algorithms.glm import NOISE
from fmriprod.algorithms.hrf import MODELS
from fmriprod.interfaces.base import PythonInterface
from fmriprod.interfaces.events import read_events
from fmriprod.interfaces.images import (
    check_same_grid,
    load_image,
    load_mask,
    repetition_time,
)
from fmriprod.interfaces.run_design import (
    RunDesignInputSpec,
    chosen_confounds,
    chosen_start_time,
)
from fmriprod.reports.contrasts import contrast_figure
from fmriprod.reports.design import design_figure

_STATS = ("effect", "variance", "t", "z")


class _FirstLevelModelInputSpec(RunDesignInputSpec):
    contrasts = traits.List(
        traits.Str,
        minlen=1,
        mandatory=True,
        desc="'expression' or 'name=expression', linear in the conditions: 'face-house', "
        "'items=0.5*item1+0.5*item2', '(face+body)/2 - house'; `names like this` in backquotes",
    )
    conditions = traits.List(
        traits.Str,
        desc="all conditions of the study, so that a contrast of one that this run lacks "
        "is told from a misspelling",
    )
    missing_conditions = traits.Enum(
        *("error", "skip"),
        usedefault=True,
        desc="a contrast with a condition that has no event in this run is refused, or left out",
    )
    not_estimable = traits.Enum(
        *("error", "skip"),
        usedefault=True,
        desc="a contrast that the design cannot estimate is refused, or left out",
    )
    hrf = traits.Enum(
        "spm + derivative",
        *(model for model in MODELS if model != "spm + derivative"),
        usedefault=True,
        desc="haemodynamic response; spm is also FSL's double gamma, gamma and gaussian are FSL's",
    )
    noise = traits.Enum(
        *NOISE, usedefault=True, desc="order of the noise's autoregression, or ols for white noise"
    )
    background_file = File(
        exists=True, desc="image under the maps in figures, on the same grid; the mean by default"
    )


class _FirstLevelModelOutputSpec(TraitedSpec):
    # Lists, not OutputMultiObject, which would be a plain string for a single contrast.
    contrast_names = traits.List(
        traits.Str, desc="names of the contrasts that were estimated, in the order of the maps"
    )
    effect_files = traits.List(
        File(exists=True), desc="effects, in percent of the mean signal if scaled"
    )
    variance_files = traits.List(
        File(exists=True), desc="variances of the effects, in the unit of the effects squared"
    )
    t_files = traits.List(File(exists=True), desc="t maps")
    z_files = traits.List(
        File(exists=True), desc="z maps of the same tail probability as the t maps"
    )
    contrast_figures = traits.List(File(exists=True), desc="each z map on slices (PNG)")
    out_mask = File(
        exists=True, desc="voxels that were analysed; all maps are 0 outside, which is no result"
    )
    dof = traits.Float(desc="residual degrees of freedom: volumes less the rank of the design")
    design_file = File(exists=True, desc="design matrix (TSV), one row a volume")
    audit_file = File(
        exists=True, desc="audit of design, contrasts and voxels, and the settings used (JSON)"
    )
    design_figure = File(exists=True, desc="design matrix and how well it is determined (PNG)")


class FirstLevelModel(PythonInterface):
    """Estimate contrasts between the conditions of one run, voxel by voxel.

    Voxels with a value that is not finite, constant voxels and voxels that the design
    explains wholly are left out of ``out_mask`` and counted; they never get a z value.
    Contrasts that the design cannot estimate are refused, not split by minimum norm.

    Nilearn fits the model; regressors are exact integrals of the haemodynamic response, and
    the noise is estimated without the bias of the fit.

    Examples
    --------
    >>> FirstLevelModel(contrasts=["face-house"]).inputs.noise
    'ar1'
    """

    input_spec = _FirstLevelModelInputSpec
    output_spec = _FirstLevelModelOutputSpec
    _libraries = ("nilearn", "numpy", "scipy", "scikit-learn")

    def _process(self) -> None:
        inputs = self.inputs
        data, image = load_image(inputs.in_file, ndim=4)
        mask = load_mask(inputs.mask_file, image)
        background = self._background(data, image)
        series = data[mask]
        del data
        given = inputs.tr if isdefined(inputs.tr) else None
        tr = repetition_time(image, given, override=inputs.override_header_tr)
        matrix, events, filled = self._design(series.shape[1], tr)
        plan = plan_run(
            matrix,
            set(events["trial_type"]),
            inputs.contrasts,
            conditions=inputs.conditions if isdefined(inputs.conditions) else (),
            missing_conditions=inputs.missing_conditions,
            not_estimable=inputs.not_estimable,
        )
        # One thread: sums in another order could move a voxel to the next group of noise.
        with threadpool_limits(1):
            fit = fit_run(
                series,
                matrix,
                plan.contrasts,
                noise=inputs.noise,
                correct_bias=inputs.correct_bias,
                grand_mean_scaling=inputs.grand_mean_scaling,
                block_size=inputs.block_size,
            )
        self._save_maps(plan, fit, mask, image, background)
        self._save_design(matrix, events, plan)
        summary = {
            "tr": tr,
            "confounds_filled": filled,
            "start_time": chosen_start_time(inputs, tr),
        }
        self.save_json(
            "audit_file", "design_audit.json", self._audit(matrix, events, plan, fit, summary)
        )

    def _background(self, data: np.ndarray, image: Any) -> np.ndarray:
        if not isdefined(self.inputs.background_file):
            with np.errstate(invalid="ignore", over="ignore"):
                return np.nan_to_num(data.mean(axis=3), posinf=0, neginf=0)
        background, other = load_image(self.inputs.background_file, ndim=3)
        check_same_grid(other, image)
        return background

    def _design(self, n_volumes: int, tr: float) -> tuple[pd.DataFrame, pd.DataFrame, dict]:
        """Give the design matrix, the events, and how many confound values were filled."""
        inputs = self.inputs
        events = read_events(
            inputs.events_file,
            n_volumes=n_volumes,
            tr=tr,
            allow_negative=inputs.allow_negative_onsets,
        )
        confounds, filled = chosen_confounds(inputs, n_volumes)
        matrix = design.design_matrix(
            events,
            n_volumes,
            tr,
            hrf=inputs.hrf,
            drift=inputs.drift,
            high_pass=inputs.high_pass,
            drift_order=inputs.drift_order,
            start_time=chosen_start_time(inputs, tr),
            confounds=confounds,
        )
        return matrix, events, filled

    def _save_maps(
        self, plan: Plan, fit: FirstLevel, mask: np.ndarray, image: Any, background: np.ndarray
    ) -> None:
        names = [spec.name for spec in plan.contrasts]
        files: dict[str, list[str]] = {f"{stat}_files": [] for stat in _STATS}
        files["contrast_figures"] = []
        for i, spec in enumerate(plan.contrasts):
            volume = np.zeros(mask.shape, np.float32)
            for stat in _STATS:  # z comes last and is drawn
                field = f"{stat}_files"
                volume[mask] = getattr(fit.result, stat)[i]
                name = f"contrast-{spec.name}_stat-{stat}_statmap.nii.gz"
                self.save_image(field, name, volume, image)
                files[field].append(self._results[field])
            with contrast_figure(volume, background, image.affine, title=spec.expression) as figure:
                self.save_figure("contrast_figures", f"contrast-{spec.name}_stat-z.png", figure)
            files["contrast_figures"].append(self._results["contrast_figures"])
        for field, paths in files.items():
            self.result(field, paths)
        analysed = mask.copy()
        analysed[mask] = fit.analysed
        self.save_image("out_mask", "analysed_mask.nii.gz", analysed, image)
        self.result("contrast_names", names)
        self.result("dof", float(fit.result.dof))

    def _save_design(self, matrix: pd.DataFrame, events: pd.DataFrame, plan: Plan) -> None:
        self.save_table("design_file", "design.tsv", matrix)
        conditions = sorted(set(events["trial_type"]))
        with design_figure(matrix, conditions, plan.audit) as figure:
            self.save_figure("design_figure", "design.png", figure)

    def _audit(
        self,
        matrix: pd.DataFrame,
        events: pd.DataFrame,
        plan: Plan,
        fit: FirstLevel,
        summary: dict,
    ) -> dict:
        inputs = self.inputs
        settings = ("hrf", "drift", "high_pass", "noise", "correct_bias", "grand_mean_scaling")
        ar = np.atleast_2d(fit.result.ar[fit.analysed].astype(float))
        n_events = events["trial_type"].value_counts().to_dict()
        return summary | {
            "settings": {name: getattr(inputs, name) for name in settings},
            **audit_record(matrix, plan.audit, n_events),
            "dof": fit.result.dof,
            "missing_conditions": plan.missing,
            "contrasts": [
                {"name": s.name, "expression": s.expression, "weights": s.weights}
                for s in plan.contrasts
            ],
            "contrasts_left_out": [
                {"name": s.name, "expression": s.expression, "reason": why}
                for s, why in plan.left_out
            ],
            "voxels": {
                "mask": len(fit.analysed),
                "analysed": int(fit.analysed.sum()),
                **{f"excluded_{reason}": n for reason, n in fit.excluded.items()},
            },
            "scaling": fit.scaling,
            "ar_median": [round(float(a), 4) for a in np.median(ar, axis=0)] if ar.size else [],
        }
