"""The parts of the main job, and how they are connected."""

from collections.abc import Sequence
from dataclasses import dataclass

from nipype.interfaces.utility import Merge
from nipype.pipeline import engine as pe

from fmriprod.workflows.plan import RunPlan, SubjectPlan
from fmriprod.workflows.preparation import connect_preparation

FEATURES = ("features_file", "samples_file", "voxels_file")


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

    def run_plan(self, key: str) -> RunPlan:
        """Plan of the run with that key."""
        return next(run for run in self.plan.runs if run.key == key)


def connect_parts(workflow: pe.Workflow, parts: Parts) -> None:
    """Connect anatomy, reference, runs, region, features and evidence."""
    connect_preparation(workflow, parts.anat, parts.boldref, parts.runs)
    workflow.connect(parts.boldref, "outputnode.mask_file", parts.region, "inputnode.mask_file")
    for key, run in parts.runs.items():
        workflow.connect([
            (run, parts.features[key], [("outputnode.bold_file", "inputnode.bold_file")]),
            (parts.boldref, parts.features[key], [("outputnode.mask_file",
                                                   "inputnode.brain_mask")]),
            (parts.region, parts.features[key], [("outputnode.mask_file",
                                                  "inputnode.region_file")]),
        ])  # fmt: skip
        parts.features[key].inputs.inputnode.events_file = parts.run_plan(key).events_file
    choosing = [parts.runs[key] for key in parts.plan.region_runs]
    for field in ("effect_files", "variance_files"):
        gather(workflow, choosing, (f"outputnode.{field}", first_file), parts.region, field)
    gather(workflow, choosing, "outputnode.dof", parts.region, "dof")
    for question in parts.plan.evidence:
        sources = [parts.features[key] for key in question.runs]
        for field in FEATURES:
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
