"""Leave-group-out ridge regression in primal form, for fewer features than samples.

Products of features with features and responses are summed for each group once; a training
set is their sum over its groups, about its own means.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from fmriprod.algorithms.array_backend import Array, Backend, safe_precision
from fmriprod.algorithms.encode_model import LinearModel
from fmriprod.algorithms.leave_group_out import LeaveGroupOut
from fmriprod.algorithms.ridge_gram import largest_eigenvalue
from fmriprod.algorithms.ridge_inner import Columns, InnerErrors, inner_folds
from fmriprod.algorithms.ridge_path import PathErrors, each_penalty, path_errors
from fmriprod.algorithms.ridge_sums import (
    GroupSums,
    TrainingSet,
    group_sums,
    left_out_set,
    project,
    score_group,
)


@dataclass
class PrimalRidge:
    """Ridge models of all folds and penalties from sums over groups.

    Parameters
    ----------
    features : ndarray, shape (n_samples, n_features)
        Sorted samples, about the mean of all (``mean`` was taken away).
    mean : ndarray, shape (n_features,)
        Mean of all.
    folds : LeaveGroupOut
        Groups.
    penalties : ndarray, shape (n_penalties,)
        Positive.
    backend : Backend
        Where the arrays are.
    standardize : bool
        Divide features by their standard deviation in each training set.
    memory_mb : float
        Bound of what is held for several training sets at once.
    """

    features: np.ndarray
    mean: np.ndarray
    folds: LeaveGroupOut
    penalties: np.ndarray
    backend: Backend
    standardize: bool
    memory_mb: float = 2000.0

    def __post_init__(self) -> None:
        exact = self.features.astype(np.float64)
        parts = [exact[place] for place in self.folds.slices]
        self._products = [np.empty(0)] * len(parts)
        self._sums = [part.sum(axis=0) for part in parts]

        def multiply(group: int) -> None:
            self._products[group] = parts[group].T @ parts[group]

        self.backend.each(multiply, range(len(parts)))
        whole = sum(self._products)
        if self.standardize:
            spread = np.sqrt(np.diag(whole) / self.folds.n_samples)
            spread[spread == 0] = 1.0
            whole = whole / np.outer(spread, spread)
        largest = largest_eigenvalue(np, whole)
        if not safe_precision(largest, float(np.min(self.penalties)), self.backend):
            self.backend = replace(self.backend, dtype="float64")
        self._parts = [self.backend.array(part) for part in parts]

    def training_set(self, *left_out: int) -> TrainingSet:
        """Decompose the features of all groups but some."""
        folds, backend = self.folds, self.backend
        rest = folds.rest(*left_out)
        n = folds.size(*rest)
        mean = sum(self._sums[g] for g in rest) / n
        products = sum(self._products[g] for g in rest) - n * np.outer(mean, mean)
        scale = np.ones(len(mean))
        if self.standardize:
            deviation = np.sqrt(np.clip(np.diag(products), 0, None) / n)
            scale = np.where(deviation <= 1e-6 * np.abs(mean + self.mean), np.inf, deviation)
        values, vectors = np.linalg.eigh(products / np.outer(scale, scale))
        null = values < values[-1] * len(mean) * np.finfo(np.float64).eps
        vectors[:, null] = 0  # no covariance lies there, only rounding
        projection = vectors / scale[:, None]
        sizes = np.array([[folds.size(g)] for g in range(folds.n_folds)])
        levels = (np.stack(self._sums) - sizes * mean) @ projection
        own = np.isin(range(folds.n_folds), rest)[:, None]
        out = np.concatenate([self.features[folds.slices[g]] for g in left_out]) - mean
        return TrainingSet(
            left_out, backend.array(own * sizes / n), backend.array(mean),
            backend.array(projection), np.clip(values, 0, None), out @ projection,
            backend.array(levels), backend.array(own * levels),
        )  # fmt: skip

    def training_sets(self, left_out: Sequence[tuple[int, ...]]) -> list[TrainingSet]:
        """Decompose several training sets side by side."""
        made: dict[tuple[int, ...], TrainingSet] = {}

        def decompose(groups: tuple[int, ...]) -> None:
            made[groups] = self.training_set(*groups)

        self.backend.each(decompose, left_out)
        return [made[groups] for groups in left_out]

    def inner_jobs(self) -> Iterator["PrimalJob"]:
        """Work that scores all inner folds, for as many pairs of groups as memory allows."""
        pairs = self.folds.pairs
        each = 32 * self.features.shape[1] * max(self.features.shape)  # projections and products
        together = max(self.backend.n_threads, int(self.memory_mb * 1e6 / 2 / each))
        for start in range(0, len(pairs), together):
            sets = self.training_sets(pairs[start : start + together])
            errors: list[tuple[PathErrors, ...]] = [()] * len(sets)

            def prepare(
                number: int,
                sets: list[TrainingSet] = sets,
                errors: list[tuple[PathErrors, ...]] = errors,
            ) -> None:
                errors[number] = self._path_errors(sets[number])

            self.backend.each(prepare, range(len(sets)))
            yield PrimalJob(self, list(zip(sets, errors, strict=True)))

    def _path_errors(self, training: TrainingSet) -> tuple[PathErrors, ...]:
        return tuple(
            path_errors(
                training.values, training.projected[fold.test], self.penalties, self.backend
            )
            for fold in inner_folds(self.folds, training.left_out)
        )

    def sums(self, responses: Array) -> GroupSums:
        """Sum responses, one voxel a row, over the samples of each group."""
        backend = self.backend
        return group_sums(backend.cast(responses), self.folds, self._parts, backend)

    def outer(
        self,
        columns: Columns,
        chosen: np.ndarray,
        *,
        block: int,
        predictions: np.ndarray | None = None,
        model: bool = False,
    ) -> tuple[np.ndarray, np.ndarray, LinearModel | None]:
        """Score each outer fold with the penalty that its inner folds chose.

        Parameters are as those of `ridge_outer.outer_scores`; ``model`` asks for the mean of
        the folds' models, which is returned last.
        """
        backend, folds = self.backend, self.folds
        r2, r = (np.zeros(chosen.shape, dtype=backend.dtype) for _ in range(2))
        sets = self.training_sets([(fold,) for fold in range(folds.n_folds)])
        n_features = self.features.shape[1] if model else 0
        weights = np.zeros((chosen.shape[1], n_features), dtype=np.float32)
        intercept = np.zeros(chosen.shape[1], dtype=np.float32)
        penalties = backend.array(self.penalties)
        values = [backend.array(training.values) for training in sets]
        tests = [
            left_out_set(training, backend, predict=predictions is not None) for training in sets
        ]

        def score(start: int) -> None:
            voxels = slice(start, min(start + block, chosen.shape[1]))
            sums = self.sums(columns(voxels))
            for fold, training in enumerate(sets):
                mean, covariance = project(training, sums, backend)
                own = penalties[backend.array(chosen[fold, voxels], "int64")]
                shrunk = covariance / (values[fold] + own[:, None])
                r2[fold, voxels], r[fold, voxels] = score_group(
                    tests[fold], training, sums, shrunk, mean[:, 0], folds.size(fold), backend
                )
                if predictions is not None:
                    predicted = shrunk @ tests[fold].projected + mean
                    predictions[voxels, folds.slices[fold]] = backend.numpy(predicted)
                if model:
                    slopes = shrunk @ training.projection.T
                    offset = mean[:, 0] - slopes @ training.mean
                    weights[voxels] += backend.numpy(slopes)
                    intercept[voxels] += backend.numpy(offset)

        backend.each(score, range(0, chosen.shape[1], block))
        if not model:
            return r2, r, None
        slope, level = weights.T / folds.n_folds, intercept / folds.n_folds
        level = level - self.mean.astype(np.float64) @ slope
        return r2, r, LinearModel(slope.astype(np.float32), level.astype(np.float32))


@dataclass(frozen=True)
class PrimalJob:
    """Inner folds of some pairs of groups for all penalties at once.

    Attributes
    ----------
    solver : PrimalRidge
        Models.
    sets : sequence of (TrainingSet, tuple of PathErrors)
        Each training set with its errors on both groups that it leaves out.
    """

    solver: PrimalRidge
    sets: Sequence[tuple[TrainingSet, tuple[PathErrors, ...]]]

    def errors(self, responses: Array) -> Iterator[InnerErrors]:
        """Yield the errors of both inner folds of each pair for each penalty."""
        solver = self.solver
        xp, folds = solver.backend.xp, solver.folds
        sums = solver.sums(responses)
        for training, both in self.sets:
            mean, coordinates = project(training, sums, solver.backend)
            tests = inner_folds(folds, training.left_out)
            for group, fold, errors in zip(training.left_out, tests, both, strict=True):
                apart = sums.mean[:, group] - mean[:, 0]
                crossed = sums.products[group] @ training.projection
                crossed += apart[:, None] * training.levels[group]
                total = sums.squares[:, group]
                squares = total + folds.size(group) * apart**2
                yield from each_penalty(fold, errors(xp, coordinates, crossed, squares), total)
