"""Tables of a group: means over participants with intervals, and tests over regions."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from fmriprod.algorithms.bootstrap import bootstrap_means
from fmriprod.algorithms.sign_flip import fdr, sign_flip

SPLIT_MEASURES = ("accuracy_trained", "accuracy_control", "p_target_trained", "p_target_control")
LOG_ODDS = ("log_odds_target_foil", "log_odds_target_control", "log_odds_foil_control")
_CHANCE = {"2way": 1 / 2, "2way_within": 1 / 2, "3way": 1 / 3}
SCORE_KEY = ("subject", "region", "phase", "scheme")


@dataclass(frozen=True)
class Resampling:
    """How intervals and p values are made; see `bootstrap_means` and `sign_flip`."""

    method: str = "fast"
    n_bootstrap: int = 10_000
    n_permutations: int = 10_000
    trim: float = 0.0
    seed: int = 0


def long_form(scores: pd.DataFrame, measures: tuple[str, ...]) -> pd.DataFrame:
    """One row a participant, region, phase, scheme and measure, with its ``value``."""
    return scores.melt(
        list(SCORE_KEY), value_vars=list(measures), var_name="measure", value_name="value"
    )


def changes(rows: pd.DataFrame, before: str, after: str) -> pd.DataFrame:
    """Value after minus value before, for participants who have both.

    Parameters
    ----------
    rows : DataFrame
        From `long_form`.
    before, after : str
        Phases.

    Returns
    -------
    DataFrame
        Columns ``subject, region, scheme, measure, value``.
    """
    key = ["subject", "region", "scheme", "measure"]
    first, second = (rows.loc[rows["phase"] == phase, [*key, "value"]] for phase in (before, after))
    both = first.merge(second, on=key, suffixes=("_before", "_after"))
    both["value"] = both.pop("value_after") - both.pop("value_before")
    return both


def mean_table(
    rows: pd.DataFrame,
    by: list[str],
    *,
    resampling: Resampling,
    criterion: Callable[[pd.DataFrame], np.ndarray] | None = None,
) -> pd.DataFrame:
    """Mean over participants of each combination of some columns.

    Parameters
    ----------
    rows : DataFrame
        Columns ``subject``, ``value`` and those of ``by``; a participant once in each
        combination. Missing values are left out.
    by : list of str
        The first is what many tests are made over (regions): p values are corrected over it
        within each combination of the others.
    resampling : Resampling
        How intervals and p values are made.
    criterion : callable, optional
        From the table of combinations to their values of no effect; 0 by default.

    Returns
    -------
    DataFrame
        ``by``, ``n``, ``mean`` (trimmed where asked for), ``ci_low``, ``ci_high`` (95 %),
        ``p`` of the bootstrap, ``p_fdr`` (Benjamini-Hochberg), ``p_flip`` of sign flips and
        ``p_flip_max`` corrected by the largest statistic.
    """
    known = rows.dropna(subset=["value"])
    cells = known[by].drop_duplicates().reset_index(drop=True)
    parts = []
    families = cells.groupby(by[1:], sort=False, dropna=False) if by[1:] else [((), cells)]
    for _, family in families:
        values = _subjects_by_cells(known, family, by)
        null = np.zeros(len(family)) if criterion is None else criterion(family)
        found = bootstrap_means(
            values, criterion=null, method=resampling.method, n_bootstrap=resampling.n_bootstrap,
            trim=resampling.trim, seed=resampling.seed,
        )  # fmt: skip
        flips = sign_flip(
            values, criterion=null, n_permutations=resampling.n_permutations, seed=resampling.seed
        )
        parts.append(
            family.assign(
                n=found.n,
                mean=found.estimate,
                ci_low=found.low,
                ci_high=found.high,
                p=found.p,
                p_fdr=fdr(found.p),
                p_flip=flips.p,
                p_flip_max=flips.p_max,
            )
        )
    if not parts:
        names = ["n", "mean", "ci_low", "ci_high", "p", "p_fdr", "p_flip", "p_flip_max"]
        return pd.DataFrame(columns=[*by, *names])
    return pd.concat(parts, ignore_index=True)


def scheme_chance(scheme: str, given: dict[str, float], all_labels: float) -> float:
    """Share of correct answers by guessing under a scheme of `scheme_splits`.

    Parameters
    ----------
    scheme : str
        Name of the scheme.
    given : dict of str to float
        What is known of single schemes; counts first.
    all_labels : float
        Share for a classifier of all labels of the study.

    Returns
    -------
    float
        1/2 for the schemes of the trained pair, 1/3 for the pair and one control object, that
        of one label fewer where one of the pair is left out, and ``all_labels`` else.

    Examples
    --------
    >>> scheme_chance("2way_within", {}, 0.25), scheme_chance("within_phase", {}, 0.25)
    (0.5, 0.25)
    >>> scheme_chance("own", {"own": 0.4}, 0.25)
    0.4
    """
    if scheme == "4way_independent" and scheme not in given:
        return all_labels / (1 - all_labels)
    return (_CHANCE | given).get(scheme, all_labels)


def missing_participants(scores: pd.DataFrame) -> pd.DataFrame:
    """List the participants without a region, phase and scheme that others have."""
    cell = ["region", "phase", "scheme"]
    cells, subjects = scores[cell].drop_duplicates(), scores[["subject"]].drop_duplicates()
    full = subjects.merge(cells, how="cross")
    there = scores.loc[scores["accuracy"].notna(), [*SCORE_KEY]]
    joined = full.merge(there, how="left", on=list(SCORE_KEY), indicator=True)
    lacking = joined.loc[joined["_merge"] == "left_only", list(SCORE_KEY)]
    return lacking.sort_values(list(SCORE_KEY)).reset_index(drop=True)


def selectivity_table(
    scores: pd.DataFrame, differences: pd.DataFrame, production: str
) -> pd.DataFrame:
    """Correlate selectivity in drawing with the changes between phases, over participants.

    Parameters
    ----------
    scores : DataFrame
        With ``log_odds_target_foil`` in the phase ``production``: the selectivity.
    differences : DataFrame
        From `changes`.
    production : str
        Name of the drawing phase.

    Returns
    -------
    DataFrame
        ``region, production_scheme, scheme, measure, n, r, ci_low, ci_high`` (95 %, Fisher
        z), ``p, p_fdr`` (over regions); only where 4 participants or more have both.
    """
    drawn = scores.loc[
        scores["phase"] == production, ["subject", "region", "scheme", "log_odds_target_foil"]
    ].rename(columns={"scheme": "production_scheme", "log_odds_target_foil": "selectivity"})
    both = drawn.merge(differences, on=["subject", "region"]).dropna(
        subset=["selectivity", "value"]
    )
    by = ["production_scheme", "scheme", "measure", "region"]
    rows = []
    for cell, part in both.groupby(by, sort=False):
        varies = part["selectivity"].nunique() > 1 and part["value"].nunique() > 1
        if len(part) < 4 or not varies:
            continue
        found = stats.pearsonr(part["selectivity"], part["value"])
        low, high = found.confidence_interval()
        rows.append((*cell, len(part), found.statistic, low, high, found.pvalue))
    table = pd.DataFrame(rows, columns=[*by, "n", "r", "ci_low", "ci_high", "p"])
    table.insert(0, "region", table.pop("region"))
    return with_fdr(table, by[:-1])


def with_fdr(table: pd.DataFrame, family: list[str]) -> pd.DataFrame:
    """Add ``p_fdr``: ``p`` corrected over the rows of each family."""
    adjusted = table.groupby(family, sort=False)["p"].transform(fdr) if len(table) else []
    return table.assign(p_fdr=np.asarray(adjusted, dtype=float))


def _subjects_by_cells(rows: pd.DataFrame, cells: pd.DataFrame, by: list[str]) -> np.ndarray:
    """Matrix of values, participants x cells, NaN where there is none."""
    numbered = cells.assign(cell=np.arange(len(cells)))
    joined = rows.merge(numbered, on=by)
    subjects, subject = np.unique(joined["subject"], return_inverse=True)
    values = np.full((len(subjects), len(cells)), np.nan)
    values[subject, joined["cell"]] = joined["value"]
    return values
