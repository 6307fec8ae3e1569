"""What is saved of the main job, besides the results of single runs."""

from collections.abc import Sequence
from typing import Any

from nipype.pipeline import engine as pe

from fmriprod.workflows.parts import FEATURES, Parts
from fmriprod.workflows.record_names import graph_word
from fmriprod.workflows.save import Destination, save


def save_parts(workflow: pe.Workflow, parts: Parts, saving: dict[str, Any]) -> None:
    """Connect savers to what is made once for a participant, and to features and evidence.

    Parameters
    ----------
    workflow : Workflow
        The main job of the participant; gets the savers.
    parts : Parts
        Its parts.
    saving : dict
        ``out_dir``, ``bids_dir`` and ``record_dir`` of all destinations.
    """
    if parts.plan.derivatives is None:
        save_preparation(workflow, parts, saving)
    else:
        _save_prepared(workflow, parts, saving)
    chosen_by = [parts.run_plan(key).bold_file for key in parts.plan.region_runs]
    _save_region(workflow, parts, shared(parts, chosen_by, saving))
    for key, features in parts.features.items():
        source_file = parts.run_plan(key).bold_file
        destination = Destination(source_file=source_file, dismiss=("desc",), **saving)
        for field in FEATURES:
            source, suffix = (features, f"outputnode.{field}"), field.removesuffix("_file")
            save(workflow, source, f"{key}_{suffix}", destination, suffix, label="task")
    for question in parts.plan.evidence:
        files = [parts.run_plan(key).bold_file for key in question.runs]
        _save_evidence(workflow, parts, question.name, shared(parts, files, saving))


def save_preparation(workflow: pe.Workflow, parts: Any, saving: dict[str, Any]) -> None:
    """Connect savers to anatomy, reference and coregistration; ``parts`` has them and the plan."""
    _save_anatomy(workflow, parts, Destination(source_file=parts.plan.t1w_file, **saving))
    first, t1w_file = parts.plan.runs[0].bold_file, parts.plan.t1w_file
    _save_reference(workflow, parts, shared(parts, [first], saving))
    _save_coregistration(workflow, parts, shared(parts, [first, t1w_file], saving))


def shared(parts: Any, sources: Sequence[str], saving: dict[str, Any]) -> Destination:
    """Destination of a result of several files: its name says neither task nor run."""
    return Destination(
        source_file=parts.plan.runs[0].bold_file,
        sources=tuple(sources),
        dismiss=("task", "run", "ses", "desc"),
        **saving,
    )


def _save_prepared(workflow: pe.Workflow, parts: Parts, saving: dict[str, Any]) -> None:
    """Save what preprocessed runs share; their images stay where they are."""
    destination = shared(parts, [run.bold_file for run in parts.plan.runs], saving)
    for field, suffix, entities in (
        ("mask_file", "mask", {"desc": "brain", "datatype": "func"}),
        ("mask_figure", "boldref", {"desc": "mask", "datatype": "figures"}),
    ):
        source = (parts.boldref, f"outputnode.{field}")
        save(workflow, source, f"boldref_{field}", destination, suffix, **entities)


def _save_anatomy(workflow: pe.Workflow, parts: Any, destination: Destination) -> None:
    image = {"desc": "preproc", "metadata": ["SkullStripped=false"], "compress": True}
    for field, suffix, entities in (
        ("t1w_file", "T1w", image),
        ("mask_file", "mask", {"desc": "brain", "compress": True}),
        ("figure", "T1w", {"desc": "skullstrip", "datatype": "figures"}),
    ):
        source = (parts.anat, f"outputnode.{field}")
        save(workflow, source, f"t1w_{field}", destination, suffix, **entities)


def _save_reference(workflow: pe.Workflow, parts: Any, destination: Destination) -> None:
    for field, suffix, entities in (
        ("reference_file", "boldref", {}),
        ("mask_file", "mask", {"desc": "brain", "datatype": "func"}),
        ("mask_figure", "boldref", {"desc": "mask", "datatype": "figures"}),
    ):
        source = (parts.boldref, f"outputnode.{field}")
        save(workflow, source, f"boldref_{field}", destination, suffix, **entities)


def _save_coregistration(workflow: pe.Workflow, parts: Any, destination: Destination) -> None:
    for field, suffix, entities in (
        ("transform_file", "xfm", {"from_": "boldref", "to": "T1w", "mode": "image"}),
        ("coregister_figure", "boldref", {"desc": "coregister", "datatype": "figures"}),
    ):
        source = (parts.boldref, f"outputnode.{field}")
        save(workflow, source, f"boldref_{field}", destination, suffix, **entities)


def _save_region(workflow: pe.Workflow, parts: Parts, destination: Destination) -> None:
    for field, suffix, entities in (
        ("mask_file", "mask", {"label": "task", "desc": "region", "datatype": "func"}),
        ("z_file", "statmap", {"contrast": "task", "stat": "z", "desc": "fixed"}),
    ):
        source = (parts.region, f"outputnode.{field}")
        save(workflow, source, f"region_{field}", destination, suffix, **entities)


def _save_evidence(
    workflow: pe.Workflow, parts: Parts, name: str, destination: Destination
) -> None:
    evidence, word = parts.evidence[name], graph_word(name)
    for field, suffix in (("evidence_file", "evidence"), ("summary_file", "decoding")):
        source = (evidence, f"outputnode.{field}")
        save(workflow, source, f"{word}_{suffix}", destination, suffix, label="task", desc=name)
    save(
        workflow,
        (evidence, "outputnode.figures"),
        f"{word}_figures",
        destination,
        "decoding",
        labels=(evidence, "outputnode.figure_names", "desc"),
        label=name,
        datatype="figures",
    )
