"""Time courses of the evidence for target, foil and control in each region of a group."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from fmriprod.algorithms.bootstrap import Bootstrap, bootstrap_means
from fmriprod.reports.print_style import (
    INK,
    KIND_LOOKS,
    WIDTH,
    Look,
    chance_lines,
    interval_words,
    message_figure,
    participants,
    print_figure,
    say,
    widened,
)
from fmriprod.reports.production_bars import legend, main_schemes

BY = {"time_point": "volume in the trial", "repetition": "repetition", "run": "run"}
DIFFERENCES = {
    "target − foil": ("target", "foil", Look("#7B3294", "", "o", "-")),
    "target − control": ("target", "control", Look("#B8860B", "", "s", (0, (5, 2)))),
    "foil − control": ("foil", "control", Look("#00695C", "", "^", (0, (1, 1.2)))),
}
_COLUMNS = 3


@contextmanager
def course_figure(
    courses: pd.DataFrame,
    *,
    by: str = "time_point",
    difference: bool = False,
    phase: str = "drawing",
    schemes: Sequence[str] = (),
    regions: Sequence[str] = (),
    chance: float = 0.25,
    limits: tuple[float, float] | None = None,
    n_bootstrap: int = 3000,
    seed: int = 0,
    title: str = "",
    simulated: bool = False,
) -> Iterator[Figure]:
    """Draw probabilities of target, foil and control over time, an axis a region.

    Parameters
    ----------
    courses : DataFrame
        Time courses of participants: ``subject region phase scheme by index target foil
        control`` (probabilities).
    by : {"time_point", "repetition", "run"}
        What time is.
    difference : bool
        Draw the three differences and a line at 0, in place of the three and one at chance.
    phase : str
        Phase that is drawn.
    schemes : sequence of str
        Schemes by preference, see `main_schemes`.
    regions : sequence of str
        Regions, in this order; all of the table by default.
    chance : float
        Probability of each object by guessing.
    limits : (float, float), optional
        Of the vertical axis: 0.1 to 0.4, or -0.3 to 0.3 for differences, by default. Wider
        where the means and intervals need it, the same in all regions.
    n_bootstrap : int
        Draws of participants for the bands.
    seed : int
        Seed of the draws.
    title : str
        Title; one that says what is drawn by default.
    simulated : bool
        Whether the figure says that the data are simulated.

    Yields
    ------
    matplotlib.figure.Figure
    """
    what = "Differences of evidence" if difference else "Evidence"
    title = title or f"{what} in phase {phase} by {by.replace('_', ' ')}"
    table = courses[(courses["phase"] == phase) & (courses["by"] == by)]
    table = main_schemes(table, schemes)
    regions = list(regions) or list(dict.fromkeys(table["region"]))
    if table.empty or not table[["target", "foil", "control"]].notna().to_numpy().any():
        message = f"No time course of target, foil and control by {by.replace('_', ' ')}."
        with message_figure(message, title=title, simulated=simulated) as fig:
            yield fig
        return
    kinds = {k: v[2] for k, v in DIFFERENCES.items()} if difference else KIND_LOOKS
    found = {
        (region, kind): participant_band(
            _values(table[table["region"] == region], kind), n_bootstrap=n_bootstrap, seed=seed
        )
        for region in regions for kind in kinds
    }  # fmt: skip
    counts = np.concatenate([band.n for _, band in found.values()])
    note = (
        f"Lines: mean {'differences of probabilities' if difference else 'probabilities'}, "
        f"{participants(counts)}, scheme {table['scheme'].iloc[0]}; "
        f"{interval_words(counts, f'{n_bootstrap:,} bootstrap draws of participants')}."
    )
    n_columns = min(_COLUMNS, len(regions))
    n_rows = -(-len(regions) // n_columns)
    with print_figure(
        WIDTH, 1.3 + 1.45 * n_rows, title=title, note=note, simulated=simulated,
        nrows=n_rows, ncols=n_columns, sharex=True, sharey=True, squeeze=False, legend_row=True,
    ) as (fig, axes):  # fmt: skip
        ends = np.concatenate([np.ravel([b.estimate, b.low, b.high]) for _, b in found.values()])
        axes[0, 0].set_ylim(*widened(limits or ((-0.3, 0.3) if difference else (0.1, 0.4)), ends))
        for number, (ax, region) in enumerate(zip(axes.flat, regions, strict=False)):
            for kind, style in kinds.items():
                draw_band(ax, *found[region, kind], style, kind)
            corner = number == n_columns - 1 and not difference
            chance_lines(ax, [0.0 if difference else chance], label=corner)
            ax.set_title(region)
            if not any(len(found[region, kind][0]) for kind in kinds):
                say(ax, "no data")
            ax.xaxis.set_major_locator(MaxNLocator(integer=True))
            if number >= len(regions) - n_columns:
                ax.tick_params(labelbottom=True)
                ax.set_xlabel(BY.get(by, by))
        for ax in axes.flat[len(regions) :]:
            ax.set_axis_off()
        for ax in axes[:, 0]:
            ax.set_ylabel("difference" if difference else "probability")
        legend(axes[0, 0], 3).set_in_layout(False)
        yield fig


def participant_band(
    values: pd.DataFrame, *, n_bootstrap: int = 3000, seed: int = 0
) -> tuple[np.ndarray, Bootstrap]:
    """Give positions, and means over participants with their intervals.

    Parameters
    ----------
    values : DataFrame
        ``subject``, ``index`` and ``value``; a participant once at each index.
    n_bootstrap, seed : int
        Draws, and their seed.

    Returns
    -------
    ndarray, shape (n_positions,)
        Positions where some participant has a value, in order.
    Bootstrap
        Arrays of that length.
    """
    known = values.dropna(subset=["value"])
    wide = known.pivot(index="subject", columns="index", values="value").sort_index(axis=1)
    if wide.empty:
        return np.empty(0), Bootstrap(*np.empty((7, 0)))
    return wide.columns.to_numpy(float), bootstrap_means(
        wide.to_numpy(float), n_bootstrap=n_bootstrap, seed=seed
    )


def draw_band(ax: Axes, index: np.ndarray, found: Bootstrap, style: Look, name: str) -> None:
    """Draw means as a line and their intervals as a band; few of many points are marked."""
    ax.fill_between(index, found.low, found.high, color=style.colour, alpha=0.2, linewidth=0)
    ax.plot(
        index, found.estimate, color=style.colour, linestyle=style.line, linewidth=1.3,
        marker=style.marker, markersize=3, markevery=max(1, len(index) // 8),
        markeredgecolor=INK, markeredgewidth=0.3, label=name,
    )  # fmt: skip


def _values(table: pd.DataFrame, kind: str) -> pd.DataFrame:
    rows = table[["subject", "index"]]
    if kind in DIFFERENCES:
        first, second, _ = DIFFERENCES[kind]
        return rows.assign(value=table[first] - table[second])
    return rows.assign(value=table[kind])
