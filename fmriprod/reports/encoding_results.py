"""What is known of an encoding analysis when its report is made."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from fmriprod.reports.panels import Panel

_ANGLE = (
    "retinotopy",
    "Preferred angle of the visual field",
    "the wheel tells which part of the visual field a colour stands for; the left hemisphere "
    "should prefer the right half.",
)
_NULL = (
    "chance",
    "Best scores against permuted responses",
    "grey bars to the right of the orange outline are better than chance gives.",
)
# Figures by name, in the order of the page: section, title, and how they are read.
FIGURES = {
    "scores": (
        "scores",
        "Best score of each voxel",
        "bars to the right of 0, and of the null where it is drawn, are voxels that are predicted.",
    ),
    "scoremaps": (
        "scores",
        "Scores of each layer on slices",
        "one row a layer, one scale for all; what is not coloured is not predicted.",
    ),
    "scoresurface": (
        "scores",
        "Scores of each layer on an average surface",
        "colours as on the slices, on both hemispheres; places are true to some millimetres.",
    ),
    "sharemaps": (
        "scores",
        "Share of each layer in the voxel's scores",
        "bright voxels owe most of their score to this layer; where scores are low, shares are "
        "noise.",
    ),
    "null": _NULL,
    "significance": _NULL,
    "fingerprints": (
        "fingerprints",
        "Fingerprints of regions over layers",
        "a region peaks at the layer that predicts it best; grey lines are the other regions.",
    ),
    "winner": (
        "best",
        "Best layer of each voxel",
        "dark colours are first layers, light ones last; patches mean something only where "
        "voxels are predicted.",
    ),
    "winnersurface": (
        "best",
        "Best layer on an average surface",
        "dark colours are first layers, light ones last; places are true to some millimetres.",
    ),
    "slope": (
        "best",
        "Trend over layers",
        "blue voxels prefer first layers, red ones last, and light ones those in the middle or "
        "all alike.",
    ),
    "penalties": (
        "penalties",
        "Penalties that were chosen",
        "one panel a layer; a tall orange bar says that the grid is too narrow at that end or, at "
        "the largest penalty, that the layer predicts nothing in these voxels.",
    ),
    "spaces": (
        "spaces",
        "What each feature space adds",
        "bars part the explained variance of one joint model among its spaces; a part may be "
        "below 0.",
    ),
    "angle": _ANGLE,
    "retinotopy": _ANGLE,
    "precisionrecall": (
        "contrasts",
        "Precision against recall of the contrast's voxels",
        "a good map stays high while it goes to the right; thin lines are chance.",
    ),
    "contrastmaps": (
        "contrasts",
        "True contrast and what the model gives",
        "inside the outlines, the maps should have the colours of the uppermost one.",
    ),
    "receptivefields": (
        "fields",
        "Receptive fields",
        "a bright pixel drives the voxel when it is on; most are forced to 0.",
    ),
    "reconstruction": (
        "reconstruction",
        "Images and their reconstructions",
        "each column is one sample: what was shown, what was decoded, and that above a threshold.",
    ),
}


@dataclass(frozen=True)
class EncodingResult:
    """All that the report on an encoding analysis shows; everything but ``title`` may be absent.

    Summaries are what the steps write as JSON: ``encode`` (RidgeEncode), ``fingerprint``,
    ``significance``, ``ceiling``, ``banded`` (BandedRidgeEncode), ``retinotopy``, ``fields``
    (ReceptiveField) and ``reconstruction``; ``profiles`` and ``recovery`` are tables of
    ScoreFingerprint and ContrastRecovery. ``overview`` is that of `score_overview`, and
    ``figures`` are pairs of a name (see `FIGURES`) and a picture; ``brain_panels`` stand
    beside the scores. ``truth`` maps what was planted in simulated data to ``{"expected",
    "found", "ok"}``.
    """

    title: str
    subtitle: str = ""
    simulated: bool = False
    figures: Sequence[tuple[str, str | Path]] = ()
    brain_panels: Sequence[Panel] = ()
    encode: Mapping[str, Any] | None = None
    overview: pd.DataFrame | None = None
    fingerprint: Mapping[str, Any] | None = None
    profiles: pd.DataFrame | None = None
    significance: Mapping[str, Any] | None = None
    ceiling: Mapping[str, Any] | None = None
    banded: Mapping[str, Any] | None = None
    retinotopy: Mapping[str, Any] | None = None
    recovery: pd.DataFrame | None = None
    fields: Mapping[str, Any] | None = None
    reconstruction: Mapping[str, Any] | None = None
    truth: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    methods: str = ""
    decisions: Sequence[str] = ()
    settings: Sequence[tuple[str, str]] = ()
    versions: Sequence[tuple[str, str]] = ()

    @property
    def score(self) -> str:
        """The score that was tested or shown, ``r2`` or ``r``."""
        for summary in (self.significance, self.fingerprint):
            if summary and "score" in summary.get("settings", {}):
                return str(summary["settings"]["score"])
        return "r2"

    @property
    def word(self) -> str:
        """The same as it is printed."""
        return {"r2": "r²"}.get(self.score, self.score)

    @property
    def regions(self) -> Mapping[str, Mapping[str, Any]]:
        """Regions of the fingerprints; none where all voxels were taken as one."""
        found = (self.fingerprint or {}).get("regions", {})
        return {} if list(found) == ["all"] else found

    @property
    def threshold(self) -> float | None:
        """Smallest significant score; None without a test, or where nothing is significant."""
        return (self.significance or {}).get("threshold")


def figure_key(name: str) -> str | None:
    """Give the entry of `FIGURES` that a figure's name begins with; None if there is none.

    Examples
    --------
    >>> figure_key("precision-recall"), figure_key("winnersurface"), figure_key("angle_held_out")
    ('precisionrecall', 'winnersurface', 'angle')
    """
    plain = re.sub(r"[^a-z0-9]", "", name.lower())
    return max((key for key in FIGURES if plain.startswith(key)), key=len, default=None)


def figure_words(name: str) -> tuple[str, str]:
    """Give title and way of reading of a figure by its name.

    Examples
    --------
    >>> figure_words("slope_left")[0], figure_words("my own")
    ('Trend over layers (slope_left)', ('my own', ''))
    """
    key = figure_key(name)
    if key is None:
        return name, ""
    _, title, how = FIGURES[key]
    same = re.sub(r"[^a-z0-9]", "", name.lower()) == key
    return title if same else f"{title} ({name})", how
