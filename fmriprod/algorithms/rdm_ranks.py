"""Ranks of many rows at once, ties shared."""

import numpy as np

N_AT_ONCE = 1 << 16  # values ranked together: what they need fits the processor's own memory


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
    k = rows.shape[1]
    if k == 0:
        return
    ordered, order = _sorted(rows)
    flat = out.reshape(-1)  # a view: blocks of rows are contiguous
    flat[order] = np.arange(1, k + 1, dtype=np.float32)
    same = np.flatnonzero(ordered[:, 1:] == ordered[:, :-1])
    if len(same):
        _share_ranks(flat, order.reshape(-1), same // (k - 1) * k + same % (k - 1) + 1, k)
    out[np.isnan(rows.min(axis=1))] = np.nan


def _sorted(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sort each row; give what tells equal values, and from where in the block each came."""
    n, k = rows.shape
    places = np.arange(n * k, dtype=np.int32).reshape(n, k)
    if rows.dtype == np.float64:
        order = rows.argsort(axis=1)
        order += places[:, :1]
        return rows.reshape(-1)[order], order
    # Sorting integers that hold a value's bits and its place is several times as fast as
    # sorting places by values. Bits of floats are in order if those of negative ones are
    # flipped; adding 0 makes one zero of both.
    bits = (rows + np.float32(0)).view(np.int32)
    keys = (bits ^ ((bits >> 31) & np.int32(0x7FFFFFFF))).astype(np.int64)
    keys <<= 32
    keys |= places
    keys.sort(axis=1)
    return keys >> 32, keys & 0xFFFFFFFF


def _share_ranks(ranks: np.ndarray, order: np.ndarray, same: np.ndarray, k: int) -> None:
    """Average the ranks of each run of equal values, given where a value equals the one before."""
    new = np.flatnonzero(np.diff(same, prepend=-2) != 1)
    starts = same[new] - 1
    lengths = np.diff(new, append=len(same)) + 1
    shared = (starts % k + (lengths + 1) / 2).astype(np.float32)
    before = np.cumsum(lengths) - lengths
    members = np.repeat(starts - before, lengths) + np.arange(lengths.sum())
    ranks[order[members]] = np.repeat(shared, lengths)
