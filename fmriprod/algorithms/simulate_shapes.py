"""Draw shapes with soft edges and textures over each other on a grey image."""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, field

import numpy as np


@dataclass
class Canvas:
    """A grey image that shapes are painted on.

    Attributes
    ----------
    size : int
        Width and height in pixels.
    image : ndarray of float64, shape (size, size)
        Luminance about 0 to 1, row 0 at the top.
    x, y : ndarray of float64, shape (size, size)
        Pixel centres in half widths: from -1 (left, bottom) to 1 (right, top).
    """

    size: int
    image: np.ndarray
    x: np.ndarray = field(init=False)
    y: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        axis = (np.arange(self.size) + 0.5) / self.size * 2 - 1
        self.x, self.y = np.meshgrid(axis, -axis)

    def paint(self, distance: np.ndarray, luminance: np.ndarray | float) -> None:
        """Paint where a distance to the edge, in half widths, is positive; edges are soft."""
        cover = np.clip(distance * self.size / 2 + 0.5, 0, 1)
        self.image += cover * (luminance - self.image)

    def around(self, centre: np.ndarray, reach: float) -> tuple["Canvas", tuple[slice, slice]]:
        """Give the part of the canvas about a centre, which paints on the same image."""
        first = np.floor((centre * (1, -1) - reach + 1) * self.size / 2).clip(0, self.size)
        last = np.ceil((centre * (1, -1) + reach + 1) * self.size / 2).clip(0, self.size)
        columns, rows = (slice(int(a), int(b)) for a, b in zip(first, last, strict=True))
        part = copy(self)
        part.image, part.x, part.y = (a[rows, columns] for a in (self.image, self.x, self.y))
        return part, (rows, columns)

    def frame(
        self, centre: Sequence[float] | np.ndarray, scale: float = 1.0, tilt: float = 0.0
    ) -> tuple[np.ndarray, np.ndarray]:
        """Give pixel centres in a frame at `centre`, turned by `tilt` rad, in units of `scale`."""
        x, y = self.x - centre[0], self.y - centre[1]
        cos, sin = np.cos(tilt), np.sin(tilt)
        return (x * cos + y * sin) / scale, (y * cos - x * sin) / scale


def ellipse(u: np.ndarray, v: np.ndarray, a: float, b: float) -> np.ndarray:
    """Distance to the edge of an ellipse with half axes `a` and `b`, about; inside positive."""
    return (1 - np.hypot(u / a, v / b)) * min(a, b)


def rectangle(u: np.ndarray, v: np.ndarray, a: float, b: float) -> np.ndarray:
    """Distance to the edge of a rectangle of half width `a` and half height `b`."""
    return np.minimum(a - np.abs(u), b - np.abs(v))


def triangle(u: np.ndarray, v: np.ndarray, a: float, b: float) -> np.ndarray:
    """Distance to the edge of a triangle: base ``2 a`` at ``v = -b``, tip at ``v = b``, about."""
    slope = 2 * b / a
    sides = (2 * b - slope * np.abs(u) - (v + b)) / np.hypot(1, slope)
    return np.minimum(sides, v + b)


_Point = tuple[float, float]


def band(u: np.ndarray, v: np.ndarray, start: _Point, end: _Point, width: float) -> np.ndarray:
    """Distance to the edge of a straight line of a half width `width` from start to end."""
    along = np.subtract(end, start)
    length = max(float(along @ along), 1e-12)
    share = np.clip(((u - start[0]) * along[0] + (v - start[1]) * along[1]) / length, 0, 1)
    return width - np.hypot(u - start[0] - share * along[0], v - start[1] - share * along[1])


_SHAPES = (ellipse, rectangle, triangle)


def pink_noise(size: int, rng: np.random.Generator, exponent: float = 1.0) -> np.ndarray:
    """Draw noise whose amplitude falls with ``1 / frequency ** exponent``; mean 0, variance 1."""
    y, x = np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None]
    frequency = np.hypot(x, y)
    frequency[0, 0] = np.inf
    spectrum = np.fft.rfft2(rng.standard_normal((size, size))) / frequency**exponent
    noise = np.fft.irfft2(spectrum, (size, size))
    return noise / noise.std()


def scatter_shapes(canvas: Canvas, n_shapes: int, rng: np.random.Generator) -> None:
    """Paint shapes over each other; their sizes follow a power law, as in dead leaves."""
    noises = [pink_noise(canvas.size, rng, exponent) for exponent in (0.5, 1.0, 1.5)]
    # Radii with a density that falls as the third power, between a twentieth and a half.
    low, high = 0.05**-2, 0.5**-2
    radii = (high + (low - high) * rng.uniform(size=n_shapes)) ** -0.5
    for radius in radii:
        centre, tilt = rng.uniform(-1.1, 1.1, 2), rng.uniform(0, 2 * np.pi)
        a, b = radius * np.exp(rng.uniform(-0.5, 0.5, 2))
        part, where = canvas.around(centre, np.hypot(a, b) + 2 / canvas.size)
        u, v = part.frame(centre, tilt=tilt)
        outline = _SHAPES[rng.integers(len(_SHAPES))]
        part.paint(outline(u, v, a, b), texture(u, v, noises, where, rng))


def texture(
    u: np.ndarray,
    v: np.ndarray,
    noises: list[np.ndarray],
    where: tuple[slice, slice],
    rng: np.random.Generator,
) -> np.ndarray | float:
    """Draw a luminance: even, shaded, a grating or noise, with a mean of its own.

    `noises` cover the canvas, of which ``u`` and ``v`` cover the part `where`.
    """
    mean, contrast = rng.uniform(0.1, 0.9), rng.uniform(0.05, 0.3)
    kind = rng.integers(4)
    if kind == 0:
        return mean
    if kind == 1:
        return mean + 0.5 * contrast * (u + v)
    if kind == 2:
        return mean + contrast * np.sin(rng.uniform(8, 50) * u + rng.uniform(0, 2 * np.pi))
    size = len(noises[0])
    places = [
        (np.arange(part.start, part.stop) + shift) % size  # noise wraps around
        for part, shift in zip(where, rng.integers(0, size, 2), strict=True)
    ]
    return mean + contrast * noises[rng.integers(len(noises))][np.ix_(*places)]
