"""Read the study's log of recognition runs, and write BIDS events from it."""

from io import StringIO
from pathlib import Path

import pandas as pd
from nipype.interfaces.base import File, TraitedSpec, traits

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.recognition_log import recognition_events, trained_objects
from fmriprod.interfaces.base import PythonInputSpec, PythonInterface
from fmriprod.interfaces.events import without_huge_numbers
from fmriprod.interfaces.supplied import read_text


def read_recognition_log(path: str | Path) -> pd.DataFrame:
    """Read a log (comma-separated, a row for each volume, see `recognition_events`).

    Raises
    ------
    InputError
        If the file is absent, empty or no such table.
    """
    expected = "a comma-separated table with one header line"
    text = read_text(path, "log", expected)
    try:
        table = pd.read_csv(StringIO(text), dtype={"object": str, "response": str})
    except ValueError as err:  # those of pandas are such
        found = f"{err}".strip()
    else:
        words = table.select_dtypes(exclude="number").astype(str)
        if not any(words[name].str.contains("\n", regex=False).any() for name in words):
            return without_huge_numbers(table)
        found = "a value that goes over several lines: a quotation mark that is not closed"
    raise InputError(
        "log", expected=expected, found=found, hint="check the path and the file", file=str(path)
    )


class _RecognitionEventsInputSpec(PythonInputSpec):
    log_file = File(
        exists=True,
        mandatory=True,
        desc="comma-separated log of all recognition runs of a person, a row for each volume: "
        "object, condition (0 trained, 1 control, -1 lead-in), TRnum, onset (1 at a stimulus), "
        "onset_time (ms), run_num, viewpoint, response",
    )
    tr = traits.Range(
        low=0.0, value=1.5, exclude_low=True, usedefault=True, desc="repetition time in s"
    )
    timing = traits.Enum(
        "measured",
        "planned",
        usedefault=True,
        desc="onsets (s) as the clock had them, to 10 ms, or as planned, at the start of a volume",
    )


class _RecognitionEventsOutputSpec(TraitedSpec):
    events_files = traits.List(
        File(exists=True),
        desc="BIDS events of each run, in the order of run_labels: onset and duration (s), "
        "trial_type (object), training (trained, control), viewpoint, response, correct",
    )
    run_labels = traits.List(traits.Str, desc="labels of the runs")
    trained = traits.List(traits.Str, desc="objects that this person was trained on, sorted")
    control = traits.List(traits.Str, desc="the other objects, sorted")
    response_rate = traits.Float(desc="share of stimuli with a response")
    accuracy = traits.Float(desc="share of responses that name the object")


class RecognitionEvents(PythonInterface):
    """Write the events of a person's recognition runs from the log of the study.

    Examples
    --------
    >>> RecognitionEvents(timing="planned").inputs.tr
    1.5
    """

    input_spec = _RecognitionEventsInputSpec
    output_spec = _RecognitionEventsOutputSpec

    def _process(self) -> None:
        values = self.inputs
        try:
            log = read_recognition_log(values.log_file)
            events = recognition_events(log, values.tr, timing=values.timing)
            trained, control = trained_objects(events)
        except InputError as err:
            err.file = str(values.log_file)
            raise
        paths = []
        for run, table in events.groupby("run"):
            table = table.drop(columns="run").astype({"correct": "Int64"})
            self.save_table("events_files", f"run-{run}_events.tsv", table)
            paths.append(self._results["events_files"])
        self.result("events_files", paths)
        self.result("run_labels", [str(run) for run in events["run"].unique()])
        self.result("trained", trained)
        self.result("control", control)
        self.result("response_rate", float(events["response"].notna().mean()))
        self.result("accuracy", float(events["correct"].mean()))
