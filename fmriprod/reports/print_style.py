"""What figures for print share: colours, hatches, notes, empty plots."""

import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fmriprod.reports.style import figure

WIDTH = 7.1  # inches: two columns of a journal
SMALL = 8  # points: the smallest letters
INK = "#222222"
KIND_COLOURS = {"target": "#dd4318", "foil": "#0d61c6", "control": "#4a4b4c"}
_LETTERS_AN_INCH = 17.0  # of the smallest letters, on average


class Look(NamedTuple):
    """How one of several things is drawn: told apart without colour too."""

    colour: str
    hatch: str
    marker: str
    line: Any


# Light, dark and hatched, so that neighbours differ in grey.
LOOKS = (
    Look("#A9CDE8", "", "o", "-"),
    Look("#00588C", "", "s", (0, (5, 2))),
    Look("#EE9A5B", "////", "^", (0, (1, 1.2))),
    Look("#F2F2F2", "....", "D", (0, (5, 1.5, 1, 1.5))),
)
KIND_LOOKS = {
    kind: Look(colour, look.hatch, look.marker, look.line)
    for (kind, colour), look in zip(KIND_COLOURS.items(), LOOKS, strict=False)
}


def look(number: int) -> Look:
    """Give the look of the n-th of several things, from 0; they repeat after four."""
    return LOOKS[number % len(LOOKS)]


@contextmanager
def print_figure(
    width: float = WIDTH,
    height: float = 3.0,
    *,
    title: str = "",
    note: str = "",
    simulated: bool = False,
    legend_row: bool = False,
    **subplots: Any,
) -> Iterator[tuple[Figure, Any]]:
    """Open a figure with a title above and, below, what n and interval are.

    Parameters
    ----------
    width, height : float
        Size in inches, as printed.
    title : str
        Above everything.
    note : str
        Below everything; wrapped.
    simulated : bool
        Whether the figure says that its data are simulated.
    legend_row : bool
        Keep a line free below the title, for a legend wider than the axes below it.
    **subplots
        As `matplotlib.pyplot.subplots` takes them.

    Yields
    ------
    figure : matplotlib.figure.Figure
    axes : Axes or ndarray of Axes
    """
    with figure(width, height, **subplots) as (fig, axes):
        words = " – ".join(part for part in (title, "simulated data" * simulated) if part)
        if words:
            words += "\n " * legend_row
            fig.suptitle(words, x=0.01, ha="left", fontsize=10, fontweight="bold")
        if note:
            wrapped = textwrap.fill(note, int(width * _LETTERS_AN_INCH))
            fig.supxlabel(wrapped, x=0.01, ha="left", fontsize=SMALL, color="#444444")
        yield fig, axes


@contextmanager
def message_figure(message: str, *, title: str = "", simulated: bool = False) -> Iterator[Figure]:
    """Draw, in place of a figure that cannot be made, why there is none.

    Parameters
    ----------
    message : str
        What is missing.
    title : str
        Title of the figure that would stand here.
    simulated : bool
        Whether the data are simulated.

    Yields
    ------
    matplotlib.figure.Figure
    """
    with print_figure(height=1.4, title=title, simulated=simulated) as (fig, ax):
        say(ax, message)
        ax.set_axis_off()
        yield fig


def say(ax: Axes, message: str) -> None:
    """Write a message in the middle of empty axes."""
    ax.text(0.5, 0.5, message, transform=ax.transAxes, ha="center", va="center",
            fontsize=SMALL, color="#555555", wrap=True)  # fmt: skip


def chance_lines(
    ax: Axes, values: Sequence[float], *, name: str = "chance", label: bool = True
) -> None:
    """Draw a dashed line at each different level of chance (or of no effect)."""
    for value in sorted({round(float(v), 12) for v in values if np.isfinite(v)}):
        ax.axhline(value, color="#555555", linewidth=1, linestyle=(0, (4, 3)), zorder=3)
        if label:
            ax.annotate(
                f"{name} {value:.3g}", (1, value), xycoords=("axes fraction", "data"),
                xytext=(3, 0), textcoords="offset points", ha="left", va="center",
                fontsize=SMALL, color="#444444", annotation_clip=False,
            )  # fmt: skip


def widened(limits: tuple[float, float], values: Any) -> tuple[float, float]:
    """Give limits of an axis that hold all values too.

    Examples
    --------
    >>> widened((0.1, 0.4), [0.2, 0.3]), widened((0.0, 1.0), [1.5, float("nan")])
    ((0.1, 0.4), (0.0, 1.575))
    """
    known = np.asarray(values, dtype=float)
    known = known[np.isfinite(known)]
    low, high = limits
    if not known.size:
        return low, high
    room = 0.05 * (max(high, known.max()) - min(low, known.min()))
    return (
        low if known.min() >= low else float(known.min() - room),
        high if known.max() <= high else float(known.max() + room),
    )


def participants(counts: Any) -> str:
    """Say how many participants stand behind numbers.

    Examples
    --------
    >>> participants([31, 31]), participants([1]), participants([29, 31])
    ('n = 31 participants', 'n = 1 participant', 'n = 29 to 31 participants')
    """
    known = sorted({int(n) for n in np.asarray(counts, dtype=float).ravel() if n > 0})
    if not known:
        return "n = 0 participants"
    if len(known) > 1:
        return f"n = {known[0]} to {known[-1]} participants"
    return f"n = {known[0]} participant{'s' if known[0] != 1 else ''}"


def interval_words(counts: Any, what: str = "bootstrap over participants") -> str:
    """Say what the intervals are, and where there are none.

    Examples
    --------
    >>> interval_words([1])
    'no interval with one participant'
    """
    known = np.asarray(counts, dtype=float)
    known = known[known > 0]
    if known.size and (known < 2).all():
        return "no interval with one participant"
    partly = ", none where there is one participant" if (known < 2).any() else ""
    return f"intervals: 95 %, {what}{partly}"
