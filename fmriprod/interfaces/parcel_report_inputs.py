"""Read what the page on parcels shows, and see that all of it is of the same parcels."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from fmriprod.algorithms.checks import InputError, suggest
from fmriprod.algorithms.network_summary import summarize_networks
from fmriprod.algorithms.parcel_ranking import rank_parcels
from fmriprod.interfaces.events import read_table
from fmriprod.interfaces.parcel_table import hemisphere_of, plain_name, read_parcels
from fmriprod.interfaces.parcel_values import in_order, read_connectivity, read_contrast
from fmriprod.reports.network_bars import network_rows
from fmriprod.reports.parcel_order import network_colours
from fmriprod.reports.parcel_profile import seed_row


@dataclass(frozen=True)
class ParcelFiles:
    """What was read; None and empty where there is no file."""

    parcels: pd.DataFrame | None
    matrix: np.ndarray | None
    group: pd.DataFrame | None
    networks: pd.DataFrame | None
    rankings: dict[str, pd.DataFrame]
    seed: str | None

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
) -> ParcelFiles:
    """Read all files of the page.

    A contrast is ranked and summarised by network where no table of it is given.

    Raises
    ------
    InputError
        If a column is lacking, parcels or networks disagree, or there is no such seed.
    """
    parcels = read_parcels(parcels_file) if parcels_file else None
    if parcels is not None:
        parcels = parcels.fillna({"hemisphere": "n/a", "network": "n/a"})
    matrix = read_connectivity(connectivity_file, len(parcels)) if connectivity_file else None
    if seed is not None:
        seed = parcels["name"].iloc[seed_row(seed, parcels["name"].tolist())]
    group = _table(group_file, "group", ("t", "p_max", "n"), parcels) if group_file else None
    networks = _networks(network_file, parcels) if network_file else None
    rankings = _rankings(top_file, parcels) if top_file else {}
    if contrast_file:
        name, table, data = _contrast(contrast_file, parcels)
        rankings = rankings or {name: rank_parcels(table, data)}
        if networks is None and (table["network"] != "n/a").any():
            networks = summarize_networks(data, table["network"], table["hemisphere"])
    return ParcelFiles(parcels, matrix, group, networks, rankings, seed)


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
