"""The page on an encoding analysis, of all steps that a graph has."""

from collections.abc import Iterator, Sequence

from nipype.interfaces.base import isdefined
from nipype.interfaces.utility import Merge
from nipype.pipeline import engine as pe

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.banded_encode import BandedRidgeEncode
from fmriprod.interfaces.contrast_recovery import ContrastRecovery
from fmriprod.interfaces.encode import RidgeEncode
from fmriprod.interfaces.encoding_report import EncodingReport
from fmriprod.interfaces.fingerprint import ScoreFingerprint
from fmriprod.interfaces.image_reconstruction import ImageReconstruction
from fmriprod.interfaces.marked_voxels import MarkedVoxels
from fmriprod.interfaces.noise_ceiling import NoiseCeiling
from fmriprod.interfaces.receptive_field import ReceptiveField
from fmriprod.interfaces.retinotopy import Retinotopy
from fmriprod.interfaces.score_figures import ScoreFigures
from fmriprod.interfaces.significance import ScoreSignificance
from fmriprod.workflows.describe import describe

# Of each kind of step: its outputs and the report's inputs; its pictures and what they are.
# Where the name is None, the step says itself what its pictures are.
_STEPS: dict[type, tuple[dict[str, str], dict[str, str | None]]] = {
    RidgeEncode: (
        {"summary_file": "encode_summary_file", "scores_file": "scores_file"}, {}
    ),
    BandedRidgeEncode: ({"summary_file": "banded_summary_file"}, {}),
    ScoreFigures: ({"panel_file": "brain_panels"}, {"figures": None}),
    ScoreSignificance: ({"summary_file": "significance_summary_file"}, {}),
    ScoreFingerprint: (
        {"summary_file": "fingerprint_summary_file", "profile_file": "profile_file"},
        {"figures": None},
    ),
    MarkedVoxels: ({}, {"figure": "Marked voxels"}),
    ReceptiveField: ({"summary_file": "fields_summary_file"}, {"figure": "receptive-fields"}),
    Retinotopy: ({"summary_file": "retinotopy_summary_file"}, {"out_figure": "angle"}),
    ContrastRecovery: (
        {"summary_file": "recovery_summary_file"},
        {"curve_figure": "precision-recall", "map_figure": "contrast-maps"},
    ),
    ImageReconstruction: (
        {"summary_file": "reconstruction_summary_file"}, {"figure": "reconstruction"}
    ),
    NoiseCeiling: ({"summary_file": "ceiling_summary_file"}, {}),
}  # fmt: skip


def add_encoding_report(
    workflow: pe.Workflow,
    *,
    title: str = "Which layer predicts which voxel",
    subtitle: str = "",
    decisions: Sequence[str] = (),
    simulated: bool = False,
    leave_out: Sequence[str] = (),
    name: str = "report",
) -> pe.Node:
    """Add a page to a graph, and connect to it all that steps of an encoding analysis give.

    Steps are found by what they do, in workflows within the graph too: models and their figures,
    significance, profiles, noise ceiling, receptive fields, retinotopy, contrasts,
    reconstructions. The methods text is that of the graph as it is now, so add the page last.

    Parameters
    ----------
    workflow : nipype.pipeline.engine.Workflow
        The graph; a node is added to it, and two that gather figures.
    title, subtitle : str
        Of the page.
    decisions : sequence of str
        What was decided from the data, in sentences.
    simulated : bool
        Whether the page says that the data are simulated.
    leave_out : sequence of str
        Nodes, or workflows, within the graph that are not reported.
    name : str
        Name of the node.

    Returns
    -------
    nipype.pipeline.engine.Node
        The node, whose output ``out_report`` is the page.

    Raises
    ------
    InputError
        If there is nothing to report, or a kind of step twice.
    """
    steps = _steps(workflow, leave_out)
    page = pe.Node(EncodingReport(title=title, simulated=simulated), name=name)
    page.inputs.trait_set(subtitle=subtitle, methods=describe(workflow))
    if decisions:
        page.inputs.decisions = list(decisions)
    pictures: list[tuple[str, str, str | None]] = []
    for kind, place in steps.items():
        values, drawn = _STEPS[kind]
        for field, given in values.items():
            _connect(workflow, place, field, page, given)
        if _draws(workflow.get_node(place), kind):
            pictures += [(place, field, words) for field, words in drawn.items()]
    if pictures:
        _connect_figures(workflow, page, pictures)
    return page


def _steps(workflow: pe.Workflow, leave_out: Sequence[str]) -> dict[type, str]:
    """Find the step of each kind, in the order of the page."""
    found: dict[type, list[str]] = {}
    for place in _places(workflow):
        kind = type(workflow.get_node(place).interface)
        parts = place.split(".")
        above = {".".join(parts[: n + 1]) for n in range(len(parts))}
        if kind in _STEPS and not above & set(leave_out):
            found.setdefault(kind, []).append(place)
    twice = [places for places in found.values() if len(places) > 1]
    if twice or not found:
        raise InputError(
            "workflow", expected="steps of an encoding analysis, one of each kind",
            found=" and ".join(twice[0]) if twice else "none",
            hint="name in leave_out what is not to be reported" if twice
            else "add the page after the steps",
        )  # fmt: skip
    return {kind: found[kind][0] for kind in _STEPS if kind in found}


def _places(workflow: pe.Workflow, above: str = "") -> Iterator[str]:
    """Give the names of all nodes, with those of the workflows around them."""
    for node in workflow._graph.nodes:
        if isinstance(node, pe.Workflow):
            yield from _places(node, f"{above}{node.name}.")
        else:
            yield above + node.name


def _draws(node: pe.Node, kind: type) -> bool:
    """Whether the step draws what it can: fields of pixels are drawn if their shape is known."""
    return kind is not ReceptiveField or isdefined(node.inputs.stimulus_shape)


def _connect(workflow: pe.Workflow, place: str, field: str, node: pe.Node, given: str) -> None:
    """Connect an output of a node, which may be deep within workflows."""
    first, _, rest = place.partition(".")
    source = workflow.get_node(first)
    workflow.connect(source, f"{rest}.{field}" if rest else field, node, given)


def _connect_figures(
    workflow: pe.Workflow, page: pe.Node, pictures: Sequence[tuple[str, str, str | None]]
) -> None:
    """Gather pictures, and what they are."""
    figures = pe.Node(Merge(len(pictures)), name=f"{page.name}_figures")
    names = pe.Node(Merge(len(pictures)), name=f"{page.name}_figure_names")
    for number, (place, field, words) in enumerate(pictures, 1):
        _connect(workflow, place, field, figures, f"in{number}")
        if words is None:
            _connect(workflow, place, "figure_names", names, f"in{number}")
        else:
            setattr(names.inputs, f"in{number}", [words])
    workflow.connect([
        (figures, page, [("out", "figures")]), (names, page, [("out", "figure_names")]),
    ])  # fmt: skip
