"""Samples x voxels matrix of one run."""

from nipype.interfaces.utility import IdentityInterface
from nipype.pipeline import engine as pe

from fmriprod.interfaces.featurize import Featurize
from fmriprod.interfaces.temporal_filter import TemporalFilter
from fmriprod.workflows import resources
from fmriprod.workflows.describe_nodes import Steps, phrase
from fmriprod.workflows.described_workflow import DescribedWorkflow


def init_features_wf(
    *,
    subject: str = "n/a",
    task: str = "n/a",
    run_label: str = "1",
    tr: float | None = None,
    high_pass: float = 100.0,
    drift: str = "cosine",
    mode: str = "events",
    shift: float = 4.5,
    window: int = 1,
    past_end: str = "error",
    bold_gb: float = 0.5,
    omp_nthreads: int = 1,
    name: str = "features_wf",
) -> pe.Workflow:
    """Build the workflow that turns a run into samples of the voxels of a region.

    Parameters
    ----------
    subject, task, run_label : str
        Labels that the rows of the sample table get.
    tr : float, optional
        Repetition time in s; that of the header by default.
    high_pass : float
        Cut-off period in s of the filter that takes drifts out.
    drift : {"cosine", "running_line", "linear"}
        Kind of that filter, as `TemporalFilter` takes it.
    mode : {"events", "volumes"}
        A window of volumes after each event, or every volume while a condition is on.
    shift : float
        Lag of the response behind the events in s.
    window : int
        Volumes after each event, in mode ``events``.
    past_end : {"error", "drop"}
        An event whose window goes past the end of the run is an error, or left out.
    bold_gb : float
        Size of the series in memory in GB (`image_gb`); the steps declare memory by it.
    omp_nthreads : int
        Threads that one step may use; both steps use one.
    name : str
        Name of the workflow.

    Inputs
    ------
    bold_file
        Series aligned with the reference
    brain_mask
        Voxels to filter
    region_file
        Mask of the region whose voxels become columns
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
    inputs = ["bold_file", "brain_mask", "region_file", "events_file"]
    outputs = ["features_file", "samples_file", "voxels_file"]
    inputnode = pe.Node(IdentityInterface(fields=inputs), name="inputnode")
    outputnode = pe.Node(IdentityInterface(fields=outputs), name="outputnode")
    temporal_filter = pe.Node(
        TemporalFilter(high_pass=high_pass, method=drift, compress=False),
        name="filter",
        mem_gb=resources.needed_gb(resources.FILTER, bold_gb),
    )
    featurize = pe.Node(
        Featurize(
            subject=subject,
            task=task,
            run_label=run_label,
            mode=mode,
            shift=shift,
            window=window,
            past_end=past_end,
        ),
        name="featurize",
        mem_gb=resources.needed_gb(resources.FEATURIZE, bold_gb),
    )
    if tr is not None:
        temporal_filter.inputs.tr = tr
        featurize.inputs.tr = tr
    workflow.connect([
        (inputnode, temporal_filter, [("bold_file", "in_file"), ("brain_mask", "mask_file")]),
        (temporal_filter, featurize, [("out_file", "in_file")]),
        (inputnode, featurize, [("region_file", "mask_file"), ("events_file", "events_file")]),
        (featurize, outputnode, [(field, field) for field in outputs]),
    ])  # fmt: skip
    return workflow


def _text(steps: Steps) -> str:
    kept, drift = steps["featurize"], steps["filter"]
    volumes = "the volume" if kept.window == 1 else f"{kept.window} volumes"
    was = "was taken as a sample" if kept.window == 1 else "were taken as samples"
    samples = {
        "events": f"{volumes} from {kept.shift:g} s after each onset on {was}",
        "volumes": f"all volumes during the events, shifted by {kept.shift:g} s, were taken as "
        "samples",
    }
    filters = {
        "linear": "a straight line was",
        "cosine": f"cosine drifts (cut-off {drift.high_pass:g} s) were",
        "running_line": f"a running line (cut-off {drift.high_pass:g} s) was",
    }
    return (
        f"For decoding, {phrase(filters, drift.method)} removed from the unsmoothed series of each "
        f"voxel, and {phrase(samples, kept.mode)}. "
    )
