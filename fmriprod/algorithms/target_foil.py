"""Evidence for what was cued, for its foil and for control objects (Fan et al. 2020)."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from fmriprod.algorithms.splits import RUN, row_groups

KINDS = ("target", "foil", "control")
CONTRASTS = (("target", "foil"), ("target", "control"), ("foil", "control"))


def target_foil_control(
    values: np.ndarray,
    row_labels: Sequence[str] | np.ndarray,
    labels: Sequence[str],
    trained: Sequence[str],
) -> np.ndarray:
    """Tell target, foil and control apart in each row.

    Parameters
    ----------
    values : ndarray, shape (n_rows, n_labels)
        Probability, or log-probability, of each label; NaN where there is none.
    row_labels : sequence of str, length n_rows
        What was cued or shown.
    labels : sequence of str, length n_labels
        The columns.
    trained : sequence of str
        The trained pair; the other labels are controls.

    Returns
    -------
    ndarray of float64, shape (n_rows, 3)
        Target: the row's own label. Foil: the other trained object, or for the row of a
        control object the mean of the other controls. Control: the mean of the control
        objects; NaN in the rows of a control object, and where there is none.
    """
    values, row_labels, labels = np.asarray(values, float), np.asarray(row_labels), list(labels)
    result = np.full((len(values), 3), np.nan)
    controls = [label for label in labels if label not in trained]
    for own in np.unique(row_labels):
        here = row_labels == own
        family = trained if own in trained else controls
        others = [labels.index(label) for label in family if label in labels and label != own]
        parts = [[labels.index(own)] if own in labels else [], others, []]
        if own in trained:
            parts[2] = [labels.index(label) for label in controls]
        for kind, columns in enumerate(parts):
            if columns:
                result[here, kind] = values[np.ix_(here, columns)].mean(axis=1)
    return result


def repetitions(samples: pd.DataFrame) -> np.ndarray:
    """Count the trials of each label, over runs in the order of the rows.

    Parameters
    ----------
    samples : DataFrame
        Columns ``subject, task, run, label, trial``; rows of a trial share its number.

    Returns
    -------
    ndarray of int, shape (n_rows,)
        From 1: the how-manieth trial of its label this is.

    Examples
    --------
    >>> table = pd.DataFrame({"subject": 1, "task": "d", "run": [1, 1, 1, 2],
    ...                       "label": ["a", "a", "b", "a"], "trial": [0, 0, 1, 0]})
    >>> repetitions(table)
    array([1, 1, 1, 2])
    """
    run = pd.Series(row_groups(samples, RUN))
    order = pd.DataFrame({"run": run, "trial": samples["trial"].to_numpy()})
    order["label"] = samples["label"].to_numpy()
    trials = order.drop_duplicates(["run", "trial"]).sort_values(["run", "trial"], kind="stable")
    trials["repetition"] = trials.groupby("label").cumcount() + 1
    merged = order.merge(trials[["run", "trial", "repetition"]], on=["run", "trial"], how="left")
    return merged["repetition"].to_numpy()


def courses(
    values: np.ndarray,
    row_labels: Sequence[str] | np.ndarray,
    index: np.ndarray,
    trained: Sequence[str],
) -> pd.DataFrame:
    """Average over rows first and then over the two trained objects.

    Parameters
    ----------
    values : ndarray, shape (n_rows, 3)
        From `target_foil_control`.
    row_labels : sequence of str, length n_rows
        What was cued or shown; rows of other labels than the trained pair do not count.
    index : ndarray, shape (n_rows,)
        Time point, repetition or run of the row.
    trained : sequence of str
        The trained pair.

    Returns
    -------
    DataFrame
        Columns ``index, target, foil, control``, ascending. Where one of the two objects has
        no row at an index, the other stands alone.
    """
    table = pd.DataFrame(np.asarray(values, float), columns=list(KINDS))
    table.insert(0, "index", np.asarray(index))
    table.insert(0, "label", np.asarray(row_labels))
    table = table[table["label"].isin(list(trained))]
    by_object = table.groupby(["label", "index"], sort=True).mean()
    return by_object.groupby("index", sort=True).mean().reset_index()


def log_odds(
    values: np.ndarray,
    row_labels: Sequence[str] | np.ndarray,
    time_points: np.ndarray,
    trained: Sequence[str],
) -> dict[str, float]:
    """Mean differences of log-probabilities over the rows of trained objects.

    Where trials have several time points (drawing) the rows of each time point are averaged
    first, as in `courses`, and their differences over time points then. Otherwise
    (recognition) differences are taken trial by trial.

    Parameters
    ----------
    values : ndarray, shape (n_rows, 3)
        Log-probabilities, from `target_foil_control`.
    row_labels, trained
        As `courses` takes them.
    time_points : ndarray, shape (n_rows,)
        Time point in the trial.

    Returns
    -------
    dict of str to float
        ``log_odds_target_foil``, ``log_odds_target_control``, ``log_odds_foil_control``; NaN
        where there is no such evidence.
    """
    if len(np.unique(time_points)) > 1:
        table = courses(values, row_labels, time_points, trained)
    else:
        rows = np.isin(np.asarray(row_labels), list(trained))
        table = pd.DataFrame(np.asarray(values, float)[rows], columns=list(KINDS))
    return {
        f"log_odds_{one}_{other}": float((table[one] - table[other]).mean())
        for one, other in CONTRASTS
    }
