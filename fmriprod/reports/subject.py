"""The report on one participant, as a page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fmriprod.reports.page import (
    LEVELS,
    Block,
    Figure,
    Notice,
    Page,
    Section,
    Table,
    Text,
    Tile,
    Tiles,
)
from fmriprod.reports.references import describe_html
from fmriprod.reports.verdicts import (
    design_notices,
    evidence_notices,
    number,
    probability,
    quality_notices,
)

# Figures of a run by kind: what they show, and how they are read.
RUN_FIGURES = {
    "design": (
        "Design matrix",
        "each column is a regressor, time runs downwards.",
    ),
    "motion": (
        "Head motion",
        "the six parameters of the head and the displacement from volume to volume.",
    ),
    "carpet": (
        "All voxels over time",
        "one row a voxel; stripes from top to bottom are changes of the whole image.",
    ),
    "tsnr": (
        "Temporal signal-to-noise",
        "mean over standard deviation in time; dark patches are unstable or lost signal.",
    ),
    "coregistration": (
        "Alignment with the T1-weighted image",
        "outlines should follow the edges of the image below them.",
    ),
    "mask": (
        "Brain mask",
        "the line should hold the brain, all of it and nothing else.",
    ),
}


@dataclass(frozen=True)
class RunResult:
    """What is known of one run; ``figures`` by the keys of `RUN_FIGURES`."""

    label: str
    quality: Mapping[str, Any] | None = None
    audit: Mapping[str, Any] | None = None
    figures: Mapping[str, str | Path] = field(default_factory=dict)
    contrasts: Sequence[tuple[str, str | Path]] = ()


@dataclass(frozen=True)
class EvidenceResult:
    """What one decoding question gave."""

    label: str
    summary: Mapping[str, Any] | None = None
    figures: Sequence[str | Path] = ()
    table_name: str = ""


@dataclass(frozen=True)
class SubjectResult:
    """All that the report on a participant shows; everything but ``subject`` may be absent.

    ``truth`` maps what was planted in simulated data to ``{"expected", "found", "ok"}``.
    """

    subject: str
    dataset: str = ""
    simulated: bool = False
    runs: Sequence[RunResult] = ()
    contrasts: Sequence[tuple[str, str | Path]] = ()
    evidence: Sequence[EvidenceResult] = ()
    anat_figures: Sequence[tuple[str, str | Path]] = ()
    roi_figures: Sequence[str | Path] = ()
    lead_figure: str | Path | None = None
    truth: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    description: str = ""
    decisions: Sequence[str] = ()
    settings: Sequence[tuple[str, str]] = ()
    versions: Sequence[tuple[str, str]] = ()


def subject_page(result: SubjectResult) -> Page:
    """Arrange a participant's results: what it is and whether it worked first, then all else.

    Parameters
    ----------
    result : SubjectResult
        What there is; sections without content are left out.

    Returns
    -------
    Page
        To be given to `render_page`.
    """
    name = result.subject if result.subject.startswith("sub-") else f"sub-{result.subject}"
    n_runs = len(result.runs)
    about = [result.dataset, f"{n_runs} run{'s' if n_runs != 1 else ''}" if n_runs else ""]
    sections = [
        _truth_section(result),
        _evidence_section(result),
        *_contrast_sections(result),
        _region_section(result),
        _anatomy_section(result),
        *(_run_section(run) for run in result.runs),
        _methods_section(result),
        _settings_section(result),
    ]
    return Page(
        title=name,
        subtitle=" · ".join(part for part in about if part),
        lead=_lead(result),
        sections=[section for section in sections if section is not None],
        banner="Simulated data: no person was scanned for this report." if result.simulated else "",
        footer="Limits used for remarks exclude nothing from the analysis.",
    )


def _lead(result: SubjectResult) -> list[Block]:
    blocks: list[Block] = []
    tiles = [_evidence_tile(entry) for entry in result.evidence if entry.summary]
    tiles += _run_tiles(result.runs)
    if result.truth:
        tiles.append(_truth_tile(result.truth))
    if tiles:
        blocks.append(Tiles(tiles))
    blocks += _remarks(result)
    main = _main_figure(result)
    if main is not None:
        blocks.append(main)
    if any(run.quality or run.audit for run in result.runs):
        blocks.append(_run_table(result.runs))
    return blocks


def _remarks(result: SubjectResult) -> list[Block]:
    """One remark for each question and run that has any, the gravest first."""
    sources = [(e.label, evidence_notices(e.summary or {})) for e in result.evidence]
    sources += [(run.label, _run_notices(run)) for run in result.runs]
    remarks = []
    for label, notices in sources:
        if notices:
            text = "; ".join(n.text for n in sorted(notices, key=_gravity))
            remarks.append(Notice(f"{label}: {text}.", min(notices, key=_gravity).level))
    lost = [label for label, entry in result.truth.items() if not entry.get("ok")]
    if lost:
        remarks.append(Notice(f"Planted, but not found: {'; '.join(lost)}.", "problem"))
    judged = [run for run in result.runs if _judged(run)] or result.evidence
    if not remarks and judged:
        return [Notice("Nothing stands out in the numbers. Look at the pictures too.", "good")]
    return sorted(remarks, key=_gravity)


def _run_notices(run: RunResult) -> list[Notice]:
    return quality_notices(run.quality or {}) + design_notices(run.audit or {})


def _judged(run: RunResult) -> bool:
    """Tell whether there is a number that a remark could have been about."""
    measured = any(_has(run, key) for key in ("fd_mean", "tsnr_median", "n_analysed"))
    return measured or bool(run.audit)


def _gravity(notice: Notice) -> int:
    return LEVELS[::-1].index(notice.level)


def _evidence_tile(entry: EvidenceResult) -> Tile:
    summary = entry.summary or {}
    accuracy, chance = summary.get("accuracy"), summary.get("chance")
    ends = summary.get("accuracy_interval") or {}
    p = (summary.get("permutation") or {}).get("p")
    parts = []
    if ends:
        level = f"{ends['level']:.0%} " if "level" in ends else ""
        parts.append(f"{level}interval {number(ends['low'])} to {number(ends['high'])}")
    if chance is not None:
        parts.append(f"chance {number(chance)}")
    if p is not None:
        parts.append(f"p {probability(p) if p < 0.001 else '= ' + probability(p)}")
    above = not evidence_notices(summary)
    return Tile(
        label=f"Evidence: {entry.label}" if entry.label else "Evidence",
        value="–" if accuracy is None else f"{accuracy:.0%} correct",
        detail="; ".join(parts),
        level="good" if above and (p is not None or ends) else "warning",
        gauge=None if accuracy is None else (accuracy, ends.get("low"), ends.get("high"), chance),
    )


def _run_tiles(runs: Sequence[RunResult]) -> list[Tile]:
    measured = [run for run in runs if run.quality]
    tiles = []
    motion = [(run.quality["fd_median"], run.label) for run in measured if _has(run, "fd_median")]
    if motion:
        value, label = max(motion)
        moved = any("motion" in n.text or "moved" in n.text or "jump" in n.text
                    for run in measured for n in quality_notices(run.quality))  # fmt: skip
        detail = "median framewise displacement" + (f", most in {label}" if len(runs) > 1 else "")
        level = "warning" if moved else "good"
        tiles.append(Tile("Head motion", number(value, 2, "mm"), detail, level))
    tsnr = [run.quality["tsnr_median"] for run in measured if _has(run, "tsnr_median")]
    if tsnr:
        low, high = number(min(tsnr), 0), number(max(tsnr), 0)
        value = low if low == high else f"{low} to {high}"
        detail = "median over the brain" + (", by run" if len(tsnr) > 1 else "")
        tiles.append(Tile("Temporal signal-to-noise", value, detail))
    return tiles


def _has(run: RunResult, key: str) -> bool:
    return run.quality is not None and run.quality.get(key) is not None


def _truth_tile(truth: Mapping[str, Mapping[str, Any]]) -> Tile:
    found = sum(bool(entry.get("ok")) for entry in truth.values())
    level = "good" if found == len(truth) else "problem"
    return Tile(
        "Planted truth", f"{found} of {len(truth)}", "of what was simulated is found", level
    )


def _main_figure(result: SubjectResult) -> Figure | None:
    contrasts = _all_contrasts(result)
    if result.lead_figure is not None:
        label = next((n for n, f in contrasts if str(f) == str(result.lead_figure)), "Main result")
        return Figure(result.lead_figure, label, f"{label}: map on slices of the brain")
    if not contrasts:
        return None
    label, file = contrasts[0]
    return Figure(file, f"Contrast {label}.", f"Contrast {label}: map on slices of the brain")


def _all_contrasts(result: SubjectResult) -> list[tuple[str, str | Path]]:
    own = [(f"{name}, {run.label}", file) for run in result.runs for name, file in run.contrasts]
    return [*result.contrasts, *own]


def _run_table(runs: Sequence[RunResult]) -> Table:
    rows = []
    for run in runs:
        q = run.quality or {}
        notices = _run_notices(run)
        worst = min(notices, key=_gravity, default=None)
        extra = f" (+{len(notices) - 1})" if len(notices) > 1 else ""
        verdict = Notice(worst.text + extra, worst.level) if worst else Notice("fine", "good")
        rows.append([
            run.label,
            number(q.get("n_volumes"), 0),
            number(q.get("tr"), 2),
            number(q.get("tsnr_median"), 0),
            number(q.get("fd_median"), 2),
            number(q.get("fd_max"), 2),
            number(q.get("n_fd_over_threshold"), 0),
            verdict if _judged(run) else "not measured",
        ])  # fmt: skip
    header = ["Run", "Volumes", "TR (s)", "tSNR", "FD median (mm)", "FD max (mm)",
              "Volumes moved", "Remark"]  # fmt: skip
    limits = {run.quality.get("fd_threshold") for run in runs if run.quality} - {None}
    moved = f"; moved: FD above {number(limits.pop(), 1)} mm" if len(limits) == 1 else ""
    return Table(header, rows, f"Runs. tSNR: median over the brain; FD: displacement{moved}.")


def _truth_section(result: SubjectResult) -> Section | None:
    if not result.truth:
        return None
    rows = [
        [
            label,
            _plain(entry.get("expected")),
            _plain(entry.get("found")),
            Notice("found", "good") if entry.get("ok") else Notice("not found", "problem"),
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


def _contrast_sections(result: SubjectResult) -> list[Section]:
    if not result.contrasts:
        return []
    figures = [
        Figure(file, f"{label}.", f"Contrast {label}: map on slices of the brain")
        for label, file in result.contrasts
    ]
    return [Section("Contrasts", _CONTRAST_INTRO, figures)]


# How a figure of `ObjectEvidence` is read, by a part of its file name.
_EVIDENCE_FIGURES = {
    "confusion": "how often each label (row) is taken for each other (column); the diagonal is "
    "correct.",
    "time_course": "probability of the true label and of the others in each volume of a trial.",
    "null": "accuracies when labels mean nothing (bars), and the one that was found (line).",
}
_CONTRAST_INTRO = (
    "Voxels whose z value is beyond the threshold of the colour bar: warm colours where the "
    "contrast is positive, cold where it is negative."
)


def _region_section(result: SubjectResult) -> Section | None:
    if not result.roi_figures:
        return None
    figures = [
        Figure(file, "", f"Region of interest {i} on slices of the brain")
        for i, file in enumerate(result.roi_figures, start=1)
    ]
    return Section("Region of interest", "The voxels whose activity is decoded.", figures)


def _anatomy_section(result: SubjectResult) -> Section | None:
    if not result.anat_figures:
        return None
    figures = [Figure(file, label, label) for label, file in result.anat_figures]
    return Section(
        "Anatomy", "The line should hold the brain, all of it and nothing else.", figures
    )


def _run_section(run: RunResult) -> Section | None:
    blocks: list[Block] = list(_run_notices(run))
    for name, file in run.contrasts:
        text = f"Contrast {name}"
        blocks.append(Figure(file, f"{text}.", f"{text}, {run.label}: map on slices of the brain"))
    for kind, (title, how) in RUN_FIGURES.items():
        if kind in run.figures:
            blocks.append(Figure(run.figures[kind], f"{title}: {how}", f"{title}, {run.label}"))
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
