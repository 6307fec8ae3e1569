"""Figures of a run's quality: carpet, motion, map of signal-to-noise."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fmriprod.reports.slices import slices_figure
from fmriprod.reports.style import PALETTE, figure

_GREY = "0.55"
_CARPET_RANGE = 1.0  # rows are means of voxels, so that 1 is a large change


@contextmanager
def carpet_figure(
    carpet: np.ndarray,
    tr: float,
    *,
    std_dvars: np.ndarray,
    global_signal: np.ndarray,
    framewise_displacement: np.ndarray | None = None,
    fd_threshold: float = 0.5,
    title: str = "",
) -> Iterator[Figure]:
    """Draw voxels over time, below traces of what may have disturbed them.

    Parameters
    ----------
    carpet : ndarray, shape (n_rows, n_volumes)
        Means of z-scored series, as `fmriprod.algorithms.quality.carpet` gives them.
    tr : float
        Repetition time in s.
    std_dvars, global_signal : ndarray, shape (n_volumes,)
        Standardised DVARS, and mean over the mask in the unit of the image.
    framewise_displacement : ndarray, shape (n_volumes,), optional
        In mm.
    fd_threshold : float
        Line in the trace of displacement, in mm.
    title : str
        Printed at the top left.

    Yields
    ------
    matplotlib.figure.Figure
        To be saved inside the ``with`` block.
    """
    time = np.arange(carpet.shape[1]) * tr
    percent = 100 * (global_signal / np.mean(global_signal) - 1)
    traces = [
        ("global\nsignal (%)", percent, PALETTE[2], 0.0),
        ("DVARS\n(stand.)", std_dvars, PALETTE[0], 1.0),
    ]
    if framewise_displacement is not None:
        traces.append(("FD\n(mm)", framewise_displacement, PALETTE[1], fd_threshold))
    rows = len(traces)
    with figure(
        9,
        3.6 + 0.9 * rows,
        nrows=rows + 1,
        ncols=2,
        sharex="col",
        gridspec_kw={"height_ratios": [1] * rows + [4], "width_ratios": [60, 1]},
    ) as (fig, axes):
        for (label, values, colour, line), (ax, spare) in zip(traces, axes[:-1], strict=True):
            spare.remove()
            _trace(ax, time, values, colour, line)
            ax.set_ylabel(label)
            if label.startswith("FD"):
                _from_zero(ax, values, line)
        ax, bar = axes[-1]
        # Each volume is drawn from half a TR before to half a TR after its time.
        image = ax.imshow(
            carpet,
            aspect="auto",
            cmap="gray",
            vmin=-_CARPET_RANGE,
            vmax=_CARPET_RANGE,
            interpolation="nearest",
            extent=(-tr / 2, time[-1] + tr / 2, len(carpet), 0),
        )
        ax.set(xlabel="time (s)", ylabel="voxels, by correlation\nwith their mean", yticks=[])
        fig.colorbar(image, cax=bar, label="mean z", ticks=[-1, 0, 1])
        axes[0, 0].set_title(title)
        fig.align_ylabels(axes[:, 0])
        yield fig


@contextmanager
def motion_figure(
    motion: np.ndarray,
    framewise_displacement: np.ndarray,
    tr: float,
    *,
    fd_threshold: float = 0.5,
    title: str = "",
) -> Iterator[Figure]:
    """Draw translations, rotations and framewise displacement over time.

    Parameters
    ----------
    motion : ndarray, shape (n_volumes, 6)
        ``trans_x trans_y trans_z`` in mm, ``rot_x rot_y rot_z`` in rad (drawn in degrees).
    framewise_displacement : ndarray, shape (n_volumes,)
        In mm; the first value is NaN.
    tr : float
        Repetition time in s.
    fd_threshold : float
        Line in the trace of displacement, in mm; volumes above it are marked.
    title : str
        Printed at the top left.

    Yields
    ------
    matplotlib.figure.Figure
        To be saved inside the ``with`` block.
    """
    time = np.arange(len(motion)) * tr
    with figure(9, 5, nrows=3, sharex=True) as (fig, axes):
        groups = (motion[:, :3], np.rad2deg(motion[:, 3:]))
        for ax, values, label in zip(
            axes, groups, ("translation\n(mm)", "rotation\n(degrees)"), strict=False
        ):
            ax.axhline(0, color=_GREY, linewidth=0.6)
            for column, name, colour in zip(values.T, "xyz", PALETTE, strict=False):
                ax.plot(time, column, color=colour, linewidth=1.1, label=name)
            ax.set_ylabel(label)
            ax.legend(loc="center left", bbox_to_anchor=(1, 0.5), handlelength=1.2)
        ax = axes[2]
        _trace(ax, time, framewise_displacement, PALETTE[1], fd_threshold)
        _from_zero(ax, framewise_displacement, fd_threshold)
        over = np.nan_to_num(framewise_displacement) > fd_threshold
        ax.plot(time[over], framewise_displacement[over], "o", color=PALETTE[1], markersize=4)
        ax.set(ylabel="framewise\ndisplacement (mm)", xlabel="time (s)")
        ax.set_title(
            f"{over.sum()} of {len(over) - 1} steps above {fd_threshold:g} mm (dashed), "
            f"median {np.nanmedian(framewise_displacement):.2f} mm",
            fontsize=9,
        )
        axes[0].set_title(title)
        fig.align_ylabels(axes)
        yield fig


@contextmanager
def tsnr_figure(
    tsnr: np.ndarray, mean_image: np.ndarray, affine: np.ndarray, *, title: str = ""
) -> Iterator[Figure]:
    """Draw a map of temporal signal-to-noise over the mean image.

    Parameters
    ----------
    tsnr : ndarray, shape (x, y, z)
        0 or NaN where there is none.
    mean_image : ndarray, shape (x, y, z)
        Mean over time.
    affine : ndarray, shape (4, 4)
        Voxel to world (RAS, mm).
    title : str
        Printed at the top left.

    Yields
    ------
    matplotlib.figure.Figure
        To be saved inside the ``with`` block.
    """
    shown = tsnr[np.isfinite(tsnr) & (tsnr != 0)]
    # Round up to tens: a scale that can be read, and that is the same for similar runs.
    highest = 10 * np.ceil(np.percentile(shown, 99.5) / 10) if len(shown) else 10.0
    with slices_figure(
        mean_image,
        affine,
        overlay=np.maximum(tsnr, 0),  # below 0 where interpolation undershoots outside the head
        overlay_range=(0, highest),
        overlay_label="tSNR",
        cmap="viridis",
        title=title,
    ) as fig:
        yield fig


def _trace(ax: Axes, time: np.ndarray, values: np.ndarray, colour: str, line: float) -> None:
    ax.axhline(line, color=_GREY, linewidth=0.8, linestyle="--")
    ax.plot(time, values, color=colour, linewidth=1.1)
    ax.margins(x=0)


def _from_zero(ax: Axes, values: np.ndarray, line: float) -> None:
    """Start at zero and show the threshold: small motion shall look small."""
    highest = np.nanmax(values) if np.isfinite(values).any() else line
    ax.set_ylim(0, 1.15 * max(highest, line))
