"""Events in FSL's three-column files: one file a condition; onset, duration and weight a line."""

import re
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
from nipype.interfaces.base import File, TraitedSpec, isdefined, traits

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.events import check_events
from fmriprod.interfaces.base import PythonInputSpec, PythonInterface
from fmriprod.interfaces.supplied import read_text

_SHOWN = 10


def read_three_column(folder: str | Path) -> pd.DataFrame:
    """Read the events of a run from a folder of three-column files.

    Parameters
    ----------
    folder : path
        With a file ``<condition>.txt`` for each condition.

    Returns
    -------
    DataFrame
        See `read_condition_files`.

    Raises
    ------
    InputError
        If the folder is absent or holds no ``.txt`` file; see also `read_condition_files`.
    """
    folder = Path(folder)
    paths = sorted(folder.glob("*.txt"))
    if not paths:
        raise InputError(
            "folder",
            expected="a folder with a file <condition>.txt for each condition",
            found="no .txt file in it" if folder.is_dir() else "no such folder",
            hint="check the path",
            file=str(folder),
        )
    return read_condition_files([str(path) for path in paths])


def read_condition_files(paths: list[str], labels: list[str] | None = None) -> pd.DataFrame:
    """Read three-column files of one run.

    Lines hold onset and duration in s and a weight, separated by blanks, tabs or commas; empty
    lines and those that begin with ``#`` are passed over. A file whose only line is ``0 0 0``
    is FSL's way to say that a condition has no event.

    Parameters
    ----------
    paths : list of str
        One file a condition.
    labels : list of str, optional
        Names of the conditions; by default those of the files without their extension.

    Returns
    -------
    DataFrame
        In time order: ``onset`` and ``duration`` (s), ``trial_type`` and ``amplitude`` (the
        weight).

    Raises
    ------
    InputError
        With every line that is wrong, by file and number; if there is no event at all, names
        are there twice or do not pair up with the files, or events cannot be used
        (`check_events`).
    """
    names = _labels(paths, labels)
    tables, problems = [], []
    for path, label in zip(paths, names, strict=True):
        rows, wrong = _parse(Path(path))
        problems += wrong
        table = pd.DataFrame(rows, columns=["onset", "duration", "amplitude"], dtype=float)
        tables.append(table.assign(trial_type=label))
    if problems:
        more = f"\n    and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        raise InputError(
            "in_files",
            expected="three numbers a line: onset and duration in seconds, and a weight",
            found="\n    ".join([f"{len(problems)} line(s)", *problems[:_SHOWN]]) + more,
            hint="mend these lines",
        )
    events = pd.concat(tables).sort_values("onset", kind="stable", ignore_index=True)
    return check_events(events[["onset", "duration", "trial_type", "amplitude"]])


def _labels(paths: list[str], labels: list[str] | None) -> list[str]:
    names = labels or [Path(path).stem for path in paths]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if len(names) != len(paths) or twice:
        raise InputError(
            "labels",
            expected="a name of its own for each of the in_files",
            found=f"{len(names)} names for {len(paths)} files"
            + (f"; twice: {', '.join(map(repr, twice))}" if twice else ""),
            hint="give a label for each file, in their order",
        )
    return names


def _parse(path: Path) -> tuple[list[list[float]], list[str]]:
    """Numbers of a file, and what is wrong with its lines."""
    try:
        lines = read_text(path, "in_files", "three numbers a line").splitlines()
    except InputError as err:
        return [], [f"{path}: cannot be read ({err.found})"]
    rows, wrong = [], []
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        try:
            values = [float(part) for part in re.split(r"[,\s]+", text.strip(","))]
        except ValueError:
            values = []
        if len(values) == 3 and np.isfinite(values).all():
            rows.append(values)
        else:
            wrong.append(f"{path}, line {number}: {line!r}")
    return ([] if rows == [[0.0, 0.0, 0.0]] else rows), wrong


class _ThreeColumnEventsInputSpec(PythonInputSpec):
    in_files = traits.List(
        File(exists=True, hash_name=True),
        mandatory=True,
        minlen=1,
        desc="three-column files of one run, one a condition: onset (s), duration (s), weight",
    )
    labels = traits.List(
        traits.Str, desc="names of the conditions (default: names of the files, no extension)"
    )
    duration = traits.Range(
        low=0.0, desc="duration of all events in s, instead of that of the files"
    )


class _ThreeColumnEventsOutputSpec(TraitedSpec):
    events_file = File(
        exists=True,
        desc="BIDS events: onset and duration (s), trial_type, and amplitude where it is not 1 "
        "throughout",
    )
    n_events = traits.Int(desc="number of events")


class ThreeColumnEvents(PythonInterface):
    """Turn FSL's three-column files of a run into one BIDS events file.

    Examples
    --------
    >>> ThreeColumnEvents(labels=["bed", "bench"]).inputs.labels
    ['bed', 'bench']
    """

    input_spec = _ThreeColumnEventsInputSpec
    output_spec = _ThreeColumnEventsOutputSpec

    def _process(self) -> None:
        values = self.inputs
        labels = values.labels if isdefined(values.labels) and values.labels else None
        events = read_condition_files(values.in_files, labels)
        if isdefined(values.duration):
            events["duration"] = values.duration
        if (events["amplitude"] == 1).all():
            events = events.drop(columns="amplitude")
        self.save_table("events_file", "events.tsv", events)
        self.result("n_events", len(events))
