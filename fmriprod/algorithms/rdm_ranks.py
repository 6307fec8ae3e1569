"""Ranks of many rows at once, ties shared."""

import numpy as np

N_AT_ONCE = 1 << 18  # values ranked together: what they need fits the processor's own memory


def average_ranks(rows: np.ndarray) -> np.ndarray:
    """Rank each row; equal values share the average of their ranks.

    Parameters
    ----------
    rows : ndarray, shape (n, k)
        Of float32 or float64; equal means equal in that type.

    Returns
    -------
    ndarray of float32, shape (n, k)
        From 1 to k, as SciPy's ``rankdata``: exact while k is less than 8 million. Rows that hold
        a NaN are NaN.

    Examples
    --------
    >>> average_ranks(np.array([[0.2, 0.1, 0.2], [3, np.nan, 1]])).tolist()
    [[2.5, 1.0, 2.5], [nan, nan, nan]]
    """
    rows = _floats(rows)
    ranks = np.empty(rows.shape, dtype=np.float32)
    for block in row_blocks(*rows.shape):
        _rank_block(rows[block], ranks[block])
    return ranks


def row_blocks(n: int, k: int, n_at_once: int = N_AT_ONCE) -> list[slice]:
    """Cut n rows of k values into blocks of about so many values, a row at least.

    Examples
    --------
    >>> row_blocks(5, 4, 8)
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    step = max(1, n_at_once // max(k, 1))
    return [slice(start, min(start + step, n)) for start in range(0, n, step)]


def _floats(rows: np.ndarray) -> np.ndarray:
    rows = np.asarray(rows)
    return rows if rows.dtype in (np.float32, np.float64) else rows.astype(np.float64)


def _rank_block(rows: np.ndarray, out: np.ndarray) -> None:
    n, k = rows.shape
    if k == 0:
        return
    order = rows.argsort(axis=1)
    order += (np.arange(n) * k)[:, None]
    ordered = rows.ravel()[order]
    flat = out.reshape(-1)  # a view: blocks of rows are contiguous
    flat[order] = np.arange(1, k + 1, dtype=np.float32)
    tied = (ordered[:, 1:] == ordered[:, :-1]).any(axis=1)
    if tied.any():
        flat[order[tied]] = _shared_ranks(ordered[tied])
    unknown = np.isnan(ordered[:, -1])  # NaN is sorted to the end
    out[unknown] = np.nan


def _shared_ranks(ordered: np.ndarray) -> np.ndarray:
    """Average the ranks of each run of equal values in sorted rows."""
    n, k = ordered.shape
    first = np.ones((n, k), dtype=bool)
    first[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    starts = np.flatnonzero(first)
    lengths = np.diff(starts, append=n * k)
    shared = (starts % k + (lengths + 1) / 2).astype(np.float32)
    return np.repeat(shared, lengths).reshape(n, k)
