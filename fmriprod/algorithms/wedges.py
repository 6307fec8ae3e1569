"""Wedges that turn around the centre of an image, and images seen through them."""

from typing import NamedTuple

import numpy as np
from scipy.ndimage import gaussian_filter

from fmriprod.algorithms.checks import InputError


class Wedges(NamedTuple):
    """Masks of wedges.

    ``masks`` is float32 of shape ``(n_wedges, height, width)``, 1 inside, 0 outside;
    ``angles`` float64 of shape ``(n_wedges,)``, the middle of each wedge in rad.
    """

    masks: np.ndarray
    angles: np.ndarray


def polar_angle(shape: tuple[int, int]) -> np.ndarray:
    """Polar angle of each pixel as seen from the centre of the image.

    Parameters
    ----------
    shape : (int, int)
        Height and width in pixels.

    Returns
    -------
    ndarray of float64, shape (height, width)
        In rad from -pi to pi, counter-clockwise from the right horizontal meridian, with y
        upwards: the top of the image is at pi / 2.
    """
    up, right = _offsets(shape)
    return np.arctan2(up, right)


def wedge_masks(
    shape: tuple[int, int],
    *,
    width: float = 30.0,
    step: float = 15.0,
    blur: float = 0.02,
    aperture: float | None = 1.0,
) -> Wedges:
    """Make the masks of wedges all around the centre of an image.

    Binary wedges, cut by a circle, then blurred. A wedge has one of its two edges: without
    blur, every pixel of the circle lies in exactly ``width / step`` wedges where that is
    whole.

    Parameters
    ----------
    shape : (int, int)
        Height and width in pixels.
    width : float
        Angle that a wedge covers, in degrees.
    step : float
        Angle from one wedge to the next in degrees; a whole number of them makes 360.
    blur : float
        Standard deviation of the Gaussian, as a share of the image's width in pixels.
    aperture : float or None
        Radius of the circle as a share of half the shorter side; None for no circle.

    Returns
    -------
    Wedges
        The first points to the right, the others follow counter-clockwise.

    Raises
    ------
    InputError
        If a number lies outside its range or the steps do not close the circle.

    References
    ----------
    Eickenberg et al. (2017), NeuroImage 152, 184: 24 wedges of 30 degrees in steps of 15,
    blurred by 2 % of the width.

    Examples
    --------
    >>> masks, angles = wedge_masks((64, 64))
    >>> len(masks), float(np.rad2deg(angles[6]).round(6))
    (24, 90.0)
    """
    n_wedges = _checked(shape, width, step, blur, aperture)
    degrees = np.rad2deg(polar_angle(shape))
    inside = np.ones(shape, dtype=bool)
    if aperture is not None:
        inside = np.hypot(*_offsets(shape)) <= aperture * min(shape) / 2
    angles = step * np.arange(n_wedges)
    masks = np.empty((n_wedges, *shape), dtype=np.float32)
    for mask, angle in zip(masks, angles, strict=True):
        wedge = (degrees - angle + width / 2) % 360 < width
        mask[:] = wedge & inside
        if blur:
            mask[:] = gaussian_filter(mask, blur * shape[1], mode="nearest")
    return Wedges(masks, np.deg2rad(angles))


def through_mask(image: np.ndarray, mask: np.ndarray, background: float) -> np.ndarray:
    """Show an image through a mask.

    Parameters
    ----------
    image : ndarray of uint8, shape (height, width) or (height, width, n_channels)
        The image.
    mask : ndarray, shape (height, width)
        1 where the image is seen, 0 where the background is, mixed between.
    background : float
        Grey level around it, from 0 (black) to 255 (white).

    Returns
    -------
    ndarray of uint8, shape of ``image``
        Rounded to whole grey levels.
    """
    weight = mask if image.ndim == 2 else mask[..., None]
    mixed = np.float32(background) + weight * (image - np.float32(background))
    return np.clip(np.rint(mixed), 0, 255).astype(np.uint8)


def _offsets(shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Distance of each pixel from the centre in pixels, upwards and to the right."""
    height, width = shape
    rows, columns = np.indices((height, width))
    return (height - 1) / 2 - rows, columns - (width - 1) / 2


def _checked(
    shape: tuple[int, int], width: float, step: float, blur: float, aperture: float | None
) -> int:
    """Check what wedges are made of; tell how many there are."""
    ranges = (
        ("width", width, 0 < width <= 360, "above 0 and at most 360 degrees"),
        ("step", step, 0 < step <= 120, "above 0 and at most 120 degrees"),
        ("blur", blur, 0 <= blur < 0.5, "a share of the width from 0 to below 0.5"),
        ("aperture", aperture, aperture is None or 0 < aperture < np.inf, "above 0, or None"),
        ("shape", shape, len(shape) == 2 and min(shape) >= 2, "at least 2 x 2 pixels"),
    )
    for subject, found, good, expected in ranges:
        if not good:
            raise InputError(
                subject,
                expected=expected,
                found=f"{found}",
                hint="published: width 30, step 15, blur 0.02",
            )
    n_wedges = round(360 / step)
    if abs(n_wedges * step - 360) > 1e-6:
        raise InputError(
            "step",
            expected="degrees that divide 360",
            found=f"{step:g}: {360 / step:.3f} steps",
            hint="published: 15; other angles would not be sampled evenly",
        )
    return n_wedges
