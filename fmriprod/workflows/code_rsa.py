"""Where in the brain are conditions coded as a hypothesis expects."""

from collections.abc import Mapping, Sequence
from typing import Any

from nipype.interfaces.utility import IdentityInterface
from nipype.pipeline import engine as pe

from fmriprod.algorithms.model_codes import HUMAN_CODES
from fmriprod.interfaces.model_rdm import ModelRDM
from fmriprod.workflows.searchlight_rsa import COMPARED, PATTERNS, init_searchlight_rsa_wf

_TABLES = ["pairs_files", "features_file", "matrix_files"]


def init_code_rsa_wf(
    *,
    codes: Sequence[str] = HUMAN_CODES,
    searchlight_options: Mapping[str, Any] | None = None,
    mem_gb: float = 2.0,
    omp_nthreads: int = 1,
    name: str = "code_rsa_wf",
) -> pe.Workflow:
    """Build the workflow that makes RDMs of hypotheses and looks for them around every voxel.

    Parameters
    ----------
    codes : sequence of str
        Published codes of ten digits and six objects; empty where conditions are others.
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
    pattern_files
        Effect maps, one a condition or one a condition and run
    conditions
        Their names
    runs
        Their runs, for cross-validated distances
    mask_file
        Voxels to take
    pairs_files
        Pairs of conditions that are expected to be alike or unlike (TSV), one a code
    features_file
        Features of the conditions (TSV): a code each
    matrix_files
        Matrices of dissimilarities, one a code

    Outputs
    -------
    model_file
        RDMs of the codes (HDF5)
    rsa_file
        Values, p and q of every sphere and code (HDF5)
    value_map
        Similarity, a volume a code
    p_map
        p of each
    q_map
        p adjusted for all spheres
    models
        Names of the codes
    summary_file
        Counts, largest values, settings (JSON)
    rdm_file
        RDM of every sphere (HDF5), where kept

    Returns
    -------
    nipype.pipeline.engine.Workflow
    """
    workflow = pe.Workflow(name=name)
    inputnode = pe.Node(IdentityInterface(fields=[*PATTERNS, *_TABLES]), name="inputnode")
    outputs = ["model_file", *COMPARED, "rdm_file"]
    outputnode = pe.Node(IdentityInterface(fields=outputs), name="outputnode")
    options = {"codes": list(codes)} if codes else {}
    model = pe.Node(ModelRDM(**options), name="model")
    searchlight = init_searchlight_rsa_wf(
        **{"mem_gb": mem_gb, "omp_nthreads": omp_nthreads, **(searchlight_options or {})}
    )
    workflow.connect([
        (inputnode, model, [(field, field) for field in _TABLES]),
        (inputnode, searchlight, [(field, f"inputnode.{field}") for field in PATTERNS]),
        (model, searchlight, [("rdm_file", "inputnode.model_files")]),
        (model, outputnode, [("rdm_file", "model_file")]),
        (searchlight, outputnode, [(f"outputnode.{f}", f) for f in [*COMPARED, "rdm_file"]]),
    ])  # fmt: skip
    return workflow
