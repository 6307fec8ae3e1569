"""One page on representational similarity: which distances are shared, and where."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import nibabel as nb
import numpy as np
import pandas as pd
from nipype.interfaces.base import isdefined

from fmriprod.algorithms.checks import InputError, suggest
from fmriprod.interfaces.fsaverage import check_space
from fmriprod.interfaces.images import check_same_grid, load_image
from fmriprod.interfaces.masked_responses import grey_background
from fmriprod.interfaces.page_report import PageReport
from fmriprod.interfaces.rsa_report_inputs import (
    ShownRDMs,
    read_groups,
    read_pictures,
    read_region_tables,
    read_shown,
    read_similarities,
    read_sphere_maps,
)
from fmriprod.interfaces.rsa_report_spec import RSAReportInputSpec, RSAReportOutputSpec
from fmriprod.reports.page import render_page
from fmriprod.reports.rdm_panel import rdm_panel
from fmriprod.reports.rsa_page import rsa_page
from fmriprod.reports.rsa_results import RDMFacts, RSAFigure, RSAResult, SimilarityTable

if TYPE_CHECKING:
    from fmriprod.interfaces.rsa_report_figures import Drawn

    Part = tuple[dict, list[Drawn]]

_MOST_RDMS = 20
_PARTS = ("rdm_files", "table_files", "value_map", "layer_map", "region_file")


class RSAReport(PageReport):
    """Draw what an analysis of representational similarity found, on one HTML page.

    The first screen says which pair of RDM and model is the most similar, in how many spheres,
    which layer wins most, what is significant, and what to bear in mind; then come maps, bars,
    heat maps of RDMs, and conditions as points in two dimensions. All parts may be left out,
    but not all of them. The same inputs give the same bytes; there is no date on the page.

    Examples
    --------
    >>> RSAReport(simulated=True).inputs.scaling
    'metric'
    """

    input_spec = RSAReportInputSpec
    output_spec = RSAReportOutputSpec
    _algorithm_version = "2"
    # Their versions are on the page.
    _libraries = (
        "fmriprod", "nipype", "nilearn", "nibabel", "numpy", "scipy", "scikit-learn", "h5py",
        "matplotlib",
    )  # fmt: skip

    def _process(self) -> None:
        values = self.inputs
        if not any(isdefined(getattr(values, name)) for name in _PARTS):
            raise InputError(
                "inputs", expected=f"one of {', '.join(_PARTS)} at least", found="none",
                hint="connect what RSA, SearchlightRSA, LayerAssignment or GroupRSA write",
            )  # fmt: skip
        if isdefined(values.space):
            check_space(values.space)
        result = RSAResult(
            title=values.title, subtitle=values.subtitle, alpha=values.alpha, truth=self._truth(),
            methods=values.methods, **self._origin(),
        )  # fmt: skip
        drawn = []
        for part in (self._similarities, self._spheres, self._layers, self._regions, self._rdms):
            facts, figures = part()
            panels = {**result.panels, **facts.pop("panels", {})}
            result = replace(result, **facts, panels=panels)
            drawn += figures
        result = replace(result, figures=self._save(drawn))
        self.save_text("out_report", "rsa.html", render_page(rsa_page(result)))

    def _save(self, drawn: "list[Drawn]") -> list[RSAFigure]:
        paths = []
        for entry in drawn:
            with entry.make() as figure:
                self.save_figure("last", f"{entry.name}.png", figure)
            paths.append(self._results.pop("last"))
        self.result("figures", paths)
        self.result("figure_names", [entry.name for entry in drawn])
        return [RSAFigure(*entry[1:5], path) for entry, path in zip(drawn, paths, strict=True)]

    def _named(self, field: str, files: list[str], default: str | None = None) -> list[str]:
        """Give the title of each file."""
        names = self._list(field)
        if names and len(names) != len(files):
            raise InputError(
                field, expected=f"one for each of {len(files)} files", found=f"{len(names)}",
                hint="give them in the order of the files, or leave them out",
            )  # fmt: skip
        return names or [default or Path(file).stem for file in files]

    def _similarities(self) -> "Part":
        from fmriprod.interfaces.rsa_report_figures import similarity_figures

        files = self._list("table_files")
        titles = self._named("table_titles", files)
        labels = self._named("table_labels", files, "similarity")
        read = [read_similarities(file) for file in files]
        tables = [
            SimilarityTable(title, label, table)
            for title, label, (table, _) in zip(titles, labels, read, strict=True)
        ]
        figures = similarity_figures(
            tables, [points for _, points in read], self.inputs.alpha, self.inputs.simulated
        )
        return {"tables": tables}, list(figures)

    def _spheres(self) -> "Part":
        from fmriprod.interfaces.rsa_report_figures import sphere_figures, sphere_panel
        from fmriprod.reports.code_maps import sphere_counts

        values = self.inputs
        if not isdefined(values.value_map):
            return {}, []
        q_map = values.q_map if isdefined(values.q_map) else None
        maps = read_sphere_maps(values.value_map, q_map, self._list("map_names"))
        background = self._background(maps.mask, maps.image)
        figures = sphere_figures(
            maps, background, values.map_label, (values.alpha, values.map_level),
            values.simulated, self._space(),
        )  # fmt: skip
        counts = sphere_counts(maps.values, maps.models, maps.q, values.alpha)
        facts = {
            "spheres": counts, "spheres_tested": q_map is not None,
            "map_label": values.map_label, "map_level": values.map_level,
            "panels": {"spheres": [sphere_panel(maps, background, values.map_label, values.alpha)]},
        }  # fmt: skip
        return facts, list(figures)

    def _layers(self) -> "Part":
        from fmriprod.interfaces.rsa_report_figures import layer_figures
        from fmriprod.reports.layer_assignment_maps import check_layers

        values, names = self.inputs, self._list("layer_names")
        if not isdefined(values.layer_map):
            return {}, []
        if not names:
            raise InputError(
                "layer_names", expected="a name for each layer of layer_map, from the first",
                found="none", hint="give the names that LayerRDM has, in their order",
            )  # fmt: skip
        data, image = load_image(values.layer_map, ndim=3)
        layer = check_layers(data, names)
        agreement = None
        if isdefined(values.agreement_map):
            agreement, other = load_image(values.agreement_map, ndim=3)
            check_same_grid(other, image)
        background = self._background(layer > 0, image)
        figures = layer_figures(
            layer, agreement, image, background, names, values.simulated, self._space()
        )
        rows = [(name, int((layer == i).sum()), _median(agreement, layer == i))
                for i, name in enumerate(names, 1)]  # fmt: skip
        table = pd.DataFrame(rows, columns=["layer", "n", "agreement"])
        return {"layers": table}, list(figures)

    def _regions(self) -> "Part":
        from fmriprod.interfaces.rsa_report_figures import region_figures
        from fmriprod.reports.region_bars import region_rows

        values = self.inputs
        if not isdefined(values.region_file):
            return {}, []
        table, points = read_region_tables(values.region_file, self._path("region_participant"))
        figures = region_figures(
            table, points, values.region_values, values.map_label, values.alpha, values.simulated
        )
        return {"regions": region_rows(table)}, list(figures)

    def _rdms(self) -> "Part":
        from fmriprod.interfaces.rsa_report_figures import rdm_figures, scaling_figures

        values, files = self.inputs, self._list("rdm_files")
        titles = self._named("rdm_titles", files)
        shown = [read_shown(file, title, _MOST_RDMS)
                 for file, title in zip(files, titles, strict=True)]  # fmt: skip
        groups = [self._groups(entry) for entry in shown]
        limits = tuple(self._list("rdm_range")) or None
        figures = list(rdm_figures(shown, groups, limits, values.lower_only, values.simulated))
        chosen = list(self._chosen(shown))
        scaled = list(scaling_figures(
            chosen, values.scaling, [self._groups(entry) for entry, _ in chosen],
            [self._pictures(entry) for entry, _ in chosen], values.simulated,
        ))  # fmt: skip
        facts = [RDMFacts(e.title, e.n_rdms, len(e.conditions), e.distance, e.n_unknown,
                          e.n_constant) for e in shown]  # fmt: skip
        figures += [drawn for drawn, _ in scaled]
        panels = [rdm_panel(e.values, e.conditions, e.names, groups=own, limits=limits,
                            lower_only=values.lower_only, title=e.title,
                            label=f"{e.distance} distance")
                  for e, own in zip(shown, groups, strict=True)]  # fmt: skip
        scalings = [fact for _, fact in scaled]
        there = [panel for panel in panels if panel is not None]
        return {"rdms": facts, "scalings": scalings, "panels": {"rdms": there}}, figures

    def _chosen(self, shown: list[ShownRDMs]) -> Iterator[tuple[ShownRDMs, int]]:
        """RDMs that are scaled: those asked for, or the first one without gaps of each file."""
        wanted = self._list("scaled")
        known = [name for entry in shown for name in entry.names]
        lacking = [name for name in wanted if name not in known]
        if lacking:
            raise InputError(
                "scaled", expected="names of RDMs that are shown", found=repr(lacking[0]),
                hint=suggest(lacking[0], known),
            )  # fmt: skip
        for entry in shown:
            whole = [row for row, pairs in enumerate(entry.values) if np.isfinite(pairs).all()]
            if wanted:
                yield from ((entry, row) for row, name in enumerate(entry.names) if name in wanted)
            elif whole:
                yield entry, whole[0]

    def _groups(self, entry: ShownRDMs) -> list[str] | None:
        path = self._path("groups")
        return read_groups(path, entry.conditions) if path else None

    def _pictures(self, entry: ShownRDMs) -> list[np.ndarray] | None:
        files = self._list("stimulus_files")
        if not files:
            return None
        return read_pictures(files, self._list("stimulus_names"), entry.conditions)

    def _background(self, mask: np.ndarray, image: nb.Nifti1Image) -> np.ndarray:
        return grey_background(self._path("background"), mask, image)

    def _space(self) -> str | None:
        return self.inputs.space if isdefined(self.inputs.space) else None


def _median(agreement: np.ndarray | None, inside: np.ndarray) -> float:
    if agreement is None or not np.isfinite(agreement[inside]).any():
        return np.nan
    return float(np.nanmedian(agreement[inside]))
