"""Images that were shown, as arrays: files of images, one a stimulus."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.numpy_file import load_array
from fmriprod.interfaces.supplied import file_problem

IMAGE_ENDINGS = (".bmp", ".gif", ".jpeg", ".jpg", ".npy", ".png", ".tif", ".tiff", ".webp")


def read_image(path: str | Path) -> np.ndarray:
    """Read one image.

    Parameters
    ----------
    path : path
        PNG, JPEG and other files of Pillow, of 8 or 16 bits, or ``.npy``: ``(height, width)`` or
        ``(height, width, 3)``, uint8 or float from 0 to 1.

    Returns
    -------
    ndarray, shape (3, height, width), float32
        Red, green and blue from 0 to 1; grey images have three equal planes.

    Raises
    ------
    InputError
        If the file cannot be read, has more than one picture or transparent places, or values
        that are not from 0 to 1.
    """
    if found := file_problem(path):
        raise _image_error(path, found, "check the path")
    try:
        if str(path).endswith(".npy"):
            return planes(load_array(path)[None], path)[0]
        with Image.open(path) as image:
            if getattr(image, "n_frames", 1) > 1:
                raise _image_error(path, f"{image.n_frames} pictures", "give films as frames")
            return _pillow_planes(ImageOps.exif_transpose(image), path)
    except InputError:
        raise
    except Exception as err:  # Pillow lets many kinds through: of damage, keys, types
        raise _image_error(
            path, str(err) or type(err).__name__, "copy or export it again"
        ) from None


def _pillow_planes(image: Image.Image, path: str | Path) -> np.ndarray:
    """Turn an opened image into planes; of 16 bits, Pillow would clip what it converts."""
    if image.mode.startswith("I"):
        values = np.asarray(image, dtype=np.float32)[None] / np.float32(65535)
    elif image.mode == "F":
        values = np.asarray(image)[None]
    else:
        if image.has_transparency_data:
            image = image.convert("RGBA")
            if image.getchannel("A").getextrema()[0] < 255:
                raise _image_error(path, "transparent places", "paint the background that was seen")
        values = np.asarray(image.convert("RGB"))[None]
    return planes(values, path)[0]


def planes(values: np.ndarray, path: str | Path) -> np.ndarray:
    """Turn stored pictures into planes of colour.

    Parameters
    ----------
    values : ndarray, shape (n, height, width) or (n, height, width, 3), uint8 or float
        Pictures; bool counts as 0 and 1.
    path : path
        For errors.

    Returns
    -------
    ndarray, shape (n, 3, height, width), float32
        Values from 0 to 1.

    Raises
    ------
    InputError
        If the shape is another or values are not from 0 to 1.
    """
    shape = values.shape
    if values.ndim not in (3, 4) or (values.ndim == 4 and shape[3] != 3) or 0 in shape:
        raise _image_error(path, f"an array {shape}", "store height x width, or with x 3")
    if values.dtype.kind not in "buif":
        raise _image_error(path, f"values of type {values.dtype}", "store uint8, or float")
    if values.dtype == np.uint8:
        values = values.astype(np.float32) / np.float32(255)
    else:
        values = values.astype(np.float32)
        low, high = values.min(), values.max()
        if not (low >= 0 and high <= 1):
            raise _image_error(
                path, f"values from {low:g} to {high:g}", "store uint8, or float from 0 to 1"
            )
    if values.ndim == 3:
        return np.repeat(values[:, None], 3, axis=1)
    return np.ascontiguousarray(values.transpose(0, 3, 1, 2))


def resize(images: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize images, each pixel a weighted mean of those it comes from (bilinear, antialiased).

    Parameters
    ----------
    images : ndarray, shape (n, 3, height, width), float32
        Images; stretched where the proportions differ.
    size : tuple of int
        New height and width.

    Returns
    -------
    ndarray, shape (n, 3, *size), float32
        Resized images.
    """
    if images.shape[2:] == tuple(size):
        return images
    out = np.empty((*images.shape[:2], *size), dtype=np.float32)
    for image, target in zip(images, out, strict=True):
        grey = (image[0] == image[1]).all() and (image[0] == image[2]).all()
        for k in range(3):
            if k and grey:
                target[k] = target[0]
                continue
            plane = Image.fromarray(np.ascontiguousarray(image[k]))
            target[k] = plane.resize(size[::-1], Image.Resampling.BILINEAR)
    return out


def image_blocks(
    paths: Sequence[str], batch_size: int, size: tuple[int, int] | None
) -> Iterator[np.ndarray]:
    """Read images a batch at a time.

    Yields
    ------
    ndarray, shape (n, 3, height, width), float32
        Images from 0 to 1, of one size.

    Raises
    ------
    InputError
        If one cannot be read, or, without ``size``, has not the size of the first.
    """
    first: tuple[int, ...] | None = None
    for start in range(0, len(paths), batch_size):
        block = []
        for path in paths[start : start + batch_size]:
            image = read_image(path)
            first = first or image.shape[1:]
            if size is None and image.shape[1:] != first:
                raise InputError(
                    "images",
                    expected=f"images of one size: the first has {first[0]} x {first[1]} pixels",
                    found=f"{image.shape[1]} x {image.shape[2]}",
                    hint="give a size, to which all are resized",
                    file=str(path),
                )
            block.append(image if size is None else resize(image[None], size)[0])
        yield np.stack(block)


def stimulus_names(paths: Sequence[str]) -> list[str]:
    """Name stimuli by their files: relative to the folder that holds all, with slashes."""
    folders = {os.path.dirname(os.path.abspath(path)) for path in paths}
    common = os.path.commonpath(folders)
    return [Path(os.path.relpath(os.path.abspath(path), common)).as_posix() for path in paths]


def _image_error(path: str | Path, found: str, hint: str) -> InputError:
    return InputError(
        "images",
        expected="a readable image, opaque, one picture",
        found=found,
        hint=hint,
        file=str(path),
    )
