"""Show how well one image of a head lies in another."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from matplotlib.figure import Figure

from fmriprod.algorithms.registration import foreground, smooth_volume
from fmriprod.algorithms.resample import resample
from fmriprod.reports.slices import slices_figure
from fmriprod.reports.style import PALETTE

_PIXEL = 1.5  # mm
_SMOOTH = 3.0  # mm: outlines without specks


@contextmanager
def coregister_figure(
    moving: np.ndarray,
    moving_affine: np.ndarray,
    reference: np.ndarray,
    reference_affine: np.ndarray,
    transform: np.ndarray,
    reference_mask: np.ndarray | None = None,
) -> Iterator[Figure]:
    """Draw the moving image with outlines of what the reference shows.

    Parameters
    ----------
    moving, reference : ndarray, shape (x, y, z)
        Images, such as mean EPI and T1w.
    moving_affine, reference_affine : ndarray, shape (4, 4)
        Voxel to world (RAS, mm).
    transform : ndarray, shape (4, 4)
        Reference to moving, RAS mm.
    reference_mask : ndarray of bool, optional
        Brain in the reference. With it, the brain and its bright part (white matter in a
        T1w image) are outlined; without, the head's bright part alone.

    Yields
    ------
    matplotlib.figure.Figure
    """
    shape, affine = _finer(moving.shape, moving_affine)
    if not np.isfinite(reference).all():
        reference = np.nan_to_num(reference)
    head = foreground(reference, reference_affine) if reference_mask is None else reference_mask
    head = np.asarray(head, bool)
    bright = head & (reference > _threshold(reference[head]))
    to_grid = (reference_affine, shape, affine, np.linalg.inv(transform))
    parts = [(bright, PALETTE[1], "bright in the reference")]
    if reference_mask is not None:
        parts.insert(0, (head, PALETTE[5], "brain in the reference"))
    contours = []
    for part, colour, label in parts:
        share = resample(part.astype(np.float32), *to_grid)
        contours.append((smooth_volume(share, affine, _SMOOTH) > 0.5, colour, label))
    background = resample(np.nan_to_num(moving), moving_affine, shape, affine)
    with slices_figure(background, affine, contours=contours, n_slices=5) as figure:
        yield figure


def _finer(shape: tuple[int, ...], affine: np.ndarray) -> tuple[tuple[int, ...], np.ndarray]:
    """Grid over the same field with voxels of at most 1.5 mm."""
    sizes = np.linalg.norm(affine[:3, :3], axis=0)
    parts = np.maximum(np.ceil(sizes / _PIXEL), 1)
    finer = affine.copy()
    finer[:3, :3] = affine[:3, :3] / parts
    finer[:3, 3] += affine[:3, :3] @ ((1 / parts - 1) / 2)
    return tuple(int(n) for n in np.array(shape) * parts), finer


def _threshold(values: np.ndarray) -> float:
    """Split intensities in two by the largest variance between the parts (Otsu 1979)."""
    low, high = np.percentile(values, (1, 99))
    counts, edges = np.histogram(values, 128, (low, max(high, low + 1e-6)))
    middles = (edges[1:] + edges[:-1]) / 2
    below, total = np.cumsum(counts), counts.sum()
    mass = np.cumsum(counts * middles)
    with np.errstate(divide="ignore", invalid="ignore"):
        between = (mass[-1] * below / total - mass) ** 2 / (below * (total - below))
    return float(edges[1 + np.nanargmax(np.where(np.isfinite(between), between, 0))])
