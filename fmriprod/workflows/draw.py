"""Draw any workflow as a figure for a paper, without Graphviz."""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from nipype.pipeline import engine as pe

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.atomic_files import save_file

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Without dates, the same workflow gives the same bytes.
FORMATS: dict[str, dict[str, Any]] = {
    ".svg": {"Date": None}, ".pdf": {"CreationDate": None}, ".png": {"Software": None},
}  # fmt: skip
SAVERS = ("fold", "hide", "show")


def draw_workflow(
    workflow: pe.Workflow,
    path: str | Path | None = None,
    *,
    level: int = 1,
    width_mm: float = 180.0,
    style: str = "paper",
    savers: str = "fold",
    plumbing: bool = False,
    ports: bool = True,
    details: bool = True,
    direct: bool = False,
    names: Mapping[str, str] | None = None,
) -> "Figure":
    """Draw a workflow: what is done, in words, how often, and what it needs and gives.

    Works for any Nipype workflow, nested to any depth; the workflow is neither run nor changed.
    Parts that repeat each other (a workflow for each participant, run or region, iterables,
    MapNodes) are drawn once, as a stack, with their number.

    Parameters
    ----------
    workflow : nipype.pipeline.engine.Workflow
        Any workflow.
    path : path, optional
        Where the figure is saved: ``.svg`` and ``.pdf`` (text stays text), or ``.png`` (300 dots
        per inch). The same workflow gives the same bytes.
    level : int
        How deep to look into workflows: 0 draws each workflow in it as one box, 1 each workflow
        in those, and so on.
    width_mm : float
        Width of the figure in mm; letters have 6 and 7 points at it. Where the widest row needs
        more, the figure is wider.
    style : {"paper", "grey"}
        With or without colour; kinds of steps have letters as well.
    savers : {"fold", "hide", "show"}
        Nodes that save results: counted in the box that they save from, left out, or drawn.
    plumbing : bool
        Draw nodes that only hand on (IdentityInterface, Merge, Select, Split), too.
    ports : bool
        Draw inputs and outputs of the workflow.
    details : bool
        Write steps, software and settings into boxes.
    direct : bool
        Draw arrows between boxes that a longer way joins, too.
    names : mapping of str to str, optional
        Titles for nodes and workflows, by name or by path (``"anat_wf.skullstrip"``).

    Returns
    -------
    matplotlib.figure.Figure
        Its size in inches is its size on paper.

    Raises
    ------
    InputError
        For options that are not known, a file name of another format, and a workflow without
        steps.

    Examples
    --------
    >>> from fmriprod.workflows.searchlight_rsa import init_searchlight_rsa_wf
    >>> figure = draw_workflow(init_searchlight_rsa_wf(), width_mm=85)
    >>> round(figure.get_figwidth() * 25.4)
    85
    """
    from fmriprod.reports.graph_figure import graph_figure
    from fmriprod.workflows.draw_diagram import diagram_of

    if path is not None and Path(path).suffix.lower() not in FORMATS:
        raise InputError(
            "figure", expected=f"a file name that ends in {', '.join(FORMATS)}",
            found=repr(str(path)), hint="add one of these endings",
        )  # fmt: skip
    if savers not in SAVERS:
        raise InputError(
            "savers", expected=" or ".join(SAVERS), found=repr(savers), hint="give one of these"
        )
    if isinstance(level, bool) or not isinstance(level, int) or level < 0:
        raise InputError("level", expected="a whole number from 0", found=repr(level),
                         hint="0 draws each workflow in it as one box")  # fmt: skip
    diagram = diagram_of(
        workflow, level=level, savers=savers, plumbing=plumbing, ports=ports, details=details,
        direct=direct, names=names,
    )  # fmt: skip
    if not diagram.boxes:
        raise InputError("workflow", expected="a workflow with steps",
                         found=f"{workflow.name}: none",
                         hint='add nodes, or give savers="show"')  # fmt: skip
    figure = graph_figure(diagram, width_mm=width_mm, style=style)
    if path is not None:
        save_drawing(figure, path)
    return figure


def save_drawing(figure: "Figure", path: str | Path) -> None:
    """Save a figure whole or not at all, without dates; text stays text in SVG and PDF."""
    import matplotlib as mpl

    target = Path(path).absolute()
    settings = {"svg.hashsalt": "fmriprod", "svg.fonttype": "none", "pdf.fonttype": 42}
    with TemporaryDirectory() as folder, mpl.rc_context(settings):
        made = Path(folder, f"figure{target.suffix.lower()}")
        figure.savefig(made, dpi=300, facecolor="white", metadata=FORMATS[made.suffix])
        save_file(made, target)
