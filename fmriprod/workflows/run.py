"""One run: align, measure, model, and save."""

from collections.abc import Sequence

from nipype.interfaces.utility import IdentityInterface
from nipype.pipeline import engine as pe

from fmriprod.algorithms.transforms import MOTION_COLUMNS
from fmriprod.interfaces.derivatives import metadata_items
from fmriprod.workflows.bold import init_bold_wf
from fmriprod.workflows.glm import init_first_level_wf
from fmriprod.workflows.plan import RunPlan
from fmriprod.workflows.resources import image_gb
from fmriprod.workflows.save import Destination, save

_BOLD_OUTPUTS = (
    "bold_file", "mean_file", "motion_file", "transforms_file", "quality_file", "carpet_figure",
    "tsnr_figure", "motion_figure",
)  # fmt: skip
MODEL_OUTPUTS = (
    "smoothed_file", "effect_files", "variance_files", "dof", "contrast_names", "audit_file",
    "design_figure", "contrast_figures",
)  # fmt: skip


def init_run_wf(
    run: RunPlan,
    *,
    destination: Destination,
    axis_codes: str = "LAS",
    motion_engine: str = "python",
    fwhm: float = 5.0,
    hrf: str = "spm + derivative",
    high_pass: float = 100.0,
    noise: str = "ar1",
    confounds: Sequence[str] = MOTION_COLUMNS,
    omp_nthreads: int = 1,
    name: str = "run_wf",
) -> pe.Workflow:
    """Build the workflow that prepares, measures and models one run, and saves the results.

    Parameters
    ----------
    run : RunPlan
        Files and contrasts of the run.
    destination : Destination
        Where results go.
    axis_codes, motion_engine
        As `init_bold_wf` takes them.
    fwhm, hrf, high_pass, noise, confounds
        As `init_first_level_wf` takes them.
    omp_nthreads : int
        Threads that one step may use.
    name : str
        Name of the workflow.

    Inputs
    ------
    reference_file
        Image that every volume is aligned with
    mask_file
        Brain mask on its grid

    Outputs
    -------
    bold_file
        Series aligned with the reference
    mean_file
        Its mean over time
    motion_file
        Motion of each volume (TSV)
    transforms_file
        Rigid transform of each volume (ITK text)
    quality_file
        Measures of quality (JSON)
    carpet_figure
        Time courses of all voxels (PNG)
    tsnr_figure
        Temporal signal-to-noise ratio on slices (PNG)
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
    workflow = pe.Workflow(name=name)
    inputnode = pe.Node(IdentityInterface(fields=["reference_file", "mask_file"]), name="inputnode")
    outputnode = pe.Node(
        IdentityInterface(fields=[*_BOLD_OUTPUTS, *MODEL_OUTPUTS]), name="outputnode"
    )
    resources = {"bold_gb": image_gb(run.bold_file), "omp_nthreads": omp_nthreads}
    bold = init_bold_wf(tr=run.tr, axis_codes=axis_codes, motion_engine=motion_engine, **resources)
    bold.inputs.inputnode.bold_file = run.bold_file
    model = init_first_level_wf(
        contrasts=run.contrasts,
        tr=run.tr,
        fwhm=fwhm,
        hrf=hrf,
        high_pass=high_pass,
        noise=noise,
        confounds=confounds,
        **resources,
    )
    model.inputs.inputnode.events_file = run.events_file
    workflow.connect([
        (inputnode, bold, [("reference_file", "inputnode.reference_file"),
                           ("mask_file", "inputnode.mask_file")]),
        (inputnode, model, [("reference_file", "inputnode.background_file"),
                            ("mask_file", "inputnode.mask_file")]),
        (bold, model, [("outputnode.bold_file", "inputnode.bold_file"),
                       ("outputnode.motion_file", "inputnode.confounds_file")]),
        (bold, outputnode, [(f"outputnode.{f}", f) for f in _BOLD_OUTPUTS]),
        (model, outputnode, [(f"outputnode.{f}", f) for f in MODEL_OUTPUTS]),
    ])  # fmt: skip
    _save(workflow, bold, destination, run)
    save_model(workflow, model, destination)
    return workflow


def _save(workflow: pe.Workflow, bold: pe.Workflow, destination: Destination, run: RunPlan) -> None:
    """Connect a saver to each result of the preparation."""
    about = metadata_items({"SkullStripped": False, "RepetitionTime": run.tr, "TaskName": run.task})
    for field, suffix, entities in (
        ("bold_file", "bold", {"desc": "preproc", "metadata": about, "compress": True}),
        ("mean_file", "boldref", {"desc": "mean"}),
        ("motion_file", "timeseries", {"desc": "motion"}),
        ("quality_table", "timeseries", {"desc": "quality"}),
        ("quality_file", "quality", {}),
        ("tsnr_file", "boldmap", {"stat": "tsnr"}),
        ("carpet_figure", "bold", {"desc": "carpet", "datatype": "figures"}),
        ("tsnr_figure", "bold", {"desc": "tsnr", "datatype": "figures"}),
        ("motion_figure", "bold", {"desc": "motion", "datatype": "figures"}),
    ):
        save(workflow, (bold, f"outputnode.{field}"), field, destination, suffix, **entities)


def save_model(workflow: pe.Workflow, model: pe.Workflow, destination: Destination) -> None:
    """Connect a saver to each result of the first-level model of a run."""
    names = (model, "outputnode.contrast_names", "contrast")
    for stat in ("effect", "variance", "t", "z"):
        field = f"{stat}_files"
        source = (model, f"outputnode.{field}")
        save(workflow, source, field, destination, "statmap", labels=names, stat=stat)
    for field, suffix, entities in (
        ("mask_file", "mask", {"desc": "analysed"}),
        ("design_file", "design", {}),
        ("audit_file", "design", {"desc": "audit"}),
        ("design_figure", "design", {"datatype": "figures"}),
    ):
        save(
            workflow,
            (model, f"outputnode.{field}"),
            f"model_{field}",
            destination,
            suffix,
            **entities,
        )
    save(
        workflow,
        (model, "outputnode.contrast_figures"),
        "contrast_figures",
        destination,
        "statmap",
        labels=names,
        stat="z",
        datatype="figures",
    )
