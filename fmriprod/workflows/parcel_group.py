"""Contrasts or connectivity of parcels over participants."""

from functools import partial

from nipype.interfaces.utility import IdentityInterface
from nipype.pipeline import engine as pe

from fmriprod.interfaces.parcel_group import ParcelGroup
from fmriprod.interfaces.parcel_ranking import ParcelRanking
from fmriprod.workflows.describe_nodes import Steps
from fmriprod.workflows.described_workflow import DescribedWorkflow

_OUTPUTS = {
    "contrast": ["group_file", "summary_file"],
    "connectivity": ["mean_file", "r_file", "t_file", "p_max_file", "q_file", "summary_file"],
}


def init_parcel_group_wf(
    *,
    of: str = "contrast",
    fisher: bool = True,
    n_permutations: int = 10_000,
    n_top: int = 10,
    seed: int = 0,
    memory_mb: float = 256.0,
    mem_gb: float = 0.5,
    name: str = "parcel_group_wf",
) -> pe.Workflow:
    """Build the workflow that tests parcels, or pairs of them, over participants.

    Files are read one after the other: memory does not grow with participants, and the graph
    has a node or two however many there are.

    Parameters
    ----------
    of : {"contrast", "connectivity"}
        What the files hold.
    fisher : bool
        Test Fisher's z of connectivity; leave it off for covariance, tangent, or files of z.
    n_permutations : int
        Sign flips of participants.
    n_top : int
        Parcels of the short ranking.
    seed : int
        Seed of the flips.
    memory_mb : float
        Memory of a block of flips, in MB.
    mem_gb : float
        Memory to declare, in GB.
    name : str
        Name of the workflow.

    Inputs
    ------
    files
        Contrasts (TSV) or connectivity (.npy), one a participant
    parcels_file
        Parcels of their rows (TSV)

    Outputs
    -------
    group_file
        Mean, t, p, q and effect size of each parcel (TSV)
    ranking_file
        Parcels by the size of their mean (TSV)
    top_file
        The first of them (TSV)
    mean_file
        Mean connectivity, Fisher's z if that is tested (.npy)
    r_file
        The same as correlation, where values are z (.npy)
    t_file
        Student's t (.npy)
    p_max_file
        p corrected by the largest value (.npy)
    q_file
        False discovery rate (.npy)
    summary_file
        Counts and settings (JSON)

    Returns
    -------
    nipype.pipeline.engine.Workflow
    """
    workflow = DescribedWorkflow(name, partial(_text, of=of))
    inputnode = pe.Node(IdentityInterface(fields=["files", "parcels_file"]), name="inputnode")
    outputs = sorted({field for fields in _OUTPUTS.values() for field in fields})
    outputnode = pe.Node(
        IdentityInterface(fields=[*outputs, "ranking_file", "top_file"]), name="outputnode"
    )
    group = pe.Node(
        ParcelGroup(fisher=fisher, n_permutations=n_permutations, seed=seed, memory_mb=memory_mb),
        name="group",
        mem_gb=mem_gb,
    )
    workflow.connect([
        (inputnode, group, [("files", f"{of}_files"), ("parcels_file", "parcels_file")]),
        (group, outputnode, [(field, field) for field in _OUTPUTS[of]]),
    ])  # fmt: skip
    if of == "contrast":
        rank = pe.Node(ParcelRanking(n_top=n_top, column="mean"), name="rank")
        workflow.connect([
            (inputnode, rank, [("parcels_file", "parcels_file")]),
            (group, rank, [("group_file", "contrast_files")]),
            (rank, outputnode, [("ranking_file", "ranking_file"), ("top_file", "top_file")]),
        ])  # fmt: skip
    return workflow


def _text(steps: Steps, of: str) -> str:
    step = steps["group"]
    what = "Fisher's z of connectivity" if of == "connectivity" and step.fisher else "Values"
    over = "pairs of parcels" if of == "connectivity" else "parcels"
    flips = ""
    if step.n_permutations:
        flips = (
            f"; family-wise p by the largest absolute t over {over}, from at most "
            f"{step.n_permutations:,} flips of the signs of participants [@nichols_holmes]"
        )
    return (
        f"{what} were tested against 0 over participants (two-sided t test; false discovery rate "
        f"of its p over {over} [@fdr]{flips}); intervals of effect sizes are from the "
        "noncentral t distribution [@noncentral_intervals]. "
    )
