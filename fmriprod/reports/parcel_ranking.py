"""Figure of the parcels with the largest values of a contrast."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from fmriprod.algorithms.checks import InputError
from fmriprod.reports.parcel_order import network_colours
from fmriprod.reports.print_style import INK, SMALL, print_figure, say


@contextmanager
def parcel_ranking_figure(
    table: pd.DataFrame,
    *,
    n_most: int = 20,
    colours: Mapping[str, str] | None = None,
    label: str = "value",
    title: str = "Parcels with the largest values",
    note: str = "",
    simulated: bool = False,
) -> Iterator[Figure]:
    """Draw the first parcels of a ranking as bars in the colours of their networks.

    Parameters
    ----------
    table : DataFrame
        ``rank parcel network value`` of one contrast; where there are ``low high``, the ends of
        an interval, these are drawn.
    n_most : int
        Largest rank that is drawn; equal values share a rank.
    colours : mapping of str to str, optional
        Colour of each network, so that figures agree.
    label : str
        What the values are, at the axis.
    title, note : str
        Above and below everything.
    simulated : bool
        Whether the figure says that its data are simulated.

    Yields
    ------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        If a column is lacking or a parcel is there twice.
    """
    rows = ranking_rows(table, n_most)
    known = network_colours(rows["network"].tolist()) | dict(colours or {})
    height = 1.1 + 0.17 * max(len(rows), 3)
    with print_figure(6.2, height, title=title, note=note, simulated=simulated) as (fig, ax):
        places = np.arange(len(rows))
        ax.barh(places, rows["value"], color=[known[name] for name in rows["network"]],
                edgecolor=INK, lw=0.3, height=0.78)  # fmt: skip
        if {"low", "high"} <= set(rows):
            ax.hlines(places, rows["low"], rows["high"], color="#222222", lw=1)
        if not len(rows):
            say(ax, "no parcel has a value")
        ax.axvline(0, color="#222222", lw=0.8)
        words = [f"{name}  {rank}" for name, rank in zip(rows["parcel"], rows["rank"], strict=True)]
        ax.set_yticks(places, words, fontsize=SMALL)
        ax.tick_params(axis="y", length=0)
        ax.set(xlabel=label, ylim=(max(len(rows), 1) - 0.4, -0.6))
        ax.spines["left"].set_visible(False)
        marks = [Patch(facecolor=known[name], edgecolor=INK, lw=0.3,
                       label=name if name != "n/a" else "no network")
                 for name in dict.fromkeys(rows["network"])]  # fmt: skip
        if marks:
            fig.legend(handles=marks, title="network", title_fontsize=SMALL, fontsize=SMALL,
                       loc="outside right upper", handlelength=1, alignment="left")  # fmt: skip
        yield fig


def ranking_rows(table: pd.DataFrame, n_most: int = 20) -> pd.DataFrame:
    """Give the first rows of a ranking, in order; the network is ``n/a`` where none is known.

    Raises
    ------
    InputError
        If a column is lacking or a parcel is there twice.
    """
    lacking = [name for name in ("rank", "parcel", "value") if name not in table]
    if lacking:
        raise InputError(
            "ranking", expected="columns rank, parcel, value", found=f"no {', '.join(lacking)}",
            hint="give top_file that ParcelRanking writes",
        )  # fmt: skip
    twice = table["parcel"][table["parcel"].duplicated()]
    if len(twice):
        raise InputError(
            "ranking", expected="a row a parcel", found=f"{twice.iloc[0]} twice",
            hint="draw one contrast after the other",
        )  # fmt: skip
    rows = table[table["rank"] <= n_most].sort_values("rank", kind="stable")
    networks = rows["network"].fillna("n/a") if "network" in rows else "n/a"
    return rows.assign(network=networks, rank=rows["rank"].astype(int)).reset_index(drop=True)
