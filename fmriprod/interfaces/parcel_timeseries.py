"""Series of parcels from any of the files that hold them, in one form."""

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
from nipype.interfaces.base import File, TraitedSpec, isdefined, traits

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.parcel_means import exclude_parcels
from fmriprod.interfaces.base import PythonInputSpec, PythonInterface
from fmriprod.interfaces.cifti_parcels import read_dtseries, read_ptseries
from fmriprod.interfaces.digests import file_digest
from fmriprod.interfaces.neuromatch_regions import read_regions
from fmriprod.interfaces.numpy_file import load_array
from fmriprod.interfaces.parcel_images import read_labelled_image
from fmriprod.interfaces.parcel_table import match_parcels, read_parcels
from fmriprod.interfaces.parcel_tables_tsv import read_series_table
from fmriprod.interfaces.sidecar_tr import series_tr, sidecar_of

_KINDS = {
    ".ptseries.nii": "ptseries", ".dtseries.nii": "dtseries", ".npy": "array", ".tsv": "table",
    ".nii": "image", ".nii.gz": "image",
}  # fmt: skip
_NEEDS = {
    "array": ("regions_file",), "dtseries": ("labels_file",),
    "image": ("labels_file", "label_table_file"),
}  # fmt: skip


class _ParcelTimeseriesInputSpec(PythonInputSpec):
    in_file = File(
        exists=True,
        mandatory=True,
        desc="a run: .npy (n_parcels, n_volumes) with regions_file; CIFTI .ptseries.nii; CIFTI "
        ".dtseries.nii with labels_file; .tsv, a column a parcel; 4-D NIfTI with labels_file and "
        "label_table_file",
    )
    regions_file = File(
        exists=True, desc="which parcel is which row of .npy: regions.npy, or TSV with name"
    )
    labels_file = File(
        exists=True, desc="CIFTI .dlabel.nii, or NIfTI of labels on the grid of in_file"
    )
    label_table_file = File(exists=True, desc="TSV, index and name of each label of a NIfTI")
    parcels_file = File(
        exists=True,
        desc="TSV of the parcels that are wanted, in the wanted order, found by name (_ROI at "
        "the end of names does not count); default: those of in_file, in its order",
    )
    unwanted = traits.Enum(
        "error",
        "leave_out",
        usedefault=True,
        desc="what to do with parcels of in_file that parcels_file, or labels that "
        "label_table_file, does not name",
    )
    tr = traits.Range(
        low=0.0,
        exclude_low=True,
        value=None,
        desc="repetition time in s; must agree with what the file says: of .npy and .tsv the "
        "JSON file of the same name beside it (RepetitionTime or SamplingFrequency), without which "
        "it is needed",
    )
    memory_mb = traits.Range(
        low=1.0, value=256.0, usedefault=True, nohash=True, desc="memory of a block of volumes, MB"
    )

    def get_hashval(self, hash_method: str | None = None) -> tuple[list, str]:
        """Count the JSON file beside a series as an input, so that a change of it is seen."""
        listed, value = super().get_hashval(hash_method)
        files = self.in_file if isdefined(self.in_file) else []  # a map node has a list
        files = [files] if isinstance(files, str) else files
        found = [sidecar_of(file) for file in files]
        if not any(found):
            return listed, value
        digests = [file_digest(str(sidecar)) if sidecar else "" for sidecar in found]
        told = "\n".join(digests)
        both = hashlib.md5(f"{value} {told}".encode(), usedforsecurity=False)
        pairs = [(str(one), digest) for one, digest in zip(found, digests, strict=True) if one]
        return [*listed, ("sidecar", pairs if len(files) > 1 else pairs[0])], both.hexdigest()


class _ParcelTimeseriesOutputSpec(TraitedSpec):
    series_file = File(
        exists=True,
        desc=".npy, float32 (n_parcels, n_volumes); a row of NaN: some value of it is missing",
    )
    parcels_file = File(
        exists=True, desc="TSV, a row a parcel in the same order: name hemisphere network ..."
    )
    tr = traits.Float(desc="repetition time in s")
    n_missing = traits.Int(desc="parcels that are NaN")
    n_constant = traits.Int(desc="parcels whose values are all the same")


class ParcelTimeseries(PythonInterface):
    """Read the series of a run's parcels, whichever file holds them and in whichever order.

    Nothing but names says which row is which parcel. Means over vertices or voxels leave out those
    that are NaN or constant (``n_voxels`` counts what is left); a parcel with a missing value is
    missing wholly, and constant parcels are kept; both are counted.

    Examples
    --------
    >>> ParcelTimeseries(tr=0.72).inputs.unwanted
    'error'
    """

    input_spec = _ParcelTimeseriesInputSpec
    output_spec = _ParcelTimeseriesOutputSpec
    _libraries = ("numpy", "scipy", "nibabel")

    def _process(self) -> None:
        series, parcels, tr = self._read()
        if isdefined(self.inputs.parcels_file):
            wanted = read_parcels(self.inputs.parcels_file)
            order = match_parcels(wanted["name"], parcels["name"], others=self.inputs.unwanted)
            series, own = series[order], parcels.iloc[order].reset_index(drop=True)
            known = [c for c in wanted if c not in own or not unknown(wanted[c])]
            new = [c for c in own if c not in known]
            parcels = pd.concat([wanted[known], own[new]], axis=1)
        series, missing, constant = exclude_parcels(series)
        self.save_array("series_file", "series.npy", series)
        self.save_table("parcels_file", "parcels.tsv", parcels)
        self.result("tr", float(tr))
        self.result("n_missing", int(missing.sum()))
        self.result("n_constant", int(constant.sum()))

    def _read(self) -> tuple[np.ndarray, pd.DataFrame, float]:
        given = self.inputs
        path, kind = given.in_file, self._kind()
        tr = given.tr if isdefined(given.tr) and given.tr is not None else None
        if kind == "ptseries":
            return read_ptseries(path, tr)
        if kind == "dtseries":
            return read_dtseries(path, given.labels_file, tr, given.memory_mb)
        if kind == "image":
            return read_labelled_image(
                path, given.labels_file, given.label_table_file, tr, given.unwanted
            )
        tr = series_tr(path, tr)
        if kind == "table":
            return *read_series_table(path), tr
        return *read_array(path, given.regions_file), tr

    def _kind(self) -> str:
        """Tell the kind of file by its name; check that there is what it needs, and no more."""
        name = Path(self.inputs.in_file).name
        kind = next((kind for end, kind in _KINDS.items() if name.endswith(end)), None)
        if kind is None:
            raise InputError(
                "in_file", expected=f"one of {', '.join(_KINDS)}", found=name,
                hint="write the series as .npy (n_parcels, n_volumes)",
            )  # fmt: skip
        needs = _NEEDS.get(kind, ())
        for trait in ("regions_file", "labels_file", "label_table_file"):
            there = isdefined(getattr(self.inputs, trait))
            if there != (trait in needs):
                raise InputError(
                    trait.removesuffix("_file"),
                    expected=f"for {name}: {' and '.join(needs) or 'no other file'}",
                    found=f"{'' if there else 'no '}{trait}",
                    hint=f"{'leave it out' if there else 'give ' + trait}",
                )  # fmt: skip
        return kind


def unknown(column: pd.Series) -> bool:
    """Tell whether a column says nothing of any parcel."""
    return bool((column.isna() | (column == "n/a")).all())


def read_array(path: str | Path, regions_file: str | Path) -> tuple[np.ndarray, pd.DataFrame]:
    """Read an array (n_parcels, n_volumes) and the table that names its rows.

    Raises
    ------
    InputError
        If it is no such array, or the table has another number of parcels.
    """
    try:
        series = load_array(path)
    except (OSError, ValueError, EOFError) as err:
        series, found = None, str(err).splitlines()[0]
    else:
        found = f"{series.dtype} of shape {series.shape}"
    if series is None or series.ndim != 2 or series.dtype.kind not in "fiu" or not series.size:
        raise InputError(
            "in_file", expected="numbers (n_parcels, n_volumes)", found=found,
            hint="give boldN_Atlas_MSMAll_Glasser360Cortical.npy or the like", file=str(path),
        )  # fmt: skip
    reader = read_regions if str(regions_file).endswith(".npy") else read_parcels
    return series, reader(regions_file, len(series))
