"""Colours of layers and of trends over layers, the same on slices and on surfaces."""

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, ListedColormap

from fmriprod.reports.print_style import SMALL

_LETTER = 0.6  # width of a letter in its size


def layer_colours(n_layers: int) -> ListedColormap:
    """Give one colour for each layer, from the first to the last, in equal steps.

    They rise in lightness, so that their order is seen with any colour vision and in grey.
    """
    steps = np.linspace(0, 1, n_layers) if n_layers > 1 else [0.5]
    return ListedColormap(mpl.colormaps["viridis"](steps))


def score_colours() -> Colormap:
    """Give the colours of scores from 0 on: nothing as dark as the grey below them."""
    shades = mpl.colormaps["inferno"](np.linspace(0.25, 1, 256))
    return ListedColormap(shades, "inferno_upper")


def slope_colours() -> Colormap:
    """Give the colours of a trend: blue for first layers, light for the middle, red for last."""
    return mpl.colormaps["RdYlBu_r"]


def name_layers(ax: Axes, layers: Sequence[str], width: float, colour: str = "black") -> str:
    """Write the layers at the blocks of a colour bar of 0.5 to n + 0.5, small if need be.

    Parameters
    ----------
    ax : Axes
        The bar.
    layers : sequence of str
        Names in their order.
    width : float
        Length of the bar in inches.
    colour : str
        Of the letters.

    Returns
    -------
    str
        What the numbers mean, where the names do not fit and numbers stand in their place.
    """
    n_layers = len(layers)
    room = 72 * width / n_layers
    size = min(SMALL, room / (_LETTER * (max(map(len, layers)) + 1)))
    names, meaning = list(layers), ""
    if size < 5.5:
        meaning = f"1: {layers[0]}, {n_layers}: {layers[-1]}"
        every = int(np.ceil(1.8 * SMALL * _LETTER / room))
        names = [str(i + 1) if i % every == 0 else "" for i in range(n_layers)]
        size = SMALL
    ax.set_xticks(range(1, n_layers + 1), names, fontsize=size, color=colour)
    ax.tick_params(length=0)
    return meaning
