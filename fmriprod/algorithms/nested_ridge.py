"""Nested leave-group-out ridge regression: prepared once, put to any responses."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fmriprod.algorithms.array_backend import Backend, get_backend
from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.encode_model import DualModel, LinearModel
from fmriprod.algorithms.leave_group_out import LeaveGroupOut, leave_group_out
from fmriprod.algorithms.ridge_dual import DualRidge
from fmriprod.algorithms.ridge_dual_scaled import ScaledDualRidge
from fmriprod.algorithms.ridge_gram import centred_gram, column_blocks, rounding_matters
from fmriprod.algorithms.ridge_inner import Columns, inner_scores
from fmriprod.algorithms.ridge_outer import dual_coefficients, outer_scores
from fmriprod.algorithms.ridge_path import multiplications
from fmriprod.algorithms.ridge_primal import PrimalRidge
from fmriprod.algorithms.ridge_scores import choose_penalties

RELATIVE_PENALTIES = tuple(float(c) for c in np.logspace(-5, 4, 10))


@dataclass
class NestedRidge:
    """Models of all folds and penalties for one set of features.

    What depends on the features alone is computed once; scores of any responses, such as
    permuted ones, follow by multiplication.

    Attributes
    ----------
    solver : DualRidge, ScaledDualRidge or PrimalRidge
        Chosen by shape.
    features : array, shape (n_samples, n_features)
        In the order of the samples.
    folds : LeaveGroupOut
        Groups.
    penalties : ndarray of float64, shape (n_penalties,)
        As given, or found from the features.
    unit : float
        What the penalties are multiples of: the mean squared length of the features where
        they were found from them, otherwise 1.
    form : str
        ``dual`` or ``primal``.
    backend : Backend
        What computes.
    memory_mb : float
        Bound of what is held besides inputs and results.
    """

    solver: Any
    features: np.ndarray
    folds: LeaveGroupOut
    penalties: np.ndarray
    unit: float
    form: str
    backend: Backend
    memory_mb: float

    def block(self, n_voxels: int) -> int:
        """Choose a number of voxels at a time: as memory allows, in equal shares.

        Shares are as many as eight threads can part, whatever the number of threads: blocks of
        another size round otherwise, and results should not depend on the machine.
        """
        on_cpu = self.backend.name == "numpy"
        width, most = 6 * self.folds.n_samples, 512 if on_cpu else 8192
        if self.form == "primal":
            width, most = width + (self.folds.n_folds + 10) * self.features.shape[1], 2 * most
        width *= 4 if self.backend.dtype == "float32" else 8
        threads = self.backend.n_threads if on_cpu else 1
        fit = int(np.clip(self.memory_mb * 1e6 / 2 / width / threads, 16, most))
        rounds = -(-n_voxels // (8 * fit))
        share = min(fit, max(256, -(-n_voxels // (8 * rounds))))
        return -(-n_voxels // -(-n_voxels // share))

    def inner(self, columns: Columns, n_voxels: int, *, criterion: str = "r2") -> np.ndarray:
        """Score every penalty by the inner folds; see `ridge_inner.inner_scores`."""
        shape = (self.folds.n_folds, len(self.penalties), n_voxels)
        return inner_scores(
            self.solver.inner_jobs(), columns, shape, self.backend,
            block=self.block(n_voxels), criterion=criterion,
        )  # fmt: skip

    def choose(
        self, columns: Columns, n_voxels: int, *, shared: bool = False, criterion: str = "r2"
    ) -> np.ndarray:
        """Choose a penalty for each outer fold and voxel: index, (n_folds, n_voxels)."""
        if len(self.penalties) == 1:
            return np.zeros((self.folds.n_folds, n_voxels), dtype=np.int64)
        return choose_penalties(self.inner(columns, n_voxels, criterion=criterion), shared=shared)

    def outer(
        self, columns: Columns, chosen: np.ndarray, *, predictions: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Score each outer fold with the chosen penalties; see `ridge_outer.outer_scores`."""
        options: dict[str, Any] = {"block": self.block(chosen.shape[1]), "predictions": predictions}
        if self.form == "primal":
            return self.solver.outer(columns, chosen, **options)[:2]
        return outer_scores(self.solver, columns, chosen, **options)

    def model(self, columns: Columns, chosen: np.ndarray) -> LinearModel | DualModel:
        """Give the mean of the models of all outer folds."""
        block = self.block(chosen.shape[1])
        if self.form == "primal":
            return self.solver.outer(columns, chosen, block=block, model=True)[2]
        scaled = isinstance(self.solver, ScaledDualRidge)
        dual, intercept = dual_coefficients(
            self.solver, columns, chosen, block=block, average=not scaled
        )
        unsorted = np.empty_like(dual)
        unsorted[:, :, self.folds.order] = dual
        mean, centred = centred_features(self.features)
        means, scales = mean[None], np.ones((1, len(mean)), dtype=np.float32)
        if scaled:
            folds = range(self.folds.n_folds)
            pairs = [self.solver.mean_and_scale(fold) for fold in folds]
            means, scales = (np.stack(part).astype(np.float32) for part in zip(*pairs, strict=True))
        return DualModel(centred, unsorted.transpose(0, 2, 1), means, scales, intercept)


def nested_ridge(
    features: np.ndarray,
    groups: Sequence[Any],
    penalties: Sequence[float] | None = None,
    *,
    standardize: bool = False,
    form: str = "auto",
    backend: Backend | None = None,
    memory_mb: float = 2000.0,
) -> NestedRidge:
    """Prepare nested cross-validation that leaves out one group at a time.

    Parameters
    ----------
    features : array, shape (n_samples, n_features)
        Float; may be on disk (HDF5 dataset, memory map).
    groups : sequence, length n_samples
        Session or run of each sample.
    penalties : sequence of float, optional
        Penalties to choose from. Without them ten are spread over nine decades around
        the mean squared length of the centred features (of which 1e-5 to 1e4 times are
        tried): a property of the features alone.
    standardize : bool, default False
        Divide each feature by its standard deviation in each training set. Features that
        hardly vary there then weigh as much as the others, and in left-out samples, where they
        may vary more, ruin predictions; only constant ones are left out.
    form : {"auto", "primal", "dual"}, default "auto"
        Products of features or of samples; chosen by the number of multiplications.
    backend : Backend, optional
        What computes; NumPy in float32 with all processors unless given.
    memory_mb : float, default 2000
        Bound of what is held besides inputs and results. `ridge_encode` also holds a sorted
        copy of the responses.

    Raises
    ------
    InputError
        If a penalty is not positive, features are not finite, groups are too few, or
        lengths differ.
    """
    backend = backend or get_backend()
    if len(features.shape) != 2 or 0 in features.shape:
        raise InputError(
            "features", expected="samples x features, at least one of each",
            found=f"shape {tuple(features.shape)}", hint="give a matrix",
        )  # fmt: skip
    if len(groups) != features.shape[0]:
        raise InputError(
            "groups", expected=f"one group for each of {features.shape[0]} samples",
            found=f"{len(groups)}", hint="give the sample table that belongs to the features",
        )  # fmt: skip
    given = None if penalties is None else check_penalties(penalties)
    grid = np.array(RELATIVE_PENALTIES) if given is None else given
    folds = leave_group_out(groups, nested=len(grid) > 1)
    if form == "auto":
        form = cheaper_form(features.shape[1], folds, len(grid))
    if form not in ("primal", "dual"):
        raise InputError(
            "form", expected="auto, primal or dual", found=repr(form), hint="choose one of them"
        )
    if form == "dual" and standardize:
        unit = 1.0 if given is not None else float(features.shape[1])
        tried = unit * grid
        solver: Any = ScaledDualRidge(features, folds, tried, backend)
    elif form == "dual":
        exact = replace(backend, dtype="float64")
        # The smallest of the penalties that go with features is lost in products of float32.
        gram, _, _ = centred_gram(features, folds.order, exact if given is None else backend)
        unit = 1.0 if given is not None else _unit(float(backend.xp.linalg.trace(gram)), folds)
        tried = unit * grid
        if given is not None and rounding_matters(gram, float(tried.min()), backend):
            gram, _, _ = centred_gram(features, folds.order, exact)
        solver = DualRidge(gram, folds, tried, backend, memory_mb)
    else:
        ordered = np.concatenate([b for _, b in column_blocks(features, folds.order)], axis=1)
        mean = ordered.mean(axis=0, dtype=np.float64)
        ordered = (ordered - mean).astype(backend.dtype)
        squares = float(np.square(ordered, dtype=np.float64).sum())
        length = float(features.shape[1]) if standardize else _unit(squares, folds)
        unit = 1.0 if given is not None else length
        tried = unit * grid
        solver = PrimalRidge(ordered, mean, folds, tried, backend, standardize, memory_mb)
    return NestedRidge(solver, features, folds, tried, unit, form, backend, memory_mb)


def check_penalties(penalties: Sequence[float]) -> np.ndarray:
    """Check that penalties are positive numbers.

    Raises
    ------
    InputError
        If there is none, or one is not a positive number.
    """
    try:
        values = np.asarray(penalties, dtype=np.float64)
        good = (
            values.ndim == 1
            and values.size > 0
            and bool((np.isfinite(values) & (values > 0)).all())
        )
    except (TypeError, ValueError):
        good = False
    if not good:
        raise InputError(
            "penalties", expected="positive numbers", found=f"{penalties}",
            hint="give penalties such as 1, 10, 100",
        )  # fmt: skip
    return values


def cheaper_form(n_features: int, folds: LeaveGroupOut, n_penalties: int) -> str:
    """Choose the form with fewer multiplications for each voxel.

    Parameters
    ----------
    n_features : int
        Features.
    folds : LeaveGroupOut
        Groups.
    n_penalties : int
        Penalties to choose from.

    Returns
    -------
    str
        ``primal`` or ``dual``.
    """
    n, k = folds.n_samples, folds.n_folds
    primal = float(n * n_features + 4 * k * n_features**2)
    dual = float(n**2)
    if n_penalties > 1:
        primal += n * n_features + 5 * len(folds.pairs) * n_features**2
        cost = multiplications(folds)
        dual += min(n_penalties * min(cost.predict, cost.residual), cost.path)
    return "primal" if primal < dual else "dual"


def centred_features(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean of each feature, and features about it, both in float32."""
    mean = np.zeros(features.shape[1], dtype=np.float32)
    centred = np.empty(features.shape, dtype=np.float32)
    for place, block in column_blocks(features, np.arange(features.shape[0])):
        own = block.mean(axis=0, dtype=np.float64)
        mean[place], centred[:, place] = own, block - own
    return mean, centred


def _unit(squares: float, folds: LeaveGroupOut) -> float:
    """Mean squared length of the centred features; 1 if all are constant."""
    return squares / folds.n_samples or 1.0
