"""Leave-group-out ridge regression in primal form, for fewer features than samples.

Products of features with features and responses are summed for each group once; a training
set is their sum over its groups, about its own means.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from fmriprod.algorithms.array_backend import Array, Backend, safe_precision
from fmriprod.algorithms.encode_model import LinearModel
from fmriprod.algorithms.leave_group_out import LeaveGroupOut
from fmriprod.algorithms.ridge_gram import largest_eigenvalue
from fmriprod.algorithms.ridge_inner import (
    Columns,
    InnerErrors,
    inner_folds,
    measure,
    test_totals,
)
from fmriprod.algorithms.ridge_scores import score_predictions


class TrainingSet(NamedTuple):
    """What one training set knows of the features.

    Attributes
    ----------
    rest : tuple of int
        Its groups.
    n_samples : int
        Their size.
    mean : array, shape (n_features,)
        Of the centred features.
    projection : array, shape (n_features, n_features)
        Eigenvectors, divided by the scale of the features.
    values : array, shape (n_features,)
        Eigenvalues.
    projected : array, shape (n_features, n_left_out)
        Left-out samples on the eigenvectors.
    """

    rest: tuple[int, ...]
    n_samples: int
    mean: Array
    projection: Array
    values: Array
    projected: Array


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
    """

    features: np.ndarray
    mean: np.ndarray
    folds: LeaveGroupOut
    penalties: np.ndarray
    backend: Backend
    standardize: bool

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
        out = np.concatenate([self.features[folds.slices[g]] for g in left_out]) - mean
        return TrainingSet(
            rest, n, backend.array(mean), backend.array(projection),
            backend.array(np.clip(values, 0, None)), backend.array((out @ projection).T),
        )  # fmt: skip

    def training_sets(self, left_out: Sequence[tuple[int, ...]]) -> list[TrainingSet]:
        """Decompose several training sets side by side."""
        made: dict[tuple[int, ...], TrainingSet] = {}

        def decompose(groups: tuple[int, ...]) -> None:
            made[groups] = self.training_set(*groups)

        self.backend.each(decompose, left_out)
        return [made[groups] for groups in left_out]

    def inner_jobs(self) -> Iterator["PrimalJob"]:
        """Work that scores all inner folds."""
        yield PrimalJob(self, self.training_sets(self.folds.pairs))

    def sums(self, responses: Array) -> tuple[list[Array], list[Array]]:
        """Products of responses with features, and sums of responses, for each group."""
        grouped = [responses[:, place] for place in self.folds.slices]
        products = [own @ part for own, part in zip(grouped, self._parts, strict=True)]
        return products, [self.backend.xp.sum(own, axis=1) for own in grouped]

    def project(
        self, training: TrainingSet, products: Sequence[Array], sums: Sequence[Array]
    ) -> tuple[Array, Array]:
        """Mean response, and covariance of responses with features on the eigenvectors."""
        mean = sum(sums[g] for g in training.rest) / training.n_samples
        total = sum(products[g] for g in training.rest)
        total = total - training.n_samples * mean[:, None] * training.mean
        return mean[:, None], total @ training.projection

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

        def score(start: int) -> None:
            voxels = slice(start, min(start + block, chosen.shape[1]))
            responses = backend.cast(columns(voxels))
            products, sums = self.sums(responses)
            for fold, training in enumerate(sets):
                mean, covariance = self.project(training, products, sums)
                own = penalties[backend.array(chosen[fold, voxels], "int64")]
                shrunk = covariance / (training.values + own[:, None])
                predicted = shrunk @ training.projected + mean
                place = folds.slices[fold]
                r2[fold, voxels], r[fold, voxels] = score_predictions(
                    backend, responses[:, place], predicted
                )
                if predictions is not None:
                    predictions[voxels, place] = backend.numpy(predicted)
                if model:
                    slopes = shrunk @ training.projection.T
                    offset = mean[:, 0] - slopes @ training.mean
                    weights[voxels] += backend.numpy(slopes)
                    intercept[voxels] += backend.numpy(offset)

        backend.each(score, range(0, chosen.shape[1], block))
        if not model:
            return r2, r, None
        weights, intercept = weights.T / folds.n_folds, intercept / folds.n_folds
        intercept = intercept - self.mean.astype(np.float64) @ weights
        return r2, r, LinearModel(weights.astype(np.float32), intercept.astype(np.float32))


@dataclass(frozen=True)
class PrimalJob:
    """All inner folds of a primal solver."""

    solver: PrimalRidge
    sets: Sequence[TrainingSet]

    def errors(self, responses: Array) -> Iterator[InnerErrors]:
        """Yield the errors of all inner folds and penalties."""
        solver = self.solver
        xp, folds = solver.backend.xp, solver.folds
        responses = solver.backend.cast(responses)
        products, sums = solver.sums(responses)
        for pair, training in zip(folds.pairs, self.sets, strict=True):
            mean, covariance = solver.project(training, products, sums)
            test = folds.take(xp, responses, pair, 1) - mean
            tests = inner_folds(folds, pair)
            totals = test_totals(xp, test, tests)
            for index, penalty in enumerate(solver.penalties):
                residuals = (covariance / (training.values + float(penalty))) @ training.projected
                residuals -= test
                yield from measure(xp, residuals, index, tests, totals)
