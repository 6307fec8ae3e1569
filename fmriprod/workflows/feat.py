"""First and second level with FEAT of FSL."""

from collections.abc import Sequence
from typing import Any

from nipype.interfaces.utility import IdentityInterface
from nipype.pipeline import engine as pe

from fmriprod.interfaces.feat import RunFeat
from fmriprod.interfaces.fsf import RenderFsf, RenderHigherFsf
from fmriprod.workflows.describe_nodes import Steps
from fmriprod.workflows.described_workflow import DescribedWorkflow

_RUN_OUTPUTS = ["feat_dir", "cope_files", "variance_files", "z_files", "first_cope"]


def init_feat_wf(
    *,
    contrasts: Sequence[str] = (),
    run_feat: bool = True,
    name: str = "feat_wf",
    **options: Any,
) -> pe.Workflow:
    """Build the workflow that analyses one run with FEAT, from the series as it was measured.

    Parameters
    ----------
    contrasts : sequence of str
        ``expression`` or ``name=expression`` over the conditions of the events; by default each
        condition against baseline.
    run_feat : bool
        Run FEAT, which must be installed; if not, its settings file is all there is.
    name : str
        Name of the workflow.
    **options
        Further inputs of `RenderFsf`, such as ``fwhm``, ``z_threshold`` or ``nonlinear``.

    Inputs
    ------
    bold_file
        4-D series, not processed
    events_file
        Events of the run (BIDS TSV)
    t1w_file
        T1w image with the whole head
    brain_file
        Its brain
    standard_file
        Brain of the standard space

    Outputs
    -------
    fsf_file
        Settings of FEAT
    input_files
        Files that the settings name; what takes the settings must take them, too, since a
        graph removes outputs that nothing is connected to
    event_files
        Three columns of each condition
    contrast_names
        Names of the contrasts, in the order of the copes
    feat_dir
        What FEAT made
    cope_files
        Effect of each contrast
    variance_files
        Its variance
    z_files
        Its z map
    first_cope
        The first cope, for the second level
    filtered_file
        Series that FEAT filtered

    Returns
    -------
    nipype.pipeline.engine.Workflow
    """
    workflow = DescribedWorkflow(name, _text)
    render = RenderFsf(**options)
    if contrasts:
        render.inputs.contrasts = list(contrasts)
    inputs = ["bold_file", "events_file", "t1w_file", "brain_file", "standard_file"]
    outputs = ["fsf_file", "input_files", "event_files", "contrast_names"]
    made = [*_RUN_OUTPUTS, "filtered_file"]
    inputnode = pe.Node(IdentityInterface(fields=inputs), name="inputnode")
    outputnode = pe.Node(IdentityInterface(fields=[*outputs, *made]), name="outputnode")
    settings = pe.Node(render, name="settings")
    workflow.connect([
        (inputnode, settings, [("bold_file", "in_file"), *[(f, f) for f in inputs[1:]]]),
        (settings, outputnode, [(f, f) for f in outputs]),
    ])  # fmt: skip
    if run_feat:
        _connect_run(workflow, settings, outputnode, made)
    return workflow


def init_feat_mean_wf(
    *,
    n_copes: int = 1,
    model: str = "fixed",
    run_feat: bool = True,
    name: str = "feat_mean_wf",
    **options: Any,
) -> pe.Workflow:
    """Build the workflow that averages lower-level analyses of FEAT: runs, or people.

    Parameters
    ----------
    n_copes : int
        Contrasts of the lower level; each is averaged by itself.
    model : str
        ``fixed``, or a model of mixed effects, as `RenderHigherFsf` takes it.
    run_feat : bool
        Run FEAT, which must be installed; if not, its settings file is all there is.
    name : str
        Name of the workflow.
    **options
        Further inputs of `RenderHigherFsf`, such as ``post_statistics``.

    Inputs
    ------
    cope_files
        First cope of each lower-level folder
    standard_file
        Brain of the standard space

    Outputs
    -------
    fsf_file
        Settings of FEAT
    feat_dir
        What FEAT made
    cope_files
        Mean effect of each contrast
    variance_files
        Its variance
    z_files
        Its z map
    first_cope
        The first cope

    Returns
    -------
    nipype.pipeline.engine.Workflow
    """
    workflow = DescribedWorkflow(name, _mean_text)
    inputnode = pe.Node(IdentityInterface(fields=["cope_files", "standard_file"]), name="inputnode")
    outputnode = pe.Node(IdentityInterface(fields=["fsf_file", *_RUN_OUTPUTS]), name="outputnode")
    settings = pe.Node(RenderHigherFsf(n_copes=n_copes, model=model, **options), name="settings")
    workflow.connect([
        (inputnode, settings, [("cope_files", "cope_files"), ("standard_file", "standard_file")]),
        (settings, outputnode, [("fsf_file", "fsf_file")]),
    ])  # fmt: skip
    if run_feat:
        _connect_run(workflow, settings, outputnode, _RUN_OUTPUTS)
    return workflow


def _connect_run(
    workflow: pe.Workflow, settings: pe.Node, outputnode: pe.Node, made: Sequence[str]
) -> None:
    run = pe.Node(RunFeat(), name="run")
    # Higher levels read more of the folder (masks, registration) than is passed between steps.
    run.config = {"execution": {"remove_unnecessary_outputs": "false"}}
    workflow.connect([
        (settings, run, [("fsf_file", "fsf_file"), ("input_files", "input_files")]),
        (run, outputnode, [(f, f) for f in made]),
    ])  # fmt: skip


def _text(steps: Steps) -> str:
    """Say in words what FEAT does to each run, or would do."""
    step = steps["settings"]
    done = []
    if step.slice_timing != "none":
        done += [f"slices were aligned in time (order: {step.slice_timing})"]
    if step.motion_correction:
        done += ["motion was corrected with MCFLIRT [@mcflirt]"]
    if step.fwhm:
        done += [f"images were smoothed (FWHM {step.fwhm:g} mm)"]
    if step.temporal_filter:
        done += [f"slow drifts were removed (cut-off {step.high_pass:g} s)"]
    done += [
        f"events were convolved with the {step.hrf} response"
        f"{' and its temporal derivative' if step.derivative else ''}"
    ]
    if step.prewhiten:
        done += ["series were prewhitened with FILM [@film]"]
    with_feat = "analysed with FEAT of FSL [@fsl]"
    first = with_feat if "run" in steps else "described for FEAT of FSL [@fsl], which was not run"
    return f"Each run was {first}: {'; '.join(done)}. "


def _mean_text(steps: Steps) -> str:
    model = steps["settings"].model
    kind = "fixed effects" if model == "fixed" else f"mixed effects ({model})"
    if "run" not in steps:
        return f"Settings of FEAT [@fsl] for the mean effects ({kind}) were written, and not run. "
    return f"Effects were averaged with FEAT of FSL [@fsl] as {kind}. "
