"""Evidence for objects in the connectivity of pairs of regions, without its matrices."""

import pandas as pd
from nipype.interfaces.base import File, TraitedSpec, isdefined, traits

from fmriprod.algorithms.connectivity_evidence import pair_evidence, summarize_pairs
from fmriprod.algorithms.connectivity_trials import connectivity_trials
from fmriprod.interfaces.base import PythonInterface
from fmriprod.interfaces.region_trials import (
    RegionPairsInputSpec,
    read_region_trials,
)

_COLUMNS = [
    "subject", "region_1", "region_2", "features", "scheme", "run", "half", "label", "trial",
    "repetition", "log_odds",
]  # fmt: skip


class _ConnectivityEvidenceInputSpec(RegionPairsInputSpec):
    features = traits.List(
        traits.Enum("connectivity", "stack"),
        value=["connectivity", "stack"],
        minlen=1,
        usedefault=True,
        desc="connectivity: correlation of every voxel of region 1 with every voxel of region 2 "
        "over the volumes of the trial; stack: the control, the activity itself of both "
        "regions in all volumes of the trial",
    )
    schemes = traits.List(
        traits.Enum("phase", "allruns"),
        value=["phase", "allruns"],
        minlen=1,
        usedefault=True,
        desc="phase: train on the other runs of the same half; allruns: on all other runs",
    )
    first_half = traits.List(
        traits.Str,
        desc="labels of the runs of the first half (default: the first half of an even number)",
    )
    standardize = traits.Enum(
        "split",
        "train",
        "center",
        "none",
        usedefault=True,
        desc="mean 0 and standard deviation 1 of each feature: over training and over test trials "
        "separately; with the training trials' mean and deviation; only their mean is taken "
        "away; or nothing is done. The last two never make a correlation",
    )
    classifier = traits.Enum(
        "logistic_ovr",
        "logistic",
        usedefault=True,
        desc="one-vs-rest logistic regression with normalised sigmoids, or softmax",
    )
    C = traits.Range(
        low=0.0, value=1.0, exclude_low=True, usedefault=True, desc="inverse of the L2 penalty"
    )


class _ConnectivityEvidenceOutputSpec(TraitedSpec):
    evidence_file = File(
        exists=True,
        desc="TSV, a row for each pair, kind of features, scheme and trial: subject, region_1, "
        "region_2, features, scheme, run, half (1 or 2), label, trial (from 0 over the runs), "
        "repetition (of the label, from 0), log_odds of target against foil (natural logarithm)",
    )
    summary_file = File(
        exists=True,
        desc="JSON: for each pair, kind and scheme the mean log odds, over all trials and by half, "
        "and the share of trials whose log odds are above 0; voxels of each region; settings",
    )
    n_constant = traits.Int(
        desc="voxels that are constant or not finite in some trial, left out of all trials (a "
        "voxel counts once in each region)"
    )
    notes = traits.List(traits.Str, desc="what was left out")


class ConnectivityEvidence(PythonInterface):
    """Decode which of two objects is drawn from the connectivity of pairs of regions.

    Correlations are never written: their inner products between trials are summed from
    blocks of features where these have to be standardised, and come straight from the inner
    products of each region's time courses where not. Evidence is that of a classifier on the
    written matrices. Voxels without a correlation in some trial are left out of both kinds of
    features.

    Examples
    --------
    >>> ConnectivityEvidence(schemes=["phase"]).inputs.standardize
    'split'
    """

    input_spec = _ConnectivityEvidenceInputSpec
    output_spec = _ConnectivityEvidenceOutputSpec
    _libraries = ("numpy", "scipy")

    def _process(self) -> None:
        values = self.inputs
        regions = read_region_trials(values)
        self.result("notes", regions.notes)
        if not regions.pairs:
            self.save_table("evidence_file", "connectivity.tsv", pd.DataFrame(columns=_COLUMNS))
            self.save_json("summary_file", "connectivity.json", {"notes": regions.notes})
            self.result("n_constant", 0)
            return
        trials = connectivity_trials(
            regions.trials, values.first_half if isdefined(values.first_half) else None
        )
        names = ("features", "schemes", "standardize", "classifier", "C")
        settings = {name: getattr(values, name) for name in names}
        table = pair_evidence(regions.series, trials, regions.pairs, **settings)
        self.save_table("evidence_file", "connectivity.tsv", table)
        summary = {
            "notes": regions.notes,
            "settings": settings,
            "halves": trials.groupby("run")["half"].first().to_dict(),
            "regions": {
                name: {"n_voxels": series.shape[2], "n_constant": regions.n_constant[name]}
                for name, series in regions.series.items()
            },
            "evidence": summarize_pairs(table),
        }
        self.save_json("summary_file", "connectivity.json", summary)
        self.result("n_constant", sum(regions.n_constant.values()))
