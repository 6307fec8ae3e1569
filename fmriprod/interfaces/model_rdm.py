"""RDMs that hypotheses expect, from codes, tables and matrices."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from nipype.interfaces.base import File, TraitedSpec, isdefined, traits

from fmriprod.algorithms.checks import InputError, suggest
from fmriprod.algorithms.model_codes import (
    DIGITS_AND_OBJECTS,
    HUMAN_CODES,
    code_from_pairs,
    feature_distance,
    human_code,
)
from fmriprod.algorithms.rdm import (
    check_conditions,
    condensed,
    match_conditions,
    reorder_pairs,
)
from fmriprod.algorithms.rsa import check_models
from fmriprod.interfaces.base import PythonInputSpec, PythonInterface
from fmriprod.interfaces.rdm_file import RDMs, write_rdms
from fmriprod.interfaces.rdm_tables import read_features, read_matrix, read_pairs

Models = list[tuple[str, np.ndarray]]  # name, dissimilarities


class _ModelRDMInputSpec(PythonInputSpec):
    conditions = traits.List(
        traits.Str,
        desc="names of the conditions, in the order of the RDMs (default: those of the first "
        "table or matrix, or the sixteen digits and objects of the published codes)",
    )
    codes = traits.List(
        traits.Enum(*HUMAN_CODES),
        desc="published codes of ten digits and six objects, which are matched by their names",
    )
    pairs_files = traits.List(
        File(exists=True, hash_name=True),
        desc="TSV with columns condition_1 condition_2 expected (alike, unlike, or a number); "
        "where all are alike, other pairs are unlike, and the other way round",
    )
    features_file = File(
        exists=True,
        desc="TSV with a column condition, and features: numbers (their difference) or "
        "categories (same or different)",
    )
    columns = traits.List(
        traits.Str, requires=["features_file"], desc="features to use (default: all)"
    )
    combined = traits.Str(
        requires=["features_file"],
        desc="name of one model that is the mean over these features, each from 0 to 1 (Gower's "
        "distance); a model a feature unless given",
    )
    matrix_files = traits.List(
        File(exists=True, hash_name=True),
        desc="symmetric matrices: CSV or TSV with names of conditions in the first row and "
        "column, or .npy, square or its upper triangle row by row, in the order of conditions",
    )
    distances = traits.Bool(
        True,
        usedefault=True,
        desc="matrices are distances, 0 or larger; if not, such as cross-validated ones, they may "
        "be negative",
    )
    names = traits.List(
        traits.Str,
        desc="names of the models: codes, then pairs_files, features, matrix_files (default: "
        "those of codes, files and columns)",
    )


class _ModelRDMOutputSpec(TraitedSpec):
    rdm_file = File(exists=True, desc="HDF5: an RDM a model, with names of models and conditions")
    names = traits.List(traits.Str, desc="names of the models")
    n_models = traits.Int(desc="how many they are")


class ModelRDM(PythonInterface):
    """Write the dissimilarities that hypotheses expect.

    Conditions are matched by name, in any order. Every model has to have all conditions, and
    no others. A model that is the same for all pairs is an error.

    Examples
    --------
    >>> ModelRDM(codes=["digit", "animacy"]).inputs.distances
    True
    """

    input_spec = _ModelRDMInputSpec
    output_spec = _ModelRDMOutputSpec
    _libraries = ("numpy",)

    def _process(self) -> None:
        self._conditions: list[str] = []
        if isdefined(self.inputs.conditions):
            self._conditions = check_conditions(self.inputs.conditions)
        models = [*self._of_codes(), *self._of_pairs(), *self._of_features(), *self._of_matrices()]
        if not models:
            raise InputError(
                "codes", expected="codes, pairs_files, features_file or matrix_files", found="none",
                hint=f"give one of them, such as codes={[HUMAN_CODES[0]]}",
            )  # fmt: skip
        names = self._names([name for name, _ in models])
        values = np.array([pairs for _, pairs in models], dtype=np.float32)
        check_models(values, names)
        rdms = RDMs(values, self._conditions, "code", names)
        with self.writing("rdm_file", "model_rdms.h5") as path:
            write_rdms(path, rdms)
        self.result("names", names)
        self.result("n_models", len(names))

    def _names(self, found: list[str]) -> list[str]:
        names = list(self.inputs.names) if isdefined(self.inputs.names) else found
        if len(names) != len(found) or len(set(names)) < len(names):
            raise InputError(
                "names", expected=f"a different name for each of {len(found)} models",
                found=", ".join(names), hint="give names, in the order of the models",
            )  # fmt: skip
        return names

    def _of_codes(self) -> Models:
        codes = list(self.inputs.codes) if isdefined(self.inputs.codes) else []
        if codes and not self._conditions:
            self._conditions = list(DIGITS_AND_OBJECTS)
        return [(name, human_code(name, self._conditions)) for name in codes]

    def _of_pairs(self) -> Models:
        models = []
        for path in self.inputs.pairs_files if isdefined(self.inputs.pairs_files) else []:
            table = read_pairs(path)
            if not self._conditions:
                listed = dict.fromkeys(name for pair in table for name in pair[:2])
                self._conditions = check_conditions(listed)
            with _naming(path):
                models.append((_stem(path), code_from_pairs(self._conditions, table)))
        return models

    def _of_features(self) -> Models:
        if not isdefined(self.inputs.features_file):
            return []
        path = self.inputs.features_file
        table = read_features(path)
        columns = list(self.inputs.columns) if isdefined(self.inputs.columns) else list(table)
        lacking = [name for name in columns if name not in table]
        if lacking or not columns:
            raise InputError(
                "columns", expected="features of the table", found=", ".join(lacking) or "none",
                hint=suggest(lacking[0] if lacking else "", list(table)), file=path,
            )  # fmt: skip
        index = self._match(list(table.index), "features", path)
        with _naming(path):
            models = [(name, _column_distance(table[name].iloc[index])) for name in columns]
        if not isdefined(self.inputs.combined):
            return models
        return [(self.inputs.combined, np.mean([pairs for _, pairs in models], axis=0))]

    def _of_matrices(self) -> Models:
        models = []
        for path in self.inputs.matrix_files if isdefined(self.inputs.matrix_files) else []:
            matrix, names = read_matrix(path, self._conditions)
            with _naming(path):
                names = check_conditions(names)
                pairs = condensed(matrix, "matrix", distance=self.inputs.distances)
            index = self._match(names, "matrix", path)
            models.append((_stem(path), pairs[reorder_pairs(index, len(names))]))
        return models

    def _match(self, names: Sequence[str], subject: str, path: str) -> np.ndarray:
        """Find the conditions among those of a file, which has to have these and no others."""
        with _naming(path):
            names = check_conditions(names)
            if not self._conditions:
                self._conditions = names
            index = match_conditions(self._conditions, names, subject)
            match_conditions(names, self._conditions, "conditions")
        return index


class _naming:
    """Add the file to an error that is raised within."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, _: object, err: object, __: object) -> None:
        if isinstance(err, InputError):
            err.file = err.file or str(self._path)


def _column_distance(column: pd.Series) -> np.ndarray:
    return feature_distance(column.to_numpy(), str(column.name))


def _stem(path: str) -> str:
    return Path(path).name.rsplit(".", 1)[0]
