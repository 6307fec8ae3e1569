"""The main job's steps before the region, from series that were preprocessed elsewhere."""

import re
from collections.abc import Sequence
from functools import partial
from typing import Any

from nipype.interfaces.utility import IdentityInterface
from nipype.pipeline import engine as pe

from fmriprod.algorithms.confound_strategies import uses_set
from fmriprod.interfaces.fmriprep_confounds import StrategyConfounds
from fmriprod.interfaces.images import open_image
from fmriprod.interfaces.prepared_reference import PreparedReference
from fmriprod.interfaces.preprocessed_run import PreparedRun
from fmriprod.interfaces.quality import RunQuality
from fmriprod.interfaces.slices import SlicesFigure
from fmriprod.workflows import resources
from fmriprod.workflows.describe_nodes import Steps
from fmriprod.workflows.described_workflow import DescribedWorkflow
from fmriprod.workflows.glm import init_first_level_wf
from fmriprod.workflows.plan import RunPlan
from fmriprod.workflows.preparation import Preparation
from fmriprod.workflows.run import MODEL_OUTPUTS, save_model
from fmriprod.workflows.save import Destination, save

_QUALITY = ("quality_file", "quality_table", "tsnr_file", "carpet_figure", "tsnr_figure",
            "motion_figure")  # fmt: skip


def build_prepared(
    t1w_file: str,
    t1w_mask: str | None,
    runs: Sequence[RunPlan],
    saving: dict[str, Any],
    *,
    omp_nthreads: int = 1,
    **model: Any,
) -> Preparation:
    """Build the workflows that measure and model preprocessed runs of a participant.

    Parameters
    ----------
    t1w_file : str
        T1-weighted image, for a figure.
    t1w_mask : str or None
        Its brain mask.
    runs : sequence of RunPlan
        Runs with ``prepared`` set; the reference of the first is shown.
    saving : dict
        ``out_dir``, ``bids_dir``, ``record_dir`` and ``links`` of all destinations.
    omp_nthreads : int
        Threads that one step may use.
    **model
        ``fwhm``, ``hrf``, ``high_pass`` and ``noise`` as `init_prepared_run_wf` takes them.

    Returns
    -------
    Preparation
        Not yet connected.
    """
    first = prepared_of(runs[0])
    anat = pe.Workflow(name="anat_wf")
    show = pe.Node(
        SlicesFigure(in_file=t1w_file, title="T1-weighted image of the derivatives"), name="show"
    )
    if t1w_mask is not None:
        show.inputs.mask_file, show.inputs.mask_label = t1w_mask, "brain mask"
    anat_out = pe.Node(
        IdentityInterface(fields=["t1w_file", "mask_file", "figure"], t1w_file=t1w_file),
        name="outputnode",
    )
    anat.connect(show, "out_figure", anat_out, "figure")
    boldref = init_prepared_reference_wf(first.space, t1w_mask)
    boldref.inputs.inputnode.reference_file = first.boldref_file
    boldref.inputs.inputnode.mask_files = [prepared_of(run).mask_file for run in runs]
    built = {
        run.key: init_prepared_run_wf(
            run,
            destination=Destination(source_file=run.bold_file, dismiss=("desc",), **saving),
            name=f"{run.key}_wf",
            omp_nthreads=omp_nthreads,
            **model,
        )
        for run in runs
    }
    return Preparation(anat, boldref, built)


def prepared_of(run: RunPlan) -> PreparedRun:
    """Give what is known of the derivatives of a run that starts from them."""
    assert run.prepared is not None
    return run.prepared


def init_prepared_reference_wf(
    space: str = "T1w", t1w_mask: str | None = None, *, name: str = "boldref_wf"
) -> pe.Workflow:
    """Build the workflow that finds the voxels which all preprocessed runs share.

    Parameters
    ----------
    space : str
        Space of the runs; in ``T1w`` the outline of ``t1w_mask`` is drawn on the reference.
    t1w_mask : str, optional
        Brain mask of the T1-weighted image.
    name : str
        Name of the workflow.

    Inputs
    ------
    reference_file
        Reference of the first run
    mask_files
        Brain mask of each run

    Outputs
    -------
    reference_file
        Reference of the first run
    mask_file
        Voxels that are in all masks
    mask_figure
        Outline of the mask on slices (PNG)
    coregister_figure
        Outline of the T1-weighted image's brain on the reference (PNG), in space ``T1w``

    Returns
    -------
    nipype.pipeline.engine.Workflow
    """
    workflow = pe.Workflow(name=name)
    fields = ["reference_file", "mask_file", "mask_figure", "coregister_figure"]
    inputnode = pe.Node(
        IdentityInterface(fields=["reference_file", "mask_files"]), name="inputnode"
    )
    outputnode = pe.Node(IdentityInterface(fields=fields), name="outputnode")
    common = pe.Node(PreparedReference(), name="common", mem_gb=0.5)
    if space == "T1w" and t1w_mask is not None:
        common.inputs.t1w_mask = t1w_mask
        workflow.connect(common, "coregister_figure", outputnode, "coregister_figure")
    workflow.connect([
        (inputnode, common, [("reference_file", "reference_file"), ("mask_files", "mask_files")]),
        (inputnode, outputnode, [("reference_file", "reference_file")]),
        (common, outputnode, [("out_mask", "mask_file"), ("mask_figure", "mask_figure")]),
    ])  # fmt: skip
    return workflow


def init_prepared_run_wf(
    run: RunPlan,
    *,
    destination: Destination,
    fwhm: float = 5.0,
    hrf: str = "spm + derivative",
    high_pass: float = 100.0,
    noise: str = "ar1",
    omp_nthreads: int = 1,
    name: str = "run_wf",
) -> pe.Workflow:
    """Build the workflow that measures and models one preprocessed run, and saves the results.

    Parameters
    ----------
    run : RunPlan
        Files and contrasts of the run, with ``prepared`` set.
    destination : Destination
        Where results go.
    fwhm, hrf, high_pass, noise
        As `init_first_level_wf` takes them. With ``cosine`` among the confounds these are the
        model's drifts, in place of those of ``high_pass``.
    omp_nthreads : int
        Threads that one step may use.
    name : str
        Name of the workflow.

    Inputs
    ------
    reference_file
        Image on which figures show maps
    mask_file
        Voxels to analyse

    Outputs
    -------
    bold_file
        The preprocessed series
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
    smoothed_file
        Series that was modelled
    effect_files
        Effect of each contrast, the task's first
    variance_files
        Their variances
    dof
        Residual degrees of freedom of the model
    contrast_names
        Names of the contrasts
    audit_file
        Audit of the design (JSON)
    design_figure
        Design matrix (PNG)
    contrast_figures
        Each z map on slices (PNG)

    Returns
    -------
    nipype.pipeline.engine.Workflow
    """
    prepared, bold_gb = prepared_of(run), resources.image_gb(run.bold_file)
    workflow = DescribedWorkflow(name, partial(_text, prepared=prepared))
    inputnode = pe.Node(IdentityInterface(fields=["reference_file", "mask_file"]), name="inputnode")
    outputnode = pe.Node(
        IdentityInterface(fields=["bold_file", *_QUALITY, *MODEL_OUTPUTS], bold_file=run.bold_file),
        name="outputnode",
    )
    confounds = pe.Node(
        StrategyConfounds(
            confounds_file=prepared.confounds_file,
            strategy=prepared.strategy,
            n_volumes=open_image(run.bold_file).shape[3],
        ),
        name="confounds",
        mem_gb=resources.LIBRARIES_GB,
    )
    if prepared.confounds_json is not None:
        confounds.inputs.confounds_json = prepared.confounds_json
    quality = pe.Node(
        RunQuality(in_file=run.bold_file, tr=run.tr),
        name="quality",
        mem_gb=resources.needed_gb(resources.QUALITY, bold_gb),
    )
    model = init_first_level_wf(
        contrasts=run.contrasts, tr=run.tr, fwhm=fwhm, hrf=hrf, high_pass=high_pass, noise=noise,
        confounds=prepared.confounds, start_time=prepared.volume_time.seconds,
        drift="none" if uses_set(prepared.strategy, "cosine") else "cosine",
        bold_gb=bold_gb, omp_nthreads=omp_nthreads,
    )  # fmt: skip
    model.inputs.inputnode.bold_file = run.bold_file
    model.inputs.inputnode.events_file = run.events_file
    if prepared.confounds:
        workflow.connect(confounds, "out_file", model, "inputnode.confounds_file")
    workflow.connect([
        (inputnode, model, [("reference_file", "inputnode.background_file"),
                            ("mask_file", "inputnode.mask_file")]),
        (inputnode, quality, [("mask_file", "mask_file")]),
        (confounds, quality, [("motion_file", "motion_file")]),
        (quality, outputnode, [("out_file", "quality_file"), ("out_table", "quality_table"),
                               *[(field, field) for field in _QUALITY[2:]]]),
        (model, outputnode, [(f"outputnode.{field}", field) for field in MODEL_OUTPUTS]),
    ])  # fmt: skip
    _save(workflow, confounds, quality, destination, prepared)
    save_model(workflow, model, destination)
    return workflow


def _save(
    workflow: pe.Workflow,
    confounds: pe.Node,
    quality: pe.Node,
    destination: Destination,
    prepared: PreparedRun,
) -> None:
    """Connect a saver to the measures and confounds; the series stays where it is."""
    for node, output, name, suffix, entities in (
        (quality, "out_table", "quality_table", "timeseries", {"desc": "quality"}),
        (quality, "out_file", "quality_file", "quality", {}),
        (quality, "tsnr_file", "tsnr_file", "boldmap", {"stat": "tsnr"}),
        (confounds, "motion_file", "motion_file", "timeseries", {"desc": "motion"}),
        (quality, "carpet_figure", "carpet_figure", "bold", {"desc": "carpet"}),
        (quality, "tsnr_figure", "tsnr_figure", "bold", {"desc": "tsnr"}),
        (quality, "motion_figure", "motion_figure", "bold", {"desc": "motion"}),
    ):
        place = {"datatype": "figures"} if output.endswith("_figure") else {}
        save(workflow, (node, output), name, destination, suffix, **entities, **place)
    if prepared.confounds:
        source = (confounds, "out_file")
        node = save(workflow, source, "confounds", destination, "timeseries", desc="confounds")
        workflow.connect(confounds, "summary_file", node, "metadata_file")


def _text(steps: Steps, prepared: PreparedRun) -> str:
    taken = steps["confounds"].strategy if prepared.confounds else "none"
    note = prepared.notes[0]
    note = re.sub(r"fMRIPrep(?: \d[\w.+-]*)?", r"\g<0> [@fmriprep]", note, count=1, flags=re.I)
    return (
        f"{note[0].upper()}{note[1:]}. Confounds of the derivatives: "
        f"{taken}. Framewise displacement [@power_fd] is that of the derivatives. "
    )
