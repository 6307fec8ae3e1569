"""Figure of the course of a network's training."""

from collections.abc import Iterator
from contextlib import contextmanager

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from fmriprod.reports.print_style import SMALL, chance_lines, look, print_figure


@contextmanager
def training_figure(
    history: pd.DataFrame, *, chance: float, simulated: bool = False
) -> Iterator[Figure]:
    """Draw loss, accuracy and learning rate over epochs.

    Parameters
    ----------
    history : DataFrame
        ``epoch learning_rate loss accuracy validation_loss validation_accuracy``.
    chance : float
        Accuracy of guessing.
    simulated : bool
        Whether the figure says that the images are simulated.

    Yields
    ------
    matplotlib.figure.Figure
    """
    last = history.iloc[-1]
    note = (
        f"After epoch {int(last['epoch'])}: {last['validation_accuracy']:.1%} of validation images "
        "told right. In training, images are changed at random and units are silenced (dropout), "
        "so that its loss may be the larger one."
    )
    with print_figure(
        height=2.9, title="Training", note=note, simulated=simulated, ncols=3,
        width_ratios=(3, 3, 2),
    ) as (fig, axes):  # fmt: skip
        panels = (("loss", "cross-entropy (nats)"), ("accuracy", "share told right"))
        for ax, (name, label) in zip(axes, panels, strict=False):
            for number, (column, words) in enumerate(
                ((name, "training"), (f"validation_{name}", "validation"))
            ):
                drawn = look(number)
                ax.plot(
                    history["epoch"], history[column], color=look(1 + number).colour,
                    linestyle=drawn.line, marker=drawn.marker if len(history) < 30 else None,
                    markersize=3, label=words,
                )  # fmt: skip
            ax.set_ylabel(label)
            ax.legend(fontsize=SMALL)
        axes[0].set_ylim(bottom=0)
        axes[1].set_ylim(0, 1.02)
        chance_lines(axes[1], [chance], label=False)
        axes[1].annotate(
            f"chance {chance:.3g}", (1, chance), xycoords=("axes fraction", "data"), xytext=(0, 3),
            textcoords="offset points", ha="right", fontsize=SMALL, color="#444444",
        )  # fmt: skip
        axes[2].step(history["epoch"], history["learning_rate"], where="mid", color="#222222")
        axes[2].set_ylabel("learning rate")
        axes[2].set_ylim(0, 1.1 * history["learning_rate"].max())
        for ax in axes:
            ax.set_xlabel("epoch")
            ax.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6, min_n_ticks=1))
            ax.tick_params(labelsize=SMALL)
        yield fig
