"""Rows of slices through a volume, with contours and a coloured map on top."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import Colormap, LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.slices import (
    SliceLayout,
    arrange_slices,
    bright,
    sample_slice,
    thinned,
)
from fmriprod.reports.slices_drawing import (
    DPI,
    INK,
    WIDTH,
    Contour,
    annotate,
    colour_bar,
    draw_contours,
    open_canvas,
)
from fmriprod.reports.style import SETTINGS

_SUPERSAMPLE = 2
_LEVELS = 64  # shades of each colour; the eye sees no more, and the file is a third smaller
_GUTTER = 15  # pixels under each row for the positions
# Dark to light away from zero on both sides, so that the strongest effect is the brightest.
_DIVERGING = LinearSegmentedColormap.from_list(
    "cold_hot",
    ["#B5F5FF", "#3FB4F5", "#1A4FC4", "#16266B", "#5E0B12", "#C4281A", "#F5853F", "#FFF3A8"],
)


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
        width=round(WIDTH * DPI),
        gutter=_GUTTER,
        mark=mark,
    )
    canvas = _paint(background, affine, layout, painted)
    settings = SETTINGS | {
        "savefig.facecolor": "black",
        "savefig.dpi": DPI,
        "text.color": INK,
        "figure.facecolor": "black",
    }
    with mpl.rc_context(settings):
        fig, ax = open_canvas(layout, canvas, bar=painted is not None)
        try:
            draw_contours(ax, affine, layout, contours)
            annotate(fig, ax, layout, contours, title, mark)
            if painted is not None:
                colour_bar(fig, painted.norm, painted.cmap, painted.low, overlay_label)
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
