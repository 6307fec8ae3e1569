"""Series and events of a subject's runs, from the Neuromatch Academy's subset of the HCP."""

import pandas as pd
from nipype.interfaces.base import Directory, File, TraitedSpec, isdefined, traits

from fmriprod.algorithms.hcp_runs import TASKS, TR
from fmriprod.algorithms.parcel_means import exclude_parcels
from fmriprod.interfaces.base import PythonInputSpec, PythonInterface
from fmriprod.interfaces.neuromatch_layout import list_runs, read_run_events
from fmriprod.interfaces.neuromatch_regions import read_regions
from fmriprod.interfaces.parcel_table import read_series

_SUMS = ("all_bk_cor", "all_bk_err")  # of 0bk_* and 2bk_*: no model can tell them apart


class _NeuromatchRunsInputSpec(PythonInputSpec):
    dataset_dir = Directory(
        exists=True, mandatory=True,
        desc="folder with subjects and regions.npy; known to the cache by its name only",
    )  # fmt: skip
    subject = traits.Str(mandatory=True, desc="name of the subject's folder")
    experiment = traits.Enum(
        "REST", *TASKS, usedefault=True, desc="REST has four runs and no events, each task two"
    )
    conditions = traits.List(
        traits.Str,
        minlen=1,
        desc="conditions whose events are given (default: all with a file, but for all_bk_cor and "
        "all_bk_err of WM, which are sums of others). Some contain others, such as win and "
        "win_event: name those that a model needs",
    )


class _NeuromatchRunsOutputSpec(TraitedSpec):
    series_files = traits.List(
        File(exists=True),
        desc=".npy, float32 (n_parcels, n_volumes), one a run; a row of NaN: a value is missing",
    )
    events_files = traits.List(
        File(exists=True), desc="TSV, one a run of a task: onset duration (s) amplitude trial_type"
    )
    parcels_file = File(exists=True, desc="TSV, a row a parcel: name hemisphere network myelin")
    tr = traits.Float(desc="repetition time in s")


class NeuromatchRuns(PythonInterface):
    """Give the runs of one experiment of a subject, as models and connectivity take them.

    In names of conditions lf and rf are feet, though they are often read as fingers; hands are lh
    and rh.

    Examples
    --------
    >>> NeuromatchRuns(subject="0", experiment="MOTOR").inputs.experiment
    'MOTOR'
    """

    input_spec = _NeuromatchRunsInputSpec
    output_spec = _NeuromatchRunsOutputSpec
    _algorithm_version = "2"

    def _process(self) -> None:
        given = self.inputs
        runs, _ = list_runs(given.dataset_dir, given.experiment, [given.subject])
        files: dict[str, list[str]] = {"series_files": [], "events_files": []}
        for row in runs.itertuples():
            series = read_series(row.series_file)
            name = f"{row.run_name}_series.npy"
            self.save_array("series_files", name, exclude_parcels(series)[0])
            files["series_files"].append(str(self._folder / name))
            if given.experiment != "REST":
                events = self._events(row.run)
                self.save_table("events_files", f"{row.run_name}_events.tsv", events)
                files["events_files"].append(str(self._folder / f"{row.run_name}_events.tsv"))
        for field, paths in files.items():
            self.result(field, paths)
        self.save_table("parcels_file", "parcels.tsv", read_regions(given.dataset_dir, len(series)))
        self.result("tr", TR)

    def _events(self, run: int) -> pd.DataFrame:
        given = self.inputs
        if isdefined(given.conditions):
            return read_run_events(given.dataset_dir, given.subject, run, given.conditions)
        events = read_run_events(given.dataset_dir, given.subject, run)
        return events[~events["trial_type"].isin(_SUMS)]
