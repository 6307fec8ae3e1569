"""Figure of a design matrix and of how well its effects are determined."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fmriprod.algorithms.design import Audit
from fmriprod.reports.style import PALETTE
from fmriprod.reports.style import figure as styled_figure

_WORRYING, _POOR = 5.0, 10.0  # variance inflation, as rules of thumb have it


@contextmanager
def design_figure(
    matrix: pd.DataFrame, conditions: Sequence[str], audit: Audit
) -> Iterator[Figure]:
    """Draw a design matrix, the correlation of its conditions and their variance inflation.

    Parameters
    ----------
    matrix : DataFrame, one row a volume
        Design; each column is scaled to its largest absolute value for the picture.
    conditions : sequence of str
        Columns of interest.
    audit : Audit
        As `fmriprod.algorithms.design.audit` gives it for these columns.

    Yields
    ------
    matplotlib.figure.Figure
        To be saved inside the ``with`` block.
    """
    n_columns, n_conditions = matrix.shape[1], len(conditions)
    width = float(np.clip(0.2 * n_columns, 4, 10)) + 3.6
    with styled_figure(width, 5.4) as (fig, blank):
        blank.remove()
        grid = fig.add_gridspec(
            2, 2, width_ratios=[width - 3.6, 3.2], height_ratios=[3, max(1.2, 0.3 * n_conditions)]
        )
        _draw_matrix(fig.add_subplot(grid[:, 0]), matrix, conditions, audit)
        _draw_correlation(fig, fig.add_subplot(grid[0, 1]), audit.correlation)
        _draw_inflation(fig.add_subplot(grid[1, 1]), audit.vif)
        yield fig


def _draw_matrix(ax: Axes, matrix: pd.DataFrame, conditions: Sequence[str], audit: Audit) -> None:
    values = matrix.to_numpy()
    largest = np.abs(values).max(axis=0)
    ax.imshow(
        values / np.where(largest > 0, largest, 1),
        aspect="auto",
        cmap="RdBu_r",
        vmin=-1,
        vmax=1,
        interpolation="nearest",
    )
    ax.set_xticks(range(matrix.shape[1]), [_short(c) for c in matrix.columns], rotation=90)
    size = 8 if matrix.shape[1] <= 40 else 5.5
    ax.tick_params(axis="x", length=0, labelsize=size)
    for text, name in zip(ax.get_xticklabels(), matrix.columns, strict=True):
        if name in conditions:
            text.set_fontweight("bold")
        if name in audit.aliased:
            text.set_color(PALETTE[1])
    ax.set_ylabel("volume")
    ax.spines[:].set_visible(False)
    full = "full rank" if not audit.aliased else f"rank {audit.rank}, orange: not separable"
    condition = f", condition number {audit.condition_number:.3g}" if not audit.aliased else ""
    ax.set_title(f"Design: {matrix.shape[0]} volumes, {matrix.shape[1]} columns, {full}{condition}")


def _draw_correlation(fig: Figure, ax: Axes, correlation: pd.DataFrame) -> None:
    names = [_short(c) for c in correlation.columns]
    shown = ax.imshow(correlation, cmap="RdBu_r", vmin=-1, vmax=1)
    ax.set_xticks(range(len(names)), names, rotation=90)
    ax.set_yticks(range(len(names)), names)
    ax.tick_params(length=0, labelsize=8)
    ax.spines[:].set_visible(False)
    if len(names) <= 8:
        for (i, j), r in np.ndenumerate(correlation.to_numpy()):
            if i != j and np.isfinite(r):
                colour = "white" if abs(r) > 0.6 else "black"
                text = f"{r:.2f}".replace("-", "−").replace("0.", ".")
                ax.text(j, i, text, ha="center", va="center", fontsize=7, color=colour)
    fig.colorbar(shown, ax=ax, shrink=0.8, label="correlation")
    ax.set_title("Conditions")


def _draw_inflation(ax: Axes, vif: dict[str, float]) -> None:
    names, values = [_short(n) for n in vif], np.array(list(vif.values()))
    top = max(_POOR * 1.15, *values[np.isfinite(values)], 1)
    drawn = np.where(np.isfinite(values), values, top)
    colours = [PALETTE[0] if v < _WORRYING else PALETTE[4] if v < _POOR else PALETTE[1]
               for v in values]  # fmt: skip
    ax.barh(range(len(names)), drawn, color=colours, height=0.7)
    for i, v in enumerate(values):
        text = f"{v:.1f}" if np.isfinite(v) else "not separable"
        ax.text(drawn[i], i, f" {text}", va="center", fontsize=8, clip_on=False)
    ax.axvline(_WORRYING, color="0.6", lw=0.8, ls=":")
    ax.axvline(_POOR, color="0.6", lw=0.8, ls="--")
    ax.set_yticks(range(len(names)), names)
    ax.tick_params(axis="y", length=0, labelsize=8)
    ax.set_xlim(0, top * 1.1)
    ax.invert_yaxis()
    ax.set_title("Variance inflation (1: none; above 5, 10: poorly determined)", fontsize=8)


def _short(name: str, length: int = 24) -> str:
    return name if len(name) <= length else f"{name[: length - 1]}…"
