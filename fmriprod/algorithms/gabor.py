"""Gabor pyramid: contrast energy by place, orientation and spatial frequency."""

from collections.abc import Sequence

import numpy as np

from fmriprod.algorithms.checks import InputError

FREQUENCIES = (1, 2, 4, 8, 16, 32)
N_ORIENTATIONS = 8
_SIGMA = 0.56  # in periods: a bandwidth of one octave
_REACH = 4.0  # of the envelope, in sigma

LUMINANCE = np.array([0.299, 0.587, 0.114], dtype=np.float32)
"""Weights of red, green and blue (ITU-R BT.601)."""


def luminance(images: np.ndarray) -> np.ndarray:
    """Weigh red, green and blue.

    Parameters
    ----------
    images : ndarray, shape (n, 3, height, width), float32
        Images.

    Returns
    -------
    ndarray, shape (n, height, width), float32
        Luminance, on the images' scale.
    """
    return np.einsum("nchw,c->nhw", images, LUMINANCE, dtype=np.float32)


def pyramid_frequencies(height: int, width: int) -> list[int]:
    """List the frequencies that fit an image: below half a cycle per pixel, with the envelope.

    Returns
    -------
    list of int
        Those of 1, 2, 4, 8, 16 and 32 cycles per image up to a third of a cycle per pixel.

    Raises
    ------
    InputError
        If the image is too small for any.
    """
    fitting = [f for f in FREQUENCIES if 3 * f <= min(height, width)]
    if not fitting:
        raise InputError(
            "images",
            expected="images of at least 3 x 3 pixels",
            found=f"{height} x {width}",
            hint="give larger images, or a size",
        )
    return fitting


def gabor_energy(
    images: np.ndarray, frequency: float, n_orientations: int = N_ORIENTATIONS
) -> np.ndarray:
    """Measure contrast energy at one spatial frequency.

    A Gabor function with a round envelope is a product of one along rows and one along columns,
    so the answers at all places of a grid are two matrix products; nothing wraps around, and no
    place that is not kept is computed. The filters have no answer to uniform images, at the
    borders too: what the envelope alone would give is subtracted.

    Parameters
    ----------
    images : ndarray, shape (n, height, width), float32
        Luminance.
    frequency : float
        Cycles per image (of its shorter side). The grid has ``ceil(frequency)`` places along the
        shorter side and as many more along the other as it is longer.
    n_orientations : int
        Orientations from 0 to 180 degrees: of the wave's direction, 0 along the rows (bars stand
        upright), counter-clockwise as an image is seen.

    Returns
    -------
    ndarray, shape (n, n_orientations, rows, columns), float32
        Square root of the sum of squares of the even and the odd filter's answers: for a grating
        of the filter's own frequency and orientation, half its amplitude.

    References
    ----------
    Pyramid of Kay et al. 2008, Nature 452:352: frequencies in octaves, eight orientations, a grid
    that grows with frequency, energy of quadrature pairs.
    """
    images = np.asarray(images, dtype=np.float32)
    n, height, width = images.shape
    cycles = frequency / min(height, width)  # per pixel
    angles = np.pi * np.arange(n_orientations) / n_orientations
    down, envelope_down = _line_filters(height, cycles, -np.sin(angles))
    along, envelope_along = _line_filters(width, cycles, np.cos(angles))
    envelope = np.einsum("ry,nyx,cx->nrc", envelope_down, images, envelope_along, optimize=True)
    energy = np.empty((n, n_orientations, len(envelope_down), len(envelope_along)), np.float32)
    lines = images.reshape(n * height, width)
    for k in range(n_orientations):
        # Real lines times real and imaginary parts side by side: no complex copy of the images.
        parts = lines @ np.ascontiguousarray(along[k].T).view(np.float32)
        response = down[k] @ parts.view(np.complex64).reshape(n, height, -1)
        uniform = np.outer(down[k].sum(axis=1), along[k].sum(axis=1))
        uniform /= np.outer(envelope_down.sum(axis=1), envelope_along.sum(axis=1))
        energy[:, k] = np.abs(response - uniform * envelope)
    return energy


def _line_filters(
    n_pixels: int, cycles: float, direction: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Sample one factor of the filters: ``(n_orientations, n_places, n_pixels)``, and envelopes."""
    n_places = max(1, int(np.ceil(round(cycles * n_pixels, 6))))
    centres = (np.arange(n_places) + 0.5) * n_pixels / n_places - 0.5
    offset = np.arange(n_pixels) - centres[:, None]
    sigma = _SIGMA / cycles
    envelope = np.exp(-(offset**2) / (2 * sigma**2)) * (np.abs(offset) <= _REACH * sigma)
    envelope /= np.sqrt(2 * np.pi) * sigma  # sums to 1 far from the borders
    wave = np.exp(2j * np.pi * cycles * direction[:, None, None] * offset)
    return (wave * envelope).astype(np.complex64), envelope.astype(np.float32)


def gabor_pyramid(
    images: np.ndarray,
    frequencies: Sequence[float] | None = None,
    n_orientations: int = N_ORIENTATIONS,
) -> dict[str, np.ndarray]:
    """Measure contrast energy at several spatial frequencies, each of them a layer.

    Parameters
    ----------
    images : ndarray, shape (n, height, width), float32
        Luminance.
    frequencies : sequence of float, optional
        Cycles per image; `pyramid_frequencies` unless given.
    n_orientations : int
        Orientations.

    Returns
    -------
    dict of str to ndarray, shape (n, n_orientations, rows, columns), float32
        ``gabor1``, ``gabor2``, ... by frequency; see `gabor_energy`.
    """
    if frequencies is None:
        frequencies = pyramid_frequencies(*np.shape(images)[1:])
    return {f"gabor{f:g}": gabor_energy(images, f, n_orientations) for f in frequencies}
