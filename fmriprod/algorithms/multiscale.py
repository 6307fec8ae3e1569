"""Local means of images at four scales, and images from them."""

import numpy as np

from fmriprod.algorithms.checks import InputError


def multiscale_targets(images: np.ndarray) -> np.ndarray:
    """Means over 1 x 1, 2 x 1, 1 x 2 and 2 x 2 pixels of every place in images.

    Parameters
    ----------
    images : ndarray, shape (n_samples, height, width)
        Images of at least 2 x 2 pixels.

    Returns
    -------
    ndarray of float64, shape (n_samples, n_targets)
        Pixels; means of two pixels one above the other, ``height - 1`` by ``width``; of two beside
        each other; of squares of four. Each row by row: 361 targets for 10 x 10 pixels.

    Raises
    ------
    InputError
        If images have fewer than 2 x 2 pixels.

    References
    ----------
    Miyawaki et al. (2008), Neuron 60, 915-929.
    """
    images = np.asarray(images, dtype=np.float64)
    _check(images.shape[1:])
    tall = (images[:, :-1] + images[:, 1:]) / 2
    large = (images[:, :, :-1] + images[:, :, 1:]) / 2
    big = (tall[:, :, :-1] + tall[:, :, 1:]) / 2
    return np.hstack([part.reshape(len(images), -1) for part in (images, tall, large, big)])


def combine_scales(values: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Make one image of values at four scales, each scale with a weight of one quarter.

    A pixel takes, at each scale, the mean of the patches that it is in: of two along each
    direction, of one at the border.

    Parameters
    ----------
    values : ndarray, shape (n_samples, n_targets)
        In the order of `multiscale_targets`.
    shape : (int, int)
        Height and width of the images.

    Returns
    -------
    ndarray of float64, shape (n_samples, height, width)

    Raises
    ------
    InputError
        If there are fewer than 2 x 2 pixels, or as many values as four scales of them have not.
    """
    _check(shape)
    height, width = shape
    sizes = scale_shapes(shape)
    ends = np.cumsum([rows * columns for rows, columns in sizes])
    if values.shape[1] != ends[-1]:
        raise InputError(
            "values",
            expected=f"{ends[-1]} values for images of {height} x {width} pixels",
            found=f"{values.shape[1]}",
            hint="give the values of all four scales",
        )
    pixels, tall, large, big = (
        part.reshape(-1, *size)
        for part, size in zip(np.split(values, ends[:-1], axis=1), sizes, strict=True)
    )
    down, across = _spread(height), _spread(width)
    return (pixels + down @ tall + large @ across.T + down @ big @ across.T) / 4


def scale_shapes(shape: tuple[int, int]) -> list[tuple[int, int]]:
    """Rows and columns of each scale: pixels, tall, large, big."""
    height, width = shape
    return [(height, width), (height - 1, width), (height, width - 1), (height - 1, width - 1)]


def _spread(n: int) -> np.ndarray:
    """Matrix from ``n - 1`` means of neighbours back to ``n`` values."""
    matrix = (np.eye(n, n - 1) + np.eye(n, n - 1, k=-1)) / 2
    matrix[0, 0] = matrix[-1, -1] = 1
    return matrix


def _check(shape: tuple[int, ...]) -> None:
    if len(shape) != 2 or min(shape) < 2:
        raise InputError(
            "shape",
            expected="images of at least 2 x 2 pixels",
            found=" x ".join(map(str, shape)),
            hint="patches of two by two pixels need that many",
        )
