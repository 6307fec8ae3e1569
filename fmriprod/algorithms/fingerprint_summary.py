"""Tables and numbers that sum up fingerprints."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from fmriprod.algorithms.fingerprint import first_component, voxel_profiles
from fmriprod.algorithms.region_profile import RegionProfile

_COLUMNS = ("value", "low", "high", "n_voxels", "fold_low", "fold_high", "n_best", "mean")


def profile_table(profiles: Mapping[str, RegionProfile], layers: Sequence[str]) -> pd.DataFrame:
    """Make a table of regions' profiles, a row a region and layer.

    Parameters
    ----------
    profiles : mapping of str to RegionProfile
        Profile of each region.
    layers : sequence of str
        Names in their order.

    Returns
    -------
    DataFrame
        ``roi layer`` and what `RegionProfile` has under these names: ``value low high n_voxels
        fold_low fold_high n_best``, and ``score``, its ``mean``.
    """
    parts = [
        pd.DataFrame({"roi": name, "layer": list(layers)}).assign(
            **{column: getattr(profile, column) for column in _COLUMNS}
        )
        for name, profile in profiles.items()
    ]
    return pd.concat(parts, ignore_index=True).rename(columns={"mean": "score"})


def summarize_fingerprints(
    layers: Sequence[str],
    scores: np.ndarray,
    kept: np.ndarray,
    best: np.ndarray,
    regions: Mapping[str, RegionProfile],
) -> dict[str, Any]:
    """Count voxels and tell whether a line over layers sums up their profiles.

    Parameters
    ----------
    layers : sequence of str
        Names in their order.
    scores : ndarray, shape (n_layers, n_voxels)
        Scores; NaN where a voxel is not usable.
    kept : ndarray of bool, shape (n_voxels,)
        Voxels that take part.
    best : ndarray of int, shape (n_voxels,)
        Number of the best layer from 1 on, 0 where there is none.
    regions : mapping of str to RegionProfile
        Profile of each region.

    Returns
    -------
    dict
        For JSON. ``component_of_profiles`` and ``component_of_scores`` speak of the first
        principal component over kept voxels of the shares and of the scores themselves; the
        source does not say which of the two it looked at.
    """
    shown = np.where(kept, scores, np.nan)
    profiles = voxel_profiles(shown)
    counts = np.bincount(best, minlength=len(layers) + 1)[1:]
    return {
        "layers": list(layers),
        "n_voxels": int(kept.size),
        "n_usable": int(np.isfinite(scores).all(axis=0).sum()),
        "n_kept": int(kept.sum()),
        "n_without_profile": int((kept & ~np.isfinite(profiles).all(axis=0)).sum()),
        "n_voxels_by_best_layer": dict(zip(layers, map(int, counts), strict=True)),
        "regions": {name: _region(profile, layers) for name, profile in regions.items()},
        "component_of_profiles": _component(profiles),
        "component_of_scores": _component(shown),
    }


def _region(profile: RegionProfile, layers: Sequence[str]) -> dict[str, Any]:
    known = np.isfinite(profile.mean).all()
    return {
        "n_voxels": profile.n_voxels,
        "n_best": profile.n_best,
        "n_fold_voxels": profile.n_fold_voxels,
        "peak_score": float(profile.mean.max()) if known else None,
        "peak_layer": layers[int(profile.mean.argmax())] if known else None,
    }


def _component(profiles: np.ndarray) -> dict[str, Any]:
    found = first_component(profiles)
    return {
        "share_of_variance": _or_none(found.share),
        "correlation_with_trend": _or_none(found.trend_r),
        "loading": [_or_none(value) for value in found.loading],
        "n_voxels": found.n_voxels,
    }


def _or_none(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
