"""How alike are dissimilarity matrices: one multiplication for all of them."""

from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

import numpy as np
from threadpoolctl import threadpool_limits

from fmriprod.algorithms.checks import InputError, suggest
from fmriprod.algorithms.rdm import pair_indices
from fmriprod.algorithms.rdm_kendall import tau_a
from fmriprod.algorithms.rdm_ranks import average_ranks, row_blocks

METHODS = ("spearman", "pearson", "kendall", "cosine", "whitened correlation", "whitened cosine")
WHITENED = METHODS[4:]


def compare_rdms(
    rdms: np.ndarray, models: np.ndarray, method: str = "spearman", *, n_threads: int = 1
) -> np.ndarray:
    """Compare each RDM with each model.

    Parameters
    ----------
    rdms : ndarray, shape (n, n_pairs)
        Dissimilarities; may be a memory map, of which a block at a time is read.
    models : ndarray, shape (m, n_pairs)
        Those of the models, pairs in the same order.
    method : str, default "spearman"
        ``spearman`` and ``pearson``: correlation, for Spearman of ranks that ties share [1]_.
        ``kendall``: tau-a, which codes with ties can reach no better than they deserve [2]_.
        ``cosine``. ``whitened correlation`` and ``whitened cosine``: allow for the dependence of
        distances that share a condition, those of independent patterns with equal noise [3]_.
    n_threads : int
        Threads, over blocks of RDMs.

    Returns
    -------
    ndarray of float32, shape (m, n)
        NaN where an RDM or a model holds a NaN, or is constant.

    Raises
    ------
    InputError
        If pairs differ in number, or there is no such method.

    References
    ----------
    .. [1] Kriegeskorte N, Mur M, Bandettini P (2008). Representational similarity analysis.
       Front Syst Neurosci 2:4.
    .. [2] Nili H et al. (2014). A toolbox for representational similarity analysis. PLoS Comput
       Biol 10:e1003553.
    .. [3] Diedrichsen J et al. (2021). Comparing representational geometries using whitened
       unbiased-distance-matrix similarity. Neurons Behav Data Anal Theory 5(3).
    """
    rdms, models = check_pairs(rdms, models)
    model_rows = prepare_models(models, method)
    values = np.empty((len(models), len(rdms)), dtype=np.float32)

    def compare(block: slice) -> None:
        values[:, block] = multiply(model_rows, prepare_rdms(rdms[block], method), method)

    blocks = row_blocks(*rdms.shape)
    if n_threads == 1:
        for block in blocks:
            compare(block)
    else:
        with threadpool_limits(1), ThreadPoolExecutor(n_threads) as pool:
            list(pool.map(compare, blocks))
    return values


def check_pairs(rdms: np.ndarray, models: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give RDMs and models as matrices with the same pairs.

    Raises
    ------
    InputError
        If they are no matrices, or differ in their number of pairs.
    """
    rdms, models = np.atleast_2d(rdms), np.atleast_2d(models)
    if rdms.ndim != 2 or models.ndim != 2 or rdms.shape[1] != models.shape[1]:
        raise InputError(
            "models", expected=f"pairs of conditions as in the RDMs, shape {rdms.shape}",
            found=f"shape {models.shape}", hint="match both by the names of their conditions first",
        )  # fmt: skip
    return rdms, models


def unusable(rows: np.ndarray) -> np.ndarray:
    """Mark rows without order: those that hold a NaN or an infinite value, or are constant.

    Returns
    -------
    ndarray of bool, shape (n,)
    """
    least, most = rows.min(axis=1), rows.max(axis=1)  # NaN if one is NaN
    return ~(np.isfinite(least) & np.isfinite(most) & (least < most))


def prepare_rdms(rows: np.ndarray, method: str) -> np.ndarray:
    """Give the form of RDMs whose product with `prepare_models` compares them.

    Returns
    -------
    ndarray of float32, shape (n, n_pairs)
        Rows that cannot be compared are NaN.
    """
    check_method(method)
    bad = unusable(rows)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        if method == "spearman":
            prepared = _unit_ranks(rows)
        elif method == "kendall":
            prepared = _middle_ranks(rows)
        else:
            values = _centred(rows, method)
            squares = whitened_squares(values) if method in WHITENED else _squares(values)
            prepared = (values / np.sqrt(squares)[:, None]).astype(np.float32)
    prepared[bad] = np.nan
    return prepared


def prepare_models(rows: np.ndarray, method: str) -> np.ndarray:
    """Give the form of models whose product with `prepare_rdms` compares them.

    Relabelling conditions permutes its columns, whatever the method.

    Returns
    -------
    ndarray of float32, shape (m, n_pairs)
    """
    if method not in WHITENED:
        return prepare_rdms(rows, method)
    # The product of both centred matrices is that of one of them as it is with the other
    # centred; without a diagonal in the first, the sum over pairs twice.
    values = _centred(rows, method)
    first, second, _ = _pairs_of(values.shape[1])
    sums = _row_sums(values)
    means = sums / sums.shape[1]
    whole = means.mean(axis=1, keepdims=True)
    bad = unusable(rows)
    with np.errstate(invalid="ignore", divide="ignore"):
        scale = 2 / np.sqrt(whitened_squares(values))[:, None]
        prepared = (values - means[:, first] - means[:, second] + whole) * scale
    prepared = prepared.astype(np.float32)
    prepared[bad] = np.nan
    return prepared


def multiply(model_rows: np.ndarray, rdm_rows: np.ndarray, method: str) -> np.ndarray:
    """Compare prepared models with prepared RDMs: shape (m, n)."""
    if method != "kendall":
        return model_rows @ rdm_rows.T
    return tau_a(model_rows, rdm_rows)


def check_method(method: str) -> None:
    """Refuse other methods than `METHODS`.

    Raises
    ------
    InputError
        If it is none of them.
    """
    if method not in METHODS:
        raise InputError(
            "method", expected=f"one of {', '.join(METHODS)}", found=f"{method!r}",
            hint=suggest(method, METHODS),
        )  # fmt: skip


def _middle_ranks(rows: np.ndarray) -> np.ndarray:
    ranks = average_ranks(rows)
    ranks -= np.float32((rows.shape[1] + 1) / 2)  # exact: multiples of a half
    return ranks


def _unit_ranks(rows: np.ndarray) -> np.ndarray:
    ranks = _middle_ranks(rows)
    ranks /= np.sqrt(_squares(ranks)).astype(np.float32)[:, None]
    return ranks


def _squares(values: np.ndarray) -> np.ndarray:
    """Sum the squares of each row, in float64."""
    return np.einsum("ij,ij->i", values, values, dtype=np.float64)


def _centred(rows: np.ndarray, method: str) -> np.ndarray:
    values = np.array(rows, dtype=np.float64)
    if method in ("pearson", "whitened correlation"):
        values -= values.mean(axis=1, keepdims=True)
    return values


@lru_cache(maxsize=2)
def _pairs_of(n_pairs: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give the conditions of all pairs, and which pairs (rows) each condition is in."""
    n = round((1 + (1 + 8 * n_pairs) ** 0.5) / 2)
    if n * (n - 1) // 2 != n_pairs:
        raise InputError(
            "method", expected="all pairs of some conditions, for a whitened comparison",
            found=f"{n_pairs} pairs", hint="use spearman or another method for pairs between sets",
        )  # fmt: skip
    first, second = pair_indices(n)
    member = np.zeros((n_pairs, n))
    member[np.arange(n_pairs), first] = member[np.arange(n_pairs), second] = 1
    return first, second, member


def _row_sums(values: np.ndarray) -> np.ndarray:
    """Sum the distances of each condition to all others: shape (n_rdms, n_conditions)."""
    return values @ _pairs_of(values.shape[1])[2]


def whitened_squares(values: np.ndarray) -> np.ndarray:
    """Sum the squares of each matrix after its rows and columns were centred.

    Parameters
    ----------
    values : ndarray of float64, shape (n, n_pairs)

    Returns
    -------
    ndarray of float64, shape (n,)
    """
    sums = _row_sums(values)
    n = sums.shape[1]
    whole = sums.sum(axis=1) ** 2 / n**2
    return _squares(values) * 2 - 2 / n * _squares(sums) + whole
