"""Figure of regions' profiles over layers."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fmriprod.reports.print_style import SMALL, WIDTH, print_figure, say, widened
from fmriprod.reports.style import PALETTE

_COLUMNS = 4
_NOTE = (
    "Mean over the best {share:g} % of a region's n voxels, divided by its maximum; grey: the "
    "other regions. Intervals: 95 %; bands over voxels, bars over held-out groups. Both speak of "
    "the profile's shape (each draw is divided by its own maximum), not of another person."
)


@contextmanager
def fingerprint_figure(
    table: pd.DataFrame,
    layers: Sequence[str],
    *,
    best_share: float = 0.25,
    title: str = "Fingerprints of regions",
    simulated: bool = False,
) -> Iterator[Figure]:
    """Draw the profile of each region over layers with its intervals, a panel a region.

    Parameters
    ----------
    table : DataFrame
        ``roi layer value low high n_voxels`` and, for bars over folds, ``fold_low
        fold_high``; a row a region and layer, regions in the order of the panels.
    layers : sequence of str
        Layers in their order.
    best_share : float
        Share of the voxels that were averaged, for the note.
    title : str
        Above everything.
    simulated : bool
        Whether the figure says that its data are simulated.

    Yields
    ------
    matplotlib.figure.Figure
    """
    regions = {
        name: part.set_index("layer").reindex(layers)
        for name, part in table.groupby("roi", sort=False)
    }
    rows = -(-len(regions) // _COLUMNS)
    columns = -(-len(regions) // rows)
    note = _NOTE.format(share=100 * best_share)
    lowest, _ = widened((0.0, 1.0), table[["value", "low"]].to_numpy(float))
    width = WIDTH if columns > 2 else 4.2
    with print_figure(
        width, 1.1 + 1.55 * rows, title=title, note=note, simulated=simulated,
        nrows=rows, ncols=columns, squeeze=False, sharex=True, sharey=True,
    ) as (fig, axes):  # fmt: skip
        for ax in axes.ravel()[len(regions) :]:
            ax.set_visible(False)
        for number, name in enumerate(regions):
            ax = axes.flat[number]
            _draw_region(ax, regions, name)
            ax.tick_params(labelbottom=number + columns >= len(regions))
        axes[0, 0].set_ylim(lowest, 1.06)
        axes[0, 0].set_xticks(range(len(layers)), layers)
        for ax in axes.flat:
            ax.tick_params(axis="x", labelrotation=90 if _long(layers, columns) else 0)
            ax.tick_params(labelsize=SMALL)
        for ax in axes[:, 0]:
            ax.set_ylabel("score / maximum")
        yield fig


def _draw_region(ax: Axes, regions: dict[str, pd.DataFrame], name: str) -> None:
    own = regions[name]
    n_voxels = own["n_voxels"].max()
    ax.set_title(f"{name} (n = {int(n_voxels):,})" if n_voxels > 0 else name)
    x = np.arange(len(own))
    if not np.isfinite(own["value"]).any():
        say(ax, "no layer predicts a voxel" if n_voxels > 0 else "no voxel is kept")
        return
    for other, part in regions.items():
        if other != name:
            ax.plot(x, part["value"], color="#D5D5D5", linewidth=0.9, zorder=1)
    colour = PALETTE[0]
    ax.fill_between(x, own["low"], own["high"], color=colour, alpha=0.25, linewidth=0)
    ax.plot(x, own["value"], color=colour, marker="o", markersize=3.5, zorder=3)
    if "fold_low" in own and np.isfinite(own["fold_low"]).any():
        ax.vlines(x, own["fold_low"], own["fold_high"], color="#222222", linewidth=1, zorder=4)


def _long(layers: Sequence[str], columns: int) -> bool:
    """Tell whether names of layers need to stand upright below their panel."""
    return max(map(len, layers)) * len(layers) > 80 / columns
