"""Figure of maps on inflated hemispheres.

Triangles are drawn flat, far ones first: 0.1 s a view, where 3-D axes take three times as long.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Protocol

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import PolyCollection
from matplotlib.colors import Colormap, Normalize
from matplotlib.figure import Figure

from fmriprod.reports.layer_colours import name_layers
from fmriprod.reports.print_style import SMALL
from fmriprod.reports.style import figure

_WIDTHS = (1, 1, 0.55, 0.55, 1, 1)
# Side, name, and the world axes to the right, up, and towards the reader.
VIEWS = (
    ("left", "L lateral", (0, -1, 0), (0, 0, 1), (-1, 0, 0)),
    ("left", "L medial", (0, 1, 0), (0, 0, 1), (1, 0, 0)),
    ("left", "L posterior", (1, 0, 0), (0, 0, 1), (0, -1, 0)),
    ("right", "R posterior", (1, 0, 0), (0, 0, 1), (0, -1, 0)),
    ("right", "R medial", (0, -1, 0), (0, 0, 1), (-1, 0, 0)),
    ("right", "R lateral", (0, 1, 0), (0, 0, 1), (1, 0, 0)),
)
_GYRUS, _SULCUS = 0.86, 0.66
_WIDTH, _NAMES = 9.0, 0.8  # inches
_NOTE = (
    "Projected from the volume (MNI space) onto fsaverage5, inflated: the folds are those of an "
    "average of other people, and places are true to some millimetres only."
)


class Surface(Protocol):
    """An inflated hemisphere with maps, as `fmriprod.interfaces.fsaverage.Hemisphere` is."""

    vertices: np.ndarray
    faces: np.ndarray
    sulcus: np.ndarray
    maps: np.ndarray


@contextmanager
def surface_figure(
    surfaces: Mapping[str, Surface],
    names: Sequence[str],
    *,
    cmap: Colormap,
    limits: tuple[float, float],
    label: str = "",
    layers: Sequence[str] = (),
    threshold: float = -np.inf,
    title: str = "",
    simulated: bool = False,
) -> Iterator[Figure]:
    """Draw maps on both hemispheres, a row a map, on one scale.

    Parameters
    ----------
    surfaces : mapping
        ``left`` and ``right``; maps of shape ``(n_maps, n_vertices)``, NaN where there is none.
    names : sequence of str
        Name of each map.
    cmap : Colormap
        Colours.
    limits : (float, float)
        Values at the ends of the colours.
    label : str
        What the values are, at the colour bar.
    layers : sequence of str
        Where values are numbers of layers from 1: their names, for the bar.
    threshold : float
        Values above it are shown.
    title : str
        Above everything.
    simulated : bool
        Whether the figure says that its data are simulated.

    Yields
    ------
    matplotlib.figure.Figure
    """
    norm = Normalize(*limits)
    views = [surface_view(surfaces[side], *axes) for side, _, *axes in VIEWS]
    row = (_WIDTH - _NAMES) / sum(_WIDTHS) * 0.72
    top, bottom = 0.58, 0.72
    height = top + row * len(names) + bottom
    with figure(
        _WIDTH, height, nrows=len(names), ncols=len(VIEWS), squeeze=False, width_ratios=_WIDTHS
    ) as (fig, axes):
        fig.set_layout_engine(None)
        fig.subplots_adjust(_NAMES / _WIDTH, bottom / height, 1, 1 - top / height, 0, 0)
        for number, name in enumerate(names):
            for ax, (side, *_), view in zip(axes[number], VIEWS, views, strict=True):
                draw_triangles(ax, view, surfaces[side], number, cmap, norm, threshold)
            y = axes[number, 0].get_position()
            size = min(9, 72 * (_NAMES - 0.1) / (0.6 * max(len(name), 1)))
            fig.text(0.008, (y.y0 + y.y1) / 2, name, va="center", fontsize=size)
        for ax, (_, name, *_) in zip(axes[0], VIEWS, strict=True):
            place = ax.get_position()
            fig.text((place.x0 + place.x1) / 2, 1 - 0.5 / height, name, ha="center",
                     fontsize=SMALL, color="#444444")  # fmt: skip
        words = title + " – simulated data" * simulated
        fig.text(0.008, 1 - 0.2 / height, words, fontsize=10, weight="bold", va="center")
        fig.text(0.008, 0.14 / height, _NOTE, fontsize=7.5, color="#444444", va="center")
        bar = fig.add_axes((0.5, 0.52 / height, 0.46, 0.11 / height))
        drawn = fig.colorbar(ScalarMappable(norm, cmap), cax=bar, orientation="horizontal")
        drawn.outline.set_visible(False)
        bar.tick_params(labelsize=SMALL, length=2)
        if layers:
            label = name_layers(bar, layers, 0.46 * _WIDTH) or label
            bar.tick_params(which="minor", length=0)
        fig.text(0.49, 0.575 / height, label, ha="right", va="center", fontsize=SMALL)
        yield fig


class _View:
    """Triangles of a hemisphere that face the reader, far ones first."""

    def __init__(self, faces: np.ndarray, polygons: np.ndarray, light: np.ndarray) -> None:
        self.faces, self.polygons, self.light = faces, polygons, light


def surface_view(surface: Surface, *axes: tuple[int, int, int]) -> _View:
    """Find what is seen of a surface with the axes to the right, up, and towards the reader."""
    turned = np.asarray(surface.vertices, float) @ np.array(axes, float).T
    corners = turned[surface.faces]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    length = np.linalg.norm(normal, axis=1)
    facing = np.divide(normal[:, 2], length, out=np.zeros_like(length), where=length > 0)
    order = np.argsort(corners[:, :, 2].mean(axis=1))
    order = order[facing[order] > 0]
    return _View(surface.faces[order], corners[order, :, :2], 0.6 + 0.4 * facing[order])


def draw_triangles(
    ax: Axes, view: _View, surface: Surface, number: int, cmap: Colormap, norm: Normalize,
    threshold: float,
) -> None:  # fmt: skip
    """Fill each triangle with the colour of the median of its corners."""
    values = np.sort(surface.maps[number][view.faces], axis=1)
    value = np.where(np.isnan(values).any(axis=1), np.nan, values[:, 1])
    deep = surface.sulcus[view.faces].sum(axis=1) >= 2
    colours = np.repeat(np.where(deep, _SULCUS, _GYRUS)[:, None], 3, axis=1)
    shown = np.nan_to_num(value, nan=-np.inf) > threshold
    colours[shown] = cmap(norm(value[shown]))[:, :3]
    colours *= view.light[:, None]
    ax.add_collection(
        PolyCollection(view.polygons, facecolors=colours, edgecolors=colours, linewidths=0.2,
                       rasterized=True)
    )  # fmt: skip
    low, high = view.polygons.min(axis=(0, 1)), view.polygons.max(axis=(0, 1))
    ax.set_xlim(low[0] - 2, high[0] + 2)
    ax.set_ylim(low[1] - 2, high[1] + 2)
    ax.set_aspect("equal")
    ax.set_axis_off()
