"""The look that all figures share."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
from matplotlib.figure import Figure

# Okabe & Ito (2008), distinguishable with any colour vision; black comes last.
PALETTE = (
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442", "#000000",
)  # fmt: skip
SETTINGS = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.prop_cycle": mpl.cycler(color=PALETTE),
    "figure.dpi": 100,
    "savefig.dpi": 150,
    "savefig.facecolor": "white",
    "svg.fonttype": "none",
    "legend.frameon": False,
}


@contextmanager
def figure(width: float = 9, height: float = 3, **subplots: Any) -> Iterator[tuple[Figure, Any]]:
    """Open a figure of a size in inches with axes, in the shared style; close it at the end.

    Parameters
    ----------
    width, height : float
        Size in inches.
    **subplots
        As `matplotlib.pyplot.subplots` takes them.

    Yields
    ------
    figure : matplotlib.figure.Figure
        To be saved inside the ``with`` block.
    axes : matplotlib.axes.Axes or ndarray of them
        One for each subplot.
    """
    with mpl.rc_context(SETTINGS):
        fig, axes = plt.subplots(figsize=(width, height), layout="constrained", **subplots)
        try:
            yield fig, axes
        finally:
            plt.close(fig)
