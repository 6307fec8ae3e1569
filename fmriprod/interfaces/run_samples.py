"""Rows of responses and of stimuli: which volume of which run they are."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from nipype.interfaces.base import isdefined, traits

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.base import PythonInputSpec
from fmriprod.interfaces.events import read_table

Label = tuple[str | None, str]


class RunSamplesInputSpec(PythonInputSpec):
    """Inputs that say which volumes are paired, for responses and for stimuli alike."""

    runs = traits.List(traits.Str, desc="label of each run (default: 1, 2, ...)")
    sessions = traits.List(traits.Str, desc="session of each run (default: no such column)")
    shift = traits.Range(
        low=0,
        value=0,
        usedefault=True,
        desc="volumes between a stimulus and its response: a stimulus of volume v goes with the "
        "response of volume v + shift of the same run",
    )
    drop_first = traits.Range(
        low=0,
        value=0,
        usedefault=True,
        desc="first volumes of each run that are left out before all else; what was shown in them "
        "stays where a later volume is its response",
    )
    drop_last = traits.Range(
        low=0,
        value=0,
        usedefault=True,
        desc="last volumes of each run that are left out before all else",
    )

    def window(self) -> tuple[int, int, int]:
        """Give what `kept_volumes` takes beside the length of the run."""
        return self.shift, self.drop_first, self.drop_last

    def run_labels(self, n_runs: int) -> list[Label]:
        """Give session (or None) and label of each run.

        Raises
        ------
        InputError
            If there is not one for each run, or two runs have one label.
        """
        runs = self.runs if isdefined(self.runs) else [str(n + 1) for n in range(n_runs)]
        sessions = self.sessions if isdefined(self.sessions) else [None] * n_runs
        for name, labels in (("runs", runs), ("sessions", sessions)):
            check_per_run(name, labels, n_runs)
        twice = sorted({run for run in runs if runs.count(run) > 1})
        if twice:
            raise InputError(
                "runs",
                expected="another label for each run",
                found=f"twice: {', '.join(twice)}",
                hint="runs of several sessions need labels of their own (1-1, 1-2, 2-1): what has "
                "one label is left out together in cross-validation",
            )
        return list(zip(sessions, runs, strict=True))


def check_per_run(name: str, given: Sequence, n_runs: int) -> None:
    """Refuse a list that has not one entry a run."""
    if len(given) != n_runs:
        raise InputError(
            name,
            expected=f"one for each of the {n_runs} runs",
            found=f"{len(given)}",
            hint="give them in the order of the runs",
        )


def run_table(label: Label, volumes: np.ndarray, shift: int, tr: float | None) -> pd.DataFrame:
    """List the samples of a run.

    Parameters
    ----------
    label : (str or None, str)
        Session and run.
    volumes : ndarray of int
        Volumes of the responses, from 0.
    shift : int
        Volumes between stimulus and response.
    tr : float or None
        Repetition time in s.

    Returns
    -------
    DataFrame
        ``session`` (if there is one), ``run``, ``volume`` of the stimulus, its ``time`` in s
        (missing without a repetition time), ``response_volume``.
    """
    shown = volumes - shift
    time = np.round(shown * tr, 6) if tr else np.full(len(shown), np.nan)
    session, run = label
    table = pd.DataFrame({"run": run, "volume": shown, "time": time, "response_volume": volumes})
    if session is not None:
        table.insert(0, "session", session)
    return table


def keep_rows(tables: list[pd.DataFrame], path: str) -> list[pd.DataFrame]:
    """Take the samples that a file lists, from tables of runs.

    Parameters
    ----------
    tables : list of DataFrame
        From `run_table`, in the order of the runs.
    path : str
        TSV with columns ``run`` and ``volume``.

    Raises
    ------
    InputError
        If the file lacks these columns, lists a sample that there is not, one twice, or
        runs in another order.
    """

    def refuse(expected: str, found: str, hint: str) -> InputError:
        return InputError("keep_file", expected=expected, found=found, hint=hint, file=path)

    wanted = read_samples_table(path, "keep_file")
    missing = [name for name in ("run", "volume") if name not in wanted.columns]
    if missing:
        columns = ", ".join(wanted.columns)
        raise refuse("columns run and volume", f"columns {columns}", "give a table of samples")
    every = pd.concat(tables, ignore_index=True)
    keys = pd.MultiIndex.from_frame(every[["run", "volume"]])
    places = keys.get_indexer(pd.MultiIndex.from_frame(wanted[["run", "volume"]]))
    if (places < 0).any():
        row = wanted[places < 0].iloc[0]
        raise refuse(
            f"samples of the runs {', '.join(dict.fromkeys(every['run']))}",
            f"{(places < 0).sum()} others, the first run {row.run}, volume {row.volume}",
            "make both with the same runs, shift, drop_first and drop_last",
        )
    if (np.diff(places) <= 0).any():
        raise refuse(
            "each sample once, in the order of the runs and volumes",
            "a sample twice, or another order",
            "give in_files in the order of the table's runs",
        )
    ends = np.cumsum([len(table) for table in tables])
    parts = np.split(places, np.searchsorted(places, ends[:-1]))
    starts = ends - [len(table) for table in tables]
    return [
        table.iloc[part - start] for table, part, start in zip(tables, parts, starts, strict=True)
    ]


def read_samples_table(path: str, subject: str) -> pd.DataFrame:
    """Read a table of samples; ``run``, ``session`` and ``stimulus`` are text.

    Raises
    ------
    InputError
        As `fmriprod.interfaces.events.read_table`.
    """
    table = read_table(path, subject)
    text = pd.read_csv(
        path, sep="\t", dtype=str, na_values=["n/a"], keep_default_na=False, encoding="utf-8-sig"
    )
    names = [name for name in ("run", "session", "stimulus") if name in table.columns]
    return table.assign(**{name: text[name].astype(object) for name in names})
