"""Dissimilarities of objects in participants whose patterns hold codes of the objects."""

from collections.abc import Sequence

import numpy as np

from fmriprod.algorithms.checks import InputError


def simulate_object_rdms(
    codes: np.ndarray,
    strengths: Sequence[float],
    *,
    n_participants: int = 6,
    n_voxels: int = 200,
    seed: int = 0,
) -> np.ndarray:
    """Simulate correlation distances between objects.

    A voxel answers to each code with a weight of its own, drawn from a normal distribution of the
    code's strength as standard deviation, and to each object with a part of the object's own, of
    standard deviation 1.

    Parameters
    ----------
    codes : ndarray, shape (n_objects, n_codes)
        What is planted, such as 1 where an object is a face.
    strengths : sequence of float
        Of each code.
    n_participants, n_voxels : int
        How many.
    seed : int
        Seed of weights and parts.

    Returns
    -------
    ndarray of float32, shape (n_participants, n_pairs)
        1 - Pearson's r, row by row of the upper triangle.

    Raises
    ------
    InputError
        If there is not one strength for each code.
    """
    if codes.ndim != 2 or len(strengths) != codes.shape[1]:
        raise InputError(
            "strengths", expected=f"one for each of the codes, whose shape is {codes.shape}",
            found=str(len(strengths)), hint="give a column a code, and a strength for each",
        )  # fmt: skip
    rng = np.random.default_rng(seed)
    upper = np.triu_indices(len(codes), 1)
    rows = []
    for _ in range(n_participants):
        weights = rng.normal(size=(codes.shape[1], n_voxels)) * np.array(strengths)[:, None]
        patterns = codes @ weights + rng.normal(size=(len(codes), n_voxels))
        rows.append(1 - np.corrcoef(patterns)[upper])
    return np.array(rows, dtype=np.float32)
