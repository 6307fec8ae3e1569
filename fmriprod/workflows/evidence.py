"""How much evidence the samples of a region hold for each object."""

from nipype.interfaces.utility import IdentityInterface
from nipype.pipeline import engine as pe

from fmriprod.interfaces.evidence import ObjectEvidence
from fmriprod.workflows.describe_nodes import Settings, Steps, phrase
from fmriprod.workflows.described_workflow import DescribedWorkflow

CLASSIFIER_TEXT = {
    "logistic_ovr": "one-versus-rest L2-regularised logistic regression, as defined "
    "by LIBLINEAR [@liblinear]",
    "logistic": "multinomial L2-regularised logistic regression",
}
_STANDARDIZE_TEXT = {
    "split": "voxels standardised over training and over test samples separately",
    "train": "voxels standardised with the mean and deviation of the training samples",
    "run": "voxels standardised over each run",
    "none": "voxels as they are",
}


def init_evidence_wf(
    *,
    train: str | None = None,
    test: str | None = None,
    folds: str | None = "run",
    classifier: str = "logistic_ovr",
    n_permutations: int = 1000,
    n_bootstrap: int = 1000,
    seed: int = 0,
    omp_nthreads: int = 1,
    name: str = "evidence_wf",
) -> pe.Workflow:
    """Build the workflow that decodes which object was seen or drawn.

    Parameters
    ----------
    train, test : str, optional
        Queries over the sample table (``"task == 'recognition'"``), given together.
    folds : str, optional
        Column whose values are left out one at a time; not used when ``train`` is given.
    classifier : str
        As `ObjectEvidence` takes it.
    n_permutations, n_bootstrap : int
        Permutations of the labels, and resamples of the trials.
    seed : int
        Seed of both.
    omp_nthreads : int
        Threads that one step may use.
    name : str
        Name of the workflow.

    Inputs
    ------
    features_files
        Samples x voxels of each run (NPY)
    samples_files
        Their sample tables (TSV)
    voxels_files
        Their voxel tables (TSV)

    Outputs
    -------
    evidence_file
        One row for each test sample with the log-probability of every label (TSV)
    summary_file
        Accuracy with interval and permutation p, confusion matrix (JSON)
    figures
        Confusion matrix, evidence over the volumes of a trial, permutation null (PNG)
    figure_names
        What each of them is

    Returns
    -------
    nipype.pipeline.engine.Workflow
    """
    folds = None if train else folds
    workflow = DescribedWorkflow(name, _text)
    inputs = ["features_files", "samples_files", "voxels_files"]
    outputs = ["evidence_file", "summary_file", "figures", "figure_names"]
    inputnode = pe.Node(IdentityInterface(fields=inputs), name="inputnode")
    outputnode = pe.Node(IdentityInterface(fields=outputs), name="outputnode")
    options = {"train": train, "test": test, "folds": folds}
    evidence = pe.Node(
        ObjectEvidence(
            classifier=classifier,
            n_permutations=n_permutations,
            n_bootstrap=n_bootstrap,
            seed=seed,
            **{key: value for key, value in options.items() if value is not None},
        ),
        name="evidence",  # one thread: the matrices are small, two take longer
        mem_gb=1,
    )
    workflow.connect([
        (inputnode, evidence, [(field, field) for field in inputs]),
        (evidence, outputnode, [(field, field) for field in outputs]),
    ])  # fmt: skip
    return workflow


def _text(steps: Steps) -> str:
    step = steps["evidence"]
    split = (
        f"leaving out one {step.folds} at a time"
        if step.folds
        else f"training on samples with `{step.train}` and testing on samples with `{step.test}`"
    )
    null = step.n_permutations
    best = f"of the {step.n_voxels} voxels with the largest F over labels in the training samples, "
    return (
        f"Object evidence is the log-probability of each label by {classifier_words(step)}, "
        f"{best if step.n_voxels else ''}{split}"
        f"{f'; {null:,} permutations of the labels gave the null' if null else ''}. "
    )


def classifier_words(step: Settings) -> str:
    """Name the classifier of a step, its penalty, and how voxels were standardised for it."""
    return (
        f"{phrase(CLASSIFIER_TEXT, step.classifier)} (C = {step.C:g}; "
        f"{phrase(_STANDARDIZE_TEXT, step.standardize)})"
    )
