"""Region of interest: the voxels that respond most to the task."""

from nipype.interfaces.utility import IdentityInterface
from nipype.pipeline import engine as pe

from fmriprod.interfaces.fixed_effects import FixedEffects
from fmriprod.interfaces.roi import RoiMask
from fmriprod.workflows.describe_nodes import Steps
from fmriprod.workflows.described_workflow import DescribedWorkflow


def init_region_wf(
    *, n_voxels: int = 1000, omp_nthreads: int = 1, name: str = "region_wf"
) -> pe.Workflow:
    """Build the workflow that chooses the voxels with the largest response over runs.

    The response is that of all conditions together, which says nothing of which condition
    it was: choosing voxels by it cannot tell a classifier about the labels.

    Parameters
    ----------
    n_voxels : int
        Number of voxels.
    omp_nthreads : int
        Threads that one step may use.
    name : str
        Name of the workflow.

    Inputs
    ------
    effect_files
        Effect of the task in each run
    variance_files
        Their variances
    dof
        Residual degrees of freedom of each run's model
    mask_file
        Voxels to choose from

    Outputs
    -------
    mask_file
        The region
    z_file
        Response over runs (fixed effects)

    Returns
    -------
    nipype.pipeline.engine.Workflow
    """
    workflow = DescribedWorkflow(name, _text)
    inputs = ["effect_files", "variance_files", "dof", "mask_file"]
    inputnode = pe.Node(IdentityInterface(fields=inputs), name="inputnode")
    outputnode = pe.Node(IdentityInterface(fields=["mask_file", "z_file"]), name="outputnode")
    fixed = pe.Node(FixedEffects(), name="fixed_effects", mem_gb=0.5)
    choose = pe.Node(RoiMask(n_voxels=n_voxels), name="choose", mem_gb=0.5)
    workflow.connect([
        (inputnode, fixed, [(field, field) for field in inputs]),
        (fixed, choose, [("z_file", "in_file"), ("out_mask", "mask_file")]),
        (choose, outputnode, [("out_mask", "mask_file")]),
        (fixed, outputnode, [("z_file", "z_file")]),
    ])  # fmt: skip
    return workflow


def _text(steps: Steps) -> str:
    return (
        f"The {steps['choose'].n_voxels} voxels with the largest response to all conditions "
        "together (fixed effects over the runs that choose it) were taken as the region of "
        "interest. "
    )
