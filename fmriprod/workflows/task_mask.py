"""Task masks of a group: each from all the others, in each one's own grid."""

from nipype.interfaces.utility import IdentityInterface
from nipype.pipeline import engine as pe

from fmriprod.interfaces.binarize import Binarize
from fmriprod.interfaces.leave_one_out import LeaveOneOutMasks
from fmriprod.interfaces.resample_to_grid import ResampleToGrid
from fmriprod.workflows.describe_nodes import Steps, phrase
from fmriprod.workflows.described_workflow import DescribedWorkflow

_MODEL_TEXT = {
    "fixed": "a fixed-effects mean weighted by precision",
    "random": "a one-sample t-test over participants",
}
_BACK_TEXT = {
    "partial_volume": "The mask was taken to the grid of the left-out participant, where a voxel "
    "belongs to it when at least half of its volume does. ",
    "published": "The map, 0 outside of these clusters, was taken to the grid of the left-out "
    "participant by linear interpolation, and cut at z > {threshold:g} there, as in the study of "
    "Fan et al. [@fan2020]. ",
}
_GROUP = [
    "z_files", "group_z_file", "group_mask", "coverage_file", "summary_file", "subjects",
    "without_map",
]  # fmt: skip


def init_task_mask_wf(
    *,
    model: str = "fixed",
    cluster_threshold: float = 2.3,
    threshold: float = 3.0,
    cluster_p: float = 0.05,
    min_voxels: int = 0,
    back: str = "partial_volume",
    voxel_size: float | None = None,
    omp_nthreads: int = 1,
    name: str = "task_mask_wf",
) -> pe.Workflow:
    """Build the workflow that makes everyone's task mask from the maps of all the others.

    Parameters
    ----------
    model : {"fixed", "random"}
        Mean weighted by precision, as published; or one-sample t-test over participants.
    cluster_threshold, threshold : float
        z that makes clusters, and z that their voxels need.
    cluster_p : float
        Corrected p of a cluster's size; 0: no such rule.
    min_voxels : int
        Smallest cluster in voxels.
    back : {"partial_volume", "published"}
        What is taken to the participants' grids: the mask, by volume; or, as published, the
        thresholded map, by linear interpolation, to be cut there: values at the border of a
        cluster are averaged with zeros, so that it shrinks where they are below twice the
        threshold, and grows where they are above.
    voxel_size : float, optional
        Edge of a voxel in mm of the participants' grids, where it is not that of ``grid_files``.
    omp_nthreads : int
        Threads that one step may use.
    name : str
        Name of the workflow.

    Inputs
    ------
    effect_files
        Effect of each participant who has one, in the common space
    variance_files
        Their variances; not for ``random``
    dof
        Their degrees of freedom; without them z is t
    map_subjects
        Whose effects these are
    subjects
        Who shall get a mask: also those who have no map
    mask_file
        Brain mask of the common space
    grid_files
        Image that sets the grid of each of subjects
    transform_files
        Transform of each of subjects, from the common space to its grid's space, as
        `init_normalize_wf` gives it

    Outputs
    -------
    out_masks
        Task mask of each of subjects, in its grid
    z_files
        Map of the others of each of subjects, in the common space
    group_z_file
        Map of all
    group_mask
        Mask of all, by the same rule
    coverage_file
        Number of participants with data in each voxel
    summary_file
        Sizes and peaks (TSV)
    subjects
        Whose the masks are
    without_map
        Those of them who are in no map, so that theirs is the mask of all

    Returns
    -------
    nipype.pipeline.engine.Workflow
    """
    workflow = DescribedWorkflow(name, _text)
    group = ["effect_files", "variance_files", "dof", "map_subjects", "subjects", "mask_file"]
    inputnode = pe.Node(
        IdentityInterface(fields=[*group, "grid_files", "transform_files"]), name="inputnode"
    )
    outputnode = pe.Node(IdentityInterface(fields=["out_masks", *_GROUP]), name="outputnode")
    masks = pe.Node(
        LeaveOneOutMasks(
            model=model,
            cluster_threshold=cluster_threshold,
            threshold=threshold,
            cluster_p=cluster_p,
            min_voxels=min_voxels,
        ),
        name="leave_one_out",
        mem_gb=0.7,
    )
    to_grid = pe.MapNode(
        ResampleToGrid(invert=[True], num_threads=omp_nthreads),
        iterfield=["in_files", "reference_file", "transform_files"],
        name="to_grid",
        n_procs=omp_nthreads,
        mem_gb=1.0,
    )
    if voxel_size is not None:
        to_grid.inputs.voxel_size = voxel_size
    workflow.connect([
        (inputnode, masks, [(field, field) for field in group]),
        (masks, outputnode, [(field, field) for field in _GROUP]),
        (inputnode, to_grid, [("grid_files", "reference_file"),
                              ("transform_files", "transform_files")]),
    ])  # fmt: skip
    if back == "partial_volume":
        to_grid.inputs.interpolation = "partial_volume"
        workflow.connect([
            (masks, to_grid, [("out_masks", "in_files")]),
            (to_grid, outputnode, [(("out_files", _flat), "out_masks")]),
        ])  # fmt: skip
        return workflow
    to_grid.inputs.interpolation = "linear"
    binarize = pe.MapNode(
        Binarize(threshold=threshold), iterfield=["in_file"], name="binarize", mem_gb=0.5
    )
    workflow.connect([
        (masks, to_grid, [("thresholded_files", "in_files")]),
        (to_grid, binarize, [(("out_files", _flat), "in_file")]),
        (binarize, outputnode, [("out_mask", "out_masks")]),
    ])  # fmt: skip
    return workflow


def _flat(files: list) -> list:
    """Make one list of the lists of one file that a node over participants gives."""
    return [path if isinstance(path, str) else path[0] for path in files]


def _text(steps: Steps) -> str:
    step = steps["leave_one_out"]
    clusters = f"clusters of z > {step.cluster_threshold:g}"
    if step.cluster_p:
        clusters += f" with a corrected p < {step.cluster_p:g} of their size [@cluster_extent]"
    if step.min_voxels and step.min_voxels != 1:
        clusters += f" of at least {step.min_voxels} voxels"
    back = _BACK_TEXT["partial_volume"]
    if "binarize" in steps:
        back = _BACK_TEXT["published"].format(threshold=steps["binarize"].threshold)
    return (
        "The task mask of a participant comes from the others' maps alone: "
        f"{phrase(_MODEL_TEXT, step.model)}, {clusters}, voxels of z > {step.threshold:g} "
        f"in these. {back}"
    )
