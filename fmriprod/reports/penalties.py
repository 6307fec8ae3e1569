"""Figure of the penalties that were chosen."""

import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fmriprod.algorithms.penalty_shares import penalty_shares
from fmriprod.reports.print_style import SMALL, WIDTH, print_figure
from fmriprod.reports.style import PALETTE

_BARS, _END = "#A9B4C2", PALETTE[1]


@contextmanager
def penalty_figure(
    chosen: np.ndarray,
    penalties: Sequence[float],
    layers: Sequence[str],
    *,
    label: str = "penalty",
    title: str = "Chosen penalties",
    simulated: bool = False,
) -> Iterator[Figure]:
    """Draw how often each penalty was chosen, a panel a layer.

    Parameters
    ----------
    chosen : ndarray, shape (n_layers, n_folds, n_voxels)
        Penalty of each voxel and outer fold; NaN is left out.
    penalties : sequence of float
        The penalties that were tried.
    layers : sequence of str
        Names in their order.
    label : str
        What the penalties are.
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
        If a chosen penalty was not tried.
    """
    grid, shares = penalty_shares(chosen, penalties)
    columns = min(3, len(layers))
    rows = -(-len(layers) // columns)
    note = (
        "Share of voxels x folds. Orange: the smallest and the largest penalty that was tried. "
        "Many there mean that the grid is too narrow; at the largest also, that nothing is "
        "predicted (look at voxels that are)."
    )
    with print_figure(
        WIDTH if columns > 1 else 4.2, 1.0 + 1.45 * rows, title=title, note=note,
        simulated=simulated, nrows=rows, ncols=columns, squeeze=False, sharex=True, sharey=True,
    ) as (fig, axes):  # fmt: skip
        for ax in axes.ravel()[len(layers) :]:
            ax.set_visible(False)
        top = max(10.0, np.nanmax(100 * shares, initial=0))
        for number, (name, share) in enumerate(zip(layers, shares, strict=True)):
            ax = axes.flat[number]
            _bars(ax, 100 * share, name)
            ax.tick_params(labelbottom=number + columns >= len(layers), labelsize=SMALL)
        axes[0, 0].set_ylim(0, 1.2 * top)
        axes[0, 0].set_yticks([tick for tick in axes[0, 0].get_yticks() if tick <= 100])
        axes[0, 0].set_xticks(range(len(grid)), _numbers(grid, 24 // columns))
        for ax in axes[:, 0]:
            ax.set_ylabel("%")
        for ax in axes.flat[max(0, len(layers) - columns) : len(layers)]:
            ax.set_xlabel(textwrap.fill(label, 72 // columns))
        yield fig


def _bars(ax: Axes, percent: np.ndarray, name: str) -> None:
    n_penalties = len(percent)
    ax.set_title(name)
    if not np.isfinite(percent).all():
        ax.text(0.5, 0.5, "no voxel", transform=ax.transAxes, ha="center", fontsize=SMALL)
        return
    ends = [0, n_penalties - 1] if n_penalties > 1 else []
    colours = [_END if i in ends else _BARS for i in range(n_penalties)]
    ax.bar(range(n_penalties), percent, 0.85, color=colours)
    for end in ends:
        ax.annotate(f"{percent[end]:.0f} %", (end, percent[end]), xytext=(0, 2), ha="center",
                    textcoords="offset points", fontsize=SMALL, color=_END)  # fmt: skip


def _numbers(grid: np.ndarray, most: int) -> list[str]:
    """Write the penalties, some of them where all would not fit."""
    every = -(-len(grid) // most)
    return [f"{p:.2g}".replace("e+0", "e").replace("e-0", "e−") if i % every == 0 else ""
            for i, p in enumerate(grid)]  # fmt: skip
