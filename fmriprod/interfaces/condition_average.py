"""Average of parcels over the volumes of each condition."""

from nipype.interfaces.base import File, TraitedSpec, isdefined, traits

from fmriprod.algorithms.condition_average import AVERAGES, condition_average
from fmriprod.interfaces.base import PythonInterface
from fmriprod.interfaces.parcel_runs import (
    TaskRunsInputSpec,
    effects_table,
    needed_tr,
    parcel_counts,
    read_run_events,
    read_runs,
)


class _ConditionAverageInputSpec(TaskRunsInputSpec):
    conditions = traits.List(
        traits.Str,
        desc="conditions to average (default: all, in alphabetical order); one may lack in some "
        "of the runs",
    )
    skip = traits.Range(
        low=0,
        value=0,
        usedefault=True,
        desc="volumes to leave out at the start of each trial, for the delay of the response",
    )
    average = traits.Enum(
        *AVERAGES,
        usedefault=True,
        desc="mean of all volumes of a condition, or of each trial first and then of trials",
    )
    remove_mean = traits.Bool(
        True, usedefault=True, desc="remove the mean of each parcel in each run before"
    )


class _ConditionAverageOutputSpec(TraitedSpec):
    effects_file = File(
        exists=True,
        desc="TSV: parcel condition effect, in the unit of the series; n/a: not usable",
    )
    counts_file = File(
        exists=True,
        desc="TSV, a row a run and condition: n_trials, n_used (with a volume), n_frames averaged, "
        "n_clipped after the end of the run",
    )
    summary_file = File(exists=True, desc="JSON: settings, parcels used and left out")
    n_excluded = traits.Int(desc="parcels that are not usable in some run")


class ConditionAverage(PythonInterface):
    """Average each parcel over the volumes in which a condition goes on.

    A trial has the volumes from ``floor(onset / tr)`` on, ``ceil(duration / tr)`` of them, less
    those skipped and those after the end of the run; all runs are pooled. It is the quick look
    of the Neuromatch Academy: there is no model of the delay, nor an error. `ParcelGLM` has both.

    Examples
    --------
    >>> ConditionAverage(skip=8, tr=0.72).inputs.average
    'frames'
    """

    input_spec = _ConditionAverageInputSpec
    output_spec = _ConditionAverageOutputSpec
    _libraries = ("numpy",)

    def _process(self) -> None:
        inputs = self.inputs
        tr = needed_tr(inputs)
        parcels, runs = read_runs(inputs)
        found = condition_average(
            runs,
            read_run_events(inputs, runs, tr),
            tr,
            conditions=inputs.conditions if isdefined(inputs.conditions) else None,
            skip=inputs.skip,
            average=inputs.average,
            remove_mean=inputs.remove_mean,
        )
        table = effects_table(parcels, found.conditions, effect=found.effect)
        self.save_table("effects_file", "effects.tsv", table)
        self.save_table("counts_file", "counts.tsv", found.counts)
        self.result("n_excluded", int((~found.usable).sum()))
        settings = {name: getattr(inputs, name) for name in ("skip", "average", "remove_mean")}
        counted = parcel_counts(parcels, found.usable, found.excluded)
        summary = {"settings": settings | {"tr": tr}, "runs": len(runs), "parcels": counted}
        self.save_json("summary_file", "effects.json", summary)
