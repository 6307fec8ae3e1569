"""One page on all that was found for a participant."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nipype.interfaces.base import File, InputMultiObject, TraitedSpec, isdefined, traits

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.page_report import PageReport, TruthInputSpec, read_step_json
from fmriprod.interfaces.panel_file import read_panel
from fmriprod.reports.page import render_page
from fmriprod.reports.panels import Panel
from fmriprod.reports.results import EvidenceResult, RunResult, SubjectResult
from fmriprod.reports.subject import subject_page

_PER_RUN = (
    "quality_files", "audit_files", "design_figures", "motion_figures", "carpet_figures",
    "tsnr_figures", "coregistration_figures", "mask_figures", "run_panels",
)  # fmt: skip
_PER_EVIDENCE = ("evidence_summaries", "evidence_files", "evidence_figures")
_NESTED = traits.Either(File(exists=True), traits.List(File(exists=True)))


class _SubjectReportInputSpec(TruthInputSpec):
    subject = traits.Str(mandatory=True, desc="label of the participant, with or without sub-")
    dataset = traits.Str("", usedefault=True, desc="name of the dataset")
    anat_figure = File(exists=True, desc="brain mask on the T1-weighted image (PNG)")
    coregistration_figure = File(
        exists=True, desc="alignment of the functional reference with the T1-weighted image (PNG)"
    )
    mask_figure = File(exists=True, desc="brain mask on the functional reference (PNG)")
    run_labels = InputMultiObject(
        traits.Str, desc="name of each run for people, in the order of all lists by run"
    )
    quality_files = InputMultiObject(
        File(exists=True), desc="numbers of each run from RunQuality (JSON)"
    )
    audit_files = InputMultiObject(
        File(exists=True), desc="audit of each run's design from FirstLevelModel (JSON)"
    )
    design_figures = InputMultiObject(File(exists=True), desc="design matrix of each run (PNG)")
    motion_figures = InputMultiObject(File(exists=True), desc="motion in each run (PNG)")
    carpet_figures = InputMultiObject(
        File(exists=True), desc="all voxels over time in each run (PNG)"
    )
    tsnr_figures = InputMultiObject(
        File(exists=True), desc="temporal signal-to-noise of each run (PNG)"
    )
    coregistration_figures = InputMultiObject(
        File(exists=True), desc="alignment of each run with the T1-weighted image (PNG)"
    )
    mask_figures = InputMultiObject(File(exists=True), desc="brain mask on each run (PNG)")
    run_panels = InputMultiObject(
        File(exists=True), desc="volumes of each run that can be read off, from RunPanel (JSON)"
    )
    brain_panels = InputMultiObject(
        File(exists=True), desc="slices that can be moved, from BrainPanel (JSON)"
    )
    contrast_figures = InputMultiObject(
        _NESTED,
        hash_name=True,
        desc="maps of contrasts (PNG): one list for each run, or one flat list",
    )
    contrast_names = InputMultiObject(
        traits.Either(traits.Str, traits.List(traits.Str)),
        desc="names of the contrasts, in the form of contrast_figures",
    )
    contrast_labels = InputMultiObject(
        traits.Str,
        desc="where each figure of a flat list comes from, such as the name of its run",
    )
    lead_figure = File(
        exists=True, desc="picture of the first screen; the first contrast by default"
    )
    roi_figures = InputMultiObject(File(exists=True), desc="regions of interest on slices (PNG)")
    evidence_labels = InputMultiObject(
        traits.Str, desc="name of each decoding question, in the order of all lists by question"
    )
    evidence_summaries = InputMultiObject(
        File(exists=True), desc="summary of each question from ObjectEvidence (JSON)"
    )
    evidence_files = InputMultiObject(
        File(exists=True, hash_name=True),
        desc="evidence of each test sample (TSV); the page names the file",
    )
    evidence_figures = InputMultiObject(
        _NESTED, desc="figures (PNG): one for each question, or a list for each"
    )
    description = traits.Str(
        "", usedefault=True, desc="methods text; citations as [@key] of data/references.bib"
    )


class _SubjectReportOutputSpec(TraitedSpec):
    out_file = File(exists=True, desc="the report: one HTML page that needs no other file")


class SubjectReport(PageReport):
    """Gather figures and numbers of a participant on one self-contained HTML page.

    The first screen says who and what data, how well the objects could be decoded, where
    the main contrast lies, and what deserves a look. Everything but ``subject`` may be left
    out. The same inputs give the same bytes; there is no date on the page.

    Examples
    --------
    >>> SubjectReport(subject="01", dataset="Objects").inputs.simulated
    False
    """

    input_spec = _SubjectReportInputSpec
    output_spec = _SubjectReportOutputSpec
    _algorithm_version = "3"
    # Their versions are on the page.
    _libraries = (
        "fmriprod", "nipype", "nilearn", "nibabel", "numpy", "scipy", "scikit-learn", "SimpleITK",
    )  # fmt: skip

    def _process(self) -> None:
        values = self.inputs
        runs = self._runs()
        result = SubjectResult(
            subject=values.subject,
            dataset=values.dataset,
            runs=runs,
            contrasts=() if self._by_run() else self._flat_contrasts(),
            evidence=self._evidence(),
            anat_figures=self._anatomy(),
            roi_figures=self._list("roi_figures"),
            brain_panels=[read_panel(file) for file in self._list("brain_panels")],
            lead_figure=values.lead_figure if isdefined(values.lead_figure) else None,
            truth=self._truth(),
            description=values.description,
            **self._origin(),
        )
        subject = values.subject.removeprefix("sub-")
        self.save_text("out_file", f"sub-{subject}.html", render_page(subject_page(result)))

    def _check_lengths(self, labels: str, fields: Sequence[str]) -> int:
        """Check that lists which belong together are equally long, and give the length."""
        n = len(self._list(labels))
        for field in fields:
            found = len(self._list(field))
            if found not in (0, n):
                raise InputError(
                    field,
                    expected=f"one for each of {labels} ({n}), in that order, or none",
                    found=f"{found}",
                    hint=f"give {labels} and every list that goes with them the same length",
                )
        return n

    def _runs(self) -> list[RunResult]:
        n = self._check_lengths("run_labels", _PER_RUN)
        columns = {field: self._list(field) or [None] * n for field in _PER_RUN}
        contrasts = self._nested_contrasts(n)
        runs = []
        for i, label in enumerate(self._list("run_labels")):
            files = {field: column[i] for field, column in columns.items()}
            runs.append(
                RunResult(
                    label=label,
                    quality=read_step_json(files["quality_files"]),
                    audit=read_step_json(files["audit_files"]),
                    figures={
                        field.removesuffix("_figures"): file
                        for field, file in files.items()
                        if field.endswith("_figures") and file is not None
                    },
                    contrasts=contrasts[i],
                    panel=_panel(files["run_panels"]),
                )
            )
        return runs

    def _by_run(self) -> bool:
        """Tell whether contrasts are given run by run; a run's only figure may be no list."""
        entries = self._list("contrast_figures") + self._list("contrast_names")
        return any(isinstance(entry, list) for entry in entries)

    def _nested_contrasts(self, n: int) -> list[list[tuple[str, str]]]:
        """Contrasts of each run, where they are given run by run."""
        figures, names = self._list("contrast_figures"), self._list("contrast_names")
        if not self._by_run():
            return [[] for _ in range(n)]
        self._check_lengths("run_labels", ["contrast_figures", "contrast_names"])
        figures, names = [_as_list(entry) for entry in figures], [_as_list(e) for e in names]
        names = names or [[_name_of(file) for file in entry] for entry in figures]
        for here, there in zip(names, figures, strict=True):
            _check_pairs("contrast_names", here, there)
        return [list(zip(a, b, strict=True)) for a, b in zip(names, figures, strict=True)]

    def _flat_contrasts(self) -> list[tuple[str, str]]:
        figures = self._list("contrast_figures")
        names = [str(n) for n in self._list("contrast_names")] or [_name_of(f) for f in figures]
        _check_pairs("contrast_names", names, figures)
        places = self._list("contrast_labels")
        if places:
            _check_pairs("contrast_labels", places, figures)
            names = [f"{name}, {place}" for name, place in zip(names, places, strict=True)]
        return list(zip(names, figures, strict=True))

    def _evidence(self) -> list[EvidenceResult]:
        n = self._check_lengths("evidence_labels", _PER_EVIDENCE)
        columns = {field: self._list(field) or [None] * n for field in _PER_EVIDENCE}
        found = []
        for i, label in enumerate(self._list("evidence_labels")):
            table = columns["evidence_files"][i]
            found.append(
                EvidenceResult(
                    label=label,
                    summary=read_step_json(columns["evidence_summaries"][i]),
                    figures=_as_list(columns["evidence_figures"][i]),
                    table_name=Path(table).name if table else "",
                )
            )
        return found

    def _anatomy(self) -> list[tuple[str, str]]:
        titles = {
            "anat_figure": "Brain mask on the T1-weighted image",
            "mask_figure": "Brain mask on the functional reference",
            "coregistration_figure": "Functional reference and T1-weighted image: "
            "outlines should follow the edges of the image below them",
        }
        return [
            (title, getattr(self.inputs, field))
            for field, title in titles.items()
            if isdefined(getattr(self.inputs, field))
        ]


def _panel(path: str | None) -> Panel | None:
    return read_panel(path) if path is not None else None


def _as_list(entry: Any) -> list[Any]:
    if entry is None:
        return []
    return list(entry) if isinstance(entry, list) else [entry]


def _name_of(file: str) -> str:
    return Path(file).stem


def _check_pairs(field: str, names: Sequence[str], figures: Sequence[str]) -> None:
    if len(names) != len(figures):
        raise InputError(
            field,
            expected=f"one for each of contrast_figures ({len(figures)})",
            found=f"{len(names)}: {', '.join(map(str, names)) or 'none'}",
            hint="give names and figures of the same contrasts in the same order",
        )
