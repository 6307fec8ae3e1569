"""Figure of a design matrix and of how well its effects are determined."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fmriprod.algorithms.audit import Audit
from fmriprod.reports.style import PALETTE
from fmriprod.reports.style import figure as styled_figure

_WORRYING, _POOR = 5.0, 10.0  # variance inflation, as rules of thumb have it
_END = 15.0


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
        As `fmriprod.algorithms.audit.audit` gives it for these columns.

    Yields
    ------
    matplotlib.figure.Figure
        To be saved inside the ``with`` block.
    """
    n_conditions = len(conditions)
    left = float(np.clip(0.2 * matrix.shape[1], 4, 9))
    middle = float(np.clip(0.3 * n_conditions, 1.8, 3.2)) if n_conditions > 1 else 0.0
    height = max(5.4, 0.2 * n_conditions + 2.6)
    ratios = [left, middle + 1.0, 1.6] if middle else [left, 2.2]
    with styled_figure(sum(ratios) + 0.4, height, ncols=len(ratios), width_ratios=ratios) as (
        fig,
        axes,
    ):
        _draw_matrix(axes[0], matrix, conditions, audit)
        if middle:
            _draw_correlation(axes[1], audit.correlation)
        _draw_inflation(axes[-1], audit.vif, named=not middle)
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
    ax.set_title(
        f"Design: {matrix.shape[0]} volumes, {matrix.shape[1]} columns\n"
        + (
            f"rank {audit.rank} only: columns in orange cannot be told apart"
            if audit.aliased
            else f"full rank, condition number {audit.condition_number:.3g}"
        )
    )


def _draw_correlation(ax: Axes, correlation: pd.DataFrame) -> None:
    names = [_short(c) for c in correlation.columns]
    values = correlation.to_numpy()
    ax.imshow(values, cmap="RdBu_r", vmin=-1, vmax=1, aspect="auto")
    ax.set_xticks(range(len(names)), names, rotation=90)
    ax.set_yticks(range(len(names)), names)
    ax.tick_params(length=0, labelsize=8 if len(names) <= 24 else 6)
    ax.spines[:].set_visible(False)
    if len(names) <= 10:
        for (i, j), r in np.ndenumerate(values):
            if i != j and np.isfinite(r):
                colour = "white" if abs(r) > 0.6 else "black"
                ax.text(j, i, _number(r), ha="center", va="center", fontsize=7, color=colour)
    ax.set_title("Conditions:\ncorrelation")


def _draw_inflation(ax: Axes, vif: dict[str, float], named: bool) -> None:
    """Draw bars on the rows of the correlations; values beyond the axis are written only."""
    values = np.array(list(vif.values()))
    rows = np.arange(len(values))
    drawn = np.minimum(values, _END)
    colours = [_colour(v) for v in values]
    ax.barh(rows, drawn, color=colours, height=0.7 if len(rows) > 1 else 0.2)
    for row, value, end in zip(rows, values, drawn, strict=True):
        inside = end > 0.6 * _END
        ax.text(
            end - 0.3 if inside else end + 0.3,
            row,
            "not separable" if not np.isfinite(value) else f"{value:,.1f}",
            va="center",
            ha="right" if inside else "left",
            color="white" if inside else "black",
            bbox=None if inside else {"facecolor": "white", "edgecolor": "none", "pad": 0.5},
            fontsize=8 if len(rows) <= 24 else 6,
        )
    for limit, style in ((_WORRYING, ":"), (_POOR, "--")):
        ax.axvline(limit, color="0.6", lw=0.8, ls=style, zorder=0)
    ax.set_yticks(rows if named else [], [_short(n) for n in vif] if named else [])
    ax.set_xticks([1, _WORRYING, _POOR], ["1", "5", "10"])
    ax.tick_params(axis="y", length=0, labelsize=8)
    ax.set_xlim(0, _END)
    ax.set_ylim(len(rows) - 0.5, -0.5)
    ax.set_title("Variance inflation\n(5, 10: poor)")


def _colour(inflation: float) -> str:
    if inflation < _WORRYING:
        return PALETTE[0]
    return "#B07800" if inflation < _POOR else PALETTE[1]


def _number(r: float) -> str:
    return f"{r:.2f}".replace("-", "−").replace("0.", ".")


def _short(name: str, length: int = 20) -> str:
    return name if len(name) <= length else f"{name[: length - 1]}…"
