"""Estimate the response of every voxel to every single trial of a run."""

from typing import Any

import numpy as np
import pandas as pd
from nipype.interfaces.base import File, TraitedSpec, isdefined, traits
from threadpoolctl import threadpool_limits

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.first_level import count_excluded, percent_factor
from fmriprod.algorithms.glm import analysable
from fmriprod.algorithms.hrf import MODELS
from fmriprod.algorithms.single_trial import NOISE, SingleTrials, estimate_trials
from fmriprod.algorithms.trial_design import TrialDesign, trial_design
from fmriprod.algorithms.trial_model import METHODS, OTHERS
from fmriprod.interfaces.base import ImageWriterInputSpec, PythonInterface
from fmriprod.interfaces.events import read_events
from fmriprod.interfaces.featurize import voxel_table
from fmriprod.interfaces.images import load_image, load_mask, repetition_time
from fmriprod.interfaces.run_design import (
    RunDesignInputSpec,
    chosen_confounds,
    chosen_start_time,
)

_SETTINGS = (
    "method", "others", "hrf", "drift", "high_pass", "noise", "correct_bias", "grand_mean_scaling",
)  # fmt: skip


class _SingleTrialBetasInputSpec(RunDesignInputSpec, ImageWriterInputSpec):
    method = traits.Enum(
        *METHODS,
        usedefault=True,
        desc="lss: a model for each trial, the other trials share regressors; lsa: one model "
        "with a regressor for each trial",
    )
    others = traits.Enum(
        *OTHERS,
        usedefault=True,
        desc="method lss: the other trials have one regressor, or one for each label",
    )
    labels = traits.List(
        traits.Str,
        desc="conditions whose trials are estimated; events of the others have one regressor "
        "for each condition (default: all are estimated)",
    )
    hrf = traits.Enum(
        "spm",
        *(model for model in MODELS if model != "spm"),
        usedefault=True,
        desc="haemodynamic response, as FirstLevelModel takes it; a derivative is one more "
        "regressor for each trial and each group of others",
    )
    noise = traits.Enum(
        *NOISE, usedefault=True, desc="white noise, or first-order autoregressive noise"
    )
    statistics = traits.Bool(False, usedefault=True, desc="write t values too")
    vif_limit = traits.Range(
        low=1.0,
        value=10.0,
        usedefault=True,
        desc="variance inflation above which a trial is marked as collinear",
    )
    write_features = traits.Bool(
        False, usedefault=True, desc="write estimates as a matrix too, with its voxel table"
    )
    subject = traits.Str("n/a", usedefault=True, desc="subject label for the table of trials")
    task = traits.Str("n/a", usedefault=True, desc="task label for the table of trials")
    run_label = traits.Str("1", usedefault=True, desc="run label for the table of trials")


class _SingleTrialBetasOutputSpec(TraitedSpec):
    betas_file = File(
        exists=True,
        desc="4-D image, a volume for each trial in time order, in percent of the mean signal if "
        "scaled; 0 outside out_mask",
    )
    t_file = File(exists=True, desc="4-D image of t values, if asked for")
    trials_file = File(
        exists=True,
        desc="TSV, a row for each trial: the columns of samples (subject, task, run, label, trial "
        "from 0, tr: volume in which it begins, time_point, onset in s, half, n_volumes), "
        "duration (s), vif, dof, collinear (1: vif above the limit)",
    )
    features_file = File(
        exists=True,
        desc=".npy, float32, shape (n_trials, n_voxels): a column for every voxel of the mask, 0 "
        "where it could not be analysed; with trials_file as its samples",
    )
    voxels_file = File(
        exists=True,
        desc="TSV, a row for each column: i j k, x y z (mm), usable (0: constant or not finite)",
    )
    out_mask = File(exists=True, desc="voxels that were analysed")
    audit_file = File(exists=True, desc="settings, trials and voxels left out (JSON)")
    n_trials = traits.Int(desc="trials that were estimated")
    n_collinear = traits.Int(desc="trials whose variance inflation is above the limit")
    n_excluded = traits.Int(desc="voxels of the mask that are constant or not finite")


class SingleTrialBetas(PythonInterface):
    """Estimate the response to every single trial by least squares, separate (LSS) or all (LSA).

    All models are solved without data; the estimates are one matrix product, so that a run
    takes a fraction of a second where a model fitted again for each trial takes minutes. A
    trial that cannot be estimated (its response is past the end of the run, or another event
    has the same regressor) is refused by name.

    Examples
    --------
    >>> SingleTrialBetas(others="label", statistics=True).inputs.method
    'lss'
    """

    input_spec = _SingleTrialBetasInputSpec
    output_spec = _SingleTrialBetasOutputSpec
    _libraries = ("numpy", "scipy", "scikit-learn")

    def _process(self) -> None:
        inputs = self.inputs
        data, image = load_image(inputs.in_file, ndim=4)
        mask = load_mask(inputs.mask_file, image)
        given = inputs.tr if isdefined(inputs.tr) else None
        tr = repetition_time(image, given, override=inputs.override_header_tr)
        design, filled = self._design(data.shape[3], tr)
        series = data[mask]
        del data
        usable = analysable(series)
        if not usable.any():
            raise InputError(
                "in_file",
                expected="voxels in the mask whose series are finite and vary",
                found=f"none of {len(series):,}",
                hint="check that series and mask belong together",
            )
        excluded = count_excluded(series, usable)
        inside = series if usable.all() else series[usable]
        scaling = percent_factor(inside) if inputs.grand_mean_scaling else 1.0
        found = self._estimate(inside, design)
        np.multiply(found.beta, np.float32(scaling), out=found.beta)
        analysed = mask.copy()
        analysed[mask] = usable
        self._save_maps(found, analysed, image)
        trials = self._save_trials(found, design)
        if inputs.write_features:
            features = np.zeros((len(trials), len(usable)), np.float32)
            features[:, usable] = found.beta.T
            self.save_array("features_file", "features.npy", features)
            self.save_table("voxels_file", "voxels.tsv", voxel_table(mask, image.affine, usable))
        summary = {"tr": tr, "start_time": chosen_start_time(inputs, tr), "scaling": scaling}
        summary |= {"confounds_filled": filled, "nuisance": list(design.nuisance.columns)}
        self.save_json("audit_file", "audit.json", summary | self._audit(found, trials, excluded))
        self.result("n_excluded", sum(excluded.values()))

    def _design(self, n_volumes: int, tr: float) -> tuple[TrialDesign, dict[str, int]]:
        inputs = self.inputs
        events = read_events(
            inputs.events_file,
            n_volumes=n_volumes,
            tr=tr,
            allow_negative=inputs.allow_negative_onsets,
        )
        confounds, filled = chosen_confounds(inputs, n_volumes)
        design = trial_design(
            events,
            n_volumes,
            tr,
            labels=inputs.labels if isdefined(inputs.labels) else (),
            hrf=inputs.hrf,
            drift=inputs.drift,
            high_pass=inputs.high_pass,
            drift_order=inputs.drift_order,
            start_time=chosen_start_time(inputs, tr),
            confounds=confounds,
        )
        return design, filled

    def _estimate(self, series: np.ndarray, design: TrialDesign) -> SingleTrials:
        inputs = self.inputs
        # One thread, as FirstLevelModel: sums in another order could change a noise group.
        with threadpool_limits(1 if inputs.noise == "ar1" else inputs.num_threads):
            return estimate_trials(
                series,
                design,
                method=inputs.method,
                others=inputs.others,
                noise=inputs.noise,
                correct_bias=inputs.correct_bias,
                statistics=inputs.statistics,
                block_size=inputs.block_size,
            )

    def _save_maps(self, found: SingleTrials, analysed: np.ndarray, image: Any) -> None:
        for field, values in (("betas_file", found.beta), ("t_file", found.t)):
            if values is not None:
                volumes = np.zeros((*analysed.shape, values.shape[1]), np.float32, order="F")
                volumes[analysed] = values
                name = f"stat-{'beta' if field == 'betas_file' else 't'}_statmap.nii.gz"
                self.save_image(field, name, volumes, image, tr=0.0)
        self.save_image("out_mask", "analysed_mask.nii.gz", analysed, image)

    def _save_trials(self, found: SingleTrials, design: TrialDesign) -> pd.DataFrame:
        trials = design.trials.assign(vif=found.vif.round(6), dof=found.dof)
        trials["collinear"] = (found.vif > self.inputs.vif_limit).astype(int)
        for place, name in enumerate(("subject", "task", "run_label")):
            trials.insert(place, name.removesuffix("_label"), getattr(self.inputs, name))
        self.save_table("trials_file", "trials.tsv", trials)
        self.result("n_trials", len(trials))
        self.result("n_collinear", int(trials["collinear"].sum()))
        return trials

    def _audit(self, found: SingleTrials, trials: pd.DataFrame, excluded: dict) -> dict:
        ar = float(np.median(found.ar)) if found.ar.size else None
        return {
            "settings": {name: getattr(self.inputs, name) for name in _SETTINGS},
            "n_trials": trials["label"].value_counts().sort_index().to_dict(),
            "collinear_trials": trials.loc[trials["collinear"] == 1, "trial"].tolist(),
            "largest_vif": float(found.vif.max()),
            "dof": sorted({int(n) for n in found.dof}),
            "ar_median": ar,
            "voxels": {
                "analysed": len(found.beta),
                **{f"excluded_{reason}": n for reason, n in excluded.items()},
            },
        }
