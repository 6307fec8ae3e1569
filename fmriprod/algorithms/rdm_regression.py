"""Several models together: their weights, and what each explains that no other does."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy.optimize import nnls

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.rdm_compare import compare_rdms

REGRESSED = ("spearman", "pearson", "cosine", "whitened correlation", "whitened cosine")
MOST_PARTITIONED = 4
_MOST_BY_SUBSETS = 8  # 255 sets of models; beyond, one RDM at a time is faster
_ALIKE = 1e-6


@dataclass(frozen=True)
class Regression:
    """Models fitted together.

    Attributes
    ----------
    weights : ndarray of float32, shape (n_models, n_rdms)
        Of standardised models, for a standardised RDM.
    r2 : ndarray of float32, shape (n_rdms,)
        Share of the RDM's variance that they explain together.
    """

    weights: np.ndarray
    r2: np.ndarray


def regress_rdms(values: np.ndarray, among: np.ndarray, *, nonnegative: bool = True) -> Regression:
    """Fit models together by least squares [1]_.

    What is needed of RDMs and models is how alike they are: with their ranks (``spearman``)
    or values (``pearson``) standardised, which takes care of the mean; as they are but for
    their length (``cosine``: no constant is fitted); or whitened (generalised least squares).

    Parameters
    ----------
    values : ndarray, shape (n_models, n_rdms)
        ``compare_rdms(rdms, models, method)``.
    among : ndarray, shape (n_models, n_models)
        ``compare_rdms(models, models, method)``.
    nonnegative : bool, default True
        Weights of 0 or larger, as of features that add up to a representation: squared
        distances add up, and cannot be taken away.

    Returns
    -------
    Regression
        NaN where a value is.

    Raises
    ------
    InputError
        If models are alike so that they cannot be told apart.

    References
    ----------
    .. [1] Khaligh-Razavi S-M, Kriegeskorte N (2014). Deep supervised, but not unsupervised,
       models may explain IT cortical representation. PLoS Comput Biol 10:e1003915.
    """
    values, among = np.asarray(values, dtype=np.float64), np.asarray(among, dtype=np.float64)
    check_distinct(among)
    if not nonnegative:
        weights = np.linalg.solve(among, values)
    elif len(among) <= _MOST_BY_SUBSETS:
        weights = _by_subsets(values, among)
    else:
        weights = _one_by_one(values, among)
    return Regression(
        weights.astype(np.float32), np.einsum("mn,mn->n", weights, values).astype(np.float32)
    )


def partition_variance(
    values: np.ndarray, among: np.ndarray, *, nonnegative: bool = False
) -> dict[tuple[int, ...], np.ndarray]:
    """Tell what each model explains alone, and what models have in common [1]_.

    Parameters
    ----------
    values, among
        As for `regress_rdms`, of two to four models.
    nonnegative : bool, default False
        As for `regress_rdms`.

    Returns
    -------
    dict
        Set of models -> ndarray of float32, shape (n_rdms,): the share of variance that
        these models explain in common and no other does. All parts add up to the ``r2`` of
        all models. A part in common is below 0 where models suppress each other.

    References
    ----------
    .. [1] Newton RG, Spurrell DJ (1967). A development of multiple regression for the
       analysis of routine data. J R Stat Soc C 16:51-64.
    """
    n_models = len(among)
    if not 2 <= n_models <= MOST_PARTITIONED:
        raise InputError(
            "models", expected=f"2 to {MOST_PARTITIONED} models to part variance between",
            found=f"{n_models}", hint="name the models to compare",
        )  # fmt: skip
    r2: dict[tuple[int, ...], np.ndarray] = {(): np.zeros(values.shape[1])}
    for some in _subsets(n_models):
        index = list(some)
        fit = regress_rdms(values[index], among[np.ix_(index, index)], nonnegative=nonnegative)
        r2[some] = fit.r2.astype(np.float64)
    parts = {}
    for some in _subsets(n_models):
        rest = set(range(n_models)) - set(some)
        part = -r2[tuple(sorted(rest))]
        for size in range(1, len(some) + 1):
            for added in combinations(some, size):
                part = part - (-1) ** size * r2[tuple(sorted(rest | set(added)))]
        parts[some] = part.astype(np.float32)
    return parts


def check_distinct(among: np.ndarray, names: Sequence[str] | None = None) -> None:
    """Refuse models of which one is a sum of others.

    Raises
    ------
    InputError
        If there are such, or a model that cannot be compared.
    """
    names = [str(index + 1) for index in range(len(among))] if names is None else list(names)
    unknown = [name for name, row in zip(names, among, strict=True) if np.isnan(row).all()]
    if unknown:
        raise InputError(
            "models", expected="models that are not constant and have all pairs",
            found=", ".join(unknown), hint="leave them out",
        )  # fmt: skip
    values, vectors = np.linalg.eigh((among + among.T) / 2)
    if values[0] < _ALIKE * len(among):
        part = [name for name, w in zip(names, vectors[:, 0], strict=True) if abs(w) > 0.01]
        raise InputError(
            "models", expected="models of which none is a sum of others",
            found=f"{', '.join(part)}, which depend on each other", hint="leave one of them out",
        )  # fmt: skip


def regression_of(
    rdms: np.ndarray, models: np.ndarray, method: str = "spearman", *, nonnegative: bool = True
) -> Regression:
    """Compare RDMs and models and fit the models together; see `regress_rdms`."""
    values = compare_rdms(rdms, models, method)
    return regress_rdms(values, compare_rdms(models, models, method), nonnegative=nonnegative)


def _subsets(n: int) -> list[tuple[int, ...]]:
    return [some for size in range(1, n + 1) for some in combinations(range(n), size)]


def _by_subsets(values: np.ndarray, among: np.ndarray) -> np.ndarray:
    """Fit each set of models to all RDMs; the best with no negative weight is the answer."""
    weights, best = np.zeros_like(values), np.zeros(values.shape[1])
    for some in _subsets(len(among)):
        index = list(some)
        own = np.linalg.solve(among[np.ix_(index, index)], values[index])
        r2 = np.einsum("mn,mn->n", own, values[index])
        better = (own >= 0).all(axis=0) & (r2 > best)
        best[better] = r2[better]
        weights[:, better] = 0
        weights[np.ix_(index, better)] = own[:, better]
    weights[:, np.isnan(values).any(axis=0)] = np.nan
    return weights


def _one_by_one(values: np.ndarray, among: np.ndarray) -> np.ndarray:
    root = np.linalg.cholesky(among).T
    target = np.linalg.solve(root.T, values)
    weights = np.full(values.shape, np.nan)
    for column in np.flatnonzero(~np.isnan(values).any(axis=0)):
        weights[:, column] = nnls(root, target[:, column])[0]
    return weights
