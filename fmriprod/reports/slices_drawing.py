"""What is drawn over the slices of a volume: outlines, positions, sides, the colour bar."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, Normalize
from matplotlib.figure import Figure
from matplotlib.text import Text

from fmriprod.algorithms.slices import IN_PLANE, SliceLayout, sample_slice

WIDTH, DPI = 9.0, 120  # inches, pixels per inch: 1080 pixels wide
INK = "#E8E8E8"
_SIDES = {0: ("L", "R"), 1: ("P", "A")}

Contour = tuple[np.ndarray, str, str]


def open_canvas(layout: SliceLayout, canvas: np.ndarray, bar: bool) -> tuple[Figure, plt.Axes]:
    """Open a figure in which one pixel of the canvas is one pixel of the file."""
    top, bottom = 0.34, 0.5 if bar else 0.24
    picture = canvas.shape[0] / DPI
    height = top + picture + bottom
    fig = plt.figure(figsize=(WIDTH, height), dpi=DPI)
    width = canvas.shape[1] / (WIDTH * DPI)
    ax = fig.add_axes((0, bottom / height, width, picture / height))
    extent = (0, canvas.shape[1] * layout.step, 0, canvas.shape[0] * layout.step)
    ax.imshow(canvas, origin="lower", extent=extent, interpolation="nearest", aspect="auto")
    ax.set_axis_off()
    return fig, ax


def draw_contours(
    ax: plt.Axes, affine: np.ndarray, layout: SliceLayout, contours: Sequence[Contour]
) -> None:
    """Draw the outline of each mask, half way between its voxels and the others."""
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


def annotate(
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
        number = str(round(position)).replace("-", "−")
        words = f"{plane} = {number} mm" if first else number
        ax.text(middle, bottom - layout.gutter * 0.85, words, **style)
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
        right -= text.get_window_extent().width / (WIDTH * DPI) + 0.02
    heading = fig.text(0.008, 1 - 0.17 / height, title, fontsize=10, va="center")
    _fit(heading, (right - 0.008) * WIDTH * DPI)
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


def colour_bar(fig: Figure, norm: Normalize, cmap: Colormap, low: float, label: str) -> None:
    """Draw the colour bar, black below the threshold, with its label on the left."""
    height = fig.get_figheight()
    ax = fig.add_axes((0.62, 0.36 / height, 0.3, 0.12 / height))
    bar = fig.colorbar(ScalarMappable(norm, cmap), cax=ax, orientation="horizontal")
    bar.outline.set_visible(False)
    bar.ax.tick_params(colors=INK, labelsize=8, length=2)
    high = norm.vmax
    if norm.vmin < 0:
        if low > 0:
            ax.axvspan(-low, low, color="black")
        bar.set_ticks([-high, -low, low, high] if low else [-high, 0, high])
    else:
        bar.set_ticks([low, (low + high) / 2, high])
    bar.ax.xaxis.set_major_formatter(lambda value, _: f"{value:.3g}".replace("-", "−"))
    fig.text(0.612, 0.42 / height, label, ha="right", va="center", fontsize=8)
