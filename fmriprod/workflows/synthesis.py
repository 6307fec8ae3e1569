"""Classical experiments on responses that a fitted model gives to new stimuli."""

from collections.abc import Sequence

from nipype.interfaces.utility import IdentityInterface, Merge
from nipype.pipeline import engine as pe

from fmriprod.algorithms.layer_reduction import MAX_FEATURES
from fmriprod.interfaces.contrast_recovery import ContrastRecovery
from fmriprod.interfaces.layer_features import LayerFeatures
from fmriprod.interfaces.response_contrast import ResponseContrast
from fmriprod.interfaces.retinotopy import Retinotopy
from fmriprod.interfaces.synthesize import SynthesizeResponses
from fmriprod.interfaces.wedge_stimuli import WedgeStimuli
from fmriprod.workflows.describe_nodes import Steps
from fmriprod.workflows.described_workflow import DescribedWorkflow

_INPUTS = ["images", "samples_file", "model_file", "mask_file", "truth_file", "background_file"]
_OUTPUTS = {
    "retinotopy": ["responses_file", "samples_file", "angle_file", "amplitude_file", "f_file",
                   "summary_file", "figures", "figure_names"],
    "contrast": ["responses_file", "samples_file", "t_files", "curves_file", "summary_file",
                 "figures", "figure_names"],
}  # fmt: skip


def init_synthesis_wf(
    *,
    experiment: str = "retinotopy",
    network: str = "small",
    size: Sequence[int] = (),
    max_features: int = MAX_FEATURES,
    n_images: int = 25,
    background: float = 0.5,
    seed: int = 0,
    sigma: float = 1.0,
    first: str = "face",
    second: str = "place",
    column: str = "condition",
    single_layer: str | None = None,
    truth_threshold: float = 3.0,
    compare: bool = False,
    simulated: bool = False,
    mem_gb: float = 3.0,
    omp_nthreads: int = 1,
    name: str = "synthesis_wf",
) -> pe.Workflow:
    """Build the workflow that repeats an experiment on synthesised responses.

    The stimuli go through the network that the model was fitted with, and the predictions
    of all layers are averaged.

    Parameters
    ----------
    experiment : {"retinotopy", "contrast"}
        Preferred angles by wedges cut from images, or the contrast of two kinds of images.
    network : str
        As `LayerFeatures` takes it; that of the model.
    size : sequence of int
        Pixels to which images are resized; that of the model.
    max_features : int
        Layers with more are smoothed and subsampled; as for the model.
    n_images : int
        Images from which wedges are cut.
    background : float
        Grey level around the wedges, 0 to 1; 0 for models of pixels.
    seed : int
        Seed of the draw of images.
    sigma : float
        Width in voxels of the Gaussian that smooths maps before the angle is taken.
    first, second : str
        Kinds of images.
    column : str
        Column of the samples that holds them.
    single_layer : str, optional
        Layer whose contrast by itself is judged beside the mean of all.
    truth_threshold : float
        Voxels of the true contrast have t of at least this, or at most minus this.
    compare : bool
        Compare angles with those of ``truth_file``.
    simulated : bool
        The data are simulated: figures say so.
    mem_gb : float
        Memory to declare, in GB.
    omp_nthreads : int
        Threads that one step may use.
    name : str
        Name of the workflow.

    Inputs
    ------
    images
        Image files: to cut wedges from, or of the two kinds
    samples_file
        Kind of each image (TSV: stimulus, condition, or as ``column`` says), for a contrast
    model_file
        Fitted models (HDF5), from `init_encoding_wf`
    mask_file
        Their voxels
    truth_file
        Map of angles in rad, or of t of the contrast
    background_file
        Image to draw on

    Outputs
    -------
    responses_file
        Synthesised responses (.npy)
    samples_file
        Their stimuli (TSV)
    angle_file
        Preferred angle in rad, of a retinotopy
    amplitude_file
        Height of the response to it
    f_file
        F of cosine and sine
    t_files
        Contrast of the mean of layers, and of the single one
    curves_file
        Precision and recall (TSV), of a contrast
    summary_file
        Agreement with the truth
    figures
        Maps, and curves of a contrast (PNG)
    figure_names
        What each of them is

    Returns
    -------
    nipype.pipeline.engine.Workflow
    """
    workflow = DescribedWorkflow(name, _text)
    inputnode = pe.Node(IdentityInterface(fields=_INPUTS), name="inputnode")
    fields = sorted({field for fields in _OUTPUTS.values() for field in fields})
    outputnode = pe.Node(IdentityInterface(fields=fields), name="outputnode")
    features = pe.Node(
        LayerFeatures(network=network, max_features=max_features),
        name="features", mem_gb=mem_gb, n_procs=omp_nthreads,
    )  # fmt: skip
    if size:
        features.inputs.size = list(size)
    synthesize = pe.Node(
        SynthesizeResponses(), name="synthesize", mem_gb=mem_gb, n_procs=omp_nthreads
    )
    workflow.connect([
        (inputnode, synthesize, [("model_file", "model_file"), ("mask_file", "mask_file")]),
        (features, synthesize, [("features_file", "features_file"),
                                ("samples_file", "features_samples_file")]),
        (synthesize, outputnode, [("responses_file", "responses_file"),
                                  ("samples_file", "samples_file")]),
    ])  # fmt: skip
    if experiment == "retinotopy":
        wedges = WedgeStimuli(n_images=n_images, background=background, seed=seed)
        angles = Retinotopy(sigma=sigma, simulated=simulated)
        _connect_retinotopy(workflow, wedges, angles, compare)
    else:
        recovery = ContrastRecovery(
            first=first, second=second, truth_threshold=truth_threshold, simulated=simulated
        )
        _connect_contrast(workflow, recovery, column, single_layer, mem_gb)
    return workflow


def _connect_retinotopy(
    workflow: pe.Workflow, wedges: WedgeStimuli, angles: Retinotopy, compare: bool
) -> None:
    """Cut wedges from the images, and find the angle that each voxel prefers."""
    nodes = ("inputnode", "features", "synthesize", "outputnode")
    inputnode, features, synthesize, outputnode = map(workflow.get_node, nodes)
    cut = pe.Node(wedges, name="wedges")
    fit = pe.Node(angles, name="retinotopy")
    figures, names = pe.Node(Merge(1), name="figures"), pe.Node(Merge(1), name="figure_names")
    names.inputs.in1 = ["retinotopy"]
    given = ["mask_file", "background_file"] + ["truth_file"] * compare
    made = [
        field for field in _OUTPUTS["retinotopy"] if field in fit.outputs.copyable_trait_names()
    ]
    workflow.connect([
        (inputnode, cut, [("images", "in_files")]),
        (cut, features, [("stimuli_files", "images")]),
        (cut, synthesize, [("samples_file", "samples_file")]),
        (synthesize, fit, [(f, f) for f in ("responses_file", "samples_file")]),
        (inputnode, fit, [(field, field) for field in given]),
        (fit, outputnode, [(field, field) for field in made]),
        (fit, figures, [("out_figure", "in1")]),
        (figures, outputnode, [("out", "figures")]),
        (names, outputnode, [("out", "figure_names")]),
    ])  # fmt: skip


def _connect_contrast(
    workflow: pe.Workflow,
    judge: ContrastRecovery,
    column: str,
    single_layer: str | None,
    mem_gb: float,
) -> None:
    """Contrast two kinds of images, by the mean of layers and by one, and judge the maps."""
    nodes = ("inputnode", "features", "synthesize", "outputnode")
    inputnode, features, synthesize, outputnode = map(workflow.get_node, nodes)
    recovery = pe.Node(judge, name="recovery")
    recovery.inputs.names = ["mean of layers"] + ([single_layer] if single_layer else [])
    kinds = {"column": column, "first": judge.inputs.first, "second": judge.inputs.second}
    ways = {"contrast": synthesize}
    if single_layer:
        one = pe.Node(SynthesizeResponses(layers=[single_layer]), name="single", mem_gb=mem_gb)
        ways["single_contrast"] = one
        workflow.connect([
            (inputnode, one, [("model_file", "model_file"), ("mask_file", "mask_file"),
                              ("samples_file", "samples_file")]),
            (features, one, [("features_file", "features_file"),
                             ("samples_file", "features_samples_file")]),
        ])  # fmt: skip
    maps = pe.Node(Merge(len(ways)), name="maps")
    for number, (name, source) in enumerate(ways.items(), 1):
        contrast = pe.Node(ResponseContrast(**kinds), name=name)
        workflow.connect([
            (source, contrast, [(f, f) for f in ("responses_file", "samples_file")]),
            (inputnode, contrast, [("mask_file", "mask_file")]),
            (contrast, maps, [("t_file", f"in{number}")]),
        ])  # fmt: skip
    figures, names = pe.Node(Merge(2), name="figures"), pe.Node(Merge(2), name="figure_names")
    names.inputs.in1, names.inputs.in2 = ["precision_recall"], ["contrast_maps"]
    given = ("truth_file", "mask_file", "background_file")
    workflow.connect([
        (inputnode, features, [("images", "images")]),
        (inputnode, synthesize, [("samples_file", "samples_file")]),
        (inputnode, recovery, [(field, field) for field in given]),
        (maps, recovery, [("out", "in_files")]),
        (maps, outputnode, [("out", "t_files")]),
        (recovery, outputnode, [(f, f) for f in ("curves_file", "summary_file")]),
        (recovery, figures, [("curve_figure", "in1"), ("map_figure", "in2")]),
        (figures, outputnode, [("out", "figures")]),
        (names, outputnode, [("out", "figure_names")]),
    ])  # fmt: skip


def _text(steps: Steps) -> str:
    """Say in words what was synthesised."""
    text = (
        "Responses to new stimuli were synthesised as the mean over layers of the fitted models' "
        "predictions [@eickenberg2017]"
    )
    if "wedges" in steps:
        cut = steps["wedges"]
        return text + (
            f": to wedges of {cut.wedge_width:g} degrees in steps of {cut.wedge_step:g}, cut from "
            f"{cut.n_images} images, and the angle that each voxel prefers was found from cosine "
            "and sine of the wedge's angle. "
        )
    one = f", and by {', '.join(steps['single'].layers)} alone" if "single" in steps else ""
    judged = steps["recovery"]
    return text + (
        f", and contrasted between images of {judged.first} and {judged.second}{one}; precision "
        "and recall are those of the voxels of the measured contrast. "
    )
