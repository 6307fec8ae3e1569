"""The sections of the report on the group of a production study."""

from collections.abc import Iterable, Sequence

import pandas as pd

from fmriprod.reports.page import Block, Figure, Notice, Section, Table, Text
from fmriprod.reports.production_results import TABLES, GroupResult, figure_words
from fmriprod.reports.references import describe_html
from fmriprod.reports.verdicts import number, probability

MOST_ROWS = 60  # of a table on the page; all are in its file
_COUNTS = ("n_", "dof", "n", "index", "has_map", "min_cluster", "x", "y", "z", "volume", "window")
# Tables printed with a row a region: what makes their columns.
WIDE = {
    "accuracy": ("phase", "scheme"),
    "split": ("measure", "phase", "scheme"),
    "change": ("measure", "scheme"),
    "log_odds": ("contrast", "phase", "scheme"),
    "differentiation": ("measure",),
}
_HEADINGS = {
    "ci_low": "95 % from", "ci_high": "to", "p_fdr": "p, FDR", "p_flip": "p, sign flips",
    "p_flip_max": "p, sign flips, corrected", "mean_exp": "odds", "exp_low": "95 % from",
    "exp_high": "to", "mean_r": "r", "has_map": "has a map", "region_1": "region",
    "region_2": "with",
}  # fmt: skip


def group_sections(result: GroupResult, foil: Sequence[Notice] = ()) -> list[Section]:
    """Arrange all that is shown below the first screen; what is absent is left out.

    Parameters
    ----------
    result : GroupResult
        What there is.
    foil : sequence of Notice
        What is said beside the contrast of foil and control.

    Returns
    -------
    list of Section
    """
    drawn = Drawer(result)
    plan = (
        ("Recognition and drawing", "How well objects are told apart from the activity of regions. "
         "The classifier never saw the samples that it was tested on.",
         ("trained", "drawing"),
         ("accuracy", "split", "change", "model"), ()),
        ("Evidence while drawing", "How much speaks for the object that is drawn (target), for the "
         "other trained object (foil) and for the objects that are never drawn (control).",
         ("courses",), ("log_odds", "selectivity"), foil),
        ("Connectivity", "What the correlations between voxels of two regions in a trial say about "
         "the object.", ("connectivity",), ("connectivity", "informational"), ()),
        ("Differentiation", "Whether patterns of two objects moved apart with drawing.",
         ("differentiation",), ("differentiation",), ()),
        ("Task masks", "Voxels that respond to drawing. Each participant's mask owes nothing to "
         "the participant's own data.", ("taskmask",), ("task_summary",), ()),
    )  # fmt: skip
    sections = [
        Section(title, intro, blocks)
        for title, intro, figures, tables, notices in plan
        if (blocks := [*drawn.figures(figures), *notices, *drawn.tables(tables)])
        and blocks != list(notices)
    ]
    sections += [_participants_section(result, drawn), _methods(result), _settings(result)]
    return [section for section in sections if section.blocks]


class Drawer:
    """Give the figures and tables of a group as blocks of a page."""

    def __init__(self, result: GroupResult) -> None:
        self.result = result

    def figures(self, beginnings: Iterable[str]) -> list[Block]:
        """All figures whose names begin so, with how they are read."""
        blocks: list[Block] = []
        for name, file in self.result.figures:
            title, how = figure_words(name)
            if name.startswith(tuple(beginnings)):
                alt = f"{title}. The numbers behind it are in the tables named in this section."
                blocks.append(Figure(file, f"{title}: {how}" if how else title, alt))
        return blocks

    def tables(self, names: Iterable[str]) -> list[Block]:
        """Tables that are there, each with the name of its file."""
        blocks: list[Block] = []
        for name in names:
            if name in self.result.tables:
                file, table = self.result.files.get(name, ""), self.result.tables[name]
                if name == "log_odds" and len(table):
                    table = table[table["phase"] == self.result.phases[2]]
                if name in WIDE and {"region", "mean", *WIDE[name]} <= set(table):
                    blocks.append(wide_table(table, WIDE[name], TABLES[name], file))
                else:
                    blocks.append(frame_table(table, TABLES[name], file))
        return blocks


def frame_table(table: pd.DataFrame, caption: str, file: str = "") -> Table | Text:
    """Print a table for readers.

    Parameters
    ----------
    table : DataFrame
        Any; missing values become dashes.
    caption : str
        What it shows.
    file : str
        Name of the file that holds it.

    Returns
    -------
    Table or Text
        Words where there is no row; at most `MOST_ROWS` rows.
    """
    where = f" File: {file}." if file else ""
    if table.empty:
        return Text(f"{caption}: no row.{where}")
    shown = table.head(MOST_ROWS)
    if len(shown) < len(table):
        where = f" The first {len(shown)} of {len(table)} rows.{where}"
    columns = [[_cell(str(name), value) for value in shown[name]] for name in shown]
    header = [_HEADINGS.get(str(name), str(name).replace("_", " ")) for name in shown]
    return Table(header, list(zip(*columns, strict=True)), f"{caption}.{where}")


def wide_table(
    table: pd.DataFrame, by: Sequence[str], caption: str, file: str = ""
) -> Table | Text:
    """Print means with their intervals, a row a region.

    Parameters
    ----------
    table : DataFrame
        ``region``, the columns of ``by``, ``mean, ci_low, ci_high`` and maybe ``p_flip_max``;
        a region once in each combination.
    by : sequence of str
        What makes the columns; those that are the same everywhere are left out of the heading.
    caption : str
        What it shows.
    file : str
        Name of the file that holds all of it.

    Returns
    -------
    Table or Text
        Words where there is no row.
    """
    if table.empty:
        return frame_table(table, caption, file)
    told = [name for name in by if table[name].nunique() > 1]
    cells = {
        (row["region"], tuple(row[name] for name in by)): _mean_cell(row)
        for _, row in table.iterrows()
    }
    columns = list(dict.fromkeys(column for _, column in cells))
    header = ["Region"]
    for column in columns:
        words = [str(value) for name, value in zip(by, column, strict=True) if name in told]
        heading = ", ".join(words).replace("p_target", "probability").replace("_", " ")
        header.append(heading or "mean")
    regions = list(dict.fromkeys(table["region"]))
    rows = [[r, *(cells.get((r, column), "–") for column in columns)] for r in regions]
    same = "".join(f" {table[name].iloc[0]}." for name in by if name not in told)
    note = f"{caption}.{same} Mean [95 % interval]"
    if "p_flip_max" in table:
        note += "; * p < .05 by sign flips, corrected over regions"
    return Table(header, rows, f"{note}.{f' All columns: {file}.' if file else ''}")


def _mean_cell(row: pd.Series) -> str:
    if pd.isna(row["mean"]):
        return "–"
    ends = f" [{number(row['ci_low'], 3)}, {number(row['ci_high'], 3)}]"
    star = " *" if row.get("p_flip_max", 1.0) < 0.05 else ""
    return f"{number(row['mean'], 3)}{ends if pd.notna(row['ci_low']) else ''}{star}"


def _cell(name: str, value: object) -> str:
    if pd.isna(value):
        return "–"
    if isinstance(value, str):
        return value.replace("_", " ") if name in ("measure", "contrast") else value
    whole = float(value).is_integer() and name.startswith(_COUNTS)
    if name == "p" or name.startswith("p_f"):
        return probability(value)
    if name.startswith("aic"):
        return number(value, 1)
    if 1e-9 < abs(value) < 0.01:
        return f"{value:.2g}".replace("-", "−")
    return number(value, 0 if whole else 3)


def _participants_section(result: GroupResult, drawn: Drawer) -> Section:
    blocks: list[Block] = []
    scores = result.scores
    if scores is not None and len(scores):
        for phase in dict.fromkeys([result.phases[2], *result.phases]):
            rows = scores[scores["phase"] == phase]
            for scheme, part in rows.groupby("scheme", sort=False):
                wide = part.pivot(index="subject", columns="region", values="accuracy")
                wide = wide.reindex(result.subjects)[list(dict.fromkeys(part["region"]))]
                caption = f"Accuracy of each participant in {phase}, scheme {scheme}"
                blocks.append(frame_table(wide.reset_index(), caption))
    blocks += drawn.tables(("missing",))
    return Section("Participants", "Who took part, and what each of them gave. A dash: missing, "
                   "and not counted in n.", blocks)  # fmt: skip


def _methods(result: GroupResult) -> Section:
    blocks: list[Block] = []
    if result.description:
        blocks.append(Text(describe_html(result.description)))
    if result.decisions:
        blocks.append(Table(["Decided from the data"], [[line] for line in result.decisions]))
    return Section("Methods", "What was done, in words that a paper can take over.", blocks)


def _settings(result: GroupResult) -> Section:
    blocks: list[Block] = []
    for name, rows in (("Setting", result.settings), ("Software", result.versions)):
        if rows:
            header = [name, "Value" if name == "Setting" else "Version"]
            blocks.append(Table(header, [list(row) for row in rows]))
    return Section("Settings and software", "What is needed to do it again.", blocks)
