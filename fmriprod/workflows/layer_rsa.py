"""Which layer of a network has the distances between conditions that a place in the brain has."""

from collections.abc import Mapping, Sequence
from typing import Any

from nipype.interfaces.utility import IdentityInterface
from nipype.pipeline import engine as pe

from fmriprod.interfaces.layer_rdm import LayerRDM
from fmriprod.interfaces.model_rdm import ModelRDM
from fmriprod.interfaces.rsa import RSA
from fmriprod.workflows.describe_nodes import Steps, percent
from fmriprod.workflows.described_workflow import DescribedWorkflow
from fmriprod.workflows.searchlight_rsa import COMPARED, PATTERNS, init_searchlight_rsa_wf
from fmriprod.workflows.stimulus_features import init_stimulus_features_wf

_MAPS = [*COMPARED, "rdm_file", "layer_map", "layer_file"]
_EVERY_UNIT = {"reduce": False, "log": False}  # of a layer, as published
_FEATURES = ["features_file", "features_samples_file"]


def init_layer_rsa_wf(
    *,
    stimuli: str = "features",
    stimulus_options: Mapping[str, Any] | None = None,
    column: str | None = None,
    variance: float = 0.9,
    codes: Sequence[str] = (),
    code_method: str = "cosine",
    searchlight: bool = True,
    searchlight_options: Mapping[str, Any] | None = None,
    mem_gb: float = 2.0,
    omp_nthreads: int = 1,
    name: str = "layer_rsa_wf",
) -> pe.Workflow:
    """Build the workflow that compares layers of a network with codes, and with the brain.

    Parameters
    ----------
    stimuli : {"features", "images"}
        Features that were made before, or images for `init_stimulus_features_wf`.
    stimulus_options : mapping, optional
        Options of that workflow; every unit is taken as it is unless they say otherwise.
    column : str, optional
        Column of the samples that names conditions; the folder of each image unless given.
    variance : float
        Share of variance that principal components keep.
    codes : sequence of str
        Published codes of digits and objects to compare layers with; none unless given.
    code_method : str
        How these are compared, as `RSA` takes it; cosine as published.
    searchlight : bool
        Compare layers with patterns around every voxel; otherwise with codes alone.
    searchlight_options : mapping, optional
        Options of `init_searchlight_rsa_wf`.
    mem_gb : float
        Memory to declare, in GB.
    omp_nthreads : int
        Threads that a step may use.
    name : str
        Name of the workflow.

    Inputs
    ------
    features_file
        Features of every layer (HDF5)
    features_samples_file
        Their samples (TSV)
    images
        Images in folders of their conditions, instead of features
    pattern_files
        Effect maps, one a condition or one a condition and run
    conditions
        Their names
    runs
        Their runs, for cross-validated distances
    mask_file
        Voxels to take

    Outputs
    -------
    layer_rdm_file
        RDM of every layer (HDF5)
    code_file
        Similarity of layers and codes (TSV)
    rsa_file
        Values, p and q of every sphere and layer (HDF5)
    value_map
        Similarity, a volume a layer
    p_map
        p of each
    q_map
        p adjusted for all spheres
    models
        Names of the layers
    summary_file
        Counts, largest values, settings (JSON)
    rdm_file
        RDM of every sphere (HDF5), where kept
    layer_map
        Number of the most similar layer
    layer_file
        Voxels of each layer (TSV)

    Returns
    -------
    nipype.pipeline.engine.Workflow
    """
    workflow = DescribedWorkflow(name, _text, at="layers")
    inputnode = pe.Node(
        IdentityInterface(fields=[*_FEATURES, "images", *PATTERNS]), name="inputnode"
    )
    outputs = ["layer_rdm_file", "code_file", *_MAPS]
    outputnode = pe.Node(IdentityInterface(fields=outputs), name="outputnode")
    layers = pe.Node(
        LayerRDM(variance=variance, **({"column": column} if column else {})), name="layers",
        mem_gb=mem_gb,
    )  # fmt: skip
    workflow.connect([(layers, outputnode, [("rdm_file", "layer_rdm_file")])])
    if stimuli == "features":
        source = (inputnode, layers, [("features_file", "features_file"),
                                      ("features_samples_file", "samples_file")])  # fmt: skip
        workflow.connect([source])
    else:
        features = init_stimulus_features_wf(
            stimuli=stimuli,
            **{**_EVERY_UNIT, "omp_nthreads": omp_nthreads, **(stimulus_options or {})},
        )
        workflow.connect([
            (inputnode, features, [("images", "inputnode.images")]),
            (features, layers, [("outputnode.features_file", "features_file"),
                                ("outputnode.samples_file", "samples_file")]),
        ])  # fmt: skip
    if codes:
        _compare_codes(workflow, codes, code_method)
    if searchlight:
        options = {"mem_gb": mem_gb, "omp_nthreads": omp_nthreads, **(searchlight_options or {})}
        maps = init_searchlight_rsa_wf(assign_layers=True, **options)
        workflow.connect([
            (inputnode, maps, [(field, f"inputnode.{field}") for field in PATTERNS]),
            (layers, maps, [("rdm_file", "inputnode.model_files")]),
            (maps, outputnode, [(f"outputnode.{field}", field) for field in _MAPS]),
        ])  # fmt: skip
    return workflow


def _compare_codes(workflow: pe.Workflow, codes: Sequence[str], method: str) -> None:
    """Compare layers with published codes."""
    model = pe.Node(ModelRDM(codes=list(codes)), name="codes")
    compare = pe.Node(RSA(method=method), name="layers_and_codes")
    layers, outputnode = (workflow.get_node(node) for node in ("layers", "outputnode"))
    workflow.connect([
        (layers, compare, [("rdm_file", "rdm_file")]),
        (model, compare, [("rdm_file", "model_files")]),
        (compare, outputnode, [("table_file", "code_file")]),
    ])  # fmt: skip


def _text(steps: Steps) -> str:
    step = steps["layers"]
    kept = percent(step.variance)
    text = (
        "Features of every layer were standardised over images and reduced to the principal "
        f"components that explain {kept:.4g} % of their variance; dissimilarities "
        "are 1 - Pearson's r of the mean scores of two conditions [@lee_digits]. "
    )
    if "layers_and_codes" in steps:
        codes = ", ".join(map(str, steps["codes"].codes))
        text += (
            f"They were compared with those of the codes {codes} "
            f"({steps['layers_and_codes'].method}). "
        )
    return text
