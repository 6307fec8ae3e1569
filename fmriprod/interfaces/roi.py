"""Make the mask of a region from a label image or a statistical map."""

from typing import Any

import nibabel as nb
import numpy as np
import pandas as pd
from nipype.interfaces.base import File, TraitedSpec, isdefined, traits

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.resample import resample
from fmriprod.algorithms.roi import label_fraction, select_labels, select_threshold, select_top
from fmriprod.interfaces.base import PythonInputSpec, PythonInterface
from fmriprod.interfaces.images import check_same_grid, load_image, load_mask, open_image
from fmriprod.interfaces.transforms import read_transforms

_SELECTIONS = ("labels", "threshold", "n_voxels")


class _RoiMaskInputSpec(PythonInputSpec):
    in_file = File(exists=True, mandatory=True, desc="label image or statistical map, 3-D")
    labels = traits.List(traits.Int, xor=_SELECTIONS, desc="labels of the region in a label image")
    threshold = traits.Float(
        xor=_SELECTIONS, desc="take the voxels at or above this value of a map"
    )
    n_voxels = traits.Int(
        xor=_SELECTIONS,
        desc="take this many voxels with the largest values of a map (above 0; between equal "
        "values the earlier one in C order)",
    )
    two_sided = traits.Bool(
        False, usedefault=True, desc="go by magnitude with threshold and n_voxels"
    )
    mask_file = File(exists=True, desc="only voxels in this mask, on the grid of the output")
    reference_file = File(
        exists=True,
        desc="image that sets the grid of the output; without it, or on the same grid, nothing "
        "is resampled",
    )
    transform_file = File(
        exists=True,
        requires=["reference_file"],
        desc="ITK affine text file that maps points of the reference to points of in_file",
    )
    min_fraction = traits.Range(
        low=0.0,
        high=1.0,
        value=0.5,
        exclude_low=True,
        usedefault=True,
        desc="part of a voxel's volume that must carry the labels when they are resampled",
    )


class _RoiMaskOutputSpec(TraitedSpec):
    out_mask = File(exists=True, desc="mask, uint8 0 and 1")
    out_table = File(
        exists=True,
        desc="TSV, one row per label, or one for a map: selection, n_voxels, volume (mm3), "
        "centre x y z (mm), smallest and largest value",
    )
    n_voxels = traits.Int(desc="number of voxels in the mask")


class RoiMask(PythonInterface):
    """Make a region's mask from labels, a threshold, or the best voxels of a map.

    The mask lies on the grid of ``in_file``, or on that of ``reference_file``. Labels come
    onto another grid by volume: a voxel belongs to the region when at least
    ``min_fraction`` of it does. Maps are interpolated linearly and selected on the new grid.
    NaN is never selected; an empty region is an error.

    Examples
    --------
    >>> RoiMask(n_voxels=500, two_sided=True).inputs.n_voxels
    500
    """

    input_spec = _RoiMaskInputSpec
    output_spec = _RoiMaskOutputSpec
    _libraries = ("numpy", "scipy")

    def _process(self) -> None:
        values = self.inputs
        data, image = load_image(values.in_file, ndim=3, dtype=np.float64)
        grid, transform = self._grid(image)
        within = None
        if isdefined(values.mask_file):
            within = load_mask(values.mask_file, grid)
        if isdefined(values.labels) and values.labels:
            parts = self._label_parts(data, image, grid, transform, within)
            data = None
        else:
            if grid is not image:
                data = resample(
                    data, image.affine, grid.shape[:3], grid.affine, transform, outside=np.nan
                )
            parts = self._map_part(data, within)
        mask = np.logical_or.reduce(list(parts.values()))
        if not mask.any():
            raise _empty(values, within)
        self.save_image("out_mask", "roi_mask.nii.gz", mask, grid)
        self.save_table("out_table", "roi_mask.tsv", _summary(parts, grid.affine, data))
        self.result("n_voxels", int(mask.sum()))

    def _grid(self, image: nb.Nifti1Image) -> tuple[nb.Nifti1Image, np.ndarray | None]:
        """Image that sets the grid of the output: ``image`` itself if nothing is resampled."""
        if not isdefined(self.inputs.reference_file):
            return image, None
        reference = open_image(self.inputs.reference_file)
        if isdefined(self.inputs.transform_file):
            return reference, self._transform()
        try:
            check_same_grid(image, reference)
        except InputError:
            return reference, None
        return image, None

    def _transform(self) -> np.ndarray:
        """Read the one transform of the file, reference to in_file (RAS, mm)."""
        transforms = read_transforms(self.inputs.transform_file)
        if len(transforms) != 1:
            raise InputError(
                "transform",
                expected="one transform, from the reference to in_file",
                found=f"{len(transforms)}",
                hint="give the transform of the coregistration, not those of a series",
                file=self.inputs.transform_file,
            )
        return transforms[0]

    def _label_parts(
        self, data: np.ndarray, image: Any, grid: Any, transform: Any, within: Any
    ) -> dict[str, np.ndarray]:
        """Mask of each label on the output's grid; on another grid the region goes by volume."""
        labels = list(dict.fromkeys(self.inputs.labels))
        region = select_labels(data, labels)
        parts = {str(label): data == label for label in labels}
        if grid is not image:
            to = (image.affine, grid.shape[:3], grid.affine, transform)
            whole = label_fraction(region, *to) >= self.inputs.min_fraction
            if len(parts) == 1:
                parts = dict.fromkeys(parts, whole)
            else:  # a voxel of the region is counted for the label that fills most of it
                fractions = np.array([label_fraction(part, *to) for part in parts.values()])
                largest = fractions.argmax(axis=0)
                parts = {name: whole & (largest == i) for i, name in enumerate(parts)}
        if within is not None:
            parts = {name: part & within for name, part in parts.items()}
        return parts

    def _map_part(self, data: np.ndarray, within: Any) -> dict[str, np.ndarray]:
        values = self.inputs
        kind = "|value|" if values.two_sided else "value"
        if isdefined(values.threshold):
            chosen = select_threshold(data, values.threshold, values.two_sided, within)
            return {f"{kind} >= {values.threshold:g}": chosen}
        if isdefined(values.n_voxels):
            chosen = select_top(data, values.n_voxels, values.two_sided, within)
            return {f"largest {kind}, {values.n_voxels} voxels": chosen}
        raise InputError(
            "labels",
            expected="one of labels, threshold and n_voxels",
            found="none of them",
            hint="say which voxels to take",
        )


def _empty(values: Any, within: np.ndarray | None) -> InputError:
    causes = ["the labels have no voxel" if isdefined(values.labels) else "no voxel"]
    causes += ["in mask_file"] if within is not None else []
    causes += ["on the grid of reference_file"] if isdefined(values.reference_file) else []
    return InputError(
        "mask" if within is not None else "reference",
        expected="a region with voxels",
        found=" ".join(causes),
        hint="look at the images over each other; check transform_file and its direction, "
        "or lower min_fraction",
    )


def _summary(
    parts: dict[str, np.ndarray], affine: np.ndarray, data: np.ndarray | None
) -> pd.DataFrame:
    """Size and place of each part of the region."""
    volume = abs(np.linalg.det(affine[:3, :3]))
    rows = []
    for name, part in parts.items():
        index = np.argwhere(part)
        centre = np.full(3, np.nan)
        if len(index):
            centre = affine[:3, :3] @ index.mean(axis=0) + affine[:3, 3]
        value = data[part] if data is not None and len(index) else np.full(1, np.nan)
        rows.append(
            {
                "selection": name,
                "n_voxels": len(index),
                "volume": round(len(index) * volume, 3),
                **dict(zip("xyz", centre.round(3), strict=True)),
                "value_min": value.min(),
                "value_max": value.max(),
            }
        )
    return pd.DataFrame(rows)
