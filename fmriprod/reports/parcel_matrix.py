"""Figure of the connectivity of all pairs of parcels, ordered by network and hemisphere."""

from collections.abc import Iterator
from contextlib import contextmanager

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from fmriprod.algorithms.checks import InputError
from fmriprod.reports.parcel_order import (
    check_parcels,
    colours_of,
    network_colours,
    parcel_order,
    spread,
)
from fmriprod.reports.print_style import SMALL, print_figure, say
from fmriprod.reports.rdm_groups import group_runs

_UNKNOWN = "#8A8A8A"
_NAMED = 40  # most parcels whose names are written
_SIDES = {"L": (0.25, 0.25, 0.25), "R": (0.72, 0.72, 0.72), "n/a": (1.0, 1.0, 1.0)}


@contextmanager
def parcel_matrix_figure(
    matrix: np.ndarray,
    parcels: pd.DataFrame,
    *,
    limits: tuple[float, float] = (-1.0, 1.0),
    label: str = "correlation r",
    title: str = "Connectivity of parcels",
    simulated: bool = False,
) -> Iterator[Figure]:
    """Draw connectivity as a matrix with colours of networks along its sides.

    Parameters
    ----------
    matrix : ndarray of float, shape (n_parcels, n_parcels)
        Symmetric; the diagonal is not drawn; NaN is grey.
    parcels : DataFrame
        ``name hemisphere network``, a row a parcel in the order of the matrix. The figure has
        them by network, as they first occur, and by hemisphere within.
    limits : (float, float)
        Values at the ends of the diverging colours. What is beyond is counted below.
    label : str
        What the values are, at the colour bar.
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
        If the matrix is not square, or parcels are not its rows.
    """
    matrix = np.array(matrix, dtype=np.float32)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise InputError(
            "connectivity", expected="a matrix (n_parcels, n_parcels)",
            found=f"shape {matrix.shape}", hint="give the connectivity of one subject or group",
        )  # fmt: skip
    order = parcel_order(check_parcels(parcels, len(matrix)))
    table = parcels.iloc[order].fillna({"network": "n/a", "hemisphere": "n/a"})
    matrix = matrix[np.ix_(order, order)]
    names = [str(name) for name in table["name"]]
    networks, sides = table["network"].tolist(), table["hemisphere"].tolist()
    norm = Normalize(*limits)
    note = matrix_note(matrix, names, limits)
    with print_figure(7.1, 5.6, title=title, note=note, simulated=simulated) as (fig, ax):
        colours = network_colours(parcels["network"].fillna("n/a").tolist())
        _draw(ax, matrix, norm)
        _sides(ax, networks, sides, colours)
        _names(ax, networks)
        if len(names) <= _NAMED:
            size = min(6.5, 220 / len(names))  # names of neighbours do not touch
            ax.set_xticks(range(len(names)), names, rotation=90, fontsize=size)
        beyond = matrix[np.isfinite(matrix)]
        extend = {(False, False): "neither", (True, False): "min", (False, True): "max"}
        ends = bool((beyond < limits[0]).any()), bool((beyond > limits[1]).any())
        bar = fig.colorbar(ScalarMappable(norm, _cmap()), ax=ax, label=label, shrink=0.6,
                           aspect=25, pad=0.02, extend=extend.get(ends, "both"))  # fmt: skip
        bar.outline.set_visible(False)
        marks = [Patch(facecolor=_SIDES[side], label=f"{word} hemisphere")
                 for side, word in (("L", "left"), ("R", "right")) if side in sides]  # fmt: skip
        if marks:
            ax.legend(handles=marks, fontsize=SMALL, loc="lower right", handlelength=1, ncols=2,
                      bbox_to_anchor=(1, 1), borderaxespad=0.3)  # fmt: skip
        yield fig


def matrix_note(
    matrix: np.ndarray, names: list[str], limits: tuple[float, float] = (-1.0, 1.0)
) -> str:
    """Say what a matrix lacks: parcels and pairs without a value, and values beyond the colours.

    Examples
    --------
    >>> matrix = np.array([[np.nan, 0.2, np.nan], [0.2, np.nan, np.nan], [np.nan] * 3])
    >>> matrix_note(matrix, ["a", "b", "c"])
    '3 parcels. Grey, marked at the right: 1 parcel without a value (c).'
    """
    apart = ~np.eye(len(matrix), dtype=bool)
    unknown = np.isnan(matrix) & apart
    empty = (unknown | ~apart).all(axis=1)
    words = [f"{len(matrix)} parcels."]
    if empty.any():
        listed = [name for name, gone in zip(names, empty, strict=True) if gone]
        more = f" and {len(listed) - 6} more" if len(listed) > 6 else ""
        words.append(
            f"Grey, marked at the right: {_count(len(listed), 'parcel')} without a value "
            f"({', '.join(listed[:6])}{more})."
        )
    single = int((unknown & ~empty & ~empty[:, None]).sum()) // 2
    if single:
        words.append(f"Grey: {_count(single, 'pair')} of other parcels without a value.")
    with np.errstate(invalid="ignore"):
        beyond = int((((matrix < limits[0]) | (matrix > limits[1])) & apart).sum()) // 2
    if beyond:
        words.append(f"{_count(beyond, 'pair')} beyond {limits[0]:g} to {limits[1]:g}.")
    return " ".join(words)


def _count(n: int, what: str) -> str:
    return f"{n} {what}{'s' * (n != 1)}"


def _cmap() -> mpl.colors.Colormap:
    return mpl.colormaps["RdBu_r"].with_extremes(bad=_UNKNOWN)


def _draw(ax: Axes, matrix: np.ndarray, norm: Normalize) -> None:
    n = len(matrix)
    picture = _cmap()(norm(np.ma.masked_invalid(matrix)))
    picture[np.eye(n, dtype=bool)] = 1.0  # white: a parcel with itself says nothing
    ax.imshow(picture, interpolation="nearest", extent=(-0.5, n - 0.5, n - 0.5, -0.5))
    apart = ~np.eye(n, dtype=bool)
    # A single grey row of hundreds looks like a line between blocks: a mark points at it.
    empty = np.flatnonzero((np.isnan(matrix) | ~apart).all(axis=1))
    ax.plot(np.full(len(empty), n - 0.5 + 0.012 * n), empty, ls="none", marker="<", ms=4,
            color=_UNKNOWN, clip_on=False, label="_grey")  # fmt: skip
    if not np.isfinite(matrix[apart]).any():
        say(ax, "no pair has a value")


def _sides(ax: Axes, networks: list[str], sides: list[str], colours: dict[str, str]) -> None:
    """Draw strips of networks and hemispheres at the left and below, and lines between blocks."""
    n = len(networks)
    wide, gap = 0.025 * n, 0.006 * n
    shown = np.array(colours_of(networks, colours))
    half = np.array([_SIDES.get(side, _SIDES["n/a"]) for side in sides])
    place = {"interpolation": "nearest", "aspect": "equal"}
    for number, (strip, size) in enumerate(((half, 0.5 * wide), (shown, wide))):
        inner = gap + number * (0.5 * wide + gap)
        near, far = inner - 0.5, inner + size - 0.5
        ax.imshow(strip[:, None], extent=(-far - 1, -near - 1, n - 0.5, -0.5), **place)
        ax.imshow(strip[None], extent=(-0.5, n - 0.5, n + far, n + near), **place)
    for _, _, end in group_runs(networks)[:-1]:
        ax.plot([-0.5, n - 0.5], [end - 0.5] * 2, color="#333333", lw=0.5)
        ax.plot([end - 0.5] * 2, [-0.5, n - 0.5], color="#333333", lw=0.5)
    edge = -0.5 - 2 * gap - 1.5 * wide
    ax.set_xlim(edge, n - 0.5)
    ax.set_ylim(n - 1 - edge, -0.5)
    ax.spines[:].set_visible(False)


def _names(ax: Axes, networks: list[str]) -> None:
    """Write networks beside their blocks; small ones are moved apart, with lines to them."""
    runs, n = group_runs(networks), len(networks)
    middles = [(start + end - 1) / 2 for _, start, end in runs]
    edge = ax.get_xlim()[0]
    for (name, start, end), middle, place in zip(
        runs, middles, spread(middles, n * 0.036, 0, n - 1), strict=True
    ):
        words = f"{name if name != 'n/a' else 'no network'} ({end - start})"
        ax.annotate(
            words, (edge, middle), xytext=(edge - 0.03 * n, place), ha="right", va="center",
            fontsize=SMALL, annotation_clip=False,
            arrowprops={"arrowstyle": "-", "lw": 0.5, "color": "#777777", "shrinkA": 3,
                        "shrinkB": 0},
        )  # fmt: skip
    ax.set_xticks([])
    ax.set_yticks([])
    ax.tick_params(length=0)
