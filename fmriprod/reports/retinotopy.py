"""Figure of preferred angles on slices, with the wheel that tells their colours."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from fmriprod.reports.slices import slices_figure
from fmriprod.reports.slices_drawing import INK

_STRIP = 1.75  # inches at the right, for the wheel


def angle_colours(n: int = 256) -> ListedColormap:
    """Give the colours of angles from 0 (right) over pi / 2 (up) to 2 pi, without a seam.

    Hue goes round in OKLab at equal chroma, in even steps. Right is yellow and left blue,
    and up is lighter than down, so that both axes of the visual field are seen with any
    colour vision; nothing is as dark or as pale as the grey below it.
    """
    angle = 2 * np.pi * np.arange(n) / n
    hue = angle + np.deg2rad(95)
    lightness = 0.72 + 0.1 * np.sin(angle)
    return ListedColormap(_oklab_to_srgb(lightness, 0.125 * np.cos(hue), 0.125 * np.sin(hue)))


@contextmanager
def angle_figure(
    angle: np.ndarray,
    background: np.ndarray,
    affine: np.ndarray,
    *,
    title: str = "Preferred angle",
    simulated: bool = False,
    planes: str = "xyz",
) -> Iterator[Figure]:
    """Draw the angle of the visual field that each voxel prefers.

    Parameters
    ----------
    angle : ndarray, shape (x, y, z)
        In rad, counter-clockwise from the right horizontal meridian, y upwards; NaN where
        nothing is shown.
    background : ndarray, shape (x, y, z)
        Volume in grey on the same grid.
    affine : ndarray, shape (4, 4)
        Voxel to world (RAS, mm).
    title : str
        Printed at the top left.
    simulated : bool
        Whether the figure says that its data are simulated.
    planes : str
        Rows, of ``x``, ``y``, ``z``.

    Yields
    ------
    matplotlib.figure.Figure
    """
    turn = 2 * np.pi
    present = np.isfinite(angle)
    shown = np.where(present, np.nan_to_num(angle) % turn, 0)
    shown[present & (shown == 0)] = 1e-6  # the slices do not draw exact zeros
    with slices_figure(
        background,
        affine,
        overlay=shown,
        overlay_range=(0, turn),
        cmap=angle_colours(),
        planes=planes,
        title=title + " – simulated data" * simulated,
    ) as figure:
        figure.axes[1].remove()  # a bar would have a seam where angles have none
        _widen(figure, _STRIP)
        _draw_wheel(figure)
        yield figure


def _widen(figure: Figure, inches: float) -> None:
    """Add room at the right of a figure; all that is there keeps its size and place."""
    width, height = figure.get_size_inches()
    share = width / (width + inches)
    places = [ax.get_position().bounds for ax in figure.axes]
    figure.set_size_inches(width + inches, height)
    for ax, (left, bottom, wide, high) in zip(figure.axes, places, strict=True):
        ax.set_position((left * share, bottom, wide * share, high))
    for text in figure.texts:
        text.set_x(text.get_position()[0] * share)


def _draw_wheel(figure: Figure) -> None:
    """Draw a ring at the right, with the colour of each angle where it lies in the field."""
    width, height = figure.get_size_inches()
    size = min(0.62 * _STRIP, 0.55 * height)
    left, bottom = width - (_STRIP + size) / 2, (height - size) / 2
    place = (left / width, bottom / height, size / width, size / height)
    wheel = figure.add_axes(place, projection="polar")
    edges = np.linspace(0, 2 * np.pi, 257)
    wheel.pcolormesh(edges, [0.45, 1.0], edges[None, :-1], cmap=angle_colours(), vmin=0,
                     vmax=2 * np.pi, rasterized=True)  # fmt: skip
    wheel.set(ylim=(0, 1), yticks=[], xticks=[])
    wheel.spines["polar"].set_visible(False)
    wheel.grid(False)
    wheel.set_facecolor("none")
    wheel.plot(0, 0, "+", color=INK, ms=6)  # where the eye fixates
    sides = {
        "R": (1.03, 0.5, "left", "center"),
        "L": (-0.03, 0.5, "right", "center"),
        "up": (0.5, 1.04, "center", "bottom"),
        "down": (0.5, -0.04, "center", "top"),
    }
    for name, (x, y, across, up) in sides.items():
        wheel.text(x, y, name, transform=wheel.transAxes, ha=across, va=up, fontsize=8)
    words = "angle in the\nvisual field"
    middle, top = (left + size / 2) / width, (bottom + size + 0.2) / height
    figure.text(middle, top, words, ha="center", va="bottom", fontsize=8)


def _oklab_to_srgb(lightness: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Turn OKLab into sRGB, both of shape (n, 3); Ottosson (2020), "A perceptual color space"."""
    lab = np.stack([lightness, a, b], axis=-1)
    to_cones = np.array(
        [[1, 0.3963377774, 0.2158037573], [1, -0.1055613458, -0.0638541728],
         [1, -0.0894841775, -1.2914855480]]
    )  # fmt: skip
    to_linear = np.array(
        [[4.0767416621, -3.3077115913, 0.2309699292], [-1.2684380046, 2.6097574011, -0.3413193965],
         [-0.0041960863, -0.7034186147, 1.7076147010]]
    )  # fmt: skip
    linear = np.clip((lab @ to_cones.T) ** 3 @ to_linear.T, 0, 1)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
