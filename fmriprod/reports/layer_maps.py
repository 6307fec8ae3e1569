"""Figures of the best layer and of the trend over layers, on slices."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from fmriprod.reports.layer_colours import layer_colours, name_layers, slope_colours
from fmriprod.reports.slices import slices_figure
from fmriprod.reports.slices_drawing import INK, WIDTH

_BAR = (0.44, 0.54)  # left edge and width of the bar of layers, parts of the page


@contextmanager
def winner_figure(
    winner: np.ndarray,
    background: np.ndarray,
    affine: np.ndarray,
    layers: Sequence[str],
    *,
    title: str = "Best layer",
    simulated: bool = False,
    planes: str = "xyz",
) -> Iterator[Figure]:
    """Draw which layer predicts each voxel best.

    Parameters
    ----------
    winner : ndarray, shape (x, y, z)
        Number of the layer from 1 on; 0 or NaN where there is none.
    background : ndarray, shape (x, y, z)
        Volume in grey on the same grid.
    affine : ndarray, shape (4, 4)
        Voxel to world (RAS, mm).
    layers : sequence of str
        Names in their order.
    title : str
        Printed at the top left.
    simulated : bool
        Whether the figure says that its data are simulated.
    planes : str
        Rows, of ``x``, ``y``, ``z``.

    Yields
    ------
    matplotlib.figure.Figure
    """
    shown = np.nan_to_num(winner)
    n_shown = int((shown > 0).sum())
    with slices_figure(
        background,
        affine,
        overlay=shown,
        overlay_range=(0.5, len(layers) + 0.5),
        cmap=layer_colours(len(layers)),
        planes=planes,
        title=_heading(title, f"{n_shown:,} voxels", simulated),
    ) as figure:
        bar = figure.axes[1]
        height = bar.get_position().height
        bar.set_position((_BAR[0], bar.get_position().y0, _BAR[1], height))
        meaning = name_layers(bar, layers, _BAR[1] * WIDTH, INK)
        bar.tick_params(which="minor", length=0)
        middle = bar.get_position().y0 + height / 2
        figure.text(_BAR[0] - 0.008, middle, meaning, ha="right", va="center", fontsize=8)
        yield figure


@contextmanager
def slope_figure(
    slope: np.ndarray,
    background: np.ndarray,
    affine: np.ndarray,
    *,
    title: str = "Trend over layers",
    simulated: bool = False,
    planes: str = "xyz",
) -> Iterator[Figure]:
    """Draw the trend of each voxel's profile over layers.

    Parameters
    ----------
    slope : ndarray, shape (x, y, z)
        From -1 (first layer only) to 1 (last layer only); NaN where there is none.
    background, affine, title, simulated, planes
        As `winner_figure` takes them.

    Yields
    ------
    matplotlib.figure.Figure
    """
    present = np.isfinite(slope)
    top = slope_limit(slope)
    # Exact zeros are not drawn by the slices, but here 0 is a value like any other.
    shown = np.where(present, np.where(slope == 0, 1e-6 * top, np.nan_to_num(slope)), 0)
    colours = slope_colours()
    if not (shown < 0).any():  # the slices then draw 0 to top: keep the colours' meaning
        colours = ListedColormap(colours(np.linspace(0.5, 1, 256)))
    with slices_figure(
        background,
        affine,
        overlay=shown,
        overlay_range=(0, top),
        overlay_label="first layers (−) to last layers (+)",
        cmap=colours,
        planes=planes,
        title=_heading(title, f"{int(present.sum()):,} voxels", simulated),
    ) as figure:
        yield figure


def slope_limit(slope: np.ndarray) -> float:
    """Give the end of a colour scale that is symmetric about 0 for a map of trends."""
    known = np.abs(np.asarray(slope)[np.isfinite(slope)])
    if not known.size:
        return 1.0
    return float(max(np.ceil(20 * np.percentile(known, 99)), 1) / 20)  # a round number


def _heading(title: str, found: str, simulated: bool) -> str:
    return f"{title}: {found}" + " – simulated data" * simulated
