"""Which pixels each voxel answers to."""

from collections.abc import Sequence

from nipype.interfaces.utility import IdentityInterface
from nipype.pipeline import engine as pe

from fmriprod.interfaces.receptive_field import ReceptiveField
from fmriprod.workflows.describe_nodes import Steps
from fmriprod.workflows.described_workflow import DescribedWorkflow


def init_receptive_field_wf(
    *,
    max_iter: int = 10,
    standardize: str = "all",
    groups: str | None = None,
    n_folds: int = 5,
    stimulus_shape: Sequence[int] = (),
    n_drawn: int = 12,
    simulated: bool = False,
    mem_gb: float = 2.0,
    omp_nthreads: int = 1,
    name: str = "receptive_field_wf",
) -> pe.Workflow:
    """Build the workflow that finds the sparse receptive field of every voxel.

    Parameters
    ----------
    max_iter : int
        Steps of the lasso path, and so the most pixels of a field.
    standardize : str
        As `ReceptiveField` takes it.
    groups : str, optional
        Column of the samples that is left out in turn; by default folds of neighbours.
    n_folds : int
        Number of these.
    stimulus_shape : sequence of int
        Height and width of the images; without it no fields are drawn.
    n_drawn : int
        Fields to draw, of the best predicted voxels.
    simulated : bool
        The data are simulated: the figure says so.
    mem_gb : float
        Memory to declare, in GB.
    omp_nthreads : int
        Threads that the step may use.
    name : str
        Name of the workflow.

    Inputs
    ------
    features_file
        Pixels (HDF5, one layer)
    features_samples_file
        Their samples (TSV), where rows are not those of the responses
    responses_file
        Samples x voxels (.npy)
    samples_file
        Their samples (TSV)
    mask_file
        Their voxels

    Outputs
    -------
    fields_file
        Voxels x pixels (.npy)
    voxels_file
        Penalty, intercept, score, size of each field (TSV)
    scaling_file
        Mean and scale of each pixel (TSV)
    r2_map
        Explained variance
    penalty_map
        Penalties
    size_map
        Number of pixels of each field
    summary_file
        Counts (JSON)
    figure
        Fields of the best voxels (PNG), if the shape is given

    Returns
    -------
    nipype.pipeline.engine.Workflow
    """
    workflow = DescribedWorkflow(name, _text)
    inputs = [
        "features_file", "features_samples_file", "responses_file", "samples_file", "mask_file",
    ]  # fmt: skip
    inputnode = pe.Node(IdentityInterface(fields=inputs), name="inputnode")
    outputs = ["fields_file", "voxels_file", "scaling_file", "r2_map", "penalty_map", "size_map",
               "summary_file", "figure"]  # fmt: skip
    outputnode = pe.Node(IdentityInterface(fields=outputs), name="outputnode")
    interface = ReceptiveField(
        max_iter=max_iter, standardize=standardize, n_folds=n_folds, n_drawn=n_drawn,
        simulated=simulated,
    )  # fmt: skip
    if groups:
        interface.inputs.groups = groups
    made = outputs if stimulus_shape else outputs[:-1]
    if stimulus_shape:
        interface.inputs.stimulus_shape = list(stimulus_shape)
    field = pe.Node(interface, name="receptive_field", mem_gb=mem_gb, n_procs=omp_nthreads)
    workflow.connect([
        (inputnode, field, [(name, name) for name in inputs]),
        (field, outputnode, [(name, name) for name in made]),
    ])  # fmt: skip
    return workflow


def _text(steps: Steps) -> str:
    step = steps["receptive_field"]
    turns = (
        f"leaving out each {step.groups} in turn"
        if step.groups
        else f"{step.n_folds}-fold cross-validation"
    )
    return (
        "The receptive field of each voxel was estimated by the lasso, along paths of at most "
        f"{step.max_iter} steps of least-angle regression [@lars], with the penalty chosen by "
        f"{turns}. "
    )
