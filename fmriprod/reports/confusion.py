"""Figure of which class images of each class are taken for."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from matplotlib.figure import Figure

from fmriprod.reports.print_style import SMALL, WIDTH, print_figure

_MOST_NUMBERS = 20  # classes up to which shares are written into their cells


@contextmanager
def confusion_figure(
    shares: np.ndarray, counts: Sequence[int], classes: Sequence[str], *, simulated: bool = False
) -> Iterator[Figure]:
    """Draw a confusion matrix whose rows add up to 1, with the per cent in its cells.

    Parameters
    ----------
    shares : ndarray, shape (n_classes, n_classes)
        Rows: own class; columns: class that images are taken for.
    counts : sequence of int
        Images of each class.
    classes : sequence of str
        Names.
    simulated : bool
        Whether the figure says that the images are simulated.

    Yields
    ------
    matplotlib.figure.Figure
    """
    n = len(classes)
    note = (
        "Per cent of the validation images of each class (row; n images) that are taken for each "
        "class (column). Cells without a number: none."
    )
    side = float(np.clip(1.6 + 0.34 * n, 3.4, WIDTH))
    with print_figure(
        side + 0.7, side + 0.35, title="Confusion matrix", note=note, simulated=simulated
    ) as (fig, ax):
        image = ax.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        size = SMALL if n <= 30 else 5
        ax.set_xticks(range(n), classes, rotation=90, fontsize=size)
        rows = [f"{name} ({count:,})" for name, count in zip(classes, counts, strict=True)]
        ax.set_yticks(range(n), rows, fontsize=size)
        ax.tick_params(length=0)
        ax.set(xlabel="taken for", ylabel="class (n images)")
        if n <= _MOST_NUMBERS:
            for row, column in np.argwhere(shares > 0):
                value = shares[row, column]
                words = f"{100 * value:.0f}" if value >= 0.005 else "<1"
                ax.text(
                    column, row, words, ha="center", va="center", fontsize=SMALL - 1,
                    color="white" if value > 0.6 else "black",
                )  # fmt: skip
        bar = fig.colorbar(image, ax=ax, shrink=0.6, label="share of the class")
        bar.ax.tick_params(labelsize=SMALL)
        yield fig
