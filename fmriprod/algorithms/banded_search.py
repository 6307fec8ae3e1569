"""Search for the weights of feature spaces and the penalty of each voxel, by inner folds."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from fmriprod.algorithms.array_backend import Array, Backend
from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.leave_group_out import LeaveGroupOut
from fmriprod.algorithms.nested_ridge import NestedRidge
from fmriprod.algorithms.ridge_dual import DualRidge
from fmriprod.algorithms.ridge_gram import centred_gram, rounding_matters
from fmriprod.algorithms.ridge_inner import Columns

Progress = Callable[[int, int], None]  # number of the candidate, from 1, and how many there are


@dataclass(frozen=True)
class SpaceKernels:
    """Gram matrices of feature spaces, each computed once, of equal mean squared length.

    Attributes
    ----------
    names : tuple of str
        Feature spaces.
    grams : tuple of array of float64, shape (n_samples, n_samples)
        Of sorted samples about their mean, scaled to the mean squared length ``unit``.
    units : ndarray of float64, shape (n_spaces,)
        Mean squared length of the centred features of each space.
    penalties : ndarray of float64, shape (n_penalties,)
        To choose from, in multiples of the mean squared length.
    folds, backend, memory_mb
        As those of `NestedRidge`.
    """

    names: tuple[str, ...]
    grams: tuple[Array, ...]
    units: np.ndarray
    penalties: np.ndarray
    folds: LeaveGroupOut
    backend: Backend
    memory_mb: float

    @property
    def unit(self) -> float:
        """Mean squared length of all scaled spaces; that of the space where there is one."""
        return float(self.units.mean())

    def gram(self, weights: np.ndarray) -> Array:
        """Weighted sum of the Gram matrices."""
        total = self.backend.xp.zeros_like(self.grams[0])
        for weight, own in zip(weights, self.grams, strict=True):
            if weight > 0:
                total += float(weight) * own
        return total

    def ridge(self, weights: np.ndarray) -> NestedRidge:
        """Prepare nested ridge regression of all spaces with these weights."""
        tried = self.unit * self.penalties
        solver = DualRidge(self.gram(weights), self.folds, tried, self.backend, self.memory_mb)
        none = np.empty((self.folds.n_samples, 0), dtype=np.float32)  # only models need features
        return NestedRidge(
            solver, none, self.folds, tried, self.unit, "dual", self.backend, self.memory_mb
        )

    def without(self, space: int) -> "SpaceKernels":
        """Leave one space out."""
        kept = [s for s in range(len(self.names)) if s != space]
        return replace(
            self,
            names=tuple(self.names[s] for s in kept),
            grams=tuple(self.grams[s] * (self.units[kept].mean() / self.unit) for s in kept),
            units=self.units[kept],
        )


def space_kernels(
    spaces: Mapping[str, np.ndarray],
    folds: LeaveGroupOut,
    penalties: np.ndarray,
    backend: Backend,
    memory_mb: float,
) -> SpaceKernels:
    """Compute the Gram matrix of each feature space.

    Raises
    ------
    InputError
        If features have other samples, are not finite, or all of a space are constant.
    """
    grams, units = [], []
    for name, features in spaces.items():
        _check_shape(name, features, folds.n_samples)
        try:
            gram, mean, _ = centred_gram(features, folds.order, backend)
        except InputError as err:
            err.found = f"space {name!r}: {err.found}"
            raise
        unit = float(backend.xp.linalg.trace(gram)) / folds.n_samples
        rounding = np.finfo(backend.dtype).eps * np.linalg.norm(mean.astype(np.float64))
        if unit <= rounding**2:
            raise InputError(
                "features", expected="features that vary in every space",
                found=f"space {name!r}: all {features.shape[1]} features are constant",
                hint="leave this space out, or mend what made it",
            )  # fmt: skip
        if rounding_matters(gram, unit * float(penalties.min()), backend):
            gram, _, _ = centred_gram(features, folds.order, replace(backend, dtype="float64"))
        grams.append(gram)
        units.append(unit)
    common = float(np.mean(units))
    for gram, unit in zip(grams, units, strict=True):
        gram *= common / unit
    return SpaceKernels(
        tuple(spaces), tuple(grams), np.array(units), penalties, folds, backend, memory_mb
    )


def _check_shape(name: str, features: np.ndarray, n_samples: int) -> None:
    if len(features.shape) != 2 or features.shape[0] != n_samples or features.shape[1] == 0:
        raise InputError(
            "features", expected=f"{n_samples} samples x features, at least one feature",
            found=f"shape {tuple(features.shape)} in space {name!r}",
            hint="give features, responses and groups of the same samples, in the same order",
        )  # fmt: skip


@dataclass(frozen=True)
class Choice:
    """The best candidate and penalty of each outer fold and voxel.

    Attributes
    ----------
    candidate, penalty : ndarray of int32, shape (n_folds, n_voxels)
        Indices.
    score : ndarray of float32, shape (n_folds, n_voxels)
        Mean inner score: explained variance, or minus the mean squared error.
    """

    candidate: np.ndarray
    penalty: np.ndarray
    score: np.ndarray


def candidate_scores(
    kernels: SpaceKernels, candidates: np.ndarray, columns: Columns, n_voxels: int, criterion: str
) -> Iterator[np.ndarray]:
    """Yield the inner scores of each candidate: shape (n_folds, n_penalties, n_voxels)."""
    for weights in candidates:
        scores = kernels.ridge(weights).inner(columns, n_voxels, criterion=criterion)
        if criterion == "r2":
            scores += 1
        yield scores


def search(
    kernels: SpaceKernels,
    candidates: np.ndarray,
    columns: Columns,
    n_voxels: int,
    *,
    shared: bool = False,
    criterion: str = "r2",
    progress: Progress | None = None,
) -> Choice:
    """Find the best candidate and penalty of each outer fold and voxel.

    Only the best so far is held: memory does not grow with the number of candidates.

    Parameters
    ----------
    kernels : SpaceKernels
        Feature spaces.
    candidates : ndarray, shape (n_candidates, n_spaces)
        Weights to try. Of equally good ones the first is taken.
    columns : callable
        Gives sorted responses of some voxels, one a row.
    n_voxels : int
        Their number.
    shared : bool
        The same choice for all voxels (the best on average) or one for each.
    criterion : {"r2", "mse"}
        What inner folds are scored by.
    progress : callable, optional
        Told the number of each candidate, and how many there are.
    """
    shape = (kernels.folds.n_folds, n_voxels)
    best = Choice(
        np.zeros(shape, np.int32), np.zeros(shape, np.int32), np.full(shape, -np.inf, np.float32)
    )
    if len(candidates) * len(kernels.penalties) == 1:
        best.score[:] = np.nan  # nothing to choose: no inner folds
        return best
    found = candidate_scores(kernels, candidates, columns, n_voxels, criterion)
    for number, scores in enumerate(found):
        if shared:
            scores = scores.mean(axis=2, keepdims=True, dtype=np.float64)
        penalty = scores.argmax(axis=1)
        score = np.take_along_axis(scores, penalty[:, None], axis=1)[:, 0]
        better = np.broadcast_to(score > best.score, shape)
        for kept, new in ((best.penalty, penalty), (best.score, score)):
            kept[better] = np.broadcast_to(new, shape)[better]
        best.candidate[better] = number
        if progress is not None:
            progress(number + 1, len(candidates))
    return best
