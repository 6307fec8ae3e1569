"""What receptive fields are fitted to: checks, folds, and how many voxels fit into memory."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from fmriprod.algorithms.checks import InputError, usable_voxels
from fmriprod.algorithms.lars_path import TOLERANCE

_BLOCK = 2048  # voxels: threads wait for each other less, the longer NumPy is at work
_LEAST = 512  # voxels for which a thread of its own is worth while
_LOOK = 128  # voxels that are looked at together
_SMALL = 100 * TOLERANCE


def fold_rows(
    n_samples: int, groups: Sequence[Any] | np.ndarray | None, n_folds: int
) -> tuple[list[slice | np.ndarray], list[str]]:
    """Give the test samples of each fold, and the names of the folds.

    Parameters
    ----------
    n_samples : int
        Samples to be shared out.
    groups : array_like, shape (n_samples,), or None
        Each group is a fold, in the order in which they first occur.
    n_folds : int
        Without groups: contiguous folds, the first ones longer by one where they are unequal.

    Returns
    -------
    rows : list of slice or ndarray of int
        Slices where test samples are contiguous.
    names : list of str
        Groups, or numbers from 1.

    Raises
    ------
    InputError
        If there are too few samples or groups, a group is missing, or lengths differ.
    """
    if groups is None:
        if not 2 <= n_folds <= n_samples:
            raise InputError(
                "n_folds",
                expected=f"from 2 to the {n_samples} samples",
                found=str(n_folds),
                hint="give fewer folds, or groups such as runs",
            )
        ends = np.cumsum([0] + [len(part) for part in np.array_split(range(n_samples), n_folds)])
        parts: list[slice | np.ndarray] = [slice(int(a), int(b)) for a, b in pairwise(ends)]
        return parts, [str(number + 1) for number in range(n_folds)]
    code, names = pd.factorize(np.asarray(groups).ravel())
    if len(code) != n_samples or (code < 0).any() or len(names) < 2:
        raise InputError(
            "groups",
            expected=f"two groups or more, one for each of {n_samples} samples",
            found=f"{len(names)} group(s) for {len(code)} samples, {np.sum(code < 0)} missing",
            hint="name another column, or leave groups out: contiguous folds",
        )
    rows = [_as_slice(np.flatnonzero(code == number)) for number in range(len(names))]
    return rows, [str(name) for name in names]


def varying_features(features: np.ndarray) -> np.ndarray:
    """Mark features whose standard deviation is more than rounding.

    Raises
    ------
    InputError
        If none does.
    """
    mean, deviation = features.mean(axis=0, dtype=float), features.std(axis=0, dtype=float)
    varying = deviation > len(features) * np.finfo(float).eps * np.abs(mean)
    if not varying.any():
        raise InputError(
            "features",
            expected="features that differ between samples",
            found=f"{features.shape[1]} constant features",
            hint="check that rows are samples and columns features",
        )
    return varying


def check_arrays(features: np.ndarray, responses: np.ndarray) -> None:
    """Refuse arrays of other shapes, without numbers, or of different length.

    Raises
    ------
    InputError
        Saying which, and for features that are not finite which column.
    """
    for name, array in (("features", features), ("responses", responses)):
        if array.ndim != 2 or 0 in array.shape or array.dtype.kind not in "fiub":
            raise InputError(
                name,
                expected="numbers, samples x features" if name == "features"
                else "numbers, samples x voxels",
                found=f"shape {array.shape}, {array.dtype}",
                hint="give one row a sample",
            )  # fmt: skip
    if len(features) != len(responses):
        raise InputError(
            "responses",
            expected=f"{len(features)} samples, as the features have",
            found=f"{len(responses)}",
            hint="give rows of both for the same samples; cut both for the lag of the response",
        )
    bad = ~np.isfinite(features).all(axis=0)
    if bad.any():
        raise InputError(
            "features",
            expected="finite features",
            found=f"NaN or infinity in {bad.sum()} features, the first in column "
            f"{np.flatnonzero(bad)[0]} (from 0)",
            hint="leave out these features, or the samples that lack them",
        )


def analysable_voxels(responses: np.ndarray) -> np.ndarray:
    """Mark voxels that are finite and not constant, reading some voxels at a time.

    Raises
    ------
    InputError
        If there is none, or all are too small for the path's tolerance.
    """
    usable, largest = np.zeros(responses.shape[1], bool), 0.0
    for start in range(0, len(usable), _LOOK):
        block = np.ascontiguousarray(responses[:, start : start + _LOOK].T)
        fine = usable_voxels(block)
        usable[start : start + _LOOK] = fine
        largest = max(largest, block[fine].std(axis=1, dtype=float).max(initial=0.0))
    if not usable.any():
        raise InputError(
            "responses",
            expected="voxels that are finite and not constant",
            found=f"none among {len(usable)}",
            hint="check the mask, and that responses were read in the right units",
        )
    if largest < _SMALL:
        raise InputError(
            "responses",
            expected=f"a standard deviation above {_SMALL:.1e} in some voxel: "
            f"paths end at penalties of {TOLERANCE:.1e}",
            found=f"at most {largest:.1e}",
            hint="give responses in larger units, such as per cent, or standardised",
        )
    return usable


def block_size(
    shape: tuple[int, int],
    n_voxels: int,
    n_folds: int,
    max_iter: int,
    n_threads: int,
    memory_mb: float,
) -> int:
    """Tell how many voxels each thread may take at a time.

    Parameters
    ----------
    shape : tuple of int
        Of the features.
    n_voxels, n_folds, max_iter, n_threads : int
        As `fmriprod.algorithms.receptive_field.receptive_fields` takes them.
    memory_mb : float
        Bound on all blocks and on what they share, in MB.

    Returns
    -------
    int
        From 1 to 2048; fewer voxels than 512 are not shared out among threads.

    Raises
    ------
    InputError
        If the bound is below what one voxel for each thread needs.
    """
    n_samples, n_features = shape
    width, knots = min(max_iter, n_features), max_iter + 1
    shared = 2 * n_samples * n_features + (3 * n_folds + 4) * n_features**2
    each = (
        2 * n_samples + (2 * n_folds + 10) * n_features + 4 * width**2 + 5 * knots * width
        + 12 * n_folds * knots
    )  # fmt: skip
    size = int((memory_mb * 1e6 / 8 - shared) / (each * n_threads))
    if size < 1:
        least = 8e-6 * (shared + each * n_threads)
        raise InputError(
            "memory_mb",
            expected=f"{least:.3g} MB or more for {n_features} features and {n_samples} samples",
            found=f"{memory_mb:g} MB",
            hint="allow more, use fewer threads, or reduce the features",
        )
    return min(size, _BLOCK, max(_LEAST, -(-n_voxels // n_threads)))


def _as_slice(rows: np.ndarray) -> slice | np.ndarray:
    start, stop = int(rows[0]), int(rows[-1]) + 1
    return slice(start, stop) if stop - start == len(rows) else rows
