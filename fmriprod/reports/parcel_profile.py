"""Figure of the connectivity of one parcel with all others, a line a hemisphere."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from fmriprod.algorithms.checks import InputError, suggest
from fmriprod.algorithms.network_summary import network_order
from fmriprod.reports.parcel_order import (
    SIDE_LOOKS,
    check_parcels,
    colours_of,
    network_colours,
    plain_base,
    spread,
)
from fmriprod.reports.print_style import SMALL, WIDTH, print_figure, say
from fmriprod.reports.rdm_groups import group_runs

_NAMED = 60  # most regions whose names are written
_MARKED = 4  # regions marked by name where not all are
_LINES = {"L": "-", "R": (0, (4, 1.2))}


def seed_row(seed: str, names: list[str]) -> int:
    """Find the seed among parcels; ``_ROI`` at the end of names does not count.

    Raises
    ------
    InputError
        If there is no such parcel; it says which was probably meant.
    """
    plain = [str(name).removesuffix("_ROI") for name in names]
    if seed.removesuffix("_ROI") not in plain:
        hint = suggest(seed, plain)
        raise InputError(
            "seed", expected=f"the name of one of {len(names)} parcels", found=repr(seed),
            hint=hint if len(names) <= 20 or "?" not in hint else hint.split("? ")[0] + "?",
        )  # fmt: skip
    return plain.index(seed.removesuffix("_ROI"))


def seed_table(values: np.ndarray, parcels: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Put values of two hemispheres beside each other, matched by name without side.

    Parameters
    ----------
    values : ndarray of float, shape (n_parcels,)
    parcels : DataFrame
        ``name hemisphere network`` of each.

    Returns
    -------
    table : DataFrame
        ``region L R network_L network_R``, a row a region, by network as they first occur; NaN
        and None where a hemisphere has no such parcel.
    left_out : list of str
        Parcels of no hemisphere.

    Raises
    ------
    InputError
        If two parcels of one hemisphere have the same name without side.
    """
    table = check_parcels(parcels, len(values)).assign(value=np.asarray(values, dtype=float))
    sided = table["hemisphere"].isin(["L", "R"])
    both = table[sided].assign(region=[plain_base(str(n)) for n in table["name"][sided]])
    twice = both[both.duplicated(["region", "hemisphere"])]
    if len(twice):
        raise InputError(
            "parcels", expected="one parcel of a name in a hemisphere",
            found=f"{twice['region'].iloc[0]} twice", hint="correct names or hemispheres",
        )  # fmt: skip
    halves = []
    for side in "LR":
        half = both[both["hemisphere"] == side].set_index("region")[["value", "network"]]
        halves.append(half.rename(columns={"value": side, "network": f"network_{side}"}))
    regions = both["region"].unique()
    wide = halves[0].join(halves[1], how="outer").loc[regions].rename_axis("region").reset_index()
    first = wide["network_L"].fillna(wide["network_R"])
    place = {n: i for i, n in enumerate([*network_order(table["network"]), "n/a"])}
    order = np.argsort(first.map(place).to_numpy(dtype=float), kind="stable")
    return wide.iloc[order].reset_index(drop=True), table["name"][~sided].tolist()


@contextmanager
def parcel_profile_figure(
    values: np.ndarray,
    parcels: pd.DataFrame,
    seed: str,
    *,
    label: str = "correlation r",
    title: str = "",
    simulated: bool = False,
) -> Iterator[Figure]:
    """Draw what a seed is connected with: one line a hemisphere over regions of both.

    Parameters
    ----------
    values : ndarray of float, shape (n_parcels,)
        Row of the seed in a matrix of connectivity; NaN (the seed's own too) is a gap.
    parcels : DataFrame
        ``name hemisphere network`` of each.
    seed : str
        Name of the seed.
    label : str
        What the values are, at the axis.
    title : str
        Above everything (default: of the seed).
    simulated : bool
        Whether the figure says that its data are simulated.

    Yields
    ------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        If there is no such seed, or names do not tell parcels apart.
    """
    seed_at = seed_row(seed, parcels["name"].tolist())
    values = np.array(values, dtype=float)
    values[seed_at] = np.nan  # with itself it is no finding
    table, left_out = seed_table(values, parcels)
    own = plain_base(str(parcels["name"].iloc[seed_at]))
    missing = int(np.isnan(np.delete(values, seed_at)).sum())
    note = profile_note(table, left_out, missing)
    title = title or f"Connectivity of {seed}"
    with print_figure(WIDTH, 3.4, title=title, note=note, simulated=simulated) as (fig, ax):
        for side, (word, colour) in SIDE_LOOKS.items():
            ax.plot(table[side], color=colour, ls=_LINES[side], lw=1.2, marker="o", ms=2.2,
                    label=f"{word} hemisphere")  # fmt: skip
        ax.axhline(0, color="#555555", lw=0.8)
        if not np.isfinite(values).any():
            say(ax, "no parcel has a value")
        if own in set(table["region"]):
            place = int(table.index[table["region"] == own][0])
            ax.axvline(place, color="#999999", lw=0.8, ls=":", label=f"seed {seed}")
        ax.set(ylabel=label, xlim=(-1, len(table)))
        ax.legend(fontsize=SMALL, loc="lower right", ncols=3, bbox_to_anchor=(1, 1.0))
        _networks(ax, table, network_colours(parcels["network"].fillna("n/a").tolist()))
        if len(table) > _NAMED:
            _mark(ax, table)
        yield fig


def profile_note(table: pd.DataFrame, left_out: list[str], n_missing: int) -> str:
    """Say what a profile lacks.

    Examples
    --------
    >>> table = pd.DataFrame({"network_L": ["a", None], "network_R": ["a", "b"]})
    >>> profile_note(table, ["Brain-Stem"], 0)
    '2 regions, 1 of them in one hemisphere only. Not shown: Brain-Stem, of no hemisphere.'
    """
    alone = int((table["network_L"].isna() ^ table["network_R"].isna()).sum())
    words = f"{len(table)} regions"
    words += (
        f", {alone} of them in one hemisphere only." if alone else ", each in both hemispheres."
    )
    if n_missing:
        words += f" Gaps: {n_missing} parcel{'s' * (n_missing > 1)} without a value."
    if left_out:
        more = f" and {len(left_out) - 4} more" if len(left_out) > 4 else ""
        words += f" Not shown: {', '.join(left_out[:4])}{more}, of no hemisphere."
    return words


def _networks(ax: Axes, table: pd.DataFrame, colours: dict[str, str]) -> None:
    """Draw networks as strips below the axis, the left hemisphere's above the right's."""
    first = table["network_L"].fillna(table["network_R"]).tolist()
    n = len(first)
    for row, side in enumerate("LR"):
        names = [name if isinstance(name, str) else None for name in table[f"network_{side}"]]
        shown = [colours_of([name], colours)[0] if name else (1.0, 1.0, 1.0) for name in names]
        strip = ax.inset_axes(
            (-0.5, -0.05 * (row + 1), n, 0.04), transform=ax.get_xaxis_transform()
        )
        strip.imshow(np.array(shown)[None], aspect="auto", interpolation="nearest")
        strip.set_axis_off()
        ax.text(-0.005, -0.05 * row - 0.03, side, transform=ax.transAxes, ha="right", va="center",
                fontsize=6)  # fmt: skip
    ax.set_xticks([])
    ax.spines["bottom"].set_visible(False)
    if n <= _NAMED:
        ax.set_xticks(range(n), table["region"], rotation=90, fontsize=6.5)
        ax.tick_params(axis="x", length=0, pad=24)
        marks = [Patch(facecolor=colours[name], label=name if name != "n/a" else "no network")
                 for name in dict.fromkeys(first)]  # fmt: skip
        ax.figure.legend(handles=marks, title="network", title_fontsize=SMALL, fontsize=SMALL,
                         loc="outside right upper", handlelength=1, alignment="left")  # fmt: skip
        return
    runs = group_runs(first)
    middles = [(start + end - 1) / 2 for _, start, end in runs]
    for (name, _, _), middle, place in zip(
        runs, middles, spread(middles, n * 0.028, 0, n - 1), strict=True
    ):
        ax.annotate(
            name if name != "n/a" else "no network", (middle, -0.1), xytext=(place, -0.16),
            xycoords=ax.get_xaxis_transform(), textcoords=ax.get_xaxis_transform(), rotation=45,
            rotation_mode="anchor", ha="right", va="center", fontsize=SMALL, annotation_clip=False,
            arrowprops={"arrowstyle": "-", "lw": 0.5, "color": "#777777", "shrinkA": 0,
                        "shrinkB": 0},
        )  # fmt: skip


def _mark(ax: Axes, table: pd.DataFrame) -> None:
    """Write the names of the strongest regions at their points, apart from each other."""
    ends = table[["L", "R"]].abs().max(axis=1)
    marked: list[int] = []
    for row in ends.sort_values(ascending=False).dropna().index:
        if all(abs(row - other) > 0.022 * len(table) for other in marked):
            marked.append(row)
        if len(marked) == _MARKED:
            break
    for row in marked:
        pair = table.loc[row, ["L", "R"]].astype(float)
        value = pair[pair.abs().idxmax()]
        ax.annotate(
            table["region"][row], (row, value), xytext=(3, 1 if value >= 0 else -1),
            textcoords="offset points", ha="left", va="bottom" if value >= 0 else "top",
            fontsize=SMALL,
        )  # fmt: skip
