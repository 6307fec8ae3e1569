"""Dissimilarities of conditions in every layer of a network."""

from typing import Any

import numpy as np
from nipype.interfaces.base import File, TraitedSpec, traits

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.layer_rdm import LayerDissimilarities, layer_rdm
from fmriprod.algorithms.rdm import check_conditions
from fmriprod.interfaces.base import PythonInputSpec, PythonInterface, given_or_none
from fmriprod.interfaces.layer_file import LayerFile, open_layers
from fmriprod.interfaces.rdm_file import RDMs, write_rdms
from fmriprod.interfaces.row_conditions import column_blocks, number_conditions, row_conditions


class _LayerRDMInputSpec(PythonInputSpec):
    features_file = File(
        exists=True,
        mandatory=True,
        desc="layers (HDF5, LayerFeatures); as published with reduce=False and log=False",
    )
    samples_file = File(exists=True, mandatory=True, desc="TSV, a row a sample (LayerFeatures)")
    column = traits.Str(
        desc="column of the samples that names each row's condition; the folder of each stimulus "
        "(zero/1.png is of zero) unless given"
    )
    group_column = traits.Str(
        desc="column that names a participant or another group of rows; each gets RDMs of its own"
    )
    conditions = traits.List(
        traits.Str,
        desc="conditions in the order of the output, others left out; all, in the order of their "
        "first rows, unless given",
    )
    layers = traits.List(traits.Str, desc="layers by name, in order; all unless given")
    variance = traits.Range(
        low=0.0,
        high=1.0,
        value=0.9,
        exclude_low=True,
        exclude_high=True,
        usedefault=True,
        desc="share of variance that the kept principal components explain",
    )
    signs = traits.Enum(
        "scores",
        "loadings",
        usedefault=True,
        desc="which way components point, on which the correlation depends: the largest score is "
        "positive (scikit-learn until 1.4, as published), or the largest loading (from 1.5 on)",
    )
    memory_mb = traits.Range(
        low=1, value=256, usedefault=True, nohash=True, desc="MB of a block of features"
    )


class _LayerRDMOutputSpec(TraitedSpec):
    rdm_file = File(
        exists=True,
        desc="HDF5, an RDM a layer: 1 - Pearson r of mean scores; with groups, the mean of theirs",
    )
    rdm_files = traits.List(File(exists=True), desc="the same of each group (one without groups)")
    groups = traits.List(traits.Str, desc="names of the groups, in that order")
    summary_file = File(
        exists=True, desc="JSON: components kept and constant features of each group and layer"
    )


class LayerRDM(PythonInterface):
    """Measure how dissimilar conditions are in every layer of a network.

    Features are standardised over images and reduced to the principal components that explain
    90 % of their variance; the distance of two conditions is 1 - Pearson r of their mean scores
    (Lee et al. 2023, Hum Brain Mapp). Layers are read by blocks.

    Examples
    --------
    >>> LayerRDM(group_column="participant").inputs.variance
    0.9
    """

    input_spec = _LayerRDMInputSpec
    output_spec = _LayerRDMOutputSpec
    _libraries = ("numpy",)

    def _process(self) -> None:
        values = self.inputs
        with open_layers(values.features_file) as features:
            layers = given_or_none(values.layers) or features.names
            categories, names = self._categories(features.n_samples)
            check_conditions(names)
            found = {
                group: {
                    layer: self._measure(features, layer, rows, categories, names)
                    for layer in layers
                }
                for group, rows in self._groups(features.n_samples, categories >= 0).items()
            }
        about = {"variance": values.variance, "signs": values.signs, "groups": list(found)}
        rdms = np.stack(
            [[layer.dissimilarities for layer in group.values()] for group in found.values()]
        )
        self._write("rdm_file", "layer_rdms.h5", rdms.mean(axis=0), names, layers, about)
        files = []
        for k, group in enumerate(found):
            about = {**about, "groups": [group]}
            self._write("rdm_files", f"layer_rdms_{k + 1:02d}.h5", rdms[k], names, layers, about)
            files.append(self._results["rdm_files"])
        self.result("rdm_files", files)
        self.result("groups", list(found))
        kept = {
            name: {group: {la: getattr(f, name) for la, f in by.items()} for group, by in
                   found.items()}
            for name in ("n_components", "n_constant")
        }  # fmt: skip
        self.save_json("summary_file", "layer_rdm.json", {**kept, "conditions": names})

    def _categories(self, n_rows: int) -> tuple[np.ndarray, list[str]]:
        """Give each row the number of its condition."""
        values = self.inputs
        conditions = row_conditions(values.samples_file, n_rows, given_or_none(values.column))
        return number_conditions(conditions, given_or_none(values.conditions))

    def _groups(self, n_rows: int, wanted: np.ndarray) -> dict[str, np.ndarray]:
        """Give the wanted rows of each group."""
        column = given_or_none(self.inputs.group_column)
        if column is None:
            return {"all": np.flatnonzero(wanted)}
        named = row_conditions(self.inputs.samples_file, n_rows, column, "group_column")
        of_row = np.array(named)
        return {g: np.flatnonzero(wanted & (of_row == g)) for g in dict.fromkeys(named)}

    def _measure(
        self,
        features: LayerFile,
        layer: str,
        rows: np.ndarray,
        categories: np.ndarray,
        names: list[str],
    ) -> LayerDissimilarities:
        """Measure one layer in the rows of one group."""
        lacking = [name for k, name in enumerate(names) if k not in set(categories[rows])]
        if lacking:
            raise InputError(
                "group_column", expected="images of every condition in every group",
                found=f"no row of {', '.join(map(repr, lacking))} in a group of {len(rows)} rows",
                hint="leave the condition out with conditions, or the group",
                file=self.inputs.samples_file,
            )  # fmt: skip
        dataset = features.dataset(layer)
        return layer_rdm(
            lambda: column_blocks(dataset, rows, self.inputs.memory_mb * 1e6),
            categories[rows],
            variance=self.inputs.variance,
            signs=self.inputs.signs,
            subject=f"layer {layer!r}",
        )

    def _write(
        self,
        field: str,
        name: str,
        rdms: np.ndarray,
        conditions: list[str],
        layers: list[str],
        about: dict[str, Any],
    ) -> None:
        with self.writing(field, name) as path:
            write_rdms(
                path,
                RDMs(rdms.astype(np.float32), conditions, "correlation", list(layers), about=about),
            )
