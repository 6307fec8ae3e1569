"""Random changes of training images: digits move and turn, objects are cropped and mirrored."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch

KINDS = ("digits", "objects", "none")
_SCALE, _SHIFT, _ANGLE = (1.0, 1.08), 0.08, 15.0
_JITTER = 0.1  # standard deviation of the weight of each colour axis


def object_side(size: int) -> int:
    """Tell to what side objects are resized before they are cropped: 256 for 224.

    Examples
    --------
    >>> object_side(224), object_side(32)
    (256, 37)
    """
    return round(size * 256 / 224)


def digit_views(n: int, random: np.random.Generator) -> np.ndarray:
    """Draw enlargements of 1 to 1.08, shifts of up to 8 % and turns of up to 15 degrees.

    Returns
    -------
    ndarray of float32, shape (n, 2, 3)
        For `warp`. All uniform; shifts of both axes are independent.
    """
    scale = random.uniform(*_SCALE, n)
    shift = 2 * random.uniform(-_SHIFT, _SHIFT, (n, 2))  # an image is 2 wide
    angle = np.deg2rad(random.uniform(-_ANGLE, _ANGLE, n))
    cos, sin = np.cos(angle) / scale, np.sin(angle) / scale
    turn = np.stack([np.stack([cos, -sin], -1), np.stack([sin, cos], -1)], -2)
    # A point of the new image is shifted back first, then turned and made smaller.
    return np.concatenate([turn, -np.einsum("nij,nj->ni", turn, shift)[..., None]], -1).astype("f4")


def object_views(n: int, size: int, random: np.random.Generator) -> np.ndarray:
    """Draw one of nine crops (3 x 3 places) or the whole image, all as likely, mirrored or not.

    Parameters
    ----------
    n : int
        Images.
    size : int
        Side of a crop in pixels; the images have `object_side` of it.
    random : numpy.random.Generator
        Draws.

    Returns
    -------
    ndarray of float32, shape (n, 2, 3)
        For `warp` to ``size``.
    """
    side = object_side(size)
    offsets = np.array([0, (side - size) // 2, side - size])
    which = random.integers(10, size=n)
    flip = np.where(random.random(n) < 0.5, -1.0, 1.0)
    whole = which == 9
    zoom = np.where(whole, 1.0, size / side)
    views = np.zeros((n, 2, 3))
    views[:, 0, 0], views[:, 1, 1] = zoom * flip, zoom
    for axis, place in enumerate((which % 3, which // 3 % 3)):
        middle = (2 * offsets[place] + size) / side - 1
        views[:, axis, 2] = np.where(whole, 0.0, middle)
    return views.astype(np.float32)


def warp(images: "torch.Tensor", views: np.ndarray, size: int) -> "torch.Tensor":
    """Sample images where affine maps say, bilinearly; what lies outside is the nearest edge.

    Parameters
    ----------
    images : torch.Tensor, shape (n, 3, side, side)
        Images.
    views : ndarray of float32, shape (n, 2, 3)
        Place in the image (x right, y down, both -1 to 1 from edge to edge) of each place in the
        new one.
    size : int
        Side of the new images in pixels.

    Returns
    -------
    torch.Tensor, shape (n, 3, size, size)
    """
    import torch
    from torch.nn import functional

    maps = torch.from_numpy(np.ascontiguousarray(views, dtype=np.float32)).to(images.device)
    grid = functional.affine_grid(maps, [*images.shape[:2], size, size], align_corners=False)
    return functional.grid_sample(images, grid, padding_mode="border", align_corners=False)


def colour_axes(images: np.ndarray) -> np.ndarray:
    """Find the principal axes of colours, each as long as its variance.

    Parameters
    ----------
    images : ndarray, shape (n, 3, height, width)
        Red, green and blue from 0 to 1.

    Returns
    -------
    ndarray of float64, shape (3, 3)
        Columns: unit axis times variance.
    """
    colours = images.transpose(1, 0, 2, 3).reshape(3, -1)
    values, vectors = np.linalg.eigh(np.cov(colours))
    return vectors * values


def colour_shifts(
    n: int, axes: np.ndarray, random: np.random.Generator, *, published: bool = True
) -> np.ndarray:
    """Draw what is added to the colours of each image.

    Parameters
    ----------
    n : int
        Images.
    axes : ndarray, shape (3, 3)
        Of `colour_axes`.
    random : numpy.random.Generator
        Weights of the axes: normal, standard deviation 0.1.
    published : bool
        Add shifts of colours from 0 to 1 to colours from 0 to 255, as the published code does:
        that changes next to nothing. Otherwise as Krizhevsky et al. 2012 describe it.

    Returns
    -------
    ndarray of float32, shape (n, 3)
        For colours from 0 to 1.
    """
    shifts = random.normal(0, _JITTER, (n, 3)) @ axes.T
    return (shifts / 255 if published else shifts).astype(np.float32)
