"""Figure of the strongest connections of parcels in a glass brain."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pandas as pd
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from fmriprod.algorithms.checks import InputError
from fmriprod.reports.parcel_edges import Edges, node_strength, parcel_places, strongest_edges
from fmriprod.reports.parcel_order import check_parcels, colours_of, network_colours
from fmriprod.reports.print_style import SMALL, WIDTH
from fmriprod.reports.style import figure

_LARGEST = 70.0  # points squared, area of the strongest of few parcels
_FEW = 80  # parcels; where there are more, they are smaller
_HEIGHT, _LEGEND = 2.3, 0.19  # inches: the brains; a row of the legend
_IN_A_ROW = 5
_UNKNOWN = "#8A8A8A"


@contextmanager
def glass_brain_figure(
    matrix: np.ndarray,
    parcels: pd.DataFrame,
    *,
    n_edges: int | None = None,
    label: str = "correlation r",
    title: str = "Strongest connections",
    simulated: bool = False,
) -> Iterator[Figure]:
    """Draw parcels where they lie, in the colours of networks, and the strongest pairs as lines.

    Drawn by Nilearn's `plot_connectome`, from the right, behind and above.

    Parameters
    ----------
    matrix : ndarray of float, shape (n_parcels, n_parcels)
        Symmetric; NaN is no pair.
    parcels : DataFrame
        ``name hemisphere network x y z`` (MNI, mm), a row a parcel in the order of the matrix.
    n_edges : int, optional
        Lines; see `strongest_edges`.
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
        If the matrix is not square, or parcels are not its rows or have no places.
    """
    from nilearn.plotting import plot_connectome

    matrix, table = check_matrix(matrix, parcels)
    places = parcel_places(table)
    edges, strength = strongest_edges(matrix, n_edges), node_strength(matrix)
    colours = network_colours(table["network"].tolist())
    shown = [name for name in colours if name in set(table["network"])]
    rows = -(-len(shown) // _IN_A_ROW)
    note = edges_note(edges, matrix, strength)
    words_high = 0.15 * (1 + note.count("\n"))
    top, bottom = 0.3, 0.3 + words_high + _LEGEND * rows
    height = top + _HEIGHT + bottom
    limit = float(np.abs(edges.value).max()) if len(edges.value) else 1.0
    with figure(WIDTH, height) as (fig, ax):
        fig.set_layout_engine(None)
        ax.set_position((0.0, bottom / height, 0.88, _HEIGHT / height))
        plot_connectome(
            _sparse(edges, len(matrix)), places, axes=ax, figure=fig,
            node_color=_node_colours(table, strength), node_size=node_sizes(strength),
            edge_cmap="RdBu_r", edge_vmin=-limit, edge_vmax=limit, annotate=True,
            edge_kwargs={"linewidth": 1.1 if len(edges.value) <= 100 else 0.8},
            node_kwargs={"edgecolors": "#222222", "linewidths": 0.4},
            colorbar=False,
        )  # fmt: skip
        _bar(fig, limit, label, (bottom, height))
        words = title + " – simulated data" * simulated
        fig.text(0.01, 1 - 0.2 / height, words, fontsize=10, weight="bold", va="center")
        fig.text(0.01, 0.06 / height, note, fontsize=SMALL, color="#444444", va="bottom")
        marks = [
            Line2D([], [], ls="", marker="o", mec="#222222", mew=0.4, mfc=colours[name],
                   label=name if name != "n/a" else "no network") for name in shown
        ]  # fmt: skip
        fig.legend(handles=marks, fontsize=SMALL, ncols=_IN_A_ROW, loc="lower left",
                   bbox_to_anchor=(0.0, (0.14 + words_high) / height), borderaxespad=0,
                   handletextpad=0.1, columnspacing=1.2)  # fmt: skip
        yield fig


def _bar(fig: Figure, limit: float, label: str, place: tuple[float, float]) -> None:
    bottom, height = place
    bar = fig.add_axes((0.9, (bottom + 0.3) / height, 0.012, (_HEIGHT - 0.6) / height))
    drawn = fig.colorbar(ScalarMappable(Normalize(-limit, limit), "RdBu_r"), cax=bar)
    drawn.outline.set_visible(False)
    drawn.set_label(label, fontsize=SMALL)
    bar.tick_params(labelsize=SMALL, length=2)


def check_matrix(matrix: np.ndarray, parcels: pd.DataFrame) -> tuple[np.ndarray, pd.DataFrame]:
    """Give connectivity as float64 and the table of its parcels.

    Raises
    ------
    InputError
        If the matrix is not square, or parcels are not its rows.
    """
    matrix = np.asarray(matrix, dtype=np.float64)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise InputError(
            "connectivity", expected="a matrix (n_parcels, n_parcels)",
            found=f"shape {matrix.shape}", hint="give the connectivity of one subject or group",
        )  # fmt: skip
    return matrix, check_parcels(parcels, len(matrix))


def node_sizes(strength: np.ndarray) -> np.ndarray:
    """Give the area of each parcel in points squared, in proportion to its strength.

    The strongest one has 70, and less where there are more than 80 parcels.

    Examples
    --------
    >>> node_sizes(np.array([0.2, 0.4, np.nan])).tolist()
    [35.0, 70.0, 7.0]
    """
    most = np.nanmax(strength) if np.isfinite(strength).any() else 0.0
    share = np.nan_to_num(strength) / most if most else np.zeros(len(strength))
    return _LARGEST * min(_FEW / max(len(share), 1), 1.0) * np.maximum(share, 0.1)


def edges_note(edges: Edges, matrix: np.ndarray, strength: np.ndarray) -> str:
    """Say which pairs are drawn, and what the size of a parcel means.

    Examples
    --------
    >>> matrix = np.array([[np.nan, 0.5], [0.5, np.nan]])
    >>> print(edges_note(strongest_edges(matrix), matrix, node_strength(matrix)))
    Lines: the strongest 1 of 1 pairs, |value| ≥ 0.5.
    Size of a parcel: mean |value| with all others.
    """
    pairs = int(np.isfinite(matrix[np.triu_indices(len(matrix), 1)]).sum())
    words = f"Lines: the strongest {len(edges.value)} of {pairs} pairs"
    if len(edges.value):
        words += f", |value| ≥ {abs(edges.value[-1]):.2g}"
    words += ".\nSize of a parcel: mean |value| with all others."
    gone = int(np.isnan(strength).sum())
    return words + f" Grey: {gone} without a value." * bool(gone)


def _node_colours(table: pd.DataFrame, strength: np.ndarray) -> list:
    from matplotlib.colors import to_rgb

    found = colours_of(table["network"].tolist())
    return [to_rgb(_UNKNOWN) if np.isnan(size) else colour
            for colour, size in zip(found, strength, strict=True)]  # fmt: skip


def _sparse(edges: Edges, n: int) -> np.ndarray:
    matrix = np.zeros((n, n))
    matrix[edges.first, edges.second] = matrix[edges.second, edges.first] = edges.value
    return matrix
