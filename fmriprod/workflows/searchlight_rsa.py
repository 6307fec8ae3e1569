"""Which distances between conditions does the neighbourhood of each voxel share with models."""

from collections.abc import Sequence

from nipype.interfaces.utility import IdentityInterface
from nipype.pipeline import engine as pe

from fmriprod.interfaces.layer_assignment import LayerAssignment
from fmriprod.interfaces.rsa import RSA
from fmriprod.interfaces.searchlight_rdm import SearchlightRDM
from fmriprod.interfaces.searchlight_rsa import SearchlightRSA
from fmriprod.workflows.describe_nodes import Steps, phrase
from fmriprod.workflows.described_workflow import DescribedWorkflow

PATTERNS = ["pattern_files", "conditions", "runs", "mask_file"]
COMPARED = ["rsa_file", "value_map", "p_map", "q_map", "models", "summary_file"]
_ASSIGNED = {"layer_map": "layer_map", "table_file": "layer_file"}
_DISTANCES = {
    "correlation": "1 - Pearson's r",
    "euclidean": "squared Euclidean distances",
    "mahalanobis": "squared Mahalanobis distances [@walther2016]",
    "crossnobis": "cross-validated Mahalanobis distances [@walther2016]",
}


def init_searchlight_rsa_wf(
    *,
    radius: float = 9.0,
    min_voxels: int = 10,
    distance: str = "correlation",
    method: str = "spearman",
    p_method: str = "permutation",
    n_permutations: int = 1000,
    within: Sequence[str] = (),
    between: Sequence[Sequence[str]] = (),
    keep_rdms: bool = False,
    assign_layers: bool = False,
    level: float = 0.05,
    seed: int = 0,
    mem_gb: float = 2.0,
    omp_nthreads: int = 1,
    name: str = "searchlight_rsa_wf",
) -> pe.Workflow:
    """Build the workflow that compares patterns around every voxel with models.

    Parameters
    ----------
    radius : float
        Radius of a sphere in mm.
    min_voxels : int
        Spheres with fewer voxels are left out.
    distance : {"correlation", "euclidean", "mahalanobis", "crossnobis"}
        Of the patterns of two conditions; the last needs ``runs``.
    method : str
        How RDMs are compared, as `RSA` takes it.
    p_method : {"permutation", "spearmanr", "none"}
        Relabelling of conditions; or Student's t, as published, which is too small.
    n_permutations : int
        Relabellings.
    within, between : sequence
        Conditions, or two lists of them: only pairs of these, or across these, are compared.
    keep_rdms : bool
        Write the RDM of every sphere too; otherwise none is kept.
    assign_layers : bool
        Models are layers in their order: find the most similar layer of every voxel.
    level : float
        Largest p of a layer that counts.
    seed : int
        Seed of the relabellings.
    mem_gb : float
        Memory to declare, in GB.
    omp_nthreads : int
        Threads that a step may use.
    name : str
        Name of the workflow.

    Inputs
    ------
    pattern_files
        Effect maps, one a condition or one a condition and run
    conditions
        Their names
    runs
        Their runs, for cross-validated distances
    mask_file
        Voxels to take
    model_files
        RDMs of models, layers or codes (HDF5)

    Outputs
    -------
    rsa_file
        Values, p and q of every sphere and model (HDF5)
    value_map
        Similarity, a volume a model
    p_map
        p of each
    q_map
        p adjusted for all spheres
    models
        Names of the volumes
    summary_file
        Counts, largest values, settings (JSON)
    rdm_file
        RDM of every sphere (HDF5), where kept
    layer_map
        Number of the most similar layer, where assigned
    layer_file
        Voxels of each layer (TSV)

    Returns
    -------
    nipype.pipeline.engine.Workflow
    """
    workflow = DescribedWorkflow(name, _text)
    inputnode = pe.Node(IdentityInterface(fields=[*PATTERNS, "model_files"]), name="inputnode")
    outputs = [*COMPARED, "rdm_file", *_ASSIGNED.values()]
    outputnode = pe.Node(IdentityInterface(fields=outputs), name="outputnode")
    spheres = {"radius": radius, "min_voxels": min_voxels, "distance": distance}
    options = {
        "method": method, "p_method": p_method, "n_permutations": n_permutations, "seed": seed,
        **({"within": list(within)} if within else {}),
        **({"between": [list(part) for part in between]} if between else {}),
    }  # fmt: skip
    resources = {"mem_gb": mem_gb, "n_procs": omp_nthreads}
    patterns = [(field, field) for field in PATTERNS]
    if keep_rdms:
        measure = pe.Node(SearchlightRDM(**spheres, num_threads=omp_nthreads), name="rdm",
                          **resources)  # fmt: skip
        compare = pe.Node(RSA(**options, num_threads=omp_nthreads), name="rsa", **resources)
        workflow.connect([
            (inputnode, measure, patterns),
            (measure, compare, [("rdm_file", "rdm_file")]),
            (measure, outputnode, [("rdm_file", "rdm_file")]),
        ])  # fmt: skip
    else:
        compare = pe.Node(
            SearchlightRSA(**spheres, **options, num_threads=omp_nthreads), name="rsa", **resources
        )
        workflow.connect([(inputnode, compare, patterns)])
    workflow.connect([
        (inputnode, compare, [("model_files", "model_files")]),
        (compare, outputnode, [(field, field) for field in COMPARED]),
    ])  # fmt: skip
    if assign_layers:
        assign = pe.Node(LayerAssignment(level=level), name="assign", mem_gb=mem_gb)
        workflow.connect([
            (compare, assign, [("rsa_file", "rsa_file")]),
            (assign, outputnode, list(_ASSIGNED.items())),
        ])  # fmt: skip
    return workflow


def _text(steps: Steps) -> str:
    sphere, compared = steps["rdm" if "rdm" in steps else "rsa"], steps["rsa"]
    whitened = " [@whitened_rdms]" if str(compared.method).startswith("whitened") else ""
    text = (
        f"In a sphere of {sphere.radius:g} mm around every voxel "
        f"({phrase(_DISTANCES, sphere.distance)} of the patterns of two conditions; at least "
        f"{sphere.min_voxels} voxels) dissimilarities were compared with those of models "
        f"({compared.method}{whitened}) [@kriegeskorte_searchlight; @kriegeskorte_rsa]. "
    )
    n = compared.n_permutations
    if compared.p_method == "permutation" and n:
        text += f"P values are from at most {n:,} relabellings of the conditions. "
    if "assign" in steps:
        text += "Each voxel was assigned to the layer whose dissimilarities are most like its own. "
    return text
