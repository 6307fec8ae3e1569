"""Rank parcels by their values."""

from pathlib import Path

import pandas as pd
from nipype.interfaces.base import File, InputMultiObject, TraitedSpec, isdefined, traits

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.parcel_ranking import rank_parcels, top_parcels
from fmriprod.interfaces.base import PythonInputSpec, PythonInterface
from fmriprod.interfaces.parcel_table import read_parcels
from fmriprod.interfaces.parcel_values import contrast_name, in_order, read_contrast


class _ParcelRankingInputSpec(PythonInputSpec):
    contrast_files = InputMultiObject(
        File(exists=True, hash_name=True),
        mandatory=True,
        desc="a TSV a contrast: parcel value, and contrast for its name; n/a is not ranked",
    )
    parcels_file = File(exists=True, mandatory=True, desc="TSV: name hemisphere network")
    names = traits.List(
        traits.Str,
        desc="names of the contrasts (default: column contrast, where that holds one name, or the "
        "name of the file)",
    )
    column = traits.Str(
        "value",
        usedefault=True,
        desc="column of values, such as mean, t or d of group_file of ParcelGroup",
    )
    by = traits.Enum("absolute", "value", usedefault=True, desc="rank by absolute value or value")
    n_top = traits.Range(
        low=1, value=20, usedefault=True, desc="largest rank of top_file; equal ones share a rank"
    )


class _ParcelRankingOutputSpec(TraitedSpec):
    ranking_file = File(
        exists=True, desc="TSV: contrast rank parcel hemisphere network value absolute"
    )
    top_file = File(exists=True, desc="TSV: the same, of the first n_top ranks of each contrast")
    n_missing = traits.List(traits.Int, desc="parcels without a value, of each contrast")


class ParcelRanking(PythonInterface):
    """List parcels from the largest to the smallest value, or absolute value.

    Examples
    --------
    >>> ParcelRanking(n_top=8).inputs.by
    'absolute'
    """

    input_spec = _ParcelRankingInputSpec
    output_spec = _ParcelRankingOutputSpec
    _libraries = ("numpy", "pandas")

    def _process(self) -> None:
        parcels = read_parcels(self.inputs.parcels_file)
        order, tables, missing = parcels["name"].tolist(), [], []
        for name, path in zip(self._names(), self.inputs.contrast_files, strict=True):
            values = in_order(read_contrast(path, self.inputs.column), order, "contrast", path)
            try:
                table = rank_parcels(parcels, values.to_numpy(), by=self.inputs.by)
            except InputError as err:
                err.file = path
                raise
            table.insert(0, "contrast", name)
            tables.append(table)
            missing.append(int(values.isna().sum()))
        self.save_table("ranking_file", "ranking.tsv", pd.concat(tables))
        self.save_table("top_file", "top.tsv", top_parcels(tables, self.inputs.n_top))
        self.result("n_missing", missing)

    def _names(self) -> list[str]:
        files = self.inputs.contrast_files
        given = [contrast_name(file) or Path(file).name.rsplit(".", 1)[0] for file in files]
        given = self.inputs.names if isdefined(self.inputs.names) else given
        if len(given) != len(files) or len(set(given)) < len(given):
            raise InputError(
                "names", expected=f"a different name for each of {len(files)} contrasts",
                found=", ".join(given), hint="give names, in the order of contrast_files",
            )  # fmt: skip
        return list(given)
