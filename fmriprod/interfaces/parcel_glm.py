"""Fit the model of a subject's events to parcels."""

from typing import Any

import pandas as pd
from nipype.interfaces.base import File, TraitedSpec, isdefined, traits

from fmriprod.algorithms import design
from fmriprod.algorithms.audit import audit_record
from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.confounds import NAN_POLICIES, select_confounds
from fmriprod.algorithms.glm import NOISE
from fmriprod.algorithms.hrf import MODELS
from fmriprod.algorithms.parcel_glm import ParcelEffects, parcel_glm
from fmriprod.interfaces.base import PythonInterface
from fmriprod.interfaces.events import read_table
from fmriprod.interfaces.parcel_runs import (
    TaskRunsInputSpec,
    effects_table,
    needed_tr,
    parcel_counts,
    read_run_events,
    read_runs,
)
from fmriprod.interfaces.run_design import chosen_start_time

_MODEL = ("missing_conditions", "not_estimable", "noise", "correct_bias", "grand_mean_scaling")
_DESIGN = ("hrf", "drift", "high_pass", "drift_order")


class _ParcelGLMInputSpec(TaskRunsInputSpec):
    contrasts = traits.List(
        traits.Str,
        desc="'expression' or 'name=expression', linear in the conditions, beside the conditions "
        "themselves: 'fear-neut', 'hands=(lh+rh)/2'; `names like this` in backquotes",
    )
    missing_conditions = traits.Enum(
        *("error", "skip"),
        usedefault=True,
        desc="a run without events of a condition that others have is refused, or its effect is "
        "taken from the others",
    )
    not_estimable = traits.Enum(
        *("error", "skip"),
        usedefault=True,
        desc="an effect that the design of a run cannot estimate is refused, or taken from the "
        "others",
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
    correct_bias = traits.Bool(
        True,
        usedefault=True,
        desc="estimate the noise without the bias of the fit; without, as Nilearn does it, tests "
        "reject too often",
    )
    drift = traits.Enum(*design.DRIFTS, usedefault=True, desc="model of slow drifts")
    high_pass = traits.Float(
        100.0, usedefault=True, desc="shortest period of the cosine drifts in s (not a frequency)"
    )
    drift_order = traits.Range(
        low=1, value=2, usedefault=True, desc="highest power of the polynomial drifts"
    )
    start_time = traits.Float(
        desc="moment in s within each volume that its values represent (BIDS StartTime); half of "
        "the repetition time by default"
    )
    confounds_files = traits.List(
        File(exists=True), desc="table of confounds (TSV) of each run, one row a volume"
    )
    confounds = traits.List(
        traits.Str, desc="columns of confounds_files that enter the designs; needed with them"
    )
    confounds_nan = traits.Enum(
        *NAN_POLICIES,
        usedefault=True,
        desc="missing values in those columns are refused, or replaced by the mean of their column",
    )
    grand_mean_scaling = traits.Bool(
        False,
        usedefault=True,
        desc="scale each run to a mean of 100 over parcels and time, so that effects are in "
        "percent; not for series whose mean was removed",
    )


class _ParcelGLMOutputSpec(TraitedSpec):
    effects_file = File(
        exists=True,
        desc="TSV, a row a parcel and condition, then contrasts by their names: parcel condition "
        "effect variance t dof; n/a: not usable",
    )
    design_files = traits.List(
        File(exists=True), desc="design matrix of each run (TSV), one row a volume"
    )
    audit_file = File(
        exists=True, desc="JSON: settings, parcels used and left out, and each run's design"
    )
    contrast_names = traits.List(traits.Str, desc="names of the contrasts in effects_file")
    n_excluded = traits.Int(desc="parcels that cannot be analysed in some run")


class ParcelGLM(PythonInterface):
    """Estimate the response of each parcel to each condition, with its error.

    Regressors are exact integrals of the haemodynamic response; noise is autoregressive, of each
    parcel; runs are combined with weights 1 / variance (fixed effects). The model is that of
    `FirstLevelModel`, which has voxels in place of parcels.

    Examples
    --------
    >>> ParcelGLM(tr=0.72, contrasts=["lh-rh"]).inputs.noise
    'ar1'
    """

    input_spec = _ParcelGLMInputSpec
    output_spec = _ParcelGLMOutputSpec
    _libraries = ("nilearn", "numpy", "scipy", "scikit-learn")

    def _process(self) -> None:
        inputs = self.inputs
        tr = needed_tr(inputs)
        parcels, runs = read_runs(inputs)
        events = read_run_events(inputs, runs, tr)
        lengths = [run.shape[1] for run in runs]
        confounds, filled = self._confounds(lengths)
        matrices = [self._design(i, events[i], lengths[i], confounds[i]) for i in range(len(runs))]
        found = parcel_glm(
            runs,
            matrices,
            [sorted(set(table["trial_type"])) for table in events],
            contrasts=inputs.contrasts if isdefined(inputs.contrasts) else (),
            **{name: getattr(inputs, name) for name in _MODEL},
        )
        table = effects_table(
            parcels, found.names, effect=found.effect, variance=found.variance, t=found.t,
            dof=found.dof,
        )  # fmt: skip
        self.save_table("effects_file", "effects.tsv", table)
        self._save_designs(matrices)
        conditions = {name for table in events for name in table["trial_type"]}
        self.result("contrast_names", [name for name in found.names if name not in conditions])
        self.result("n_excluded", int((~found.usable).sum()))
        audit = {"tr": tr, "start_time": chosen_start_time(inputs, tr), "confounds_filled": filled}
        audit["settings"] = {name: getattr(inputs, name) for name in (*_MODEL, *_DESIGN)}
        audit["parcels"] = parcel_counts(parcels, found.usable, found.excluded)
        audit["runs"] = _run_records(matrices, events, found)
        self.save_json("audit_file", "design_audit.json", audit)

    def _design(
        self, run: int, events: pd.DataFrame, n_volumes: int, confounds: pd.DataFrame | None
    ) -> pd.DataFrame:
        inputs = self.inputs
        settings = {name: getattr(inputs, name) for name in _DESIGN}
        settings |= {"start_time": chosen_start_time(inputs, inputs.tr), "confounds": confounds}
        try:
            return design.design_matrix(events, n_volumes, inputs.tr, **settings)
        except InputError as err:
            err.file = err.file or str(inputs.series_files[run])
            raise

    def _confounds(self, lengths: list[int]) -> tuple[list[pd.DataFrame | None], list[dict]]:
        """Read the confounds of each run, and count values that were filled."""
        inputs = self.inputs
        files = inputs.confounds_files if isdefined(inputs.confounds_files) else []
        names = inputs.confounds if isdefined(inputs.confounds) else []
        if bool(files) != bool(names) or (files and len(files) != len(lengths)):
            raise InputError(
                "confounds",
                expected=f"a table for each of {len(lengths)} runs and the columns to take, or "
                "neither",
                found=f"{len(files)} tables and {len(names)} columns",
                hint="give confounds_files in the order of runs, and confounds=['trans_x', ...]",
            )
        if not files:
            return [None] * len(lengths), [{} for _ in lengths]
        chosen = []
        for path, n_volumes in zip(files, lengths, strict=True):
            table = read_table(path, "confounds")
            try:
                chosen.append(select_confounds(table, names, n_volumes, nan=inputs.confounds_nan))
            except InputError as err:
                err.file = err.file or str(path)
                raise
        return [columns for columns, _ in chosen], [count for _, count in chosen]

    def _save_designs(self, matrices: list[pd.DataFrame]) -> None:
        files = []
        for number, matrix in enumerate(matrices, start=1):
            self.save_table("design_files", f"run-{number}_design.tsv", matrix)
            files.append(self._results["design_files"])
        self.result("design_files", files)


def _run_records(
    matrices: list[pd.DataFrame], events: list[pd.DataFrame], found: ParcelEffects
) -> list[dict[str, Any]]:
    """Say of each run what its design is, and what it could not answer."""
    return [
        audit_record(matrix, plan.audit, table["trial_type"].value_counts().to_dict())
        | {
            "dof": fit.result.dof,
            "scaling": fit.scaling,
            "contrasts": {spec.name: spec.weights for spec in plan.contrasts},
            "left_out": {spec.name: why for spec, why in plan.left_out},
        }
        for matrix, table, plan, fit in zip(matrices, events, found.plans, found.fits, strict=True)
    ]
