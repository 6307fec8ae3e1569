"""Figure of images in two dimensions, a panel a layer."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from fmriprod.reports.print_style import SMALL, WIDTH, print_figure
from fmriprod.reports.style import PALETTE

_MARKERS = ("o", "^", "s", "D", "v", "P")
_COLOURS = tuple(colour for colour in PALETTE if colour != "#F0E442")  # yellow is lost on white
_COLUMNS = 4
_LEGEND = 1.0  # inches
_NOTE = (
    "t-SNE of the answers of each layer to {n} images, each axis from 0 to 1. Near images are "
    "answered to alike; distances between groups and their sizes have no meaning. {perplexity}"
)


def class_looks(n_classes: int) -> list[tuple[str, str]]:
    """Give each class a colour and a marker, no two alike up to 42.

    Colours are distinguishable with any colour vision; markers change after seven of them.
    """
    n = len(_COLOURS)
    return [(_COLOURS[k % n], _MARKERS[k // n % len(_MARKERS)]) for k in range(n_classes)]


@contextmanager
def embedding_figure(
    places: Mapping[str, np.ndarray],
    categories: np.ndarray,
    names: Sequence[str],
    *,
    perplexity: float,
    wanted: float = 30.0,
    simulated: bool = False,
) -> Iterator[Figure]:
    """Draw where images lie in each layer, by class.

    Parameters
    ----------
    places : mapping of str to ndarray, shape (n_images, 2)
        By layer, in order; from 0 to 1.
    categories : ndarray of int, shape (n_images,)
        Class of each image.
    names : sequence of str
        Names of the classes.
    perplexity, wanted : float
        What was used, and what was asked for; the note says so where they differ.
    simulated : bool
        Whether the figure says that its data are simulated.

    Yields
    ------
    matplotlib.figure.Figure
    """
    rows = -(-len(places) // _COLUMNS)
    columns = -(-len(places) // rows)
    side = (WIDTH - _LEGEND) / max(columns, 2)
    words = f"Perplexity {perplexity:g}"
    words += f" (not {wanted:g}: there are few images)." if perplexity < wanted else "."
    note = _NOTE.format(n=len(categories), perplexity=words)
    height = rows * (side + 0.2) + 0.9
    per_column = max(1, int((height - 0.9) / 0.18))
    with print_figure(
        WIDTH, height, title="Layers in two dimensions", note=note, simulated=simulated,
        nrows=rows, ncols=columns, squeeze=False,
    ) as (fig, axes):  # fmt: skip
        looks = class_looks(len(names))
        size = float(np.clip(1500 / len(categories), 3, 18))
        for ax in axes.flat:
            ax.set_axis_off()
        for ax, (layer, at) in zip(axes.flat, places.items(), strict=False):
            ax.set_axis_on()
            ax.set_title(layer, fontsize=SMALL + 1)
            ax.set(xticks=[], yticks=[], xlim=(-0.05, 1.05), ylim=(-0.05, 1.05), aspect="equal")
            ax.spines[:].set(visible=True, color="#BBBBBB", linewidth=0.6)
            order = np.random.default_rng(0).permutation(len(at))  # no class covers another
            for marker in dict.fromkeys(marker for _, marker in looks):
                own = [k for k in order if looks[categories[k]][1] == marker]
                colours = [looks[categories[k]][0] for k in own]
                ax.scatter(*at[own].T, c=colours, marker=marker, s=size, linewidth=0, alpha=0.85)
        handles = [
            mpl.lines.Line2D([], [], color=colour, marker=marker, linestyle="", markersize=5)
            for colour, marker in looks
        ]
        fig.legend(
            handles, names, loc="outside right upper", ncols=-(-len(names) // per_column),
            fontsize=SMALL, handletextpad=0.1, columnspacing=1,
        )  # fmt: skip
        yield fig
