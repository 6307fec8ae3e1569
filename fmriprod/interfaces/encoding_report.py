"""One page on an encoding analysis: which layer predicts which voxel."""

from dataclasses import replace

from nipype.interfaces.base import File, InputMultiObject, TraitedSpec, isdefined, traits

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.encoding_report_inputs import (
    SUMMARIES,
    TABLES,
    check_one_analysis,
    read_overview,
    read_step_table,
    read_summary,
)
from fmriprod.interfaces.page_report import PageReport, TruthInputSpec
from fmriprod.interfaces.panel_file import read_panel
from fmriprod.reports.encoding_page import encoding_page
from fmriprod.reports.encoding_results import EncodingResult
from fmriprod.reports.page import render_page


class _EncodingReportInputSpec(TruthInputSpec):
    title = traits.Str(
        "Which layer predicts which voxel", usedefault=True, desc="title of the page"
    )
    subtitle = traits.Str("", usedefault=True, desc="who and what, such as: sub-01 · films")
    figures = InputMultiObject(
        File(exists=True),
        desc="pictures (PNG or SVG), of ScoreFigures, ScoreFingerprint, Retinotopy and others",
    )
    figure_names = InputMultiObject(
        traits.Str,
        desc="what each of them is: scores, scoremaps, scoresurface, sharemaps, null, "
        "fingerprints, winner, winnersurface, slope, penalties, spaces, angle, precision-recall, "
        "contrast-maps, receptive-fields, reconstruction, or a title of your own; what "
        "follows one of these words is shown beside it",
    )
    brain_panels = InputMultiObject(
        File(exists=True), desc="slices that can be moved, from BrainPanel (JSON)"
    )
    encode_summary_file = File(exists=True, desc="numbers of RidgeEncode (JSON)")
    scores_file = File(
        exists=True,
        requires=["encode_summary_file"],
        desc="its scores (HDF5): tells how many voxels are predicted, and which penalties these "
        "chose",
    )
    significance_summary_file = File(exists=True, desc="numbers of ScoreSignificance (JSON)")
    fingerprint_summary_file = File(exists=True, desc="numbers of ScoreFingerprint (JSON)")
    profile_file = File(exists=True, desc="profiles of regions (TSV, ScoreFingerprint)")
    ceiling_summary_file = File(exists=True, desc="numbers of NoiseCeiling (JSON)")
    banded_summary_file = File(exists=True, desc="numbers of BandedRidgeEncode (JSON)")
    retinotopy_summary_file = File(exists=True, desc="numbers of Retinotopy (JSON)")
    recovery_summary_file = File(exists=True, desc="numbers of ContrastRecovery (TSV)")
    fields_summary_file = File(exists=True, desc="numbers of ReceptiveField (JSON)")
    reconstruction_summary_file = File(exists=True, desc="numbers of ImageReconstruction (JSON)")
    methods = traits.Str(
        "", usedefault=True, desc="methods text; citations as [@key] of data/references.bib"
    )


class _EncodingReportOutputSpec(TraitedSpec):
    out_report = File(exists=True, desc="the report: one HTML page that needs no other file")


class EncodingReport(PageReport):
    """Gather figures and numbers of an encoding analysis on one self-contained HTML page.

    The first screen says how many voxels are predicted, which layer is the best in which
    region, whether the grid of penalties was wide enough, what was left out, and what to bear
    in mind. All parts may be left out, but not all of them. The same inputs give the same
    bytes; there is no date on the page.

    Examples
    --------
    >>> EncodingReport(simulated=True).inputs.title
    'Which layer predicts which voxel'
    """

    input_spec = _EncodingReportInputSpec
    output_spec = _EncodingReportOutputSpec
    # Their versions are on the page.
    _libraries = (
        "fmriprod", "nipype", "nilearn", "nibabel", "numpy", "scipy", "scikit-learn", "h5py",
        "matplotlib",
    )  # fmt: skip

    def _process(self) -> None:
        values = self.inputs
        given = {name: read_summary(self._path(name), name) for name in SUMMARIES
                 if self._path(name)}  # fmt: skip
        tables = {name: read_step_table(self._path(name), name) for name in TABLES
                  if self._path(name)}  # fmt: skip
        figures = self._figures("give figures and figure_names of the same steps, in one order")
        if not (given or tables or figures):
            raise InputError(
                "encode_summary",
                expected="a summary, a table or a figure to report on",
                found="none",
                hint="connect the summary_file of RidgeEncode and the figures",
            )
        check_one_analysis(given, tables.get("profile"))
        summaries = {name.removesuffix("_summary"): content for name, content in given.items()}
        result = EncodingResult(
            title=values.title,
            subtitle=values.subtitle,
            figures=figures,
            brain_panels=[read_panel(file) for file in self._list("brain_panels")],
            **summaries,
            profiles=tables.get("profile"),
            recovery=tables.get("recovery_summary"),
            truth=self._truth(),
            methods=values.methods,
            **self._origin(),
        )
        if isdefined(values.scores_file):
            overview = read_overview(
                values.scores_file, given["encode_summary"], result.score, result.threshold
            )
            result = replace(result, overview=overview)
        self.save_text("out_report", "encoding.html", render_page(encoding_page(result)))
