"""Figures of object evidence: confusions, time courses, the permutation null."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fmriprod.reports.style import PALETTE, figure

_KINDS = {"target": PALETTE[1], "others": PALETTE[0]}
_BARS = 25
_COUNTS_SHOWN = 12  # labels up to which each cell carries its share


@contextmanager
def confusion_figure(
    counts: np.ndarray, labels: Sequence[str], *, title: str = ""
) -> Iterator[Figure]:
    """Draw a confusion matrix in per cent of each true label that was tested.

    Parameters
    ----------
    counts : ndarray of int, shape (n_labels, n_labels)
        Test samples by true (rows) and predicted (columns) label.
    labels : sequence of str
        Labels in that order.
    title : str
        Title.

    Yields
    ------
    matplotlib.figure.Figure
    """
    n_labels = len(labels)
    tested = counts.sum(axis=1) > 0
    counts, total = counts[tested], counts[tested].sum(axis=1, keepdims=True)
    share = 100 * counts / total
    width, height = np.clip(1.6 + 0.45 * np.array(counts.shape[::-1]), (3.2, 2.8), 9)
    with figure(width + 1, height) as (fig, ax):
        image = ax.imshow(share, cmap="Blues", vmin=0, vmax=100)
        if n_labels <= _COUNTS_SHOWN:
            for row, column in np.ndindex(*share.shape):
                value = share[row, column]
                colour = "white" if value > 60 else "#333333" if counts[row, column] else "#AAAAAA"
                ax.text(column, row, f"{value:.0f}", ha="center", va="center", color=colour)
        ax.set_xticks(range(n_labels), labels, rotation=45, ha="right", rotation_mode="anchor")
        true = np.array(labels, dtype=object)[tested]
        names = [f"{name} ({n})" for name, n in zip(true, total[:, 0], strict=True)]
        ax.set_yticks(range(len(names)), names)
        ax.set(xlabel="predicted label", ylabel="true label (test samples)", title=title)
        ax.tick_params(length=0)
        ax.spines[:].set_visible(False)
        bar = fig.colorbar(image, ax=ax, shrink=0.8, label="% of the row")
        bar.outline.set_visible(False)
        yield fig


@contextmanager
def time_course_figure(
    courses: pd.DataFrame, chance: float, *, tr: float | None = None, title: str = ""
) -> Iterator[Figure]:
    """Draw the probability of the true label and of the others over the trial.

    Parameters
    ----------
    courses : DataFrame
        From `fmriprod.algorithms.evidence_summary.time_courses`: ``time_point, kind,
        probability, low, high, n_trials``.
    chance : float
        Probability of each label by chance.
    tr : float, optional
        Repetition time in s, for an axis in seconds from the first volume.
    title : str
        Title.

    Yields
    ------
    matplotlib.figure.Figure
    """
    with figure(6, 3.2) as (fig, ax):
        ax.axhline(chance, color="#888888", linewidth=1, linestyle=(0, (4, 3)))
        ax.annotate(
            "chance",
            (1, chance),
            xycoords=("axes fraction", "data"),
            xytext=(0, 3),
            textcoords="offset points",
            ha="right",
            color="#666666",
        )
        for kind, colour in _KINDS.items():
            part = courses[courses["kind"] == kind]
            time = part["time_point"] if tr is None else (part["time_point"] - 1) * tr
            ax.fill_between(time, part["low"], part["high"], color=colour, alpha=0.2, linewidth=0)
            name = "true label" if kind == "target" else "mean of the other labels"
            ax.plot(time, part["probability"], color=colour, marker="o", markersize=4, label=name)
        ticks = np.unique(courses["time_point"])
        if tr is None and len(ticks) <= 30:
            ax.set_xticks(ticks)
        unit = "volume in the trial" if tr is None else "time from the trial's first volume (s)"
        ax.set(xlabel=unit, ylabel="probability", ylim=(0, None), title=title)
        ax.margins(y=0.1)
        n_trials = courses["n_trials"].max()
        ax.legend(title=f"mean, 95 % interval over {n_trials} trials", alignment="left", ncols=2)
        ax.set_ylim(0, ax.get_ylim()[1] * 1.3)
        yield fig


@contextmanager
def null_figure(
    null: np.ndarray, observed: float, p: float, *, title: str = ""
) -> Iterator[Figure]:
    """Draw the accuracies of permuted labels and the accuracy of the true ones.

    Parameters
    ----------
    null : ndarray, shape (n_permutations,)
        Accuracies with permuted labels.
    observed : float
        Accuracy with the true labels.
    p : float
        Permutation p value.
    title : str
        Title.

    Yields
    ------
    matplotlib.figure.Figure
    """
    values, counts = np.unique(null.round(9), return_counts=True)
    if len(values) > _BARS:
        counts, edges = np.histogram(null, bins=_BARS)
        values, width = (edges[:-1] + edges[1:]) / 2, edges[1] - edges[0]
    else:  # accuracies are multiples of one sample: one bar for each
        width = np.diff(values).min() if len(values) > 1 else 0.01
    with figure(6, 3) as (fig, ax):
        ax.bar(values, counts, width=0.9 * width, color="#A9B4C2")
        ax.axvline(observed, color=PALETTE[1], linewidth=2)
        right = observed < (values.min() + values.max()) / 2
        ax.annotate(
            f"true labels: {observed:.3f}\np = {p:.3g}",
            (observed, 1),
            xycoords=("data", "axes fraction"),
            xytext=(6 if right else -6, -4),
            textcoords="offset points",
            ha="left" if right else "right",
            va="top",
            color=PALETTE[1],
        )
        ax.set(xlabel="accuracy", ylabel=f"of {len(null)} permutations", title=title)
        ax.set_ylim(0, counts.max() * 1.35)
        yield fig
