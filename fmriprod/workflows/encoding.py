"""Which layer of a network predicts which voxel."""

from collections.abc import Mapping, Sequence
from typing import Any

from nipype.interfaces.utility import IdentityInterface
from nipype.pipeline import engine as pe

from fmriprod.interfaces.encode import RidgeEncode
from fmriprod.interfaces.score_figures import ScoreFigures
from fmriprod.interfaces.significance import ScoreSignificance
from fmriprod.workflows.describe_nodes import Steps, phrase
from fmriprod.workflows.described_workflow import DescribedWorkflow
from fmriprod.workflows.responses import init_responses_wf
from fmriprod.workflows.stimulus_features import init_stimulus_features_wf

_STIMULI = {"images": "images", "frames": "frames", "labels": "label_files"}
_MADE = ["scores_file", "r2_map", "r_map", "summary_file"]
_INPUTS = [
    "features_file", "features_samples_file", *_STIMULI.values(), "responses_file",
    "samples_file", "bold_files", "confounds_files", "mask_file", "background_file",
]  # fmt: skip
_OUTPUTS = [
    "features_file", "features_samples_file", "responses_file", "samples_file", *_MADE,
    "model_file", "predictions_file", "significant_mask", "null_file", "significance_file",
    "figures", "figure_names",
]  # fmt: skip


def init_encoding_wf(
    *,
    stimuli: str = "features",
    responses: str = "matrix",
    stimulus_options: Mapping[str, Any] | None = None,
    response_options: Mapping[str, Any] | None = None,
    groups: str = "run",
    penalties: Sequence[float] = (),
    shared_penalty: bool = False,
    standardize: bool = False,
    criterion: str = "r2",
    n_permutations: int = 0,
    test_options: Mapping[str, Any] | None = None,
    q: float = 0.01,
    save_model: bool = True,
    save_predictions: bool = False,
    surface: bool = False,
    space: str | None = None,
    simulated: bool = False,
    backend: str = "numpy",
    mem_gb: float = 4.0,
    omp_nthreads: int = 1,
    name: str = "encoding_wf",
) -> pe.Workflow:
    """Build the workflow that predicts every voxel from every layer.

    Parameters
    ----------
    stimuli : {"features", "images", "frames", "labels"}
        Features that were made before, or what `init_stimulus_features_wf` makes them of.
    responses : {"matrix", "bold"}
        A matrix of samples x voxels with its table, or runs as `init_responses_wf` takes them.
    stimulus_options, response_options : mapping, optional
        Options of these two workflows.
    groups : str
        Column of the samples: what is left out together.
    penalties : sequence of float
        What to choose from; found from the features unless given.
    shared_penalty, standardize, criterion
        As `RidgeEncode` takes them.
    n_permutations : int
        Permutations for the significance of scores; 0: none. Many take long.
    test_options : mapping, optional
        Inputs of `ScoreSignificance`: responses to films, and to blocks of images, depend on
        their neighbours and need a ``block``.
    q : float
        False discovery rate over voxels.
    save_model : bool
        Keep the model, for `init_synthesis_wf`.
    save_predictions : bool
        Keep predictions of left-out samples.
    surface : bool
        Draw scores on fsaverage too; ``space`` must be an MNI space.
    space : str, optional
        Space of the images.
    simulated : bool
        The data are simulated: figures say so.
    backend : {"numpy", "torch"}
        What computes.
    mem_gb : float
        Memory to declare for the model, in GB.
    omp_nthreads : int
        Threads that one step may use.
    name : str
        Name of the workflow.

    Inputs
    ------
    features_file
        Features of each layer (HDF5), if ``stimuli`` is features
    features_samples_file
        Their samples (TSV), if ``stimuli`` is features
    images
        Image files, if it is images
    frames
        Films, one a run, if it is frames
    label_files
        Tables of pixels, one a run, if it is labels
    responses_file
        Samples x voxels (.npy), if ``responses`` is matrix
    samples_file
        Samples of the responses (TSV), if ``responses`` is matrix
    bold_files
        Series, one a run, if it is bold
    confounds_files
        Their tables of confounds, if they are asked for
    mask_file
        Voxels
    background_file
        Image to draw on, in the grid of the mask

    Outputs
    -------
    features_file
        Features of each layer (HDF5)
    features_samples_file
        Their samples (TSV)
    responses_file
        Samples x voxels (.npy)
    samples_file
        Their samples (TSV)
    scores_file
        Scores and penalties of each layer, fold and voxel (HDF5)
    r2_map
        Explained variance, a volume a layer
    r_map
        Correlation, a volume a layer
    model_file
        Mean of the folds' models (HDF5), if asked for
    predictions_file
        Left-out predictions (HDF5), if asked for
    summary_file
        Numbers of samples, folds, voxels, penalties (JSON)
    significant_mask
        Voxels that some layer predicts, if there are permutations
    null_file
        Largest scores of permuted data, if there are permutations
    significance_file
        Summary of that test (JSON), if there are permutations
    figures
        Scores of each layer, penalties, null (PNG)
    figure_names
        What each of them is

    Returns
    -------
    nipype.pipeline.engine.Workflow
    """
    workflow = DescribedWorkflow(name, _text, at="encode")
    inputnode = pe.Node(IdentityInterface(fields=_INPUTS), name="inputnode")
    outputnode = pe.Node(IdentityInterface(fields=_OUTPUTS), name="outputnode")
    ridge: dict[str, Any] = {
        "groups": groups, "shared_penalty": shared_penalty, "standardize": standardize,
        "criterion": criterion, "backend": backend,
    }  # fmt: skip
    if penalties:
        ridge["penalties"] = list(penalties)
    encode = pe.Node(
        RidgeEncode(save_model=save_model, save_predictions=save_predictions, **ridge),
        name="encode", mem_gb=mem_gb, n_procs=omp_nthreads,
    )  # fmt: skip
    figures = pe.Node(ScoreFigures(surface=surface, simulated=simulated), name="figures")
    if space:
        figures.inputs.space = space
    kept = _MADE + ["model_file"] * save_model + ["predictions_file"] * save_predictions
    workflow.connect([
        (inputnode, figures, [("mask_file", "mask_file"), ("background_file", "background_file")]),
        (encode, figures, [("scores_file", "scores_file")]),
        (encode, outputnode, [(field, field) for field in kept]),
    ])  # fmt: skip
    steps = [encode]
    if n_permutations:
        test = pe.Node(
            ScoreSignificance(
                n_permutations=n_permutations, q=q, simulated=simulated, **ridge,
                **(test_options or {}),
            ),
            name="significance", mem_gb=mem_gb, n_procs=omp_nthreads,
        )  # fmt: skip
        steps.append(test)
        _connect_test(workflow, test)
    workflow.connect([
        (figures, outputnode, [(f, f) for f in ("figures", "figure_names")]),
    ])  # fmt: skip
    _connect_features(workflow, stimuli, dict(stimulus_options or {}), omp_nthreads, steps)
    _connect_responses(workflow, responses, dict(response_options or {}), steps)
    return workflow


def _connect_test(workflow: pe.Workflow, test: pe.Node) -> None:
    """Let the scores be tested, and their figure show the null."""
    encode, figures, outputnode = map(workflow.get_node, ("encode", "figures", "outputnode"))
    workflow.connect([
        (encode, test, [("scores_file", "scores_file")]),
        (test, figures, [("null_file", "null_file")]),
        (test, outputnode, [("significant_mask", "significant_mask"), ("null_file", "null_file"),
                            ("summary_file", "significance_file")]),
    ])  # fmt: skip


def _connect_features(
    workflow: pe.Workflow,
    stimuli: str,
    options: dict[str, Any],
    omp_nthreads: int,
    steps: Sequence[pe.Node],
) -> None:
    """Bring features to the steps that need them: given, or made of the stimuli."""
    inputnode, outputnode = map(workflow.get_node, ("inputnode", "outputnode"))
    if stimuli == "features":
        source, names = inputnode, ("features_file", "features_samples_file")
    else:
        source = init_stimulus_features_wf(stimuli=stimuli, omp_nthreads=omp_nthreads, **options)
        field = _STIMULI[stimuli]
        workflow.connect([(inputnode, source, [(field, f"inputnode.{field}")])])
        names = ("outputnode.features_file", "outputnode.samples_file")
    fields = list(zip(names, ("features_file", "features_samples_file"), strict=True))
    _connect_each(workflow, source, (*steps, outputnode), fields)


def _connect_responses(
    workflow: pe.Workflow, responses: str, options: dict[str, Any], steps: Sequence[pe.Node]
) -> None:
    """Bring responses to the steps that need them: given, or taken from the runs."""
    inputnode, outputnode = map(workflow.get_node, ("inputnode", "outputnode"))
    fields = ["responses_file", "samples_file"]
    source, prefix = inputnode, ""
    if responses == "bold":
        source, prefix = init_responses_wf(**options), "outputnode."
        given = ["bold_files", "mask_file"] + ["confounds_files"] * bool(options.get("confounds"))
        workflow.connect([(inputnode, source, [(f, f"inputnode.{f}") for f in given])])
    pairs = [(f"{prefix}{field}", field) for field in fields]
    _connect_each(workflow, source, (*steps, outputnode), pairs)
    _connect_each(workflow, inputnode, steps, [("mask_file", "mask_file")])


def _connect_each(
    workflow: pe.Workflow, source: Any, steps: Sequence[pe.Node], fields: Sequence[tuple[str, str]]
) -> None:
    """Connect a source to several steps, each with a list of its own: Nipype empties them."""
    workflow.connect([(source, step, list(fields)) for step in steps])


def _text(steps: Steps) -> str:
    """Say in words how voxels were predicted."""
    step = steps["encode"]
    scaled = ", divided by their standard deviation in the training samples,"
    scaled = scaled if step.standardize else ""
    penalty, turns = "", f"each {step.groups} was left out in turn"
    if step.penalties and len(step.penalties) == 1:
        penalty = f" with a penalty of {step.penalties[0]:g}"
    else:
        own = "one penalty for all voxels" if step.shared_penalty else "a penalty for each voxel"
        turns += f", and {own}{_among(step.penalties)} was chosen by leaving out each other "
        turns += f"{step.groups} in turn"
    return (
        f"Responses of each voxel were predicted from the features of each layer{scaled} by ridge "
        f"regression{penalty} [@eickenberg2017]: {turns}. Scores are explained variance and "
        "correlation of the left-out responses, averaged over folds. "
    ) + (_test_text(steps) if "significance" in steps else "")


def _test_text(steps: Steps) -> str:
    """Say in words what the scores were compared with."""
    test = steps["significance"]
    blocks = f" of blocks of {test.block} samples" if test.block != 1 else ""
    schemes = {
        "across": f"permutations{blocks} of the responses",
        "within": f"permutations{blocks} of the responses within each {test.groups}",
        "shift": "shifts of the responses of each run in a circle",
    }
    number = f"{test.n_permutations:,} " if test.n_permutations else ""
    null = "each voxel had a null of its own"
    null = null if test.per_voxel else f"the null was pooled over {test.n_voxels} voxels"
    keeps = test.penalty == "chosen" or test.shared_penalty
    penalty = f", with {'the penalties of the data' if keeps else 'penalties chosen anew'}"
    penalty = "" if test.penalties and len(test.penalties) == 1 else penalty
    score = phrase({"r2": "explained variance", "r": "correlation"}, test.score)
    return (
        f"The largest {score} over layers was compared with that of "
        f"{number}{phrase(schemes, test.scheme)}{penalty}; {null} (false discovery rate over "
        f"voxels {test.q:g} [@fdr]). "
    )


def _among(penalties: Any) -> str:
    """Say how many penalties were tried, where they were given as a list."""
    if not isinstance(penalties, list) or not penalties:
        return ""
    return f" among {len(penalties)} from {min(penalties):g} to {max(penalties):g}"
