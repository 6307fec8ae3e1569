"""Make features of parcels for machine learning, and classify by subjects not seen."""

from typing import Any

import numpy as np
import pandas as pd
from nipype.interfaces.base import File, TraitedSpec, isdefined, traits

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.classify_subjects import SubjectClassification, classify_subjects
from fmriprod.algorithms.parcel_features import (
    KINDS,
    OF_MATRICES,
    OF_VALUES,
    check_kinds,
    complete_features,
    matrix_features,
    value_features,
)
from fmriprod.interfaces.base import PythonInputSpec, PythonInterface
from fmriprod.interfaces.parcel_table import read_parcels
from fmriprod.interfaces.parcel_values import (
    OneScale,
    in_order,
    is_of_model,
    read_contrast,
    read_effects,
    read_scaled_connectivity,
)


class _ParcelFeaturesInputSpec(PythonInputSpec):
    contrast_files = traits.List(
        File(exists=True), xor=["effects_files"], desc="a TSV a sample: parcel value"
    )
    connectivity_files = traits.List(
        File(exists=True),
        xor=["effects_files"],
        desc="a matrix a sample, .npy, its rows in the order of parcels_file; samples have "
        "features of both where contrast_files are given too",
    )
    effects_files = traits.List(
        File(exists=True),
        xor=["contrast_files", "connectivity_files"],
        desc="a TSV a subject: parcel condition effect; a sample a condition, which is its label",
    )
    parcels_file = File(exists=True, mandatory=True, desc="TSV: name hemisphere network")
    subjects = traits.List(
        traits.Str, desc="subject of each file (default: sub-1 sub-2 ..., one a file)"
    )
    labels = traits.List(
        traits.Str,
        xor=["effects_files"],
        desc="label of each file, to classify; without labels features are written only",
    )
    conditions = traits.List(
        traits.Str,
        requires=["effects_files"],
        desc="conditions to use; needed with effects of ParcelGLM, for contrasts stand among them "
        "(default: all)",
    )
    kinds = traits.List(
        traits.Enum(*KINDS),
        desc="features: parcels, networks (means by hemisphere), edges, edge_networks (their means "
        "within and between networks), graph (strength, clustering, participation); default: "
        "parcels of values, edges of connectivity",
    )
    density = traits.Range(
        low=0.0, high=1.0, value=1.0, exclude_low=True, usedefault=True,
        desc="share of pairs that stay in the graph, the strongest ones; never those below 0",
    )  # fmt: skip
    n_folds = traits.Range(low=2, value=5, usedefault=True, desc="parts that subjects are put into")
    penalty = traits.Range(
        low=0.0, value=1.0, exclude_low=True, usedefault=True,
        desc="strength of the L2 penalty of the logistic classifier (1 / C)",
    )  # fmt: skip
    n_permutations = traits.Range(
        low=0, value=500, usedefault=True, desc="exchanges of labels for p; 0: none"
    )
    seed = traits.Range(low=0, value=0, usedefault=True, desc="seed of folds and exchanges")


class _ParcelFeaturesOutputSpec(TraitedSpec):
    features_file = File(exists=True, desc=".npy, float32 (n_samples, n_features)")
    samples_file = File(exists=True, desc="TSV, a row a sample: subject, and label where known")
    names_file = File(exists=True, desc="TSV, a row a feature: kind name")
    excluded_file = File(exists=True, desc="TSV: kind name n_samples of features that some lack")
    predictions_file = File(exists=True, desc="TSV, a row a sample: subject label predicted fold")
    summary_file = File(
        exists=True,
        desc="JSON: samples, features left out, and, where there are labels, accuracy, p and what "
        "was exchanged",
    )
    n_features = traits.Int(desc="features that every sample has")
    accuracy = traits.Float(desc="share of samples of unseen subjects whose label was told right")


class ParcelFeatures(PythonInterface):
    """Write a table of samples x features, and classify samples of subjects not seen in training.

    Features that some sample lacks are left out and counted. Scaling is of training samples only;
    a subject is never in both training and test.

    Examples
    --------
    >>> ParcelFeatures(kinds=["networks", "graph"], density=0.2).inputs.n_folds
    5
    """

    input_spec = _ParcelFeaturesInputSpec
    output_spec = _ParcelFeaturesOutputSpec
    _libraries = ("numpy", "scikit-learn")

    def _process(self) -> None:
        parcels = read_parcels(self.inputs.parcels_file)
        kinds = self._kinds(parcels)
        of_effects = isdefined(self.inputs.effects_files)
        samples, table = self._of_effects(parcels, kinds) if of_effects else self._of_files(
            parcels, kinds
        )  # fmt: skip
        features = table.to_numpy(dtype=np.float32)
        complete = complete_features(features)
        names = table.columns.to_frame(index=False)
        out = names[~complete].assign(n_samples=np.isnan(features[:, ~complete]).sum(axis=0))
        features = np.ascontiguousarray(features[:, complete])
        self.save_array("features_file", "features.npy", features)
        self.save_table("samples_file", "samples.tsv", samples)
        self.save_table("names_file", "features.tsv", names[complete])
        self.save_table("excluded_file", "excluded.tsv", out)
        about = _summary(samples, names[complete], len(out))
        if "label" in samples:
            about |= self._classify(samples, features)
        self.save_json("summary_file", "features.json", about)
        self.result("n_features", int(complete.sum()))

    def _kinds(self, parcels: pd.DataFrame) -> list[str]:
        values = self.inputs
        given = {
            "effects_files": (OF_VALUES, "parcels"),
            "contrast_files": (OF_VALUES, "parcels"),
            "connectivity_files": (OF_MATRICES, "edges"),
        }
        given = [
            known for name, known in given.items()
            if isdefined(getattr(values, name)) and getattr(values, name)
        ]  # fmt: skip
        if not given:
            raise InputError(
                "contrast_files", expected="contrast_files, connectivity_files or effects_files",
                found="none", hint="give one of them",
            )  # fmt: skip
        kinds = list(values.kinds) if isdefined(values.kinds) else [usual for _, usual in given]
        known = dict.fromkeys(kind for some, _ in given for kind in some)
        check_kinds(kinds, parcels["network"], list(known))
        return kinds

    def _listed(self, name: str, n: int) -> list[str]:
        """Give subjects or labels, one for each file."""
        listed = list(getattr(self.inputs, name))
        if len(listed) != n:
            raise InputError(
                name, expected=f"one for each of {n} files", found=f"{len(listed)}",
                hint="list them in the order of the files",
            )  # fmt: skip
        return listed

    def _subjects(self, n: int) -> list[str]:
        if isdefined(self.inputs.subjects):
            return self._listed("subjects", n)
        return [f"sub-{number + 1}" for number in range(n)]

    def _of_effects(
        self, parcels: pd.DataFrame, kinds: list[str]
    ) -> tuple[pd.DataFrame, pd.DataFrame]:
        files, order = self.inputs.effects_files, parcels["name"].tolist()
        rows, about = [], []
        for subject, path in zip(self._subjects(len(files)), files, strict=True):
            effects = in_order(read_effects(path), order, "effects", path)
            chosen = self._conditions(list(effects), path)
            for condition in chosen:
                if condition not in effects:
                    raise InputError(
                        "conditions", expected="conditions of each subject",
                        found=f"no {condition} among {', '.join(effects)}",
                        hint="leave the subject or the condition out", file=path,
                    )  # fmt: skip
                rows.append(value_features(effects[condition].to_numpy(), parcels, kinds))
                about.append((subject, condition))
        return pd.DataFrame(about, columns=["subject", "label"]), pd.DataFrame(rows)

    def _conditions(self, known: list[str], path: str) -> list[str]:
        if isdefined(self.inputs.conditions):
            return list(self.inputs.conditions)
        if is_of_model(path):
            raise InputError(
                "conditions", expected="names of conditions to use, where effects are of a model: "
                "its contrasts may stand among them", found=f"none chosen of {', '.join(known)}",
                hint="give conditions, without the differences between them", file=path,
            )  # fmt: skip
        return known

    def _of_files(
        self, parcels: pd.DataFrame, kinds: list[str]
    ) -> tuple[pd.DataFrame, pd.DataFrame]:
        values, order = self.inputs, parcels["name"].tolist()
        contrasts = values.contrast_files if isdefined(values.contrast_files) else []
        matrices = values.connectivity_files if isdefined(values.connectivity_files) else []
        if contrasts and matrices and len(contrasts) != len(matrices):
            raise InputError(
                "connectivity_files", expected=f"one for each of {len(contrasts)} contrast_files",
                found=f"{len(matrices)}", hint="list files of the same samples, in one order",
            )  # fmt: skip
        n = max(len(contrasts), len(matrices))
        samples = pd.DataFrame({"subject": self._subjects(n)})
        if isdefined(values.labels):
            samples["label"] = self._listed("labels", n)
        rows, scale = [], OneScale()
        for number in range(n):
            parts = []
            if contrasts:
                path = contrasts[number]
                data = in_order(read_contrast(path), order, "contrast", path)
                parts.append(value_features(data.to_numpy(), parcels, kinds))
            if matrices:
                parts.append(self._of_matrix(matrices[number], parcels, kinds, scale))
            rows.append(pd.concat([part for part in parts if len(part)]))
        return samples, pd.DataFrame(rows)

    def _of_matrix(
        self, path: str, parcels: pd.DataFrame, kinds: list[str], scale: OneScale
    ) -> pd.Series:
        matrix, own = read_scaled_connectivity(path, len(parcels))
        scale.check(own, path)
        try:
            return matrix_features(matrix, parcels, kinds, self.inputs.density)
        except InputError as err:
            err.file = path
            raise

    def _classify(self, samples: pd.DataFrame, features: np.ndarray) -> dict[str, Any]:
        values = self.inputs
        found = classify_subjects(
            features, samples["label"], samples["subject"], n_folds=values.n_folds,
            penalty=values.penalty, n_permutations=values.n_permutations, seed=values.seed,
        )  # fmt: skip
        table = samples.assign(predicted=found.predicted, fold=found.fold)
        self.save_table("predictions_file", "predictions.tsv", table)
        self.result("accuracy", found.accuracy)
        return _classification(found)


def _summary(samples: pd.DataFrame, names: pd.DataFrame, n_excluded: int) -> dict[str, Any]:
    return {
        "n_samples": len(samples),
        "n_subjects": samples["subject"].nunique(),
        "n_features": names["kind"].value_counts().to_dict(),
        "n_features_that_some_sample_lacks": n_excluded,
    }


def _classification(found: SubjectClassification) -> dict[str, Any]:
    n = len(found.null)
    return {
        "accuracy": found.accuracy,
        "balanced_accuracy": found.balanced_accuracy,
        "p": found.p if n else None,
        "p_balanced": found.p_balanced if n else None,
        "accuracy_of_exchanged_labels": float(found.null.mean()) if n else None,
        "n_permutations": n,
        "labels_exchanged": f"{found.exchange} subjects",
        "classifier": "logistic, L2, features scaled by training samples; subjects left out whole",
    }
