"""Bars of differentiation: whether patterns of two objects moved apart with drawing."""

from collections.abc import Iterator
from contextlib import contextmanager

import pandas as pd
from matplotlib.figure import Figure

from fmriprod.reports.print_style import WIDTH, chance_lines, message_figure, print_figure
from fmriprod.reports.production_bars import bar_note, draw_bars, legend

_MEASURES = {
    "differentiation_trained": "trained objects",
    "differentiation_control": "untrained objects",
    "difference": "trained − untrained",
}


@contextmanager
def differentiation_figure(
    table: pd.DataFrame,
    *,
    mark: str | None = "p_flip_max",
    title: str = "Differentiation of objects from before to after drawing",
    simulated: bool = False,
) -> Iterator[Figure]:
    """Draw differentiation of trained and untrained objects in each region.

    Parameters
    ----------
    table : DataFrame
        From `GroupDifferentiation`: ``region measure n mean ci_low ci_high`` and p.
    mark : str, optional
        Column of p values for stars; None for no stars.
    title : str
        Title.
    simulated : bool
        Whether the figure says that the data are simulated.

    Yields
    ------
    matplotlib.figure.Figure
    """
    table = table[table["measure"].isin(_MEASURES) & table["mean"].notna()]
    if table.empty:
        with message_figure("No differentiation.", title=title, simulated=simulated) as fig:
            yield fig
        return
    series = [(name, part) for measure, name in _MEASURES.items()
              if len(part := table[table["measure"] == measure])]  # fmt: skip
    note = f"{bar_note(table, mark)} Means are trimmed as the table says."
    with print_figure(WIDTH, 3.2, title=title, note=note, simulated=simulated) as (fig, ax):
        regions = list(dict.fromkeys(table["region"]))
        draw_bars(ax, table, regions, series, mark=mark)
        chance_lines(ax, [0.0], label=False)
        ax.set_ylabel("change of correlation distance")
        legend(ax, len(series))
        yield fig
