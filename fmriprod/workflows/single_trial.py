"""Responses to the single trials of one run."""

from collections.abc import Sequence

from nipype.interfaces.utility import IdentityInterface
from nipype.pipeline import engine as pe

from fmriprod.algorithms.transforms import MOTION_COLUMNS
from fmriprod.interfaces.single_trial import SingleTrialBetas
from fmriprod.interfaces.smooth import Smooth
from fmriprod.workflows import resources
from fmriprod.workflows.describe_nodes import Steps, phrase
from fmriprod.workflows.describe_words import (
    confounds_words,
    drift_words,
    noise_words,
    response_words,
    smoothing_words,
)
from fmriprod.workflows.described_workflow import DescribedWorkflow

_METHOD_TEXT = {
    ("lss", "all"): "a separate model for each trial, in which one regressor stands for all "
    "the other trials (least squares, separate; [@mumford_lss])",
    ("lss", "label"): "a separate model for each trial, in which one regressor for each "
    "condition stands for the other trials (least squares, separate; [@mumford_lss])",
    ("lsa", "all"): "one model with a regressor for each trial (least squares, all)",
}


def init_single_trial_wf(
    *,
    method: str = "lss",
    others: str = "all",
    labels: Sequence[str] = (),
    fwhm: float = 0.0,
    hrf: str = "spm",
    high_pass: float = 100.0,
    noise: str = "ols",
    statistics: bool = False,
    write_features: bool = True,
    confounds: Sequence[str] = MOTION_COLUMNS,
    tr: float | None = None,
    subject: str = "n/a",
    task: str = "n/a",
    run_label: str = "1",
    bold_gb: float = 0.5,
    name: str = "single_trial_wf",
) -> pe.Workflow:
    """Build the workflow that estimates the response to each trial of a run.

    Parameters
    ----------
    method, others : str
        ``lss`` or ``lsa``, and what stands for the other trials, as `SingleTrialBetas` takes
        them.
    labels : sequence of str
        Conditions whose trials are estimated; by default all.
    fwhm : float
        Width of the smoothing kernel in mm; 0, the default, leaves patterns as they are.
    hrf : str
        Model of the haemodynamic response.
    high_pass : float
        Cut-off period of the cosine drift model in s.
    noise : str
        ``ols`` or ``ar1``.
    statistics : bool
        Give t values too.
    write_features : bool
        Give the estimates as a matrix that the evidence steps read.
    confounds : sequence of str
        Columns of the confounds file that enter the design.
    tr : float, optional
        Repetition time in s; that of the header by default.
    subject, task, run_label : str
        Labels for the table of trials.
    bold_gb : float
        Size of the series in memory in GB (`image_gb`); the steps declare memory by it.
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

    Outputs
    -------
    betas_file
        Response to each trial in percent of the mean signal, a volume a trial
    t_file
        Their t values, if asked for
    trials_file
        The trials, in the form of a table of samples (TSV)
    features_file
        The responses as a matrix, trials x voxels (.npy)
    voxels_file
        The voxels of that matrix (TSV)
    mask_file
        Voxels that could be analysed
    audit_file
        Settings, trials and voxels left out (JSON)

    Returns
    -------
    nipype.pipeline.engine.Workflow
    """
    workflow = DescribedWorkflow(name, _text, each="run")
    inputs = ["bold_file", "mask_file", "events_file", "confounds_file"]
    inputnode = pe.Node(IdentityInterface(fields=inputs), name="inputnode")
    outputs = ["betas_file", "t_file", "trials_file", "features_file", "voxels_file", "audit_file"]
    outputnode = pe.Node(IdentityInterface(fields=["mask_file", *outputs]), name="outputnode")
    betas = pe.Node(
        SingleTrialBetas(
            method=method,
            others=others,
            labels=list(labels),
            hrf=hrf,
            high_pass=high_pass,
            noise=noise,
            statistics=statistics,
            write_features=write_features,
            confounds=list(confounds),
            subject=subject,
            task=task,
            run_label=run_label,
        ),
        name="betas",
        mem_gb=resources.needed_gb(resources.MODEL, bold_gb),
    )
    if tr is not None:
        betas.inputs.tr = tr
    entry = (inputnode, "bold_file")
    if fwhm:
        smooth = pe.Node(
            Smooth(fwhm=fwhm, compress=False),
            name="smooth",
            mem_gb=resources.needed_gb(resources.SMOOTH, bold_gb),
        )
        workflow.connect(
            [(inputnode, smooth, [("bold_file", "in_file"), ("mask_file", "mask_file")])]
        )
        entry = (smooth, "out_file")
    asked = {"t_file": statistics, "features_file": write_features, "voxels_file": write_features}
    fields = [field for field in outputs if asked.get(field, True)]
    workflow.connect([
        (entry[0], betas, [(entry[1], "in_file")]),
        (inputnode, betas, [(f, f) for f in inputs[1:] if confounds or f != "confounds_file"]),
        (betas, outputnode, [("out_mask", "mask_file"), *[(f, f) for f in fields]]),
    ])  # fmt: skip
    return workflow


def _text(steps: Steps) -> str:
    """Say in words how trials are estimated."""
    step, smooth = steps["betas"], steps["smooth"]
    kind = phrase(_METHOD_TEXT, (step.method, step.others if step.method == "lss" else "all"))
    smoothed = ""
    if "smooth" in steps and smooth.fwhm:
        smoothed = f"after smoothing with {smoothing_words(smooth.fwhm)} "
    confounds = confounds_words(step.confounds)
    return (
        f"The response to every single trial was estimated {smoothed}by {kind}, with "
        f"{response_words(step.hrf)}, {f'{confounds}, ' if confounds else ''}{drift_words(step)} "
        f"and {noise_words(step)}. "
    )
