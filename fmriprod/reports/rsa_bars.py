"""Bars of similarities with intervals, participants and noise ceilings: one panel of a figure."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, to_rgba

from fmriprod.reports.layer_colours import layer_colours
from fmriprod.reports.print_style import INK, SMALL, look

COLUMNS = 3
_BAR = 0.78
_CEILING = "#CFCFCF"
_FEW = 8  # bars, up to which they are no series and have one colour


def bar_colours(names: Sequence[str]) -> list[str | tuple]:
    """Give each bar its colour: a rising series for many (layers), one for few.

    Examples
    --------
    >>> bar_colours(["V1", "LOC"])
    ['#A9CDE8', '#A9CDE8']
    """
    if len(names) <= _FEW:
        return [look(0).colour] * len(names)
    scale: Colormap = layer_colours(len(names))
    return [scale(number) for number in range(len(names))]


def draw_bars(
    ax: Axes,
    table: pd.DataFrame,
    names: Sequence[str],
    colours: Mapping[str, object],
    points: pd.DataFrame | None = None,
) -> None:
    """Draw a bar for each name.

    Parameters
    ----------
    ax : Axes
        The panel.
    table : DataFrame
        ``name value`` and, where there are any, ``low high``, ``significant`` (hollow bars are
        not; NaN where it was not tested), ``ceiling_lower ceiling_upper``.
    names : sequence of str
        All names, in the order of the bars.
    colours : mapping
        Colour of each.
    points : DataFrame, optional
        ``name value`` of each participant.
    """
    rows = table.set_index("name").reindex(names)
    x = np.arange(len(names))
    _ceiling(ax, rows, x)
    for place, (name, row) in zip(x, rows.iterrows(), strict=True):
        hollow = row.get("significant") is not None and row.get("significant") == 0
        colour = colours[name]
        ax.bar(place, row["value"], _BAR, color="white" if hollow else colour,
               edgecolor=_darker(colour), linewidth=1.2 if hollow else 0.6, zorder=2,
               alpha=0.85 if hollow else 1)  # fmt: skip
    if points is not None:
        _points(ax, points, names)
    if {"low", "high"} <= set(rows):
        for colour, width in (("white", 2.8), (INK, 1.3)):  # seen on dark bars too
            ax.vlines(x, rows["low"], rows["high"], color=colour, linewidth=width, zorder=5)
    ax.axhline(0, color=INK, linewidth=0.8, zorder=3)
    ax.set_xlim(-0.6, len(names) - 0.4)
    ax.tick_params(axis="x", length=0)
    ax.tick_params(labelsize=SMALL)


def name_bars(ax: Axes, names: Sequence[str], width: float) -> None:
    """Write names below bars, upright where they do not fit side by side.

    Parameters
    ----------
    ax : Axes
        The panel.
    names : sequence of str
        Of the bars.
    width : float
        Of the panel in inches.
    """
    upright = max(map(len, names)) * 0.6 * SMALL / 72 > 0.95 * width / len(names)
    size = min(SMALL, 72 * width / len(names) * 0.9) if upright else SMALL
    ax.set_xticks(range(len(names)), names, rotation=90 if upright else 0, fontsize=max(size, 5))


def _darker(colour: object) -> tuple[float, float, float]:
    red, green, blue, _ = to_rgba(colour)
    return 0.6 * red, 0.6 * green, 0.6 * blue


def _ceiling(ax: Axes, rows: pd.DataFrame, x: np.ndarray) -> None:
    """Draw a grey band from the lower to the upper bound behind each bar."""
    if not {"ceiling_lower", "ceiling_upper"} <= set(rows):
        return
    low, high = rows["ceiling_lower"].to_numpy(float), rows["ceiling_upper"].to_numpy(float)
    there = np.isfinite(low) & np.isfinite(high)
    ax.bar(x[there], (high - low)[there], 1.0, low[there], color=_CEILING, linewidth=0, zorder=1,
           label="ceiling")  # fmt: skip


def _points(ax: Axes, points: pd.DataFrame, names: Sequence[str]) -> None:
    """Draw each participant, spread sideways in a fixed order so that none hides another."""
    for place, name in enumerate(names):
        own = points.loc[points["name"] == name, "value"].to_numpy(float)
        if not own.size:
            continue
        shift = 0.5 * _BAR * (np.arange(own.size) / max(own.size - 1, 1) - 0.5)
        if own.size == 1:
            shift[:] = 0
        ax.plot(place + shift, own, "o", markersize=3, color="#333333", alpha=0.8, zorder=4,
                markeredgewidth=0.4, markeredgecolor="white")  # fmt: skip
