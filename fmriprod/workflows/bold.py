"""Prepare the BOLD runs: one reference for all runs of a person, then each run to it."""

from nipype.interfaces.utility import IdentityInterface
from nipype.pipeline import engine as pe

from fmriprod.interfaces.coregister import Coregister
from fmriprod.interfaces.motion import MotionCorrect
from fmriprod.interfaces.quality import RunQuality
from fmriprod.interfaces.reorient import Reorient
from fmriprod.interfaces.skullstrip import SkullStrip
from fmriprod.interfaces.volumes import SelectVolumes
from fmriprod.workflows import resources
from fmriprod.workflows.describe_nodes import Steps, phrase
from fmriprod.workflows.described_workflow import DescribedWorkflow

_MOTION_TEXT = {
    "python": "by rigid-body least squares [@friston_motion; @gauss_newton]",
    "mcflirt": "with MCFLIRT of FSL [@mcflirt]",
}
_COREGISTER_TEXT = {
    "python": "by maximising normalised mutual information [@nmi]",
    "flirt": "with FLIRT of FSL [@flirt]",
}
_MASK_TEXT = {
    "python": "by a threshold and morphological opening and closing",
    "bet": "with the Brain Extraction Tool of FSL [@bet; @fsl]",
    "ants": "with the brain extraction of ANTs [@ants]",
}


def init_boldref_wf(
    *,
    axis_codes: str = "LAS",
    n_volumes: int = 20,
    motion_engine: str = "python",
    coregister_engine: str = "python",
    bold_gb: float = 0.5,
    t1w_gb: float = 0.2,
    omp_nthreads: int = 1,
    name: str = "boldref_wf",
) -> pe.Workflow:
    """Build the workflow that makes the reference image of all runs of a person.

    The reference is the mean of some volumes of one run after motion correction. All runs
    are aligned with it, so that a voxel is the same place in every run.

    Parameters
    ----------
    axis_codes : str
        Side that each voxel axis shall run towards.
    n_volumes : int
        Number of volumes, spread evenly over the run, that the reference is the mean of.
    motion_engine : {"python", "mcflirt"}
        Program that aligns those volumes.
    coregister_engine : {"python", "flirt"}
        Program that aligns the reference with the T1-weighted image.
    bold_gb, t1w_gb : float
        Sizes of the series and of the T1-weighted image in memory in GB (`image_gb`); the steps
        declare memory by them.
    omp_nthreads : int
        Threads that one step may use.
    name : str
        Name of the workflow.

    Inputs
    ------
    bold_file
        BOLD series that the reference is made of
    t1w_file
        T1-weighted image
    t1w_mask
        Its brain mask

    Outputs
    -------
    reference_file
        Mean of the chosen volumes
    mask_file
        Brain mask on its grid
    transform_file
        Rigid transform between reference and T1-weighted image (ITK text)
    mask_figure
        Outline of the mask on slices (PNG)
    coregister_figure
        Outline of the T1-weighted image's brain on the reference (PNG)

    Returns
    -------
    nipype.pipeline.engine.Workflow
    """
    workflow = DescribedWorkflow(name, _reference_text)
    inputnode = pe.Node(
        IdentityInterface(fields=["bold_file", "t1w_file", "t1w_mask"]), name="inputnode"
    )
    fields = ["reference_file", "mask_file", "transform_file", "mask_figure"]
    outputnode = pe.Node(
        IdentityInterface(fields=[*fields, "coregister_figure"]), name="outputnode"
    )
    select = pe.Node(
        SelectVolumes(n_volumes=n_volumes, compress=False),
        name="select",
        mem_gb=resources.needed_gb(resources.SELECT, bold_gb),
    )
    reorient = pe.Node(Reorient(axis_codes=axis_codes, compress=False), name="reorient", mem_gb=0.5)
    # Half of the threads: it need not wait until the T1-weighted image's step is done.
    align = pe.Node(
        MotionCorrect(engine=motion_engine, compress=False),
        name="align",
        n_procs=max(1, omp_nthreads // 2),
        mem_gb=1,
    )
    mask = pe.Node(SkullStrip(modality="EPI"), name="mask", mem_gb=0.5)
    coregister = pe.Node(
        Coregister(engine=coregister_engine, check_image=False),
        name="coregister",
        mem_gb=resources.needed_gb(resources.COREGISTER, t1w_gb),
    )
    workflow.connect([
        (inputnode, select, [("bold_file", "in_file")]),
        (select, reorient, [("out_file", "in_file")]),
        (reorient, align, [("out_file", "in_file")]),
        (align, mask, [("mean_file", "in_file")]),
        (align, coregister, [("mean_file", "in_file")]),
        (mask, coregister, [("out_mask", "in_mask")]),
        (inputnode, coregister, [("t1w_file", "reference_file"),
                                 ("t1w_mask", "reference_mask")]),
        (align, outputnode, [("mean_file", "reference_file")]),
        (mask, outputnode, [("out_mask", "mask_file"), ("out_figure", "mask_figure")]),
        (coregister, outputnode, [("transform_file", "transform_file"),
                                  ("out_figure", "coregister_figure")]),
    ])  # fmt: skip
    return workflow


def init_bold_wf(
    *,
    tr: float | None = None,
    axis_codes: str = "LAS",
    motion_engine: str = "python",
    bold_gb: float = 0.5,
    omp_nthreads: int = 1,
    name: str = "bold_wf",
) -> pe.Workflow:
    """Build the workflow that aligns the volumes of one run with the reference and measures it.

    Parameters
    ----------
    tr : float, optional
        Repetition time in s; that of the header by default.
    axis_codes : str
        Side that each voxel axis shall run towards; the reference must have the same.
    motion_engine : {"python", "mcflirt"}
        Program that aligns the volumes.
    bold_gb : float
        Size of the series in memory in GB (`image_gb`); the steps declare memory by it.
    omp_nthreads : int
        Threads that one step may use.
    name : str
        Name of the workflow.

    Inputs
    ------
    bold_file
        BOLD series as it came from the scanner
    reference_file
        Image that every volume is aligned with
    mask_file
        Brain mask on the grid of the reference

    Outputs
    -------
    bold_file
        Series aligned with the reference
    mean_file
        Its mean over time
    motion_file
        Motion (mm, rad) and framewise displacement (mm) of each volume (TSV)
    transforms_file
        Rigid transform of each volume (ITK text)
    quality_file
        Measures of quality (JSON)
    quality_table
        Measures of quality of each volume (TSV)
    tsnr_file
        Map of temporal signal-to-noise ratio
    carpet_figure
        Time courses of all voxels (PNG)
    tsnr_figure
        The map on slices (PNG)
    motion_figure
        Motion over time (PNG)

    Returns
    -------
    nipype.pipeline.engine.Workflow
    """
    workflow = DescribedWorkflow(name, _run_text, each="run")
    inputnode = pe.Node(
        IdentityInterface(fields=["bold_file", "reference_file", "mask_file"]), name="inputnode"
    )
    aligned = ["bold_file", "mean_file", "motion_file", "transforms_file"]
    measures = ["quality_file", "quality_table", "tsnr_file"]
    figures = ["carpet_figure", "tsnr_figure", "motion_figure"]
    outputnode = pe.Node(
        IdentityInterface(fields=[*aligned, *measures, *figures]),
        name="outputnode",
    )
    reorient = pe.Node(
        Reorient(axis_codes=axis_codes, compress=False),
        name="reorient",
        mem_gb=resources.needed_gb(resources.REORIENT, bold_gb),
    )
    if tr is not None:
        reorient.inputs.tr = tr
    motion = pe.Node(
        MotionCorrect(engine=motion_engine, compress=False),
        name="motion",
        n_procs=omp_nthreads,
        mem_gb=resources.needed_gb(resources.MOTION, bold_gb),
    )
    quality = pe.Node(
        RunQuality(), name="quality", mem_gb=resources.needed_gb(resources.QUALITY, bold_gb)
    )
    workflow.connect([
        (inputnode, reorient, [("bold_file", "in_file")]),
        (reorient, motion, [("out_file", "in_file")]),
        (inputnode, motion, [("reference_file", "reference_file")]),
        (motion, quality, [("out_file", "in_file"), ("motion_file", "motion_file")]),
        (inputnode, quality, [("mask_file", "mask_file")]),
        (motion, outputnode, [("out_file", "bold_file"),
                              ("mean_file", "mean_file"),
                              ("motion_file", "motion_file"),
                              ("transforms_file", "transforms_file")]),
        (quality, outputnode, [("out_file", "quality_file"),
                               ("out_table", "quality_table"),
                               *[(field, field) for field in ("tsnr_file", *figures)]]),
    ])  # fmt: skip
    return workflow


def _reference_text(steps: Steps) -> str:
    mean = (
        f"The mean of {steps['select'].n_volumes} volumes of the first run, aligned with each "
        f"other {phrase(_MOTION_TEXT, steps['align'].engine)},"
    )
    if steps["select"].n_volumes == 1:
        mean = "One volume of the first run"
    return (
        f"{mean} was taken as reference of all runs, and was aligned with the T1-weighted image by "
        f"a rigid transform that was found {phrase(_COREGISTER_TEXT, steps['coregister'].engine)}. "
        f"Its brain was found {phrase(_MASK_TEXT, steps['mask'].engine)}. "
    )


def _run_text(steps: Steps) -> str:
    tr = steps["reorient"].tr
    return (
        "Each volume was aligned with the reference "
        f"{phrase(_MOTION_TEXT, steps['motion'].engine)}, and head motion was summarised as "
        f"framewise displacement [@power_fd]{f' (repetition time {tr:g} s)' if tr else ''}. "
    )
