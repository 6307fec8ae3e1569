"""Banded ridge encoding: several feature spaces, each with a penalty of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fmriprod.algorithms.array_backend import Backend, get_backend
from fmriprod.algorithms.band_candidates import (
    CONCENTRATIONS,
    check_candidates,
    draw_candidates,
    without_space,
)
from fmriprod.algorithms.banded_outer import banded_outer
from fmriprod.algorithms.banded_search import Progress, SpaceKernels, search, space_kernels
from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.encode import sorted_columns, spread_usable, usable_responses
from fmriprod.algorithms.leave_group_out import leave_group_out
from fmriprod.algorithms.nested_ridge import RELATIVE_PENALTIES, check_penalties
from fmriprod.algorithms.ridge_inner import Columns


@dataclass(frozen=True)
class BandedEncoding:
    """What several feature spaces together predict of each voxel; NaN where it is not usable.

    Attributes
    ----------
    spaces : tuple of str
        Feature spaces.
    r2, r : ndarray of float32, shape (n_voxels,)
        Mean over folds of the explained variance (about the mean of the test samples) and
        of the correlation.
    fold_r2, fold_r : ndarray of float32, shape (n_folds, n_voxels)
        Of each fold.
    split : ndarray of float32, shape (n_spaces, n_voxels)
        What each space adds to ``r2``: with ``level_r2`` the sum is ``r2``.
    level_r2 : ndarray of float32, shape (n_voxels,)
        What is lost where the mean of a left-out group is not predicted: 0 or less.
    fold_split : ndarray of float32, shape (n_spaces, n_folds, n_voxels)
        The split of each fold.
    penalty : ndarray of float32, shape (n_folds, n_voxels)
        Chosen, in multiples of the mean squared length of the features.
    candidate : ndarray of int32, shape (n_folds, n_voxels)
        Row of ``candidates`` that was chosen; -1 where a voxel is not usable.
    inner : ndarray of float32, shape (n_folds, n_voxels)
        Mean inner score of that choice; NaN where there was nothing to choose.
    usable : ndarray of bool, shape (n_voxels,)
        Voxels that are finite and vary in every group.
    folds : tuple of str
        The group that each fold leaves out.
    penalties : ndarray of float64, shape (n_penalties,)
        What was tried.
    candidates : ndarray of float64, shape (n_candidates, n_spaces)
        Weights that were tried.
    units : ndarray of float64, shape (n_spaces,)
        Mean squared length of the centred features of each space.
    unique : ndarray of float32, shape (n_spaces, n_voxels), optional
        ``r2`` less that of all other spaces, found by a search of their own.
    """

    spaces: tuple[str, ...]
    r2: np.ndarray
    r: np.ndarray
    fold_r2: np.ndarray
    fold_r: np.ndarray
    split: np.ndarray
    level_r2: np.ndarray
    fold_split: np.ndarray
    penalty: np.ndarray
    candidate: np.ndarray
    inner: np.ndarray
    usable: np.ndarray
    folds: tuple[str, ...]
    penalties: np.ndarray
    candidates: np.ndarray
    units: np.ndarray
    unique: np.ndarray | None = None

    @property
    def gamma(self) -> np.ndarray:
        """Chosen weights of the spaces: float32, shape (n_spaces, n_folds, n_voxels)."""
        table = np.vstack([self.candidates, np.full(len(self.spaces), np.nan)])
        return np.moveaxis(table.astype(np.float32)[self.candidate], -1, 0)

    @property
    def space_penalty(self) -> np.ndarray:
        """Penalty of each space in units of its features: infinity where its weight is 0."""
        with np.errstate(divide="ignore"):
            return self.penalty * self.units.astype(np.float32)[:, None, None] / self.gamma


def banded_encode(
    spaces: Mapping[str, np.ndarray],
    responses: np.ndarray,
    groups: Sequence[Any],
    penalties: Sequence[float] | None = None,
    *,
    n_candidates: int = 100,
    seed: int = 0,
    concentrations: Sequence[float] = CONCENTRATIONS,
    candidates: np.ndarray | None = None,
    shared_penalty: bool = False,
    criterion: str = "r2",
    unique: bool = False,
    backend: Backend | None = None,
    memory_mb: float = 2000.0,
    progress: Progress | None = None,
) -> BandedEncoding:
    r"""Predict each voxel from several feature spaces, each with a penalty of its own.

    Space s gets the penalty :math:`\alpha u_s / \gamma_s`, with :math:`u_s` the mean squared
    length of its centred features (so that neither size nor unit of a space counts) and weights
    :math:`\gamma` that sum to 1. Weights are drawn at random [1]_; for each draw, nested
    cross-validation that leaves out one group at a time scores all penalties :math:`\alpha`
    from one decomposition of :math:`\sum_s \gamma_s K_s / u_s`, as `ridge_encode` does for one
    space. Each voxel and outer fold takes the best weights and penalty of its inner folds.

    With y the responses and :math:`\hat y_s` the predictions of each space, both about their
    mean over the T test samples t, the explained variance is split by the product measure
    [2]_, [1]_:

    .. math:: r^2_s = \sum_t \hat y_{st} (2 y_t - \sum_q \hat y_{qt}) / \sum_t y_t^2

    These, and :math:`-T e^2 / \sum_t y_t^2` with e the mean error of the prediction (its level),
    sum to :math:`r^2`. A split can be below 0.

    Parameters
    ----------
    spaces : mapping of str to array, shape (n_samples, n_features)
        Features of each space; float, may be on disk. Their n_samples x n_samples Gram
        matrices are held, in float64.
    responses : array, shape (n_samples, n_voxels)
        May be on disk.
    groups : sequence, length n_samples
        Session or run of each sample.
    penalties : sequence of float, optional
        To choose from, in multiples of the mean squared length of the features; ten from
        1e-5 to 1e4 unless given.
    n_candidates, concentrations, seed
        Of the draws; see `draw_candidates`.
    candidates : array, shape (n_candidates, n_spaces), optional
        Weights to try instead of drawn ones; rows sum to 1.
    shared_penalty : bool, default False
        The same weights and penalty for all voxels, or own ones.
    criterion : {"r2", "mse"}, default "r2"
        What inner folds are scored by.
    unique : bool, default False
        Search again without each space, with the weights that are left, for its unique
        contribution; needs two spaces.
    backend : Backend, optional
        What computes; NumPy in float32 with all processors unless given.
    memory_mb : float, default 2000
        Bound of what is held besides inputs, Gram matrices and results.
    progress : callable, optional
        Told the number of each candidate, and how many there are.

    Returns
    -------
    BandedEncoding
        Scores, their split, weights and penalties.

    Raises
    ------
    InputError
        If there is no space, a space is constant or not finite, lengths differ, no voxel can
        be analysed, or penalties, weights or groups are not usable.

    References
    ----------
    .. [1] Dupré la Tour T, Eickenberg M, Nunez-Elizalde AO, Gallant JL (2022). Feature-space
       selection with banded ridge regression. NeuroImage 264:119728.
    .. [2] Pratt JW (1987). Dividing the indivisible: using simple symmetry to partition
       variance explained. Proc. 2nd Int. Tampere Conf. Statistics, 245-260.
    """
    backend = backend or get_backend()
    if criterion not in ("r2", "mse"):
        raise InputError(
            "criterion", expected="r2 or mse", found=repr(criterion), hint="choose one of them"
        )
    _check_samples(spaces, responses, groups)
    if unique and len(spaces) == 1:
        raise InputError(
            "unique", expected="two spaces or more", found=f"only {next(iter(spaces))!r}",
            hint="leave it out: what a single space explains is r2",
        )  # fmt: skip
    if candidates is None:
        tried = draw_candidates(
            list(spaces), n_candidates, concentrations=concentrations, seed=seed
        )
    else:
        tried = check_candidates(candidates, len(spaces))
    grid = check_penalties(RELATIVE_PENALTIES if penalties is None else penalties)
    folds = leave_group_out(groups, nested=len(grid) * len(tried) > 1)
    usable = usable_responses(responses, folds, backend)
    kernels = space_kernels(spaces, folds, grid, backend, memory_mb)
    columns, _ = sorted_columns(responses, usable, kernels)  # asks for folds and backend only
    options = {"shared": shared_penalty, "criterion": criterion, "progress": progress}
    whole = _fit(kernels, tried, columns, usable, options)
    if not unique:
        return whole
    return replace(whole, unique=_unique(kernels, whole, columns, options))


def _fit(
    kernels: SpaceKernels,
    candidates: np.ndarray,
    columns: Columns,
    usable: np.ndarray,
    options: dict[str, Any],
) -> BandedEncoding:
    choice = search(kernels, candidates, columns, int(usable.sum()), **options)
    scores = banded_outer(kernels, candidates, columns, choice)
    candidate = np.full((kernels.folds.n_folds, len(usable)), -1, dtype=np.int32)
    candidate[:, usable] = choice.candidate
    fold_r2, fold_r, split, level_r2 = (spread_usable(values, usable) for values in scores)
    return BandedEncoding(
        spaces=kernels.names,
        r2=fold_r2.mean(axis=0),
        r=fold_r.mean(axis=0),
        fold_r2=fold_r2,
        fold_r=fold_r,
        split=split.mean(axis=1),
        level_r2=level_r2.mean(axis=0),
        fold_split=split,
        penalty=spread_usable(kernels.penalties[choice.penalty], usable),
        candidate=candidate,
        inner=spread_usable(choice.score, usable),
        usable=usable,
        folds=kernels.folds.names,
        penalties=kernels.penalties,
        candidates=candidates,
        units=kernels.units,
    )


def _unique(
    kernels: SpaceKernels,
    whole: BandedEncoding,
    columns: Columns,
    options: dict[str, Any],
) -> np.ndarray:
    """Explained variance less that of all other spaces: (n_spaces, n_voxels)."""
    others = []
    for space in range(len(kernels.names)):
        rest = without_space(whole.candidates, space)
        others.append(_fit(kernels.without(space), rest, columns, whole.usable, options).r2)
    return whole.r2 - np.stack(others)


def _check_samples(
    spaces: Mapping[str, np.ndarray], responses: np.ndarray, groups: Sequence[Any]
) -> None:
    """Refuse no space, and responses that have other samples than the groups."""
    if not spaces:
        raise InputError(
            "spaces", expected="a feature space or more", found="none", hint="give {name: features}"
        )
    if len(responses.shape) != 2 or responses.shape[0] != len(groups):
        raise InputError(
            "responses", expected=f"{len(groups)} samples, as there are groups",
            found=f"shape {tuple(responses.shape)}",
            hint="give features, responses and groups of the same samples, in the same order",
        )  # fmt: skip
