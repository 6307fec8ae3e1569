"""Which distances between conditions does the neighbourhood of each voxel share with models."""

from collections.abc import Sequence

from nipype.interfaces.utility import IdentityInterface
from nipype.pipeline import engine as pe

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.layer_assignment import LayerAssignment
from fmriprod.interfaces.rsa import RSA
from fmriprod.interfaces.searchlight_rdm import SearchlightRDM
from fmriprod.interfaces.searchlight_rsa import SearchlightRSA
from fmriprod.workflows.describe_nodes import Settings, Steps, phrase
from fmriprod.workflows.described_workflow import DescribedWorkflow

PATTERNS = ["pattern_files", "conditions", "runs", "mask_file"]
COMPARED = ["rsa_file", "value_map", "p_map", "q_map", "models", "summary_file"]
_ASSIGNED = {"layer_map": "layer_map", "table_file": "layer_file"}
_DISTANCES = {"correlation": "1 - Pearson's r", "euclidean": "squared Euclidean distances"}
_IN_NOISE = {
    "mahalanobis": "squared Mahalanobis distances [@walther2016]",
    "crossnobis": "cross-validated squared Mahalanobis distances [@walther2016]",
}
_NOISE = {
    "repeats": "noise: deviations of patterns from the mean of their condition",
    "residuals": "noise: residuals of the model",
}
_COVARIANCE = {
    "shrinkage_diag": "covariance shrunk towards variances [@schaefer_strimmer]",
    "shrinkage_eye": "covariance shrunk towards one variance [@ledoit_wolf]",
    "diagonal": "variances alone",
}
_P = {
    "spearmanr": "P values are from Student's t as if pairs of conditions were independent; they "
    "are too small where pairs share a condition. ",
    "none": "",
}
_ASSIGNED_BY = {
    "p": "p of at most {level:g}, not corrected for the number of spheres",
    "q": "false discovery rate of at most {level:g} over spheres [@fdr]",
    "p_familywise": "p of at most {level:g}, by the largest value over spheres [@nichols_holmes]",
}


def init_searchlight_rsa_wf(
    *,
    radius: float = 9.0,
    min_voxels: int = 10,
    distance: str = "correlation",
    noise: str = "none",
    noise_method: str = "shrinkage_diag",
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
        Of the patterns of two conditions; the last needs ``runs``. All but the first are squared.
    noise : {"none", "repeats", "residuals"}
        Noise that mahalanobis (which needs one) and crossnobis are measured in, as
        `SearchlightRSA` takes it; crossnobis without is the cross-validated Euclidean distance.
    noise_method : {"shrinkage_diag", "shrinkage_eye", "diagonal"}
        Its covariance.
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
    residual_files
        Residuals of the model, one a run, where ``noise`` is residuals
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

    Raises
    ------
    InputError
        If the distance is mahalanobis and there is no noise.
    """
    if distance == "mahalanobis" and noise == "none":
        raise InputError(
            "noise", expected="repeats or residuals, for the Mahalanobis distance", found="none",
            hint="say where the noise is from, or choose euclidean",
        )  # fmt: skip
    workflow = DescribedWorkflow(name, _text)
    fields = [*PATTERNS, "residual_files", "model_files"]
    inputnode = pe.Node(IdentityInterface(fields=fields), name="inputnode")
    outputs = [*COMPARED, "rdm_file", *_ASSIGNED.values()]
    outputnode = pe.Node(IdentityInterface(fields=outputs), name="outputnode")
    spheres = {"radius": radius, "min_voxels": min_voxels, "distance": distance}
    spheres |= {"noise": noise, "noise_method": noise_method}
    options = {
        "method": method, "p_method": p_method, "n_permutations": n_permutations, "seed": seed,
        **({"within": list(within)} if within else {}),
        **({"between": [list(part) for part in between]} if between else {}),
    }  # fmt: skip
    resources = {"mem_gb": mem_gb, "n_procs": omp_nthreads}
    given = [*PATTERNS, *["residual_files"] * (noise == "residuals")]
    patterns = [(field, field) for field in given]
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
        f"In a sphere of {sphere.radius:g} mm around every voxel (at least {sphere.min_voxels} "
        f"voxels), dissimilarities of the patterns of two conditions ({_distance_words(sphere)}) "
        f"were compared with those of models ({compared.method}{whitened}) "
        "[@kriegeskorte_searchlight; @kriegeskorte_rsa]. "
    )
    sides = "two-sided" if compared.alternative == "two-sided" else "one-sided"
    relabelled = f"at most {compared.n_permutations:,} relabellings of the conditions"
    text += phrase(
        {**_P, "permutation": f"P values ({sides}) are from {relabelled}. "}, compared.p_method
    )
    if "assign" in steps:
        assign = steps["assign"]
        rules = {name: rule.format(level=assign.level) for name, rule in _ASSIGNED_BY.items()}
        text += (
            "Each voxel was assigned to the layer whose dissimilarities are most like its own, of "
            f"those with a similarity above 0 and {phrase(rules, assign.test)}; voxels without "
            "such a layer have none. "
        )
    return text


def _distance_words(sphere: Settings) -> str:
    """Name what is computed, which without noise is not what it is called after."""
    if sphere.noise == "none":
        plain = _IN_NOISE["crossnobis"].replace("Mahalanobis", "Euclidean")
        return phrase({**_DISTANCES, "crossnobis": plain}, sphere.distance)
    noise = phrase(_NOISE, sphere.noise)
    noise = f" ({noise}; {phrase(_COVARIANCE, sphere.noise_method)})"
    return phrase(_DISTANCES | {k: v + noise for k, v in _IN_NOISE.items()}, sphere.distance)
