"""Figure of the similarity of RDMs with models: bars, intervals and noise ceilings."""

from collections.abc import Iterator
from contextlib import contextmanager

import pandas as pd
from matplotlib.figure import Figure

from fmriprod.reports.print_style import SMALL, WIDTH, print_figure
from fmriprod.reports.rsa_bars import COLUMNS, bar_colours, draw_bars, name_bars
from fmriprod.reports.rsa_pairs import check_pairs, mark_significant, tested_column


@contextmanager
def similarity_figure(
    table: pd.DataFrame,
    *,
    points: pd.DataFrame | None = None,
    panels: str | None = None,
    label: str = "similarity",
    alpha: float = 0.05,
    interval: str = "",
    title: str = "Similarity with models",
    simulated: bool = False,
) -> Iterator[Figure]:
    """Draw how similar each RDM is to each model.

    Parameters
    ----------
    table : DataFrame
        ``rdm model value`` and, where there are any: ``low high`` (interval), ``q`` or ``p``
        (bars above ``alpha`` are hollow), ``ceiling_lower ceiling_upper`` (grey band). A row a
        pair, in the order of bars and panels.
    points : DataFrame, optional
        ``rdm model value`` of each participant: a row each.
    panels : {"rdm", "model"}, optional
        What has a panel each; by default what there is less of.
    label : str
        What the values are, at the axis.
    alpha : float
        Largest q (p where there is no q) of a significant similarity.
    interval : str
        What the intervals are, for the note.
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
        If a column is lacking, a pair occurs twice, or participants have pairs that are not
        in the table.
    """
    table, points = check_pairs(table, points)
    n_rdms, n_models = table["rdm"].nunique(), table["model"].nunique()
    panels = panels or ("model" if n_models <= n_rdms else "rdm")
    bars = "rdm" if panels == "model" else "model"
    names = list(dict.fromkeys(table[bars]))
    parts = {name: part.rename(columns={bars: "name"}) for name, part in
             mark_significant(table, alpha).groupby(panels, sort=False)}  # fmt: skip
    colours = dict(zip(names, bar_colours(names), strict=True))
    columns = min(COLUMNS, len(parts)) if len(parts) != 4 else 2
    rows = -(-len(parts) // columns)
    width = WIDTH if columns > 1 or len(names) > 8 else 4.2
    with print_figure(
        width, 1.5 + 1.75 * rows, title=title, note=bar_note(table, points, alpha, interval),
        simulated=simulated, nrows=rows, ncols=columns, squeeze=False, sharey=True, sharex=True,
    ) as (fig, axes):  # fmt: skip
        for ax in axes.flat[len(parts) :]:
            ax.set_visible(False)
        for number, (ax, (name, part)) in enumerate(zip(axes.flat, parts.items(), strict=False)):
            own = None
            if points is not None:
                own = points[points[panels] == name].rename(columns={bars: "name"})
            draw_bars(ax, part, names, colours, own)
            ax.set_title(name, fontsize=SMALL + 1)
            name_bars(ax, names, 0.85 * width / columns)
            ax.tick_params(labelbottom=number + columns >= len(parts))
        for ax in axes[:, 0]:
            ax.set_ylabel(label, fontsize=SMALL + 1)
        yield fig


def bar_note(table: pd.DataFrame, points: pd.DataFrame | None, alpha: float, interval: str) -> str:
    """Say what hollow bars, lines, points and bands are."""
    parts = []
    tested = tested_column(table)
    if tested:
        parts.append(f"Hollow: not significant ({tested} > {alpha:g}).")
    if {"low", "high"} <= set(table) and table["low"].notna().any():
        parts.append(f"Lines: {interval or '95 % intervals'}.")
    if points is not None:
        n = points.groupby(["rdm", "model"]).size()
        count = f"{n.min()}" if n.min() == n.max() else f"{n.min()} to {n.max()}"
        parts.append(f"Points: n = {count} participants.")
    if {"ceiling_lower", "ceiling_upper"} <= set(table) and table["ceiling_lower"].notna().any():
        parts.append("Grey bands: noise ceiling, from its lower to its upper bound.")
    return " ".join(parts)
