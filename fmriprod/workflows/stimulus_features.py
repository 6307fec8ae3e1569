"""Features of what was shown."""

from collections.abc import Sequence

from nipype.interfaces.utility import IdentityInterface
from nipype.pipeline import engine as pe

from fmriprod.algorithms.layer_reduction import MAX_FEATURES
from fmriprod.interfaces.label_stimuli import LabelStimuli
from fmriprod.interfaces.layer_features import LayerFeatures
from fmriprod.workflows.describe_nodes import Steps
from fmriprod.workflows.described_workflow import DescribedWorkflow


def init_stimulus_features_wf(
    *,
    stimuli: str = "images",
    network: str = "small",
    layers: Sequence[str] = (),
    size: Sequence[int] = (),
    max_features: int = MAX_FEATURES,
    reduce: bool = True,
    log: bool | None = None,
    weights: str | None = None,
    tr: float | None = None,
    frame_rate: float | None = None,
    lags: Sequence[float] = (4.0, 6.0, 8.0),
    runs: Sequence[str] = (),
    shift: int = 0,
    mem_gb: float = 2.0,
    omp_nthreads: int = 1,
    name: str = "stimulus_features_wf",
) -> pe.Workflow:
    """Build the workflow that describes stimuli by the layers of a network.

    Parameters
    ----------
    stimuli : {"images", "frames", "labels"}
        Images; films, one a run; or tables of pixels, one a run.
    network : str
        As `LayerFeatures` takes it: ``small``, ``gabor``, ``pixels``, ``torchvision:NAME``, ...
    layers : sequence of str
        Layers; every one unless given.
    size : sequence of int
        Pixels to which images are resized.
    max_features : int
        Layers with more are smoothed and subsampled.
    reduce : bool
        Whether they are; without it every unit is kept, as for `LayerRDM`.
    log : bool, optional
        Take sign(x) log(1 + abs(x)); yes unless given, for pixels no.
    weights : str, optional
        File of the network's weights, such as those of `NetworkTraining`; those in the user's
        cache unless given.
    tr : float, optional
        Repetition time in s; needed for films.
    frame_rate : float, optional
        Frames per second, for folders and stacks of frames.
    lags : sequence of float
        Lags of films in s.
    runs : sequence of str
        Labels of the runs of films and tables; 1, 2, ... unless given.
    shift : int
        Volumes between an image of a table and its response.
    mem_gb : float
        Memory to declare, in GB.
    omp_nthreads : int
        Threads that the step may use.
    name : str
        Name of the workflow.

    Inputs
    ------
    images
        Image files, if ``stimuli`` is images
    frames
        Films, one a run, if it is frames
    label_files
        Tables of pixels, one a run, if it is labels

    Outputs
    -------
    features_file
        Features of each layer (HDF5)
    samples_file
        What each row is (TSV)

    Returns
    -------
    nipype.pipeline.engine.Workflow
    """
    workflow = DescribedWorkflow(name, _text)
    field = {"images": "images", "frames": "frames", "labels": "label_files"}[stimuli]
    inputs = ["images", "frames", "label_files"]
    inputnode = pe.Node(IdentityInterface(fields=inputs), name="inputnode")
    outputs = ["features_file", "samples_file"]
    outputnode = pe.Node(IdentityInterface(fields=outputs), name="outputnode")
    if stimuli == "labels":
        interface = LabelStimuli(shift=shift)
        given = {"tr": tr, "runs": runs}
    else:
        interface = LayerFeatures(network=network, max_features=max_features, reduce=reduce)
        if log is not None:
            interface.inputs.log = log
        if weights is not None:
            interface.inputs.weights = weights
        film = stimuli == "frames"
        given = {"layers": layers, "size": size}
        if film:
            given |= {"tr": tr, "frame_rate": frame_rate, "lags": lags, "run_labels": runs}
    for trait, value in given.items():
        if isinstance(value, (int, float)):
            setattr(interface.inputs, trait, float(value))
        elif value:
            setattr(interface.inputs, trait, list(value))
    features = pe.Node(interface, name="features", mem_gb=mem_gb, n_procs=omp_nthreads)
    workflow.connect([
        (inputnode, features, [(field, field)]),
        (features, outputnode, [(out, out) for out in outputs]),
    ])  # fmt: skip
    return workflow


def _text(steps: Steps) -> str:
    """Say in words what features were made."""
    step = steps["features"]
    if isinstance(steps.workflow.get_node("features").interface, LabelStimuli):
        return "Stimuli were described by their pixels. "
    known = {
        "pixels": "Stimuli were described by the luminance of their pixels",
        "gabor": "Stimuli were described by a pyramid of Gabor energies [@kay2008]",
    }
    what = known.get(step.network)
    if what is None:
        how = ["smoothed and subsampled"] * bool(step.reduce)
        how += ["log-transformed"] * (step.log is not False)
        changed = f", {' and '.join(how)} [@eickenberg2017]," if how else ""
        what = (
            f"Stimuli were shown to a network ({step.network}), and the activations of each layer"
            f"{changed} were their features"
        )
    if step.lags:
        times = ", ".join(f"{lag:g}" for lag in step.lags)
        what += f"; of films the mean over each volume was taken, {times} s before it"
    return what + ". "
