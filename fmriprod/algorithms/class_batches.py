"""Batches of balanced classes: an epoch sees each as often as the smallest one has images."""

from collections.abc import Sequence

import numpy as np

from fmriprod.algorithms.checks import InputError

Mix = Sequence[tuple[Sequence[int], int]]


def epoch_batches(labels: np.ndarray, mix: Mix, random: np.random.Generator) -> list[np.ndarray]:
    """Draw the batches of an epoch.

    Of every class as many images are drawn, without repetition, as the smallest class has; others
    wait for another epoch. A group's images come in rounds of one from each of its classes, in
    random order: in a batch, classes of a group differ by two images at most.

    Parameters
    ----------
    labels : ndarray of int, shape (n_images,)
        Class of each image.
    mix : sequence of (classes, count)
        Groups of classes and how many images of each a batch has; as published, 20 of ten digits
        and 12 of six kinds of objects. With several groups, what does not fill a batch is left
        out; with one, the last batch may be smaller.
    random : numpy.random.Generator
        Draws.

    Returns
    -------
    list of ndarray of int
        Rows of each batch, group after group.

    Raises
    ------
    InputError
        If the images do not make a batch.
    """
    smallest = min(int((labels == k).sum()) for classes, _ in mix for k in classes)
    queues = [_rounds(labels, classes, smallest, random) for classes, _ in mix]
    counts = [count for _, count in mix]
    if len(mix) == 1:
        return [queues[0][k : k + counts[0]] for k in range(0, len(queues[0]), counts[0])]
    n_batches = min(len(q) // count for q, count in zip(queues, counts, strict=True))
    if n_batches == 0:
        raise InputError(
            "batch", expected=f"images for a batch of {' + '.join(map(str, counts))}",
            found=f"{' + '.join(str(len(q)) for q in queues)} in an epoch, "
            f"{smallest} of each class",
            hint="give more images, or smaller batches",
        )  # fmt: skip
    return [
        np.concatenate(
            [q[k * count : (k + 1) * count] for q, count in zip(queues, counts, strict=True)]
        )
        for k in range(n_batches)
    ]


def _rounds(
    labels: np.ndarray, classes: Sequence[int], n: int, random: np.random.Generator
) -> np.ndarray:
    """Order n images of each class in rounds of one of each."""
    drawn = np.stack([random.permutation(np.flatnonzero(labels == k))[:n] for k in classes])
    return random.permuted(drawn.T, axis=1).ravel()


def split_validation(
    labels: np.ndarray, share: float, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Split off a share of every class for validation, at least one image and never all.

    Parameters
    ----------
    labels : ndarray of int, shape (n_images,)
        Class of each image, at least two of each.
    share : float
        Above 0 and below 1.
    random : numpy.random.Generator
        Draws.

    Returns
    -------
    train, validation : ndarray of int
        Rows, rising.
    """
    held = np.zeros(len(labels), dtype=bool)
    for k in np.unique(labels):
        rows = random.permutation(np.flatnonzero(labels == k))
        held[rows[: min(max(round(share * len(rows)), 1), len(rows) - 1)]] = True
    return np.flatnonzero(~held), np.flatnonzero(held)
