"""What is known of an analysis of representational similarity when its report is made."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from fmriprod.reports.panels import Panel

# Sections in the order of the page: title, and how it is read.
SECTIONS = {
    "similarity": (
        "Similarity with models",
        "How alike the order of distances is in each RDM and in each model.",
    ),
    "spheres": (
        "Where spheres are similar to models",
        "A sphere of voxels around each voxel has its own RDM; coloured voxels are centres of "
        "spheres whose RDM is similar to the model's.",
    ),
    "layers": (
        "Most similar layer",
        "Which layer of the network has the RDM most similar to that of the sphere.",
    ),
    "regions": (
        "Regions over participants",
        "Mean similarity over participants in each region, tested against 0.",
    ),
    "rdms": (
        "Dissimilarities of conditions",
        "A dark cell says that two conditions have similar patterns.",
    ),
    "scaling": (
        "Conditions in two dimensions",
        "Conditions with similar patterns lie near each other.",
    ),
}


class RSAFigure(NamedTuple):
    """A figure: its section, title, how it is read, what it shows in numbers, and the file."""

    section: str
    title: str
    how: str
    numbers: str
    file: str | Path | bytes


class SimilarityTable(NamedTuple):
    """Similarities of RDMs with models: a title, what is measured, and ``rdm model value ...``."""

    title: str
    measure: str
    table: pd.DataFrame


class RDMFacts(NamedTuple):
    """What is known of the RDMs of a file."""

    title: str
    n_rdms: int
    n_conditions: int
    distance: str
    n_unknown: int
    n_constant: int


class ScalingFacts(NamedTuple):
    """What is known of a picture of an RDM in two dimensions."""

    name: str
    method: str
    stress: float


@dataclass(frozen=True)
class RSAResult:
    """All that the report shows; everything but ``title`` may be absent.

    ``spheres`` is what `fmriprod.reports.code_maps.sphere_counts` gives; ``map_level`` is what
    their test is called: q, or p. ``layers`` has
    ``layer n agreement`` (voxels, and their median agreement or NaN); ``regions`` has ``rdm
    model value`` and others, as `fmriprod.reports.region_bars.region_rows` gives them. ``panels``
    are by section. ``truth`` maps what was planted in simulated data to ``{"expected", "found",
    "ok"}``.
    """

    title: str
    subtitle: str = ""
    simulated: bool = False
    alpha: float = 0.05
    figures: Sequence[RSAFigure] = ()
    tables: Sequence[SimilarityTable] = ()
    spheres: pd.DataFrame | None = None
    spheres_tested: bool = False
    map_label: str = ""
    map_level: str = "q"
    layers: pd.DataFrame | None = None
    regions: pd.DataFrame | None = None
    rdms: Sequence[RDMFacts] = ()
    scalings: Sequence[ScalingFacts] = ()
    panels: Mapping[str, Sequence[Panel]] = field(default_factory=dict)
    truth: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    methods: str = ""
    decisions: Sequence[str] = ()
    settings: Sequence[tuple[str, str]] = ()
    versions: Sequence[tuple[str, str]] = ()
