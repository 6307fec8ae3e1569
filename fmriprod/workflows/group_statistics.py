"""Statistics of the group: decoding, connectivity and what changed with drawing."""

from nipype.interfaces.utility import IdentityInterface
from nipype.pipeline import engine as pe

from fmriprod.interfaces.differentiation import GroupDifferentiation
from fmriprod.interfaces.group_connectivity import GroupConnectivity
from fmriprod.interfaces.group_evidence import GroupEvidence
from fmriprod.interfaces.informational_connectivity import InformationalConnectivity
from fmriprod.workflows.describe_nodes import Steps, percent
from fmriprod.workflows.described_workflow import DescribedWorkflow

_EVIDENCE = ("accuracy_file", "split_file", "change_file", "log_odds_file", "model_file",
             "selectivity_file", "missing_file")  # fmt: skip
_INFORMATIONAL = {
    "informational_file": "connectivity_file",
    "informational_subjects_file": "subjects_file",
    "informational_windows_file": "windows_file",
    "clusters_file": "clusters_file",
}


def init_group_statistics_wf(
    *,
    before: str = "pre",
    after: str = "post",
    production: str = "drawing",
    chance: float = 0.25,
    method: str = "fast",
    n_bootstrap: int = 10_000,
    connectivity: bool = True,
    differentiation: bool = True,
    informational: str | None = "2way_within",
    seed: int = 0,
    omp_nthreads: int = 1,
    name: str = "group_statistics_wf",
) -> pe.Workflow:
    """Build the workflow that turns the tables of participants into those of the group.

    Parameters
    ----------
    before, after, production : str
        Phases of the scores: recognition before and after drawing, and drawing.
    chance : float
        Accuracy by guessing of a classifier of all labels.
    method : {"fast", "published"}
        Draws of participants, as `GroupEvidence` takes it.
    n_bootstrap : int
        Draws of participants for accuracies.
    connectivity, differentiation : bool
        Make those tables too; their inputs are then needed.
    informational : str, optional
        Scheme whose evidence is correlated between regions; None leaves that out.
    seed : int
        Seed of all draws.
    omp_nthreads : int
        Threads that one step may use; all use one.
    name : str
        Name of the workflow.

    Inputs
    ------
    scores_files
        Scores of each participant (TSV)
    connectivity_files
        Connectivity evidence of each participant, a row a trial (TSV)
    differentiation_files
        Differentiation of each participant (TSV, from `Differentiation`)
    evidence_files
        Evidence of each participant, a row a sample (TSV)

    Outputs
    -------
    accuracy_file
        Accuracy by region, phase and scheme, with intervals and tests (TSV)
    split_file
        The same for trained and control objects (TSV)
    change_file
        Change between the phases of recognition (TSV)
    log_odds_file
        The three contrasts of log-probabilities (TSV)
    model_file
        Mixed models of phase and training (TSV)
    selectivity_file
        Correlation of selectivity in drawing with the changes (TSV)
    missing_file
        Participants without a region, phase and scheme (TSV)
    connectivity_file
        Mixed models of connectivity evidence over phases (TSV)
    differentiation_file
        Differentiation by region (TSV)
    informational_file
        Informational connectivity of each pair of regions (TSV)
    informational_subjects_file
        The same of each participant (TSV)
    informational_windows_file
        The same in moving windows (TSV)
    clusters_file
        Clusters of regions (TSV)

    Returns
    -------
    nipype.pipeline.engine.Workflow
    """
    workflow = DescribedWorkflow(name, _text)
    inputs = ["scores_files", "connectivity_files", "differentiation_files", "evidence_files"]
    outputs = [*_EVIDENCE, "connectivity_file", "differentiation_file", *_INFORMATIONAL]
    inputnode = pe.Node(IdentityInterface(fields=inputs), name="inputnode")
    outputnode = pe.Node(IdentityInterface(fields=outputs), name="outputnode")
    evidence = pe.Node(
        GroupEvidence(
            before=before, after=after, production=production, chance=chance, method=method,
            n_bootstrap=n_bootstrap, seed=seed,
        ),
        name="evidence",
    )  # fmt: skip
    workflow.connect([
        (inputnode, evidence, [("scores_files", "scores_files")]),
        (evidence, outputnode, [(field, field) for field in _EVIDENCE]),
    ])  # fmt: skip
    if connectivity:
        node = pe.Node(GroupConnectivity(seed=seed), name="connectivity")
        workflow.connect([
            (inputnode, node, [("connectivity_files", "evidence_files")]),
            (node, outputnode, [("models_file", "connectivity_file")]),
        ])  # fmt: skip
    if differentiation:
        node = pe.Node(GroupDifferentiation(method=method, seed=seed), name="differentiation")
        workflow.connect([
            (inputnode, node, [("differentiation_files", "differentiation_files")]),
            (node, outputnode, [("differentiation_file", "differentiation_file")]),
        ])  # fmt: skip
    if informational:
        node = pe.Node(
            InformationalConnectivity(scheme=informational, phase=production, seed=seed),
            name="informational",
            mem_gb=1,
        )
        fields = [(ours, field) for field, ours in _INFORMATIONAL.items()]
        workflow.connect([
            (inputnode, node, [("evidence_files", "evidence_files")]),
            (node, outputnode, fields),
        ])  # fmt: skip
    return workflow


def _text(steps: Steps) -> str:
    """Sentences for the methods section."""
    step = steps["evidence"]
    seeds = " with the published seeds" if step.method == "published" else ""
    text = (
        "Means over participants have 95 % percentile intervals from "
        f"{step.n_bootstrap:,} bootstrap resamples of participants{seeds} "
        f"({step.n_bootstrap_log_odds:,} for log odds); two-sided p values are those of the "
        "bootstrap, corrected over regions by the false discovery rate [@fdr], and those of at "
        f"most {step.n_permutations:,} sign flips of participants, corrected over regions by the "
        "largest statistic [@nichols_holmes]. "
        "Accuracy was modelled by phase, training and their interaction with a random intercept "
        "for each participant (restricted maximum likelihood [@lme4], degrees of freedom after "
        "Satterthwaite [@lmertest]). "
    )
    if "connectivity" in steps:
        text += (
            "Evidence in connectivity was modelled by phase with a random intercept for each "
            "participant, compared with the model without phase by the likelihood ratio, with "
            "parametric bootstrap intervals of the slope. "
        )
    if "differentiation" in steps:
        trim = steps["differentiation"].trim
        text += (
            "Differentiation is the change from before to after drawing of the correlation "
            "distance between the patterns of two objects in different runs, less that of each "
            "object to itself"
        )
        if trim:
            text += (
                f"; means over participants are trimmed by {percent(trim):g} % of them at each end"
            )
        text += ". "
    if "informational" in steps:
        text += (
            "Informational connectivity is the correlation over samples of the evidence in two "
            "regions, tested over participants by a t test"
            f"{' of its Fisher transform' if steps['informational'].fisher_z else ''}. "
        )
    return text
