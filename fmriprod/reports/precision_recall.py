"""Figures of how well contrast maps find the voxels of a true one."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from fmriprod.algorithms.contrast_recovery import RecoveryCurve, Threshold
from fmriprod.reports.slices import slices_figure
from fmriprod.reports.slices_drawing import DPI, WIDTH
from fmriprod.reports.style import PALETTE, SETTINGS, figure

_COLOURS = (PALETTE[1], PALETTE[0])  # first > second in red, as published, and the reverse
_LINES = ("-", "--", ":", "-.")
_OUTLINES = ("#FF6BF5", "#7CFF9B")  # on slices: seen on red, on blue and on grey
# The positive half of the slices' own colours: red means one contrast on all maps.
_WARM = LinearSegmentedColormap.from_list("hot", ["#5E0B12", "#C4281A", "#F5853F", "#FFF3A8"])


@contextmanager
def precision_recall_figure(
    curves: Mapping[tuple[str, str], RecoveryCurve],
    thresholds: Mapping[tuple[str, str], Threshold],
    *,
    title: str = "",
    simulated: bool = False,
) -> Iterator[Figure]:
    """Draw precision against recall, a colour for each contrast and a line style a map.

    Parameters
    ----------
    curves : mapping of (map, contrast) to RecoveryCurve
        At most four maps and two contrasts, in the order of the legend.
    thresholds : mapping of (map, contrast) to Threshold
        Marked by a dot on the curve.
    title : str
        Title.
    simulated : bool
        Whether the figure says that its data are simulated.

    Yields
    ------
    matplotlib.figure.Figure
    """
    maps = list(dict.fromkeys(name for name, _ in curves))
    contrasts = list(dict.fromkeys(contrast for _, contrast in curves))
    style = dict(zip(maps, _LINES, strict=False))
    colour = dict(zip(contrasts, _COLOURS, strict=False))
    with figure(6.4, 4) as (fig, ax):
        for (name, contrast), curve in curves.items():
            # Beyond the last voxel that is found, precision only falls, at a recall of 1.
            last = int(np.flatnonzero(curve.recall == 1)[0]) + 1
            recall = np.append(0, curve.recall[:last])  # from no voxel on, as at the strictest
            precision = np.append(curve.precision[0], curve.precision[:last])
            ax.plot(recall, precision, style[name], color=colour[contrast], lw=1.4)
        for (name, contrast), found in thresholds.items():
            face = "white" if maps.index(name) else colour[contrast]
            ax.plot(found.recall, found.precision, "o", ms=7, mec=colour[contrast], mfc=face,
                    mew=1.5, zorder=5)  # fmt: skip
        for (_, contrast), curve in curves.items():
            ax.axhline(curve.chance, color=colour[contrast], lw=0.7, alpha=0.4, zorder=0)
        ax.set(xlim=(0, 1.02), ylim=(0, 1.04), xlabel="recall: share of the true voxels found",
               ylabel="precision: share of the found that are true",
               title=title + " – simulated data" * simulated)  # fmt: skip
        _draw_legend(fig, style, colour)
        yield fig


def _draw_legend(fig: Figure, style: Mapping[str, str], colour: Mapping[str, str]) -> None:
    """Explain lines, colours, dots and the thin lines, beside the axes."""
    grey = "#404040"
    handles = [Line2D([], [], color=shade, lw=3, label=name) for name, shade in colour.items()]
    handles += [Line2D([], [], color=grey, ls=line, label=name) for name, line in style.items()]
    dot = {"marker": "o", "ls": "", "mec": grey, "mfc": grey}
    handles.append(Line2D([], [], **dot, label="chosen threshold"))
    handles.append(Line2D([], [], color=grey, lw=0.7, alpha=0.6, label="chance"))
    fig.legend(handles=handles, loc="outside right upper", fontsize=8)


@contextmanager
def contrast_maps_figure(
    maps: Sequence[tuple[str, np.ndarray]],
    support: Sequence[tuple[str, np.ndarray]],
    background: np.ndarray,
    affine: np.ndarray,
    *,
    label: str = "t",
    planes: str = "z",
    simulated: bool = False,
) -> Iterator[Figure]:
    """Draw thresholded contrast maps one below the other, on the same slices.

    Parameters
    ----------
    maps : sequence of (title, ndarray of shape (x, y, z))
        What is not 0 is shown; the true map comes first.
    support : sequence of (label, ndarray of bool, shape (x, y, z))
        Outlined on all maps but the first: the voxels to be found.
    background : ndarray, shape (x, y, z)
        Volume in grey on the same grid.
    affine : ndarray, shape (4, 4)
        Voxel to world (RAS, mm).
    label : str
        Name of the values at the colour bars.
    planes : str
        Rows of each map, of ``x``, ``y``, ``z``.
    simulated : bool
        Whether the figure says that its data are simulated.

    Yields
    ------
    matplotlib.figure.Figure
    """
    # Outlines without a colour, the same for all: slices are cut where anything is drawn.
    drawn = [np.nan_to_num(m) != 0 for _, m in maps] + [s for _, s in support]
    unseen = [(mask, "none", "") for mask in drawn]
    outlines = [(s, c, f"true: {n}") for (n, s), c in zip(support, _OUTLINES, strict=False)]
    pictures = []
    for number, (title, values) in enumerate(maps):
        finite = np.clip(np.nan_to_num(values, posinf=np.inf, neginf=-np.inf), -1e3, 1e3)
        top = float(np.percentile(np.abs(finite[finite != 0]), 99.8)) if finite.any() else 1.0
        with slices_figure(
            background,
            affine,
            overlay=finite,
            overlay_range=(0.0, top),
            overlay_label=label,
            cmap=None if (finite < 0).any() else _WARM,
            contours=unseen + (outlines if number else []),
            planes=planes,
            title=title + " – simulated data" * (simulated and not number),
        ) as part:
            part.canvas.draw()
            pictures.append(np.array(part.canvas.buffer_rgba())[..., :3])
    with _stacked(pictures) as fig:
        yield fig


@contextmanager
def _stacked(pictures: Sequence[np.ndarray]) -> Iterator[Figure]:
    """Put pictures of one width below each other, pixel by pixel."""
    heights = [len(picture) for picture in pictures]
    with mpl.rc_context(SETTINGS | {"savefig.dpi": DPI, "savefig.facecolor": "black"}):
        fig = plt.figure(figsize=(WIDTH, sum(heights) / DPI), dpi=DPI, facecolor="black")
        ax = fig.add_axes((0, 0, 1, 1))
        ax.imshow(np.concatenate(pictures), interpolation="nearest", aspect="auto")
        ax.set_axis_off()
        try:
            yield fig
        finally:
            plt.close(fig)
