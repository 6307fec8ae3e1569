"""Figures of the report on representational similarity: each with its section and its words."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import NamedTuple

import nibabel as nb
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fmriprod.algorithms.rdm_mds import classical_scaling, metric_scaling
from fmriprod.interfaces.fsaverage import project_to_fsaverage
from fmriprod.interfaces.rsa_report_inputs import SQUARED, ShownRDMs, SphereMaps
from fmriprod.reports.brain_panel import BrainMap, brain_panel
from fmriprod.reports.code_maps import (
    code_maps_figure,
    significant_values,
    sphere_count_figure,
    sphere_counts,
)
from fmriprod.reports.layer_assignment_maps import assignment_figure
from fmriprod.reports.layer_colours import layer_colours, score_colours
from fmriprod.reports.panels import Panel
from fmriprod.reports.rdm_heatmap import rdm_heatmap_figure
from fmriprod.reports.rdm_mds import mds_figure
from fmriprod.reports.region_bars import region_figure
from fmriprod.reports.rsa_results import ScalingFacts, SimilarityTable
from fmriprod.reports.similarity_bars import similarity_figure
from fmriprod.reports.surface_maps import surface_figure

_MOST_MAPS = 6  # that can be chosen on slices: the page shall stay small
_SCALINGS = {"metric": metric_scaling, "classical": classical_scaling}
_BARS_HOW = (
    "tall bars are similar; hollow ones are not more similar than by chance, and no model can be "
    "expected above a grey band."
)


class Drawn(NamedTuple):
    """A figure to be made: its name, section, title, how it is read, numbers, and the maker."""

    name: str
    section: str
    title: str
    how: str
    numbers: str
    make: Callable[[], AbstractContextManager[Figure]]


def similarity_figures(
    tables: Sequence[SimilarityTable], points: Sequence[pd.DataFrame | None], alpha: float,
    simulated: bool,
) -> Iterator[Drawn]:  # fmt: skip
    """Bars of each table."""
    for number, (entry, own) in enumerate(zip(tables, points, strict=True), 1):
        top = entry.table.dropna(subset="value").nlargest(3, "value")
        parts = [f"{row.rdm} with {row.model} {row.value:.2f}" for row in top.itertuples()]
        yield Drawn(
            f"similarity-{number}", "similarity", entry.title, _BARS_HOW,
            f"Largest: {', '.join(parts)}." if parts else "",
            partial(similarity_figure, entry.table, points=own, label=entry.measure, alpha=alpha,
                    title=entry.title, simulated=simulated),
        )  # fmt: skip


def sphere_figures(
    maps: SphereMaps, background: np.ndarray, label: str, test: tuple[float, str],
    simulated: bool, space: str | None,
) -> Iterator[Drawn]:  # fmt: skip
    """Give maps of models on slices, on a surface where ``space`` is given, and counts.

    ``test`` is the largest q that is significant, and what q is called.
    """
    said, (alpha, level) = {"simulated": simulated}, test
    counts = sphere_counts(maps.values, maps.models, maps.q, alpha)
    numbers = ", ".join(f"{row.model} {row.n_shown:,}" for row in counts.itertuples())
    numbers = f"Spheres: {numbers}."
    yield Drawn(
        "codemaps", "spheres", "Maps of models on slices",
        "one row a model, one scale for all; what is not coloured is not similar to it.", numbers,
        partial(code_maps_figure, maps.values, maps.mask, background, maps.image.affine,
                maps.models, q=maps.q, alpha=alpha, level=level, label=label, **said),
    )  # fmt: skip
    if space:
        shown = significant_values(maps.values, maps.q, alpha)
        above = shown[np.isfinite(shown)]
        top = float(np.percentile(above, 99.8)) if above.size else 1.0
        projected = project_to_fsaverage(shown, maps.mask, maps.image.affine, space=space)
        yield Drawn(
            "codesurface", "spheres", "Maps of models on an average surface",
            "colours as on the slices; places are true to some millimetres.", numbers,
            partial(surface_figure, projected, maps.models, cmap=score_colours(), limits=(0, top),
                    threshold=0, label=label, title="Similarity with models", **said),
        )  # fmt: skip
    yield Drawn(
        "spherecounts", "spheres", "Spheres by model", "how far each model reaches.", numbers,
        partial(sphere_count_figure, counts, alpha=alpha, level=level, tested=maps.q is not None,
                **said),
    )  # fmt: skip


def sphere_panel(maps: SphereMaps, background: np.ndarray, label: str, alpha: float) -> Panel:
    """Give the first maps of models on slices that can be moved; only what is coloured there."""
    shown = []
    values = significant_values(maps.values, maps.q, alpha)
    for name, row in zip(maps.models[:_MOST_MAPS], values, strict=False):
        volume = np.full(maps.mask.shape, np.nan, np.float32)
        volume[maps.mask] = row
        shown.append(BrainMap(name, label, volume, 0.0))
    more = f", the first {_MOST_MAPS} models" if len(maps.models) > _MOST_MAPS else ""
    title = f"Spheres similar to models, at any place{more}"
    return brain_panel(background, maps.image.affine, shown, label=title)


def layer_figures(
    layer: np.ndarray, agreement: np.ndarray | None, image: nb.Nifti1Image,
    background: np.ndarray, layers: Sequence[str], simulated: bool, space: str | None,
) -> Iterator[Drawn]:  # fmt: skip
    """Most similar layer on slices, and on a surface where ``space`` is given."""
    counts = [int((layer == number).sum()) for number in range(1, len(layers) + 1)]
    numbers = ", ".join(f"{name} {n:,}" for name, n in zip(layers, counts, strict=True))
    numbers, how = f"Voxels: {numbers}.", "dark colours are first layers, light ones last"
    pale = (
        "; colours fade where other data would give another layer" if agreement is not None else ""
    )
    yield Drawn(
        "layers", "layers", "Most similar layer on slices", f"{how}{pale}.", numbers,
        partial(assignment_figure, layer, background, image.affine, layers, agreement=agreement,
                simulated=simulated),
    )  # fmt: skip
    if space is None or not (layer > 0).any():
        return
    mask = layer > 0
    projected = project_to_fsaverage(
        layer[mask][None], mask, image.affine, space=space, labels=True
    )
    yield Drawn(
        "layersurface", "layers", "Most similar layer on an average surface",
        f"{how}; places are true to some millimetres.", numbers,
        partial(surface_figure, projected, ["layer"], cmap=layer_colours(len(layers)),
                limits=(0.5, len(layers) + 0.5), layers=layers, title="Most similar layer",
                simulated=simulated),
    )  # fmt: skip


def region_figures(
    table: pd.DataFrame, points: pd.DataFrame | None, show: str, label: str, alpha: float,
    simulated: bool,
) -> Iterator[Drawn]:  # fmt: skip
    """Bars of regions."""
    how = (
        "points are participants; hollow bars do not differ from 0 over participants, and lines "
        "are intervals of the mean."
    )
    yield Drawn(
        "regions", "regions", "Similarity by region", how, "The numbers are in the table.",
        partial(region_figure, table, points=points, show=show, alpha=alpha, simulated=simulated,
                label="t" if show == "t" else f"mean {label}"),
    )  # fmt: skip


def rdm_figures(
    shown: Sequence[ShownRDMs], groups: Sequence[list[str] | None],
    limits: tuple[float, float] | None, lower_only: bool, simulated: bool,
) -> Iterator[Drawn]:  # fmt: skip
    """Heat maps, one figure a file."""
    for number, (entry, own) in enumerate(zip(shown, groups, strict=True), 1):
        how = "dark cells are pairs with similar patterns"
        if len(entry.values) < entry.n_rdms and not entry.names[0].startswith("mean of"):
            how += f"; the first {len(entry.values)} of {entry.n_rdms:,} RDMs are shown"
        known = entry.values[np.isfinite(entry.values)]
        span = f"{known.min():.2f} to {known.max():.2f}" if known.size else "unknown"
        yield Drawn(
            f"rdms-{number}", "rdms", entry.title, f"{how}.",
            f"{len(entry.values)} matrices of {len(entry.conditions)} conditions; "
            f"dissimilarities: {span}.",
            partial(rdm_heatmap_figure, entry.values, entry.conditions, names=entry.names,
                    groups=own, limits=limits, lower_only=lower_only, title=entry.title,
                    label=f"{entry.distance} distance", simulated=simulated),
        )  # fmt: skip


def scaling_figures(
    chosen: Sequence[tuple[ShownRDMs, int]], method: str, groups: Sequence[list[str] | None],
    pictures: Sequence[list[np.ndarray] | None], simulated: bool,
) -> Iterator[tuple[Drawn, ScalingFacts]]:  # fmt: skip
    """Conditions in two dimensions, one figure an RDM."""
    for number, ((entry, row), own, images) in enumerate(
        zip(chosen, groups, pictures, strict=True), 1
    ):
        found = _SCALINGS[method](entry.values[row], squared=entry.distance in SQUARED)
        name = entry.names[row]
        same = name.casefold() == entry.title.casefold()
        name = entry.title if same else f"{entry.title}, {name}"
        drawn = Drawn(
            f"mds-{number}", "scaling", name, "conditions with similar patterns lie near "
            "each other.", f"{len(entry.conditions)} conditions; stress {found.stress:.2f}.",
            partial(mds_figure, found.coordinates, entry.conditions, stress=found.stress,
                    images=images, groups=own, title=name, simulated=simulated),
        )  # fmt: skip
        yield drawn, ScalingFacts(name, method, found.stress)
