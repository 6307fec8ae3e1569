"""Bring maps and series into the grid of a named space, with one interpolation."""

from pathlib import Path
from typing import Any

import nibabel as nb
import numpy as np
from nipype.interfaces.base import File, InputMultiObject, TraitedSpec, isdefined, traits

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.grid import isotropic_grid, resample_series
from fmriprod.algorithms.resample import coverage, resample
from fmriprod.algorithms.roi import label_fraction
from fmriprod.interfaces.atomic_files import compress_file
from fmriprod.interfaces.base import ImageWriterInputSpec, PythonInterface
from fmriprod.interfaces.images import (
    check_same_grid,
    load_mask,
    new_image,
    open_image,
    read_voxels,
)
from fmriprod.interfaces.transforms import TransformInputSpec, stored_dtype
from fmriprod.interfaces.volume_stream import VolumeReader, write_volumes


def target_grid(reference_file: str, voxel_size: float | None = None) -> nb.Nifti1Image:
    """Give the grid that an image sets, or a grid of cubic voxels over its field of view.

    Parameters
    ----------
    reference_file : path
        The image.
    voxel_size : float, optional
        Edge of a voxel in mm; see `fmriprod.algorithms.grid.isotropic_grid`.

    Returns
    -------
    nibabel.Nifti1Image
        An image without content: its shape has three numbers.
    """
    reference = open_image(reference_file)
    shape, affine = tuple(int(n) for n in reference.shape[:3]), reference.affine
    if voxel_size is not None:
        shape, affine = isotropic_grid(shape, affine, voxel_size)
    return new_image(np.broadcast_to(np.uint8(0), shape), reference, affine=affine)


class GridInputSpec(TransformInputSpec):
    """Inputs of interfaces whose outputs lie on a grid that is told by an image."""

    reference_file = File(
        exists=True,
        hash_name=True,
        mandatory=True,
        desc="image whose axes, field of view and grid are taken",
    )
    voxel_size = traits.Range(
        low=0.0,
        exclude_low=True,
        desc="edge of cubic voxels in mm, over the field of view of reference_file: the first "
        "voxel centres coincide, as with FLIRT's -applyisoxfm, and the number of voxels is "
        "rounded up (default: the grid of reference_file as it is)",
    )

    def grid(self) -> nb.Nifti1Image:
        """Give the grid as an image without content."""
        return target_grid(
            self.reference_file, self.voxel_size if isdefined(self.voxel_size) else None
        )


class _ResampleToGridInputSpec(GridInputSpec, ImageWriterInputSpec):
    in_files = InputMultiObject(
        File(exists=True, hash_name=True),
        mandatory=True,
        desc="maps and series, 3-D or 4-D, all on one grid",
    )
    mask_file = File(
        exists=True,
        desc="mask on the grid of the outputs: only its voxels are computed, the others are 0",
    )
    interpolation = traits.Enum(
        "spline",
        "linear",
        "nearest",
        "sinc",
        "partial_volume",
        usedefault=True,
        desc="cubic B-spline; trilinear; nearest voxel (labels, keeps their type); windowed sinc "
        "(slow); for masks, whether at least min_fraction of the voxel's volume is in the mask",
    )
    min_fraction = traits.Range(
        low=0.0, high=1.0, value=0.5, exclude_low=True, usedefault=True,
        desc="part of a voxel's volume that must be in a mask, with partial_volume",
    )  # fmt: skip
    space = traits.Str(
        desc="name of the space for the names of the files and metadata_file (T1w, MNI152NLin6Asym)"
    )
    memory_gb = traits.Range(
        low=0.0, value=1.0, usedefault=True, nohash=True,
        desc="memory in GB for volumes of a series: as many are worked on at a time as fit, at "
        "most num_threads, at least one; does not change the result",
    )  # fmt: skip
    compress = traits.Bool(
        False,
        usedefault=True,
        desc="write images as .nii.gz: half as large, and many times as slow to write and read",
    )


class _ResampleToGridOutputSpec(TraitedSpec):
    out_files = traits.List(
        File(exists=True),
        desc="each of in_files on the grid, in their order, interpolated once whatever the number "
        "of transforms; 0 where there is no data, for a series in all volumes if in one",
    )
    out_mask = File(exists=True, desc="mask of the voxels that have data in all of in_files")
    out_masks = traits.List(File(exists=True), desc="mask of the voxels with data of each file")
    metadata_file = File(
        exists=True, desc="JSON: space, shape, voxel sizes in mm, affine and interpolation"
    )


class ResampleToGrid(PythonInterface):
    """Bring maps and series into one grid through a chain of transforms, interpolated once.

    A series is read, interpolated and written volume by volume, so that memory does not grow
    with its length. Where a voxel around the point is NaN or, in a series, never changes, there
    is no data.

    Examples
    --------
    >>> ResampleToGrid(voxel_size=2.0, space="T1w").inputs.compress
    False
    """

    input_spec = _ResampleToGridInputSpec
    output_spec = _ResampleToGridOutputSpec
    _libraries = ("numpy", "scipy", "SimpleITK")

    def _process(self) -> None:
        values = self.inputs
        grid, chain = values.grid(), values.chain()
        self._check(grid, chain)
        within = load_mask(values.mask_file, grid) if isdefined(values.mask_file) else None
        common, files, masks = np.ones(grid.shape, bool), [], []
        for path, stem in zip(values.in_files, self._stems(), strict=True):
            image = open_image(path)
            if image.ndim == 3 and values.interpolation in ("nearest", "partial_volume"):
                covered = self._move_labels(image, stem, grid, chain[0], within)
            else:
                covered = self._move_series(path, stem, grid, chain, within)
            files.append(self._results.pop("file"))
            self.save_image("file", f"{stem}_mask.nii.gz", covered, grid)
            masks.append(self._results.pop("file"))
            common &= covered
        self.result("out_files", files)
        self.result("out_masks", masks)
        label = f"space-{values.space}" if isdefined(values.space) else "resampled"
        self.save_image("out_mask", f"{label}_mask.nii.gz", common, grid)
        self.save_json("metadata_file", f"{label}.json", self._metadata(grid))

    def _move_series(
        self, path: str, stem: str, grid: nb.Nifti1Image, chain: np.ndarray, within: Any
    ) -> np.ndarray:
        """Bring a series, or a map, onto the grid and write it; mask of the voxels with data."""
        values, reader = self.inputs, VolumeReader(path)
        covered, volumes = resample_series(
            reader, reader.n_volumes, reader.image.affine, chain, grid.shape, grid.affine,
            within=within, interpolation=values.interpolation, memory_gb=values.memory_gb,
            num_threads=values.num_threads,
        )  # fmt: skip
        shape = (*grid.shape, *reader.image.shape[3:])
        name = f"{stem}.nii.gz" if values.compress else f"{stem}.nii"
        with self.writing("file", name) as path:
            plain = path.with_name(path.name.removesuffix(".gz"))
            try:
                write_volumes(plain, volumes, shape, reader.image, affine=grid.affine)
                if plain != path:
                    compress_file(plain, path)
            finally:
                if plain != path:
                    plain.unlink(missing_ok=True)
        return covered

    def _move_labels(
        self, image: nb.Nifti1Image, stem: str, grid: nb.Nifti1Image, transform: Any, within: Any
    ) -> np.ndarray:
        """Bring a label image or a mask onto the grid and write it; mask of its field of view."""
        to = (image.affine, grid.shape, grid.affine, transform)
        covered = coverage(image.shape, *to, within)
        data = read_voxels(image, stored_dtype(image, "nearest"))
        if self.inputs.interpolation == "partial_volume":
            region = np.nan_to_num(data) != 0
            moved = label_fraction(region, *to, within=covered) >= self.inputs.min_fraction
        else:
            moved = resample(data, *to, "nearest", within=covered)
            covered &= np.isfinite(moved)
            moved[~covered] = 0
        self.save_image("file", f"{stem}.nii.gz", moved, image, affine=grid.affine)
        return covered

    def _check(self, grid: nb.Nifti1Image, chain: np.ndarray) -> None:
        """Refuse files on other grids, or with other numbers of volumes than transforms."""
        first = open_image(self.inputs.in_files[0])
        for path in self.inputs.in_files:
            image = open_image(path)
            check_same_grid(image, first)
            n_volumes = image.shape[3] if image.ndim > 3 else 1
            if len(chain) not in (1, n_volumes):
                raise InputError(
                    "transform_files",
                    expected=f"one transform, or one for each of {n_volumes} volumes",
                    found=f"{len(chain)} transforms, one for each volume of a series",
                    hint="give the series they were estimated for, or one transform",
                    file=path,
                )
            if image.ndim > 3 and self.inputs.interpolation == "partial_volume":
                raise InputError(
                    "in_files",
                    expected="masks of three dimensions with partial_volume",
                    found=f"shape {image.shape}",
                    hint="use spline for series",
                    file=path,
                )

    def _stems(self) -> list[str]:
        """Names of the outputs, all different."""
        stems = [Path(path).name.split(".")[0] for path in self.inputs.in_files]
        if len(set(stems)) < len(stems):
            stems = [f"{number:03d}_{stem}" for number, stem in enumerate(stems, start=1)]
        end = f"_space-{self.inputs.space}" if isdefined(self.inputs.space) else "_resampled"
        return [stem + end for stem in stems]

    def _metadata(self, grid: nb.Nifti1Image) -> dict[str, Any]:
        values = self.inputs
        return {
            "space": values.space if isdefined(values.space) else "n/a",
            "reference": Path(values.reference_file).name,
            "shape": [int(n) for n in grid.shape],
            "voxel_size_mm": np.linalg.norm(grid.affine[:3, :3], axis=0).round(6).tolist(),
            "affine": grid.affine.round(9).tolist(),
            "interpolation": values.interpolation,
            "transforms": [Path(f).name for f in values.transform_files]
            if isdefined(values.transform_files)
            else [],
        }
