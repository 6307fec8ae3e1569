"""Figures of where spheres are similar to models: maps on slices, and how many there are."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fmriprod.reports.print_style import SMALL, look, print_figure
from fmriprod.reports.score_maps import score_maps_figure


@contextmanager
def code_maps_figure(
    values: np.ndarray,
    mask: np.ndarray,
    background: np.ndarray,
    affine: np.ndarray,
    models: Sequence[str],
    *,
    q: np.ndarray | None = None,
    alpha: float = 0.05,
    level: str = "q",
    label: str = "ρ",
    title: str = "",
    simulated: bool = False,
    plane: str = "z",
    n_slices: int = 8,
) -> Iterator[Figure]:
    """Draw, a row a model, the similarity of spheres where it is positive and significant.

    Parameters
    ----------
    values : ndarray, shape (n_models, n_voxels)
        Similarity of the sphere around each voxel of the mask, in C order; NaN where none is.
    mask : ndarray of bool, shape (x, y, z)
        Where they lie.
    background, affine
        As `score_maps_figure` takes them.
    models : sequence of str
        Names, in the order of the rows.
    q : ndarray, shape (n_models, n_voxels), optional
        Spheres above ``alpha`` are not shown. Without it all positive values are.
    alpha : float
        Largest q that is shown.
    level : str
        What ``q`` is called: p where it is one.
    label : str
        What the values are, at the colour bar.
    title : str
        At the top left; says what is shown unless given.
    simulated : bool
        Whether the figure says that its data are simulated.
    plane, n_slices
        As `score_maps_figure` takes them.

    Yields
    ------
    matplotlib.figure.Figure
    """
    shown = significant_values(values, q, alpha)
    n = int(np.isfinite(shown).any(axis=0).sum())
    where = "above 0" if q is None else f"significant ({level} ≤ {alpha:g})"
    with score_maps_figure(
        shown, mask, background, affine, models, label=label,
        title=title or f"Where similarity is {where}: {n:,} spheres", simulated=simulated,
        plane=plane, n_slices=n_slices,
    ) as fig:  # fmt: skip
        for text in fig.texts:  # what that figure says of layers holds for models
            text.set_text(text.get_text().replace("for all layers", "for all rows"))
        yield fig


@contextmanager
def sphere_count_figure(
    counts: pd.DataFrame,
    *,
    alpha: float = 0.05,
    level: str = "q",
    tested: bool = True,
    title: str = "Spheres by model",
    simulated: bool = False,
) -> Iterator[Figure]:
    """Draw how many spheres are similar to each model.

    Parameters
    ----------
    counts : DataFrame
        Of `sphere_counts`.
    alpha : float
        Largest q that counts.
    level : str
        What q is called: p where it is one.
    tested : bool
        Whether only significant spheres count.
    title : str
        Above everything.
    simulated : bool
        Whether the figure says that its data are simulated.

    Yields
    ------
    matplotlib.figure.Figure
    """
    n = len(counts)
    what = (
        f"similarity above 0 and {level} ≤ {alpha:g}"
        if tested
        else "similarity above 0, not tested"
    )
    note = f"{what[0].upper()}{what[1:]}; of {_range(counts['n_known'])} spheres with a value."
    with print_figure(
        6.0, 1.0 + 0.24 * n, title=title, note=note, simulated=simulated
    ) as (fig, ax):  # fmt: skip
        ax.barh(range(n), counts["n_shown"], 0.75, color=look(0).colour, edgecolor="#555555",
                linewidth=0.6)  # fmt: skip
        for place, row in enumerate(counts.itertuples()):
            share = f" ({100 * row.n_shown / row.n_known:.1f} %)" if row.n_known else ""
            ax.annotate(f"{row.n_shown:,}{share}", (row.n_shown, place), xytext=(3, 0),
                        textcoords="offset points", va="center", fontsize=SMALL)  # fmt: skip
        ax.set_yticks(range(n), counts["model"], fontsize=SMALL)
        ax.tick_params(axis="y", length=0)
        ax.invert_yaxis()
        ax.set_xlim(0, 1.25 * max(counts["n_shown"].max(), 1))
        ax.set_xlabel("spheres", fontsize=SMALL)
        ax.tick_params(axis="x", labelsize=SMALL)
        yield fig


def significant_values(values: np.ndarray, q: np.ndarray | None, alpha: float) -> np.ndarray:
    """Keep positive values with q up to ``alpha``; NaN elsewhere."""
    with np.errstate(invalid="ignore"):
        kept = values > 0
        if q is not None:
            kept &= q <= alpha
    return np.where(kept, values, np.float32(np.nan))


def sphere_counts(
    values: np.ndarray, models: Sequence[str], q: np.ndarray | None = None, alpha: float = 0.05
) -> pd.DataFrame:
    """Count spheres by model.

    Parameters
    ----------
    values, q : ndarray, shape (n_models, n_voxels)
        Similarities, and q where there are any.
    models : sequence of str
        Names.
    alpha : float
        Largest q that counts.

    Returns
    -------
    DataFrame
        ``model n_known n_shown largest``: spheres with a value, those above 0 (and significant),
        and the largest value.
    """
    shown = np.isfinite(significant_values(values, q, alpha))
    known = np.isfinite(values)
    largest = [row[there].max() if there.any() else np.nan
               for row, there in zip(values, known, strict=True)]  # fmt: skip
    return pd.DataFrame({
        "model": list(models), "n_known": known.sum(axis=1), "n_shown": shown.sum(axis=1),
        "largest": largest,
    })  # fmt: skip


def _range(numbers: pd.Series) -> str:
    low, high = int(numbers.min()), int(numbers.max())
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"
