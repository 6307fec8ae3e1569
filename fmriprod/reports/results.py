"""What is known of a participant when the report is made."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fmriprod.reports.panels import Panel

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
    panel: Panel | None = None


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
    brain_panels: Sequence[Panel] = ()
    lead_figure: str | Path | None = None
    truth: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    description: str = ""
    decisions: Sequence[str] = ()
    settings: Sequence[tuple[str, str]] = ()
    versions: Sequence[tuple[str, str]] = ()
