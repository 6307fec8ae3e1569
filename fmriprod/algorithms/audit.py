"""Measure how well the effects of a design can be told apart."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from fmriprod.algorithms.design import estimable, row_space, tolerance, unit_columns


@dataclass(frozen=True)
class Audit:
    """What a design matrix can tell apart.

    Attributes
    ----------
    rank : int
        Of the matrix.
    condition_number : float
        Ratio of its largest to its smallest singular value, columns scaled to unit norm;
        infinite if the rank is deficient.
    vif : dict of str to float
        Variance inflation factor of each regressor of a condition, against all the other
        columns; infinite where it is a combination of them.
    correlation : DataFrame
        Of the regressors of conditions.
    aliased : list of str
        Columns that are combinations of others.
    """

    rank: int
    condition_number: float
    vif: dict[str, float]
    correlation: pd.DataFrame
    aliased: list[str]


def audit(matrix: pd.DataFrame, regressors_of_interest: list[str]) -> Audit:
    """Measure how well the columns of a design can be told apart.

    Parameters
    ----------
    matrix : DataFrame
        As `design_matrix` gives it.
    regressors_of_interest : list of str
        Columns whose inflation and correlation are wanted.

    Returns
    -------
    Audit
        The variance inflation factor is ``1 / (1 - R^2)`` of a column regressed on all the
        others (Belsley, Kuh & Welsch, 1980, *Regression Diagnostics*); above 5 or 10 an
        effect is poorly determined.
    """
    names = list(matrix.columns)
    x = unit_columns(matrix.to_numpy())
    values = np.linalg.svd(x, compute_uv=False)
    rank = int((values > tolerance(x) * values[0]).sum())
    condition = float(values[0] / values[-1]) if rank == x.shape[1] else float("inf")
    vif = {n: _inflation(matrix.to_numpy(), names.index(n)) for n in regressors_of_interest}
    aliased = [n for i, n in enumerate(names) if not estimable(x, np.eye(x.shape[1])[i])]
    correlation = matrix[regressors_of_interest].corr()
    return Audit(rank, condition, vif, correlation, aliased if rank < x.shape[1] else [])


def audit_record(matrix: pd.DataFrame, found: Audit, n_events: Mapping[str, int]) -> dict[str, Any]:
    """Put an audit into the form of a JSON file: numbers without bound become None.

    Parameters
    ----------
    matrix : DataFrame
        Design.
    found : Audit
        Its audit.
    n_events : mapping of str to int
        Events of each condition.

    Returns
    -------
    dict
        With plain numbers, texts, lists and dictionaries.
    """
    return {
        "n_volumes": len(matrix),
        "columns": list(matrix.columns),
        "rank": found.rank,
        "condition_number": _finite(found.condition_number),
        "aliased_columns": found.aliased,
        "variance_inflation": {name: _finite(v) for name, v in found.vif.items()},
        "correlation": {
            name: {other: _finite(r) for other, r in row.items()}
            for name, row in found.correlation.to_dict("index").items()
        },
        "n_events": {str(name): int(n) for name, n in n_events.items()},
    }


def _finite(value: float) -> float | None:
    return round(float(value), 6) if np.isfinite(value) else None


def _inflation(x: np.ndarray, column: int) -> float:
    others = unit_columns(np.delete(x, column, axis=1))
    basis, _, _ = row_space(others)
    y = x[:, column]
    total = ((y - y.mean()) ** 2).sum()
    rest = ((y - basis @ (basis.T @ y)) ** 2).sum()
    return float(total / rest) if rest > 1e-14 * (y**2).sum() else float("inf")
