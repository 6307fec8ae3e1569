"""Dissimilarities of conditions in every sphere of a mask."""

from typing import Any

import numpy as np
from nipype.interfaces.base import File, TraitedSpec, isdefined, traits

from fmriprod.algorithms.searchlight_rdm import searchlight_rdms
from fmriprod.algorithms.spheres import Spheres, find_spheres
from fmriprod.interfaces.base import PythonInterface
from fmriprod.interfaces.patterns import PatternInputSpec, Patterns, read_patterns
from fmriprod.interfaces.rdm_file import RDMWriter
from fmriprod.interfaces.rdm_noise import DistanceInputSpec, read_noise


class SphereInputSpec(PatternInputSpec, DistanceInputSpec):
    """Inputs that say which patterns are compared, how, and in which spheres."""

    radius = traits.Float(
        xor=["radius_voxels"],
        desc="radius of a sphere in mm (default: 9): it holds the voxels of the mask whose centre "
        "is no farther",
    )
    radius_voxels = traits.Float(
        xor=["radius"],
        desc="radius in steps of the grid instead, whatever their length in mm; 3 gives the 123 "
        "voxels of the published analysis",
    )
    min_voxels = traits.Range(
        low=1, value=10, usedefault=True, desc="leave out spheres with fewer usable voxels"
    )


class _SearchlightRDMInputSpec(SphereInputSpec):
    pass


class _SearchlightRDMOutputSpec(TraitedSpec):
    rdm_file = File(
        exists=True,
        desc="HDF5 of dissimilarities, float32 (n_spheres, n_pairs), with conditions and the "
        "place of each centre",
    )
    n_voxels_map = File(
        exists=True, desc="NIfTI: voxels that the sphere around each voxel holds; 0: no sphere"
    )
    summary_file = File(
        exists=True,
        desc="JSON: numbers of voxels, of those that could not be used, of spheres, of those "
        "left out, and of those in which a pattern is constant; settings",
    )


class SearchlightRDM(PythonInterface):
    """Compute the dissimilarities of conditions in a sphere around every voxel.

    Voxels that are NaN in a map, or the same in all maps, are in no sphere; so are those
    without noise where distances are measured in noise. They are counted.

    Examples
    --------
    >>> SearchlightRDM(radius_voxels=3.0, distance="crossnobis").inputs.min_voxels
    10
    """

    input_spec = _SearchlightRDMInputSpec
    output_spec = _SearchlightRDMOutputSpec
    _libraries = ("numpy",)

    def _process(self) -> None:
        values = self.inputs
        patterns = read_patterns(values)
        noise, usable = read_noise(values, patterns)
        spheres = spheres_of(values, patterns, usable)
        blocks = searchlight_rdms(
            patterns.values, spheres, conditions=patterns.condition,
            n_conditions=len(patterns.conditions), runs=patterns.run, distance=values.distance,
            noise=noise, memory_mb=values.memory_mb, n_threads=values.num_threads,
        )  # fmt: skip
        about = self._about()
        n_undefined = 0
        with (
            self.writing("rdm_file", "searchlight_rdms.h5") as path,
            RDMWriter(
                path, len(spheres), patterns.conditions, values.distance,
                voxels=np.flatnonzero(patterns.mask)[spheres.centres], n_voxels=spheres.n_voxels,
                shape=patterns.mask.shape, affine=patterns.affine, about=about,
            ) as out,
        ):  # fmt: skip
            for where, block in blocks:
                n_undefined += int(np.isnan(block).any(axis=1).sum())
                out.write(where, block)
        sizes = np.zeros(len(usable), dtype=np.float32)
        sizes[spheres.centres] = spheres.n_voxels
        self.save_image(
            "n_voxels_map", "n_voxels.nii.gz", patterns.volume(sizes).astype(np.int32),
            patterns.image,
        )  # fmt: skip
        summary = {
            "n_conditions": len(patterns.conditions),
            "n_mask_voxels": len(usable),
            "n_excluded_voxels": int((~usable).sum()),
            "n_spheres": len(spheres),
            "n_left_out_spheres": spheres.n_left_out,
            "n_spheres_with_constant_pattern": n_undefined,
            "settings": about,
        }
        self.save_json("summary_file", "searchlight_rdms.json", summary)

    def _about(self) -> dict[str, Any]:
        """Tell the settings, for the file and the summary."""
        values = self.inputs
        names = ("distance", "noise", "noise_method", "min_voxels", "radius", "radius_voxels")
        about = {n: getattr(values, n) for n in names if isdefined(getattr(values, n))}
        if "radius" not in about and "radius_voxels" not in about:
            about["radius"] = 9.0
        return {"made_by": type(self).__name__, **about}


def spheres_of(inputs: SphereInputSpec, patterns: Patterns, usable: np.ndarray) -> Spheres:
    """Find the spheres that the inputs ask for, among voxels that can be used.

    Raises
    ------
    InputError
        If no sphere is left.
    """
    radius = {n: getattr(inputs, n) for n in ("radius", "radius_voxels")}
    return find_spheres(
        patterns.mask, patterns.affine, min_voxels=inputs.min_voxels, usable=usable,
        **{name: value for name, value in radius.items() if isdefined(value)},
    )  # fmt: skip
