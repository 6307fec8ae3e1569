"""Bars of accuracy by region and phase, and of trained and untrained objects."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pandas as pd
from matplotlib.figure import Figure

from fmriprod.reports.print_style import (
    WIDTH,
    chance_lines,
    message_figure,
    print_figure,
)
from fmriprod.reports.production_bars import (
    bar_note,
    draw_bars,
    legend,
    main_schemes,
    name_groups,
)


@contextmanager
def phase_figure(
    accuracy: pd.DataFrame,
    *,
    phases: Sequence[str] = ("pre", "post", "drawing"),
    schemes: Sequence[str] = (),
    mark: str | None = "p_flip_max",
    title: str = "Decoding accuracy",
    simulated: bool = False,
) -> Iterator[Figure]:
    """Draw accuracy by region and phase, with intervals and chance.

    Parameters
    ----------
    accuracy : DataFrame
        From `GroupEvidence`: ``region phase scheme n mean ci_low ci_high chance`` and p.
    phases : sequence of str
        Phases that are drawn, in this order.
    schemes : sequence of str
        Schemes by preference, see `main_schemes`.
    mark : str, optional
        Column of p values for stars (a key of `production_bars.MARKS`); None for no stars.
    title : str
        Title.
    simulated : bool
        Whether the figure says that the data are simulated.

    Yields
    ------
    matplotlib.figure.Figure
    """
    table = main_schemes(accuracy[accuracy["phase"].isin(list(phases))], schemes)
    if table.empty:
        with message_figure(
            f"No accuracy in {', '.join(phases)}.", title=title, simulated=simulated
        ) as fig:
            yield fig
        return
    series = [(f"{phase} ({part['scheme'].iloc[0]})", part) for phase in phases
              if len(part := table[table["phase"] == phase])]  # fmt: skip
    looks = [phases.index(part["phase"].iloc[0]) for _, part in series]
    note = bar_note(table, mark)
    with print_figure(WIDTH, 3.2, title=title, note=note, simulated=simulated) as (fig, ax):
        regions = list(dict.fromkeys(table["region"]))
        draw_bars(ax, table, regions, series, mark=mark, looks=looks)
        chance_lines(ax, table["chance"])
        ax.set_ylabel("accuracy")
        legend(ax, len(series))
        yield fig


@contextmanager
def split_figure(
    split: pd.DataFrame,
    *,
    measure: str = "accuracy",
    phases: Sequence[str] = ("pre", "post"),
    schemes: Sequence[str] = (),
    title: str = "",
    simulated: bool = False,
) -> Iterator[Figure]:
    """Draw bars before and after drawing, for trained and for untrained objects.

    Parameters
    ----------
    split : DataFrame
        From `GroupEvidence` (``split_file``): as accuracy, with ``measure``.
    measure : {"accuracy", "p_target"}
        Accuracy, or probability of the target.
    phases : sequence of str
        The phases before and after.
    schemes : sequence of str
        Schemes by preference, see `main_schemes`.
    title : str
        Title; one that says the measure by default.
    simulated : bool
        Whether the figure says that the data are simulated.

    Yields
    ------
    matplotlib.figure.Figure
    """
    words = {"accuracy": "accuracy", "p_target": "probability of the target"}[measure]
    title = title or f"Before and after drawing: {words}"
    kinds = {f"{measure}_trained": "trained", f"{measure}_control": "untrained"}
    here = split["phase"].isin(list(phases)) & split["measure"].isin(kinds)
    table = main_schemes(split[here & split["mean"].notna()], schemes)
    if table.empty:
        with message_figure(
            f"No {words} of trained and untrained objects in {' or '.join(phases)}.",
            title=title, simulated=simulated,
        ) as fig:  # fmt: skip
            yield fig
        return
    note = bar_note(table, None)
    with print_figure(
        WIDTH, 3.4, title=title, note=note, simulated=simulated, ncols=2, sharey=True
    ) as (fig, axes):
        regions = list(dict.fromkeys(table["region"]))
        for ax, (kind, name) in zip(axes, kinds.items(), strict=True):
            part = table[table["measure"] == kind]
            series = [(phase, part[part["phase"] == phase]) for phase in phases]
            draw_bars(ax, table, regions, series)
            name_groups(ax, regions, room=35)
            chance_lines(ax, table["chance"], label=ax is axes[-1])
            ax.set_title(f"{name} objects")
        axes[0].set_ylabel(words)
        legend(axes[0], len(phases))
        yield fig
