"""Figure of images and what was reconstructed of them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from matplotlib.figure import Figure

from fmriprod.reports.style import figure

_SIDE = 1.05  # inches of an image
_LINE = 12  # images side by side


@contextmanager
def reconstruction_figure(
    images: np.ndarray,
    reconstruction: np.ndarray,
    threshold: float,
    labels: Sequence[str],
    *,
    title: str = "",
) -> Iterator[Figure]:
    """Draw what was shown above its reconstruction, and that above a threshold.

    Parameters
    ----------
    images, reconstruction : ndarray, shape (n, height, width)
        What was shown, 0 or 1, and what was reconstructed; black is 0 or less, white 1 or more.
    threshold : float
        A pixel of the lowest row is white above it.
    labels : sequence of str
        Written above each column.
    title : str
        Title.

    Yields
    ------
    matplotlib.figure.Figure
        To be saved inside the ``with`` block.
    """
    kinds = ("stimulus", "reconstruction", f"above {threshold:g}")
    shown = (images, reconstruction, np.asarray(reconstruction) > threshold)
    per_line = min(len(images), _LINE)
    n_lines = -(-len(images) // per_line)
    height, width = images.shape[1:]
    tall = _SIDE * height / width
    size = (1.3 + _SIDE * per_line, 0.6 + n_lines * (3 * tall + 0.35))
    with figure(*size, nrows=3 * n_lines, ncols=per_line, squeeze=False) as (fig, axes):
        for ax in axes.ravel():
            ax.set(xticks=[], yticks=[])
            ax.spines[:].set_visible(False)
        for place in range(len(images)):
            line, column = divmod(place, per_line)
            for row, pictures in enumerate(shown):
                ax = axes[3 * line + row, column]
                ax.imshow(pictures[place], cmap="gray", vmin=0, vmax=1, interpolation="nearest")
                ax.spines[:].set_visible(True)
                ax.spines[:].set(color="#999999", linewidth=0.5)
                if row == 0:
                    ax.set_title(labels[place], fontsize=8, loc="center")
                if column == 0:
                    ax.set_ylabel(kinds[row], rotation=0, ha="right", va="center", fontsize=8)
        if title:
            fig.suptitle(title, x=0.01, ha="left", fontsize=10, fontweight="bold")
        yield fig
