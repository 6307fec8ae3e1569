"""Mosaic of receptive fields: the coefficients of voxels, drawn as images."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle

from fmriprod.reports.print_style import SMALL, print_figure

HUES = ("Blues", "Greens", "Reds", "RdPu")
_BOXES = {True: "#FF0000", False: "#FFD60A"}  # red, as published; yellow is in no bright hue
_MOST_COLUMNS = 6
_SIDE = 1.75  # inches of the longer side of a field


@contextmanager
def receptive_field_figure(
    fields: np.ndarray,
    labels: Sequence[str],
    *,
    limits: tuple[float, float] = (0.1, 0.75),
    marked_pixel: tuple[int, int] | None = None,
    published_colours: bool = False,
    unit: str = "change of the response for one standard deviation of a pixel",
    title: str = "Receptive fields",
    simulated: bool = False,
) -> Iterator[Figure]:
    """Draw receptive fields side by side, on black.

    Parameters
    ----------
    fields : ndarray, shape (n_voxels, rows, columns)
        Coefficients, row 0 at the top.
    labels : sequence of str
        Written above each field.
    limits : tuple of float
        Coefficients below the first are hidden, negative ones too; the colours end at the
        second. As published unless given.
    marked_pixel : tuple of int, optional
        Row and column of a pixel that gets a box in each field, to compare them.
    published_colours : bool
        Weak coefficients pale and strong ones dark, as published; otherwise strong ones are
        the brightest.
    unit : str
        What the numbers are.
    title : str
        Above everything.
    simulated : bool
        Whether the figure says that its data are simulated.

    Yields
    ------
    matplotlib.figure.Figure
        To be saved inside the ``with`` block.
    """
    n, height, width = fields.shape
    columns = min(_MOST_COLUMNS, int(np.ceil(np.sqrt(n))) if n > 3 else n)
    rows = -(-n // columns)
    side = _SIDE / max(height, width)
    box = _BOXES[published_colours]
    hidden = int((fields < -limits[0]).sum())
    note = f"Bars: {unit}. Hidden: coefficients below {limits[0]:.2g}" + (
        f" ({hidden} of them {-limits[0]:.2g} or less)." if hidden else "."
    )
    size = max(3.6, columns * (side * width + 0.75)), 0.75 + rows * (side * height + 0.5)
    with print_figure(
        *size, title=title, note=note, simulated=simulated, nrows=rows, ncols=columns,
        squeeze=False,
    ) as (fig, axes):  # fmt: skip
        for ax in axes.ravel()[n:]:
            ax.remove()
        for place, field in enumerate(fields):
            ax = axes.flat[place]
            cmap = HUES[place % len(HUES)] + ("" if published_colours else "_r")
            image = _draw_field(ax, field, limits, cmap)
            ax.set_title(labels[place], fontsize=SMALL, loc="left")
            over = "max" if np.nanmax(field, initial=0) > limits[1] else "neither"
            bar = fig.colorbar(image, ax=ax, fraction=0.05, pad=0.03, extend=over)
            bar.set_ticks(limits, labels=[f"{limit:.2g}" for limit in limits])
            bar.ax.tick_params(labelsize=SMALL - 1, length=2)
            bar.outline.set(edgecolor="#999999", linewidth=0.5)  # ends may be white
            if marked_pixel is not None:
                corner = marked_pixel[1] - 0.5, marked_pixel[0] - 0.5
                ax.add_patch(Rectangle(corner, 1, 1, fill=False, edgecolor=box, linewidth=2))
        yield fig


def _draw_field(ax: Axes, field: np.ndarray, limits: tuple[float, float], cmap: str) -> AxesImage:
    """Draw one field; the bar shows only colours that can occur."""
    low, high = limits
    ax.set_facecolor("black")
    shades = colormaps[cmap](np.linspace(low / high, 1, 256))
    shown = np.ma.masked_where(~(field >= low), field)
    image = ax.imshow(
        shown, cmap=colormaps[cmap].from_list(cmap, shades), vmin=low, vmax=high,
        interpolation="nearest",
    )  # fmt: skip
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
    return image
