"""What was seen, from responses that no decoder was fitted to."""

from nipype.interfaces.utility import IdentityInterface
from nipype.pipeline import engine as pe

from fmriprod.interfaces.image_reconstruction import ImageReconstruction
from fmriprod.interfaces.noise_ceiling import NoiseCeiling
from fmriprod.workflows.describe_nodes import Steps
from fmriprod.workflows.described_workflow import DescribedWorkflow
from fmriprod.workflows.responses import init_responses_wf
from fmriprod.workflows.stimulus_features import init_stimulus_features_wf


def init_reconstruction_wf(
    *,
    shift: int = 0,
    shape: tuple[int, int] = (10, 10),
    simulated: bool = False,
    mem_gb: float = 2.0,
    omp_nthreads: int = 1,
    name: str = "reconstruction_wf",
) -> pe.Workflow:
    """Build the workflow that reconstructs images from runs in which they were seen.

    Parameters
    ----------
    shift : int
        Volumes between an image and its response.
    shape : (int, int)
        Height and width of the images in pixels.
    simulated : bool
        The data are simulated: the figure says so.
    mem_gb : float
        Memory to declare, in GB.
    omp_nthreads : int
        Threads that a step may use.
    name : str
        Name of the workflow.

    Inputs
    ------
    train_responses_file
        Responses that decoders are fitted to (.npy), from `init_encoding_wf`
    train_features_file
        Pixels that were shown then (HDF5)
    bold_files
        Series of the runs to reconstruct from
    label_files
        Pixels that were shown then, one table a run
    mask_file
        Voxels

    Outputs
    -------
    reconstruction_file
        Reconstructed images (.npy)
    summary_file
        Share of pixels that are right (JSON)
    ceiling_summary_file
        What repeated images have in common (JSON)
    figure
        Images and reconstructions (PNG)

    Returns
    -------
    nipype.pipeline.engine.Workflow
    """
    workflow = DescribedWorkflow(name, _text)
    inputs = ["train_responses_file", "train_features_file", "bold_files", "label_files",
              "mask_file"]  # fmt: skip
    outputs = ["reconstruction_file", "summary_file", "ceiling_summary_file", "figure"]
    inputnode = pe.Node(IdentityInterface(fields=inputs), name="inputnode")
    outputnode = pe.Node(IdentityInterface(fields=outputs), name="outputnode")
    shown = init_stimulus_features_wf(stimuli="labels", shift=shift, name="shown_wf")
    seen = init_responses_wf(shift=shift, name="seen_wf")
    title = "Images from responses" + " – simulated data" * simulated
    decode = pe.Node(
        ImageReconstruction(shape=shape, title=title), name="decode", mem_gb=mem_gb,
        n_procs=omp_nthreads,
    )  # fmt: skip
    ceiling = pe.Node(NoiseCeiling(), name="ceiling", mem_gb=mem_gb)
    workflow.connect([
        (inputnode, shown, [("label_files", "inputnode.label_files")]),
        (inputnode, seen, [("bold_files", "inputnode.bold_files"),
                           ("mask_file", "inputnode.mask_file")]),
        (inputnode, decode, [("train_responses_file", "train_responses_file"),
                             ("train_features_file", "train_stimuli_file")]),
        (seen, decode, [("outputnode.responses_file", "test_responses_file")]),
        (shown, decode, [("outputnode.features_file", "test_stimuli_file")]),
        (inputnode, ceiling, [("mask_file", "mask_file")]),
        (seen, ceiling, [("outputnode.responses_file", "responses_file")]),
        (shown, ceiling, [("outputnode.samples_file", "samples_file")]),
        (decode, outputnode, [(field, field) for field in
                              ("reconstruction_file", "summary_file", "figure")]),
        (ceiling, outputnode, [("summary_file", "ceiling_summary_file")]),
    ])  # fmt: skip
    return workflow


def _text(steps: Steps) -> str:
    height, width = steps["decode"].shape
    return (
        f"Images of {height} x {width} pixels were reconstructed by sparse decoders of image "
        "patches at four scales, fitted to responses to other images [@miyawaki2008]. "
    )
