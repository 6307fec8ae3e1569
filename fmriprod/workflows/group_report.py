"""Figures and the report of the group of a production study."""

from collections.abc import Sequence

from nipype.interfaces.utility import IdentityInterface
from nipype.pipeline import engine as pe

from fmriprod.interfaces.group_figures import GroupFigures
from fmriprod.interfaces.group_report import GroupReport

_BOTH = ("scores_files", "accuracy_file", "split_file", "differentiation_file",
         "task_summary_file")  # fmt: skip
_FIGURES = ("time_courses_files", "connectivity_files", "group_z_file", "group_mask",
            "background_file")  # fmt: skip
_REPORT = ("change_file", "log_odds_file", "model_file", "selectivity_file", "missing_file",
           "connectivity_file", "informational_file")  # fmt: skip


def init_group_report_wf(
    *,
    study: str = "Production study",
    before: str = "pre",
    after: str = "post",
    production: str = "drawing",
    schemes: Sequence[str] = (),
    chance: float = 0.25,
    formats: Sequence[str] = ("svg", "pdf"),
    standardize: str = "split",
    description: str = "",
    decisions: Sequence[str] = (),
    settings: Sequence[str] = (),
    file_names: Sequence[str] = (),
    simulated: bool = False,
    n_bootstrap: int = 3000,
    seed: int = 0,
    omp_nthreads: int = 1,
    name: str = "group_report_wf",
) -> pe.Workflow:
    """Build the workflow that draws the results of a group and puts them on one page.

    Parameters
    ----------
    study : str
        Name of the study.
    before, after, production : str
        Phases of the scores: recognition before and after drawing, and drawing.
    schemes : sequence of str
        Schemes by preference where a phase has several; else the first in the tables.
    chance : float
        Probability of an object by guessing, where no accuracies say it.
    formats : sequence of {"svg", "pdf", "png"}
        File formats of the figures.
    standardize : {"split", "train", "run", "none"}
        How the drawing samples were standardised.
    description : str
        Methods text, with citations as ``[@key]``.
    decisions, settings : sequence of str
        What was decided from the data; settings to list, each ``name: value``.
    file_names : sequence of str
        How the tables are called where readers find them, each ``table=file``.
    simulated : bool
        Whether figures and page say that the data are simulated.
    n_bootstrap : int
        Draws of participants for the bands of the figures.
    seed : int
        Seed of the draws.
    omp_nthreads : int
        Threads that one step may use; all use one.
    name : str
        Name of the workflow.

    Inputs
    ------
    scores_files
        Scores of each participant (TSV)
    accuracy_file
        Accuracy by region, phase and scheme (TSV); like all that follow, it may be left out
    split_file
        The same for trained and control objects (TSV)
    change_file
        Change between the phases of recognition (TSV)
    log_odds_file
        The three contrasts of log-probabilities (TSV)
    model_file
        Mixed models of phase and training (TSV)
    selectivity_file
        Correlation of selectivity in drawing with the changes (TSV)
    missing_file
        Participants without a region, phase and scheme (TSV)
    time_courses_files
        Time courses of each participant (TSV)
    connectivity_files
        Connectivity evidence of each participant, a row a trial (TSV)
    connectivity_file
        Mixed models of connectivity evidence over phases (TSV)
    differentiation_file
        Differentiation by region (TSV)
    informational_file
        Informational connectivity of each pair of regions (TSV)
    task_summary_file
        Task masks of the participants (TSV)
    group_z_file
        Map of z for the task, of all participants
    group_mask
        Task mask of all participants
    background_file
        Template on the same grid

    Outputs
    -------
    report_file
        The report (HTML)
    figures
        Figures in all formats
    figure_names
        Name of the figure in each of these files

    Returns
    -------
    nipype.pipeline.engine.Workflow
    """
    workflow = pe.Workflow(name=name)
    inputnode = pe.Node(IdentityInterface(fields=[*_BOTH, *_FIGURES, *_REPORT]), name="inputnode")
    outputnode = pe.Node(
        IdentityInterface(fields=["report_file", "figures", "figure_names"]), name="outputnode"
    )
    shared: dict = {
        "before": before, "after": after, "production": production, "simulated": simulated,
    }  # fmt: skip
    if schemes:
        shared["schemes"] = list(schemes)
    figures = pe.Node(
        GroupFigures(formats=list(formats), chance=chance, n_bootstrap=n_bootstrap, seed=seed,
                     **shared),
        name="figures",
        mem_gb=1,
    )  # fmt: skip
    report = pe.Node(
        GroupReport(study=study, standardize=standardize, description=description,
                    decisions=list(decisions), settings=list(settings),
                    file_names=list(file_names), **shared),
        name="report",
        mem_gb=0.5,
    )  # fmt: skip
    workflow.connect([
        (inputnode, figures, [(field, field) for field in (*_BOTH, *_FIGURES)]),
        (inputnode, report, [(field, field) for field in (*_BOTH, *_REPORT)]),
        (figures, report, [("previews", "figures"), ("preview_names", "figure_names")]),
        (figures, outputnode, [("figures", "figures"), ("figure_names", "figure_names")]),
        (report, outputnode, [("out_file", "report_file")]),
    ])  # fmt: skip
    return workflow
