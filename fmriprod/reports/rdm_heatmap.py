"""Figure of RDMs as heat maps, side by side on one scale."""

import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.rdm import n_pairs, square
from fmriprod.reports.print_style import SMALL, WIDTH, print_figure, say
from fmriprod.reports.rdm_groups import (
    check_groups,
    check_length,
    group_colours,
    group_runs,
    strips,
)

_COLUMNS = 5
_LEAST = 4.5  # points: smaller names are not read
_STRIP = 0.035  # of the matrix: width of the strips of groups
_UNKNOWN = "#C8C8C8"


@contextmanager
def rdm_heatmap_figure(
    dissimilarities: np.ndarray,
    conditions: Sequence[str],
    *,
    names: Sequence[str] = ("",),
    groups: Sequence[str] | None = None,
    limits: tuple[float, float] | None = None,
    lower_only: bool = False,
    cmap: str | Colormap = "viridis",
    label: str = "dissimilarity",
    title: str = "",
    simulated: bool = False,
) -> Iterator[Figure]:
    """Draw RDMs as matrices with one colour bar.

    Parameters
    ----------
    dissimilarities : ndarray, shape (n_rdms, n_pairs)
        Upper triangles, row by row; NaN is grey.
    conditions : sequence of str
        Names, in the order of the rows. They are written where there is room, else numbers.
    names : sequence of str
        One an RDM: what is above it.
    groups : sequence of str, optional
        Group of each condition; drawn as strips of colour, with lines between blocks.
    limits : (float, float), optional
        Values at the ends of the colours, such as (0, 2); by default those that there are.
    lower_only : bool
        Leave the upper triangle and the diagonal white, as published.
    cmap : str or Colormap
        Colours, by default ones that rise in lightness and are told apart with any colour vision.
    label : str
        What the values are, at the colour bar.
    title : str
        Above everything.
    simulated : bool
        Whether the figure says that its data are simulated.

    Yields
    ------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        If conditions, names or groups do not fit the RDMs.
    """
    values = _checked(dissimilarities, conditions, names)
    groups = check_groups(groups, len(conditions))
    columns = _n_columns(len(values), len(conditions))
    rows = -(-len(values) // columns)
    side = min(3.2, (WIDTH - 1.4) / columns)
    size = min(SMALL, 72 * side / len(conditions) * 0.85)
    named = size >= _LEAST
    letters = max(map(len, conditions)) if named else 2
    room = min(0.6 * size / 72 * letters, 1.4) + 0.1
    norm = _norm(values, limits)
    colours = mpl.colormaps.get_cmap(cmap).with_extremes(bad=_UNKNOWN)
    width = max(columns * (side + 0.12) + room + 0.9, 3.6)
    below = _Below(conditions, named, groups, width)
    height = rows * (side + 0.3) + room + 0.35 + below.height
    with print_figure(
        width, height, title=title, simulated=simulated, nrows=rows, ncols=columns, squeeze=False
    ) as (fig, axes):
        for number, ax in enumerate(axes.flat):
            if number >= len(values):
                ax.set_visible(False)
                continue
            _draw(ax, values[number], groups, lower_only, norm, colours)
            ax.set_title(names[number], fontsize=SMALL + 1)
            _ticks(ax, conditions, size if named else None, number % columns == 0,
                   number + columns >= len(values))  # fmt: skip
        bar = fig.colorbar(ScalarMappable(norm, colours), ax=axes, shrink=0.7, label=label,
                           aspect=25, pad=0.02)  # fmt: skip
        bar.outline.set_visible(False)
        below.draw(fig)
        yield fig


def _n_columns(n_rdms: int, n_conditions: int) -> int:
    """Lay out panels so that those of many conditions are large and no row is nearly empty."""
    most = 2 if n_conditions > 24 and n_rdms <= 4 else 3 if n_conditions > 24 else _COLUMNS
    rows = -(-n_rdms // most)
    return -(-n_rdms // rows)


class _Below:
    """Numbers of conditions in words, and the legend of groups under them."""

    def __init__(
        self, conditions: Sequence[str], named: bool, groups: list[str] | None, width: float
    ) -> None:
        note = _note(conditions, named)
        self.note = textwrap.fill(note, int(15 * width)) if note else ""
        self.marks = [Patch(color=colour, label=name)
                      for name, colour in group_colours(groups or ()).items()]  # fmt: skip
        longest = max((len(mark.get_label()) for mark in self.marks), default=1)
        self.columns = max(1, int(width / (0.072 * longest + 0.55)))
        self.rows = -(-len(self.marks) // self.columns)
        self.height = 0.16 * (self.note.count("\n") + 1) * bool(note) + 0.2 * self.rows

    def draw(self, fig: Figure) -> None:
        words = self.note + "\n " * self.rows if self.note else ""
        fig.supxlabel(words, x=0.01, ha="left", fontsize=SMALL, color="#444444", linespacing=1.6)
        if self.marks:
            fig.legend(
                handles=self.marks, loc="outside lower left", ncols=self.columns, fontsize=SMALL,
                handlelength=1, columnspacing=1, borderaxespad=0.2,
            )  # fmt: skip


def _checked(
    dissimilarities: np.ndarray, conditions: Sequence[str], names: Sequence[str]
) -> np.ndarray:
    values = np.atleast_2d(np.asarray(dissimilarities, dtype=np.float32))
    n = round((1 + (1 + 8 * values.shape[1]) ** 0.5) / 2)
    if n_pairs(n) != values.shape[1] or values.ndim != 2:
        raise InputError(
            "rdm", expected="a row of all pairs of conditions for each RDM",
            found=f"shape {values.shape}", hint="give upper triangles, row by row",
        )  # fmt: skip
    check_length(conditions, n, "conditions", "a name")
    if len(names) != len(values):
        raise InputError(
            "names", expected=f"a name for each of {len(values)} RDMs", found=f"{len(names)}",
            hint="give one an RDM, in their order",
        )  # fmt: skip
    return values


def _norm(values: np.ndarray, limits: tuple[float, float] | None) -> Normalize:
    known = values[np.isfinite(values)]
    if limits is None:
        limits = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    low, high = limits
    return Normalize(low, high if high > low else low + 1e-6)


def _draw(
    ax: Axes, pairs: np.ndarray, groups: list[str] | None, lower_only: bool, norm: Normalize,
    colours: Colormap,
) -> None:  # fmt: skip
    """Paint one matrix, with strips of groups on its left and below."""
    if not np.isfinite(pairs).any():
        say(ax, "no pair has a value")
    matrix = square(pairs)
    n = len(matrix)
    hidden = np.triu(np.ones((n, n), bool)) if lower_only else np.eye(n, dtype=bool)
    picture = colours(norm(np.ma.masked_invalid(matrix)))
    picture[hidden] = 1.0  # white: the diagonal was not measured
    ax.imshow(picture, interpolation="nearest", extent=(-0.5, n - 0.5, n - 0.5, -0.5))
    ax.spines[:].set_visible(False)
    ax.set_xlim(-0.5, n - 0.5)
    ax.set_ylim(n - 0.5, -0.5)
    if groups is None:
        return
    strip, wide = strips(groups), _STRIP * n
    place = {"interpolation": "nearest", "aspect": "equal", "clip_on": False}
    ax.imshow(strip[:, None], extent=(-0.7 - wide, -0.7, n - 0.5, -0.5), **place)
    ax.imshow(strip[None], extent=(-0.5, n - 0.5, n - 0.3 + wide, n - 0.3), **place)
    ax.set_xlim(-0.7 - wide, n - 0.5)
    ax.set_ylim(n - 0.3 + wide, -0.5)
    for _, _, end in group_runs(groups)[:-1]:
        ax.plot([-0.5, (end if lower_only else n) - 0.5], [end - 0.5] * 2, color="white", lw=0.8)
        ax.plot([end - 0.5] * 2, [(end if lower_only else 0) - 0.5, n - 0.5], color="white", lw=0.8)


def _ticks(
    ax: Axes, conditions: Sequence[str], size: float | None, left: bool, below: bool
) -> None:
    """Write names, or numbers where they would be too small; outer panels only."""
    n = len(conditions)
    places, words = list(range(n)), list(conditions)
    if size is None:
        every = 10 if n > 24 else 5
        places = [0, *range(every - 1, n, every)]
        words, size = [str(place + 1) for place in places], 7.0
    ax.set_xticks(places, words if below else [], fontsize=size,
                  rotation=90 if max(map(len, words)) > 2 else 0)  # fmt: skip
    ax.set_yticks(places, words if left else [], fontsize=size)
    ax.tick_params(length=0, pad=2)


def _note(conditions: Sequence[str], named: bool) -> str:
    """Say which conditions the numbers stand for."""
    if named:
        return ""
    if len(conditions) <= 40:
        listed = [f"{number} {name}" for number, name in enumerate(conditions, 1)]
        return f"Conditions: {', '.join(listed)}."
    return f"Conditions: 1 is {conditions[0]}, {len(conditions)} is {conditions[-1]}."
