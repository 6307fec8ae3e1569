"""The sections of the report on representational similarity."""

import pandas as pd

from fmriprod.reports.page import Block, Figure, Notice, Section, Table, Text
from fmriprod.reports.results import SubjectResult
from fmriprod.reports.rsa_pairs import mark_significant, tested_column
from fmriprod.reports.rsa_results import SECTIONS, RSAFigure, RSAResult, SimilarityTable
from fmriprod.reports.subject_sections import subject_sections
from fmriprod.reports.verdicts import number, probability

REMARKS = {
    "spheres": "Spheres overlap, and smoothness makes patches in noise too: read the extent with "
    "the test in mind, and single voxels not at all.",
    "layers": "The largest of similar values is taken. In noise each layer is the largest "
    "somewhere: read the map only where spheres are similar to layers at all.",
}
_MOST_ROWS = 15  # the figures show all


def rsa_sections(result: RSAResult, shown: RSAFigure | None = None) -> list[Section]:
    """Arrange all that is shown below the first screen; what is absent is left out.

    Parameters
    ----------
    result : RSAResult
        What there is.
    shown : RSAFigure, optional
        The figure that the first screen has.

    Returns
    -------
    list of Section
        Similarities, spheres, layers, regions, RDMs, scalings, planted truth, methods, settings.
    """
    sections = []
    for key, (title, intro) in SECTIONS.items():
        there = [entry for entry in result.figures if entry.section == key]
        blocks: list[Block] = [figure_block(entry) for entry in there if entry is not shown]
        blocks += result.panels.get(key, ())
        blocks += _tables(result, key)
        if shown in there:
            blocks.insert(0, Text(f"{shown.title}: the figure is in the summary above."))
        if not blocks:
            continue
        if key in REMARKS:
            blocks.insert(0, Notice(REMARKS[key], "info"))
        sections.append(Section(title, intro, blocks))
    common = SubjectResult(
        "", truth=result.truth, description=result.methods, decisions=result.decisions,
        settings=result.settings, versions=result.versions,
    )  # fmt: skip
    return sections + subject_sections(common)


def lead_figure(result: RSAResult) -> RSAFigure | None:
    """Choose the figure of the first screen: a map, else bars, else conditions, else RDMs."""
    for key in ("layers", "spheres", "regions", "similarity", "scaling", "rdms"):
        for entry in result.figures:
            if entry.section == key:
                return entry
    return None


def figure_block(entry: RSAFigure) -> Figure:
    """Give a figure with its caption, and what it shows in words."""
    caption = f"{entry.title}: {entry.how}" if entry.how else f"{entry.title}."
    return Figure(entry.file, caption, f"{caption} {entry.numbers}".strip())


def _tables(result: RSAResult, key: str) -> list[Block]:
    if key == "similarity":
        return [_similarity(entry, result.alpha) for entry in result.tables]
    if key == "spheres" and result.spheres is not None:
        return [_spheres(result)]
    if key == "layers" and result.layers is not None:
        return [_layers(result.layers)]
    if key == "regions" and result.regions is not None:
        return [_regions(result)]
    if key == "rdms" and result.rdms:
        rows = [[entry.title, f"{entry.n_rdms:,}", str(entry.n_conditions), entry.distance,
                 f"{entry.n_unknown:,}"] for entry in result.rdms]  # fmt: skip
        header = ["What", "RDMs", "Conditions", "Distance", "With unknown pairs"]
        return [Table(header, rows)]
    if key == "scaling" and result.scalings:
        rows = [[entry.name, entry.method, number(entry.stress)] for entry in result.scalings]
        caption = "Stress: 0 where two dimensions hold all distances (Kruskal's stress-1)."
        return [Table(["RDM", "Scaling", "Stress"], rows, caption)]
    return []


def _similarity(entry: SimilarityTable, alpha: float) -> Table:
    """Put rows by falling value, the most similar first."""
    table = mark_significant(entry.table, alpha).sort_values(
        "value", ascending=False, kind="stable", na_position="last"
    )
    columns = [
        ("low", "high", "95 % interval"),
        ("ceiling_lower", "ceiling_upper", "Noise ceiling"),
    ]
    ranges = [pair for pair in columns if {*pair[:2]} <= set(table)]
    levels = [name for name in ("p", "q") if name in table]
    header = [
        "RDM",
        "Model",
        entry.measure[:1].upper() + entry.measure[1:],
        *(r[2] for r in ranges),
        *levels,
    ]
    tested = tested_column(table)
    rows = []
    for _, row in table.head(_MOST_ROWS).iterrows():
        cells: list[str | Notice] = [row["rdm"], row["model"], number(row["value"], 3)]
        cells += [_range(row[low], row[high]) for low, high, _ in ranges]
        for name in levels:
            text = probability(row[name])
            good = name == tested and row["significant"] == 1
            cells.append(Notice(text, "good") if good else text)
        rows.append(cells)
    caption = entry.title
    if len(table) > _MOST_ROWS:
        caption += f": the {_MOST_ROWS} most similar of {len(table):,} pairs"
    return Table(header, rows, f"{caption}.")


def _range(low: float, high: float) -> str:
    if low is None or low != low:
        return "–"
    return f"{number(round(low, 2) + 0.0)} to {number(round(high, 2) + 0.0)}"  # not -0.00


def _spheres(result: RSAResult) -> Table:
    rows = [[row.model, f"{row.n_shown:,}", f"{row.n_known:,}",
             f"{100 * row.n_shown / row.n_known:.1f} %" if row.n_known else "–",
             number(row.largest, 3)] for row in result.spheres.itertuples()]  # fmt: skip
    what = f"{result.map_level} ≤ {result.alpha:g}" if result.spheres_tested else "above 0"
    measure = f"Largest {result.map_label}" if result.map_label else "Largest value"
    return Table(["Model", f"Spheres ({what})", "with a value", "Share", measure], rows)


def _layers(layers: pd.DataFrame) -> Table:
    total = layers["n"].sum()
    known = layers["agreement"].notna().any()
    rows = []
    for row in layers.itertuples():
        share = f"{100 * row.n / total:.1f} %" if total else "–"
        rows.append([row.layer, f"{row.n:,}", share, *([number(row.agreement)] if known else [])])
    return Table(["Layer", "Voxels", "Share", *(["Median agreement"] if known else [])], rows)


def _regions(result: RSAResult) -> Table:
    regions = mark_significant(result.regions, result.alpha)
    tested = tested_column(regions)
    names = [name for name in ("low", "t", "n") if name in regions]
    titles = {"low": "95 % interval", "t": "t", "n": "Participants"}
    rows = []
    for _, row in regions.head(_MOST_ROWS).iterrows():
        cells: list[str | Notice] = [row["rdm"], row["model"], number(row["value"], 3)]
        found = {"low": _range(row.get("low"), row.get("high")), "t": number(row.get("t")),
                 "n": number(row.get("n"), 0)}  # fmt: skip
        cells += [found[name] for name in names]
        if tested:
            text = probability(row[tested])
            cells.append(Notice(text, "good") if row["significant"] == 1 else text)
        rows.append(cells)
    header = [
        "Region",
        "Model",
        "Mean",
        *(titles[name] for name in names),
        *([tested] if tested else []),
    ]
    more = len(regions) - _MOST_ROWS
    return Table(header, rows, f"The first {_MOST_ROWS} of {len(regions):,}." if more > 0 else "")
