"""Decide which questions are put to the samples of a participant, and what chooses the region."""

from dataclasses import dataclass

import pandas as pd

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.query import query_rows
from fmriprod.algorithms.splits import check_splits, group_splits, query_split

_HALVES = ("half == 1", "half == 2")


@dataclass(frozen=True)
class EvidencePlan:
    """One question to the features: train on these samples, test on those, or fold."""

    name: str
    runs: tuple[str, ...]
    train: str | None = None
    test: str | None = None
    folds: str | None = None

    @property
    def title(self) -> str:
        """Name for people."""
        if self.folds:
            return f"{self.name}: leave one {self.folds} out"
        return f"train {self.train}, test {self.test}"


def plan_evidence(
    samples: pd.DataFrame, train: str | None, test: str | None
) -> tuple[list[EvidencePlan], list[str]]:
    """Decide which questions the samples of a participant can answer.

    Parameters
    ----------
    samples : DataFrame
        Sample tables of all runs, with the key of the run in a column ``key``.
    train, test : str or None
        Queries over the sample table. Without them each task is decoded by itself: leaving out
        one run at a time or, from a single run, training on its first half.

    Returns
    -------
    plans : list of EvidencePlan
        Each can be trained and tested on these samples.
    decisions : list of str
        Which tasks are not decoded, and why.

    Raises
    ------
    InputError
        If only one query is given, or what the queries choose cannot be trained or leaks.
    """
    if (train is None) != (test is None):
        raise InputError(
            "train" if train is None else "test",
            expected="train and test together, or neither",
            found=f"only {train or test!r}",
            hint="give the other query too",
        )
    if train is not None and test is not None:
        check_splits(samples, query_split(samples, train, test))
        return [EvidencePlan("evidence", tuple(samples["key"].unique()), train, test)], []
    plans, decisions = [], []
    for task, own in samples.groupby("task", sort=False):
        try:
            plans.append(_own_evidence(str(task), own.reset_index(drop=True)))
        except InputError as err:
            found = err.found.removeprefix("test: ")  # the name of a split by queries
            decisions.append(f"no evidence for task {task}: it needs {err.expected}; {found}")
    return plans, decisions


def _own_evidence(task: str, samples: pd.DataFrame) -> EvidencePlan:
    """Decode a task from its own samples; raises where that cannot be done."""
    keys = tuple(samples["key"].unique())
    if samples.groupby("key")["label"].nunique().min() < 2:
        raise InputError(
            "samples",
            expected="two conditions or more in each run",
            found="a run has fewer than two conditions",
            hint="give --train and --test",
        )
    if len(keys) > 1:
        check_splits(samples, group_splits(samples, "run"))
        return EvidencePlan(task, keys, folds="run")
    check_splits(samples, query_split(samples, *_HALVES))
    return EvidencePlan(task, keys, *_HALVES)


def region_runs(samples: pd.DataFrame, train: str | None) -> tuple[str, ...]:
    """Find the runs whose response chooses the region: those with training samples, else all.

    Parameters
    ----------
    samples : DataFrame
        As `plan_evidence` takes it.
    train : str or None
        Query over the sample table.

    Returns
    -------
    tuple of str
        Keys of runs.
    """
    chosen = samples if train is None else samples.iloc[query_rows(samples, train, "train")]
    return tuple(chosen["key"].unique())


def region_note(region: tuple[str, ...], plans: list[EvidencePlan]) -> str | None:
    """Say so where samples that are tested help to choose the region."""
    for plan in plans:
        if plan.folds or set(plan.runs) <= set(region):
            return (
                "the region is chosen by the response to all conditions together in all runs that "
                "may train, samples that are tested included (--train and --test with runs of "
                "their own keep them apart)"
            )
    return None
