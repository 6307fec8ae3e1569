"""Numbers and tables that say how well evidence went."""

from typing import Any

import numpy as np
import pandas as pd

from fmriprod.algorithms.evidence import Evidence
from fmriprod.algorithms.resampling_statistics import bootstrap_interval, permutation_p
from fmriprod.algorithms.splits import RUN, Split, row_groups

_NULL_QUANTILES = (0.05, 0.5, 0.95, 0.99)


def evidence_table(samples: pd.DataFrame, evidence: Evidence, splits: list[Split]) -> pd.DataFrame:
    """List each test sample with its label, the predicted one and all log-probabilities.

    Returns
    -------
    DataFrame
        Columns of the sample table, then ``fold``, ``predicted`` and ``logprob_<label>``.
    """
    table = samples.iloc[evidence.rows].reset_index(drop=True)
    table["fold"] = [splits[number].name for number in evidence.split]
    table["predicted"] = np.array(evidence.labels)[evidence.predicted]
    columns = [f"logprob_{label}" for label in evidence.labels]
    return table.join(pd.DataFrame(evidence.log_probability, columns=columns))


def confusion_matrix(samples: pd.DataFrame, evidence: Evidence) -> np.ndarray:
    """Count test samples by true label (rows) and predicted label (columns).

    Returns
    -------
    ndarray of int, shape (n_labels, n_labels)
    """
    counts = np.zeros((len(evidence.labels),) * 2, dtype=np.int64)
    np.add.at(counts, (_true_codes(samples, evidence), evidence.predicted), 1)
    return counts


def time_courses(
    samples: pd.DataFrame, evidence: Evidence, *, n_bootstrap: int = 2000, seed: int = 0
) -> pd.DataFrame:
    """Mean probability of the true label and of the others by the time point in the trial.

    Parameters
    ----------
    samples : DataFrame
        With a column ``time_point``.
    evidence : Evidence
        Result.
    n_bootstrap : int
        Draws of trials for the intervals.
    seed : int
        Source of the draws.

    Returns
    -------
    DataFrame
        Columns ``time_point, kind`` (target, others), ``probability, low, high`` (95 %
        interval over trials), ``n_trials``.
    """
    tested = samples.iloc[evidence.rows]
    probability = np.exp(evidence.log_probability)
    target = probability[np.arange(len(tested)), _true_codes(samples, evidence)]
    others = (1 - target) / (len(evidence.labels) - 1)
    points, point = np.unique(tested["time_point"], return_inverse=True)
    unit = _units(samples, evidence)
    parts = []
    for kind, value in (("target", target), ("others", others)):
        sums, sizes = np.zeros((2, unit.max() + 1, len(points)))
        np.add.at(sums, (unit, point), value)
        np.add.at(sizes, (unit, point), 1)
        low, high = bootstrap_interval(sums, sizes, n_bootstrap=n_bootstrap, seed=seed)
        content = {
            "time_point": points,
            "kind": kind,
            "probability": sums.sum(axis=0) / sizes.sum(axis=0),
            "low": low,
            "high": high,
            "n_trials": np.count_nonzero(sizes, axis=0),
        }
        parts.append(pd.DataFrame(content))
    return pd.concat(parts, ignore_index=True)


def summarize(
    samples: pd.DataFrame,
    evidence: Evidence,
    splits: list[Split],
    *,
    n_bootstrap: int = 2000,
    seed: int = 0,
) -> dict[str, Any]:
    """Sum a decoding analysis up.

    The interval of the accuracy comes from drawing test trials with replacement, each with
    all its samples; classifiers stay as they are, so that it does not speak of other
    training data.

    Parameters
    ----------
    samples : DataFrame
        Sample table.
    evidence : Evidence
        Result.
    splits : list of Split
        As they were given to `object_evidence`.
    n_bootstrap : int
        Draws; 0 leaves the interval out.
    seed : int
        Source of the draws.

    Returns
    -------
    dict
        Numbers, strings and lists only: fit for JSON.
    """
    counts = confusion_matrix(samples, evidence)
    true = _true_codes(samples, evidence)
    units = _units(samples, evidence)
    tested = counts.sum(axis=1)
    content: dict[str, Any] = {
        "labels": evidence.labels,
        "accuracy": float(evidence.correct.mean()),
        "balanced_accuracy": float((counts.diagonal()[tested > 0] / tested[tested > 0]).mean()),
        "mean_log_probability_of_true_label": float(
            evidence.log_probability[np.arange(len(true)), true].mean()
        ),
        "chance": 1 / len(evidence.labels),
        "n_test_samples": len(evidence.rows),
        "n_test_trials": int(units.max() + 1),
        "n_voxels": int(evidence.voxels.sum()),
        "n_voxels_dropped": int((~evidence.voxels).sum()),
        "confusion_matrix": {
            "rows": "true label",
            "columns": "predicted label",
            "counts": counts.tolist(),
        },
        "folds": [_fold(samples, evidence, splits, number) for number in range(len(splits))],
    }
    if n_bootstrap:
        sums = np.bincount(units, evidence.correct)
        ends = bootstrap_interval(sums, np.bincount(units), n_bootstrap=n_bootstrap, seed=seed)
        content["accuracy_interval"] = {
            "low": float(ends[0]),
            "high": float(ends[1]),
            "level": 0.95,
            "n_bootstrap": n_bootstrap,
            "resampled": "test trials (subject, task, run, trial), each with all its samples",
        }
    if len(evidence.null_accuracy):
        null = evidence.null_accuracy
        content["permutation"] = {
            "p": permutation_p(content["accuracy"], null),
            "n_permutations": len(null),
            "null_mean": float(null.mean()),
            "null_quantiles": {f"{q:g}": float(np.quantile(null, q)) for q in _NULL_QUANTILES},
            "permuted": "labels of trials within runs, apart for training and test rows",
        }
    return content


def _true_codes(samples: pd.DataFrame, evidence: Evidence) -> np.ndarray:
    labels = samples["label"].iloc[evidence.rows]
    return pd.Categorical(labels, categories=evidence.labels).codes.astype(np.int64)


def _units(samples: pd.DataFrame, evidence: Evidence) -> np.ndarray:
    """Give the trials of the test rows numbers from 0 without gaps."""
    trials = row_groups(samples, [*RUN, "trial"])[evidence.rows]
    return np.unique(trials, return_inverse=True)[1]


def _fold(
    samples: pd.DataFrame, evidence: Evidence, splits: list[Split], number: int
) -> dict[str, Any]:
    split, here = splits[number], evidence.split == number
    trained = samples["label"].iloc[split.train].value_counts()
    return {
        "name": split.name,
        "accuracy": float(evidence.correct[here].mean()),
        "n_train": len(split.train),
        "n_test": len(split.test),
        "n_train_by_label": {label: int(trained[label]) for label in evidence.labels},
    }
