"""Leave-group-out ridge regression in dual form, with features scaled in each training set."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from fmriprod.algorithms.array_backend import Array, Backend
from fmriprod.algorithms.leave_group_out import LeaveGroupOut
from fmriprod.algorithms.ridge_gram import centred_gram, kernel_inverse, rounding_matters
from fmriprod.algorithms.ridge_inner import PredictJob
from fmriprod.algorithms.ridge_outer import predict_job
from fmriprod.algorithms.ridge_path import PathJob, multiplications, path_set

_Decomposed = tuple[Array, Array, Array, np.ndarray, np.ndarray]


@dataclass
class ScaledDualRidge:
    """Ridge models of all folds and penalties; each training set scales the features itself.

    Scaling changes the Gram matrix from one training set to the next, so that each is
    decomposed by itself.

    Parameters
    ----------
    features : array, shape (n_samples, n_features)
        May be on disk; read once for each training set.
    folds : LeaveGroupOut
        Groups.
    penalties : ndarray, shape (n_penalties,)
        Positive.
    backend : Backend
        Where the arrays are.
    """

    features: np.ndarray
    folds: LeaveGroupOut
    penalties: np.ndarray
    backend: Backend
    _kept: dict[tuple[int, ...], _Decomposed] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self._products = self.backend  # float64 once their rounding would matter

    def _decomposed(self, *left_out: int) -> _Decomposed:
        """Vectors, values, products of left-out samples with vectors, mean, and scale."""
        if left_out not in self._kept:
            xp, folds = self.backend.xp, self.folds
            rest = folds.rest(*left_out)
            rows = np.concatenate([np.arange(folds.n_samples)[folds.slices[g]] for g in rest])
            gram, mean, scale = centred_gram(self.features, folds.order, self._products, rows, rows)
            if rounding_matters(gram, float(np.min(self.penalties)), self._products):
                self._products = replace(self.backend, dtype="float64")
                return self._decomposed(*left_out)
            columns = folds.take(xp, gram, rest, 1)
            columns = columns - xp.mean(columns, axis=1, keepdims=True)  # rounding is centred too
            columns = columns - xp.mean(folds.take(xp, columns, rest, 0), axis=0, keepdims=True)
            values, vectors = self.backend.eigh(folds.take(xp, columns, rest, 0))
            values = xp.where(values > 0, values, xp.zeros_like(values))
            across = folds.take(xp, columns, left_out, 0) @ vectors
            self._kept = {left_out: (vectors, values, across, mean, scale)}
        return self._kept[left_out]

    def mean_and_scale(self, left_out: int) -> tuple[np.ndarray, np.ndarray]:
        """Give what is taken from features, and what they are divided by, without a group."""
        return self._decomposed(left_out)[3:]

    def prepare(self, indices: Sequence[int], *left_out: int) -> None:
        """Decompose the training set without some groups."""
        self._decomposed(*left_out)

    def predictor(self, index: int, *left_out: int) -> Array:
        """Matrix that predicts the left-out groups from the others; see `DualRidge`."""
        vectors, values, across, *_ = self._decomposed(*left_out)
        made = (across / (values + float(self.penalties[index]))) @ vectors.T
        return self.backend.cast(made + 1.0 / vectors.shape[0])

    def coefficients(self, index: int, left_out: int) -> Array:
        """Matrix from responses to a model; see `ridge_outer.Predictors`. float64."""
        vectors, values, *_ = self._decomposed(left_out)
        xp = self.backend.xp
        dual = kernel_inverse(xp, values, vectors, float(self.penalties[index]))
        return xp.concat([dual, xp.ones_like(dual[:, :1]) / len(dual)], axis=1)

    def inner_jobs(self) -> Iterator[PredictJob | PathJob]:
        """Work that scores all inner folds, a pair of groups at a time."""
        indices = list(range(len(self.penalties)))
        cost = multiplications(self.folds)
        for pair in self.folds.pairs:
            if cost.path < len(indices) * cost.predict:
                vectors, values, across, *_ = self._decomposed(*pair)
                made = path_set(
                    values, vectors, across, pair, self.folds, self.penalties, self.backend
                )
                yield PathJob(self.backend, self.folds, [made])
            else:
                yield predict_job(self, pair, indices)
