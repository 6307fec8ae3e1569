"""Voxels that see a known place of an image."""

import numpy as np


def planted_fields(size: int, n_voxels: int, *, sigma: float = 0.08, seed: int = 0):
    """Simulate Gaussian receptive fields at random angles.

    Parameters
    ----------
    size : int
        Pixels of a side of the image.
    n_voxels : int
        Number of fields.
    sigma : float
        Standard deviation as a share of the side.
    seed : int
        Seed of the places.

    Returns
    -------
    fields : ndarray of float32, shape (size ** 2, n_voxels)
        Weights of the pixels, row after row from the top; each sums to one.
    angles : ndarray, shape (n_voxels,)
        Polar angle of each in rad, counter-clockwise from the right, y upwards.
    """
    rng = np.random.default_rng(seed)
    angles = rng.uniform(-np.pi, np.pi, n_voxels)
    radius = rng.uniform(0.15, 0.35, n_voxels) * size
    rows, columns = np.indices((size, size)).reshape(2, -1, 1)
    right = columns - (size - 1) / 2 - radius * np.cos(angles)
    up = (size - 1) / 2 - rows - radius * np.sin(angles)
    fields = np.exp(-(right**2 + up**2) / (2 * (sigma * size) ** 2))
    return (fields / fields.sum(axis=0)).astype(np.float32), angles
