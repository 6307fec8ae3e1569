"""Which of two objects a trial's pattern of connectivity speaks for."""

from typing import Any, Literal

import numpy as np
import pandas as pd

from fmriprod.algorithms.classify import Classifier, fit_dual, log_probabilities
from fmriprod.algorithms.connectivity_trials import Scheme, connectivity_splits
from fmriprod.algorithms.split_kernels import (
    Scaling,
    SplitKernel,
    kernels_of_blocks,
    kernels_of_gram,
)
from fmriprod.algorithms.splits import Split
from fmriprod.algorithms.trial_connectivity import (
    correlation_blocks,
    pair_kernels,
    stacked_blocks,
    unit_courses,
)

Features = Literal["connectivity", "stack"]


def pair_evidence(
    series: dict[str, np.ndarray],
    trials: pd.DataFrame,
    pairs: list[tuple[str, str]],
    *,
    features: tuple[Features, ...] = ("connectivity", "stack"),
    schemes: tuple[Scheme, ...] = ("phase", "allruns"),
    standardize: Scaling = "split",
    classifier: Classifier = "logistic_ovr",
    C: float = 1.0,
) -> pd.DataFrame:
    """Weigh two objects in the connectivity of pairs of regions, trial by trial.

    With the defaults this is the analysis of Fan et al. [1]_; a classifier on the written
    matrices of features gives the same decision values.

    Parameters
    ----------
    series : dict of str to ndarray of float32, shape (n_trials, n_time_points, n_voxels)
        Time courses of each region; every voxel varies in every trial (`varying_voxels`).
    trials : DataFrame, n_trials rows
        From `connectivity_trials`.
    pairs : list of (str, str)
        Regions 1 and 2 of each pair.
    features : tuple of {'connectivity', 'stack'}
        Correlations between the regions' voxels, or the activity of both in all volumes of a
        trial: what the correlations are controlled against.
    schemes : tuple of {'phase', 'allruns'}
        Training trials, see `connectivity_splits`.
    standardize : {'split', 'train', 'center', 'none'}
        See `kernels_of_blocks`. Correlations that are centred or not standardised are never
        made at all (`pair_kernels`).
    classifier, C
        As `fit_dual` takes them.

    Returns
    -------
    DataFrame
        See `evidence_rows`; pairs, then kinds of features, then schemes.

    References
    ----------
    .. [1] Fan et al. (2020). Relating visual production and recognition of objects in human
       visual cortex. Journal of Neuroscience 40(8), 1710-1721.
    """
    splits = {scheme: connectivity_splits(trials, scheme) for scheme in schemes}
    every = [split for part in splits.values() for split in part]
    kernels: dict[Features, list[list[SplitKernel]]] = {}
    if "connectivity" in features:
        kernels["connectivity"] = _connectivity_kernels(series, pairs, every, standardize)
    if "stack" in features:
        kernels["stack"] = _stacked_kernels(series, pairs, every, standardize)
    codes = pd.Categorical(trials["label"]).codes.astype(np.int64)
    options: dict[str, Any] = {"classifier": classifier, "C": C}
    tables = []
    for number, (one, two) in enumerate(pairs):
        for kind in features:
            ready = iter(kernels[kind][number])
            for scheme, part in splits.items():
                mine = [next(ready) for _ in part]
                log_odds = kernel_log_odds(mine, part, codes, **options)
                names = {"region_1": one, "region_2": two, "features": kind, "scheme": scheme}
                tables.append(evidence_rows(trials, log_odds, **names))
    return pd.concat(tables, ignore_index=True)


def kernel_log_odds(
    kernels: list[SplitKernel],
    splits: list[Split],
    codes: np.ndarray,
    *,
    classifier: Classifier = "logistic_ovr",
    C: float = 1.0,
) -> np.ndarray:
    """Fit each split and weigh the target against the foil in its test trials.

    Parameters
    ----------
    kernels : list of SplitKernel
        Of the splits, in their order.
    splits : list of Split
        Each trial tested once at most.
    codes : ndarray of int, shape (n_trials,)
        0 or 1: the trials' labels.
    classifier, C
        As `fit_dual` takes them; the intercept is penalised.

    Returns
    -------
    ndarray of float64, shape (n_trials,)
        log p(target) - log p(foil), NaN for trials that no split tests. With
        ``logistic_ovr`` this is the decision value, signed by the true label.
    """
    log_odds = np.full(len(codes), np.nan)
    for kernel, (_, train, test) in zip(kernels, splits, strict=True):
        dual = fit_dual(kernel.train + 1, codes[train], 2, classifier=classifier, C=C)[:, 0]
        log_p = log_probabilities((kernel.test + 1) @ dual, classifier)
        row = np.arange(len(test))
        log_odds[test] = log_p[row, codes[test]] - log_p[row, 1 - codes[test]]
    return log_odds


def evidence_rows(trials: pd.DataFrame, log_odds: np.ndarray, **columns: str) -> pd.DataFrame:
    """Lay out the evidence of one pair of regions: the two labels' trials in turn.

    Parameters
    ----------
    trials : DataFrame
        From `connectivity_trials`.
    log_odds : ndarray, shape (n_trials,)
        From `kernel_log_odds`.
    **columns : str
        ``region_1, region_2, features, scheme``.

    Returns
    -------
    DataFrame
        ``subject region_1 region_2 features scheme run half label trial repetition log_odds``;
        rows by repetition, then by label.
    """
    table = trials[["run", "half", "label", "number", "repetition"]]
    table = table.rename(columns={"number": "trial"}).assign(log_odds=log_odds)
    table.insert(0, "subject", trials["subject"])
    for place, (name, value) in enumerate(columns.items()):
        table.insert(place + 1, name, value)
    return table.sort_values(["repetition", "label"], ignore_index=True)


def summarize_pairs(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Average the evidence of each pair, kind of features and scheme.

    Parameters
    ----------
    table : DataFrame
        From `pair_evidence`.

    Returns
    -------
    list of dict
        ``region_1, region_2, features, scheme, n_trials, log_odds`` (mean), ``log_odds_half_1,
        log_odds_half_2`` and ``accuracy``: the share of trials with log odds above 0.
    """
    keys = ["region_1", "region_2", "features", "scheme"]
    result = []
    for names, part in table.groupby(keys, sort=False):
        log_odds = part["log_odds"]
        means = {
            f"log_odds_half_{h}": float(m) for h, m in log_odds.groupby(part["half"]).mean().items()
        }
        result.append(
            dict(zip(keys, names, strict=True))
            | {"n_trials": len(part), "log_odds": float(log_odds.mean()), **means}
            | {"accuracy": float((log_odds > 0).mean())}
        )
    return result


def _connectivity_kernels(
    series: dict[str, np.ndarray],
    pairs: list[tuple[str, str]],
    splits: list[Split],
    standardize: Scaling,
) -> list[list[SplitKernel]]:
    """Kernels of the splits for each pair, from blocks where features must be scaled."""
    names = list(dict.fromkeys(name for pair in pairs for name in pair))
    courses = {name: unit_courses(series[name]) for name in names}
    if standardize == "split" or standardize == "train":
        return [
            kernels_of_blocks(correlation_blocks(courses[one], courses[two]), splits, standardize)
            for one, two in pairs
        ]
    numbers = [(names.index(one), names.index(two)) for one, two in pairs]
    grams = pair_kernels(list(courses.values()), numbers)
    return [kernels_of_gram(kernel, splits, standardize) for kernel in grams]


def _stacked_kernels(
    series: dict[str, np.ndarray],
    pairs: list[tuple[str, str]],
    splits: list[Split],
    standardize: Scaling,
) -> list[list[SplitKernel]]:
    """Kernels of a pair's activity: sums of those of its regions, which are made once."""
    names = {name for pair in pairs for name in pair}
    each = {
        name: kernels_of_blocks(stacked_blocks(series[name]), splits, standardize) for name in names
    }
    return [
        [
            SplitKernel(a.train + b.train, a.test + b.test)
            for a, b in zip(each[one], each[two], strict=True)
        ]
        for one, two in pairs
    ]
