"""Evidence for objects in the activity of test samples."""

from typing import Any

import pandas as pd
from nipype.interfaces.base import File, TraitedSpec, isdefined, traits

from fmriprod.algorithms.checks import InputError, suggest
from fmriprod.algorithms.evidence import Evidence, object_evidence
from fmriprod.algorithms.evidence_summary import (
    confusion_matrix,
    evidence_table,
    summarize,
    time_courses,
)
from fmriprod.algorithms.query import query_rows
from fmriprod.algorithms.splits import Split, group_splits, query_split
from fmriprod.interfaces.base import PythonInputSpec, PythonInterface
from fmriprod.interfaces.samples import read_features, read_voxel_tables

_FIGURES = ("confusion", "time_course", "null")


class _ObjectEvidenceInputSpec(PythonInputSpec):
    features_files = traits.List(
        File(exists=True), mandatory=True, desc="samples x voxels .npy, from Featurize"
    )
    samples_files = traits.List(
        File(exists=True), mandatory=True, desc="sample tables (TSV) in the same order"
    )
    voxels_files = traits.List(
        File(exists=True),
        desc="voxel tables in the same order: checked to agree, and voxels that are not usable "
        "in a run are left out",
    )
    train = traits.Str(
        xor=["folds"],
        requires=["test"],
        desc="query for the training rows, such as: half == 1, or task == 'recognition'",
    )
    test = traits.Str(xor=["folds"], requires=["train"], desc="query for the test rows")
    folds = traits.Str(
        xor=["train", "test"],
        desc="column of groups to leave out in turn, such as run: each is tested once",
    )
    rows = traits.Str(desc="query for the rows that take part at all (default: all)")
    labels = traits.List(traits.Str, desc="labels that take part (default: all)")
    classifier = traits.Enum(
        "logistic_ovr",
        "logistic",
        usedefault=True,
        desc="one-vs-rest logistic regression with normalised sigmoids, or multinomial",
    )
    C = traits.Range(
        low=0.0, value=1.0, exclude_low=True, usedefault=True, desc="inverse of the L2 penalty"
    )
    standardize = traits.Enum(
        "split",
        "train",
        "run",
        "none",
        usedefault=True,
        desc="z-score of each voxel: over training and over test rows separately; with the "
        "training rows' mean and deviation; over each run; or none",
    )
    n_voxels = traits.Int(desc="use the voxels with the largest F over labels in the training rows")
    n_permutations = traits.Range(
        low=0, value=0, usedefault=True, desc="permutations of labels between trials of a run"
    )
    n_bootstrap = traits.Range(
        low=0, value=2000, usedefault=True, desc="draws of test trials for the intervals"
    )
    seed = traits.Range(low=0, value=0, usedefault=True, desc="seed of all random draws")
    title = traits.Str("", usedefault=True, desc="what is decoded, for the figures")


class _ObjectEvidenceOutputSpec(TraitedSpec):
    evidence_file = File(
        exists=True,
        desc="TSV, one row per test sample: sample table, fold, predicted, logprob_<label>",
    )
    summary_file = File(
        exists=True,
        desc="JSON: accuracy with interval over trials, permutation p, confusion matrix, folds, "
        "numbers of samples and voxels",
    )
    time_courses_file = File(
        exists=True,
        desc="TSV: mean probability of the true and other labels by time point, with intervals "
        "over trials",
    )
    confusion_figure = File(exists=True, desc="PNG of the confusion matrix")
    time_course_figure = File(
        exists=True, desc="PNG of the time courses, when trials have several time points"
    )
    null_figure = File(exists=True, desc="PNG of accuracies with permuted labels, when asked for")
    figures = traits.List(File(exists=True), desc="the figures that were made")
    figure_names = traits.List(traits.Str, desc="what each of them is: confusion, timecourse, null")
    accuracy = traits.Float(desc="share of test samples whose label is predicted")


class ObjectEvidence(PythonInterface):
    """Train on some samples and weigh every label in others, with their uncertainty.

    Rows are split by two queries over the sample table (``train`` and ``test``) or by
    leaving out the groups of a column in turn (``folds``). Test rows never influence
    training; a row, trial or volume on both sides is refused. What came before is the
    user's: a region that was chosen by how labels differ in the test samples makes their
    evidence circular.

    Examples
    --------
    >>> ObjectEvidence(folds="run", n_permutations=1000).inputs.C
    1.0
    """

    input_spec = _ObjectEvidenceInputSpec
    output_spec = _ObjectEvidenceOutputSpec
    _libraries = ("numpy", "scipy")

    def _process(self) -> None:
        values = self.inputs
        features, samples = read_features(values.features_files, values.samples_files)
        if isdefined(values.voxels_files) and values.voxels_files:
            voxels = read_voxel_tables(
                values.voxels_files, values.features_files, features.shape[1]
            )
            features[:, voxels["usable"].to_numpy() == 0] = float("nan")
        kept = self._kept(samples)
        features, samples = features[kept], samples.iloc[kept].reset_index(drop=True)
        splits = self._splits(samples)
        evidence = object_evidence(
            features,
            samples,
            splits,
            classifier=values.classifier,
            C=values.C,
            standardize=values.standardize,
            n_voxels=values.n_voxels if isdefined(values.n_voxels) else None,
            n_permutations=values.n_permutations,
            seed=values.seed,
        )
        draws: dict[str, Any] = {"n_bootstrap": values.n_bootstrap, "seed": values.seed}
        summary = summarize(samples, evidence, splits, **draws)
        summary["settings"] = {
            name: getattr(values, name)
            for name in ("classifier", "C", "standardize", "n_voxels", "train", "test", "folds",
                         "rows", "labels", "seed")
            if isdefined(getattr(values, name))
        }  # fmt: skip
        self.save_table("evidence_file", "evidence.tsv", evidence_table(samples, evidence, splits))
        self.save_json("summary_file", "evidence.json", summary)
        courses = time_courses(samples, evidence, **draws)
        self.save_table("time_courses_file", "time_courses.tsv", courses)
        self.result("accuracy", summary["accuracy"])
        self._draw(samples, evidence, summary, courses)

    def _kept(self, samples: pd.DataFrame) -> pd.Index:
        """Positions of the rows that take part."""
        values = self.inputs
        kept = pd.Series(True, index=samples.index)
        if isdefined(values.labels) and values.labels:
            for label in values.labels:
                if label not in set(samples["label"]):
                    raise InputError(
                        "labels",
                        expected="labels that the samples have",
                        found=repr(label),
                        hint=suggest(label, sorted(set(samples["label"]))),
                    )
            kept &= samples["label"].isin(values.labels)
        if isdefined(values.rows):
            kept &= samples.index.isin(query_rows(samples, values.rows, "rows"))
        return samples.index[kept]

    def _splits(self, samples: pd.DataFrame) -> list[Split]:
        values = self.inputs
        if isdefined(values.folds):
            return group_splits(samples, values.folds)
        if isdefined(values.train) and isdefined(values.test):
            return query_split(samples, values.train, values.test)
        raise InputError(
            "train",
            expected="train and test, or folds",
            found="neither",
            hint="folds='run' leaves one run out at a time",
        )

    def _draw(
        self, samples: pd.DataFrame, evidence: Evidence, summary: dict, courses: pd.DataFrame
    ) -> None:
        from fmriprod.reports import evidence as reports

        name = f"{self.inputs.title}: " if self.inputs.title else ""
        heading = f"accuracy {summary['accuracy']:.3f}, chance {summary['chance']:.3f}"
        heading = f"{self.inputs.title}\n{heading}" if self.inputs.title else heading
        counts = confusion_matrix(samples, evidence)
        with reports.confusion_figure(counts, evidence.labels, title=heading) as figure:
            self.save_figure("confusion_figure", "confusion.png", figure)
        if courses["time_point"].nunique() > 1:
            title = f"{name}evidence over the trial"
            with reports.time_course_figure(courses, summary["chance"], title=title) as figure:
                self.save_figure("time_course_figure", "time_course.png", figure)
        if len(evidence.null_accuracy):
            null, p = evidence.null_accuracy, summary["permutation"]["p"]
            title = f"{name}accuracy with permuted labels"
            with reports.null_figure(null, summary["accuracy"], p, title=title) as figure:
                self.save_figure("null_figure", "null.png", figure)
        made = [name for name in _FIGURES if f"{name}_figure" in self._results]
        self.result("figures", [self._results[f"{name}_figure"] for name in made])
        self.result("figure_names", [name.replace("_", "") for name in made])
