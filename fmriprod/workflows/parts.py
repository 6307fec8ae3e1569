"""The parts of the main job, and how they are connected and saved."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nipype.interfaces.utility import Merge
from nipype.pipeline import engine as pe

from fmriprod.workflows.plan import SubjectPlan
from fmriprod.workflows.save import Destination, save

_FEATURES = ("features_file", "samples_file", "voxels_file")


@dataclass(frozen=True)
class Parts:
    """Workflows of one participant; ``runs`` and ``features`` by key of the run."""

    plan: SubjectPlan
    anat: pe.Workflow
    boldref: pe.Workflow
    runs: dict[str, pe.Workflow]
    region: pe.Workflow
    features: dict[str, pe.Workflow]
    evidence: dict[str, pe.Workflow]


def connect_parts(workflow: pe.Workflow, parts: Parts) -> None:
    """Connect anatomy, reference, runs, region, features and evidence."""
    workflow.connect([
        (parts.anat, parts.boldref, [("outputnode.t1w_file", "inputnode.t1w_file"),
                                     ("outputnode.mask_file", "inputnode.t1w_mask")]),
        (parts.boldref, parts.region, [("outputnode.mask_file", "inputnode.mask_file")]),
    ])  # fmt: skip
    for key, run in parts.runs.items():
        workflow.connect([
            (parts.boldref, run, [("outputnode.reference_file", "inputnode.reference_file"),
                                  ("outputnode.mask_file", "inputnode.mask_file")]),
            (run, parts.features[key], [("outputnode.bold_file", "inputnode.bold_file")]),
            (parts.boldref, parts.features[key], [("outputnode.mask_file",
                                                   "inputnode.brain_mask")]),
            (parts.region, parts.features[key], [("outputnode.mask_file",
                                                  "inputnode.region_file")]),
        ])  # fmt: skip
        parts.features[key].inputs.inputnode.events_file = _run(parts, key).events_file
    choosing = [parts.runs[key] for key in parts.plan.region_runs]
    for field in ("effect_files", "variance_files"):
        gather(workflow, choosing, (f"outputnode.{field}", first_file), parts.region, field)
    gather(workflow, choosing, "outputnode.dof", parts.region, "dof")
    for question in parts.plan.evidence:
        sources = [parts.features[key] for key in question.runs]
        for field in _FEATURES:
            target = parts.evidence[question.name]
            gather(workflow, sources, f"outputnode.{field}", target, f"{field}s")


def gather(
    workflow: pe.Workflow,
    sources: Sequence[pe.Node | pe.Workflow],
    output: str | tuple,
    target: pe.Node | pe.Workflow,
    field: str,
) -> None:
    """Connect the same output of several sources to one input that takes a list.

    Parameters
    ----------
    workflow : Workflow
        Gets a node ``gather_...``.
    sources : sequence of Node or Workflow
        In the order of the list.
    output : str or (str, function)
        Output of each, as `Workflow.connect` takes it.
    target : Node or Workflow
        Where the list goes: to ``inputnode.<field>`` of a workflow.
    field : str
        Name of the input.
    """
    merge = pe.Node(
        Merge(len(sources)),
        name=f"gather_{target.name.removesuffix('_wf')}_{field}",
        run_without_submitting=True,
        mem_gb=0.01,
    )
    for i, source in enumerate(sources, start=1):
        workflow.connect(source, output, merge, f"in{i}")
    inside = isinstance(target, pe.Workflow)
    workflow.connect(merge, "out", target, f"inputnode.{field}" if inside else field)


def first_file(files: list | str) -> str:
    """Take the first of a list of files (Nipype gives a list of one as the file itself)."""
    return files if isinstance(files, str) else files[0]


def save_parts(workflow: pe.Workflow, parts: Parts, saving: dict[str, Any]) -> None:
    """Connect savers to what is made once for a participant, and to features and evidence."""
    anatomical = Destination(source_file=parts.plan.t1w_file, **saving)
    for field, suffix, entities in (
        (
            "t1w_file",
            "T1w",
            {"desc": "preproc", "metadata": ["SkullStripped=false"], "compress": True},
        ),
        ("mask_file", "mask", {"desc": "brain", "compress": True}),
        ("figure", "T1w", {"desc": "skullstrip", "datatype": "figures"}),
    ):
        source = (parts.anat, f"outputnode.{field}")
        save(workflow, source, f"t1w_{field}", anatomical, suffix, **entities)
    first = parts.plan.runs[0].bold_file
    common = Destination(source_file=first, dismiss=("task", "run", "ses"), **saving)
    for field, suffix, entities in (
        ("reference_file", "boldref", {}),
        ("mask_file", "mask", {"desc": "brain", "datatype": "func"}),
        ("transform_file", "xfm", {"from_": "boldref", "to": "T1w", "mode": "image"}),
        ("coregister_figure", "boldref", {"desc": "coregister", "datatype": "figures"}),
        ("mask_figure", "boldref", {"desc": "mask", "datatype": "figures"}),
    ):
        source = (parts.boldref, f"outputnode.{field}")
        save(workflow, source, f"boldref_{field}", common, suffix, **entities)
    for field, suffix, entities in (
        ("mask_file", "mask", {"label": "task", "desc": "region", "datatype": "func"}),
        ("z_file", "statmap", {"contrast": "task", "stat": "z", "desc": "fixed"}),
    ):
        save(workflow, (parts.region, f"outputnode.{field}"), f"region_{field}", common, suffix,
             **entities)  # fmt: skip
    for key, features in parts.features.items():
        destination = Destination(source_file=_run(parts, key).bold_file, **saving)
        for field in _FEATURES:
            source, suffix = (features, f"outputnode.{field}"), field.removesuffix("_file")
            save(workflow, source, f"{key}_{suffix}", destination, suffix, label="task")
    for name, evidence in parts.evidence.items():
        for field, suffix in (("evidence_file", "evidence"), ("summary_file", "decoding")):
            source = (evidence, f"outputnode.{field}")
            save(workflow, source, f"{name}_{suffix}", common, suffix, label="task", desc=name)
        save(
            workflow, (evidence, "outputnode.figures"), f"{name}_figures", common, "decoding",
            labels=(evidence, "outputnode.figure_names", "desc"), label=name, datatype="figures",
        )  # fmt: skip


def _run(parts: Parts, key: str) -> Any:
    return next(run for run in parts.plan.runs if run.key == key)
