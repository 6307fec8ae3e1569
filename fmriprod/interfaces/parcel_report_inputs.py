"""Read what the page on parcels shows, and see that all of it is of the same parcels."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from fmriprod.algorithms.checks import InputError, suggest
from fmriprod.algorithms.network_summary import summarize_networks
from fmriprod.algorithms.parcel_ranking import rank_parcels
from fmriprod.interfaces.events import read_table
from fmriprod.interfaces.neuromatch_regions import read_atlas, read_regions
from fmriprod.interfaces.parcel_table import hemisphere_of, match_parcels, plain_name, read_parcels
from fmriprod.interfaces.parcel_values import in_order, read_connectivity, read_contrast
from fmriprod.reports.network_bars import network_rows
from fmriprod.reports.parcel_order import network_colours
from fmriprod.reports.parcel_profile import seed_row


@dataclass(frozen=True)
class ParcelFiles:
    """What was read; None and empty where there is no file.

    ``painted`` is what a map of the cortex shows: its name, and values in the order of parcels.
    """

    parcels: pd.DataFrame | None
    matrix: np.ndarray | None
    group: pd.DataFrame | None
    networks: pd.DataFrame | None
    rankings: dict[str, pd.DataFrame]
    seed: str | None
    painted: tuple[str, np.ndarray] | None = None
    name: str | None = None

    def named(self, name: str | None) -> "ParcelFiles":
        """Give the same with a name for the contrast, where it is one."""
        if name is None:
            return self
        rankings = self.rankings
        if len(rankings) == 1:
            rankings = {name: next(iter(rankings.values()))}
        painted = self.painted
        if painted is not None:
            painted = (f"{name}, t" if painted[0] == "t" else name), painted[1]
        return replace(self, rankings=rankings, painted=painted, name=name)

    @property
    def has_places(self) -> bool:
        """Whether it is known where parcels lie."""
        return self.parcels is not None and {"x", "y", "z"} <= set(self.parcels)

    @property
    def colours(self) -> dict[str, str]:
        """Colours of networks, the same in all figures."""
        return {} if self.parcels is None else network_colours(self.parcels["network"].tolist())


def read_files(
    parcels_file: str | None,
    connectivity_file: str | None,
    contrast_file: str | None,
    group_file: str | None,
    network_file: str | None,
    top_file: str | None,
    seed: str | None,
    atlas_file: str | None = None,
    regions_file: str | None = None,
) -> ParcelFiles:
    """Read all files of the page.

    A contrast is ranked and summarised by network where no table of it is given. Places of parcels
    come from the atlas where the table has none.

    Raises
    ------
    InputError
        If a column is lacking, parcels or networks disagree, or there is no such seed.
    """
    parcels = read_parcels(parcels_file) if parcels_file else None
    if parcels is not None:
        parcels = parcels.fillna({"hemisphere": "n/a", "network": "n/a"})
        if atlas_file and regions_file and not {"x", "y", "z"} <= set(parcels):
            parcels = _with_places(parcels, atlas_file, regions_file)
    matrix = read_connectivity(connectivity_file, len(parcels)) if connectivity_file else None
    if seed is not None:
        seed = parcels["name"].iloc[seed_row(seed, parcels["name"].tolist())]
    group = _table(group_file, "group", ("t", "p_max", "n"), parcels) if group_file else None
    networks = _networks(network_file, parcels) if network_file else None
    rankings = _rankings(top_file, parcels) if top_file else {}
    painted = None
    if group is not None and parcels is not None and "parcel" in group:
        own = in_order(group.set_index("parcel")["t"], list(parcels["name"]), "group", group_file)
        painted = "t", own.to_numpy()
    if contrast_file:
        name, table, data = _contrast(contrast_file, parcels)
        painted = (name, data) if parcels is not None else None
        rankings = rankings or {name: rank_parcels(table, data)}
        if networks is None and (table["network"] != "n/a").any():
            networks = summarize_networks(data, table["network"], table["hemisphere"])
    return ParcelFiles(parcels, matrix, group, networks, rankings, seed, painted)


def _with_places(parcels: pd.DataFrame, atlas_file: str, regions_file: str) -> pd.DataFrame:
    regions = read_regions(regions_file)
    places = read_atlas(atlas_file, len(regions))["coords"]
    rows = match_parcels(list(parcels["name"]), list(regions["name"]), "regions")
    return parcels.assign(**{axis: places[rows, k] for k, axis in enumerate("xyz")})


def _contrast(path: str, parcels: pd.DataFrame | None) -> tuple[str, pd.DataFrame, np.ndarray]:
    """Name of a contrast, its parcels, and values in their order."""
    values = read_contrast(path)
    table = read_table(path, "contrast")
    known = table["contrast"].dropna().unique() if "contrast" in table else []
    if parcels is None:
        names = list(values.index)
        sides = [hemisphere_of(name) for name in names]
        parcels = pd.DataFrame({"name": names, "hemisphere": sides, "network": "n/a"})
    data = in_order(values, parcels["name"].tolist(), "contrast", path).to_numpy()
    return str(known[0]) if len(known) == 1 else "contrast", parcels, data


def _rankings(path: str, parcels: pd.DataFrame | None) -> dict[str, pd.DataFrame]:
    table = _table(path, "ranking", ("rank", "parcel", "value"), parcels, whole=False)
    if "contrast" not in table:
        return {"contrast": table}
    return {str(name): rows for name, rows in table.groupby("contrast", sort=False)}


def _networks(path: str, parcels: pd.DataFrame | None) -> pd.DataFrame:
    table = read_table(path, "networks")
    try:
        network_rows(table)
    except InputError as err:
        err.file = str(path)
        raise
    known = list(table["network"]) if parcels is None else list(parcels["network"].unique())
    others = [name for name in table["network"].unique() if name not in known]
    if others:
        raise InputError(
            "networks", expected="networks of parcels_file", found=str(others[0]),
            hint=suggest(others[0], known), file=str(path),
        )  # fmt: skip
    return table


def _table(
    path: str, subject: str, columns: tuple[str, ...], parcels: pd.DataFrame | None,
    *, whole: bool = True,
) -> pd.DataFrame:  # fmt: skip
    """Read a table of parcels or edges whose parcels are those of ``parcels``."""
    table = read_table(path, subject)
    keys = [name for name in ("parcel", "parcel_1", "parcel_2") if name in table]
    lacking = [name for name in columns if name not in table] + ["parcel"] * (not keys)
    if lacking:
        raise InputError(
            subject, expected=f"columns parcel {' '.join(columns)}", found=f"no {lacking[0]}",
            hint=suggest(lacking[0], list(map(str, table.columns))), file=str(path),
        )  # fmt: skip
    for key in keys:
        table[key] = table[key].astype(str)
        if parcels is not None and whole and key == "parcel":
            in_order(table.set_index(key), parcels["name"].tolist(), subject, path)
        known = None if parcels is None else {plain_name(name) for name in parcels["name"]}
        others = [
            name for name in table[key] if known is not None and plain_name(name) not in known
        ]
        if others:
            raise InputError(
                subject, expected="parcels of parcels_file", found=others[0],
                hint=suggest(others[0], parcels["name"].head(20)), file=str(path),
            )  # fmt: skip
    return table
