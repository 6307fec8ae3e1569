"""One page on all that was found for the group of a production study."""

from pathlib import Path

import pandas as pd
from nipype.interfaces.base import File, TraitedSpec, isdefined, traits

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.events import read_table
from fmriprod.interfaces.group_figures import GroupFilesInputSpec, read_rows
from fmriprod.interfaces.page_report import PageInputSpec, PageReport
from fmriprod.reports.page import render_page
from fmriprod.reports.production_page import group_page
from fmriprod.reports.production_results import TABLES, GroupResult

_PLACE = ("subject", "region", "phase", "scheme")
# Columns that the page itself reads; the others are shown as they are.
_NEEDED = {
    "accuracy": ("region", "phase", "scheme", "n", "mean", "ci_low", "ci_high", "p_flip_max",
                 "chance"),
    "log_odds": ("region", "phase", "scheme", "contrast", "mean", "ci_low", "ci_high"),
    "missing": _PLACE,
    "connectivity": ("region_1", "region_2", "features", "scheme", "slope", "ci_low", "ci_high",
                     "p"),
}  # fmt: skip


class _GroupReportInputSpec(PageInputSpec, GroupFilesInputSpec):
    study = traits.Str(mandatory=True, desc="name of the study")
    change_file = File(
        exists=True, hash_name=True, desc="change from before to after (TSV, GroupEvidence)"
    )
    log_odds_file = File(
        exists=True, hash_name=True, desc="contrasts of log-probabilities (TSV, GroupEvidence)"
    )
    model_file = File(
        exists=True, hash_name=True, desc="mixed models of accuracy (TSV, GroupEvidence)"
    )
    selectivity_file = File(
        exists=True, hash_name=True, desc="selectivity and change (TSV, GroupEvidence)"
    )
    missing_file = File(
        exists=True, hash_name=True, desc="what participants lack (TSV, GroupEvidence)"
    )
    connectivity_file = File(
        exists=True, hash_name=True, desc="models of connectivity (TSV, GroupConnectivity)"
    )
    informational_file = File(
        exists=True,
        hash_name=True,
        desc="informational connectivity (TSV, InformationalConnectivity)",
    )
    figures = traits.List(File(exists=True), desc="pictures (PNG or SVG): previews of GroupFigures")
    figure_names = traits.List(traits.Str, desc="name of each of them")
    file_names = traits.List(
        traits.Str,
        desc="how tables are called where readers find them, such as: accuracy=group/accuracy.tsv "
        "(default: the names of the files)",
    )
    standardize = traits.Enum(
        "split",
        "train",
        "run",
        "none",
        usedefault=True,
        desc="z-score of the drawing samples, as RegionEvidence had it; the page says what it "
        "does to foil against control",
    )
    description = traits.Str(
        "", usedefault=True, desc="methods text; citations as [@key] of data/references.bib"
    )


class _GroupReportOutputSpec(TraitedSpec):
    out_file = File(exists=True, desc="the report: one HTML page that needs no other file")


class GroupReport(PageReport):
    """Gather figures and tables of a group on one self-contained HTML page.

    The first screen says which study, how many participants, who lacks what, how well
    objects are told apart while drawn, and what to bear in mind. Everything but ``study``
    may be left out. The same inputs give the same bytes; there is no date on the page.

    Examples
    --------
    >>> GroupReport(study="Drawing", simulated=True).inputs.standardize
    'split'
    """

    input_spec = _GroupReportInputSpec
    output_spec = _GroupReportOutputSpec
    # Their versions are on the page.
    _libraries = ("fmriprod", "nipype", "numpy", "scipy", "pandas", "matplotlib")

    def _process(self) -> None:
        values = self.inputs
        given = {name: getattr(values, f"{name}_file") for name in TABLES}
        given = {name: path for name, path in given.items() if isdefined(path)}
        result = GroupResult(
            study=values.study,
            scores=self._scores(),
            tables={name: _read(path, name) for name, path in given.items()},
            files={name: Path(path).name for name, path in given.items()} | self._names(given),
            figures=self._figures("give previews and preview_names of GroupFigures"),
            phases=(values.before, values.after, values.production),
            schemes=self._list("schemes"),
            standardize=values.standardize,
            description=values.description,
            **self._origin(),
        )
        self.save_text("out_file", "group.html", render_page(group_page(result)))

    def _scores(self) -> pd.DataFrame | None:
        files = self._list("scores_files")
        return read_rows(files, "scores_files", _PLACE, ("accuracy",), _PLACE) if files else None

    def _names(self, given: dict[str, str]) -> dict[str, str]:
        names = dict(text.partition("=")[::2] for text in self._list("file_names"))
        wrong = [f"{name}={file}" for name, file in names.items() if name not in TABLES or not file]
        if wrong:
            raise InputError(
                "file_names",
                expected=f"table=file, tables being {', '.join(TABLES)}",
                found="; ".join(wrong),
                hint="name tables as the inputs, without _file",
            )
        return {name: file for name, file in names.items() if name in given}


def _read(path: str, name: str) -> pd.DataFrame:
    """Read a table of the group; labels of participants stay text."""
    table = read_table(path, name)
    lacking = [column for column in _NEEDED.get(name, ()) if column not in table]
    if lacking:
        raise InputError(
            name,
            expected=f"columns {', '.join(_NEEDED[name])}",
            found=f"no {', '.join(lacking)}",
            hint="give the table that the group's statistics wrote",
            file=str(path),
        )
    if "subject" in table:
        subjects = pd.read_csv(path, sep="\t", dtype=str, usecols=["subject"],
                               keep_default_na=False, encoding="utf-8-sig")  # fmt: skip
        table["subject"] = subjects["subject"]
    return table
