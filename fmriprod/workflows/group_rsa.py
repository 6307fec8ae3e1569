"""Maps of similarity of all participants, tested."""

from collections.abc import Sequence

from nipype.interfaces.utility import IdentityInterface
from nipype.pipeline import engine as pe

from fmriprod.interfaces.group_rsa import GroupRSA
from fmriprod.workflows.describe_nodes import Steps, phrase
from fmriprod.workflows.described_workflow import DescribedWorkflow

_INPUTS = ["map_files", "mask_file", "roi_files", "roi_names"]
_OUTPUTS = [
    "mean_map", "t_map", "p_map", "p_corrected_map", "surviving_map", "cluster_map", "layer_map",
    "agreement_map", "cluster_file", "table_file", "region_file", "region_participant_file",
    "summary_file",
]  # fmt: skip
_METHODS = {
    "sign_flip": "signs of participants flipped [@nichols_holmes]",
    "voxel_shuffling": "t of values from random voxels, as published [@lee_digits]",
}


def init_group_rsa_wf(
    *,
    maps: Sequence[str] = (),
    method: str = "sign_flip",
    correction: str = "max",
    level: float = 0.05,
    n_permutations: int = 10_000,
    min_voxels: int = 1,
    best: str = "mean",
    n_bootstrap: int = 0,
    seed: int = 0,
    mem_gb: float = 2.0,
    omp_nthreads: int = 1,
    name: str = "group_rsa_wf",
) -> pe.Workflow:
    """Build the workflow that tests maps of participants against 0.

    Parameters
    ----------
    maps : sequence of str
        Names of the volumes: layers in their order, or codes.
    method, correction, level
        As `GroupRSA` takes them.
    n_permutations : int
        Sign flips.
    min_voxels : int
        Voxels of the smallest cluster that stays.
    best : {"mean", "t"}
        What the best map of a voxel is judged by; t as published.
    n_bootstrap : int
        Draws of participants for the best map of each voxel; 0: none.
    seed : int
        Seed of flips and draws.
    mem_gb : float
        Memory to declare, in GB.
    omp_nthreads : int
        Threads that the step may use.
    name : str
        Name of the workflow.

    Inputs
    ------
    map_files
        Maps of similarity, a file a participant
    mask_file
        Voxels to test
    roi_files
        Masks of regions
    roi_names
        Their names

    Outputs
    -------
    mean_map
        Mean over participants
    t_map
        Student's t over participants
    p_map
        p of each voxel alone
    p_corrected_map
        What decides
    surviving_map
        t where it survives
    cluster_map
        Numbers of clusters
    layer_map
        Map with the largest surviving t
    agreement_map
        Share of draws that agree
    cluster_file
        Clusters (TSV)
    table_file
        Voxels that survive (TSV)
    region_file
        Means of regions with intervals (TSV)
    region_participant_file
        The same of participants (TSV)
    summary_file
        Counts and settings (JSON)

    Returns
    -------
    nipype.pipeline.engine.Workflow
    """
    workflow = DescribedWorkflow(name, _text)
    inputnode = pe.Node(IdentityInterface(fields=_INPUTS), name="inputnode")
    outputnode = pe.Node(IdentityInterface(fields=_OUTPUTS), name="outputnode")
    group = pe.Node(
        GroupRSA(
            method=method, correction=correction, level=level, n_permutations=n_permutations,
            min_voxels=min_voxels, best=best, n_bootstrap=n_bootstrap, seed=seed,
            num_threads=omp_nthreads, **({"maps": list(maps)} if maps else {}),
        ),
        name="group", mem_gb=mem_gb, n_procs=omp_nthreads,
    )  # fmt: skip
    workflow.connect([
        (inputnode, group, [(field, field) for field in _INPUTS]),
        (group, outputnode, [(field, field) for field in _OUTPUTS]),
    ])  # fmt: skip
    return workflow


def _text(steps: Steps) -> str:
    step = steps["group"]
    rules = {
        "sign_flip": f"{_METHODS['sign_flip']}, at most {step.n_permutations:,} times",
        "voxel_shuffling": f"{_METHODS['voxel_shuffling']}, {step.n_draws:,} draws",
    }
    corrections = {
        "max": "corrected by the largest t over voxels",
        "cluster": f"corrected by the size of clusters of voxels with p < {step.cluster_p:g}",
        "fdr": "corrected by the false discovery rate over voxels [@fdr]",
        "none": "not corrected",
    }
    what = "Fisher's z of the similarities" if step.fisher else "Similarities"
    sides = "two-sided" if step.two_sided else "one-sided"
    together = " and maps" if step.together and step.correction != "none" else ""
    smallest = step.min_voxels
    left = f"; clusters of at least {smallest} voxels" if smallest and smallest != 1 else ""
    return (
        f"{what} of all participants were tested against 0 ({sides} t test; p from "
        f"{phrase(rules, step.method)}; {phrase(corrections, step.correction)}{together}; "
        f"level {step.level:g}{left}). "
    )
