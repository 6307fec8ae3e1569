"""Figure of what each feature space adds to the prediction of regions."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fmriprod.reports.layer_colours import layer_colours
from fmriprod.reports.print_style import INK, SMALL, WIDTH, print_figure, say
from fmriprod.reports.style import PALETTE

_NOTE = (
    "Bars: what a space adds to the explained variance (product measure), mean over the best "
    "{share:g} % of a region's n voxels by r2; lines: lowest and highest held-out group; diamonds: "
    "r2 of all spaces together. A space can add less than 0."
)


@contextmanager
def space_figure(
    table: pd.DataFrame,
    *,
    best_share: float = 0.25,
    title: str = "Explained variance by feature space",
    simulated: bool = False,
) -> Iterator[Figure]:
    """Draw a bar for each space in each region.

    Parameters
    ----------
    table : DataFrame
        ``roi space split fold_low fold_high r2 n_voxels``; see `space_shares`.
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
    regions, spaces = list(table["roi"].unique()), list(table["space"].unique())
    colours = PALETTE[: len(spaces)]
    if len(spaces) > len(PALETTE):
        colours = layer_colours(len(spaces)).colors
    bar = 0.8 / len(spaces)
    with print_figure(
        WIDTH, 3.2, title=title,
        note=_NOTE.format(share=100 * best_share), simulated=simulated,
    ) as (fig, ax):  # fmt: skip
        for number, (space, colour) in enumerate(zip(spaces, colours, strict=True)):
            own = table[table["space"] == space].set_index("roi").loc[regions]
            x = np.arange(len(regions)) + (number - (len(spaces) - 1) / 2) * bar
            ax.bar(x, own["split"], 0.92 * bar, color=colour, label=space)
            ax.vlines(x, own["fold_low"], own["fold_high"], color=INK, linewidth=1)
        whole = table.drop_duplicates("roi").set_index("roi").loc[regions]
        x = np.arange(len(regions))
        ax.scatter(x, whole["r2"], 26, marker="D", color="white", edgecolors=INK, zorder=4)
        ax.axhline(0, color="#555555", linewidth=0.8)
        counts = [f"{name}\nn = {n:,}" for name, n in whole["n_voxels"].items()]
        ax.set_xticks(x, counts, fontsize=SMALL)
        ax.tick_params(axis="x", length=0)
        side = max(0.55, 1.2 - len(regions) / 4)  # few regions: bars no wider than need be
        ax.set_xlim(-side, len(regions) - 1 + side)
        ax.set_ylabel("explained variance")
        if not np.isfinite(table["split"]).any():
            say(ax, "no voxel is usable")
        fig.legend(loc="outside right center", fontsize=SMALL)
        yield fig
