"""A small made-up parcellation with the few real regions that planted effects need."""

import numpy as np
import pandas as pd

from fmriprod.algorithms.checks import InputError

HAND = ("4", "3b", "1", "6d")
FOOT = ("5L", "5m")
TONGUE = ("OP4",)
FACES = ("FFC", "PIT")
_PLACES = {  # about where these areas lie on the right, MNI, mm
    "4": (35, -24, 58), "3b": (42, -24, 52), "1": (46, -26, 56), "6d": (34, -14, 64),
    "5L": (10, -44, 66), "5m": (6, -36, 62), "OP4": (60, -12, 16), "FFC": (42, -58, -18),
    "PIT": (44, -76, -12),
}  # fmt: skip
_FILLERS = ("Visual1", "Visual2", "Default", "Frontopariet", "Language")
_RADII = np.array([66.0, 84.0, 60.0])  # of an ellipsoid about as large as a brain, mm
_CENTRE = np.array([0.0, -18.0, 15.0])


def made_up_parcels(n_parcels: int = 40) -> pd.DataFrame:
    """Make a table of parcels, right hemisphere first, as the Neuromatch Academy's.

    Parameters
    ----------
    n_parcels : int
        Of both hemispheres; even.

    Returns
    -------
    DataFrame
        ``name hemisphere network myelin x y z`` (mm): regions of the hand, foot and tongue and of
        faces by their names, and others (``R_made01``) that no atlas has, at made-up places.

    Raises
    ------
    InputError
        If there are too few parcels, or an odd number.
    """
    real = (*HAND, *FOOT, *TONGUE, *FACES)
    n_side = n_parcels // 2
    if n_parcels % 2 or n_side < len(real) + len(_FILLERS):
        raise InputError(
            "n_parcels", expected=f"an even number from {2 * (len(real) + len(_FILLERS))} on",
            found=str(n_parcels), hint="half of them are on the left; 40 or 360 will do",
        )  # fmt: skip
    made = [f"made{k:02d}" for k in range(1, n_side - len(real) + 1)]
    networks = ["Somatomotor"] * 7 + ["Visual2"] * 2
    networks += [_FILLERS[k % len(_FILLERS)] for k in range(len(made))]
    right = np.array([_PLACES[name] for name in real] + _spread(len(made)).tolist())
    rows = []
    for side, sign in (("R", 1), ("L", -1)):
        names = [f"{side}_{name}" for name in (*real, *made)]
        places = right * [sign, 1, 1]
        rows += [(n, side, w, *p) for n, w, p in zip(names, networks, places, strict=True)]
    table = pd.DataFrame(rows, columns=["name", "hemisphere", "network", "x", "y", "z"])
    table.insert(3, "myelin", np.where(table["network"] == "Somatomotor", 2.0, 1.7))
    return table


def with_places(parcels: pd.DataFrame) -> pd.DataFrame:
    """Add made-up places (mm) to a table without ``x y z``; planted regions lie where they are."""
    if {"x", "y", "z"} <= set(parcels):
        return parcels
    places = np.zeros((len(parcels), 3))
    for side, sign in (("R", 1), ("L", -1), ("n/a", 1)):
        own = np.flatnonzero(parcels["hemisphere"].fillna("n/a") == side)
        places[own] = _spread(len(own)) * [sign, 1, 1]
        for row in own:
            area = parcels["name"].iloc[row].removesuffix("_ROI")[2:]
            if area in _PLACES:
                places[row] = np.multiply(_PLACES[area], [sign, 1, 1])
    return parcels.assign(x=places[:, 0], y=places[:, 1], z=places[:, 2])


def _spread(n: int) -> np.ndarray:
    """Spread points over the right half of an ellipsoid, shape (n, 3)."""
    k = np.arange(n) + 0.5
    polar, turn = np.arccos(1 - 1.8 * k / max(n, 1)), np.pi * (np.sqrt(5) - 1) * k
    unit = np.stack([np.sin(polar) * np.cos(turn), np.sin(polar) * np.sin(turn), np.cos(polar)], 1)
    unit[:, 0] = np.abs(unit[:, 0])
    return np.round(unit * _RADII + _CENTRE, 1)
