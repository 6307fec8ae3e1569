"""Bars with intervals of a group: accuracy by region and phase, trained and untrained objects."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.legend import Legend

from fmriprod.reports.production_style import (
    INK,
    SMALL,
    WIDTH,
    chance_lines,
    interval_words,
    look,
    message_figure,
    participants,
    production_figure,
)

MARKS = {
    "p_flip_max": "sign flips of participants, corrected over regions by the largest statistic",
    "p_flip": "sign flips of participants, not corrected",
    "p_fdr": "bootstrap, false discovery rate over regions",
    "p": "bootstrap, not corrected",
}
_FILLED = 0.8  # of the width of a group


def main_schemes(table: pd.DataFrame, schemes: Sequence[str] = ()) -> pd.DataFrame:
    """Keep one scheme of each phase, so that a region has one value in it.

    Parameters
    ----------
    table : DataFrame
        With ``phase`` and ``scheme``.
    schemes : sequence of str
        Schemes by preference. By default, and for phases with none of these, the one that
        comes first in the table.

    Returns
    -------
    DataFrame
        Rows of the table.
    """
    rank = {scheme: place for place, scheme in enumerate(schemes)}
    kept = []
    for _, part in table.groupby("phase", sort=False):
        found = list(dict.fromkeys(part["scheme"]))
        best = min(found, key=lambda scheme: rank.get(scheme, len(rank)))
        kept.append(part[part["scheme"] == best])
    return pd.concat(kept).sort_index() if kept else table


def draw_bars(
    ax: Axes,
    table: pd.DataFrame,
    regions: Sequence[str],
    series: Sequence[tuple[str, pd.DataFrame]],
    *,
    mark: str | None = None,
    looks: Sequence[int] = (),
    interval_at: float = 0.0,
) -> None:
    """Draw a group of bars for each region, one bar a series, with the table's intervals.

    Parameters
    ----------
    ax : Axes
        Where.
    table : DataFrame
        All rows that are drawn, for the room above the bars.
    regions : sequence of str
        Groups from left to right.
    series : sequence of (str, DataFrame)
        Name in the legend, and rows with ``region, mean, ci_low, ci_high``; a region once.
    mark : str, optional
        Column of p values; a star stands above bars with p below .05.
    looks : sequence of int
        Number of the look of each series; as they come by default.
    interval_at : float
        Where intervals are drawn: 0 in the middle of a bar, 0.5 at its right edge.
    """
    width = _FILLED / max(len(series), 1)
    drawn = table[["mean", "ci_low", "ci_high"]].to_numpy(float)
    span = np.nanmax(np.append(drawn, 0.0)) - np.nanmin(np.append(drawn, 0.0))
    for number, (name, rows) in enumerate(series):
        style = look(looks[number] if looks else number)
        rows = rows.set_index("region").reindex(list(regions))
        x = np.arange(len(regions)) + (number - (len(series) - 1) / 2) * width
        ax.bar(x, rows["mean"], width, color=style.colour, edgecolor=INK, linewidth=0.6,
               hatch=style.hatch, label=name, zorder=2)  # fmt: skip
        ends = rows[["ci_low", "ci_high"]].to_numpy(float)
        known = np.isfinite(ends).all(axis=1)
        ax.vlines(
            x[known] + interval_at * width,
            ends[known, 0],
            ends[known, 1],
            color=INK,
            linewidth=1.4,
            zorder=6,
        )
        if mark in rows:
            for place, row in zip(x, rows.itertuples(), strict=True):
                top = np.nanmax([row.mean, row.ci_high, 0.0])
                if getattr(row, str(mark)) < 0.05:
                    ax.text(place, top + 0.01 * span, "*", ha="center", va="bottom", color=INK)
    name_groups(ax, regions)
    ax.set_xlim(-0.6, len(regions) - 0.4)
    ax.tick_params(axis="x", length=0)
    ax.margins(y=0.08)


@contextmanager
def phase_figure(
    accuracy: pd.DataFrame,
    *,
    phases: Sequence[str] = ("pre", "post", "drawing"),
    schemes: Sequence[str] = (),
    mark: str | None = "p_flip_max",
    title: str = "Decoding accuracy",
    simulated: bool = False,
) -> Iterator[Figure]:
    """Draw accuracy by region and phase, with intervals and chance.

    Parameters
    ----------
    accuracy : DataFrame
        From `GroupEvidence`: ``region phase scheme n mean ci_low ci_high chance`` and p.
    phases : sequence of str
        Phases that are drawn, in this order.
    schemes : sequence of str
        Schemes by preference, see `main_schemes`.
    mark : str, optional
        Column of p values for stars (a key of `MARKS`); None for no stars.
    title : str
        Title.
    simulated : bool
        Whether the figure says that the data are simulated.

    Yields
    ------
    matplotlib.figure.Figure
    """
    table = main_schemes(accuracy[accuracy["phase"].isin(list(phases))], schemes)
    if table.empty:
        with message_figure(
            f"No accuracy in {', '.join(phases)}.", title=title, simulated=simulated
        ) as fig:
            yield fig
        return
    series = [(f"{phase} ({part['scheme'].iloc[0]})", part) for phase in phases
              if len(part := table[table["phase"] == phase])]  # fmt: skip
    looks = [phases.index(part["phase"].iloc[0]) for _, part in series]
    note = bar_note(table, mark)
    with production_figure(WIDTH, 3.2, title=title, note=note, simulated=simulated) as (fig, ax):
        regions = list(dict.fromkeys(table["region"]))
        draw_bars(ax, table, regions, series, mark=mark, looks=looks)
        chance_lines(ax, table["chance"])
        ax.set_ylabel("accuracy")
        legend(ax, len(series))
        yield fig


@contextmanager
def split_figure(
    split: pd.DataFrame,
    *,
    measure: str = "accuracy",
    phases: Sequence[str] = ("pre", "post"),
    schemes: Sequence[str] = (),
    title: str = "",
    simulated: bool = False,
) -> Iterator[Figure]:
    """Draw bars before and after drawing, for trained and for untrained objects.

    Parameters
    ----------
    split : DataFrame
        From `GroupEvidence` (``split_file``): as accuracy, with ``measure``.
    measure : {"accuracy", "p_target"}
        Accuracy, or probability of the target.
    phases : sequence of str
        The phases before and after.
    schemes : sequence of str
        Schemes by preference, see `main_schemes`.
    title : str
        Title; one that says the measure by default.
    simulated : bool
        Whether the figure says that the data are simulated.

    Yields
    ------
    matplotlib.figure.Figure
    """
    words = {"accuracy": "accuracy", "p_target": "probability of the target"}[measure]
    title = title or f"Before and after drawing: {words}"
    kinds = {f"{measure}_trained": "trained", f"{measure}_control": "untrained"}
    here = split["phase"].isin(list(phases)) & split["measure"].isin(kinds)
    table = main_schemes(split[here & split["mean"].notna()], schemes)
    if table.empty:
        with message_figure(
            f"No {words} of trained and untrained objects in {' or '.join(phases)}.",
            title=title, simulated=simulated,
        ) as fig:  # fmt: skip
            yield fig
        return
    note = bar_note(table, None)
    with production_figure(
        WIDTH, 3.4, title=title, note=note, simulated=simulated, ncols=2, sharey=True
    ) as (fig, axes):
        regions = list(dict.fromkeys(table["region"]))
        for ax, (kind, name) in zip(axes, kinds.items(), strict=True):
            part = table[table["measure"] == kind]
            series = [(phase, part[part["phase"] == phase]) for phase in phases]
            draw_bars(ax, table, regions, series)
            name_groups(ax, regions, room=35)
            chance_lines(ax, table["chance"], label=ax is axes[-1])
            ax.set_title(f"{name} objects")
        axes[0].set_ylabel(words)
        legend(axes[0], len(phases))
        yield fig


def name_groups(ax: Axes, names: Sequence[str], *, room: int = 80) -> None:
    """Name groups of bars; slanted where letters of all do not fit side by side.

    Parameters
    ----------
    ax : Axes
        Where the bars are, groups at 0, 1, 2 and so on.
    names : sequence of str
        Names; they may have several lines.
    room : int
        Letters that fit.
    """
    longest = max((len(line) for name in names for line in str(name).split("\n")), default=0)
    words: dict = {}
    if (longest + 1) * len(names) > room:
        words = {"rotation": 35, "ha": "right", "rotation_mode": "anchor"}
    ax.set_xticks(range(len(names)), names, **words)


def bar_note(table: pd.DataFrame, mark: str | None) -> str:
    """Say n, what the intervals are, and what a star means."""
    words = f"Bars: means, {participants(table['n'])}; {interval_words(table['n'])}."
    if mark in table and (table[mark] < 0.05).any():
        words += f" * p < .05 ({MARKS.get(str(mark), mark)})."
    return words


def legend(ax: Axes, n_columns: int) -> Legend:
    """Put the legend above the bars, out of their way."""
    above = 1 + 0.3 / (ax.figure.get_figheight() / ax.get_gridspec().nrows)
    return ax.legend(
        loc="lower left", bbox_to_anchor=(0, above if ax.get_title(loc="left") else 1),
        ncols=n_columns, fontsize=SMALL, borderaxespad=0.2, handlelength=1.8,
    )  # fmt: skip
