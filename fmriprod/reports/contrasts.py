"""Figure of a statistical map on slices."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from matplotlib.figure import Figure

from fmriprod.reports.slices import slices_figure

_TITLE = 40  # characters of the contrast that fit beside what was found


@contextmanager
def contrast_figure(
    z_map: np.ndarray,
    background: np.ndarray,
    affine: np.ndarray,
    *,
    title: str,
    threshold: float = 3.1,
) -> Iterator[Figure]:
    """Draw a z map on an image, with a ring around its largest value.

    Parameters
    ----------
    z_map, background : ndarray, shape (x, y, z)
        Map and image on one grid.
    affine : ndarray, shape (4, 4)
        Voxel to world (RAS, mm).
    title : str
        The contrast.
    threshold : float
        Absolute z from which the map is shown; not corrected for the number of voxels.

    Yields
    ------
    matplotlib.figure.Figure
        To be saved inside the ``with`` block.
    """
    z_map = np.asarray(z_map)
    peak = np.unravel_index(np.argmax(z_map), z_map.shape)
    where = affine[:3, :3] @ np.array(peak) + affine[:3, 3]
    largest = float(z_map[peak])
    place = ", ".join(f"{c:.0f}" for c in where).replace("-", "−")
    found = f"largest z {largest:.1f} at ({place}) mm" if largest > 0 else "no positive z"
    n_shown = int((np.abs(z_map) >= threshold).sum())
    beyond = f"{n_shown:,} voxels with |z| ≥ {threshold:g}"
    title = title if len(title) <= _TITLE else f"{title[: _TITLE - 1]}…"
    top = max(float(np.abs(z_map).max()), threshold + 1)
    with slices_figure(
        background,
        affine,
        overlay=z_map,
        overlay_range=(threshold, top),
        overlay_label="z (threshold not corrected for multiple tests)",
        title=f"{title}: {found}; {beyond}",
        mark=where if largest > 0 else None,
    ) as figure:
        yield figure
