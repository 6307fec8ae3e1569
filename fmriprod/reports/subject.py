"""The report on one participant, as a page: its first screen, and all sections below."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fmriprod.reports.page import Block, Figure, Notice, Page, Table, Tile, Tiles
from fmriprod.reports.remarks import gravity, lead_remarks
from fmriprod.reports.results import EvidenceResult, RunResult, SubjectResult
from fmriprod.reports.subject_sections import REGION_HOW, run_notices, subject_sections
from fmriprod.reports.verdicts import evidence_notices, number, probability, quality_notices


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
    return Page(
        title=name,
        subtitle=" · ".join(part for part in about if part),
        lead=_lead(result),
        sections=subject_sections(result),
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
    sources += [(run.label, run_notices(run)) for run in result.runs]
    remarks = []
    for label, notices in sources:
        if notices:
            text = "; ".join(n.text for n in sorted(notices, key=gravity))
            remarks.append(Notice(f"{label}: {text}.", min(notices, key=gravity).level))
    judged = any(_judged(run) for run in result.runs) or bool(result.evidence)
    return lead_remarks(remarks, result.truth, judged=judged)


def _judged(run: RunResult) -> bool:
    """Tell whether there is a number that a remark could have been about."""
    measured = any(_has(run, key) for key in ("fd_mean", "tsnr_median", "n_analysed"))
    return measured or bool(run.audit)


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
    above = all(notice.level == "info" for notice in evidence_notices(summary))
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
        "Planted truth", f"{found} of {len(truth)}", "expectations of the simulation are met", level
    )


def _main_figure(result: SubjectResult) -> Figure | None:
    contrasts = _all_contrasts(result)
    if result.lead_figure is not None:
        label = next(
            (n for n, f in contrasts if str(f) == str(result.lead_figure)),
            "Response to all conditions",
        )
        return Figure(
            result.lead_figure, f"{label}. {REGION_HOW}", f"{label}: map on slices of the brain"
        )
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
        notices = run_notices(run)
        worst = min(notices, key=gravity, default=None)
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
            _left_out(q),
            verdict if _judged(run) else "not measured",
        ])  # fmt: skip
    header = ["Run", "Volumes", "TR (s)", "tSNR", "FD median (mm)", "FD max (mm)",
              "Volumes moved", "Voxels left out", "Remark"]  # fmt: skip
    limits = {run.quality.get("fd_threshold") for run in runs if run.quality} - {None}
    moved = f"; moved: FD above {number(limits.pop(), 1)} mm" if len(limits) == 1 else ""
    note = (
        f"Runs. tSNR: median over the brain; FD: displacement{moved}; "
        "left out: constant, not finite, or not seen in every volume."
    )
    return Table(header, rows, note)


def _left_out(quality: Mapping[str, Any]) -> str:
    """Count the voxels of the brain that are not analysed."""
    whole, kept = quality.get("n_voxels"), quality.get("n_analysed")
    return "–" if whole is None or kept is None else f"{whole - kept} of {whole}"
