"""Compare patterns in every sphere with models, without keeping RDMs."""

import numpy as np
from nipype.interfaces.base import traits

from fmriprod.algorithms.searchlight_rdm import searchlight_rdms
from fmriprod.interfaces.base import PythonInterface
from fmriprod.interfaces.patterns import read_patterns
from fmriprod.interfaces.rdm_noise import read_noise
from fmriprod.interfaces.rsa_inputs import (
    ComparisonInputSpec,
    ComparisonOutputSpec,
    comparison,
    save_comparisons,
)
from fmriprod.interfaces.searchlight_rdm import SphereInputSpec, spheres_of


class _SearchlightRSAInputSpec(SphereInputSpec, ComparisonInputSpec):
    pass


class _SearchlightRSAOutputSpec(ComparisonOutputSpec):
    n_spheres = traits.Int(desc="number of spheres")
    n_without_value = traits.Int(
        desc="spheres with a pattern that is constant, which have no value"
    )


class SearchlightRSA(PythonInterface):
    """Tell in every sphere how alike the geometry of conditions and models are.

    The same as SearchlightRDM and RSA after each other, a block of spheres at a time.

    Examples
    --------
    >>> SearchlightRSA(radius=9.0, p_method="none").inputs.method
    'spearman'
    """

    input_spec = _SearchlightRSAInputSpec
    output_spec = _SearchlightRSAOutputSpec
    _libraries = ("numpy", "scipy")

    def _process(self) -> None:
        values = self.inputs
        patterns = read_patterns(values)
        compare, models = comparison(values, patterns.conditions)
        noise, usable = read_noise(values, patterns)
        spheres = spheres_of(values, patterns, usable)
        for _, block in searchlight_rdms(
            patterns.values, spheres, conditions=patterns.condition,
            n_conditions=len(patterns.conditions), runs=patterns.run, distance=values.distance,
            noise=noise, memory_mb=values.memory_mb / 2, n_threads=values.num_threads,
        ):  # fmt: skip
            compare.add(block)
        found = compare.result()
        where = {
            "voxels": np.flatnonzero(patterns.mask)[spheres.centres],
            "n_voxels": spheres.n_voxels,
            "shape": patterns.mask.shape,
            "affine": patterns.affine,
        }
        more = {
            "distance": values.distance,
            "n_pairs": len(compare.chosen.pairs),
            "n_excluded_voxels": int((~usable).sum()),
            "n_left_out_spheres": spheres.n_left_out,
        }
        save_comparisons(self, models, found, where, more)
        self.result("n_spheres", len(spheres))
        self.result("n_without_value", found.n_without_value)
