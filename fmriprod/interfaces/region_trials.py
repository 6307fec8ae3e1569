"""Read the time courses of regions in each trial, and which pairs of regions to take."""

import itertools
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from nipype.interfaces.base import isdefined, traits

from fmriprod.algorithms.checks import InputError, suggest
from fmriprod.algorithms.trial_connectivity import trial_rows, varying_voxels
from fmriprod.interfaces.images import load_image
from fmriprod.interfaces.region_samples import (
    RegionSamplesInputSpec,
    check_region_names,
    read_region_features,
)


class RegionPairsInputSpec(RegionSamplesInputSpec):
    """Inputs that name features, regions and pairs of regions."""

    pairs = traits.List(
        traits.Tuple(traits.Str, traits.Str),
        desc="pairs of region names, region 1 and region 2 (default: all, in the order of names)",
    )
    labels = traits.List(traits.Str, desc="labels whose trials take part (default: all)")
    missing = traits.Enum(
        "error",
        "skip",
        usedefault=True,
        desc="a region without a voxel in its mask: refuse, or leave out its pairs and say so in "
        "notes",
    )


class RegionTrials(NamedTuple):
    """Time courses of regions.

    Attributes
    ----------
    trials : DataFrame, n_trials rows
        From `trial_rows`.
    series : dict of str to ndarray of float32, shape (n_trials, n_time_points, n_voxels)
        Of each region, the voxels that vary in every trial, in the C order of its mask.
    voxels : dict of str to DataFrame
        Voxel table of each region, with ``taken``: 1 where a voxel is in the time courses.
    n_constant : dict of str to int
        Voxels of the region that are not.
    pairs : list of (str, str)
        Pairs of regions, all of which have voxels.
    notes : list of str
        What was left out.
    """

    trials: pd.DataFrame
    series: dict[str, np.ndarray]
    voxels: dict[str, pd.DataFrame]
    n_constant: dict[str, int]
    pairs: list[tuple[str, str]]
    notes: list[str]


def read_region_trials(inputs: Any) -> RegionTrials:
    """Read the regions that the pairs need.

    Parameters
    ----------
    inputs : RegionPairsInputSpec
        The inputs.

    Returns
    -------
    RegionTrials

    Raises
    ------
    InputError
        If files do not fit together (`read_region_features`), trials have no time course
        (`trial_rows`), or a region has no voxel that varies in every trial.
    """
    pairs, masks, notes = _used(inputs)
    if not pairs:
        return RegionTrials(pd.DataFrame(), {}, {}, {}, [], notes)
    found = read_region_features(
        inputs.features_files,
        inputs.samples_files,
        inputs.voxels_files,
        list(masks.values()),
        list(masks),
    )
    samples = found.samples
    if isdefined(inputs.labels) and inputs.labels:
        samples = _with_labels(samples, inputs.labels)
    trials, rows = trial_rows(samples.reset_index(drop=True))
    rows = samples.index.to_numpy()[rows]
    result = RegionTrials(trials, {}, {}, {}, pairs, notes)
    for name in masks:
        columns = found.columns[name]
        series = found.features[rows[:, :, None], columns]
        varies = varying_voxels(series)
        result.series[name] = series if varies.all() else series[:, :, varies]
        result.voxels[name] = found.voxels.iloc[columns].assign(taken=varies.astype(np.uint8))
        result.n_constant[name] = int((~varies).sum())
    empty = [name for name, series in result.series.items() if not series.shape[2]]
    if empty:
        raise InputError(
            "features_files",
            expected="voxels that vary in every trial, in each region",
            found=f"none in {', '.join(empty)}",
            hint="leave such regions out, or look at the series and the masks",
        )
    return result


def _used(inputs: Any) -> tuple[list[tuple[str, str]], dict[str, str], list[str]]:
    """Pairs of regions, the masks of these regions, and what is left out."""
    check_region_names(inputs.mask_files, inputs.region_names)
    pairs = chosen_pairs(inputs)
    paths = dict(zip(inputs.region_names, inputs.mask_files, strict=True))
    masks = {name: paths[name] for name in dict.fromkeys(n for pair in pairs for n in pair)}
    empty = []
    if inputs.missing == "skip":
        empty = [name for name, path in masks.items() if not load_image(path)[0].any()]
        masks = {name: path for name, path in masks.items() if name not in empty}
        pairs = [pair for pair in pairs if not set(pair) & set(empty)]
        masks = {name: path for name, path in masks.items() if any(name in p for p in pairs)}
    return pairs, masks, [f"no voxel: region {name}, all its pairs" for name in empty]


def chosen_pairs(inputs: Any) -> list[tuple[str, str]]:
    """Tell the pairs of regions: those given, or all.

    Raises
    ------
    InputError
        If there are fewer than two regions, or a pair names an unknown region, one region
        twice, or is there twice.
    """
    names = inputs.region_names
    if not isdefined(inputs.pairs) or not inputs.pairs:
        if len(names) < 2:
            raise _bad_pairs("two regions or more", f"{len(names)}", "give more masks")
        return list(itertools.combinations(names, 2))
    for name in (name for pair in inputs.pairs for name in pair):
        if name not in names:
            raise _bad_pairs("names among region_names", repr(name), suggest(name, names))
    seen: set[frozenset[str]] = set()
    for pair in inputs.pairs:
        if pair[0] == pair[1] or frozenset(pair) in seen:
            raise _bad_pairs(
                "two regions in a pair, each pair once", f"{pair}", "leave that pair out"
            )
        seen.add(frozenset(pair))
    return list(inputs.pairs)


def _with_labels(samples: pd.DataFrame, labels: list[str]) -> pd.DataFrame:
    known = sorted(set(samples["label"]))
    for label in labels:
        if label not in known:
            raise InputError(
                "labels",
                expected="labels that the samples have",
                found=repr(label),
                hint=suggest(label, known),
            )
    return samples[samples["label"].isin(labels)]


def _bad_pairs(expected: str, found: str, hint: str) -> InputError:
    return InputError("pairs", expected=expected, found=found, hint=hint)
