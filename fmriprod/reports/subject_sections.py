"""The sections of the report on one participant."""

from pathlib import Path
from typing import Any

from fmriprod.reports.page import Block, Figure, Notice, Section, Table, Text
from fmriprod.reports.references import describe_html
from fmriprod.reports.results import RUN_FIGURES, EvidenceResult, RunResult, SubjectResult
from fmriprod.reports.verdicts import design_notices, number, probability, quality_notices


def subject_sections(result: SubjectResult) -> list[Section]:
    """Arrange all that is shown below the first screen; what is absent is left out.

    Parameters
    ----------
    result : SubjectResult
        What there is.

    Returns
    -------
    list of Section
        What was planted (simulated data), evidence, contrasts, region, anatomy, one for each
        run, methods, settings.
    """
    sections = [
        _truth_section(result),
        _evidence_section(result),
        _contrast_section(result),
        _region_section(result),
        _anatomy_section(result),
        *(_run_section(run) for run in result.runs),
        _methods_section(result),
        _settings_section(result),
    ]
    return [section for section in sections if section is not None]


def run_notices(run: RunResult) -> list[Notice]:
    """Gather the remarks on the quality and the design of a run."""
    return quality_notices(run.quality or {}) + design_notices(run.audit or {})


def _truth_section(result: SubjectResult) -> Section | None:
    if not result.truth:
        return None
    rows = [
        [
            label,
            _plain(entry.get("expected")),
            f"{_plain(entry.get('found'))} {entry.get('unit') or ''}".rstrip(),
            Notice("met", "good") if entry.get("ok") else Notice("not met", "problem"),
        ]
        for label, entry in result.truth.items()
    ]
    return Section(
        "Planted truth",
        "The data are simulated, so it is known what should be found: here is what was.",
        [Table(["What", "Expected", "Found", "Verdict"], rows)],
    )


def _plain(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3g}".replace("-", "−")
    if isinstance(value, list | tuple):
        return ", ".join(_plain(v) for v in value)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value).replace("-", "−")
    return "–" if value is None else str(value)


def _evidence_section(result: SubjectResult) -> Section | None:
    if not result.evidence:
        return None
    blocks: list[Block] = []
    rows = [_evidence_row(entry) for entry in result.evidence if entry.summary]
    if rows:
        header = ["Question", "Accuracy", "Interval", "Chance", "p", "Test trials", "Voxels"]
        blocks.append(Table(header, rows))
    for entry in result.evidence:
        labels = (entry.summary or {}).get("labels") or []
        what = (
            f"{entry.label}: {len(labels)} labels ({', '.join(labels)})" if labels else entry.label
        )
        for file in entry.figures:
            name = Path(file).name
            how = next((text for key, text in _EVIDENCE_FIGURES.items() if key in name), "")
            caption = f"{entry.label}: {how}" if how else f"{what}."
            blocks.append(Figure(file, caption, f"Object evidence, {what}"))
        if entry.table_name:
            blocks.append(
                Text(f"{entry.label}: one row for each test sample in {entry.table_name}.")
            )
    return Section(
        "Object evidence",
        "How well a classifier that never saw the test samples tells which object it was; "
        "the interval is over test trials, p is from permuted labels.",
        blocks,
    )


def _evidence_row(entry: EvidenceResult) -> list[str | Notice]:
    summary = entry.summary or {}
    ends = summary.get("accuracy_interval") or {}
    interval = f"{number(ends['low'])} to {number(ends['high'])}" if ends else "–"
    return [
        entry.label,
        number(summary.get("accuracy"), 3),
        interval,
        number(summary.get("chance"), 3),
        probability((summary.get("permutation") or {}).get("p")),
        number(summary.get("n_test_trials"), 0),
        number(summary.get("n_voxels"), 0),
    ]


def _contrast_section(result: SubjectResult) -> Section | None:
    if not result.contrasts:
        return None
    figures = [
        Figure(file, f"{label}.", f"Contrast {label}: map on slices of the brain")
        for label, file in result.contrasts
    ]
    return Section("Contrasts", _CONTRAST_INTRO, figures)


# How a figure of `ObjectEvidence` is read, by a part of its file name.
_EVIDENCE_FIGURES = {
    "confusion": "how often each label (row) is taken for each other (column); the diagonal is "
    "correct.",
    "time_course": "probability of the true label and of the others in each volume of a trial.",
    "null": "accuracies when labels mean nothing (bars), and the one that was found (line).",
}
_CONTRAST_HOW = (
    "voxels beyond the threshold of the bar, warm where it is positive, cold where negative."
)
_CONTRAST_INTRO = (
    "Voxels whose z value is beyond the threshold of the colour bar: warm colours where the "
    "contrast is positive, cold where it is negative."
)


REGION_HOW = (
    "Lines are the borders of regions; colours, where there are any, are values beyond the "
    "threshold of the bar."
)


def _region_section(result: SubjectResult) -> Section | None:
    if not result.roi_figures and not result.brain_panels:
        return None
    figures: list[Block] = [
        Text("The figure is in the summary above.")
        if str(file) == str(result.lead_figure)
        else Figure(file, REGION_HOW, f"Region of interest {i} on slices of the brain")
        for i, file in enumerate(result.roi_figures, start=1)
    ]
    blocks = [*figures, *result.brain_panels]
    return Section("Region of interest", "The voxels whose activity is decoded.", blocks)


def _anatomy_section(result: SubjectResult) -> Section | None:
    if not result.anat_figures:
        return None
    figures = [Figure(file, label, label) for label, file in result.anat_figures]
    return Section(
        "Anatomy", "The line should hold the brain, all of it and nothing else.", figures
    )


def _run_section(run: RunResult) -> Section | None:
    blocks: list[Block] = list(run_notices(run))
    for name, file in run.contrasts:
        text = f"Contrast {name}"
        alt = f"{text}, {run.label}: map on slices of the brain"
        blocks.append(Figure(file, f"{text}: {_CONTRAST_HOW}", alt))
    for kind, (title, how) in RUN_FIGURES.items():
        if kind in run.figures:
            blocks.append(Figure(run.figures[kind], f"{title}: {how}", f"{title}, {run.label}"))
        if kind == "carpet" and run.panel is not None:
            blocks.append(run.panel)
    if not blocks:
        return None
    return Section(f"Run: {run.label}", "", blocks)


def _methods_section(result: SubjectResult) -> Section | None:
    blocks: list[Block] = []
    if result.description:
        blocks.append(Text(describe_html(result.description)))
    if result.decisions:
        blocks.append(Table(["Decided from the data"], [[line] for line in result.decisions]))
    if not blocks:
        return None
    return Section("Methods", "What was done, in words that a paper can take over.", blocks)


def _settings_section(result: SubjectResult) -> Section | None:
    blocks = []
    for name, rows in (("Setting", result.settings), ("Software", result.versions)):
        if rows:
            header = [name, "Value" if name == "Setting" else "Version"]
            blocks.append(Table(header, [list(row) for row in rows]))
    if not blocks:
        return None
    return Section("Settings and software", "What is needed to do it again.", blocks)
