"""Stimuli without any data set: scenes of overlapping textured shapes, drawn faces and places.

Every image is a function of the seed and of its own number only. All have the same mean and, but
for what is clipped, the same contrast inside a round grey frame, so that neither tells what is
shown.
"""

from collections.abc import Mapping

import numpy as np
from scipy.ndimage import gaussian_filter

from fmriprod.algorithms.checks import InputError, suggest
from fmriprod.algorithms.simulate_drawings import draw_face, draw_place
from fmriprod.algorithms.simulate_shapes import Canvas, pink_noise, scatter_shapes

KINDS = ("natural", "face", "place")
_DRAW = {"face": draw_face, "place": draw_place}
_CONTRAST = 0.2  # standard deviation within the frame; luminance is in [0, 1]
_FRAME = 0.98  # radius of the round frame, in half widths
_LOCAL = 0.1  # of the width: over what contrast is evened out
_SMALLEST = 16


def simulate_stimuli(
    counts: Mapping[str, int], *, size: int = 128, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Make images with known contents.

    Parameters
    ----------
    counts : mapping of str to int
        How many images of each kind: ``natural`` (dead leaves [1]_: shapes with textures that
        occlude each other before 1/f noise), ``face`` (a schematic face: oval, hair, eyes, nose
        and mouth) and ``place`` (houses, or a corridor in perspective). Position, size, tilt
        and polarity of faces and places vary, and shapes lie behind and before them.
    size : int
        Width and height in pixels, at least 16.
    seed : int
        Seed of all that is random.

    Returns
    -------
    images : ndarray of uint8, shape (n, size, size)
        Grey images, row 0 at the top; natural ones first, then faces, then places.
    kinds : ndarray of str, shape (n,)
        Kind of each image.

    Raises
    ------
    InputError
        If a kind is unknown, no image is asked for, or images are too small.

    References
    ----------
    .. [1] Lee, Mumford, Huang (2001), Occlusion models for natural images, International
       Journal of Computer Vision 41:35.
    """
    _check(counts, size)
    images, kinds = [], []
    for number, kind in enumerate(KINDS):
        for index in range(counts.get(kind, 0)):
            # A stream of its own for each image: more of a kind leave the others as they are.
            rng = np.random.default_rng([seed, number, index])
            images.append(_image(kind, size, rng))
            kinds.append(kind)
    return np.stack(images), np.array(kinds)


def _check(counts: Mapping[str, int], size: int) -> None:
    for kind, count in counts.items():
        if kind not in KINDS:
            raise InputError(
                "counts", expected="kinds of stimuli", found=repr(kind), hint=suggest(kind, KINDS)
            )
        if count < 0:
            raise InputError(
                "counts", expected="numbers of images, 0 or more", found=f"{kind}: {count}",
                hint="leave the kind out",
            )  # fmt: skip
    if not sum(counts.values()):
        raise InputError(
            "counts", expected="at least one image", found=str(dict(counts)),
            hint="ask for natural images",
        )  # fmt: skip
    if size < _SMALLEST:
        raise InputError(
            "size", expected=f"at least {_SMALLEST} pixels", found=str(size), hint="give 64 to 256"
        )


def _image(kind: str, size: int, rng: np.random.Generator) -> np.ndarray:
    """Draw one image, of 8 bits, in its frame."""
    # How rough the background of a drawing is differs as much within a kind as between kinds.
    rough = 0.15 if kind == "natural" else rng.uniform(0.01, 0.12)
    canvas = Canvas(size, 0.5 + rough * pink_noise(size, rng))
    if kind == "natural":
        scatter_shapes(canvas, 110, rng)
    else:
        scatter_shapes(canvas, int(rng.integers(5, 20)), rng)
        _DRAW[kind](canvas, rng)
        scatter_shapes(canvas, int(rng.integers(8, 16)), rng)
        canvas.image += rng.uniform(0.01, 0.12) * pink_noise(size, rng)
    radius = np.hypot(canvas.x, canvas.y)
    inside = radius < _FRAME
    level = canvas.image if kind == "natural" else _even_contrast(canvas.image, size)
    level = level - level[inside].mean()
    level *= _CONTRAST / max(float(level[inside].std()), 1e-6)
    # The frame ends softly over a twentieth of the half width: no sharp circle in every image.
    frame = np.clip((_FRAME - radius) / 0.05, 0, 1)
    return np.rint(255 * np.clip(0.5 + frame * level, 0, 1)).astype(np.uint8)


def _even_contrast(image: np.ndarray, size: int) -> np.ndarray:
    """Lower high local contrast and raise low, half the way: faces are smooth in the middle."""
    mean = gaussian_filter(image, _LOCAL * size, mode="nearest")
    detail = image - mean
    spread = 0.01 + np.sqrt(gaussian_filter(detail**2, _LOCAL * size, mode="nearest"))
    return mean + detail * np.sqrt(spread.mean() / spread)
