"""The figures of the page on parcels, one after the other."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd

from fmriprod.interfaces.parcel_report_inputs import ParcelFiles
from fmriprod.interfaces.parcel_surface import draw_surface, surface_sources

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Drawn(NamedTuple):
    """A figure to be opened: its name, its caption, and in words what it shows."""

    name: str
    caption: str
    alt: str
    figure: "AbstractContextManager[Figure]"


def contrast_figures(found: ParcelFiles, given: Any) -> Iterator[Drawn]:
    """Give figures of contrasts and groups; ``given`` are the inputs of `ParcelReport`."""
    from fmriprod.reports.network_bars import network_bars_figure
    from fmriprod.reports.parcel_ranking import parcel_ranking_figure

    look = {"colours": found.colours, "simulated": given.simulated}
    of = f": {found.name}" if found.name else ""
    if found.group is not None and "parcel" in found.group:
        table = _by_t(found.group)
        yield Drawn(
            "group", "t of the 20 parcels of the largest |t|.",
            f"bars of t, the largest: {_first(table, 'parcel', 'rank')}.",
            parcel_ranking_figure(table, label="t", title=f"Largest |t|{of}", **look),
        )  # fmt: skip
    for number, (name, table) in enumerate(found.rankings.items(), 1):
        yield Drawn(
            f"ranking-{number}", f"Parcels of the first {min(20, _last(table))} ranks, {name}.",
            f"bars of {name}, the largest: {_first(table, 'parcel', 'rank')}.",
            parcel_ranking_figure(table, label=name, title=name, **look),
        )  # fmt: skip
    if found.painted is not None and surface_sources(given):
        name, values = found.painted
        yield Drawn(
            "surface", f"{name} on the inflated hemispheres of fsaverage5.",
            f"{name} of parcels in colours on four views of the cortex.",
            draw_surface(values, found.parcels, given, label=name.rsplit(", ")[-1], title=name,
                         simulated=given.simulated),
        )  # fmt: skip
    if found.networks is not None:
        yield Drawn(
            "networks", "Means of networks and hemispheres.",
            f"bars of the mean in each of {found.networks['network'].nunique()} networks.",
            network_bars_figure(found.networks, title=f"Networks{of}", simulated=given.simulated),
        )  # fmt: skip


def connectivity_figures(found: ParcelFiles, given: Any) -> Iterator[Drawn]:
    """Give figures of connectivity; ``given`` are the inputs of `ParcelReport`."""
    from fmriprod.reports.parcel_glass_brain import glass_brain_figure
    from fmriprod.reports.parcel_matrix import parcel_matrix_figure
    from fmriprod.reports.parcel_profile import parcel_profile_figure

    if found.matrix is None:
        return
    look = {"label": given.connectivity_label, "simulated": given.simulated}
    yield Drawn(
        "matrix", "All pairs, by network, left before right.",
        f"a matrix of {len(found.matrix)} by {len(found.matrix)} parcels in blocks of networks.",
        parcel_matrix_figure(found.matrix, found.parcels, limits=tuple(given.connectivity_range),
                             **look),
    )  # fmt: skip
    if found.has_places:
        yield Drawn(
            "brain", "The strongest pairs in a glass brain, from the right, behind and above.",
            "dots and lines in an outline of the brain, from three sides.",
            glass_brain_figure(found.matrix, found.parcels, **look),
        )  # fmt: skip
    if found.seed is not None:
        row = found.matrix[found.parcels["name"].tolist().index(found.seed)]
        yield Drawn(
            "seed", f"Connectivity of {found.seed} with all regions.",
            f"a line for each hemisphere over all regions, seed {found.seed}.",
            parcel_profile_figure(row, found.parcels, found.seed, **look),
        )  # fmt: skip


def _first(table: pd.DataFrame, name: str, rank: str) -> str:
    return ", ".join(table.sort_values(rank, kind="stable")[name].head(3)) or "none"


def _last(table: pd.DataFrame) -> int:
    return int(table["rank"].max()) if table["rank"].notna().any() else 0


def _by_t(group: pd.DataFrame) -> pd.DataFrame:
    table = group.dropna(subset="t").assign(value=lambda rows: rows["t"])
    ranks = table["t"].abs().rank(ascending=False, method="min")
    return table.assign(rank=ranks).drop(columns=["low", "high"], errors="ignore")
