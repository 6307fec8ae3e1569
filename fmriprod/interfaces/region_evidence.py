"""Object evidence in all regions of a participant, by one scheme."""

from collections.abc import Iterator

import pandas as pd
from nipype.interfaces.base import File, TraitedSpec, isdefined, traits

from fmriprod.algorithms import scheme_tables as tables
from fmriprod.algorithms.checks import InputError, suggest
from fmriprod.algorithms.phases import parse_phases, with_phases
from fmriprod.algorithms.region_voxels import usable_regions
from fmriprod.algorithms.scheme_evidence import SchemeEvidence, scheme_evidence
from fmriprod.algorithms.schemes import check_pair, scheme_splits, used_rows
from fmriprod.algorithms.voxel_choice import usable_columns
from fmriprod.interfaces.base import PythonInterface
from fmriprod.interfaces.images import load_image
from fmriprod.interfaces.region_samples import (
    RegionSamples,
    RegionSamplesInputSpec,
    check_region_names,
    read_region_features,
)


class _RegionEvidenceInputSpec(RegionSamplesInputSpec):
    regions = traits.List(traits.Str, desc="regions to analyse, by name (default: all)")
    phases = traits.List(
        traits.Str,
        mandatory=True,
        minlen=1,
        desc="which runs belong to which phase: name=task:run,run, or name=task for all its "
        "runs; run 1 is run 01",
    )
    scheme = traits.Enum(
        "4way",
        "3way",
        "2way",
        "4way_independent",
        "2way_within",
        "within_phase",
        "transfer",
        usedefault=True,
        desc="which classifiers are trained, see algorithms.schemes",
    )
    scheme_label = traits.Str(
        "",
        usedefault=True,
        desc="what the tables say in column scheme, to tell apart two uses of one scheme with "
        "other options (default: the scheme)",
    )
    train_phase = traits.Str(
        desc="phase to train on; the within schemes train on the other runs of the test phase, "
        "and on this phase too where it is given"
    )
    test_phase = traits.Str(mandatory=True, desc="phase to test")
    labels = traits.List(
        traits.Str, desc="labels that take part (default: all of the two phases), in any order"
    )
    trained = traits.List(
        traits.Str,
        desc="the participant's two trained objects, in any order; the other labels are "
        "controls. Without them there is no target, foil and control",
    )
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
    probability_floor = traits.Range(
        low=0.0,
        high=0.1,
        value=0.0,
        exclude_high=True,
        usedefault=True,
        desc="smaller probabilities are raised to it before the logarithm (0: not at all; the "
        "study: 2.22e-16 within drawing)",
    )
    n_permutations = traits.Range(
        low=0, value=0, usedefault=True, desc="permutations of labels between trials of a run"
    )
    seed = traits.Range(low=0, value=0, usedefault=True, desc="seed of the permutations")
    missing = traits.Enum(
        "error",
        "skip",
        usedefault=True,
        desc="a phase, or a run of it, without samples, or a region without a usable voxel: "
        "refuse, or leave it out and say so in notes (without a phase the tables are empty)",
    )


class _RegionEvidenceOutputSpec(TraitedSpec):
    evidence_file = File(
        exists=True,
        desc="TSV, a row a region and test sample: subject, region, phase, scheme, task, run, "
        "label, trial, time_point, tr, repetition (of the label in the phase, from 1), trained "
        "(1, 0), correct, logp_<label> each, target, foil, control (log-probabilities)",
    )
    scores_file = File(
        exists=True,
        desc="TSV, a row a region: subject, region, phase, scheme, n_samples, accuracy, "
        "accuracy_trained, accuracy_control, p_target_trained, p_target_control (mean "
        "probabilities), log_odds_target_foil, log_odds_target_control, log_odds_foil_control; "
        "p_permutation of the accuracy where labels were permuted",
    )
    time_courses_file = File(
        exists=True,
        desc="TSV: subject, region, phase, scheme, by (time_point, repetition, run), index, "
        "target, foil, control (mean probabilities over rows, then over the trained pair)",
    )
    permutations_file = File(
        exists=True,
        desc="TSV, when asked for: subject, region, phase, scheme, permutation (0: true labels), "
        "accuracy",
    )
    notes = traits.List(traits.Str, desc="what was left out")


class RegionEvidence(PythonInterface):
    """Weigh every object in the activity of each region: one scheme, one participant.

    Regions are taken one after the other, so that memory holds the features of all and one
    region's copy. A voxel that is constant or not finite in a run that takes part is left
    out. ``target`` is what was cued, ``foil`` the other trained object, ``control`` the mean
    of the others; for a sample of a control object ``foil`` is the other control.

    ``standardize="split"`` is what the study did. Where the test phase has two of the objects
    only (drawing), it takes the mean of the two patterns away, so that evidence for one is
    evidence against the other: a foil falls below control even where nothing suppresses it.
    ``"train"`` keeps the two apart; it needs phases without a shift between them.

    Examples
    --------
    >>> RegionEvidence(scheme="4way", train_phase="localizer", test_phase="drawing",
    ...                phases=["localizer=recognition:1,2", "drawing=drawing"]).inputs.C
    1.0
    """

    input_spec = _RegionEvidenceInputSpec
    output_spec = _RegionEvidenceOutputSpec
    _libraries = ("numpy", "scipy")

    def _process(self) -> None:
        values, notes = self.inputs, []
        data = self._read(notes)
        subject = _only_subject(data.samples)
        phases = [values.test_phase]
        phases += [values.train_phase] if isdefined(values.train_phase) else []
        samples = with_phases(
            data.samples, parse_phases(values.phases), phases, notes, missing=values.missing
        )
        labels, trained = self._labels(samples)
        parts = {name: [] for name in ("evidence", "scores", "time_courses", "permutations")}
        for name, found in self._found(data, samples, notes):
            place = {"subject": subject, "region": name}
            place |= {"phase": values.test_phase, "scheme": values.scheme_label or values.scheme}
            one = tables.evidence_table(samples, found, place, labels, trained)
            parts["evidence"].append(one)
            parts["scores"].append(tables.scores_row(one, found, trained))
            parts["time_courses"].append(tables.course_table(one, found, trained))
            parts["permutations"].append(tables.permutation_table(one, found))
        permuted = values.n_permutations > 0
        for name, table in tables.stack_tables(parts, labels, permuted=permuted).items():
            if permuted or name != "permutations":
                self.save_table(f"{name}_file", f"{name}.tsv", table)
        self.result("notes", notes)

    def _read(self, notes: list[str]) -> RegionSamples:
        """Features of the regions that are asked for."""
        values = self.inputs
        check_region_names(values.mask_files, values.region_names)
        masks = dict(zip(values.region_names, values.mask_files, strict=True))
        asked = list(values.regions) if isdefined(values.regions) else []
        unknown = [name for name in asked if name not in masks]
        if unknown:
            raise InputError(
                "regions",
                expected="names among region_names",
                found=", ".join(map(repr, unknown)),
                hint=suggest(unknown[0], masks),
            )
        masks = {name: path for name, path in masks.items() if name in asked or not asked}
        if values.missing == "skip":
            empty = [name for name, path in masks.items() if not load_image(path)[0].any()]
            notes += [f"no voxel: region {name}" for name in empty]
            masks = {name: path for name, path in masks.items() if name not in empty} or masks
        return read_region_features(
            values.features_files,
            values.samples_files,
            values.voxels_files,
            list(masks.values()),
            list(masks),
        )

    def _found(
        self, data: RegionSamples, samples: pd.DataFrame, notes: list[str]
    ) -> Iterator[tuple[str, SchemeEvidence]]:
        """Evidence of each region in turn; none where a phase is absent and may be."""
        values = self.inputs
        if not samples["phase"].notna().any():
            return
        splits = scheme_splits(
            samples,
            values.scheme,
            test=values.test_phase,
            train=values.train_phase if isdefined(values.train_phase) else None,
            labels=values.labels if isdefined(values.labels) else (),
            trained=values.trained if isdefined(values.trained) else (),
        )
        usable = data.voxels["usable"].to_numpy() == 1
        usable &= usable_columns(data.features, samples, used_rows(splits))
        chosen = usable_regions(data.columns, usable, notes, missing=values.missing)
        for name, columns in chosen.items():
            found = scheme_evidence(
                data.features[:, columns],
                samples,
                splits,
                classifier=values.classifier,
                C=values.C,
                standardize=values.standardize,
                probability_floor=values.probability_floor,
                n_permutations=values.n_permutations,
                seed=values.seed,
            )
            yield name, found

    def _labels(self, samples: pd.DataFrame) -> tuple[list[str], list[str]]:
        """All labels of the tables, and the trained pair."""
        values = self.inputs
        given = list(values.labels) if isdefined(values.labels) else []
        labels = sorted(set(given or samples["label"][samples["phase"].notna()]))
        trained = sorted(values.trained) if isdefined(values.trained) else []
        if samples["phase"].notna().any():
            trained = list(check_pair(trained, labels, needed=False))
        return labels, trained


def _only_subject(samples: pd.DataFrame) -> str:
    subjects = samples["subject"].unique()
    if len(subjects) != 1:
        raise InputError(
            "samples_files",
            expected="samples of one participant",
            found=f"{len(subjects)}: {', '.join(subjects[:5])}",
            hint="run this step for each participant",
        )
    return subjects[0]
