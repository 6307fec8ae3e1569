"""The report on the group of a production study: its first screen."""

from collections.abc import Sequence

import pandas as pd

from fmriprod.reports.page import Block, Figure, Notice, Page, Table, Tile, Tiles
from fmriprod.reports.production_bars import main_schemes
from fmriprod.reports.production_results import GroupResult, figure_words
from fmriprod.reports.production_sections import group_sections
from fmriprod.reports.verdicts import number, probability

FEW = 15  # participants, below which a percentile interval is said to be too narrow
_SHOWN = 4  # regions that have a tile of their own
FOIL_NOTICE = (
    "Foil against control in {phase} is below 0 even where no foil is suppressed. The test samples "
    "are standardised over themselves and come from the two trained objects only: what speaks for "
    "one then speaks against the other, and the controls lie between. Compare it between regions "
    "or with standardize = train; do not read it as suppression by itself."
)


def group_page(result: GroupResult) -> Page:
    """Arrange a group's results: who, how well, what to look at first; then all else.

    Parameters
    ----------
    result : GroupResult
        What there is; sections without content are left out.

    Returns
    -------
    Page
        To be given to `render_page`.
    """
    n = len(result.subjects)
    about = f"Group of {n} participant{'s' if n != 1 else ''}" if n else "Group"
    return Page(
        title=result.study,
        subtitle=about,
        lead=_lead(result),
        sections=group_sections(result, foil_notices(result)),
        banner="Simulated data: no person was scanned for this report." if result.simulated else "",
        footer="Intervals are 95 %. p values are two-sided; those called corrected hold over all "
        "regions or pairs of their table.",
    )


def foil_notices(result: GroupResult) -> list[Notice]:
    """Say what foil against control means where test samples are standardised by themselves."""
    odds, phase = result.table("log_odds"), result.phases[2]
    if result.standardize != "split" or odds.empty:
        return []
    there = (odds["phase"] == phase) & (odds["contrast"] == "foil_control")
    return [Notice(FOIL_NOTICE.format(phase=phase), "info")] if there.any() else []


def _lead(result: GroupResult) -> list[Block]:
    accuracy = _drawing(result, "accuracy")
    odds = _drawing(result, "log_odds")
    odds = odds[odds["contrast"] == "target_foil"] if len(odds) else odds
    tiles = [
        *_who_tile(result),
        *(_accuracy_tile(row, result.phases[2]) for _, row in accuracy.head(_SHOWN).iterrows()),
        *_odds_tile(odds),
        *_connectivity_tile(result.table("connectivity")),
    ]
    blocks: list[Block] = [Tiles(tiles)] if tiles else []
    blocks += _remarks(result)
    figures = dict(result.figures)
    if "accuracy" in figures:
        title, how = figure_words("accuracy")
        alt = f"{title}. The numbers are in the table of decoding accuracy."
        blocks.append(Figure(figures["accuracy"], f"{title}: {how}", alt))
    if len(accuracy):
        blocks.append(_headlines(accuracy, odds, result.phases[2]))
    return blocks


def _drawing(result: GroupResult, name: str) -> pd.DataFrame:
    table = result.table(name)
    if table.empty:
        return table
    return main_schemes(table[table["phase"] == result.phases[2]], result.schemes)


def _who_tile(result: GroupResult) -> list[Tile]:
    n, missing = len(result.subjects), result.table("missing")
    if not n:
        return []
    lacking = missing["subject"].nunique() if len(missing) else 0
    detail = f"{lacking} of them lack a region or phase" if lacking else "all with all regions"
    if "missing" not in result.tables:
        detail = ""
    return [Tile("Participants", str(n), detail, "warning" if lacking else "info")]


def _accuracy_tile(row: pd.Series, phase: str) -> Tile:
    low, high, chance = (_or_none(row[name]) for name in ("ci_low", "ci_high", "chance"))
    parts = [f"{number(low)} to {number(high)}" if low is not None else "no interval",
             f"chance {number(chance)}", f"n = {int(row['n'])}"]  # fmt: skip
    above = low is not None and chance is not None and low > chance
    gauge = (float(row["mean"]), low, high, chance)
    value = f"{row['mean']:.1%}".replace("%", " %")
    return Tile(f"{row['region']} in {phase}", value, "; ".join(parts),
                "good" if above else "info", gauge)  # fmt: skip


def _odds_tile(odds: pd.DataFrame) -> list[Tile]:
    if odds.empty:
        return []
    row = odds.iloc[0]
    above = int((odds["ci_low"] > 0).sum())
    detail = f"{_interval(row)}; above 0 in {above} of {len(odds)} regions"
    return [Tile(f"Target against foil, {row['region']} (log odds)", number(row["mean"]),
                 detail, "good" if row["ci_low"] > 0 else "info")]  # fmt: skip


def _connectivity_tile(models: pd.DataFrame) -> list[Tile]:
    if models.empty:
        return []
    first = (models["features"] == models["features"].iloc[0]) & (
        models["scheme"] == models["scheme"].iloc[0]
    )
    models = models[first]
    row = models.iloc[0]
    above = int((models["ci_low"] > 0).sum())
    detail = (
        f"log odds, {_interval(row)}; p = {probability(row['p'])}; "
        f"above 0 in {above} of {len(models)} pairs"
    ).replace("= <", "<")
    return [Tile(f"Connectivity {row['region_1']} – {row['region_2']}",
                 f"{number(row['slope'])} a phase", detail,
                 "good" if row["ci_low"] > 0 else "info")]  # fmt: skip


def _remarks(result: GroupResult) -> list[Block]:
    notices: list[Block] = []
    missing = result.table("missing")
    for subject, rows in missing.groupby("subject", sort=True) if len(missing) else []:
        phases = [f"{phase} ({', '.join(_short(list(part['region'].drop_duplicates())))})"
                  for phase, part in rows.groupby("phase", sort=False)]  # fmt: skip
        notices.append(Notice(f"{subject} lacks {'; '.join(phases)}.", "warning"))
    n = len(result.subjects)
    if 0 < n < FEW:
        text = (
            f"With {n} participant{'s' if n != 1 else ''}, bootstrap intervals are too narrow and "
            "their p values too small; p of sign flips (p_flip) keeps its level."
        )
        notices.append(Notice(text, "warning"))
    return [*notices, *foil_notices(result)]


def _short(names: Sequence[str]) -> list[str]:
    return [*names[:5], f"{len(names) - 5} more"] if len(names) > 6 else list(names)


def _headlines(accuracy: pd.DataFrame, odds: pd.DataFrame, phase: str) -> Table:
    """All regions at a glance."""
    other = {row["region"]: row for _, row in odds.iterrows()}
    rows = []
    for _, row in accuracy.iterrows():
        cells = [row["region"], f"{row['mean']:.3f}", _interval(row, 3),
                 probability(row["p_flip_max"])]  # fmt: skip
        found = other.get(row["region"])
        cells += ["–", "–"] if found is None else [number(found["mean"]), _interval(found)]
        rows.append([*cells, f"{int(row['n'])}"])
    header = ["Region", "Accuracy", "95 % interval", "p, corrected", "Target against foil",
              "95 % interval", "n"]  # fmt: skip
    return Table(
        header,
        rows,
        f"Phase {phase}. p: sign flips of participants against chance, "
        "corrected over regions by the largest statistic. Target against foil: log odds.",
    )


def _interval(row: pd.Series, digits: int = 2) -> str:
    if pd.isna(row["ci_low"]):
        return "no interval"
    return f"{number(row['ci_low'], digits)} to {number(row['ci_high'], digits)}"


def _or_none(value: float) -> float | None:
    return None if pd.isna(value) else float(value)
