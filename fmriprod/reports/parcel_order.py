"""Order, colours and names of parcels, the same in all of their figures."""

import re
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.network_summary import network_order
from fmriprod.reports.rdm_groups import group_colours

NO_NETWORK = "#DADADA"
SIDE_LOOKS = {"L": ("left", "#00588C"), "R": ("right", "#D55E00")}
_SIDE = re.compile(r"^[LR]_|_[LR]$|(?<![^_])[LR]H_|^(left|right)[ _-]|[ _-](left|right)$", re.I)


def check_parcels(parcels: pd.DataFrame, n_parcels: int) -> pd.DataFrame:
    """Refuse a table of parcels that has not one row a value, or lacks a column.

    Raises
    ------
    InputError
        With both numbers, or the column.
    """
    lacking = [c for c in ("name", "hemisphere", "network") if c not in parcels]
    if lacking or len(parcels) != n_parcels:
        raise InputError(
            "parcels", expected=f"name, hemisphere and network of {n_parcels} parcels",
            found=f"{len(parcels)} rows" + f" without {', '.join(lacking)}" * bool(lacking),
            hint="give the table that belongs to the values",
        )  # fmt: skip
    return parcels.reset_index(drop=True).fillna({"hemisphere": "n/a", "network": "n/a"})


def plain_base(name: str) -> str:
    """Give the name of a parcel without its side.

    Parcels of two hemispheres with one such name are drawn as a pair. In parcellations that
    number the two sides apart these need not be the same region.

    Examples
    --------
    >>> [plain_base(name) for name in ("L_V1_ROI", "V1_R", "7N_RH_Vis_1", "left IFG", "LO1")]
    ['V1', 'V1', '7N_Vis_1', 'IFG', 'LO1']
    """
    return _SIDE.sub("", name.removesuffix("_ROI"))


def network_colours(networks: Sequence[str]) -> dict[str, str]:
    """Give each network its colour, in order of first appearance; grey to those in none.

    Examples
    --------
    >>> network_colours(["Vis", "n/a", "Mot"])
    {'Vis': '#0072B2', 'Mot': '#D55E00', 'n/a': '#DADADA'}
    """
    return group_colours(network_order(networks)) | {"n/a": NO_NETWORK}


def colours_of(
    networks: Sequence[str], colours: Mapping[str, str] | None = None
) -> list[tuple[float, float, float]]:
    """Give the colour of each network in a list, from 0 to 1."""
    from matplotlib.colors import to_rgb

    known = network_colours(networks) | dict(colours or {})
    return [to_rgb(known[name]) for name in networks]


def parcel_order(parcels: pd.DataFrame) -> np.ndarray:
    """Order parcels by network (as they first occur; in none: last), then hemisphere.

    Examples
    --------
    >>> table = pd.DataFrame({"network": ["a", "n/a", "b", "a"], "hemisphere": list("RLLL")})
    >>> parcel_order(table).tolist()
    [3, 0, 2, 1]
    """
    place = {name: i for i, name in enumerate([*network_order(parcels["network"]), "n/a"])}
    side = parcels["hemisphere"].map({"L": 0, "R": 1}).fillna(2)
    return np.lexsort((side, parcels["network"].map(place)))


def spread(places: Sequence[float], least: float, low: float, high: float) -> np.ndarray:
    """Move labels apart until neighbours are at least so far from each other, inside limits.

    Examples
    --------
    >>> spread([1.0, 1.5, 9.0], 2.0, 0.0, 10.0).tolist()
    [1.0, 3.0, 9.0]
    """
    moved = np.array(places, dtype=float)
    least = min(least, (high - low) / max(len(moved) - 1, 1))
    for i in range(len(moved)):
        moved[i] = max(moved[i], moved[i - 1] + least if i else low)
    for i in reversed(range(len(moved))):
        moved[i] = min(moved[i], moved[i + 1] - least if i + 1 < len(moved) else high)
    return moved
