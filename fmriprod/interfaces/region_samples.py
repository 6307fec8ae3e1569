"""Read the features of several runs with the columns of each region."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from nipype.interfaces.base import File, traits

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.region_columns import columns_of
from fmriprod.interfaces.base import PythonInputSpec
from fmriprod.interfaces.images import open_image, read_voxels
from fmriprod.interfaces.samples import read_features, read_voxel_tables


class RegionSamplesInputSpec(PythonInputSpec):
    """Inputs that say where the samples of regions are."""

    features_files = traits.List(
        File(exists=True),
        mandatory=True,
        desc="samples x voxels .npy of each run, all voxels of any region, from Featurize",
    )
    samples_files = traits.List(
        File(exists=True), mandatory=True, desc="sample tables (TSV) in the same order"
    )
    voxels_files = traits.List(
        File(exists=True), mandatory=True, desc="voxel tables (TSV) in the same order"
    )
    mask_files = traits.List(
        File(exists=True), mandatory=True, desc="a mask for each region, on the features' grid"
    )
    region_names = traits.List(
        traits.Str, mandatory=True, desc="names of the regions, in the order of mask_files"
    )


class RegionSamples(NamedTuple):
    """Samples of all runs and the columns of each region.

    Attributes
    ----------
    features : ndarray of float32, shape (n_samples, n_voxels)
        All voxels of the union of regions.
    samples : DataFrame, n_samples rows
        The sample tables, in the order of the files.
    voxels : DataFrame, n_voxels rows
        The voxel table; ``usable`` is 1 where a voxel is so in every run.
    columns : dict of str to ndarray of int
        For each region its columns, in the C order of its mask.
    n_missing : dict of str to int
        Voxels of each region that the features lack, with ``missing='drop'``.
    """

    features: np.ndarray
    samples: pd.DataFrame
    voxels: pd.DataFrame
    columns: dict[str, np.ndarray]
    n_missing: dict[str, int]

    def region(self, name: str, *, usable_only: bool = False) -> np.ndarray:
        """Take the matrix of a region, shape (n_samples, n_region_voxels)."""
        columns = self.columns[name]
        if usable_only:
            columns = columns[self.voxels["usable"].to_numpy()[columns] == 1]
        return self.features[:, columns]


def read_region_features(
    features_files: list[str],
    samples_files: list[str],
    voxels_files: list[str],
    mask_files: list[str],
    region_names: list[str],
    *,
    missing: str = "error",
) -> RegionSamples:
    """Read what `Featurize` wrote for the union of regions, and choose each region's columns.

    Parameters
    ----------
    features_files, samples_files, voxels_files : list of str
        Outputs of `Featurize`, one of each for a run, with the same mask.
    mask_files : list of str
        A mask for each region, on the grid of the features; voxels that are not 0 belong.
    region_names : list of str
        Their names, in the same order.
    missing : {'error', 'drop'}
        What to do with voxels of a region that the features lack, see `columns_of`.

    Returns
    -------
    RegionSamples

    Raises
    ------
    InputError
        If files do not fit together (see `read_features`), names and masks do not pair up, a
        mask is on another grid, is empty or has voxels that the features lack: all regions
        with such problems are named at once.
    """
    check_region_names(mask_files, region_names)
    features, samples = read_features(features_files, samples_files)
    voxels = read_voxel_tables(voxels_files, features_files, features.shape[1])
    columns: dict[str, np.ndarray] = {}
    n_missing, problems = {}, []
    for path, name in zip(mask_files, region_names, strict=True):
        try:
            columns[name], n_missing[name] = _columns(path, voxels, missing)
        except InputError as err:
            err.file = err.file or path
            problems.append((name, err))
    if problems:
        raise _all_problems(problems)
    return RegionSamples(features, samples, voxels, columns, n_missing)


def check_region_names(mask_files: list[str], region_names: list[str]) -> None:
    """Refuse lists that do not pair up.

    Raises
    ------
    InputError
        If there is no region, the lists differ in length, or a name is there twice or empty.
    """
    twice = sorted({name for name in region_names if region_names.count(name) > 1})
    bad = [repr(name) for name in [*twice, *(n for n in region_names if not n.strip())]]
    if bad or not mask_files or len(mask_files) != len(region_names):
        raise InputError(
            "region_names",
            expected="a name of its own for each of the mask_files, at least one",
            found=f"{len(region_names)} names for {len(mask_files)} masks"
            + (f"; twice or empty: {', '.join(bad)}" if bad else ""),
            hint="give both lists in the same order",
        )


def _columns(path: str, voxels: pd.DataFrame, missing: str) -> tuple[np.ndarray, int]:
    """Columns of one region, after a look at its grid, and how many the features lack."""
    image = open_image(path, ndim=3)
    index = voxels[["i", "j", "k"]].to_numpy().astype(np.int64)
    world = index @ image.affine[:3, :3].T + image.affine[:3, 3]
    distance = np.abs(world - voxels[["x", "y", "z"]].to_numpy()).max()
    if not distance <= 1e-3:
        raise InputError(
            "mask_files",
            expected="a mask on the grid of the features",
            found=f"an affine that puts their voxels up to {distance:.3g} mm elsewhere\n"
            f"{image.affine}",
            hint="resample the mask to the grid of the features, nearest neighbour",
        )
    mask = np.nan_to_num(read_voxels(image)) != 0
    columns = columns_of(index, mask, missing=missing)
    return columns, int(mask.sum()) - len(columns)


def _all_problems(problems: list[tuple[str, InputError]]) -> InputError:
    if len(problems) == 1:
        return problems[0][1]
    return InputError(
        "mask_files",
        expected="masks on the grid of the features, all their voxels among the features'",
        found="\n".join(f"{name}: {err.found} ({err.file})" for name, err in problems),
        hint=problems[0][1].hint,
    )
