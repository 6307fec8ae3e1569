"""Groups of bars with the intervals that a table of the group gives."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.legend import Legend

from fmriprod.reports.print_style import INK, SMALL, interval_words, look, participants

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
        places = x[known] + interval_at * width
        ax.vlines(places, *ends[known].T, color=INK, linewidth=1.4, zorder=6)
        if mark in rows:
            for place, row in zip(x, rows.itertuples(), strict=True):
                top = np.nanmax([row.mean, row.ci_high, 0.0])
                if getattr(row, str(mark)) < 0.05:
                    ax.text(place, top + 0.01 * span, "*", ha="center", va="bottom", color=INK)
    name_groups(ax, regions)
    ax.set_xlim(-0.6, len(regions) - 0.4)
    ax.tick_params(axis="x", length=0)
    ax.margins(y=0.08)


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
