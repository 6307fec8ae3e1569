"""Images that were shown, from tables of one row a volume."""

from hashlib import sha1

import numpy as np

from fmriprod.algorithms.checks import InputError

REST = -1.0


def pixels_of_labels(
    labels: np.ndarray, shape: tuple[int, int] = (10, 10), order: str = "F"
) -> tuple[np.ndarray, np.ndarray]:
    """Put the values of each row in the order of the image's rows.

    Parameters
    ----------
    labels : ndarray, shape (n_volumes, height * width)
        What was shown during each volume; all values -1 where nothing was.
    shape : (int, int)
        Height and width of the images in pixels.
    order : {"F", "C"}
        The values go down the columns of the image (``F``, as in the data of Miyawaki et al.,
        2008, Neuron 60, 915) or along its rows (``C``).

    Returns
    -------
    pixels : ndarray of float32, shape (n_volumes, height * width)
        Row by row: pixel (i, j) is value ``i * width + j``.
    rest : ndarray of bool, shape (n_volumes,)
        Volumes without an image.

    Raises
    ------
    InputError
        If rows have another length than the image, or a value is not finite, or negative in a
        row that is not rest.
    """
    labels = np.asarray(labels, dtype=np.float64)
    height, width = shape
    if labels.ndim != 2 or labels.shape[1] != height * width or not len(labels):
        found = f"{labels.shape[0]} rows of {labels.shape[-1]} values"
        raise _error(
            f"rows of {height * width} values, one for each pixel of {height} x {width}",
            found if labels.ndim == 2 and len(labels) else f"shape {labels.shape}",
            "give the shape of the images, or the table of one run with a row a volume",
        )
    rest = (labels == REST).all(axis=1)
    bad = ~np.isfinite(labels) | ((labels < 0) & ~rest[:, None])
    if bad.any():
        row, column = np.argwhere(bad)[0]
        raise _error(
            "finite values of 0 or more, or -1 in a whole row for rest",
            f"{bad.sum()} others, the first {labels[row, column]:g} in row {row + 1}, "
            f"column {column + 1}",
            "write rest as -1 for every pixel, and nothing else below 0",
        )
    if order == "F":
        labels = labels.reshape(-1, width, height).transpose(0, 2, 1).reshape(len(labels), -1)
    return labels.astype(np.float32), rest


def stimulus_names(pixels: np.ndarray, rest: np.ndarray) -> list[str | None]:
    """Name each image by its content, so that the same image has one name in every run.

    Returns
    -------
    list of str or None
        ``image-`` and twelve digits of its hash; None for rest.
    """
    return [
        None if empty else f"image-{sha1(row.astype('<f4').tobytes()).hexdigest()[:12]}"
        for row, empty in zip(pixels + np.float32(0), rest, strict=True)
    ]


def _error(expected: str, found: str, hint: str) -> InputError:
    return InputError("label_files", expected=expected, found=found, hint=hint)
