"""Summarise parcels by network and hemisphere."""

import numpy as np
import pandas as pd
from nipype.interfaces.base import File, TraitedSpec, isdefined, traits

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.network_summary import (
    network_matrix,
    summarize_edges,
    summarize_networks,
)
from fmriprod.interfaces.base import PythonInputSpec, PythonInterface
from fmriprod.interfaces.parcel_table import read_parcels
from fmriprod.interfaces.parcel_values import (
    in_order,
    read_contrast,
    read_effects,
    read_scaled_connectivity,
)

_SOURCES = ("contrast_file", "effects_file", "connectivity_file")


class _NetworkSummaryInputSpec(PythonInputSpec):
    contrast_file = File(
        exists=True, mandatory=True, xor=_SOURCES, desc="TSV: parcel value; n/a is left out"
    )
    effects_file = File(
        exists=True, mandatory=True, xor=_SOURCES, desc="TSV: parcel condition effect"
    )
    connectivity_file = File(
        exists=True,
        mandatory=True,
        xor=_SOURCES,
        desc="matrix, .npy (n_parcels, n_parcels), its rows in the order of parcels_file",
    )
    parcels_file = File(exists=True, mandatory=True, desc="TSV: name hemisphere network")
    column = traits.Str(
        desc="column of values (default: value of contrast_file, effect of effects_file), such as "
        "mean or d of group_file of ParcelGroup"
    )
    fisher = traits.Bool(
        False,
        usedefault=True,
        desc="take means of Fisher's z of connectivity, and turn them back (sd stays that of z)",
    )


class _NetworkSummaryOutputSpec(TraitedSpec):
    table_file = File(
        exists=True,
        desc="TSV: (condition) network hemisphere (both L R) n n_missing mean sd, over parcels; of "
        "connectivity network_1 network_2 hemispheres (all within between) and the same, over "
        "edges",
    )
    matrix_file = File(
        exists=True, desc=".npy, float32: mean connectivity, networks x networks (all edges)"
    )
    networks = traits.List(traits.Str, desc="names of the networks, in the order of the matrix")
    n_missing = traits.Int(desc="parcels without a value (in some condition, or in all edges)")


class NetworkSummary(PythonInterface):
    """Mean, standard deviation and number of parcels by network and hemisphere.

    Parcels without a value are left out and counted.

    Examples
    --------
    >>> NetworkSummary().inputs.fisher
    False
    """

    input_spec = _NetworkSummaryInputSpec
    output_spec = _NetworkSummaryOutputSpec
    _libraries = ("numpy",)

    def _process(self) -> None:
        parcels = read_parcels(self.inputs.parcels_file)
        if isdefined(self.inputs.connectivity_file):
            table = self._of_edges(parcels)
            names = list(dict.fromkeys(table["network_1"]))
        else:
            table = self._of_parcels(parcels)
            names = list(dict.fromkeys(table["network"]))
        self.save_table("table_file", "networks.tsv", table)
        self.result("networks", names)

    def _of_edges(self, parcels: pd.DataFrame) -> pd.DataFrame:
        path, fisher = self.inputs.connectivity_file, self.inputs.fisher
        matrix = read_scaled_connectivity(path, len(parcels), fisher=fisher)[0]
        sides = parcels["network"], parcels["hemisphere"]
        try:
            table = summarize_edges(matrix, *sides, fisher=fisher)
        except InputError as err:
            err.file = path
            raise
        self.save_array("matrix_file", "networks.npy", network_matrix(table)[0])
        apart = ~np.eye(len(matrix), dtype=bool)
        self.result("n_missing", int((np.isnan(matrix) | ~apart).all(axis=1).sum()))
        return table

    def _of_parcels(self, parcels: pd.DataFrame) -> pd.DataFrame:
        values, names = self.inputs, parcels["name"].tolist()
        column = {"column": values.column} if isdefined(values.column) else {}
        if isdefined(values.contrast_file):
            read = read_contrast(values.contrast_file, **column)
            data = in_order(read, names, "contrast", values.contrast_file)
            table = summarize_networks(data, parcels["network"], parcels["hemisphere"])
            self.result("n_missing", int(data.isna().sum()))
            return table
        data = in_order(
            read_effects(values.effects_file, **column), names, "effects", values.effects_file
        )
        self.result("n_missing", int(data.isna().any(axis=1).sum()))
        tables = []
        for condition in data:
            table = summarize_networks(data[condition], parcels["network"], parcels["hemisphere"])
            table.insert(0, "condition", condition)
            tables.append(table)
        return pd.concat(tables)
