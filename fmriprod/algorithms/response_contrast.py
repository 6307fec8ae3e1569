"""The contrast between the responses to two kinds of stimuli."""

import numpy as np

from fmriprod.algorithms.checks import InputError, usable_voxels

_BLOCK = 4096  # voxels at a time: bounds the copy in double precision


def two_sample_t(responses: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Compare the mean responses to two kinds of stimuli in every voxel.

    The contrast [1, -1] of a linear model with one column for each kind, with independent
    noise of one variance: Student's t.

    Parameters
    ----------
    responses : ndarray, shape (n_samples, n_voxels)
        One row a stimulus; may be mapped from disk, read in blocks of voxels.
    first, second : ndarray of bool, shape (n_samples,)
        Rows of each kind.

    Returns
    -------
    ndarray of float32, shape (n_voxels,)
        t with ``n_first + n_second - 2`` degrees of freedom, positive where the first kind
        has the larger mean; NaN where responses are not finite or do not vary, infinite
        where they vary between kinds only.

    Raises
    ------
    InputError
        If a kind has no rows, a row is of both kinds, or there are fewer than 3 rows.

    References
    ----------
    Eickenberg et al. (2017), NeuroImage 152, 184, section 3.3.2.

    Examples
    --------
    >>> kind = np.array([True, True, False, False])
    >>> t = two_sample_t(np.array([[3.0], [5.0], [1.0], [3.0]]), kind, ~kind)
    >>> round(float(t[0]), 4)
    1.4142
    """
    responses = np.asanyarray(responses)
    first, second = np.asarray(first, dtype=bool), np.asarray(second, dtype=bool)
    counts = first.sum(), second.sum()
    fits = len(first) == len(second) == len(responses) and not (first & second).any()
    if not fits or min(counts) < 1 or sum(counts) < 3:
        raise InputError(
            "conditions",
            expected="rows of two kinds, at least 3 in all and none of both kinds",
            found=f"{counts[0]} and {counts[1]} of {len(responses)} rows",
            hint="give the two conditions to compare, as the samples name them",
        )
    t = np.full(responses.shape[1], np.nan, dtype=np.float32)
    for start in range(0, len(t), _BLOCK):
        columns = slice(start, start + _BLOCK)
        groups = [responses[rows, columns].astype(np.float64) for rows in (first, second)]
        good = usable_voxels(np.concatenate(groups).T)
        means = [group[:, good].mean(axis=0) for group in groups]
        squares = sum(
            ((group[:, good] - mean) ** 2).sum(axis=0)
            for group, mean in zip(groups, means, strict=True)
        )
        variance = squares / (sum(counts) - 2) * (1 / counts[0] + 1 / counts[1])
        with np.errstate(divide="ignore"):
            t[start + np.flatnonzero(good)] = (means[0] - means[1]) / np.sqrt(variance)
    return t
