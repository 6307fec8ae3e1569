"""What the scores of an encoding model come to, layer by layer."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.penalty_shares import penalty_shares


def score_overview(
    scores: np.ndarray,
    penalty: np.ndarray,
    usable: np.ndarray,
    layers: Sequence[str],
    penalties: Sequence[float],
    *,
    at_least: float | None = None,
) -> pd.DataFrame:
    """Count the voxels that each layer predicts, and how often they chose an end of the grid.

    Voxels that nothing predicts tend to choose the largest penalty, whatever it is: only those
    that are predicted tell whether the grid is wide enough.

    Parameters
    ----------
    scores : ndarray, shape (n_layers, n_voxels)
        Mean over folds, r2 or r.
    penalty : ndarray, shape (n_layers, n_folds, n_voxels)
        Chosen penalties, in the unit of ``penalties``.
    usable : ndarray of bool, shape (n_voxels,)
        Voxels that were analysed.
    layers : sequence of str
        Names in their order.
    penalties : sequence of float
        The penalties that were tried.
    at_least : float, optional
        A voxel is predicted with this score or more; without it, with one above 0.

    Returns
    -------
    DataFrame
        A row a layer and a last one, ``any``, of the best layer of each voxel: ``layer
        n_predicted median p95 largest`` (scores of usable voxels: median, 95th percentile, largest)
        ``share_smallest share_largest`` (of choices of predicted voxels, from 0 to 1; NaN
        where there are none, for ``any`` over all layers' choices).

    Raises
    ------
    InputError
        If no voxel is usable, a usable voxel has no finite score, or a penalty was not tried.
    """
    usable = np.asarray(usable, bool)
    known = np.asarray(scores, dtype=np.float64)[:, usable]
    if not known.size or not np.isfinite(known).all():
        raise InputError(
            "scores",
            expected="a finite score of every layer in each usable voxel, of which there is one "
            "or more",
            found=f"{int((~np.isfinite(known)).sum())} not finite, {known.shape[1]} usable voxels",
            hint="give the scores that RidgeEncode wrote",
        )
    every = np.vstack([known, known.max(axis=0)])
    predicted = every > 0 if at_least is None else every >= at_least
    median, p95 = np.percentile(every, [50, 95], axis=1)
    chosen = np.asarray(penalty)[:, :, usable]
    chosen = np.where(predicted[:-1, None], chosen, np.nan)
    parts = [penalty_shares(these, penalties)[1] for these in (chosen, chosen.reshape(1, 1, -1))]
    shares = np.vstack(parts)
    return pd.DataFrame(
        {
            "layer": [*layers, "any"],
            "n_predicted": predicted.sum(axis=1),
            "median": median,
            "p95": p95,
            "largest": every.max(axis=1),
            "share_smallest": shares[:, 0],
            "share_largest": shares[:, -1],
        }
    )
