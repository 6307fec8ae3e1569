"""Figure of the mean of a contrast in networks and hemispheres."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fmriprod.algorithms.checks import InputError
from fmriprod.reports.print_style import SMALL, WIDTH, print_figure

_BARS = {"L": ("left hemisphere", "#00588C", ""), "R": ("right hemisphere", "#EE9A5B", "////"),
         "both": ("both hemispheres", "#A9CDE8", "")}  # fmt: skip


def network_rows(table: pd.DataFrame) -> pd.DataFrame:
    """Give a table of networks as bars need it: those of L and R where there are any, else both.

    Raises
    ------
    InputError
        If a column is lacking, or a network has a hemisphere twice.
    """
    lacking = [c for c in ("network", "hemisphere", "n", "mean") if c not in table]
    if lacking:
        raise InputError(
            "networks", expected="columns network, hemisphere, n, mean",
            found=f"no {', '.join(lacking)}",
            hint="give table_file that NetworkSummary made of a contrast",
        )  # fmt: skip
    if table.duplicated(["network", "hemisphere"]).any():
        raise InputError(
            "networks", expected="a row a network and hemisphere", found="several",
            hint="give the rows of one condition",
        )  # fmt: skip
    sides = table[table["hemisphere"].isin(["L", "R"]) & (table["n"] > 0)]
    return (sides if len(sides) else table[table["hemisphere"] == "both"]).reset_index(drop=True)


@contextmanager
def network_bars_figure(
    table: pd.DataFrame,
    *,
    label: str = "mean over parcels",
    title: str = "Networks",
    simulated: bool = False,
) -> Iterator[Figure]:
    """Draw the mean in each network and hemisphere, with a line at zero.

    Parameters
    ----------
    table : DataFrame
        ``network hemisphere n mean``, and ``low high`` (ends of an interval) or ``sd`` (over
        parcels), which is drawn where there is no interval. Networks stay in their order.
    label : str
        What the values are, at the axis.
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
        If a column is lacking, or rows are there twice.
    """
    rows = network_rows(table)
    networks = list(dict.fromkeys(rows["network"]))
    sides = [side for side in _BARS if side in set(rows["hemisphere"])]
    width = 0.8 / max(len(sides), 1)
    note = _note(rows)
    with print_figure(WIDTH, 3.4, title=title, note=note, simulated=simulated) as (fig, ax):
        for number, side in enumerate(sides):
            own = rows[rows["hemisphere"] == side].set_index("network").reindex(networks)
            places = np.arange(len(networks)) + (number - (len(sides) - 1) / 2) * width
            word, colour, hatch = _BARS[side]
            ax.bar(places, own["mean"], 0.92 * width, label=word, facecolor=colour, hatch=hatch,
                   edgecolor="white" if not hatch else "#8A4A17", lw=0.5)  # fmt: skip
            ends = _ends(own)
            if ends is not None:
                ax.vlines(places, *ends, color="#222222", lw=1)
        ax.axhline(0, color="#222222", lw=0.8)
        counts = rows.groupby("network", sort=False)["n"].sum().astype(int)
        words = [f"{name} ({counts[name]})" for name in networks]
        ax.set_xticks(range(len(networks)), words, rotation=40, ha="right", fontsize=SMALL,
                      rotation_mode="anchor")  # fmt: skip
        ax.tick_params(axis="x", length=0)
        ax.set(ylabel=label, xlim=(-0.6, len(networks) - 0.4))
        ax.spines["bottom"].set_visible(False)
        ax.legend(fontsize=SMALL, loc="lower right", ncols=3, bbox_to_anchor=(1, 1.0))
        yield fig


def _ends(rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray] | None:
    if {"low", "high"} <= set(rows):
        return rows["low"].to_numpy(), rows["high"].to_numpy()
    if "sd" in rows:
        return (rows["mean"] - rows["sd"]).to_numpy(), (rows["mean"] + rows["sd"]).to_numpy()
    return None


def _note(rows: pd.DataFrame) -> str:
    interval = {"low", "high"} <= set(rows)
    spread = "sd" in rows and not interval
    words = "Parcels of each network in brackets."
    words += " Lines: intervals of the mean." * interval
    words += " Lines: standard deviation over parcels, no interval of the mean." * spread
    missing = int(rows["n_missing"].sum()) if "n_missing" in rows else 0
    return words + f" {missing} parcels without a value are left out." * bool(missing)
