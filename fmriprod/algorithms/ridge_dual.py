"""Leave-group-out ridge regression in dual form, from one inverse a penalty.

With the Gram matrix K of features about their mean, unpenalised intercepts and
M = a ((K + a I)^-1 - 1 1' / (n a)), the samples R that a model was not trained on are left with
the residuals ``M_RR^-1 (M Y)_R``. It follows from the inverse of a partitioned matrix (for one
sample at a time it is Allen's PRESS, Technometrics 1974, 16:125), and holds with the
training samples' own means, since 1 is an eigenvector of K with eigenvalue 0.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from fmriprod.algorithms.array_backend import Array, Backend, safe_precision
from fmriprod.algorithms.leave_group_out import LeaveGroupOut
from fmriprod.algorithms.ridge_gram import kernel_inverse, largest_eigenvalue
from fmriprod.algorithms.ridge_inner import PredictJob, ResidualJob
from fmriprod.algorithms.ridge_outer import predict_job
from fmriprod.algorithms.ridge_path import PathJob, PathSet, multiplications, path_set


@dataclass
class DualRidge:
    """Ridge models of all folds and penalties, from one Gram matrix of features as they are.

    Parameters
    ----------
    gram : array of float64, shape (n_samples, n_samples)
        Products of the sorted samples about their mean.
    folds : LeaveGroupOut
        Groups.
    penalties : ndarray, shape (n_penalties,)
        Positive.
    backend : Backend
        Where the arrays are.
    memory_mb : float
        Bound of what is held for several penalties at once.
    """

    gram: Array
    folds: LeaveGroupOut
    penalties: np.ndarray
    backend: Backend
    memory_mb: float

    def __post_init__(self) -> None:
        xp = self.backend.xp
        rows = xp.mean(self.gram, axis=0, keepdims=True)
        self.gram = self.gram - rows - rows.T + xp.mean(self.gram)
        self._largest = largest_eigenvalue(xp, self.gram)
        self._kept: dict[int, Array] = {}
        self._trained: dict[int, tuple[Array, Array, Array]] = {}

    def residual_maker(self, index: int) -> Array:
        """Matrix M of one penalty: float64, shape (n_samples, n_samples)."""
        made = self._kept.get(index)
        if made is None:
            made = self._invert(index)
            if len(self._kept) >= self._n_together:
                self._kept.clear()
            self._kept[index] = made
        return made

    def _invert(self, index: int) -> Array:
        xp, a, n = self.backend.xp, float(self.penalties[index]), self.folds.n_samples
        ridge = a * xp.eye(n, dtype=self.gram.dtype, device=self.backend.device)
        return a * xp.linalg.inv(self.gram + ridge) - 1.0 / n

    def prepare(self, indices: Sequence[int], *left_out: int) -> None:
        """Make the matrices M of some penalties side by side, where memory allows."""
        made: dict[int, Array] = {}

        def invert(index: int) -> None:
            made[index] = self._invert(index)

        lacking = [i for i in indices[: self._n_together] if i not in self._kept]
        if len(self._kept) + len(lacking) > self._n_together:
            self._kept.clear()
        self.backend.each(invert, lacking)
        self._kept |= made

    @property
    def _n_together(self) -> int:
        return max(1, int(self.memory_mb * 1e6 / 2 / (8 * self.folds.n_samples**2)))

    def predictor(self, index: int, *left_out: int) -> Array:
        """Matrix that predicts the left-out groups from the others.

        Returns
        -------
        array, shape (n_left_out, n_others)
            In the backend's precision, solved in float64.
        """
        xp, folds = self.backend.xp, self.folds
        maker = folds.take(xp, self.residual_maker(index), left_out, 0)
        own = folds.take(xp, maker, left_out, 1)
        across = folds.take(xp, maker, folds.rest(*left_out), 1)
        return self.backend.cast(-xp.linalg.solve(own, across))

    def coefficients(self, index: int, left_out: int) -> Array:
        """Matrix from responses to a model; see `ridge_outer.Predictors`. float64."""
        xp = self.backend.xp
        values, vectors, mean = self._decomposed(left_out)
        dual = kernel_inverse(xp, values, vectors, float(self.penalties[index]))
        at_mean = 1.0 / dual.shape[0] - dual @ mean
        return xp.concat([dual, at_mean[:, None]], axis=1)

    def _decomposed(self, left_out: int) -> tuple[Array, Array, Array]:
        """Values and vectors of the other groups' own products, and their mean before that."""
        if left_out not in self._trained:
            xp, folds = self.backend.xp, self.folds
            others = folds.rest(left_out)
            own = folds.take(xp, folds.take(xp, self.gram, others, 0), others, 1)
            mean = xp.mean(own, axis=0)
            values, vectors = self.backend.eigh(own - mean - mean[:, None] + xp.mean(mean))
            self._trained = {left_out: (values, vectors, mean)}
        return self._trained[left_out]

    def inner_jobs(self) -> Iterator[PredictJob | ResidualJob | PathJob]:
        """Work that scores all inner folds: pairs of groups, in the cheapest form."""
        indices = range(len(self.penalties))
        cost = multiplications(self.folds)
        residual = cost.residual < cost.predict
        short = [i for i in indices if residual and self._short_is_safe(i)]
        rest = [i for i in indices if i not in short]
        if cost.path < len(short) * cost.residual + len(rest) * cost.predict:
            yield from self._path_jobs()
            return
        for i in short:
            yield self._residual_job(i)
        for start in range(0, len(rest), self._n_together):
            together = rest[start : start + self._n_together]
            for pair in self.folds.pairs:
                yield predict_job(self, pair, together)

    def _path_jobs(self) -> Iterator[PathJob]:
        """Pairs of groups, as many side by side as there are threads and memory allows."""
        pairs, n = self.folds.pairs, self.folds.n_samples
        fit = int(self.memory_mb * 1e6 / 2 / (60 * n**2))
        together = max(1, min(self.backend.n_threads, fit))
        for start in range(0, len(pairs), together):
            made: dict[tuple[int, int], PathSet] = {}

            def decompose(
                pair: tuple[int, int], made: dict[tuple[int, int], PathSet] = made
            ) -> None:
                made[pair] = self._path_set(pair)

            some = pairs[start : start + together]
            self.backend.each(decompose, some)
            yield PathJob(self.backend, self.folds, [made[pair] for pair in some])

    def _path_set(self, pair: tuple[int, int]) -> PathSet:
        xp, folds = self.backend.xp, self.folds
        columns = folds.take(xp, self.gram, folds.rest(*pair), 1)
        columns = columns - xp.mean(columns, axis=1, keepdims=True)
        own = folds.take(xp, columns, folds.rest(*pair), 0)
        mean = xp.mean(own, axis=0, keepdims=True)
        values, vectors = self.backend.eigh(own - mean)
        across = (folds.take(xp, columns, pair, 0) - mean) @ vectors
        return path_set(values, vectors, across, pair, folds, self.penalties, self.backend)

    def _short_is_safe(self, index: int) -> bool:
        """Whether M Y loses little to rounding: its condition bounds the loss."""
        return safe_precision(self._largest, float(self.penalties[index]), self.backend)

    def _residual_job(self, index: int) -> ResidualJob:
        xp, folds = self.backend.xp, self.folds
        maker = self.residual_maker(index)
        inverses: dict[tuple[int, int], Array] = {}

        def invert(pair: tuple[int, int]) -> None:
            own = folds.take(xp, folds.take(xp, maker, pair, 0), pair, 1)
            inverses[pair] = self.backend.cast(xp.linalg.inv(own))

        self.backend.each(invert, folds.pairs)
        in_order = [inverses[pair] for pair in folds.pairs]
        return ResidualJob(self.backend, folds, index, self.backend.cast(maker), in_order)
