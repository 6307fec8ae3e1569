"""Build the design matrix of a run and tell what can be estimated from it."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.hrf import regressors
from fmriprod.algorithms.temporal_filter import cosine_drift

DRIFTS = ("cosine", "polynomial", "none")
_ESTIMABLE = 1e-6


def design_matrix(
    events: pd.DataFrame,
    n_volumes: int,
    tr: float,
    *,
    hrf: str = "spm + derivative",
    drift: str = "cosine",
    high_pass: float = 100.0,
    drift_order: int = 2,
    start_time: float | None = None,
    confounds: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Predict the series of a run from its events.

    Parameters
    ----------
    events : DataFrame
        As `fmriprod.algorithms.events.check_events` returns it.
    n_volumes : int
        Length of the run.
    tr : float
        Repetition time in s.
    hrf : str
        One of `fmriprod.algorithms.hrf.MODELS`.
    drift : {"cosine", "polynomial", "none"}
        Model of slow drifts.
    high_pass : float
        Shortest period in s of the cosines.
    drift_order : int
        Highest power of the polynomials.
    start_time : float, optional
        Moment in s, from the start of each volume, that its values represent (BIDS
        ``StartTime``): 0 if slices were shifted to the first, by default half the
        repetition time (shifted to the middle, or not shifted at all, where it is the
        mean over slices; also FSL's convention).
    confounds : DataFrame, optional
        Further columns, one row a volume.

    Returns
    -------
    DataFrame, one row a volume
        Conditions in alphabetical order (each followed by its ``_derivative`` and
        ``_dispersion``), confounds, ``drift_1`` ..., ``constant``.

    Raises
    ------
    InputError
        If two columns have one name, or the matrix has no degree of freedom left.
    """
    start = tr / 2 if start_time is None else start_time
    frame_times = np.arange(n_volumes) * tr + start
    columns: list[tuple[str, np.ndarray]] = []
    for name, rows in events.groupby("trial_type", sort=True):
        parts = regressors(rows["onset"].to_numpy(), rows["duration"].to_numpy(), frame_times, hrf)
        columns += [(f"{name}_{part}" if part else str(name), x) for part, x in parts.items()]
    if confounds is not None:
        columns += [(str(c), confounds[c].to_numpy(np.float64)) for c in confounds.columns]
    slow = drifts(n_volumes, tr, drift, high_pass=high_pass, order=drift_order)
    columns += [(f"drift_{i + 1}", x) for i, x in enumerate(slow.T)]
    columns.append(("constant", np.ones(n_volumes)))
    _check_columns([name for name, _ in columns], n_volumes)
    return pd.DataFrame(dict(columns))


def drifts(
    n_volumes: int, tr: float, model: str, *, high_pass: float = 100.0, order: int = 2
) -> np.ndarray:
    """Columns of slow drifts, without the constant.

    Parameters
    ----------
    n_volumes, tr : int, float
        Length of the run and repetition time in s.
    model : {"cosine", "polynomial", "none"}
        Cosines with periods of at least ``high_pass`` s, Legendre polynomials up to
        ``order``, or nothing.
    high_pass : float
        Period in s.
    order : int
        Highest power.

    Returns
    -------
    ndarray of float64, shape (n_volumes, n_columns)
        Zero-mean columns.
    """
    if model == "cosine":
        return cosine_drift(n_volumes, tr, high_pass)
    if model == "polynomial":
        powers = np.polynomial.legendre.legvander(np.linspace(-1, 1, n_volumes), order)[:, 1:]
        return powers - powers.mean(axis=0)
    return np.empty((n_volumes, 0))


def estimable(matrix: np.ndarray, weights: np.ndarray) -> bool:
    """Tell whether a contrast has one value for all solutions of the least-squares problem.

    Parameters
    ----------
    matrix : ndarray, shape (n_volumes, n_columns)
        Design.
    weights : ndarray, shape (n_columns,)
        Contrast.

    Returns
    -------
    bool
        True if the weights are in the row space of the matrix (Searle, 1971, *Linear
        Models*, chapter 5).
    """
    scale = np.linalg.norm(matrix, axis=0)
    if np.any((scale == 0) & (weights != 0)):
        return False
    scale[scale == 0] = 1
    _, _, rows = row_space(matrix / scale)
    scaled = weights / scale
    rest = scaled - rows.T @ (rows @ scaled)
    return bool(np.linalg.norm(rest) <= _ESTIMABLE * np.linalg.norm(scaled))


def row_space(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Singular value decomposition without the part that is zero but for rounding.

    Returns
    -------
    u : ndarray, shape (n_volumes, rank)
        Orthonormal columns.
    s : ndarray, shape (rank,)
        Singular values.
    vt : ndarray, shape (rank, n_columns)
        Orthonormal rows.
    """
    u, s, vt = np.linalg.svd(matrix, full_matrices=False)
    keep = s > tolerance(matrix) * s[0]
    return u[:, keep], s[keep], vt[keep]


def unit_columns(matrix: np.ndarray) -> np.ndarray:
    """Scale columns to unit norm; columns of zeros stay so."""
    norm = np.linalg.norm(matrix, axis=0)
    return matrix / np.where(norm > 0, norm, 1)


def why_not_estimable(matrix: pd.DataFrame, weights: Mapping[str, float]) -> str | None:
    """Say why a contrast cannot be estimated, or nothing if it can.

    Parameters
    ----------
    matrix : DataFrame
        Design.
    weights : mapping of str to float
        Weight of each column that the contrast uses.

    Returns
    -------
    str or None
        The columns that cannot be told from others.
    """
    x = matrix.to_numpy()
    vector = np.array([weights.get(c, 0.0) for c in matrix.columns])
    if estimable(x, vector):
        return None
    empty = [c for c in weights if not matrix[c].to_numpy().any()]
    if empty:
        return f"the regressor of {', '.join(empty)} is zero throughout the run"
    one = np.eye(x.shape[1])
    lost = [c for i, c in enumerate(matrix.columns) if not estimable(x, one[i])]
    return f"columns that are combinations of each other: {', '.join(lost)}"


def tolerance(matrix: np.ndarray) -> float:
    """Share of the largest singular value below which one counts as zero."""
    # Columns that agree to 1e-9 come from the same events or file; statistics that told
    # them apart would rest on rounding.
    return max(1e-9, max(matrix.shape) * np.finfo(np.float64).eps)


def _check_columns(names: list[str], n_volumes: int) -> None:
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise InputError(
            "design",
            expected="columns with different names (conditions, confounds, drift_*, constant)",
            found=f"twice: {', '.join(twice)}",
            hint="rename the condition or the confound",
        )
    if len(names) >= n_volumes:
        raise InputError(
            "design",
            expected=f"fewer regressors than volumes ({n_volumes})",
            found=f"{len(names)} regressors",
            hint="leave out confounds, take a longer high_pass, or a simpler hrf",
        )
