"""Functional connectivity between the parcels of one subject."""

import numpy as np
from nipype.interfaces.base import File, TraitedSpec, isdefined, traits

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.parcel_connectivity import KINDS, RUNS, parcel_connectivity
from fmriprod.interfaces.base import PythonInterface
from fmriprod.interfaces.numpy_file import load_array
from fmriprod.interfaces.parcel_runs import ParcelRunsInputSpec, parcel_counts, read_runs


class _ParcelConnectivityInputSpec(ParcelRunsInputSpec):
    kind = traits.Enum(
        *KINDS,
        usedefault=True,
        desc="correlation; partial correlation, given all other usable parcels, and covariance in "
        "squared units of the series, both shrunk (Ledoit and Wolf); or tangent: the covariance's "
        "deviation from reference_file",
    )
    combine = traits.Enum(
        *RUNS,
        usedefault=True,
        desc="one estimate of all runs, or the mean of one of each (of Fisher's z for "
        "correlations); either way the mean of a parcel in a run is removed",
    )
    fisher = traits.Bool(
        False, usedefault=True, desc="give Fisher's z of correlations (at most that of .999999)"
    )
    reference_file = File(
        exists=True,
        desc="covariance of the group, .npy (n_parcels, n_parcels), its parcels in the same order: "
        "for tangent, and needed there; NaN for parcels that some subject lacks. The mean of "
        "covariance over subjects; of the training subjects only where a classifier follows",
    )


class _ParcelConnectivityOutputSpec(TraitedSpec):
    connectivity_file = File(
        exists=True,
        desc=".npy float32 (n_parcels, n_parcels), symmetric; NaN for parcels that are not usable; "
        "on the diagonal NaN: correlations, infinity: their Fisher's z, numbers: neither",
    )
    summary_file = File(
        exists=True, desc="JSON: settings, runs, volumes, shrinkage, parcels used and left out"
    )
    n_excluded = traits.Int(desc="parcels that are not usable in some run, or in the reference")


class ParcelConnectivity(PythonInterface):
    """Estimate the connectivity of all pairs of parcels of one subject.

    Correlation of concatenated runs is the same as `numpy.corrcoef`. A parcel that is NaN or
    constant in any run has NaN with all others and is counted.

    Examples
    --------
    >>> ParcelConnectivity(fisher=True).inputs.kind
    'correlation'
    """

    input_spec = _ParcelConnectivityInputSpec
    output_spec = _ParcelConnectivityOutputSpec
    _algorithm_version = "3"
    _libraries = ("numpy", "scipy")

    def _process(self) -> None:
        inputs = self.inputs
        parcels, runs = read_runs(inputs)
        found = parcel_connectivity(
            runs,
            kind=inputs.kind,
            combine=inputs.combine,
            fisher=inputs.fisher,
            reference=self._reference(),
            names=parcels["name"].tolist(),
        )
        self.save_array("connectivity_file", "connectivity.npy", found.matrix)
        self.result("n_excluded", int((~found.usable).sum()))
        summary = {
            "settings": {name: getattr(inputs, name) for name in ("kind", "combine", "fisher")},
            "runs": len(runs),
            "volumes": found.n_volumes,
            "shrinkage": found.shrinkage,
            "pairs_clipped": found.n_clipped,
            "parcels": parcel_counts(parcels, found.usable, found.excluded),
        }
        self.save_json("summary_file", "connectivity.json", summary)

    def _reference(self) -> np.ndarray | None:
        path = self.inputs.reference_file
        if not isdefined(path):
            return None
        try:
            return np.asarray(load_array(path), dtype=np.float64)
        except (OSError, ValueError) as err:  # complex numbers and texts are no covariance
            raise InputError(
                "reference", expected="a covariance, .npy (n_parcels, n_parcels)",
                found=str(err).splitlines()[0], hint="give the mean of covariance over subjects",
            ) from None  # fmt: skip
