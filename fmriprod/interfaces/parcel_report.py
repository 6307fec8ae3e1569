"""One page on parcels: connectivity, contrasts, networks and groups."""

from itertools import chain
from typing import TYPE_CHECKING

from nipype.interfaces.base import File, TraitedSpec, isdefined, traits

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.base import given_or_none
from fmriprod.interfaces.page_report import PageReport, TruthInputSpec
from fmriprod.interfaces.parcel_connectome import brain_outline
from fmriprod.interfaces.parcel_report_figures import connectivity_figures, contrast_figures
from fmriprod.interfaces.parcel_report_inputs import ParcelFiles, read_files
from fmriprod.interfaces.parcel_surface import VerticesInputSpec, surface_sources
from fmriprod.reports.page import Tile, render_page
from fmriprod.reports.parcel_page import ParcelFigure, ParcelResult, parcel_page
from fmriprod.reports.results import SubjectResult

if TYPE_CHECKING:
    from markupsafe import Markup

_NO_PLACES = (
    "No glass brain and no connectome to turn: parcels_file has no x y z, "
    "and no atlas_file is given."
)
_PARTS = ("connectivity_file", "contrast_file", "group_file", "network_file", "top_file")


class _ParcelReportInputSpec(TruthInputSpec, VerticesInputSpec):
    title = traits.Str("Parcels of the cortex", usedefault=True, desc="title of the page")
    parcels_file = File(
        exists=True,
        desc="TSV: name hemisphere network (x y z, MNI, mm), in the order of connectivity_file",
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
    contrast_name = traits.Str(
        desc="what contrast_file and group_file are, in words (default: column contrast); also the "
        "name of the ranking where top_file holds one"
    )
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
        traits.Str, desc="what each is: group, ranking-<n>, surface, networks, matrix, brain, seed"
    )


class ParcelReport(PageReport):
    """Draw what was found in parcels on one HTML page.

    The first screen says which parcel is the largest, how many are significant over all, and
    which network is the strongest; below are figures and tables. Where parcels have places
    (``x y z``, or those of atlas_file) there is a glass brain and a connectome that can be turned,
    and where labels of the cortex are given the contrast (or else t of the group) is on the
    surface. All files may be left out, but
    not all of them. The same inputs give the same bytes.

    Examples
    --------
    >>> ParcelReport(simulated=True).inputs.connectivity_label
    'correlation r'
    """

    input_spec = _ParcelReportInputSpec
    output_spec = _ParcelReportOutputSpec
    _algorithm_version = "2"
    _libraries = ("fmriprod", "nipype", "numpy", "scipy", "pandas", "matplotlib", "nilearn")

    def _process(self) -> None:
        values = self.inputs
        if not any(isdefined(getattr(values, name)) for name in _PARTS):
            raise InputError(
                "inputs", expected=f"one of {', '.join(_PARTS)} at least", found="none",
                hint="connect what ParcelConnectivity, ParcelContrast or ParcelGroup write",
            )  # fmt: skip
        seed = values.seed if isdefined(values.seed) else None
        names = ("parcels_file", *_PARTS, "atlas_file", "regions_file")
        paths = {name: self._path(name.removesuffix("_file")) for name in names}
        found = read_files(**paths, seed=seed).named(given_or_none(values.contrast_name))
        self._check_surface(found)
        origin = self._origin()
        about = SubjectResult(
            "", truth=self._truth(), description=values.methods, decisions=origin["decisions"],
            settings=origin["settings"], versions=origin["versions"],
        )  # fmt: skip
        remarks = (
            {"matrix": _NO_PLACES} if found.matrix is not None and not found.has_places else {}
        )
        result = ParcelResult(
            values.title, self._tiles(found), self._save(found), found.group, values.simulated,
            about, self._connectome(found), remarks, found.rankings,
        )  # fmt: skip
        self.save_text("out_report", "parcels.html", render_page(parcel_page(result)))

    def _check_surface(self, found: ParcelFiles) -> None:
        asked = [name for name in surface_sources(self.inputs) if name != "atlas_file"]
        if asked and found.painted is None:
            raise InputError(
                asked[0], expected="parcels_file, and contrast_file or a group_file of parcels, to "
                "be drawn on the cortex", found="none", hint=f"give them, or leave {asked[0]} out",
            )  # fmt: skip

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
        """Draw and save the figures of what there is, one after the other."""
        figures, names = [], []
        drawn = chain(
            contrast_figures(found, self.inputs), connectivity_figures(found, self.inputs)
        )
        for entry in drawn:
            with entry.figure as figure:
                self.save_figure("last", f"{entry.name}.png", figure)
            names.append(entry.name)
            path = self._results.pop("last")
            figures.append(ParcelFigure(entry.name.split("-")[0], entry.caption, path, entry.alt))
        self.result("figures", [entry.path for entry in figures])
        self.result("figure_names", names)
        return figures

    def _connectome(self, found: ParcelFiles) -> "Markup | None":
        from fmriprod.reports.parcel_connectome import connectome_markup

        if found.matrix is None or not found.has_places:
            return None
        return connectome_markup(
            found.matrix, found.parcels, brain_outline(), label=self.inputs.connectivity_label,
            simulated=self.inputs.simulated,
        )  # fmt: skip
