"""Patterns of one run in the analysis grid: filter, bring into the grid, take samples."""

from nipype.interfaces.utility import IdentityInterface
from nipype.pipeline import engine as pe

from fmriprod.interfaces.grid_featurize import FeaturizeInGrid
from fmriprod.interfaces.temporal_filter import TemporalFilter
from fmriprod.workflows import resources
from fmriprod.workflows.describe_nodes import Steps, phrase
from fmriprod.workflows.described_workflow import DescribedWorkflow
from fmriprod.workflows.parts import FEATURES

_FILTER_TEXT = {
    "running_line": "a running line (Gaussian-weighted, as FSL's high-pass filter) with a "
    "cut-off of {high_pass:g} s",
    "cosine": "cosine drifts with a cut-off of {high_pass:g} s",
    "linear": "a straight line",
}


def init_patterns_wf(
    *,
    subject: str = "n/a",
    task: str = "n/a",
    run_label: str = "1",
    labels: tuple[str, ...] = (),
    tr: float | None = None,
    high_pass: float = 100.0,
    drift: str = "running_line",
    voxel_size: float | None = 2.0,
    shift: float = 4.5,
    shift_volumes: int | None = None,
    window: int = 1,
    past_end: str = "error",
    bold_gb: float = 0.5,
    omp_nthreads: int = 1,
    name: str = "patterns_wf",
) -> pe.Workflow:
    """Build the workflow that takes the patterns of a run in another grid, all voxels of a mask.

    Parameters
    ----------
    subject, task, run_label : str
        Labels that the rows of the sample table get.
    labels : tuple of str
        Trial types that become samples; all by default.
    tr : float, optional
        Repetition time in s; that of the header by default.
    high_pass : float
        Cut-off period in s of the filter that takes drifts out.
    drift : {"running_line", "cosine", "linear"}
        Kind of that filter, as `TemporalFilter` takes it.
    voxel_size : float, optional
        Voxels of the grid in mm; the grid of ``grid_file`` as it is without.
    shift : float
        Lag of the response behind the events in s.
    shift_volumes : int, optional
        Lag in whole volumes instead.
    window : int
        Volumes after each event.
    past_end : {"error", "drop"}
        An event whose window goes past the end of the run is an error, or left out.
    bold_gb : float
        Size of the series in memory in GB (`image_gb`).
    omp_nthreads : int
        Threads that one step may use; both steps use one.
    name : str
        Name of the workflow.

    Inputs
    ------
    bold_file
        Series, aligned with the reference and smoothed
    brain_mask
        Voxels to filter, on its grid
    grid_file
        Image that sets the field of view of the grid
    transform_files
        Transforms from the grid to the series (ITK text)
    mask_file
        Voxels to take, on the grid
    events_file
        Events of the run (BIDS TSV)

    Outputs
    -------
    features_file
        Samples x voxels, float32 (NPY)
    samples_file
        One row for each sample (TSV)
    voxels_file
        One row for each voxel: index and world coordinates in mm (TSV)

    Returns
    -------
    nipype.pipeline.engine.Workflow
    """
    workflow = DescribedWorkflow(name, _text, each="run")
    inputs = ["bold_file", "brain_mask", "grid_file", "transform_files", "mask_file"]
    inputnode = pe.Node(IdentityInterface(fields=[*inputs, "events_file"]), name="inputnode")
    outputnode = pe.Node(IdentityInterface(fields=list(FEATURES)), name="outputnode")
    temporal_filter = pe.Node(
        TemporalFilter(high_pass=high_pass, method=drift, compress=False),
        name="filter",
        mem_gb=resources.needed_gb(resources.FILTER, bold_gb),
    )
    featurize = pe.Node(
        FeaturizeInGrid(
            subject=subject, task=task, run_label=run_label, mode="events", shift=shift,
            window=window, past_end=past_end,
        ),
        name="featurize",
        mem_gb=1.5,
    )  # fmt: skip
    if voxel_size is not None:
        featurize.inputs.voxel_size = voxel_size
    if shift_volumes is not None:
        featurize.inputs.shift_volumes = shift_volumes
    if labels:
        featurize.inputs.labels = list(labels)
    if tr is not None:
        temporal_filter.inputs.tr = tr
        featurize.inputs.tr = tr
    workflow.connect([
        (inputnode, temporal_filter, [("bold_file", "in_file"), ("brain_mask", "mask_file")]),
        (temporal_filter, featurize, [("out_file", "in_file")]),
        (inputnode, featurize, [("grid_file", "reference_file"), ("mask_file", "mask_file"),
                                ("transform_files", "transform_files"),
                                ("events_file", "events_file")]),
        (featurize, outputnode, [(field, field) for field in FEATURES]),
    ])  # fmt: skip
    return workflow


def _text(steps: Steps) -> str:
    drift, kept = steps["filter"], steps["featurize"]
    filters = {k: text.format(high_pass=drift.high_pass) for k, text in _FILTER_TEXT.items()}
    filtered = phrase(filters, drift.method)
    later = kept.shift_volumes
    lag = f"{later} volumes" if later is not None else f"{kept.shift:g} s"
    grid = "the grid of the T1-weighted image"
    grid = f"voxels of {kept.voxel_size:g} mm" if kept.voxel_size else grid
    taken = "1 volume of each trial, from {} after its onset on, was taken as pattern"
    if kept.window != 1:
        taken = f"{kept.window} volumes of each trial, from {{}} after its onset on, were taken as "
        taken += "patterns"
    return (
        f"From each series of task {kept.task} {filtered} was removed; it was brought to {grid} in "
        f"the space of the T1-weighted image with one cubic-spline interpolation, and "
        f"{taken.format(lag)}. "
    )
