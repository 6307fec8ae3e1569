"""One page on parcels: connectivity, contrasts, networks and groups."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd
from nipype.interfaces.base import File, TraitedSpec, isdefined, traits

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.page_report import PageReport, TruthInputSpec
from fmriprod.interfaces.parcel_report_inputs import ParcelFiles, read_files
from fmriprod.reports.page import Tile, render_page
from fmriprod.reports.parcel_page import ParcelFigure, ParcelResult, parcel_page
from fmriprod.reports.results import SubjectResult

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_PARTS = ("connectivity_file", "contrast_file", "group_file", "network_file", "top_file")


class _ParcelReportInputSpec(TruthInputSpec):
    title = traits.Str("Parcels of the cortex", usedefault=True, desc="title of the page")
    parcels_file = File(
        exists=True, desc="TSV: name hemisphere network, in the order of connectivity_file"
    )
    connectivity_file = File(
        exists=True, requires=["parcels_file"], desc=".npy (n_parcels, n_parcels)"
    )
    connectivity_label = traits.Str(
        "correlation r", usedefault=True, desc="what connectivity_file holds"
    )
    connectivity_range = traits.List(
        traits.Float, [-1.0, 1.0], minlen=2, maxlen=2, usedefault=True,
        desc="values at the ends of the colours",
    )  # fmt: skip
    contrast_file = File(exists=True, desc="TSV of ParcelContrast: parcel contrast value")
    group_file = File(exists=True, desc="TSV of ParcelGroup, of parcels or of edges")
    network_file = File(exists=True, desc="TSV: table_file that NetworkSummary made of a contrast")
    top_file = File(exists=True, desc="TSV of ParcelRanking, of one contrast or more")
    seed = traits.Str(
        requires=["connectivity_file"], desc="parcel whose connectivity is drawn, such as L_V1"
    )
    alpha = traits.Range(
        low=0.0, high=1.0, value=0.05, usedefault=True, desc="largest p_max that is significant"
    )
    methods = traits.Str(
        "", usedefault=True, desc="methods text; citations as [@key] of data/references.bib"
    )


class _ParcelReportOutputSpec(TraitedSpec):
    out_report = File(exists=True, desc="the report: one HTML page that needs no other file")
    figures = traits.List(File(exists=True), desc="the figures of the page (PNG)")
    figure_names = traits.List(
        traits.Str, desc="what each is: group, ranking-<n>, networks, matrix, seed"
    )


class _Drawn(NamedTuple):
    name: str
    caption: str
    figure: "AbstractContextManager[Figure]"


class ParcelReport(PageReport):
    """Draw what was found in parcels on one HTML page.

    The first screen says which parcel is the largest, how many are significant over all, and
    which network is the strongest; below are figures and tables. All files may be left out, but
    not all of them. The same inputs give the same bytes.

    Examples
    --------
    >>> ParcelReport(simulated=True).inputs.connectivity_label
    'correlation r'
    """

    input_spec = _ParcelReportInputSpec
    output_spec = _ParcelReportOutputSpec
    _libraries = ("fmriprod", "nipype", "numpy", "scipy", "pandas", "matplotlib")

    def _process(self) -> None:
        values = self.inputs
        if not any(isdefined(getattr(values, name)) for name in _PARTS):
            raise InputError(
                "inputs", expected=f"one of {', '.join(_PARTS)} at least", found="none",
                hint="connect what ParcelConnectivity, ParcelContrast or ParcelGroup write",
            )  # fmt: skip
        seed = values.seed if isdefined(values.seed) else None
        paths = {name: self._path(name.removesuffix("_file")) for name in ("parcels_file", *_PARTS)}
        found = read_files(**paths, seed=seed)
        origin = self._origin()
        about = SubjectResult(
            "", truth=self._truth(), description=values.methods, decisions=origin["decisions"],
            settings=origin["settings"], versions=origin["versions"],
        )  # fmt: skip
        result = ParcelResult(
            values.title, self._tiles(found), self._save(found), found.group, values.simulated,
            about,
        )  # fmt: skip
        self.save_text("out_report", "parcels.html", render_page(parcel_page(result)))

    def _tiles(self, found: ParcelFiles) -> list[Tile]:
        from fmriprod.reports import parcel_tiles

        tiles = []
        for name, table in found.rankings.items():
            tiles.append(parcel_tiles.contrast_tile(table, name))
        if found.group is not None:
            tiles += parcel_tiles.group_tiles(found.group, self.inputs.alpha)
        if found.networks is not None:
            tiles.append(parcel_tiles.network_tile(found.networks))
        if found.matrix is not None:
            names = found.parcels["name"].tolist()
            tiles += parcel_tiles.connectivity_tiles(found.matrix, names, found.seed)
        return tiles

    def _save(self, found: ParcelFiles) -> list[ParcelFigure]:
        figures, names = [], []
        for entry in self._draw(found):
            with entry.figure as figure:
                self.save_figure("last", f"{entry.name}.png", figure)
            names.append(entry.name)
            figures.append(
                ParcelFigure(entry.name.split("-")[0], entry.caption, self._results.pop("last"))
            )
        self.result("figures", [entry.path for entry in figures])
        self.result("figure_names", names)
        return figures

    def _draw(self, found: ParcelFiles) -> Iterator[_Drawn]:
        """Open the figures of what there is, one after the other."""
        from fmriprod.reports.network_bars import network_bars_figure
        from fmriprod.reports.parcel_matrix import parcel_matrix_figure
        from fmriprod.reports.parcel_profile import parcel_profile_figure
        from fmriprod.reports.parcel_ranking import parcel_ranking_figure

        values = self.inputs
        simulated, colours = values.simulated, found.colours
        if found.group is not None and "parcel" in found.group:
            yield _Drawn("group", "t of the 20 parcels of the largest |t|.", parcel_ranking_figure(
                _by_t(found.group), colours=colours, label="t", simulated=simulated,
                title="Parcels of the largest |t|",
            ))  # fmt: skip
        for number, (name, table) in enumerate(found.rankings.items(), 1):
            yield _Drawn(f"ranking-{number}", f"Parcels of the first 20 ranks, {name}.",
                         parcel_ranking_figure(table, colours=colours, label=name, title=name,
                                               simulated=simulated))  # fmt: skip
        if found.networks is not None:
            yield _Drawn("networks", "Means of networks and hemispheres.",
                         network_bars_figure(found.networks, simulated=simulated))  # fmt: skip
        if found.matrix is None:
            return
        label = values.connectivity_label
        yield _Drawn("matrix", "All pairs, by network, left before right.", parcel_matrix_figure(
            found.matrix, found.parcels, limits=tuple(values.connectivity_range), label=label,
            simulated=simulated,
        ))  # fmt: skip
        if found.seed is not None:
            row = found.matrix[found.parcels["name"].tolist().index(found.seed)]
            yield _Drawn("seed", f"Connectivity of {found.seed} with all regions.",
                         parcel_profile_figure(row, found.parcels, found.seed, label=label,
                                               simulated=simulated))  # fmt: skip


def _by_t(group: pd.DataFrame) -> pd.DataFrame:
    table = group.dropna(subset="t").assign(value=lambda rows: rows["t"])
    ranks = table["t"].abs().rank(ascending=False, method="min")
    return table.assign(rank=ranks).drop(columns=["low", "high"], errors="ignore")
