"""Lasso paths of many responses at once by least angle regression, from inner products alone.

Least angle regression with the lasso's rule of dropping (Efron et al. 2004, Annals of Statistics
32:407). All responses take their n-th step together, so that no loop goes over them.
"""

from dataclasses import dataclass, fields

import numpy as np
from scipy import sparse

TOLERANCE = float(np.finfo(np.float32).eps)  # of penalties: scikit-learn's, in units of X'y / n
_DEPENDENT = 1e-12  # share of a feature's sum of squares that the active ones do not explain


@dataclass(frozen=True)
class LassoPaths:
    """Where the coefficients of each response bend; between two knots they are linear.

    Attributes
    ----------
    alpha : ndarray, shape (n_responses, n_knots)
        Penalties of the knots, falling; after a path's last knot as there.
    coef : ndarray, shape (n_responses, n_knots, n_columns)
        Coefficients of the features that ever were active.
    feature : ndarray of int, shape (n_responses, n_columns)
        Which features these are; -1 where a column is empty.
    """

    alpha: np.ndarray
    coef: np.ndarray
    feature: np.ndarray


def lasso_paths(
    gram: np.ndarray,
    products: np.ndarray,
    n_samples: int,
    *,
    max_iter: int,
    alpha_min: np.ndarray | float = 0.0,
    candidates: np.ndarray | None = None,
) -> LassoPaths:
    """Follow the minimum of ``|y - Xw|^2 / (2 n) + alpha |w|_1`` from no feature to many.

    Parameters
    ----------
    gram : ndarray of float64, shape (n_features, n_features)
        ``X'X`` of centred features.
    products : ndarray of float64, shape (n_responses, n_features)
        ``y'X`` of each centred response.
    n_samples : int
        Samples behind them.
    max_iter : int
        Steps of a path: features that enter and features that leave.
    alpha_min : float or ndarray, shape (n_responses,)
        Penalty where each path ends; its last knot lies there.
    candidates : ndarray of bool, shape (n_features,), optional
        Features that may enter. Let one of those in that are equal up to a factor, the longest:
        which of equally long ones would enter is a matter of rounding.

    Returns
    -------
    LassoPaths
        Equal to those of `sklearn.linear_model.lars_path` with ``method="lasso"``. A feature
        that the active ones explain up to 1e-12 waits until one of them leaves.
    """
    n_responses, n_features = products.shape
    width = max(1, min(max_iter, n_features))
    path = LassoPaths(
        np.zeros((n_responses, max_iter + 1)),
        np.zeros((n_responses, max_iter + 1, width)),
        np.full((n_responses, width), -1),
    )
    closed = np.zeros(n_features, bool) if candidates is None else ~candidates
    at = _start(products, np.broadcast_to(alpha_min, n_responses), closed, width)
    last = np.zeros(n_responses, int)
    while len(at.row):
        chosen, largest = _most_correlated(at)
        alpha = largest / n_samples
        ended = _end_at_minimum(at, alpha)
        path.alpha[at.row, at.step] = alpha
        path.coef[at.row, at.step] = at.coef
        path.feature[at.row] = at.feature
        last[at.row] = at.step
        live = ~ended & (at.step < max_iter)
        if not live.all():
            at, chosen, largest, alpha = at.kept(live), chosen[live], largest[live], alpha[live]
        added = _add(at, gram, chosen)
        # Rounding lets a penalty grow where nothing is left to explain: nothing more to learn.
        live = ~(added & (at.step > 0) & (at.alpha < alpha))
        if not live.all():
            at, added, largest, alpha = at.kept(live), added[live], largest[live], alpha[live]
        at.alpha = np.where(added, alpha, at.alpha)
        if len(at.row):
            _advance(at, gram, largest, added, closed)
    return _ended(path, last)


@dataclass
class _Block:
    """The responses that are on their way; first axis of everything."""

    row: np.ndarray  # place in the path
    step: np.ndarray
    alpha: np.ndarray  # of the step before
    alpha_min: np.ndarray
    dropped: np.ndarray  # the step before ended with a feature that left
    products: np.ndarray  # of features and residual
    closed: np.ndarray  # features that may not enter now
    n_columns: np.ndarray
    feature: np.ndarray
    sign: np.ndarray  # of the active features' products; 0 of others
    coef: np.ndarray
    before: np.ndarray  # coef a step before
    basis: np.ndarray  # rows orthonormal in the metric of the active features' Gram matrix

    def kept(self, chosen: np.ndarray) -> "_Block":
        return _Block(*(getattr(self, each.name)[chosen] for each in fields(self)))


def _start(products: np.ndarray, alpha_min: np.ndarray, closed: np.ndarray, width: int) -> _Block:
    n = len(products)
    empty = np.zeros((n, width))
    return _Block(
        np.arange(n), np.zeros(n, int), np.zeros(n), np.array(alpha_min, float),
        np.zeros(n, bool), products.copy(), np.repeat(closed[None], n, axis=0), np.zeros(n, int),
        np.full((n, width), -1), empty, empty.copy(), empty.copy(), np.zeros((n, width, width)),
    )  # fmt: skip


def _most_correlated(at: _Block) -> tuple[np.ndarray, np.ndarray]:
    """Feature with the largest product with the residual, and its size (0: none is left)."""
    size = np.abs(at.products)
    np.copyto(size, 0.0, where=at.closed)
    chosen = size.argmax(axis=1)
    return chosen, size[np.arange(len(size)), chosen]


def _end_at_minimum(at: _Block, alpha: np.ndarray) -> np.ndarray:
    """Mark paths that have come to their end, and move their last knot (in place) onto it."""
    ended = alpha <= at.alpha_min + TOLERANCE
    past = ended & (np.abs(alpha - at.alpha_min) > TOLERANCE)
    back = np.flatnonzero(past & (at.step > 0))
    share = (at.alpha[back] - at.alpha_min[back]) / (at.alpha[back] - alpha[back])
    at.coef[back] = at.before[back] + share[:, None] * (at.coef[back] - at.before[back])
    alpha[past] = at.alpha_min[past]
    return ended


def _add(at: _Block, gram: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Let the chosen features enter; mark the responses that can take a step.

    Where a feature left in the step before none enters. Where the chosen one depends on the
    active ones it is closed, and its response takes no step but chooses again.
    """
    used = max(1, at.n_columns.max(initial=1))
    basis = at.basis[:, :used, :used]
    inner = np.where(at.sign[:, :used] != 0, gram[at.feature[:, :used], chosen[:, None]], 0)
    weight = np.einsum("vij,vj->vi", basis, inner)
    row = -np.einsum("vi,vij->vj", weight, basis)
    whole = gram[chosen, chosen]
    rest = whole - np.einsum("vi,vi->v", weight, weight)
    fine = rest > _DEPENDENT * whole
    at.closed[~at.dropped, chosen[~at.dropped]] = True
    each = np.flatnonzero(fine & ~at.dropped)
    new, row, length = chosen[each], row[each], np.sqrt(rest[each])
    known = at.feature[each] == new[:, None]  # a feature that comes back has its column
    column = np.where(known.any(axis=1), known.argmax(axis=1), at.n_columns[each])
    at.n_columns[each] = np.maximum(at.n_columns[each], column + 1)
    at.basis[each, column, :used] = row / length[:, None]
    at.basis[each, column, column] = 1 / length
    at.feature[each, column] = new
    at.sign[each, column] = np.sign(at.products[each, new])
    ready = at.dropped.copy()
    ready[each] = True
    return ready


def _advance(
    at: _Block, gram: np.ndarray, largest: np.ndarray, ready: np.ndarray, closed: np.ndarray
) -> None:
    """Go along the equiangular direction until a feature ties, or one crosses zero and leaves."""
    used = at.n_columns.max()
    basis, sign = at.basis[:, :used, :used], at.sign[:, :used]
    along = np.einsum("vij,vi->vj", basis, np.einsum("vij,vj->vi", basis, sign))
    norm = 1 / np.sqrt(np.einsum("vi,vi->v", along, sign), where=ready, out=np.ones(len(sign)))
    along *= norm[:, None]
    towards = _spread(along, at.feature[:, :used], len(gram)) @ gram
    length = np.minimum(_to_tie(at, towards, largest, norm), largest / norm)
    with np.errstate(divide="ignore", invalid="ignore"):
        zero = -at.coef[:, :used] / along
    zero[~(zero > 0)] = np.inf
    first = zero.min(axis=1)
    at.dropped = np.where(ready, first < length, at.dropped)
    length = np.where(ready, np.minimum(first, length), 0.0)
    np.copyto(at.before, at.coef, where=ready[:, None])
    at.coef[:, :used] += length[:, None] * along
    towards *= length[:, None]
    at.products -= towards
    at.step += ready
    gone = (zero == first[:, None]) & (at.dropped & ready)[:, None]
    if gone.any():
        _drop(at, gram, gone, closed)


def _spread(along: np.ndarray, feature: np.ndarray, n_features: int) -> sparse.csr_array:
    """Write directions of the columns as directions of features."""
    start = np.arange(0, feature.size + 1, feature.shape[1])
    content = (along.ravel(), np.maximum(feature, 0).ravel(), start)  # empty columns weigh 0
    return sparse.csr_array(content, shape=(len(along), n_features))


def _to_tie(at: _Block, towards: np.ndarray, largest: np.ndarray, norm: np.ndarray) -> np.ndarray:
    """Length of the step after which another feature has as large a product as the active."""
    nearest = np.full(len(norm), np.inf)
    largest, norm = largest[:, None], norm[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        for sign in (np.subtract, np.add):
            length = sign(largest, at.products)
            length /= sign(norm, towards)
            np.copyto(length, np.inf, where=~(length > 0) | at.closed)
            np.minimum(nearest, length.min(axis=1), out=nearest)
    return nearest


def _drop(at: _Block, gram: np.ndarray, gone: np.ndarray, closed: np.ndarray) -> None:
    """Let features leave; what depended on them may enter again."""
    used = gone.shape[1]
    at.coef[:, :used][gone] = 0
    at.sign[:, :used][gone] = 0
    each = np.flatnonzero(gone.any(axis=1))
    active, feature = at.sign[each, :used] != 0, at.feature[each, :used]
    at.closed[each] = closed
    row, column = np.nonzero(active)
    at.closed[each[row], feature[row, column]] = True
    both = active[:, :, None] & active[:, None, :]
    inner = np.where(both, gram[feature[:, :, None], feature[:, None, :]], np.eye(used))
    at.basis[each, :used, :used] = np.linalg.inv(np.linalg.cholesky(inner))


def _ended(path: LassoPaths, last: np.ndarray) -> LassoPaths:
    """Cut what no response reached, and let every path stay where it ended."""
    knot = np.minimum(np.arange(last.max(initial=0) + 1), last[:, None])
    return LassoPaths(
        np.take_along_axis(path.alpha, knot, axis=1),
        np.take_along_axis(path.coef, knot[:, :, None], axis=1),
        path.feature,
    )
