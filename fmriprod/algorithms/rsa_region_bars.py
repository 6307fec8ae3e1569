"""Means over the voxels of regions, for each participant and for the group."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy import stats

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.sign_flip import fdr

COLUMNS = ("roi", "map", "voxels", "n", "mean", "sd", "sem", "ci_low", "ci_high", "t", "p", "p_fdr",
           "significant")  # fmt: skip


def participant_means(
    values: np.ndarray, regions: Mapping[str, np.ndarray], *, positive_only: bool = False
) -> np.ndarray:
    """Mean of every region's voxels in every map of every participant.

    Parameters
    ----------
    values : ndarray, shape (n_subjects, n_maps, n_voxels)
        Correlations, or Fisher's z of them; what is not finite counts for nothing.
    regions : mapping of str to ndarray of bool, shape (n_voxels,)
        Voxels of each region.
    positive_only : bool
        Mean of voxels above 0 only, as published. It is above 0 in noise too.

    Returns
    -------
    ndarray of float64, shape (n_subjects, n_regions, n_maps)
        NaN where there is no such voxel.

    Raises
    ------
    InputError
        If a region has no voxel.
    """
    means = np.full((len(values), len(regions), values.shape[1]), np.nan)
    for number, (name, region) in enumerate(regions.items()):
        if not np.any(region):
            raise InputError(
                "regions", expected=f"a region {name!r} with voxels of the maps", found="none",
                hint="compare its mask with that of the maps",
            )  # fmt: skip
        inside = values[:, :, region]
        counted = inside > 0 if positive_only else np.isfinite(inside)
        total = np.where(counted, inside, 0).sum(axis=2, dtype=np.float64)
        size = counted.sum(axis=2)
        np.divide(total, size, out=means[:, number], where=size > 0)
    return means


def region_bars(
    values: np.ndarray,
    regions: Mapping[str, np.ndarray],
    maps: Sequence[str],
    *,
    coverage: float = 0.95,
    level: float = 0.05,
) -> pd.DataFrame:
    """Means of regions over participants, with intervals and tests against 0.

    Parameters
    ----------
    values, regions
        As `participant_means` takes them.
    maps : sequence of str
        Names of the maps: layers or codes.
    coverage : float
        Of the interval, in (0, 1).
    level : float
        Largest ``p_fdr`` that is significant.

    Returns
    -------
    DataFrame
        A row a region, map and ``voxels`` (``all``, or ``positive``: as published), with `COLUMNS`:
        ``n`` participants; ``mean``, ``sd`` and ``sem`` = sd / sqrt(n) over them; the interval of
        the mean by Student's t; ``t`` and two-sided ``p`` against 0, ``p_fdr`` over regions and
        maps (Benjamini-Hochberg). Those of ``positive`` are those of ``all``: a mean of what is
        above 0 is above 0 whatever the data. With fewer than two participants all that needs two
        is NaN.

    Raises
    ------
    InputError
        If names do not fit the maps, or a region has no voxel.
    """
    if len(maps) != values.shape[1]:
        raise InputError(
            "maps", expected=f"a name for each of {values.shape[1]} maps",
            found=f"{len(maps)}: {', '.join(maps)}", hint="name the layers or codes in their order",
        )  # fmt: skip
    both = {
        kind: _summary(participant_means(values, regions, positive_only=positive), coverage)
        for kind, positive in (("all", False), ("positive", True))
    }
    tests = {name: both["all"].pop(name) for name in ("t", "p")}
    tests["p_fdr"] = fdr(tests["p"].ravel()).reshape(tests["p"].shape)
    tests["significant"] = tests["p_fdr"] <= level
    rows = [
        {"roi": roi, "map": each, "voxels": kind}
        | {name: column[i, j] for name, column in (both[kind] | tests).items()}
        for i, roi in enumerate(regions)
        for j, each in enumerate(maps)
        for kind in both
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _summary(means: np.ndarray, coverage: float) -> dict[str, np.ndarray]:
    """Mean, scatter, interval and t of each column over participants, where they have a value."""
    known = np.isfinite(means)
    n = known.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(known, means, 0).sum(axis=0) / n
        squares = np.where(known, (means - mean) ** 2, 0).sum(axis=0)
        sd = np.where(n > 1, np.sqrt(squares / (n - 1)), np.nan)
        sem = sd / np.sqrt(n)
        t = mean / sem
    half = stats.t.isf((1 - coverage) / 2, np.maximum(n - 1, 1)) * sem
    p = 2 * stats.t.sf(np.abs(t), np.maximum(n - 1, 1))
    return {"n": n, "mean": mean, "sd": sd, "sem": sem, "ci_low": mean - half,
            "ci_high": mean + half, "t": t, "p": p}  # fmt: skip
