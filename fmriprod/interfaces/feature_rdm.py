"""Dissimilarities of conditions in the features of a network, or in any matrix."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from nipype.interfaces.base import File, TraitedSpec, isdefined, traits

from fmriprod.algorithms.checks import InputError, suggest
from fmriprod.algorithms.rdm import check_n_conditions
from fmriprod.algorithms.rdm_distances import correlation_distances, gram, squared_distances
from fmriprod.interfaces.base import PythonInputSpec, PythonInterface
from fmriprod.interfaces.events import read_table
from fmriprod.interfaces.layer_file import open_layers
from fmriprod.interfaces.masked_responses import open_matrix
from fmriprod.interfaces.rdm_file import RDMs, write_rdms

_ROWS_BYTES = 1 << 26  # of a layer read at once
_HDF5 = (".h5", ".hdf5")


class _FeatureRDMInputSpec(PythonInputSpec):
    features_file = File(
        exists=True,
        hash_name=True,
        mandatory=True,
        desc="features of samples: HDF5 (LayerFeatures), .npy (n_samples, n_features), or TSV",
    )
    conditions = traits.List(
        traits.Str,
        xor=["samples_file"],
        desc="condition of each sample; samples of one condition are averaged",
    )
    samples_file = File(
        exists=True,
        xor=["conditions"],
        desc="TSV, a row a sample, with condition_column (default: features_file if it is TSV)",
    )
    condition_column = traits.Str(
        "condition", usedefault=True, desc="column that names the condition of each sample"
    )
    layers = traits.List(traits.Str, desc="layers to take, in this order (default: all)")
    distance = traits.Enum(
        "correlation",
        "euclidean",
        usedefault=True,
        desc="1 - r, or the squared distance divided by the number of features",
    )


class _FeatureRDMOutputSpec(TraitedSpec):
    rdm_file = File(
        exists=True,
        desc="HDF5 of dissimilarities, float32 (n_layers, n_pairs); names are layers, or that of "
        "the file",
    )
    names = traits.List(traits.Str, desc="names of the RDMs")
    n_undefined = traits.Int(desc="pairs that are NaN since a pattern is the same in all features")


class FeatureRDM(PythonInterface):
    """Compute the dissimilarities of conditions in features, one RDM a layer.

    Every feature counts, those that never change too; sums are in float64.

    Examples
    --------
    >>> FeatureRDM(distance="euclidean").inputs.condition_column
    'condition'
    """

    input_spec = _FeatureRDMInputSpec
    output_spec = _FeatureRDMOutputSpec
    _libraries = ("numpy",)

    def _process(self) -> None:
        values = self.inputs
        condition = self._conditions()
        conditions = list(dict.fromkeys(condition))
        check_n_conditions(len(conditions))
        codes = np.array([conditions.index(name) for name in condition])
        names, rows = [], []
        for name, means in self._means(codes, len(conditions)):
            names.append(name)
            rows.append(_distances(means, values.distance))
        about = {"made_by": type(self).__name__, "distance": values.distance}
        found = np.array(rows, dtype=np.float32)
        with self.writing("rdm_file", "feature_rdms.h5") as path:
            write_rdms(path, RDMs(found, conditions, values.distance, names, about=about))
        self.result("names", names)
        self.result("n_undefined", int(np.isnan(found).sum()))

    def _conditions(self) -> list[str]:
        values = self.inputs
        if isdefined(values.conditions) and values.conditions:
            return list(values.conditions)
        path = values.samples_file if isdefined(values.samples_file) else values.features_file
        if Path(path).suffix in (*_HDF5, ".npy"):
            raise InputError(
                "conditions", expected="the condition of each sample", found="none",
                hint="give conditions, or samples_file with the column condition_column",
            )  # fmt: skip
        table = read_table(path, "samples_file")
        if values.condition_column not in table:
            raise InputError(
                "condition_column", expected=f"a column of {path}",
                found=repr(values.condition_column),
                hint=suggest(values.condition_column, table.columns),
            )  # fmt: skip
        column = table[values.condition_column]
        if column.isna().any():
            raise InputError(
                "condition_column", expected="a condition in every row",
                found=f"none in {int(column.isna().sum())} of {len(column)} rows",
                hint="name these conditions, or leave the rows out", file=path,
            )  # fmt: skip
        return [str(name) for name in column]

    def _means(self, codes: np.ndarray, n: int) -> Iterator[tuple[str, np.ndarray]]:
        """Give each layer's name and its mean features, float64 (n_conditions, n_features)."""
        path = self.inputs.features_file
        if Path(path).suffix in _HDF5:
            with open_layers(path) as layers:
                chosen = self.inputs.layers if isdefined(self.inputs.layers) else None
                for name in chosen or layers.names:
                    yield name, _mean_rows(layers.dataset(name), codes, n, path, name)
            return
        if Path(path).suffix == ".npy":
            matrix = open_matrix(path, "features_file")
        else:
            matrix = _numbers(read_table(path, "features_file"), self.inputs.condition_column, path)
        name = Path(path).name.rsplit(".", 1)[0]
        yield name, _mean_rows(matrix, codes, n, path, name)


def _mean_rows(matrix: np.ndarray, codes: np.ndarray, n: int, path: str, name: str) -> np.ndarray:
    """Average the rows of each condition, a few rows at a time."""
    n_rows, width = matrix.shape
    if len(codes) != n_rows:
        raise InputError(
            "conditions", expected=f"{n_rows:,}, one a sample of {name!r}",
            found=f"{len(codes):,}", hint="give the condition of every row of features_file",
        )  # fmt: skip
    sums = np.zeros((n, width))
    step = max(1, _ROWS_BYTES // (4 * max(width, 1)))
    for first in range(0, n_rows, step):
        for code, row in zip(
            codes[first : first + step], matrix[first : first + step], strict=True
        ):
            sums[code] += row
    broken = int((~np.isfinite(sums).all(axis=0)).sum())
    if broken or width == 0:
        raise InputError(
            "features_file", expected=f"finite features in {name!r}",
            found=f"NaN or infinity in {broken:,} of {width:,} features",
            hint="leave these features out, or make them again", file=path,
        )  # fmt: skip
    return sums / np.bincount(codes, minlength=n)[:, None]


def _distances(means: np.ndarray, distance: str) -> np.ndarray:
    patterns = np.ascontiguousarray(means.T)[None]
    if distance == "correlation":
        return correlation_distances(patterns)[0]
    patterns -= patterns.mean(axis=2, keepdims=True)  # differences do not have it; digits do
    return squared_distances(gram(patterns), patterns.shape[1])[0]


def _numbers(table: pd.DataFrame, column: str, path: str) -> np.ndarray:
    """Take all columns of a table but the one of conditions."""
    features = table.drop(columns=column, errors="ignore")
    words = [str(n) for n in features if not pd.api.types.is_numeric_dtype(features[n])]
    if words:
        raise InputError(
            "features_file", expected="columns of numbers beside condition_column",
            found=f"other columns: {', '.join(words)}",
            hint="leave them out, or name the one of conditions in condition_column", file=path,
        )  # fmt: skip
    return features.to_numpy(dtype=np.float64)
