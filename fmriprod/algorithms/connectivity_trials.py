"""Number the trials of a drawing task, and choose which of them train and which test."""

from typing import Literal

import numpy as np
import pandas as pd

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.splits import Split, check_splits

Scheme = Literal["phase", "allruns"]


def connectivity_trials(trials: pd.DataFrame, first_half: list[str] | None = None) -> pd.DataFrame:
    """Give trials their number over all runs, their repetition and half.

    Parameters
    ----------
    trials : DataFrame
        A row a trial: ``subject, task, run, label, tr`` (from `trial_rows`), one subject and
        one task.
    first_half : list of str, optional
        Runs of the first half; by default the first half of an even number of runs. Runs are
        in the order of their numbers, or of the alphabet where a label is no number.

    Returns
    -------
    DataFrame
        The same rows in the same order with ``half`` (1 or 2), ``number`` (from 0, in time
        order over the runs) and ``repetition`` (from 0, of the label) besides.

    Raises
    ------
    InputError
        If there are several subjects or tasks, other than two labels, or halves that cannot
        be told.
    """
    for column, expected in (("subject", 1), ("task", 1), ("label", 2)):
        values = sorted(trials[column].unique())
        if len(values) != expected:
            raise InputError(
                "samples",
                expected=f"{'one ' + column if expected == 1 else 'two labels'}",
                found=f"{len(values)}: {', '.join(map(repr, values))}",
                hint="give the drawing runs of one person"
                if expected == 1
                else "choose the two trained labels with Featurize's labels, or with labels",
            )
    runs = ordered_runs(trials["run"].unique())
    early = _first_half(runs, first_half)
    place = trials["run"].map({run: number for number, run in enumerate(runs)})
    order = np.lexsort((trials["tr"].to_numpy(), place.to_numpy()))
    number = np.empty(len(trials), dtype=np.int64)
    number[order] = np.arange(len(trials))
    repetition = trials.iloc[order].groupby("label").cumcount()  # aligned by the index
    return trials.assign(
        half=np.where(trials["run"].isin(early), 1, 2), number=number, repetition=repetition
    )


def connectivity_splits(trials: pd.DataFrame, scheme: Scheme) -> list[Split]:
    """Choose training and test trials.

    Parameters
    ----------
    trials : DataFrame
        From `connectivity_trials`.
    scheme : {'phase', 'allruns'}
        Each run is tested once: trained on the other runs of its half, so that what is found
        in one half owes nothing to the other; or trained on all other runs.

    Returns
    -------
    list of Split
        One a run.

    Raises
    ------
    InputError
        If a run has no other to train on, or labels are not in all of them.
    """
    splits, alone = [], []
    for run in ordered_runs(trials["run"].unique()):
        test = (trials["run"] == run).to_numpy()
        train = ~test
        if scheme == "phase":
            train &= (trials["half"] == trials.loc[test, "half"].iloc[0]).to_numpy()
        if not train.any():
            alone.append(run)
        splits.append(Split(f"run {run}", np.flatnonzero(train), np.flatnonzero(test)))
    if alone:
        raise InputError(
            "samples",
            expected=f"two runs or more{' in each half' if scheme == 'phase' else ''}",
            found=f"nothing to train on for run {', '.join(alone)}",
            hint="leave that run out, or use scheme 'allruns'"
            if scheme == "phase"
            else "give more runs",
        )
    check_splits(trials, splits)
    return splits


def ordered_runs(runs: np.ndarray) -> list[str]:
    """Sort labels of runs by number, or as text where one is no number.

    Examples
    --------
    >>> ordered_runs(["10", "9"]), ordered_runs(["b", "10", "9"])
    (['9', '10'], ['10', '9', 'b'])
    """
    labels = [str(run) for run in runs]
    return sorted(labels, key=int) if all(map(str.isdecimal, labels)) else sorted(labels)


def _first_half(runs: list[str], given: list[str] | None) -> list[str]:
    if given is None:
        if len(runs) % 2:
            raise InputError(
                "first_half",
                expected=f"the runs of the first half, as {len(runs)} runs have no middle",
                found=f"runs {', '.join(runs)}",
                hint=f"name them, such as first_half={runs[: len(runs) // 2 + 1]}",
            )
        return runs[: len(runs) // 2]
    unknown = sorted(set(given) - set(runs))
    if unknown:
        raise InputError(
            "first_half",
            expected=f"labels of runs: {', '.join(runs)}",
            found=", ".join(map(repr, unknown)),
            hint="write run labels as the sample tables have them",
        )
    return given
