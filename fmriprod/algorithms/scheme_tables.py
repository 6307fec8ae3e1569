"""Tables of evidence: a row for each test sample, each region, each time point."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from fmriprod.algorithms.resampling_statistics import permutation_p
from fmriprod.algorithms.scheme_evidence import SchemeEvidence
from fmriprod.algorithms.target_foil import (
    CONTRASTS,
    KINDS,
    courses,
    log_odds,
    repetitions,
    target_foil_control,
)

_PLACE = ["subject", "region", "phase", "scheme"]
_SAMPLE = ["task", "run", "label", "trial", "time_point", "tr", "repetition"]
SCORES = [
    *_PLACE, "n_samples", "accuracy", "accuracy_trained", "accuracy_control",
    "p_target_trained", "p_target_control", *(f"log_odds_{a}_{b}" for a, b in CONTRASTS),
]  # fmt: skip
COURSES = [*_PLACE, "by", "index", *KINDS]
PERMUTATIONS = [*_PLACE, "permutation", "accuracy"]


def stack_tables(
    parts: dict[str, list[pd.DataFrame]], labels: Sequence[str], *, permuted: bool
) -> dict[str, pd.DataFrame]:
    """Put the tables of all regions under each other; without any, their headers remain.

    Parameters
    ----------
    parts : dict of str to list of DataFrame
        Tables by kind: ``evidence``, ``scores``, ``time_courses``, ``permutations``.
    labels : sequence of str
        All labels of the study.
    permuted : bool
        Whether labels were permuted.

    Returns
    -------
    dict of str to DataFrame
    """
    columns = {
        "evidence": evidence_columns(labels),
        "scores": [*SCORES, *["p_permutation"] * permuted],
        "time_courses": COURSES,
        "permutations": PERMUTATIONS,
    }
    return {
        name: pd.concat(parts[name], ignore_index=True) if parts[name] else pd.DataFrame(columns=c)
        for name, c in columns.items()
    }


def evidence_columns(labels: Sequence[str]) -> list[str]:
    """Columns of the evidence table, for labels in their order."""
    logp = [f"logp_{label}" for label in labels]
    return [*_PLACE, *_SAMPLE, "trained", "correct", *logp, *KINDS]


def evidence_table(
    samples: pd.DataFrame,
    found: SchemeEvidence,
    place: dict[str, str],
    labels: Sequence[str],
    trained: Sequence[str],
) -> pd.DataFrame:
    """List each test sample with the log-probability of every label.

    Parameters
    ----------
    samples : DataFrame
        Sample table with ``phase``.
    found : SchemeEvidence
        Of one region.
    place : dict of str to str
        ``subject``, ``region``, ``phase`` and ``scheme``.
    labels : sequence of str
        All labels of the study: those that the scheme does not know get NaN.
    trained : sequence of str
        The trained pair, or nothing: target, foil and control are NaN then.

    Returns
    -------
    DataFrame
        Columns as `evidence_columns` lists them. ``repetition`` counts the label's trials in
        the phase from 1; ``trained`` is 1 or 0 (NaN without a pair); ``target``, ``foil`` and
        ``control`` are log-probabilities, see `target_foil_control`.
    """
    whole = samples[samples["phase"] == place["phase"]]
    counted = pd.Series(repetitions(whole), index=whole.index)
    table = samples.iloc[found.rows]
    table = table.assign(repetition=counted[table.index], **place, correct=found.correct)
    table = table.reset_index(drop=True)
    table["trained"] = table["label"].isin(list(trained)).astype(int) if trained else np.nan
    columns = [f"logp_{label}" for label in labels]
    table[columns] = np.nan
    table[[f"logp_{label}" for label in found.labels]] = found.log_probability
    table[list(KINDS)] = _kinds(found.log_probability, table, found, trained)
    return table[evidence_columns(labels)]


def scores_row(
    evidence: pd.DataFrame, found: SchemeEvidence, trained: Sequence[str]
) -> pd.DataFrame:
    """Sum the evidence of a region up in one row.

    Parameters
    ----------
    evidence : DataFrame
        From `evidence_table`.
    found : SchemeEvidence
        Of the same region.
    trained : sequence of str
        The trained pair, or nothing.

    Returns
    -------
    DataFrame
        One row, columns `SCORES`; ``p_permutation`` of the accuracy too where labels were
        permuted. ``p_target_*`` are mean probabilities of the row's own label.
    """
    own = _own_probability(evidence, found)
    row = {name: evidence[name].iloc[0] for name in _PLACE}
    row |= {"n_samples": len(evidence), "accuracy": evidence["correct"].mean()}
    for name, flag in (("trained", 1), ("control", 0)):
        here = (evidence["trained"] == flag).to_numpy()
        row[f"accuracy_{name}"] = evidence["correct"][here].mean()
        row[f"p_target_{name}"] = own[here].mean() if here.any() else np.nan
    values = evidence[list(KINDS)].to_numpy()
    row |= log_odds(values, evidence["label"], evidence["time_point"].to_numpy(), trained)
    table = pd.DataFrame([row])[SCORES]
    if len(found.null_accuracy):
        table["p_permutation"] = permutation_p(row["accuracy"], found.null_accuracy)
    return table


def course_table(
    evidence: pd.DataFrame, found: SchemeEvidence, trained: Sequence[str]
) -> pd.DataFrame:
    """Average probabilities by time point, repetition and run, see `courses`.

    Returns
    -------
    DataFrame
        Columns `COURSES`: raw probabilities. Runs are numbers where their labels are, and
        are counted from 1 in order where they are not. Without a pair there is no row.
    """
    values = _kinds(found.probability, evidence, found, trained)
    run = pd.to_numeric(evidence["run"], errors="coerce")
    run = run if run.notna().all() else pd.Series(pd.factorize(evidence["run"])[0] + 1)
    parts = []
    for by in ("time_point", "repetition", "run"):
        index = run.astype(int) if by == "run" else evidence[by]
        part = courses(values, evidence["label"], index.to_numpy(), trained)
        parts.append(part.assign(by=by, **{n: evidence[n].iloc[0] for n in _PLACE}))
    return pd.concat(parts, ignore_index=True)[COURSES]


def permutation_table(evidence: pd.DataFrame, found: SchemeEvidence) -> pd.DataFrame:
    """List the accuracy with true labels (permutation 0) and with permuted ones (from 1)."""
    accuracy = np.concatenate([[evidence["correct"].mean()], found.null_accuracy])
    table = pd.DataFrame({"permutation": np.arange(len(accuracy)), "accuracy": accuracy})
    return table.assign(**{n: evidence[n].iloc[0] for n in _PLACE})[PERMUTATIONS]


def _kinds(
    values: np.ndarray, table: pd.DataFrame, found: SchemeEvidence, trained: Sequence[str]
) -> np.ndarray:
    if not trained:
        return np.full((len(table), 3), np.nan)
    return target_foil_control(values, table["label"].to_numpy(), found.labels, trained)


def _own_probability(evidence: pd.DataFrame, found: SchemeEvidence) -> np.ndarray:
    """Mean probability of each row's own label."""
    code = pd.Index(found.labels).get_indexer(evidence["label"])
    return found.probability[np.arange(len(evidence)), code]
