"""Schematic faces and places, drawn where and how chance has it."""

import numpy as np

from fmriprod.algorithms.simulate_shapes import (
    Canvas,
    band,
    ellipse,
    pink_noise,
    rectangle,
    triangle,
)


def draw_face(canvas: Canvas, rng: np.random.Generator) -> None:
    """Draw an oval with hair, brows, eyes, nose and mouth.

    Parameters
    ----------
    canvas : Canvas
        What to draw on.
    rng : numpy.random.Generator
        Draws place, size, tilt, luminances and proportions.
    """
    scale = rng.uniform(0.4, 0.72)
    u, v = canvas.frame(rng.uniform(-0.25, 0.25, 2), scale, rng.uniform(-0.3, 0.3))
    width, skin = rng.uniform(0.66, 0.84), rng.uniform(0.35, 0.8)
    hair = skin + rng.choice([-1, 1]) * rng.uniform(0.2, 0.35)
    dark = skin - rng.uniform(0.25, 0.35)

    def paint(distance: np.ndarray, luminance: np.ndarray | float) -> None:
        canvas.paint(distance * scale, luminance)  # distances in units of the picture

    paint(ellipse(u, v - 0.12, width + 0.12, 1.1), hair)
    # A side is lit, and skin is not even.
    shade = rng.uniform(-0.15, 0.15) * u + 0.02 * pink_noise(canvas.size, rng)
    paint(np.minimum(ellipse(u, v, width, 1.0), rng.uniform(0.5, 0.75) - v), skin + shade)
    apart, height, open_ = rng.uniform(0.26, 0.36), rng.uniform(0.1, 0.25), rng.uniform(0.06, 0.11)
    for side in (-1, 1):
        eye = u - side * apart, v - height
        paint(ellipse(*eye, 0.18, open_), skin + 0.25)
        paint(ellipse(*eye, 0.08, 0.08), dark - 0.1)
        brow = (side * (apart - 0.18), height + 0.2), (side * (apart + 0.18), height + 0.22)
        paint(band(u, v, *brow, 0.045), dark)
    for start, end in (((0.0, height), (-0.1, -0.2)), ((-0.1, -0.2), (0.1, -0.22))):
        paint(band(u, v, start, end, 0.025), dark + 0.1)
    mouth, curve = rng.uniform(0.2, 0.36), rng.uniform(-0.5, 0.9)
    paint(ellipse(u, v + 0.52 - curve * u**2, mouth, rng.uniform(0.06, 0.12)), dark)


def draw_place(canvas: Canvas, rng: np.random.Generator) -> None:
    """Draw houses before a horizon, or a corridor in perspective.

    Parameters
    ----------
    canvas : Canvas
        What to draw on.
    rng : numpy.random.Generator
        Draws which of the two, the point of view, luminances and proportions.
    """
    if rng.uniform() < 0.5:
        _corridor(canvas, rng)
    else:
        _houses(canvas, rng)


def _houses(canvas: Canvas, rng: np.random.Generator) -> None:
    """Draw one to three houses, with a road that runs to the horizon."""
    horizon = rng.uniform(-0.3, 0.1)
    sky, ground = rng.permutation([rng.uniform(0.6, 0.9), rng.uniform(0.15, 0.45)])
    noise = pink_noise(canvas.size, rng)
    canvas.paint(canvas.y - horizon, sky + 0.1 * (canvas.y - horizon) + 0.02 * noise)
    canvas.paint(horizon - canvas.y, ground + 0.04 * noise)
    point = rng.uniform(-0.5, 0.5)
    for foot in rng.uniform(-1.2, -0.2), rng.uniform(0.2, 1.2):
        line = (point, horizon), (point + 1.5 * foot, horizon - 1.5)
        canvas.paint(band(canvas.x, canvas.y, *line, 0.02), sky)
    n_houses = int(rng.integers(1, 4))
    for place in np.linspace(-0.6, 0.6, n_houses) if n_houses > 1 else (rng.uniform(-0.3, 0.3),):
        half = rng.uniform(0.24, 0.3) if n_houses > 1 else rng.uniform(0.4, 0.6)
        _house(canvas, rng, place, horizon - 0.1, half)


def _house(
    canvas: Canvas, rng: np.random.Generator, place: float, foot: float, half: float
) -> None:
    """Draw a front with a gable, rows of windows and a door; it stands at `foot`."""
    x, y = canvas.x - place, canvas.y - foot
    wall, high = rng.uniform(0.3, 0.8), half * rng.uniform(0.7, 1.1)
    dark = wall + rng.choice([-1, 1]) * rng.uniform(0.25, 0.4)
    canvas.paint(rectangle(x, y - high, half, high), wall)
    gable = half * rng.uniform(0.3, 0.5)
    canvas.paint(triangle(x, y - 2 * high - gable, 1.15 * half, gable), dark)
    columns, rows = int(rng.integers(2, 4)), int(rng.integers(1, 3))
    for column in np.linspace(-0.62, 0.62, columns) * half:
        for row in range(rows):
            middle = high * (1.5 - 0.8 * row)
            pane = x - column, y - middle
            canvas.paint(rectangle(*pane, 0.16 * half, 0.2 * high), dark)
            canvas.paint(rectangle(*pane, 0.02 * half, 0.2 * high), wall)
            canvas.paint(rectangle(*pane, 0.16 * half, 0.02 * high), wall)
    canvas.paint(rectangle(x, y - 0.3 * high, 0.14 * half, 0.3 * high), dark)


def _corridor(canvas: Canvas, rng: np.random.Generator) -> None:
    """Draw floor, ceiling and walls that run to a far end, with tiles and doors."""
    centre = rng.uniform(-0.35, 0.35, 2)
    half, high = rng.uniform(0.1, 0.25, 2)
    x, y = canvas.x - centre[0], canvas.y - centre[1]
    levels = rng.permutation([0.2, 0.4, 0.6, 0.8]) + rng.uniform(-0.08, 0.08, 4)
    # Distance to the eye, 1 at the far end: how many times a point lies outside of the end.
    near = np.maximum(np.abs(x) / half, np.abs(y) / high)
    depth = 1 / np.maximum(near, 1e-3)
    walls = np.abs(x) / half > np.abs(y) / high
    sides = np.where(x < 0, levels[0], levels[1])
    floors = np.where(y < 0, levels[2], levels[3])
    image = np.where(walls, sides, floors)
    beats = rng.integers(3, 7)
    stripes = np.sign(np.sin(2 * np.pi * beats * depth)) * 0.07
    lanes = np.sign(np.sin(rng.uniform(4, 8) * (x / half) / np.maximum(near, 1e-3))) * 0.07
    image += np.where(walls, stripes, np.where(y < 0, stripes * lanes / 0.07, 0.0))
    door = walls & (y / (np.maximum(near, 1) * high) < 0.4) & (np.sin(beats * np.pi * depth) > 0.5)
    image = np.where(door, 1 - image, image)
    image += 0.02 * pink_noise(canvas.size, rng)
    canvas.image[:] = image
    canvas.paint(rectangle(x, y, half, high), rng.uniform(0.1, 0.9))
    canvas.paint(rectangle(x, y, 0.5 * half, 0.7 * high), rng.uniform(0.1, 0.9))
