"""Intervals and p values by resampling whole trials."""

import numpy as np

from fmriprod.algorithms.checks import InputError


def bootstrap_interval(
    sums: np.ndarray,
    sizes: np.ndarray,
    *,
    n_bootstrap: int = 2000,
    level: float = 0.95,
    seed: int | np.random.Generator = 0,
) -> np.ndarray:
    """Percentile bootstrap interval of a mean over rows, resampling units of rows.

    Rows of one trial are not independent, so that trials are drawn with replacement, each
    with all its rows [1]_.

    Parameters
    ----------
    sums : ndarray, shape (n_units,) or (n_units, n_measures)
        Sum over the rows of each unit.
    sizes : ndarray, shape (n_units,) or (n_units, n_measures)
        Rows of each unit.
    n_bootstrap : int
        Number of draws.
    level : float
        Coverage, in (0, 1).
    seed : int or Generator
        Source of the draws.

    Returns
    -------
    ndarray of float64, shape (2,) or (2, n_measures)
        Lower and upper end; NaN where no draw had a row.

    References
    ----------
    .. [1] Davison & Hinkley (1997). Bootstrap Methods and their Application,
       section 3.8 (hierarchical data).
    """
    rng = np.random.default_rng(seed)
    sums, sizes = np.asarray(sums, dtype=float), np.asarray(sizes, dtype=float)
    counts = rng.multinomial(len(sums), np.full(len(sums), 1 / len(sums)), size=n_bootstrap)
    rows = counts @ sizes
    means = np.divide(counts @ sums, rows, out=np.full(rows.shape, np.nan), where=rows > 0)
    tail = (1 - level) / 2
    ends = np.full((2, *means.shape[1:]), np.nan)
    covered = np.isfinite(means).any(axis=0)
    ends[:, covered] = np.nanquantile(means[:, covered], (tail, 1 - tail), axis=0)
    return ends


def permutation_p(observed: float, null: np.ndarray) -> float:
    """Share of the permutations, the observed one included, that do at least as well.

    Counting the observed arrangement keeps the test at its level [1]_.

    Parameters
    ----------
    observed : float
        Statistic of the true labels (large speaks against the null).
    null : ndarray, shape (n_permutations,)
        Statistics of permuted labels.

    Returns
    -------
    float
        In (0, 1].

    References
    ----------
    .. [1] Phipson & Smyth (2010). Permutation p-values should never be zero.
       Statistical Applications in Genetics and Molecular Biology 9, 39.

    Examples
    --------
    >>> permutation_p(0.9, np.array([0.2, 0.9, 0.3]))
    0.5
    """
    reached = np.count_nonzero(null >= observed - 1e-12)  # equal up to rounding is equal
    return float((1 + reached) / (1 + len(null)))


def permuted_codes(
    codes: np.ndarray,
    units: np.ndarray,
    strata: np.ndarray,
    n_permutations: int,
    seed: int | np.random.Generator = 0,
) -> np.ndarray:
    """Shuffle labels between the units of each stratum.

    All rows of a unit (a trial) get the same label, and labels never leave their stratum
    (a run), so that what is exchanged is exchangeable when labels do not matter.

    Parameters
    ----------
    codes : ndarray of int, shape (n_rows,)
        Label numbers; one label per unit.
    units, strata : ndarray of int, shape (n_rows,)
        Unit and stratum of each row; a unit lies in one stratum.
    n_permutations : int
        Number of label vectors.
    seed : int or Generator
        Source of the draws.

    Returns
    -------
    ndarray of int, shape (n_permutations, n_rows)
        Permuted label numbers.

    Raises
    ------
    InputError
        If no stratum has two units with different labels: nothing can be permuted.
    """
    _, first, unit = np.unique(units, return_index=True, return_inverse=True)
    unit_codes, unit_strata = codes[first], strata[first]
    if not (unit_codes[unit] == codes).all() or not (unit_strata[unit] == strata).all():
        raise ValueError("a unit has several labels or strata")
    groups = [np.flatnonzero(unit_strata == s) for s in np.unique(unit_strata)]
    groups = [group for group in groups if len(np.unique(unit_codes[group])) > 1]
    if not groups:
        raise InputError(
            "n_permutations",
            expected="trials of different labels that can be exchanged within a run",
            found="runs whose trials all have one label",
            hint="set n_permutations to 0, or check the labels and the run column",
        )
    rng = np.random.default_rng(seed)
    drawn = np.tile(unit_codes, (n_permutations, 1))
    for group in groups:
        drawn[:, group] = rng.permuted(drawn[:, group], axis=1)
    return drawn[:, unit]
