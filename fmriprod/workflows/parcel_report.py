"""The page on parcels of a group."""

import itertools
from collections.abc import Sequence

from nipype.interfaces.utility import IdentityInterface
from nipype.pipeline import engine as pe

from fmriprod.algorithms.checks import InputError, suggest
from fmriprod.interfaces.network_summary import NetworkSummary
from fmriprod.interfaces.parcel_report import ParcelReport

PARTS = ("contrast", "connectivity")
_SURFACES = {
    None: (), "labels": ("label_files",), "atlas": ("atlas_file", "regions_file"), "nearest": (),
}  # fmt: skip
_FILES = {"contrast": ("group_file", "top_file"), "connectivity": ("connectivity_file",)}


def init_parcel_report_wf(
    *,
    of: Sequence[str] = ("contrast",),
    networks: bool = True,
    surface: str | None = None,
    title: str = "Parcels of the cortex",
    contrast_name: str | None = None,
    methods: str = "",
    connectivity_label: str = "correlation r",
    connectivity_range: tuple[float, float] = (-1.0, 1.0),
    seed: str | None = None,
    alpha: float = 0.05,
    simulated: bool = False,
    mem_gb: float = 1.0,
    name: str = "parcel_report_wf",
) -> pe.Workflow:
    """Build the workflow that draws what was found in parcels on one page.

    Its inputs have the names of the outputs of `init_parcel_group_wf`; connectivity is its
    ``r_file``.

    Parameters
    ----------
    of : sequence of {"contrast", "connectivity"}
        What the page is about; one or both.
    networks : bool
        Summarise the mean contrast by network and hemisphere; parcels then need networks.
    surface : {None, "labels", "atlas", "nearest"}
        Draw t on the cortex, from which labels of vertices: annotations or GIFTI labels, the
        Neuromatch Academy's atlas, or the nearest centres of parcels (boundaries are then
        approximate).
    title, methods : str
        Of the page; citations as ``[@key]``.
    contrast_name : str, optional
        What the contrast is, in words.
    connectivity_label : str
        What connectivity holds.
    connectivity_range : (float, float)
        Values at the ends of its colours.
    seed : str, optional
        Parcel whose connectivity is drawn.
    alpha : float
        Largest corrected p that is significant.
    simulated : bool
        Whether the page says that the data are simulated.
    mem_gb : float
        Memory to declare, in GB.
    name : str
        Name of the workflow.

    Inputs
    ------
    parcels_file
        Parcels: name hemisphere network, and x y z where known (TSV)
    group_file
        Mean, t and p of each parcel (TSV)
    top_file
        The first of their ranking (TSV), if wanted
    connectivity_file
        Mean connectivity (.npy)
    label_files
        Labels of both hemispheres of fsaverage, for ``surface="labels"``
    atlas_file
        ``atlas.npz``; for ``surface="atlas"``, and for places of parcels
    regions_file
        ``regions.npy`` beside it

    Outputs
    -------
    out_report
        The page (HTML)
    figures
        Its figures (PNG)
    network_file
        The mean contrast by network and hemisphere (TSV)

    Returns
    -------
    nipype.pipeline.engine.Workflow

    Raises
    ------
    InputError
        If it is about nothing, or there is no such surface.
    """
    _check(of, surface)
    workflow = pe.Workflow(name=name)
    fields = ["parcels_file", *(field for part in of for field in _FILES[part])]
    surface = surface if "contrast" in of else None
    fields += [*_SURFACES[surface], *(_SURFACES["atlas"] if surface != "atlas" else ())]
    known = {"parcels_file", *itertools.chain(*_FILES.values(), *_SURFACES.values())}
    inputnode = pe.Node(IdentityInterface(fields=sorted(known)), name="inputnode")
    outputs = ["out_report", "figures", "network_file"]
    outputnode = pe.Node(IdentityInterface(fields=outputs), name="outputnode")
    given = {"seed": seed} if seed is not None and "connectivity" in of else {}
    given |= {"contrast_name": contrast_name} if contrast_name and "contrast" in of else {}
    page = pe.Node(
        ParcelReport(
            title=title, methods=methods, connectivity_label=connectivity_label,
            connectivity_range=list(connectivity_range), alpha=alpha, simulated=simulated,
            nearest_centres=surface == "nearest", **given,
        ),
        name="report", mem_gb=mem_gb,
    )  # fmt: skip
    workflow.connect([
        (inputnode, page, [(field, field) for field in fields]),
        (page, outputnode, [("out_report", "out_report"), ("figures", "figures")]),
    ])  # fmt: skip
    if networks and "contrast" in of:
        summary = pe.Node(NetworkSummary(column="mean"), name="networks")
        workflow.connect([
            (inputnode, summary, [("parcels_file", "parcels_file"),
                                  ("group_file", "contrast_file")]),
            (summary, page, [("table_file", "network_file")]),
            (summary, outputnode, [("table_file", "network_file")]),
        ])  # fmt: skip
    return workflow


def _check(of: Sequence[str], surface: str | None) -> None:
    wrong = ["no part"] if not of else [repr(part) for part in of if part not in PARTS]
    if wrong or isinstance(of, str):
        raise InputError(
            "of", expected=f"a list of one or both of {', '.join(PARTS)}",
            found=wrong[0] if not isinstance(of, str) else repr(of), hint="choose what it shows",
        )  # fmt: skip
    if surface not in _SURFACES:
        known = [word for word in _SURFACES if word]
        raise InputError(
            "surface", expected=f"None or one of {', '.join(known)}", found=repr(surface),
            hint=suggest(str(surface), known),
        )  # fmt: skip
