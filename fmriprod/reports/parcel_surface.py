"""Figure of values of parcels on the inflated cortex, from four sides."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import matplotlib as mpl
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from fmriprod.algorithms.checks import InputError
from fmriprod.reports.print_style import SMALL
from fmriprod.reports.style import figure
from fmriprod.reports.surface_maps import VIEWS, Surface, draw_triangles, surface_view

_ORDER = ("L lateral", "R lateral", "L medial", "R medial")
_WIDTH, _ROW, _TOP, _BOTTOM = 7.1, 2.35, 0.5, 0.8  # inches


@contextmanager
def parcel_surface_figure(
    surfaces: Mapping[str, Surface],
    *,
    limit: float | None = None,
    label: str = "",
    title: str = "On the cortex",
    note: str = "",
    simulated: bool = False,
) -> Iterator[Figure]:
    """Draw values of parcels on both hemispheres, from outside and from the middle.

    Parameters
    ----------
    surfaces : mapping
        ``left`` and ``right``, with one map of shape ``(1, n_vertices)``; NaN stays grey.
    limit : float, optional
        Value at the end of the colours: from 0 where no value is below it, else from the same
        below. Default: the largest absolute value.
    label : str
        What the values are, at the colour bar.
    title, note : str
        Above and below everything.
    simulated : bool
        Whether the figure says that its data are simulated.

    Yields
    ------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        If the limit is not above 0.
    """
    norm, cmap = surface_scale([surface.maps[0] for surface in surfaces.values()], limit)
    views = {name: (side, axes) for side, name, *axes in VIEWS}
    height = _TOP + 2 * _ROW + _BOTTOM
    with figure(_WIDTH, height, nrows=2, ncols=2) as (fig, axes):
        fig.set_layout_engine(None)
        fig.subplots_adjust(0.01, _BOTTOM / height, 0.99, 1 - _TOP / height, 0.02, 0.02)
        for ax, name in zip(axes.flat, _ORDER, strict=True):
            side, directions = views[name]
            view = surface_view(surfaces[side], *directions)
            draw_triangles(ax, view, surfaces[side], 0, cmap, norm, -np.inf)
            ax.text(0.02, 0.98, name, transform=ax.transAxes, fontsize=SMALL, color="#444444",
                    va="top")  # fmt: skip
        words = title + " – simulated data" * simulated
        fig.text(0.01, 1 - 0.2 / height, words, fontsize=10, weight="bold", va="center")
        fig.text(0.01, 0.08 / height, note, fontsize=SMALL, color="#444444", va="bottom")
        bar = fig.add_axes((0.3, 0.62 / height, 0.4, 0.11 / height))
        drawn = fig.colorbar(ScalarMappable(norm, cmap), cax=bar, orientation="horizontal",
                             extend=_extend(surfaces, norm))  # fmt: skip
        drawn.outline.set_visible(False)
        bar.tick_params(labelsize=SMALL, length=2)
        fig.text(0.28, 0.675 / height, label, ha="right", va="center", fontsize=SMALL)
        yield fig


def surface_scale(
    maps: list[np.ndarray], limit: float | None = None
) -> tuple[Normalize, mpl.colors.Colormap]:
    """Give one scale for all maps: around 0 where values have both signs or are negative.

    Raises
    ------
    InputError
        If the limit is not above 0.

    Examples
    --------
    >>> norm, colours = surface_scale([np.array([np.nan, -2.0]), np.array([1.0])])
    >>> norm.vmin, norm.vmax, colours.name
    (-2.0, 2.0, 'RdBu_r')
    """
    values = np.concatenate([np.ravel(part) for part in maps]).astype(float)
    values = values[np.isfinite(values)]
    if limit is None:
        limit = float(np.abs(values).max()) if values.size and values.any() else 1.0
    if not limit > 0:
        raise InputError(
            "limit", expected="a number above 0", found=str(limit),
            hint="leave it out for the largest value",
        )  # fmt: skip
    if values.size and values.min() >= 0 and values.any():
        return Normalize(0.0, limit), mpl.colormaps["viridis"]
    return Normalize(-limit, limit), mpl.colormaps["RdBu_r"]


def _extend(surfaces: Mapping[str, Surface], norm: Normalize) -> str:
    values = np.concatenate([surface.maps[0] for surface in surfaces.values()])
    low, high = bool((values < norm.vmin).any()), bool((values > norm.vmax).any())
    return {(True, True): "both", (True, False): "min", (False, True): "max"}.get(
        (low, high), "neither"
    )
