"""The page on parcels: its first screen, figures, tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
from markupsafe import Markup

from fmriprod.reports.page import Block, Figure, Notice, Page, Section, Table, Text, Tile, Tiles
from fmriprod.reports.parcel_tiles import signed
from fmriprod.reports.remarks import lead_remarks
from fmriprod.reports.results import SubjectResult
from fmriprod.reports.subject_sections import subject_sections
from fmriprod.reports.verdicts import probability

# Each with one sentence on how to read it.
SECTIONS = {
    "group": (
        "Parcels over participants",
        "Bars are Student's t of the mean over participants, in the colour of the parcel's "
        "network; p_max holds for all parcels at once.",
    ),
    "ranking": (
        "Largest parcels",
        "Bars are values of the parcels that differ most from 0, in the colour of their network; "
        "the number after a name is its rank.",
    ),
    "surface": (
        "On the cortex",
        "Each parcel has the colour of its value, on one scale for all four views of the inflated "
        "hemispheres; grey has no value.",
    ),
    "networks": (
        "Networks",
        "Each bar is the mean of the contrast over the parcels of a network in a hemisphere.",
    ),
    "matrix": (
        "Connectivity",
        "Each cell is a pair of parcels: red pairs go together, blue ones against each other, and "
        "networks are blocks along the diagonal.",
    ),
    "brain": (
        "Strongest connections",
        "Dots are parcels in the colours of their networks, larger where they are connected more "
        "strongly on average; lines are the strongest pairs.",
    ),
    "seed": (
        "Seed",
        "Each point is a region: how strongly it goes with the seed, a line a hemisphere.",
    ),
}
_COLUMNS = ("parcel", "parcel_1", "parcel_2", "network", "n", "mean", "t", "p_max", "q", "d")
_MOST_ROWS = 15


@dataclass(frozen=True)
class ParcelFigure:
    """A figure of the page: its section (a key of `SECTIONS`), what it shows, its file.

    ``alt`` says in words what is to be seen, for those who do not see it (default: the caption).
    """

    section: str
    caption: str
    path: str | Path
    alt: str = ""


@dataclass(frozen=True)
class ParcelResult:
    """All that the page on parcels shows.

    ``rankings`` are those of each contrast; ``connectome`` is the HTML of `connectome_markup`;
    ``remarks`` say what is lacking, by section; ``about`` has truth, methods, settings, versions.
    """

    title: str
    tiles: Sequence[Tile] = ()
    figures: Sequence[ParcelFigure] = ()
    group: pd.DataFrame | None = None
    simulated: bool = False
    about: SubjectResult = field(default_factory=lambda: SubjectResult(""))
    connectome: Markup | None = None
    remarks: Mapping[str, str] = field(default_factory=dict)
    rankings: Mapping[str, pd.DataFrame] = field(default_factory=dict)


def parcel_page(result: ParcelResult) -> Page:
    """Arrange what was found: key figures first, then all figures and tables.

    Parameters
    ----------
    result : ParcelResult
        What there is; sections without content are left out.

    Returns
    -------
    Page
        To be given to `render_page`.
    """
    lead: list[Block] = [Tiles(result.tiles)] if result.tiles else []
    lead += lead_remarks([], result.about.truth, judged=False)
    sections = []
    for key, (title, intro) in SECTIONS.items():
        blocks: list[Block] = [
            Figure(entry.path, entry.caption, f"{title}: {entry.alt or entry.caption}")
            for entry in result.figures if entry.section == key
        ]  # fmt: skip
        if key == "group" and result.group is not None:
            blocks.append(_group_table(result.group))
        if key == "ranking":
            blocks += [_ranking_table(table, name) for name, table in result.rankings.items()]
        if key == "brain" and result.connectome is not None:
            blocks.append(Text(result.connectome))
        if key in result.remarks:
            blocks.append(Notice(result.remarks[key], "info"))
        if blocks:
            sections.append(Section(title, intro, blocks))
    return Page(
        title=result.title, subtitle="", lead=lead,
        sections=sections + subject_sections(result.about),
        banner="Simulated data: no person was scanned for this report." if result.simulated else "",
    )  # fmt: skip


def _group_table(table: pd.DataFrame) -> Table:
    columns = [name for name in _COLUMNS if name in table]
    order = table["t"].abs().sort_values(ascending=False, kind="stable").index
    best = table.loc[order].dropna(subset="t").head(_MOST_ROWS)
    rows = [[_cell(name, row[name]) for name in columns] for _, row in best.iterrows()]
    caption = f"The {len(best)} largest |t| of {len(table)} rows"
    return Table(columns, rows, caption + "; d: Cohen's d; q: Benjamini & Hochberg.")


def _ranking_table(table: pd.DataFrame, name: str) -> Table:
    columns = [c for c in ("rank", "parcel", "hemisphere", "network", "value") if c in table]
    best = table.dropna(subset="value").sort_values("rank", kind="stable").head(_MOST_ROWS)
    rows = [
        [str(int(row[c])) if c == "rank" else _cell(c, row[c]) for c in columns]
        for _, row in best.iterrows()
    ]
    return Table(columns, rows, f"The first {len(best)} parcels by {name}.")


def _cell(name: str, value: object) -> str:
    if pd.isna(value):
        return "n/a"
    if name in ("p_max", "q"):
        return probability(float(value))
    return signed(float(value)) if isinstance(value, float) else str(value)
