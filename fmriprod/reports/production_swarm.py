"""Bars of decoding while drawing, with a point for each participant."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fmriprod.reports.print_style import (
    INK,
    WIDTH,
    chance_lines,
    message_figure,
    print_figure,
)
from fmriprod.reports.production_bars import bar_note, draw_bars, main_schemes

_POINT = 4.0  # points: diameter of a participant
_HALF = 0.28  # of the distance of two bars: how far a swarm may spread


def swarm_offsets(values: np.ndarray, distance: float) -> np.ndarray:
    """Move points sideways until none covers another, the same way each time.

    Parameters
    ----------
    values : ndarray, shape (n,)
        Heights of the points; finite.
    distance : float
        Least distance between two points, in the unit of the values, in both directions.

    Returns
    -------
    ndarray, shape (n,)
        Offsets in the same unit, multiples of a quarter of ``distance``; those nearest to 0
        that are free, points from the lowest to the highest, to the right first.

    Examples
    --------
    >>> swarm_offsets(np.array([0.0, 0.0, 5.0]), 1.0).tolist()
    [0.0, 1.0, 0.0]
    """
    offsets = np.zeros(len(values))
    order = np.argsort(values, kind="stable")
    placed: list[int] = []
    steps = np.arange(4 * len(values) + 4) * distance / 4
    for point in order:
        near = [other for other in placed if abs(values[other] - values[point]) < distance]
        tried = (sign * step for step in steps for sign in (1, -1))
        offsets[point] = next(
            (x for x in tried if all(
                np.hypot(x - offsets[other], values[point] - values[other]) >= distance - 1e-9
                for other in near)), 0.0,
        )  # fmt: skip
        placed.append(point)
    return offsets


@contextmanager
def drawing_figure(
    accuracy: pd.DataFrame,
    scores: pd.DataFrame,
    *,
    phase: str = "drawing",
    schemes: Sequence[str] = (),
    mark: str | None = "p_flip_max",
    title: str = "",
    simulated: bool = False,
) -> Iterator[Figure]:
    """Draw accuracy while drawing: a bar a region, a point a participant.

    Parameters
    ----------
    accuracy : DataFrame
        From `GroupEvidence`, see `phase_figure`.
    scores : DataFrame
        Of the participants: ``subject region phase scheme accuracy``.
    phase : str
        Phase that is drawn.
    schemes : sequence of str
        Schemes by preference, see `main_schemes`.
    mark : str, optional
        Column of p values for stars; None for no stars.
    title : str
        Title; one that names the phase by default.
    simulated : bool
        Whether the figure says that the data are simulated.

    Yields
    ------
    matplotlib.figure.Figure
    """
    title = title or f"Decoding accuracy in phase {phase}"
    table = main_schemes(accuracy[accuracy["phase"] == phase], schemes)
    if table.empty:
        with message_figure(f"No accuracy in {phase}.", title=title, simulated=simulated) as fig:
            yield fig
        return
    scheme = table["scheme"].iloc[0]
    here = (scores["phase"] == phase) & (scores["scheme"] == scheme)
    points = scores[here].dropna(subset=["accuracy"])
    note = (
        f"{bar_note(table, mark)} Points: participants; intervals stand beside them. "
        f"Scheme: {scheme}."
    )
    height = 3.4
    with print_figure(WIDTH, height, title=title, note=note, simulated=simulated) as (fig, ax):
        regions = list(dict.fromkeys(table["region"]))
        draw_bars(ax, table, regions, [(phase, table)], looks=[0], interval_at=0.44)
        top = float(np.nanmax(np.append(points["accuracy"], table[["mean", "ci_high"]])))
        ax.set_ylim(0, 1.1 * top)
        # A point of the print in units of accuracy and of bars; about 0.65 of the height and
        # 0.85 of the width are axes.
        up = _POINT / 72 / (0.65 * height) * 1.1 * top
        across = _POINT / 72 / (0.85 * WIDTH) * (len(regions) + 0.2)
        for place, region in enumerate(regions):
            values = points.loc[points["region"] == region, "accuracy"].to_numpy(float)
            sideways = np.clip(swarm_offsets(values, up) / up * across, -_HALF, _HALF)
            ax.plot(place + sideways, values, linestyle="none", marker="o", markersize=_POINT,
                    markerfacecolor="white", markeredgecolor=INK, markeredgewidth=0.7, zorder=5,
                    alpha=0.9)  # fmt: skip
            row = table[table["region"] == region].iloc[0]
            if mark in row and row[mark] < 0.05:
                ax.text(place, 1.06 * top, "*", ha="center", va="center", color=INK)
        chance_lines(ax, table["chance"])
        ax.set_ylabel("accuracy")
        yield fig
