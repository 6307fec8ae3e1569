"""Figure of what a group of participants shows in regions: means, intervals, participants."""

from collections.abc import Iterator
from contextlib import contextmanager

import pandas as pd
from matplotlib.figure import Figure

from fmriprod.algorithms.checks import InputError
from fmriprod.reports.similarity_bars import similarity_figure

_NAMES = {"roi": "rdm", "map": "model"}
_NEEDED = {"mean": ("roi", "map", "mean"), "t": ("roi", "map", "mean", "sem", "t")}


@contextmanager
def region_figure(
    table: pd.DataFrame,
    *,
    points: pd.DataFrame | None = None,
    show: str = "mean",
    label: str = "",
    alpha: float = 0.05,
    title: str = "Regions over participants",
    simulated: bool = False,
) -> Iterator[Figure]:
    """Draw the mean over participants in each region, a panel a region.

    Parameters
    ----------
    table : DataFrame
        As `fmriprod.algorithms.rsa_region_bars.region_bars` gives it: ``roi map mean`` and,
        where there are any, ``ci_low ci_high sem t p p_fdr``; of rows by ``voxels`` those of
        ``all`` are drawn.
    points : DataFrame, optional
        ``roi map value`` of each participant; drawn where means are.
    show : {"mean", "t"}
        The mean, or t: the mean in units of its standard error.
    label : str
        What the values are, at the axis.
    alpha : float
        Largest q (p where there is no q) of a filled bar.
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
        If a column is lacking, a pair occurs twice, or participants have other pairs.
    """
    own = region_rows(table, show)
    if points is not None:
        points = _renamed(points, "participants", ("roi", "map", "value"))
    several = own["model"].nunique() > 1
    with similarity_figure(
        own, points=points if show == "mean" else None, panels="rdm" if several else "model",
        label=label or ("t" if show == "t" else "mean ρ"), alpha=alpha, title=title,
        interval="95 % intervals by Student's t", simulated=simulated,
    ) as fig:  # fmt: skip
        yield fig


def region_rows(table: pd.DataFrame, show: str = "mean") -> pd.DataFrame:
    """Give a table of regions as `similarity_figure` takes it: ``rdm model value low high q``.

    Raises
    ------
    InputError
        If a column is lacking.
    """
    table = _renamed(table, "region", _NEEDED[show])
    if "voxels" in table and (table["voxels"] == "all").any():
        table = table[table["voxels"] == "all"]
    table = table.rename(columns={"p_fdr": "q", "ci_low": "low", "ci_high": "high"})
    if show == "mean":
        return table.assign(value=table["mean"]).reset_index(drop=True)
    ends = {name: table[name] / table["sem"] for name in ("low", "high") if name in table}
    return table.assign(value=table["t"], **ends).reset_index(drop=True)


def _renamed(table: pd.DataFrame, subject: str, needed: tuple[str, ...]) -> pd.DataFrame:
    lacking = [name for name in needed if name not in table]
    if lacking:
        raise InputError(
            subject, expected=f"a table with columns {', '.join(needed)}",
            found=f"no column {', '.join(lacking)}", hint="give the table that GroupRSA writes",
        )  # fmt: skip
    return table.rename(columns=_NAMES)
