"""Rows of slices through a volume, with contours and a coloured map on top."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.text import Text

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.slices import (
    IN_PLANE,
    SliceLayout,
    arrange_slices,
    bright,
    sample_slice,
    thinned,
)
from fmriprod.reports.style import SETTINGS

_WIDTH, _DPI = 9.0, 120  # inches, pixels per inch: 1080 pixels wide
_SUPERSAMPLE = 2
_LEVELS = 64  # shades of each colour; the eye sees no more, and the file is a third smaller
_GUTTER = 15  # pixels under each row for the positions
_INK = "#E8E8E8"
_SIDES = {0: ("L", "R"), 1: ("P", "A")}
# Dark to light away from zero on both sides, so that the strongest effect is the brightest.
_DIVERGING = LinearSegmentedColormap.from_list(
    "cold_hot",
    ["#B5F5FF", "#3FB4F5", "#1A4FC4", "#16266B", "#5E0B12", "#C4281A", "#F5853F", "#FFF3A8"],
)

Contour = tuple[np.ndarray, str, str]


class _Overlay(NamedTuple):
    data: np.ndarray
    low: float
    norm: Normalize
    cmap: Colormap


@contextmanager
def slices_figure(
    background: np.ndarray,
    affine: np.ndarray,
    *,
    contours: Sequence[Contour] = (),
    overlay: np.ndarray | None = None,
    overlay_range: tuple[float, float] | None = None,
    overlay_label: str = "",
    cmap: str | Colormap | None = None,
    n_slices: int = 7,
    planes: str = "xyz",
    title: str = "",
    mark: Sequence[float] | None = None,
) -> Iterator[Figure]:
    """Draw slices through a volume; close the figure at the end of the ``with`` block.

    The planes are those of the world (scanner or template), also when the grid is oblique,
    so that the millimetres printed at a slice hold for the whole of it. Lengths are true to
    scale in all planes. Left is shown on the left. The background is interpolated linearly;
    the overlay is not (each pixel shows the value of the nearest voxel).

    Parameters
    ----------
    background : ndarray, shape (x, y, z)
        Volume in grey, from its 2nd to its 99.5th percentile inside the head.
    affine : ndarray, shape (4, 4)
        Voxel to world (RAS, mm); any axis order, oblique and anisotropic grids too.
    contours : sequence of (mask, colour, label)
        Masks of the shape of the background, each drawn as a line with its label above.
    overlay : ndarray, shape (x, y, z), optional
        Map shown where its absolute value reaches ``overlay_range[0]``; NaN is not shown.
    overlay_range : (float, float), optional
        Threshold and upper end of the colours. By default 0 (all but exact zeros) and
        the 99.8th percentile of the absolute values.
    overlay_label : str
        Name and unit of the map, at the colour bar.
    cmap : str or Colormap, optional
        Colours. By default blue and red away from zero where the map has values of both
        signs beyond the threshold, else ``"inferno"`` from its lower third on.
    n_slices : int
        Slices a row.
    planes : str
        One row each, of ``x`` (sagittal), ``y`` (coronal), ``z`` (axial).
    title : str
        Printed at the top left.
    mark : sequence of 3 floats, optional
        World coordinate in mm to ring; one slice of each row goes through it.

    Yields
    ------
    matplotlib.figure.Figure
        1080 pixels wide, to be saved inside the ``with`` block.

    Raises
    ------
    InputError
        If a shape, the affine, a plane or the range cannot be used.
    """
    background, affine = _checked(background, affine, contours, overlay, planes, n_slices)
    affine = np.asarray(affine, dtype=float)
    painted = None if overlay is None else _prepare_overlay(overlay, overlay_range, cmap)
    drawn = [np.asarray(mask) != 0 for mask, _, _ in contours]
    if painted is not None:
        drawn.append(_shown(painted.data, painted.low))
    layout = arrange_slices(
        background,
        affine,
        drawn,
        planes=planes,
        n_slices=n_slices,
        width=round(_WIDTH * _DPI),
        gutter=_GUTTER,
        mark=mark,
    )
    canvas = _paint(background, affine, layout, painted)
    settings = SETTINGS | {
        "savefig.facecolor": "black",
        "savefig.dpi": _DPI,
        "text.color": _INK,
        "figure.facecolor": "black",
    }
    with mpl.rc_context(settings):
        fig, ax = _open(layout, canvas, bar=painted is not None)
        try:
            _draw_contours(ax, affine, layout, contours)
            _annotate(fig, ax, layout, contours, title, mark)
            if painted is not None:
                _colour_bar(fig, painted, overlay_label)
            yield fig
        finally:
            plt.close(fig)


def _checked(
    background: np.ndarray,
    affine: np.ndarray,
    contours: Sequence[Contour],
    overlay: np.ndarray | None,
    planes: str,
    n_slices: int,
) -> tuple[np.ndarray, np.ndarray]:
    background = np.asarray(background)
    if background.ndim != 3:
        raise InputError(
            "background",
            expected="a volume with three dimensions",
            found=f"shape {background.shape}",
            hint="give a mean or one volume of a series",
        )
    affine = np.asarray(affine, dtype=float)
    if affine.shape != (4, 4) or abs(np.linalg.det(affine[:3, :3])) < 1e-9:
        raise InputError(
            "affine",
            expected="an invertible 4 x 4 matrix from voxels to mm",
            found=f"\n{affine}",
            hint="give the affine of the background",
        )
    named = [("overlay", overlay)] if overlay is not None else []
    named += [(f"contours ({label})", mask) for mask, _, label in contours]
    for name, array in named:
        if np.shape(array) != background.shape:
            raise InputError(
                name,
                expected=f"the grid of the background, shape {background.shape}",
                found=f"shape {np.shape(array)}",
                hint="resample it to that grid first",
            )
    if not planes or set(planes) - set("xyz") or len(set(planes)) < len(planes) or n_slices < 1:
        raise InputError(
            "planes",
            expected="different letters of x, y and z, and at least one slice",
            found=f"planes={planes!r}, n_slices={n_slices}",
            hint="give planes='xyz' for sagittal, coronal and axial rows",
        )
    return _finite(background), affine


def _finite(volume: np.ndarray) -> np.ndarray:
    volume = np.asarray(volume, dtype=np.float32)
    with np.errstate(invalid="ignore", over="ignore"):
        clean = np.isfinite(volume.sum(dtype=np.float64))
    return volume if clean else np.nan_to_num(volume, posinf=0, neginf=0)


def _prepare_overlay(
    overlay: np.ndarray,
    overlay_range: tuple[float, float] | None,
    cmap: str | Colormap | None,
) -> _Overlay:
    data = _finite(overlay)
    if overlay_range is None:
        present = np.abs(data[data != 0])
        overlay_range = (0.0, float(np.percentile(present, 99.8)) if present.size else 1.0)
    low, high = (float(v) for v in overlay_range)
    if not 0 <= low < high < np.inf:
        raise InputError(
            "overlay_range",
            expected="a threshold of at least 0 and a larger upper end",
            found=f"{overlay_range}",
            hint="give (threshold, maximum), such as (3.1, 8)",
        )
    two_sided = bool(((data < 0) & (data <= -low)).any())
    if cmap is None and not two_sided:
        shades = mpl.colormaps["inferno"](np.linspace(0.33, 1, 256))
        cmap = LinearSegmentedColormap.from_list("inferno_upper", shades)
    colours = _DIVERGING if cmap is None else mpl.colormaps.get_cmap(cmap)
    return _Overlay(data, low, Normalize(-high if two_sided else low, high), colours)


def _shown(values: np.ndarray, low: float) -> np.ndarray:
    return (np.abs(values) >= low) & (values != 0)


def _paint(
    background: np.ndarray, affine: np.ndarray, layout: SliceLayout, overlay: _Overlay | None
) -> np.ndarray:
    """Render all slices into one picture, shape (height, width, 3), rows from below."""
    sample, _ = thinned(background, affine)
    inside = sample[bright(sample)]
    low, high = np.percentile(inside, [2, 99.5]) if inside.size else (0.0, 1.0)
    low = min(low, 0.25 * high)  # keep dark tissue apart from black
    n_columns, n_rows = (int(np.ceil(v / layout.step)) for v in layout.size)
    canvas = np.zeros((n_rows, n_columns, 3), dtype=np.float32)
    for plane, position, left, bottom in layout.panels():
        where = (affine, layout, plane, position)
        fine = layout.step / _SUPERSAMPLE
        grey = sample_slice(background, *where, step=fine, order=1)
        grey = np.clip((grey - low) / max(high - low, 1e-12), 0, 1)
        pixels = np.repeat(grey[..., None], 3, axis=2)
        if overlay is not None:
            values = sample_slice(overlay.data, *where, step=fine, order=0)
            shown = _shown(values, overlay.low)
            pixels[shown] = overlay.cmap(overlay.norm(values[shown]))[:, :3]
        pixels = np.rint(_shrink(pixels) * _LEVELS) / _LEVELS
        row, column = int(bottom / layout.step), int(left / layout.step)
        target = canvas[row : row + len(pixels), column : column + pixels.shape[1]]
        target[:] = pixels[: target.shape[0], : target.shape[1]]
    return canvas


def _shrink(pixels: np.ndarray) -> np.ndarray:
    """Average blocks of pixels, so that fine voxels do not alias."""
    height, width = (n // _SUPERSAMPLE for n in pixels.shape[:2])
    cut = pixels[: height * _SUPERSAMPLE, : width * _SUPERSAMPLE]
    return cut.reshape(height, _SUPERSAMPLE, width, _SUPERSAMPLE, 3).mean(axis=(1, 3))


def _open(layout: SliceLayout, canvas: np.ndarray, bar: bool) -> tuple[Figure, plt.Axes]:
    """Open a figure in which one pixel of the canvas is one pixel of the file."""
    top, bottom = 0.34, 0.5 if bar else 0.24
    picture = canvas.shape[0] / _DPI
    height = top + picture + bottom
    fig = plt.figure(figsize=(_WIDTH, height), dpi=_DPI)
    width = canvas.shape[1] / (_WIDTH * _DPI)
    ax = fig.add_axes((0, bottom / height, width, picture / height))
    extent = (0, canvas.shape[1] * layout.step, 0, canvas.shape[0] * layout.step)
    ax.imshow(canvas, origin="lower", extent=extent, interpolation="nearest", aspect="auto")
    ax.set_axis_off()
    return fig, ax


def _draw_contours(
    ax: plt.Axes, affine: np.ndarray, layout: SliceLayout, contours: Sequence[Contour]
) -> None:
    step = layout.step
    for mask, colour, _ in contours:
        volume = (np.asarray(mask) != 0).astype(np.uint8)
        for plane, position, left, bottom in layout.panels():
            level = sample_slice(volume, affine, layout, plane, position, step=step, order=1)
            if level.max() <= 0.5:
                continue
            across = left + (np.arange(level.shape[1]) + 0.5) * step
            up = bottom + (np.arange(level.shape[0]) + 0.5) * step
            ax.contour(across, up, level, levels=[0.5], colors=[colour], linewidths=1.0)


def _annotate(
    fig: Figure,
    ax: plt.Axes,
    layout: SliceLayout,
    contours: Sequence[Contour],
    title: str,
    mark: Sequence[float] | None,
) -> None:
    """Print title, labels of the contours, positions, sides, and the ring at the mark."""
    style = {"fontsize": 8, "ha": "center", "va": "bottom"}
    extent = layout.upper - layout.lower
    for plane, position, left, bottom in layout.panels():
        across, up = IN_PLANE[plane]
        middle = left + extent[across] / 2
        first = position == layout.positions[plane][0]
        number = f"{plane} = {position:.0f} mm" if first else f"{position:.0f}"
        ax.text(middle, bottom - layout.gutter * 0.85, number.replace("-", "−"), **style)
        if first:
            for side, x in zip(_SIDES[across], (left + 2, left + extent[across] - 2), strict=True):
                ax.text(
                    x,
                    bottom + extent[up] - 1,
                    side,
                    ha="left" if x == left + 2 else "right",
                    va="top",
                    weight="bold",
                    fontsize=9,
                )
        axis = "xyz".index(plane)
        if mark is not None and abs(position - mark[axis]) < 1e-6:
            x = left + mark[across] - layout.lower[across]
            y = bottom + mark[up] - layout.lower[up]
            ax.plot(x, y, "o", ms=9, mfc="none", mec="white", mew=1.2)
    height = fig.get_figheight()
    right = 0.992
    for mask, colour, label in reversed(list(contours)):
        empty = "" if np.any(mask) else " (empty)"
        text = fig.text(
            right, 1 - 0.17 / height, f"― {label}{empty}", color=colour, ha="right", va="center"
        )
        right -= text.get_window_extent().width / (_WIDTH * _DPI) + 0.02
    heading = fig.text(0.008, 1 - 0.17 / height, title, fontsize=10, va="center")
    _fit(heading, (right - 0.008) * _WIDTH * _DPI)
    fig.text(
        0.008,
        0.12 / height,
        "Left is on the left; positions in mm (RAS).",
        fontsize=7.5,
        color="#A8A8A8",
        va="center",
    )


def _fit(text: Text, width: float) -> None:
    """Make a text smaller, and if need be shorter, until it is at most ``width`` pixels wide."""
    found = text.get_window_extent().width
    if found <= width:
        return
    text.set_fontsize(max(text.get_fontsize() * width / found, 7.5))
    words = text.get_text()
    while text.get_window_extent().width > width and len(words) > 1:
        words = words[: len(words) * 9 // 10]
        text.set_text(words.rstrip() + " …")


def _colour_bar(fig: Figure, overlay: _Overlay, label: str) -> None:
    height = fig.get_figheight()
    ax = fig.add_axes((0.62, 0.36 / height, 0.3, 0.12 / height))
    bar = fig.colorbar(ScalarMappable(overlay.norm, overlay.cmap), cax=ax, orientation="horizontal")
    bar.outline.set_visible(False)
    bar.ax.tick_params(colors=_INK, labelsize=8, length=2)
    low, high, start = overlay.low, overlay.norm.vmax, overlay.norm.vmin
    if start < 0:
        if low > 0:
            ax.axvspan(-low, low, color="black")
        bar.set_ticks([-high, -low, low, high] if low else [-high, 0, high])
    else:
        bar.set_ticks([low, (low + high) / 2, high])
    bar.ax.xaxis.set_major_formatter(lambda value, _: f"{value:.3g}".replace("-", "−"))
    fig.text(0.612, 0.42 / height, label, ha="right", va="center", fontsize=8)
