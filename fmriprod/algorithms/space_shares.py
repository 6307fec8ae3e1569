"""What each feature space adds to the prediction of regions."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from fmriprod.algorithms.banded_ridge import BandedEncoding


def space_shares(
    encoding: BandedEncoding, regions: Mapping[str, np.ndarray], *, best_share: float = 0.25
) -> pd.DataFrame:
    """Average the split of explained variance over the best voxels of each region.

    Parameters
    ----------
    encoding : BandedEncoding
        Of all voxels.
    regions : mapping of str to ndarray of bool, shape (n_voxels,)
        Voxels of each region.
    best_share : float, default 0.25
        Share of a region's usable voxels that are averaged, those with the largest r2 of all
        spaces together; rounded up.

    Returns
    -------
    DataFrame
        A row a region and space: ``roi space split`` (mean over the best voxels) ``fold_low
        fold_high`` (lowest and highest such mean of a held-out group) ``weight unique`` (means
        over the same; ``unique`` where it was asked for) ``n_most`` (best voxels to which this
        space adds most) ``r2`` (mean of all spaces together) ``n_best n_voxels`` (of the
        region; usable ones). NaN where a region has no usable voxel.
    """
    rows = []
    weight = encoding.gamma.mean(axis=1)
    for roi, inside in regions.items():
        own = np.flatnonzero(inside & encoding.usable)
        n_best = int(np.ceil(round(best_share * len(own), 9)))  # 0.07 * 100 is a little above 7
        best = own[np.argsort(-encoding.r2[own], kind="stable")[:n_best]]
        most = np.bincount(encoding.split[:, best].argmax(axis=0), minlength=len(encoding.spaces))
        for number, space in enumerate(encoding.spaces):
            folds = [_mean(values[best]) for values in encoding.fold_split[number]]
            row = {
                "roi": roi,
                "space": space,
                "split": _mean(encoding.split[number, best]),
                "fold_low": min(folds),
                "fold_high": max(folds),
                "weight": _mean(weight[number, best]),
            }
            if encoding.unique is not None:
                row["unique"] = _mean(encoding.unique[number, best])
            row["n_most"] = int(most[number])
            row["r2"] = _mean(encoding.r2[best])
            rows.append(row | {"n_best": n_best, "n_voxels": len(own)})
    return pd.DataFrame(rows)


def _mean(values: np.ndarray) -> float:
    return float(values.mean(dtype=np.float64)) if len(values) else float("nan")
