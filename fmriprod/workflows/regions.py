"""Masks of a participant's regions, from FreeSurfer's folder or any label image."""

import shutil
from collections.abc import Sequence

from nipype.interfaces.utility import IdentityInterface
from nipype.pipeline import engine as pe

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.expression_syntax import names_in
from fmriprod.interfaces.freesurfer import FreeSurferSubject
from fmriprod.interfaces.label_masks import LabelMasks
from fmriprod.workflows.describe_nodes import COMPUTED, Steps, phrase
from fmriprod.workflows.described_workflow import DescribedWorkflow

_FREESURFER = ["label_file", "surface_label_files", "white_files", "thickness_files"]
_RULE_TEXT = {
    "nearest": "each voxel of the grid has the label at its centre",
    "partial_volume": "a voxel of the grid belongs to a region when at least {min_fraction:.0%} "
    "of its volume does",
}


def init_freesurfer_wf(
    *,
    parcellation: str = "aparc+aseg",
    surface_labels: Sequence[str] = (),
    run_recon: bool = False,
    omp_nthreads: int = 1,
    name: str = "freesurfer_wf",
) -> pe.Workflow:
    """Build the workflow that finds, or makes, a participant's FreeSurfer reconstruction.

    Parameters
    ----------
    parcellation : str
        Label image: ``mri/<parcellation>.mgz``.
    surface_labels : sequence of str
        Labels of vertices to find, without side, as ``V1_exvivo``.
    run_recon : bool
        Run ``recon-all -all`` first, which takes hours and goes on where it was left; it must
        be installed. By default the reconstruction is at hand.
    omp_nthreads : int
        Threads that one step may use.
    name : str
        Name of the workflow.

    Inputs
    ------
    subjects_dir
        FreeSurfer's SUBJECTS_DIR
    subject
        Folder of the participant in it
    t1w_file
        T1-weighted image with the skull; used with ``run_recon``

    Outputs
    -------
    label_file
        Label image, conformed
    surface_label_files
        Labels of vertices, left and right of each
    white_files
        White surfaces
    thickness_files
        Thickness of the cortex

    Returns
    -------
    nipype.pipeline.engine.Workflow

    Raises
    ------
    InputError
        If ``recon-all`` is to run and is not installed.
    """
    workflow = DescribedWorkflow(name, _freesurfer_text)
    inputnode = pe.Node(
        IdentityInterface(fields=["subjects_dir", "subject", "t1w_file"]), name="inputnode"
    )
    outputnode = pe.Node(IdentityInterface(fields=_FREESURFER), name="outputnode")
    find = pe.Node(
        FreeSurferSubject(parcellation=parcellation, surface_labels=list(surface_labels)),
        name="find",
    )
    if run_recon:
        recon = _recon_node(omp_nthreads)
        workflow.connect([
            (inputnode, recon, [("subjects_dir", "subjects_dir"),
                                ("subject", "subject_id"),
                                ("t1w_file", "T1_files")]),
            (recon, find, [("subjects_dir", "subjects_dir"), ("subject_id", "subject")]),
        ])  # fmt: skip
    else:
        fields = ["subjects_dir", "subject"]
        workflow.connect([(inputnode, find, [(field, field) for field in fields])])
    workflow.connect([(find, outputnode, [(field, field) for field in _FREESURFER])])
    return workflow


def _recon_node(omp_nthreads: int) -> pe.Node:
    if shutil.which("recon-all") is None:
        raise InputError(
            "run_recon",
            expected="FreeSurfer's program recon-all on the PATH",
            found="no such program",
            hint="install FreeSurfer and source SetUpFreeSurfer.sh, or give a SUBJECTS_DIR in "
            "which the participant is finished",
        )
    from nipype.interfaces.freesurfer import ReconAll

    step = ReconAll(directive="all", openmp=omp_nthreads)
    return pe.Node(step, name="recon", n_procs=omp_nthreads, mem_gb=8)


def init_regions_wf(
    *,
    regions: Sequence[str] = (),
    rule: str = "nearest",
    min_fraction: float = 0.5,
    voxel_size: float | None = None,
    table_file: str | None = None,
    union_without: Sequence[str] = ("task",),
    empty: str = "error",
    name: str = "regions_wf",
) -> pe.Workflow:
    """Build the workflow that makes masks of regions on the grid of the patterns.

    Parameters
    ----------
    regions : sequence of str
        Definitions, as ``LOC = lateraloccipital - V1 - V2``; see `LabelMasks`. They may be
        set later, as input ``regions`` of the node ``masks``.
    rule : {"nearest", "partial_volume"}
        What a voxel is.
    min_fraction : float
        Part of a voxel's volume, with ``partial_volume``.
    voxel_size : float, optional
        Edge of cubic voxels in mm over the field of view of ``reference_file``; its own grid by
        default.
    table_file : str, optional
        Table of labels; FreeSurfer's by default.
    union_without : sequence of str
        Masks that ``union_mask`` does not rely on.
    empty : {"error", "keep"}
        What to do with a region that has no voxel.
    name : str
        Name of the workflow.

    Inputs
    ------
    label_file
        Label image
    surface_label_files
        Labels of vertices
    white_files
        White surfaces
    thickness_files
        Thickness of the cortex
    reference_file
        Image that sets the grid
    transform_files
        From the grid to label_file; none when the headers say it
    mask_files
        Further masks on the grid
    mask_names
        Their names in the definitions

    Outputs
    -------
    mask_files
        Mask of each region
    region_names
        Their names, in the same order
    pending_names
        Regions that wait for a mask of ``union_without``
    union_mask
        Voxels that any of the regions can have
    counts_file
        Voxels of each region (TSV)

    Returns
    -------
    nipype.pipeline.engine.Workflow
    """
    workflow = DescribedWorkflow(name, _regions_text)
    inputs = [*_FREESURFER, "reference_file", "transform_files", "mask_files", "mask_names"]
    outputs = ["mask_files", "region_names", "pending_names", "union_mask", "counts_file"]
    inputnode = pe.Node(IdentityInterface(fields=inputs), name="inputnode")
    outputnode = pe.Node(IdentityInterface(fields=outputs), name="outputnode")
    options = {"voxel_size": voxel_size, "table_file": table_file, "regions": list(regions) or None}
    masks = pe.Node(
        LabelMasks(
            rule=rule, min_fraction=min_fraction, union_without=list(union_without), empty=empty,
            **{key: value for key, value in options.items() if value is not None},
        ),
        name="masks",
        mem_gb=1.5,
    )  # fmt: skip
    workflow.connect([
        (inputnode, masks, [(field, field) for field in inputs]),
        (masks, outputnode, [(field, field) for field in outputs]),
    ])  # fmt: skip
    return workflow


def _freesurfer_text(steps: Steps) -> str:
    done = "were" if "recon" in steps else "had been"
    return (
        f"Cortex and subcortical structures {done} segmented and labelled with FreeSurfer's "
        "recon-all [@freesurfer; @desikan]. "
    )


def _regions_text(steps: Steps) -> str:
    step = steps["masks"]
    labels, with_masks = _made(steps)
    rules = {
        "nearest": _RULE_TEXT["nearest"],
        "partial_volume": _RULE_TEXT["partial_volume"].format(min_fraction=step.min_fraction),
    }
    names = f" ({', '.join(labels)})" if labels else ""
    text = (
        f"Regions of interest{names} were made from anatomical labels; {phrase(rules, step.rule)}. "
    )
    if with_masks:
        text += f"Further regions were made with masks: {'; '.join(with_masks)}. "
    return text


def _made(steps: Steps) -> tuple[list[str], list[str]]:
    """Name regions of labels alone, and define those of masks; the rest has to wait for these."""
    step = steps["masks"]
    given = step.mask_names
    if given is COMPUTED and "inputnode" in steps and steps["inputnode"].mask_names is None:
        given = None  # nobody brings masks
    absent = set() if given is COMPUTED else {*(step.union_without or ())} - {*(given or ())}
    masks = {*(step.union_without or ()), *(() if given is COMPUTED else given or ())}
    uses: dict[str, set[str]] = {}
    labels, with_masks = [], []
    for definition in step.regions if isinstance(step.regions, list) else ():
        name, _, expression = (part.strip() for part in definition.partition("="))
        uses[name] = set()
        for part in names_in(expression):
            uses[name] |= {part} & masks if part == name else uses.get(part, {part} & masks)
        if not uses[name]:
            labels.append(name)
        elif not uses[name] & absent:
            with_masks.append(f"`{name} = {expression}`")
    return labels, with_masks
