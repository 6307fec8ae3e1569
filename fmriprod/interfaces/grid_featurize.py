"""Samples x voxels in another grid, without a series in that grid."""

import nibabel as nb
import numpy as np
from nipype.interfaces.base import traits

from fmriprod.algorithms.grid import resample_series
from fmriprod.interfaces.featurize import Featurize, FeaturizeInputSpec
from fmriprod.interfaces.images import load_mask
from fmriprod.interfaces.resample_to_grid import GridInputSpec
from fmriprod.interfaces.volume_stream import VolumeReader


class _FeaturizeInGridInputSpec(FeaturizeInputSpec, GridInputSpec):
    interpolation = traits.Enum(
        "spline", "linear", "nearest", "sinc", usedefault=True,
        desc="cubic B-spline; trilinear; nearest voxel; windowed sinc (slow)",
    )  # fmt: skip
    memory_gb = traits.Range(
        low=0.0, value=1.0, usedefault=True, nohash=True,
        desc="memory in GB for volumes: as many are worked on at a time as fit, at most "
        "num_threads, at least one; does not change the result",
    )  # fmt: skip


class FeaturizeInGrid(Featurize):
    """Take samples of a run in another grid: only volumes and voxels that are needed.

    The features are those of `ResampleToGrid` followed by `Featurize`, for a part of the time
    and without the series in between, which in a fine grid is ten times as large as the
    original. A voxel counts as constant if it is so in the volumes that are taken.
    ``mask_file`` lies on the grid; ``transform_files`` lead from the grid to ``in_file``.

    Examples
    --------
    >>> FeaturizeInGrid(voxel_size=2.0, shift_volumes=3).inputs.interpolation
    'spline'
    """

    input_spec = _FeaturizeInGridInputSpec
    _libraries = ("numpy", "scipy", "SimpleITK")

    def _series(
        self, image: nb.Nifti1Image, volumes: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        values = self.inputs
        grid, chain = values.grid(), values.chain()
        mask = load_mask(values.mask_file, grid)
        whole = values.standardize == "run"  # its moments are those of all volumes
        taken = np.arange(image.shape[3]) if whole else np.unique(volumes)
        reader = VolumeReader(values.in_file)
        _, moved = resample_series(
            lambda place: reader(int(taken[place])), len(taken), image.affine,
            chain if len(chain) == 1 else chain[taken], grid.shape, grid.affine, within=mask,
            interpolation=values.interpolation, memory_gb=values.memory_gb,
            num_threads=values.num_threads,
        )  # fmt: skip
        series = np.empty((int(mask.sum()), len(taken)), np.float32)
        for place, volume in enumerate(moved):
            series[:, place] = volume[mask]
        return mask, grid.affine, series, np.searchsorted(taken, volumes)
