"""Images in two dimensions, layer by layer."""

import numpy as np
import pandas as pd
from nipype.interfaces.base import File, TraitedSpec, traits

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.layer_embedding import chosen_units, embed
from fmriprod.interfaces.base import PythonInputSpec, PythonInterface, given_or_none
from fmriprod.interfaces.layer_file import LayerFile, open_layers
from fmriprod.interfaces.row_conditions import number_conditions, row_conditions

_BLOCK_BYTES = 1 << 26


class _LayerEmbeddingInputSpec(PythonInputSpec):
    features_file = File(exists=True, mandatory=True, desc="layers (HDF5, LayerFeatures)")
    samples_file = File(exists=True, mandatory=True, desc="TSV, a row a sample (LayerFeatures)")
    column = traits.Str(
        desc="column of the samples that names each row's class; the folder of each stimulus "
        "unless given"
    )
    classes = traits.List(
        traits.Str, desc="classes in the order of the legend, others left out; all unless given"
    )
    layers = traits.List(traits.Str, desc="layers by name, in order; all unless given")
    perplexity = traits.Range(
        low=1.0, value=30.0, usedefault=True, desc="of t-SNE; a third of the others if images few"
    )
    n_units = traits.Int(
        desc="units of each layer, drawn with its number (from 0) as seed; all unless given",
    )
    start = traits.Enum(
        "pca",
        "random",
        usedefault=True,
        desc="first places: principal components, or random ones, as in scikit-learn until 1.1",
    )
    seed = traits.Range(low=0, value=0, usedefault=True, desc="seed of t-SNE")
    simulated = traits.Bool(False, usedefault=True, desc="the data are simulated: this is said")


class _LayerEmbeddingOutputSpec(TraitedSpec):
    places_file = File(
        exists=True,
        desc="TSV, a row a layer and sample: layer sample (row of the features, from 0) class x y "
        "(0 to 1)",
    )
    summary_file = File(
        exists=True, desc="JSON: perplexity and, of each layer, units and divergence left (nats)"
    )
    figure = File(exists=True, desc="PNG, a panel a layer")


class LayerEmbedding(PythonInterface):
    """Show what every layer answers to images in two dimensions, by t-SNE.

    Each layer is embedded by itself (van der Maaten & Hinton 2008) and scaled to 0 to 1 on each
    axis. Which images are near each other has a meaning; distances and sizes of groups have none.

    Examples
    --------
    >>> LayerEmbedding(n_units=1000).inputs.perplexity
    30.0
    """

    input_spec = _LayerEmbeddingInputSpec
    output_spec = _LayerEmbeddingOutputSpec
    _libraries = ("numpy", "scikit-learn")

    def _process(self) -> None:
        values = self.inputs
        with open_layers(values.features_file) as features:
            named = row_conditions(
                values.samples_file, features.n_samples, given_or_none(values.column)
            )
            categories, classes = number_conditions(named, given_or_none(values.classes), "classes")
            rows = np.flatnonzero(categories >= 0)
            layers = given_or_none(values.layers) or features.names
            found = {}
            units = {}
            for number, layer in enumerate(layers):
                matrix = self._read(features, layer, rows, number)
                units[layer] = matrix.shape[1]
                found[layer] = embed(
                    matrix, perplexity=values.perplexity, seed=values.seed, start=values.start,
                    subject=f"layer {layer!r}",
                )  # fmt: skip
        tables = [
            pd.DataFrame(
                {
                    "layer": layer, "sample": rows,
                    "class": np.array(classes)[categories[rows]],
                    "x": e.places[:, 0], "y": e.places[:, 1],
                }
            )
            for layer, e in found.items()
        ]  # fmt: skip
        self.save_table("places_file", "places.tsv", pd.concat(tables))
        used = next(iter(found.values())).perplexity
        summary = {
            "perplexity": used,
            "n_samples": len(rows),
            "n_units": units,
            "divergence": {layer: e.divergence for layer, e in found.items()},
        }
        self.save_json("summary_file", "embedding.json", summary)
        from fmriprod.reports.embedding_panels import embedding_figure

        places = {layer: e.places for layer, e in found.items()}
        with embedding_figure(
            places, categories[rows], classes, perplexity=used, wanted=values.perplexity,
            simulated=values.simulated,
        ) as figure:  # fmt: skip
            self.save_figure("figure", "embedding.png", figure)

    def _read(self, features: LayerFile, layer: str, rows: np.ndarray, number: int) -> np.ndarray:
        """Read some rows and units of a layer, a block of rows at a time."""
        dataset = features.dataset(layer)
        n_units = given_or_none(self.inputs.n_units)
        if n_units is not None and n_units < 1:
            raise InputError(
                "n_units", expected="at least 1 unit", found=f"{n_units}",
                hint="leave it out to take all",
            )  # fmt: skip
        units = chosen_units(dataset.shape[1], n_units, number)
        if units is None:
            return dataset[:][rows]
        step = max(1, _BLOCK_BYTES // (4 * dataset.shape[1]))
        blocks = [dataset[rows[k : k + step]][:, units] for k in range(0, len(rows), step)]
        return np.concatenate(blocks)
