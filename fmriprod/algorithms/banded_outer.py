"""Outer folds of banded ridge regression, and what each feature space adds to the prediction."""

from typing import NamedTuple

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from fmriprod.algorithms.array_backend import Array, Backend
from fmriprod.algorithms.banded_search import Choice, SpaceKernels
from fmriprod.algorithms.ridge_inner import Columns
from fmriprod.algorithms.ridge_scores import centred, score_predictions, sum_of_squares


class BandedScores(NamedTuple):
    """Scores of the outer folds.

    Attributes
    ----------
    r2, r : ndarray of float32, shape (n_folds, n_voxels)
        Explained variance and correlation.
    split : ndarray of float32, shape (n_spaces, n_folds, n_voxels)
        What each space adds to the explained variance.
    level_r2 : ndarray of float32, shape (n_folds, n_voxels)
        What a wrong mean of the left-out samples takes from it: 0 or less.
    """

    r2: np.ndarray
    r: np.ndarray
    split: np.ndarray
    level_r2: np.ndarray


def banded_outer(
    kernels: SpaceKernels, candidates: np.ndarray, columns: Columns, choice: Choice
) -> BandedScores:
    """Score each outer fold with the weights and the penalty that its inner folds chose.

    Done once, after the search. To score each voxel anew whenever a candidate beats those
    before it would reuse the search's decompositions, but happens about log(n_candidates)
    times a voxel; a Cholesky factor for each candidate, fold and penalty that a voxel chose
    costs a small part of the search, whatever the number of voxels.

    Parameters
    ----------
    kernels : SpaceKernels
        Feature spaces.
    candidates : ndarray, shape (n_candidates, n_spaces)
        Weights.
    columns : callable
        Gives sorted responses of some voxels, one a row.
    choice : Choice
        What each fold and voxel uses.
    """
    backend, folds = kernels.backend, kernels.folds
    shape = choice.candidate.shape
    r2, r, level_r2 = (np.zeros(shape, dtype=np.float32) for _ in range(3))
    split = np.zeros((len(kernels.names), *shape), dtype=np.float32)
    block = _block(kernels)
    for number in np.unique(choice.candidate):
        weights = candidates[number]
        gram = kernels.gram(weights)
        for fold in range(folds.n_folds):
            voxels = np.flatnonzero(choice.candidate[fold] == number)
            if not len(voxels):
                continue
            model = _Fold(kernels, gram, weights, fold)

            def score(
                index: int, fold: int = fold, voxels: np.ndarray = voxels, model: _Fold = model
            ) -> None:
                own = voxels[choice.penalty[fold, voxels] == index]
                solve = model.solver(kernels.unit * float(kernels.penalties[index]))
                for start in range(0, len(own), block):
                    some = own[start : start + block]
                    scores = model.scores(solve, columns(some))
                    r2[fold, some], r[fold, some] = scores.r2, scores.r
                    split[:, fold, some], level_r2[fold, some] = scores.split, scores.level_r2

            backend.each(score, [int(i) for i in np.unique(choice.penalty[fold, voxels])])
    return BandedScores(r2, r, split, level_r2)


def _block(kernels: SpaceKernels) -> int:
    """Count the voxels whose responses and predictions of all spaces are held at a time."""
    backend, n_samples = kernels.backend, kernels.folds.n_samples
    threads = backend.n_threads if backend.name == "numpy" else 1
    width = 8 * n_samples * (4 + 2 * len(kernels.names))
    return int(np.clip(kernels.memory_mb * 1e6 / 2 / width / threads, 16, 4096))


class _Fold:
    """Models without one group, all in float64."""

    def __init__(self, kernels: SpaceKernels, gram: Array, weights: np.ndarray, fold: int) -> None:
        self.backend, self.folds, self.fold = kernels.backend, kernels.folds, fold
        self.n_spaces = len(weights)
        own = self._train(self._train(gram, 0), 1)
        rows = self.backend.xp.mean(own, axis=0, keepdims=True)
        self._own = own - rows - rows.T + self.backend.xp.mean(own)
        self._across = self.backend.xp.concat(
            [float(w) * self._left_out(k) for w, k in zip(weights, kernels.grams, strict=True)],
            axis=0,
        )

    def _train(self, sorted_array: Array, axis: int) -> Array:
        rest = self.folds.rest(self.fold)
        return self.folds.take(self.backend.xp, sorted_array, rest, axis)

    def _left_out(self, gram: Array) -> Array:
        """Products of left-out samples, about the training samples' mean, with these."""
        across = self._train(gram[self.folds.slices[self.fold], :], 1)
        own = self._train(self._train(gram, 0), 1)
        return across - self.backend.xp.mean(own, axis=0, keepdims=True)

    def solver(self, penalty: float) -> "_Cholesky":
        """Prepare dual coefficients with one penalty."""
        return _Cholesky(self.backend, self._own, penalty)

    def scores(self, solve: "_Cholesky", responses: Array) -> BandedScores:
        """Score the left-out group for some voxels, one a row."""
        xp, backend = self.backend.xp, self.backend
        responses = backend.cast(responses, "float64")
        train = self._train(responses, 1)
        mean = xp.mean(train, axis=1, keepdims=True)
        test = responses[:, self.folds.slices[self.fold]] - mean
        n_voxels, n_test = test.shape
        each = solve(train - mean) @ self._across.T
        each = xp.reshape(each, (n_voxels, self.n_spaces, n_test))
        whole = xp.sum(each, axis=1)
        r2, r = score_predictions(backend, test, whole)
        level = n_test * xp.mean(test - whole, axis=1) ** 2
        target, whole = centred(xp, test), centred(xp, whole)
        total = sum_of_squares(xp, target)
        # What it is multiplied with has no mean, so that each space's own mean does not count.
        split = xp.sum(each * (2 * target - whole)[:, None, :], axis=2) / total[:, None]
        return BandedScores(r2, r, backend.numpy(split).T, backend.numpy(-level / total))


class _Cholesky:
    """Solves ``(own + penalty I) x = responses`` for responses one voxel a row."""

    def __init__(self, backend: Backend, own: Array, penalty: float) -> None:
        self._backend = backend
        shifted = own + penalty * backend.array(np.eye(own.shape[0]), "float64")
        numpy = backend.name == "numpy"
        self._factor = cho_factor(shifted, overwrite_a=True, check_finite=False) if numpy else None
        self._matrix = None if numpy else shifted

    def __call__(self, responses: Array) -> Array:
        if self._factor is not None:
            return cho_solve(self._factor, responses.T, check_finite=False).T
        return self._backend.xp.linalg.solve(self._matrix, responses.T).T
