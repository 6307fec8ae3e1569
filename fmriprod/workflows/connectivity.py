"""What the connectivity between regions says about the object that is drawn."""

from nipype.interfaces.utility import IdentityInterface
from nipype.pipeline import engine as pe

from fmriprod.interfaces.connectivity_evidence import ConnectivityEvidence
from fmriprod.workflows.describe_nodes import Steps, phrase
from fmriprod.workflows.described_workflow import DescribedWorkflow
from fmriprod.workflows.evidence import CLASSIFIER_TEXT

_FEATURES_TEXT = {
    "connectivity": "the Pearson correlations, over the volumes of a trial, between every voxel "
    "of one region and every voxel of the other",
    "stack": "the activity of both regions in all volumes of the trial",
}
_SCHEME_TEXT = {
    "phase": "the other run of the same half of the task",
    "allruns": "all other runs",
}
_STANDARDIZE_TEXT = {
    "split": "standardised over training and over test trials separately",
    "train": "standardised with the mean and deviation of the training trials",
    "center": "less the mean of the training trials",
    "none": "as they are",
}


def init_connectivity_wf(
    *,
    pairs: list[tuple[str, str]] | None = None,
    features: tuple[str, ...] = ("connectivity", "stack"),
    schemes: tuple[str, ...] = ("phase", "allruns"),
    first_half: list[str] | None = None,
    standardize: str = "split",
    classifier: str = "logistic_ovr",
    C: float = 1.0,
    missing: str = "error",
    omp_nthreads: int = 1,
    name: str = "connectivity_wf",
) -> pe.Workflow:
    """Build the workflow that weighs two objects in the connectivity of pairs of regions.

    Parameters
    ----------
    pairs : list of (str, str), optional
        Names of regions 1 and 2 of each pair; all pairs by default.
    features : tuple of str
        ``connectivity``: trial-wise correlations; ``stack``: the control for what the regions'
        activity itself tells.
    schemes : tuple of str
        ``phase``: train on the other runs of the same half; ``allruns``: on all other runs.
    first_half : list of str, optional
        Runs of the first half; the first half of an even number by default.
    standardize, classifier, C, missing
        As `ConnectivityEvidence` takes them.
    omp_nthreads : int
        Threads that one step may use.
    name : str
        Name of the workflow.

    Inputs
    ------
    features_files
        Samples x voxels of each drawing run: all voxels of any region (NPY)
    samples_files
        Their sample tables (TSV)
    voxels_files
        Their voxel tables (TSV)
    mask_files
        Masks of the regions, on the grid of the features
    region_names
        Their names, in the same order

    Outputs
    -------
    evidence_file
        Log odds of target against foil: a row a pair, kind of features, scheme and trial (TSV)
    summary_file
        Means, voxels and settings (JSON)

    Returns
    -------
    nipype.pipeline.engine.Workflow
    """
    workflow = DescribedWorkflow(name, _text)
    inputs = ["features_files", "samples_files", "voxels_files", "mask_files", "region_names"]
    outputs = ["evidence_file", "summary_file"]
    inputnode = pe.Node(IdentityInterface(fields=inputs), name="inputnode")
    outputnode = pe.Node(IdentityInterface(fields=outputs), name="outputnode")
    options = {"pairs": pairs, "first_half": first_half}
    evidence = pe.Node(
        ConnectivityEvidence(
            features=list(features),
            schemes=list(schemes),
            standardize=standardize,
            classifier=classifier,
            C=C,
            missing=missing,
            **{key: value for key, value in options.items() if value is not None},
        ),
        name="connectivity",
        n_procs=omp_nthreads,
        mem_gb=0.5,
    )
    workflow.connect([
        (inputnode, evidence, [(field, field) for field in inputs]),
        (evidence, outputnode, [(field, field) for field in outputs]),
    ])  # fmt: skip
    return workflow


def _text(steps: Steps) -> str:
    step = steps["connectivity"]
    kinds = ", or, as a control, ".join(_FEATURES_TEXT[kind] for kind in step.features)
    training = " or, in a second analysis, ".join(_SCHEME_TEXT[name] for name in step.schemes)
    return (
        f"For each pair of regions, features of a trial were {kinds}, "
        f"{phrase(_STANDARDIZE_TEXT, step.standardize)}. Evidence by "
        f"{phrase(CLASSIFIER_TEXT, step.classifier)} (C = {step.C:g}), trained on the "
        f"trials of {training}, for the object that was drawn against the other one is the "
        "difference of their log-probabilities [@fan2020]. "
    )
