"""Evidence in the connectivity of regions: by phase of production, and by repetition."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from fmriprod.algorithms.bootstrap import Bootstrap
from fmriprod.reports.print_style import (
    WIDTH,
    chance_lines,
    interval_words,
    look,
    message_figure,
    participants,
    print_figure,
    widened,
)
from fmriprod.reports.production_bars import draw_bars, legend
from fmriprod.reports.production_courses import draw_band, participant_band

BY = {"half": "half of production", "repetition": "repetition of the object", "trial": "trial",
      "run": "run"}  # fmt: skip
_COLUMNS = 3
_FROM_ONE = ("repetition", "trial")  # counted from 0 in the table
Bands = dict[str, tuple[np.ndarray, Bootstrap]]


@contextmanager
def connectivity_figure(
    trials: pd.DataFrame,
    *,
    by: str = "half",
    kind: str = "bar",
    features: str = "",
    scheme: str = "",
    limits: tuple[float, float] = (0.0, 1.5),
    n_bootstrap: int = 3000,
    seed: int = 0,
    title: str = "",
    simulated: bool = False,
) -> Iterator[Figure]:
    """Draw target against foil in the connectivity of each pair of regions.

    Parameters
    ----------
    trials : DataFrame
        Connectivity evidence of participants, a row a trial: ``subject region_1 region_2
        features scheme run half trial repetition log_odds``.
    by : {"half", "repetition", "trial", "run"}
        Over what; repetitions and trials are shown from 1.
    kind : {"bar", "line"}
        Groups of bars in one plot, or a plot with a line for each pair.
    features, scheme : str
        Which rows; those of the first row by default.
    limits : (float, float)
        Of the vertical axis; wider where the means and intervals need it.
    n_bootstrap, seed : int
        Draws of participants for the intervals, and their seed.
    title : str
        Title; one that says what is drawn by default.
    simulated : bool
        Whether the figure says that the data are simulated.

    Yields
    ------
    matplotlib.figure.Figure
    """
    title = title or f"Target against foil in connectivity by {BY.get(by, by)}"
    known = trials.dropna(subset=["log_odds"])
    for column, wanted in (("features", features), ("scheme", scheme)):
        if len(known):
            known = known[known[column] == (wanted or known[column].iloc[0])]
    if known.empty:
        message = f"No evidence in connectivity by {BY.get(by, by)}."
        with message_figure(message, title=title, simulated=simulated) as fig:
            yield fig
        return
    bands = connectivity_bands(known, by, n_bootstrap=n_bootstrap, seed=seed)
    counts = np.concatenate([found.n for _, found in bands.values()])
    form = "Bars" if kind == "bar" else "Lines"
    note = (
        f"{form}: means over participants of their mean log odds, {participants(counts)}; "
        f"{interval_words(counts, f'{n_bootstrap:,} bootstrap draws of participants')}. "
        f"Features: {known['features'].iloc[0]}; scheme: {known['scheme'].iloc[0]}."
    )
    ends = np.concatenate([np.ravel([b.estimate, b.low, b.high]) for _, b in bands.values()])
    draw = _bars if kind == "bar" else _lines
    words = {"title": title, "note": note, "simulated": simulated}
    with draw(bands, by, widened(limits, ends), words) as fig:
        yield fig


def connectivity_bands(
    trials: pd.DataFrame, by: str, *, n_bootstrap: int = 3000, seed: int = 0
) -> Bands:
    """Average each participant's trials, then participants, in each pair of regions.

    Parameters
    ----------
    trials : DataFrame
        Of one kind of features and one scheme, see `connectivity_figure`.
    by : str
        Column to average by.
    n_bootstrap, seed : int
        Draws of participants, and their seed.

    Returns
    -------
    dict of str to (ndarray, Bootstrap)
        By the name of the pair: positions, and means with intervals.
    """
    index = pd.to_numeric(trials[by]) + (by in _FROM_ONE)
    rows = trials.assign(index=index, pair=trials["region_1"] + " – " + trials["region_2"])
    means = rows.groupby(["pair", "subject", "index"], sort=False)["log_odds"].mean()
    table = means.rename("value").reset_index()
    return {
        str(pair): participant_band(part, n_bootstrap=n_bootstrap, seed=seed)
        for pair, part in table.groupby("pair", sort=False)
    }


@contextmanager
def _bars(bands: Bands, by: str, limits: tuple[float, float], words: dict) -> Iterator[Figure]:
    positions = sorted({float(x) for index, _ in bands.values() for x in index})
    rows = pd.DataFrame([
        {"region": pair.replace(" – ", "\n"), "index": x, "mean": mean, "ci_low": low,
         "ci_high": high}
        for pair, (index, found) in bands.items()
        for x, mean, low, high in zip(index, found.estimate, found.low, found.high, strict=True)
    ])  # fmt: skip
    with print_figure(WIDTH, 3.3, **words) as (fig, ax):
        series = [(f"{BY.get(by, by)} {x:g}", rows[rows["index"] == x]) for x in positions]
        draw_bars(ax, rows, list(dict.fromkeys(rows["region"])), series)
        chance_lines(ax, [0.0], label=False)
        ax.set(ylabel="log odds, target against foil", ylim=limits)
        legend(ax, len(series))
        yield fig


@contextmanager
def _lines(bands: Bands, by: str, limits: tuple[float, float], words: dict) -> Iterator[Figure]:
    n_columns = min(_COLUMNS, len(bands))
    n_rows = -(-len(bands) // n_columns)
    shape: dict = {"nrows": n_rows, "ncols": n_columns, "squeeze": False}
    with print_figure(WIDTH, 1.2 + 1.45 * n_rows, **words, **shape, sharex=True, sharey=True) as (
        fig,
        axes,
    ):
        axes[0, 0].set_ylim(*limits)
        for number, (ax, (pair, found)) in enumerate(zip(axes.flat, bands.items(), strict=False)):
            _line(ax, *found, pair, number >= len(bands) - n_columns, by)
        for ax in axes.flat[len(bands) :]:
            ax.set_axis_off()
        for ax in axes[:, 0]:
            ax.set_ylabel("log odds")
        yield fig


def _line(ax: Axes, index: np.ndarray, found: Bootstrap, pair: str, lowest: bool, by: str) -> None:
    draw_band(ax, index, found, look(1), pair)
    chance_lines(ax, [0.0], label=False)
    ax.set_title(pair, fontsize=9)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    if len(index) < 4:
        ax.set_xlim(index[0] - 0.5, index[-1] + 0.5)
    if lowest:
        ax.tick_params(labelbottom=True)
        ax.set_xlabel(BY.get(by, by))


def kinds_of(trials: pd.DataFrame) -> Sequence[tuple[str, str]]:
    """List the kinds of features with their schemes, in the order of the table."""
    return list(trials[["features", "scheme"]].drop_duplicates().itertuples(index=False, name=None))
