"""Dissimilarities of conditions in regions."""

from pathlib import Path
from typing import Any

import nibabel as nb
import numpy as np
from nipype.interfaces.base import File, InputMultiObject, TraitedSpec, isdefined, traits

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.roi import check_labels
from fmriprod.algorithms.searchlight_rdm import searchlight_rdms
from fmriprod.algorithms.spheres import Spheres
from fmriprod.interfaces.base import PythonInterface
from fmriprod.interfaces.events import read_table
from fmriprod.interfaces.images import check_same_grid, load_mask, open_image, read_voxels
from fmriprod.interfaces.patterns import PatternInputSpec, read_patterns
from fmriprod.interfaces.rdm_file import RDMs, write_rdms
from fmriprod.interfaces.rdm_noise import DistanceInputSpec, read_noise


class _RegionRDMInputSpec(PatternInputSpec, DistanceInputSpec):
    roi_files = InputMultiObject(
        File(exists=True, hash_name=True),
        xor=["label_file"],
        desc="masks of regions, on the grid of the maps",
    )
    roi_names = traits.List(
        traits.Str, requires=["roi_files"], desc="their names (default: those of the files)"
    )
    label_file = File(
        exists=True,
        xor=["roi_files"],
        desc="3-D image of labels instead, on the same grid: each number but 0 is a region",
    )
    table_file = File(
        exists=True,
        requires=["label_file"],
        desc="TSV with columns index and name of the labels to take (default: all, named by "
        "their numbers)",
    )
    min_voxels = traits.Range(
        low=2, value=10, usedefault=True, desc="smallest number of usable voxels of a region"
    )
    too_small = traits.Enum(
        "error", "leave_out", usedefault=True, desc="what to do with smaller regions"
    )


class _RegionRDMOutputSpec(TraitedSpec):
    rdm_file = File(
        exists=True, desc="HDF5 of dissimilarities, float32 (n_regions, n_pairs), with names"
    )
    region_names = traits.List(traits.Str, desc="names of the regions, in their order")
    summary_file = File(
        exists=True,
        desc="JSON: voxels and usable voxels of each region, regions left out, regions in which "
        "a pattern is constant; settings",
    )


class RegionRDM(PythonInterface):
    """Compute the dissimilarities of conditions in each region.

    As `SearchlightRDM`, with regions in place of spheres.

    Examples
    --------
    >>> RegionRDM(distance="crossnobis", noise="repeats").inputs.too_small
    'error'
    """

    input_spec = _RegionRDMInputSpec
    output_spec = _RegionRDMOutputSpec
    _libraries = ("numpy",)

    def _process(self) -> None:
        values = self.inputs
        patterns = read_patterns(values)
        noise, usable = read_noise(values, patterns)
        regions = self._regions(patterns.image)
        inside = {name: where[patterns.mask] & usable for name, where in regions.items()}
        kept = self._large_enough(inside)
        sizes = [int(inside[name].sum()) for name in kept]
        sets = Spheres(
            np.full(len(kept), -1),
            np.concatenate([[0], np.cumsum(sizes)]),
            np.concatenate([np.flatnonzero(inside[name]) for name in kept]).astype(np.int32),
        )
        blocks = searchlight_rdms(
            patterns.values, sets, conditions=patterns.condition,
            n_conditions=len(patterns.conditions), runs=patterns.run, distance=values.distance,
            noise=noise, memory_mb=values.memory_mb, n_threads=values.num_threads,
        )  # fmt: skip
        found = np.concatenate([block for _, block in blocks])
        settings = {
            "made_by": type(self).__name__,
            **{name: getattr(values, name) for name in ("distance", "noise", "noise_method")},
        }
        rdms = RDMs(
            found, patterns.conditions, values.distance, kept, n_voxels=sets.n_voxels,
            about=settings,
        )  # fmt: skip
        with self.writing("rdm_file", "region_rdms.h5") as path:
            write_rdms(path, rdms)
        self.result("region_names", kept)
        constant = np.isnan(found).any(axis=1)
        summary: dict[str, Any] = {
            "n_conditions": len(patterns.conditions),
            "n_excluded_voxels": int((~usable).sum()),
            "regions": {
                name: {"n_voxels": int(regions[name].sum()), "n_usable": int(inside[name].sum())}
                for name in regions
            },
            "left_out": [name for name in regions if name not in kept],
            "with_constant_pattern": [n for n, is_so in zip(kept, constant, strict=True) if is_so],
            "settings": {**settings, "min_voxels": values.min_voxels},
        }
        self.save_json("summary_file", "region_rdms.json", summary)

    def _regions(self, like: nb.Nifti1Image) -> dict[str, np.ndarray]:
        """Mark the voxels of each region on the grid."""
        values = self.inputs
        if isdefined(values.label_file):
            table = values.table_file if isdefined(values.table_file) else None
            return _labelled(values.label_file, table, like)
        files = list(values.roi_files) if isdefined(values.roi_files) else []
        names = [Path(path).name.split(".nii")[0] for path in files]
        if isdefined(values.roi_names) and values.roi_names:
            names = list(values.roi_names)
        if not files or len(names) != len(files) or len(set(names)) < len(names):
            raise InputError(
                "roi_names" if files else "roi_files",
                expected="masks of regions or label_file, with a name of its own for each",
                found=f"{len(files)} masks, names: {', '.join(names) or 'none'}",
                hint="give roi_files and as many roi_names, each once, or label_file",
            )
        return {name: load_mask(path, like) for name, path in zip(names, files, strict=True)}

    def _large_enough(self, inside: dict[str, np.ndarray]) -> list[str]:
        least = self.inputs.min_voxels
        small = {name: int(v.sum()) for name, v in inside.items() if v.sum() < least}
        if len(small) == len(inside) or (small and self.inputs.too_small == "error"):
            raise InputError(
                "label_file" if isdefined(self.inputs.label_file) else "roi_files",
                expected=f"regions with {least} usable voxels or more",
                found=", ".join(f"{name}: {n}" for name, n in small.items()),
                hint="look at regions and maps over each other; lower min_voxels, or leave such "
                "regions out with too_small='leave_out'",
            )
        return [name for name in inside if name not in small]


def _labelled(path: str, table_file: str | None, like: nb.Nifti1Image) -> dict[str, np.ndarray]:
    """Mark the voxels of each label of an image."""
    image = open_image(path, ndim=3)
    check_same_grid(image, like)
    data = read_voxels(image)
    labels = np.where(check_labels(data), data, 0).astype(np.int64)
    if table_file is None:
        return {str(code): labels == code for code in np.unique(labels[labels != 0])}
    table = read_table(table_file, "table_file")
    if not {"index", "name"} <= set(table) or table["name"].duplicated().any():
        raise InputError(
            "table_file", expected="columns index and name, each name once",
            found=f"columns {', '.join(map(str, table))}",
            hint="give a table such as a BIDS _dseg.tsv", file=table_file,
        )  # fmt: skip
    rows = zip(table["index"].astype(int), table["name"].astype(str), strict=True)
    return {name: labels == code for code, name in rows if code != 0}
