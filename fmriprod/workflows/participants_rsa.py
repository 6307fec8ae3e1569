"""Models around every voxel of all participants, and their test over these."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nipype.interfaces.utility import IdentityInterface, Merge
from nipype.pipeline import engine as pe

from fmriprod.algorithms.checks import InputError, suggest
from fmriprod.interfaces.pattern_table import read_patterns
from fmriprod.workflows.code_rsa import init_code_rsa_wf
from fmriprod.workflows.group_rsa import init_group_rsa_wf
from fmriprod.workflows.layer_rsa import init_layer_rsa_wf

_GIVEN = {"codes": ["features_file"], "layers": ["features_file", "features_samples_file"]}
_GROUP = ["mean_map", "t_map", "p_corrected_map", "surviving_map", "cluster_map", "layer_map",
          "agreement_map", "cluster_file", "table_file", "summary_file"]  # fmt: skip


def init_participants_rsa_wf(
    patterns: str | Path,
    *,
    models: str = "codes",
    searchlight_options: Mapping[str, Any] | None = None,
    group_options: Mapping[str, Any] | None = None,
    name: str = "participants_rsa_wf",
) -> pe.Workflow:
    """Build the workflow that looks for models in every participant, and tests the group.

    Parameters
    ----------
    patterns : str or Path
        Table of the effect maps, as `read_patterns` takes it; it is read now.
    models : {"codes", "layers"}
        What is looked for: features of the conditions, as `init_code_rsa_wf` takes them, or
        features of images by the layers of a network, as `init_layer_rsa_wf` does.
    searchlight_options : mapping, optional
        Options of `init_searchlight_rsa_wf`.
    group_options : mapping, optional
        Options of `init_group_rsa_wf`.
    name : str
        Name of the workflow.

    Inputs
    ------
    mask_file
        Voxels, on the grid of the maps
    features_file
        Features of the conditions (TSV), or of images by layer (HDF5)
    features_samples_file
        Rows of the latter (TSV); not used for codes

    Outputs
    -------
    value_maps
        Similarity, a file a participant
    mean_map
        Mean over participants
    t_map
        Student's t over participants
    p_corrected_map
        What decides
    surviving_map
        t where it survives
    cluster_map
        Numbers of clusters
    layer_map
        Model with the largest surviving similarity
    agreement_map
        Share of draws of participants that agree, where there are draws
    cluster_file
        Clusters (TSV)
    table_file
        Voxels that survive (TSV)
    summary_file
        Counts and settings (JSON)

    Returns
    -------
    nipype.pipeline.engine.Workflow

    Raises
    ------
    InputError
        If the table is not as it should be, or there are no such models.
    """
    if models not in _GIVEN:
        raise InputError(
            "models", expected=f"one of {', '.join(_GIVEN)}", found=repr(models),
            hint=suggest(str(models), list(_GIVEN)),
        )  # fmt: skip
    table = read_patterns(patterns)
    workflow = pe.Workflow(name)
    inputnode = pe.Node(IdentityInterface(fields=["mask_file", *_GIVEN["layers"]]),
                        name="inputnode")  # fmt: skip
    inputs = ["mask_file", *_GIVEN[models]]
    outputnode = pe.Node(IdentityInterface(fields=["value_maps", *_GROUP]), name="outputnode")
    subjects = list(table.groupby("subject", sort=False))
    maps = pe.Node(Merge(len(subjects)), name="maps")
    group = init_group_rsa_wf(**(group_options or {}))
    for number, (subject, own) in enumerate(subjects, 1):
        label = "".join(c if c.isalnum() else "_" for c in str(subject))
        options = {"searchlight_options": searchlight_options, "name": f"sub_{label}"}
        search = (
            init_layer_rsa_wf(**options)
            if models == "layers"
            else init_code_rsa_wf(codes=(), **options)
        )
        search.inputs.inputnode.trait_set(
            pattern_files=list(own["file"]), conditions=list(own["condition"])
        )
        if "run" in own:
            search.inputs.inputnode.runs = list(own["run"])
        workflow.connect([
            (inputnode, search, [(field, f"inputnode.{field}") for field in inputs]),
            (search, maps, [("outputnode.value_map", f"in{number}")]),
        ])  # fmt: skip
    workflow.connect([
        (inputnode, group, [("mask_file", "inputnode.mask_file")]),
        (maps, group, [("out", "inputnode.map_files")]),
        (maps, outputnode, [("out", "value_maps")]),
        (group, outputnode, [(f"outputnode.{field}", field) for field in _GROUP]),
    ])  # fmt: skip
    return workflow
