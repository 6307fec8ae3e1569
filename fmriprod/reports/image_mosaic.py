"""Figure of many images side by side."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from matplotlib.figure import Figure

from fmriprod.reports.print_style import SMALL, WIDTH, print_figure, say


@contextmanager
def mosaic_figure(
    images: np.ndarray,
    names: Sequence[str],
    *,
    title: str,
    note: str = "",
    silent: Sequence[bool] | None = None,
    simulated: bool = False,
) -> Iterator[Figure]:
    """Draw images in a grid that is about square, each below its name.

    Parameters
    ----------
    images : ndarray of uint8, shape (n, height, width, 3)
        Images.
    names : sequence of str, length n
        Printed above each.
    title, note : str
        Above and below all.
    silent : sequence of bool, length n, optional
        In place of these images it is said that the unit was silent.
    simulated : bool
        Whether the figure says that its data are simulated.

    Yields
    ------
    matplotlib.figure.Figure
    """
    n = len(images)
    columns = int(np.ceil(np.sqrt(n)))
    rows = -(-n // columns)
    width = float(np.clip(1.6 * columns, 3.4, WIDTH))
    height = width / columns * rows * images.shape[1] / images.shape[2] + 0.2 * rows + 0.9
    with print_figure(
        width, height, title=title, note=note, simulated=simulated,
        nrows=rows, ncols=columns, squeeze=False,
    ) as (fig, axes):  # fmt: skip
        for number, ax in enumerate(axes.flat):
            ax.set(xticks=[], yticks=[], visible=number < n)
            ax.spines[:].set(visible=True, color="#999999", linewidth=0.5)  # white ends somewhere
        for k, (ax, name) in enumerate(zip(axes.flat, names, strict=False)):
            ax.set_title(name, fontsize=SMALL, pad=2)
            if silent is not None and silent[k]:
                ax.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
                say(ax, "silent")
            else:
                ax.imshow(images[k], interpolation="nearest")
        yield fig
