"""Figure of voxels' scores against what chance gives."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from matplotlib.figure import Figure

from fmriprod.reports.print_style import SMALL, print_figure
from fmriprod.reports.style import PALETTE

_BARS, _NULL = "#A9B4C2", PALETTE[1]


@contextmanager
def score_histogram_figure(
    scores: np.ndarray,
    null: np.ndarray | None = None,
    *,
    label: str = "r²",
    title: str | None = None,
    simulated: bool = False,
) -> Iterator[Figure]:
    """Draw the largest score over layers of all voxels, with the null where there is one.

    Parameters
    ----------
    scores : ndarray, shape (n_layers, n_voxels)
        Scores; voxels that are not finite are left out.
    null : ndarray, optional
        Largest scores over layers with permuted data, any shape.
    label : str
        What the scores are.
    title : str, optional
        Above everything; says what is drawn unless given.
    simulated : bool
        Whether the figure says that its data are simulated.

    Yields
    ------
    matplotlib.figure.Figure
    """
    best = scores.max(axis=0)
    best = best[np.isfinite(best)]
    chance = np.empty(0) if null is None else np.ravel(null)[np.isfinite(np.ravel(null))]
    both = np.concatenate([best, chance])
    low, high = np.percentile(both, [0.1, 100]) if both.size else (0.0, 1.0)
    edges = np.linspace(low, high if high > low else low + 1, 51)
    several = len(scores) > 1
    what = f"largest {label} over layers" if several else label
    note = f"{best.size:,} voxels"
    note += f", the largest {label} of {len(scores)} layers." if several else "."
    title = title or ("Best score of each voxel" if several else "Score of each voxel")
    if chance.size:
        note += f" Line: the same of {chance.size:,} permutations, dashed at their 95th percentile."
    with print_figure(4.8, 3, title=title, note=note, simulated=simulated) as (fig, ax):
        drawn = np.clip(best, low, high)
        ax.hist(drawn, edges, weights=np.full(best.size, 100 / max(best.size, 1)), color=_BARS,
                label="data")  # fmt: skip
        if chance.size:
            weights = np.full(chance.size, 100 / chance.size)
            ax.hist(np.clip(chance, low, high), edges, weights=weights, histtype="step",
                    color=_NULL, linewidth=1.5, label="permuted")  # fmt: skip
            limit = np.percentile(chance, 95)
            beyond = 100 * (best > limit).mean()
            ax.axvline(limit, color=_NULL, linewidth=1, linestyle=(0, (4, 3)))
            ax.annotate(
                f"{beyond:.0f} % of voxels above", (limit, 1), (4, -2), ha="left", va="top",
                xycoords=("data", "axes fraction"), textcoords="offset points", fontsize=SMALL,
                color=_NULL,
            )  # fmt: skip
            ax.legend(loc="center right", fontsize=SMALL)
        ax.set(
            xlabel=what,
            ylabel="% (of each)" if chance.size else "% of voxels",
        )
        yield fig
