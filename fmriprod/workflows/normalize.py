"""Lay a participant's brain upon the template."""

from nipype.interfaces.utility import IdentityInterface
from nipype.pipeline import engine as pe

from fmriprod.interfaces.normalize import Normalize
from fmriprod.workflows import resources
from fmriprod.workflows.describe_nodes import Steps, phrase
from fmriprod.workflows.described_workflow import DescribedWorkflow

_ENGINE_TEXT = {
    "python": "by an affine transform with twelve parameters that was found by iterated least "
    "squares [@gauss_newton] together with a smooth change of brightness",
    "flirt": "by an affine transform with twelve parameters from FLIRT [@flirt; @fsl]",
    "fnirt": "by an affine transform with twelve parameters from FLIRT [@flirt; @fsl], and FNIRT "
    "was run from there",
    "ants": "with ANTs [@ants], whose affine transform was used",
    "given": "by a transform that was given",
}
_MEMORY = 6  # peak beyond the libraries, in units of the T1w image: 5.2 measured at 160 MB
_OUTPUTS = {
    "transform_file": "transform_file",
    "inverse_file": "inverse_file",
    "warp_file": "warp_file",
    "normalized_file": "out_file",
    "template_file": "template_file",
    "template_mask": "template_mask",
    "figure": "out_figure",
    "correlation": "correlation",
    "overlap": "overlap",
}


def init_normalize_wf(
    *,
    engine: str = "python",
    start: str = "header",
    transform_files: list[str] | None = None,
    t1w_gb: float = 0.2,
    omp_nthreads: int = 1,
    name: str = "normalize_wf",
) -> pe.Workflow:
    """Build the workflow that finds how a T1-weighted image lies in the template.

    Parameters
    ----------
    engine : {"python", "flirt", "fnirt", "ants"}
        Program that compares the images; all but ``python`` must be installed.
    start : {"header", "search"}
        Believe the header about which way is up, or try all; for ``python``.
    transform_files : list of str, optional
        Transforms that are at hand, ITK text, from the template's end; used as they are.
    t1w_gb : float
        Size of the image in memory in GB (`image_gb`); the step declares memory by it.
    omp_nthreads : int
        Threads that one step may use.
    name : str
        Name of the workflow.

    Inputs
    ------
    t1w_file
        T1-weighted image
    t1w_mask
        Its brain mask; without one, the image must be skull-stripped

    Outputs
    -------
    transform_file
        Affine (ITK text) that maps points of the template to points of the T1-weighted image
    inverse_file
        Its inverse
    warp_file
        Warp of the engines fnirt and ants; no step of this package uses it
    normalized_file
        Brain on the template's grid
    template_file
        Template, 0 outside its brain
    template_mask
        Its brain mask
    figure
        Brain with outlines of the template (PNG)
    correlation
        How alike both are inside the brain: about 0.7 when it went well
    overlap
        Dice coefficient of both brains

    Returns
    -------
    nipype.pipeline.engine.Workflow
    """
    workflow = DescribedWorkflow(name, _text)
    inputnode = pe.Node(IdentityInterface(fields=["t1w_file", "t1w_mask"]), name="inputnode")
    outputnode = pe.Node(IdentityInterface(fields=list(_OUTPUTS)), name="outputnode")
    normalize = pe.Node(
        Normalize(engine=engine, start=start, compress=False),
        name="normalize",
        n_procs=omp_nthreads if engine == "ants" else 1,
        mem_gb=resources.needed_gb(_MEMORY, t1w_gb),
    )
    if transform_files:
        normalize.inputs.transform_files = transform_files
    workflow.connect([
        (inputnode, normalize, [("t1w_file", "in_file"), ("t1w_mask", "in_mask")]),
        (normalize, outputnode, [(field, name) for name, field in _OUTPUTS.items()]),
    ])  # fmt: skip
    return workflow


def _text(steps: Steps) -> str:
    step = steps["normalize"]
    template = "the ICBM152 template in MNI space [@fonov2009] that Nilearn [@nilearn] ships"
    if step.template_file:
        template = "a template that was given"
    return (
        f"The brain was laid upon {template}, "
        f"{phrase(_ENGINE_TEXT, 'given' if step.transform_files else step.engine)}. "
    )
