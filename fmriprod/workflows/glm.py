"""First-level model of one run."""

from collections.abc import Sequence

from nipype.interfaces.utility import IdentityInterface
from nipype.pipeline import engine as pe

from fmriprod.algorithms.transforms import MOTION_COLUMNS
from fmriprod.interfaces.glm import FirstLevelModel
from fmriprod.interfaces.smooth import Smooth
from fmriprod.workflows import resources
from fmriprod.workflows.describe_nodes import Steps
from fmriprod.workflows.describe_words import (
    confounds_words,
    drift_words,
    noise_words,
    response_words,
    smoothing_words,
)
from fmriprod.workflows.described_workflow import DescribedWorkflow

MAPS = ("effect_files", "variance_files", "t_files", "z_files")


def init_first_level_wf(
    *,
    contrasts: Sequence[str],
    tr: float | None = None,
    fwhm: float = 5.0,
    hrf: str = "spm + derivative",
    high_pass: float = 100.0,
    noise: str = "ar1",
    confounds: Sequence[str] = MOTION_COLUMNS,
    drift: str = "cosine",
    start_time: float | None = None,
    bold_gb: float = 0.5,
    omp_nthreads: int = 1,
    name: str = "first_level_wf",
) -> pe.Workflow:
    """Build the workflow that smooths a run and fits the model of its events.

    Parameters
    ----------
    contrasts : sequence of str
        ``expression`` or ``name=expression`` over the conditions of the events.
    tr : float, optional
        Repetition time in s; that of the header by default.
    fwhm : float
        Width of the smoothing kernel in mm; 0 leaves the series as it is.
    hrf : str
        Model of the haemodynamic response, as `FirstLevelModel` takes it.
    high_pass : float
        Cut-off period of the cosine drift model in s.
    noise : str
        Model of the noise, as `FirstLevelModel` takes it.
    confounds : sequence of str
        Columns of the confounds file that enter the design; with none the file is not used.
    drift : str
        Model of slow drifts, as `FirstLevelModel` takes it; ``none`` where confounds have them.
    start_time : float, optional
        Moment in s within each volume that its values represent; the middle by default.
    bold_gb : float
        Size of the series in memory in GB (`image_gb`); the steps declare memory by it.
    omp_nthreads : int
        Threads that one step may use; both steps use one, so that the numbers do not depend on
        how many there are.
    name : str
        Name of the workflow.

    Inputs
    ------
    bold_file
        Series aligned with the reference
    mask_file
        Voxels to analyse
    events_file
        Events of the run (BIDS TSV)
    confounds_file
        Regressors of no interest (TSV)
    background_file
        Image on which the figures show the maps

    Outputs
    -------
    smoothed_file
        Series that was modelled
    effect_files
        Effect of each contrast in percent of the mean signal
    variance_files
        Its variance
    t_files
        Its t map
    z_files
        Its z map
    contrast_names
        Names of the contrasts, in the order of the maps
    dof
        Residual degrees of freedom of the model
    mask_file
        Voxels that could be analysed
    design_file
        Design matrix (TSV)
    audit_file
        Audit of the design (JSON)
    design_figure
        Design matrix and its correlations (PNG)
    contrast_figures
        Each z map on slices (PNG)

    Returns
    -------
    nipype.pipeline.engine.Workflow
    """
    workflow = DescribedWorkflow(name, _text)
    inputs = ["bold_file", "mask_file", "events_file", "confounds_file", "background_file"]
    inputnode = pe.Node(IdentityInterface(fields=inputs), name="inputnode")
    model_fields = ["contrast_names", "dof", "design_file", "audit_file", "design_figure"]
    outputs = [*MAPS, *model_fields, "contrast_figures"]
    outputnode = pe.Node(
        IdentityInterface(fields=["smoothed_file", "mask_file", *outputs]), name="outputnode"
    )
    smooth = pe.Node(
        Smooth(fwhm=fwhm, compress=False),
        name="smooth",
        mem_gb=resources.needed_gb(resources.SMOOTH, bold_gb),
    )
    model = pe.Node(
        FirstLevelModel(
            contrasts=list(contrasts),
            hrf=hrf,
            high_pass=high_pass,
            drift=drift,
            noise=noise,
            **({"confounds": list(confounds)} if confounds else {}),
        ),
        name="model",
        mem_gb=resources.needed_gb(resources.MODEL, bold_gb),
    )
    if tr is not None:
        model.inputs.tr = tr
    if start_time is not None:
        model.inputs.start_time = start_time
    used = [field for field in inputs[1:] if confounds or field != "confounds_file"]
    workflow.connect([
        (inputnode, smooth, [("bold_file", "in_file"), ("mask_file", "mask_file")]),
        (smooth, model, [("out_file", "in_file")]),
        (inputnode, model, [(field, field) for field in used]),
        (smooth, outputnode, [("out_file", "smoothed_file")]),
        (model, outputnode, [("out_mask", "mask_file"), *[(f, f) for f in outputs]]),
    ])  # fmt: skip
    return workflow


def _text(steps: Steps) -> str:
    """Say in words what is done to each run."""
    fwhm, model = steps["smooth"].fwhm, steps["model"]
    smoothed = f"smoothed with {smoothing_words(fwhm)} and " if fwhm else ""
    confounds = confounds_words(model.confounds)
    others = f"{confounds} and {drift_words(model)}" if confounds else drift_words(model)
    return (
        f"Each run was {smoothed}modelled voxel by voxel: events convolved with "
        f"{response_words(model.hrf)}, {others} as regressors of no interest, and "
        f"{noise_words(model)}; the model was fitted with Nilearn [@nilearn]. "
    )
