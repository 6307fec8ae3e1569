"""How often each penalty of a grid was chosen."""

from collections.abc import Sequence

import numpy as np

from fmriprod.algorithms.checks import InputError


def penalty_shares(chosen: np.ndarray, penalties: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    """Give the share of voxels and folds that chose each penalty, by layer.

    Parameters
    ----------
    chosen : ndarray, shape (n_layers, n_folds, n_voxels)
        Chosen penalties; NaN is left out. They may differ from those that were tried by the
        rounding of float32.
    penalties : sequence of float
        The penalties that were tried, in any order.

    Returns
    -------
    grid : ndarray of float64, shape (n_penalties,)
        The penalties, ascending.
    shares : ndarray of float64, shape (n_layers, n_penalties)
        From 0 to 1; NaN for a layer without any.

    Raises
    ------
    InputError
        If a chosen penalty was not tried.

    Examples
    --------
    >>> penalty_shares(np.array([[[1.0, 10, 10, 100]]]), [100, 10, 1])[1].tolist()
    [[0.25, 0.5, 0.25]]
    """
    grid = np.unique(np.asarray(penalties, dtype=float))
    between = (grid[1:] + grid[:-1]) / 2
    shares = np.full((len(chosen), len(grid)), np.nan)
    for layer, values in enumerate(chosen):
        values = values[np.isfinite(values)].astype(float)
        if not values.size:
            continue
        nearest = np.searchsorted(between, values)
        wrong = ~np.isclose(values, grid[nearest], rtol=1e-5, atol=0)
        if wrong.any():
            raise InputError(
                "penalties",
                expected=f"the penalties that were chosen, among them {values[wrong][0]:g}",
                found=", ".join(f"{p:g}" for p in grid),
                hint="give the penalties that the model was fitted with",
            )
        shares[layer] = np.bincount(nearest, minlength=len(grid)) / values.size
    return grid, shares
