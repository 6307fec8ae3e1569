"""Volumes that are left to a regressor of their own because of motion."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pandas as pd


def scrubbed_volumes(
    displacement: np.ndarray,
    std_dvars: np.ndarray,
    *,
    fd_threshold: float = 0.5,
    dvars_threshold: float = 1.5,
    min_segment: int = 5,
) -> list[int]:
    """List the volumes to scrub.

    Volumes above a threshold, and all volumes in a piece between two of them (or between one
    of them and the start or end of the run) that is shorter than ``min_segment``. A run
    without a volume above the thresholds is kept whole.

    Parameters
    ----------
    displacement : ndarray, shape (n_volumes,)
        Framewise displacement in mm.
    std_dvars : ndarray, shape (n_volumes,)
        Standardised DVARS (1: as clean noise).
    fd_threshold : float
        In mm.
    dvars_threshold : float
        Of standardised DVARS.
    min_segment : int
        Volumes that a piece must have to be kept; 0 keeps all pieces.

    Returns
    -------
    list of int
        Volumes from 0, sorted.

    References
    ----------
    Power et al. (2014), NeuroImage 84, 320: segments of fewer than 5 volumes are censored.

    Examples
    --------
    >>> scrubbed_volumes(np.array([0, 0, 0, 0, 0, 9, 0, 0, 9, 0, 0, 0, 0, 0]), np.zeros(14))
    [5, 6, 7, 8]
    """
    bad = (np.asarray(displacement) > fd_threshold) | (np.asarray(std_dvars) > dvars_threshold)
    if not bad.any():
        return []
    edges = [-1, *np.flatnonzero(bad), len(bad)]
    for before, after in pairwise(edges):
        if after - before - 1 < min_segment:
            bad[before + 1 : after] = True
    return [int(volume) for volume in np.flatnonzero(bad)]


def spikes(volumes: Sequence[int], n_volumes: int) -> pd.DataFrame:
    """Make one column for each volume, 1 there and 0 elsewhere, named by the volume from 0.

    Examples
    --------
    >>> spikes([1], 3)["scrub_001"].to_list()
    [0.0, 1.0, 0.0]
    """
    one_hot = np.eye(n_volumes)[:, list(volumes)]
    return pd.DataFrame(one_hot, columns=[f"scrub_{volume:03d}" for volume in volumes])
