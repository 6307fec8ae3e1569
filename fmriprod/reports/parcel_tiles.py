"""Key figures of the page on parcels: what was found, in one look."""

import numpy as np
import pandas as pd

from fmriprod.reports.network_bars import network_rows
from fmriprod.reports.page import Tile

_LARGE = 13  # letters that fit into a line of a tile


def contrast_tile(table: pd.DataFrame, name: str = "contrast") -> Tile:
    """Say which parcel has the largest absolute value.

    Parameters
    ----------
    table : DataFrame
        ``parcel value`` and maybe ``network``; NaN is left out.
    name : str
        What the values are.

    Examples
    --------
    >>> contrast_tile(pd.DataFrame({"parcel": ["L_A", "R_A"], "value": [1.0, -2.5]}), "lh-rh")
    Tile(label='Largest parcel', value='R_A', detail='lh-rh −2.5', level='info', gauge=None)
    """
    known = table[table["value"].notna()]
    if not len(known):
        return Tile("Largest parcel", "none", "no parcel has a value", "warning")
    row = known.loc[known["value"].abs().idxmax()]
    network = row["network"] if "network" in known and row["network"] != "n/a" else ""
    return _named("Largest parcel", str(row["parcel"]), f"{name} {signed(row['value'])}", network)


def group_tiles(table: pd.DataFrame, alpha: float = 0.05) -> list[Tile]:
    """Say how many parcels (or edges) are significant over all, and which has the largest t.

    Parameters
    ----------
    table : DataFrame
        ``group_file`` of ParcelGroup: ``parcel`` (or ``parcel_1 parcel_2``) ``n t p_max``.
    alpha : float
        Largest p_max that is significant.
    """
    edges = "parcel_1" in table
    what = "edges" if edges else "parcels"
    tested = table[table["t"].notna()]
    flipped = tested["p_max"].notna()
    found = int((tested["p_max"] <= alpha).sum())
    of = f"of the {len(tested)} strongest that are listed" if edges else f"of {len(tested)} tested"
    label = f"{what.capitalize()} with p_max ≤ {alpha:g}"
    level = "good" if found else "info"
    count = Tile(label, str(found), f"{of}; sign flips, largest |t| over all", level)
    if not flipped.any():
        count = Tile(label, "not tested", "no sign flips", "warning")
    if not len(tested):
        return [count]
    row = tested.loc[tested["t"].abs().idxmax()]
    name = f"{row['parcel_1']} – {row['parcel_2']}" if edges else str(row["parcel"])
    value, detail = f"t = {signed(row['t'])}", f"n = {int(row['n'])}"
    return [_named(f"Largest |t| of {what}", name, value, detail), count]


def network_tile(table: pd.DataFrame) -> Tile:
    """Say which network has the largest absolute mean, in a hemisphere where these are given.

    Over both hemispheres a lateral effect would cancel.

    Examples
    --------
    >>> table = pd.DataFrame({"network": ["a", "b"], "hemisphere": "both", "n": 4,
    ...                       "mean": [0.5, -2.0]})
    >>> network_tile(table).label
    'Strongest network: b'
    """
    known = network_rows(table).dropna(subset="mean")
    if not len(known):
        return Tile("Strongest network", "none", "no network has a mean", "warning")
    row = known.loc[known["mean"].abs().idxmax()]
    side = {"L": "left hemisphere, ", "R": "right hemisphere, "}.get(row["hemisphere"], "")
    # The name is in the small letters: the large ones cut long names in the middle.
    detail = f"{side}mean over {int(row['n'])} parcels"
    return Tile(f"Strongest network: {row['network']}", signed(row["mean"]), detail)


def connectivity_tiles(matrix: np.ndarray, names: list[str], seed: str | None) -> list[Tile]:
    """Say what connectivity is on average, and what the seed is most connected with.

    Parameters
    ----------
    matrix : ndarray, shape (n_parcels, n_parcels)
    names : list of str
    seed : str, optional
    """
    upper = matrix[np.triu_indices(len(matrix), 1)]
    known = upper[np.isfinite(upper)]
    gone = int((np.isnan(matrix) | np.eye(len(matrix), dtype=bool)).all(axis=1).sum())
    detail = f"{len(matrix) - gone} of {len(matrix)} parcels have values"
    mean = signed(known.mean()) if known.size else "none"
    tiles = [Tile("Mean connectivity", mean, detail, "warning" if gone else "info")]
    if seed is not None:
        row = np.array(matrix[names.index(seed)], dtype=float)
        row[names.index(seed)] = np.nan
        if np.isfinite(row).any():
            best = int(np.nanargmax(row))
            tiles.append(_named(f"Most connected with {seed}", names[best], signed(row[best])))
    return tiles


def _named(label: str, name: str, value: str, detail: str = "") -> Tile:
    """Put a name into the large letters, or into the small ones where those would cut it."""
    if len(name) <= _LARGE:
        return Tile(label, name, " · ".join(filter(None, (value, detail))))
    return Tile(f"{label}: {name}", value, detail)


def signed(value: float) -> str:
    """Write a number with three digits and a proper minus.

    Examples
    --------
    >>> signed(-0.12345), signed(12.0)
    ('−0.123', '12')
    """
    return f"{value:.3g}".replace("-", "−")
