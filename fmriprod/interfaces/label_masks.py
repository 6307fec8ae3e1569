"""Masks of regions from a label image, labels of surfaces and further masks."""

from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import nibabel as nb
import numpy as np
import pandas as pd
from nipype.interfaces.base import File, InputMultiObject, TraitedSpec, isdefined, traits

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.label_expression import Atom, Region, read_regions
from fmriprod.algorithms.label_masks import (
    RegionMask,
    check_codes,
    count_codes,
    label_masks,
    region_counts,
    union,
)
from fmriprod.algorithms.label_table import name_labels, name_surface_labels
from fmriprod.algorithms.roi import check_labels
from fmriprod.interfaces.base import PythonInterface
from fmriprod.interfaces.events import read_table
from fmriprod.interfaces.images import load_mask, open_image, read_voxels
from fmriprod.interfaces.resample_to_grid import GridInputSpec
from fmriprod.interfaces.surfaces import label_voxels
from fmriprod.interfaces.transforms import stored_dtype

_POINTS = {"nearest": 1, "partial_volume": 4}


def read_label_table(path: str | Path | None = None) -> pd.DataFrame:
    """Read a table of labels; FreeSurfer's (aseg and Desikan-Killiany) by default.

    Returns
    -------
    DataFrame
        Columns ``index`` and ``name``, and what else the file has.
    """
    if path is not None:
        return read_table(path, "table")
    with as_file(files("fmriprod") / "data" / "freesurfer_labels.tsv") as own:
        return read_table(own, "table")


class _LabelMasksInputSpec(GridInputSpec):
    label_file = File(
        exists=True, mandatory=True, desc="label image, such as FreeSurfer's aparc+aseg.mgz"
    )
    table_file = File(
        exists=True,
        desc="TSV with columns index and name (a BIDS _dseg.tsv), hemisphere if there is one "
        "(default: FreeSurfer's aseg and Desikan-Killiany labels)",
    )
    regions = traits.List(
        traits.Str,
        mandatory=True,
        minlen=1,
        desc="definitions, as 'LOC = lateraloccipital - V1 - V2': names of labels, surface "
        "labels, further masks and earlier regions, joined by | & - and parentheses",
    )
    rule = traits.Enum(
        "nearest",
        "partial_volume",
        usedefault=True,
        desc="what a voxel is: nearest: the label at its centre; partial_volume: in the region if "
        "at least min_fraction of its volume is (4 x 4 x 4 points). Surface labels fill the "
        "voxels they pass through either way",
    )
    min_fraction = traits.Range(
        low=0.0, high=1.0, value=0.5, exclude_low=True, usedefault=True,
        desc="part of a voxel's volume, with partial_volume",
    )  # fmt: skip
    surface_label_files = InputMultiObject(
        File(exists=True, hash_name=True),
        desc="labels of vertices (lh.V1_exvivo.label, rh. ...), named without side: V1_exvivo. "
        "label_file must then be a volume of the same FreeSurfer folder",
    )
    white_files = InputMultiObject(File(exists=True, hash_name=True), desc="lh.white, rh.white")
    thickness_files = InputMultiObject(
        File(exists=True, hash_name=True),
        desc="lh.thickness, rh.thickness in mm: points at 0, 0.1, ... 1 of it along the normal "
        "are filled, as by mri_label2vol --proj frac 0 1 0.1",
    )
    pial_files = InputMultiObject(
        File(exists=True, hash_name=True), desc="lh.pial, rh.pial: points on the way there instead"
    )
    mask_files = InputMultiObject(File(exists=True), desc="further masks, on the grid")
    mask_names = traits.List(traits.Str, desc="their names in the definitions, in their order")
    union_without = traits.List(
        traits.Str,
        value=["task"],
        usedefault=True,
        desc="names of masks that union_mask does not rely on: it has all voxels that a region "
        "can have whatever these hold. Regions that need one that is not in mask_names "
        "are not made yet (pending_names)",
    )
    empty = traits.Enum(
        "error", "keep", usedefault=True, desc="what to do with a region that has no voxel"
    )


class _LabelMasksOutputSpec(TraitedSpec):
    mask_files = traits.List(
        File(exists=True), desc="mask of each region, <Region>.nii.gz, uint8 0 and 1"
    )
    region_names = traits.List(traits.Str, desc="names of the regions, in the same order")
    pending_names = traits.List(traits.Str, desc="regions that wait for a mask of union_without")
    union_mask = File(exists=True, desc="mask of the voxels that any of all regions can have")
    counts_file = File(
        exists=True,
        desc="TSV, a row for each region: region, definition, n_voxels, volume_mm3, the voxels "
        "that lie (mostly) left and right where the sides are known, and the voxels of its "
        "labels in label_file",
    )


class LabelMasks(PythonInterface):
    """Make masks of regions on a grid from labels of the brain.

    Left and right are kept apart: ``A - B`` takes the left B from the left A only. Regions
    are worked out from labels, not from each other's finished masks, so that the border of a
    union is that of its parts together. ``transform_files`` lead from the grid to label_file.

    Examples
    --------
    >>> LabelMasks(regions=["ventral = fusiform | parahippocampal"]).inputs.rule
    'nearest'
    """

    input_spec = _LabelMasksInputSpec
    output_spec = _LabelMasksOutputSpec
    _libraries = ("numpy", "scipy")

    def _process(self) -> None:
        values = self.inputs
        grid, transform = values.grid(), self._transform()
        table = read_label_table(values.table_file if isdefined(values.table_file) else None)
        regions = read_regions(values.regions, self._names(table))
        labels, image = self._labels()
        counts = count_codes(labels)
        if values.empty == "error":
            names = dict(zip(table["index"].astype(int), table["name"], strict=True))
            check_codes(counts, regions, names)
        masks = label_masks(
            labels, image.affine, regions, grid.shape, grid.affine, transform,
            given=self._given(image, grid, transform, regions), unknown=values.union_without,
            n_points=_POINTS[values.rule], min_fraction=values.min_fraction,
        )  # fmt: skip
        missing = set(values.union_without) - set(_listed(values.mask_names))
        made = [r for r in regions if not missing & {str(atom.key) for atom in r.atoms}]
        if values.empty == "error":
            self._refuse_empty(made, masks, counts, grid)
        self._save(made, masks, counts, grid)
        self.result("pending_names", [r.name for r in regions if r not in made])
        self.save_image("union_mask", "union_mask.nii.gz", union(masks), grid)

    def _save(
        self, made: list[Region], masks: dict[str, RegionMask], counts: dict[int, int], grid: Any
    ) -> None:
        paths = []
        for region in made:
            self.save_image("file", f"{region.name}.nii.gz", masks[region.name].mask, grid)
            paths.append(self._results.pop("file"))
        self.result("mask_files", paths)
        self.result("region_names", [region.name for region in made])
        volume = abs(np.linalg.det(grid.affine[:3, :3]))
        rows = [_row(region, masks[region.name], counts, volume) for region in made]
        self.save_table("counts_file", "counts.tsv", pd.DataFrame(rows, columns=list(_COLUMNS)))

    def _names(self, table: pd.DataFrame) -> dict[str, tuple[Atom, ...]]:
        """Say what names mean: a further mask, else a surface label, else a label."""
        values = self.inputs
        masks, paths = _listed(values.mask_names), _listed(values.mask_files)
        if len(masks) != len(paths) or len(set(masks)) < len(masks):
            raise InputError(
                "mask_names",
                expected=f"a name of its own for each of the {len(paths)} mask_files",
                found=", ".join(masks) or "none",
                hint="give mask_names in the order of mask_files",
            )
        surface = [Path(path).name for path in _listed(values.surface_label_files)]
        names = {**name_labels(table), **name_surface_labels(surface)}
        for name in (*values.union_without, *masks):
            names[name] = (Atom("mask", name),)
        return names

    def _labels(self) -> tuple[np.ndarray, nb.Nifti1Image]:
        image = open_image(self.inputs.label_file, ndim=3)
        data = read_voxels(image, stored_dtype(image, "nearest"))
        if data.dtype.kind not in "iu":
            data = np.where(check_labels(data), data, 0).astype(np.int32)
        return data, image

    def _transform(self) -> np.ndarray:
        chain = self.inputs.chain()
        if len(chain) > 1:
            raise InputError(
                "transform_files",
                expected="one transform, from the grid to label_file",
                found=f"{len(chain)} transforms, one for each volume of a series",
                hint="give the transform of the coregistration",
            )
        return chain[0]

    def _given(
        self, image: Any, grid: Any, transform: np.ndarray, regions: list[Region]
    ) -> dict[Atom, np.ndarray]:
        """Masks that are on the grid: projected surface labels, and further masks."""
        values = self.inputs
        used = {str(a.key) for region in regions for a in region.atoms if a.kind == "surface"}
        surface = [
            path
            for path in _listed(values.surface_label_files)
            if Path(path).name.removesuffix(".label") in used
        ]
        given = label_voxels(
            surface, _listed(values.white_files), image, grid, transform,
            thickness_files=_listed(values.thickness_files),
            pial_files=_listed(values.pial_files),
        )  # fmt: skip
        for name, path in zip(_listed(values.mask_names), _listed(values.mask_files), strict=True):
            given[Atom("mask", name)] = load_mask(path, grid)
        return given

    def _refuse_empty(
        self, regions: list[Region], masks: dict[str, RegionMask], counts: dict[int, int], grid: Any
    ) -> None:
        empty = [region for region in regions if not masks[region.name].chosen.any()]
        if not empty:
            return
        sizes = np.linalg.norm(grid.affine[:3, :3], axis=0)
        raise InputError(
            "regions",
            expected="regions with voxels on the grid of "
            f"{Path(self.inputs.reference_file).name}: {' x '.join(map(str, grid.shape))} voxels "
            f"of {' x '.join(f'{size:.3g}' for size in sizes)} mm",
            found="; ".join(
                f"no voxel of {r.name} = {r.text} (voxels of its labels in label_file: "
                f"{_told(region_counts(counts, r))})"
                for r in empty
            ),
            hint="look at grid and label_file over each other: check transform_files and their "
            "direction; lower min_fraction; or keep empty regions with empty='keep'",
        )


_COLUMNS = (
    "region", "definition", "n_voxels", "volume_mm3", "n_left", "n_right", "label_voxels"
)  # fmt: skip


def _row(region: Region, mask: RegionMask, counts: dict[int, int], volume: float) -> dict[str, Any]:
    n_voxels = int(mask.chosen.sum())
    return {
        "region": region.name,
        "definition": region.text,
        "n_voxels": n_voxels,
        "volume_mm3": round(n_voxels * volume, 3),
        "n_left": int(mask.left.sum()) if region.sided else "n/a",
        "n_right": int(mask.right.sum()) if region.sided else "n/a",
        "label_voxels": _told(region_counts(counts, region)),
    }


def _told(counts: dict[int, int]) -> str:
    return ", ".join(f"{code}: {count}" for code, count in counts.items()) or "none"


def _listed(value: Any) -> list[str]:
    return list(value) if isdefined(value) else []
