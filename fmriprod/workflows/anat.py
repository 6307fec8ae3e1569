"""Prepare the T1-weighted image: axis order and brain mask."""

from nipype.interfaces.utility import IdentityInterface
from nipype.pipeline import engine as pe

from fmriprod.interfaces.reorient import Reorient
from fmriprod.interfaces.skullstrip import SkullStrip
from fmriprod.workflows import resources
from fmriprod.workflows.describe_nodes import Steps, phrase
from fmriprod.workflows.described_workflow import DescribedWorkflow

_ENGINE_TEXT = {
    "python": "with a deformable surface after the Brain Extraction Tool [@bet] and N4 bias-field "
    "correction [@n4] from SimpleITK [@simpleitk]",
    "bet": "with the Brain Extraction Tool of FSL [@bet; @fsl]",
    "ants": "with the brain extraction of ANTs [@ants]",
    "mask": "with a brain mask that was given",
}


def init_anat_wf(
    *,
    axis_codes: str = "LAS",
    skullstrip_engine: str = "python",
    mask_file: str | None = None,
    t1w_gb: float = 0.2,
    omp_nthreads: int = 1,
    name: str = "anat_wf",
) -> pe.Workflow:
    """Build the workflow that reorients and skull-strips the T1-weighted image.

    Parameters
    ----------
    axis_codes : str
        Side that each voxel axis shall run towards.
    skullstrip_engine : {"python", "bet", "ants"}
        Program that finds the brain.
    mask_file : str, optional
        Brain mask that is at hand, in the grid of the T1-weighted image; used as it is.
    t1w_gb : float
        Size of the image in memory in GB (`image_gb`); the steps declare memory by it.
    omp_nthreads : int
        Threads that one step may use.
    name : str
        Name of the workflow.

    Inputs
    ------
    t1w_file
        T1-weighted image with the skull

    Outputs
    -------
    t1w_file
        T1-weighted image in the axis order of the study
    brain_file
        The same without what is not brain
    mask_file
        Brain mask
    figure
        Outline of the mask on slices (PNG)

    Returns
    -------
    nipype.pipeline.engine.Workflow
    """
    workflow = DescribedWorkflow(name, _text)
    inputnode = pe.Node(IdentityInterface(fields=["t1w_file"]), name="inputnode")
    outputnode = pe.Node(
        IdentityInterface(fields=["t1w_file", "brain_file", "mask_file", "figure"]),
        name="outputnode",
    )
    reorient = pe.Node(
        Reorient(axis_codes=axis_codes, compress=False),
        name="reorient",
        mem_gb=resources.needed_gb(resources.REORIENT, t1w_gb),
    )
    skullstrip = pe.Node(
        SkullStrip(modality="T1w", engine=skullstrip_engine, compress=False),
        name="skullstrip",
        n_procs=omp_nthreads if skullstrip_engine == "ants" else 1,
        mem_gb=resources.needed_gb(resources.SKULLSTRIP, t1w_gb),
    )
    if mask_file is not None:
        reorient_mask = pe.Node(
            Reorient(in_file=mask_file, axis_codes=axis_codes, compress=False),
            name="reorient_mask",
        )
        workflow.connect(reorient_mask, "out_file", skullstrip, "mask_file")
    workflow.connect([
        (inputnode, reorient, [("t1w_file", "in_file")]),
        (reorient, skullstrip, [("out_file", "in_file")]),
        (reorient, outputnode, [("out_file", "t1w_file")]),
        (skullstrip, outputnode, [("out_file", "brain_file"),
                                  ("out_mask", "mask_file"),
                                  ("out_figure", "figure")]),
    ])  # fmt: skip
    return workflow


def _text(steps: Steps) -> str:
    engine = "mask" if "reorient_mask" in steps else steps["skullstrip"].engine
    return (
        f"The T1-weighted image was reoriented to {steps['reorient'].axis_codes} and "
        f"skull-stripped {phrase(_ENGINE_TEXT, engine)}. "
    )
