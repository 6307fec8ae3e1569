"""Phases of an experiment: which runs of which task belong to which."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

from fmriprod.algorithms.checks import InputError, suggest


class Phase(NamedTuple):
    """Runs of one task; no runs means all of them."""

    name: str
    task: str
    runs: tuple[str, ...] = ()


def parse_phases(definitions: Sequence[str]) -> dict[str, Phase]:
    """Read definitions such as ``localizer=recognition:1,2`` or ``drawing=drawing``.

    Parameters
    ----------
    definitions : sequence of str
        ``name=task:run,run`` or, for all runs of the task, ``name=task``.

    Returns
    -------
    dict of str to Phase

    Raises
    ------
    InputError
        If definitions cannot be read or a name is there twice; all are named.

    Examples
    --------
    >>> parse_phases(["pre=recognition:3,4"])["pre"]
    Phase(name='pre', task='recognition', runs=('3', '4'))
    """
    phases, bad = {}, []
    for definition in definitions:
        name, equals, rest = (part.strip() for part in definition.partition("="))
        task, colon, listed = (part.strip() for part in rest.partition(":"))
        runs = tuple(run.strip() for run in listed.split(",")) if colon else ()
        if not (name and equals and task and all(runs)) or name in phases:
            bad.append(definition)
        else:
            phases[name] = Phase(name, task, runs)
    if bad or not phases:
        raise InputError(
            "phases",
            expected="name=task:run,run (or name=task), each name once",
            found=", ".join(map(repr, bad)) or "none",
            hint="write for example: localizer=recognition:1,2",
        )
    return phases


def phase_column(
    samples: pd.DataFrame, phases: dict[str, Phase], names: Sequence[str]
) -> tuple[pd.Series, list[str]]:
    """Tell the phase of each sample.

    Parameters
    ----------
    samples : DataFrame
        Columns ``task`` and ``run``, both text. Run ``1`` is run ``01``.
    phases : dict of str to Phase
        From `parse_phases`.
    names : sequence of str
        The phases that are needed.

    Returns
    -------
    phase : Series of object
        Missing for samples of none of them.
    absent : list of str
        What is not there: phases without a sample, and runs without one.

    Raises
    ------
    InputError
        If a name is not defined or a run belongs to two of the phases.
    """
    unknown = [name for name in names if name not in phases]
    if unknown:
        raise InputError(
            "phases",
            expected="a definition of every phase that is needed",
            found=f"none of {', '.join(map(repr, unknown))}",
            hint=suggest(unknown[0], phases),
        )
    run = samples["run"].map(_plain)
    column = pd.Series(np.full(len(samples), None), index=samples.index, dtype=object)
    absent = []
    for name in dict.fromkeys(names):
        phase = phases[name]
        here = samples["task"] == phase.task
        wanted = [_plain(one) for one in phase.runs]
        lacking = [one for one, key in zip(phase.runs, wanted, strict=True)
                   if not (here & (run == key)).any()]  # fmt: skip
        here &= run.isin(wanted) if wanted else True
        if not here.any():
            absent.append(f"of phase {name} (task {phase.task}{_listed(phase.runs)})")
        elif lacking:
            absent.append(f"of phase {name}{_listed(lacking)} (task {phase.task})")
        twice = here & column.notna()
        if twice.any():
            raise InputError(
                "phases",
                expected="runs that belong to one of the phases that are needed",
                found=f"{name} and {column[twice].iloc[0]} share task {phase.task}, run "
                f"{samples['run'][twice].iloc[0]}",
                hint="train and test on different runs",
            )
        column[here] = name
    return column, absent


def with_phases(
    samples: pd.DataFrame,
    phases: dict[str, Phase],
    names: Sequence[str],
    notes: list[str],
    *,
    missing: Literal["error", "skip"] = "error",
) -> pd.DataFrame:
    """Add the column ``phase``.

    Parameters
    ----------
    samples, phases, names
        As `phase_column` takes them.
    notes : list of str
        What is absent is added here.
    missing : {'error', 'skip'}
        What to do with phases and runs without samples: refuse; or go on with the runs that
        are there, or, if a phase is wholly absent, with none of the phases.

    Returns
    -------
    DataFrame
        The samples with ``phase``, missing in all rows if one of the phases is absent.

    Raises
    ------
    InputError
        If runs are absent and may not be; see also `phase_column`.
    """
    phase, absent = phase_column(samples, phases, names)
    if absent and missing == "error":
        runs = samples.groupby("task")["run"].unique()
        there = "; ".join(f"task {task}, run {' '.join(found)}" for task, found in runs.items())
        raise InputError(
            "phases",
            expected="samples of every run of the phases",
            found=f"none {'; none '.join(absent)}. There are: {there}",
            hint="give the features of those runs, or set missing='skip'",
        )
    notes += [f"no samples {what}" for what in absent]
    if not set(names) <= set(phase):
        phase = pd.Series(np.full(len(samples), None), index=samples.index, dtype=object)
    return samples.assign(phase=phase)


def _plain(run: str) -> str:
    """Drop leading zeros of a number."""
    return str(int(run)) if str(run).isdigit() else str(run)


def _listed(runs: Sequence[str]) -> str:
    return f", run {' and '.join(runs)}" if runs else ""
