"""What the group's task mask makes possible for each of its members."""

from itertools import combinations

from nipype.interfaces.utility import IdentityInterface
from nipype.pipeline import engine as pe

from fmriprod.workflows.connectivity import init_connectivity_wf
from fmriprod.workflows.parts import FEATURES
from fmriprod.workflows.prepare_group import Member
from fmriprod.workflows.production_parts import build_evidence, questions
from fmriprod.workflows.production_regions import build_regions
from fmriprod.workflows.record_names import graph_word
from fmriprod.workflows.study_model import Study
from fmriprod.workflows.study_words import TASK


def init_member_wf(
    member: Member, study: Study, *, omp_nthreads: int = 1, name: str | None = None
) -> pe.Workflow:
    """Build the analysis of one member's regions that depend on the task mask.

    Parameters
    ----------
    member : Member
        Whose features and labels.
    study : Study
        With regions, questions and connectivity.
    omp_nthreads : int
        Threads that one step may use.
    name : str, optional
        Name of the workflow, ``sub_<label>_wf`` by default.

    Inputs
    ------
    task_mask
        Task mask from the others, in the grid of the patterns

    Outputs
    -------
    mask_files
        Masks of all regions
    region_names
        Their names
    counts_file
        Voxels of each region (TSV)
    evidence_file
        Evidence in regions that depend on the task mask (TSV), where a question asks for it
    scores_file
        Their scores (TSV)
    time_courses_file
        Their time courses (TSV)
    connectivity_file
        Evidence in connectivity (TSV), where the study asks for it and the phase is there

    Returns
    -------
    nipype.pipeline.engine.Workflow
    """
    workflow = pe.Workflow(name=name or f"sub_{graph_word(member.subject)}_wf")
    inputnode = pe.Node(IdentityInterface(fields=["task_mask"]), name="inputnode")
    tables = ["evidence_file", "scores_file", "time_courses_file"]
    made = ["mask_files", "region_names", "counts_file"]
    outputnode = pe.Node(
        IdentityInterface(fields=[*made, *tables, "connectivity_file"]), name="outputnode"
    )
    # A task mask may leave nothing of a region.
    regions = build_regions(study, member.regions, empty="keep")
    regions.inputs.inputnode.reference_file = member.results.t1w_file
    regions.inputs.inputnode.mask_names = [TASK]
    workflow.connect([
        (inputnode, regions, [("task_mask", "inputnode.mask_files")]),
        (regions, outputnode, [(f"outputnode.{field}", field) for field in made]),
    ])  # fmt: skip
    evidence = build_evidence(study, member.plan, with_task=True, missing="skip")
    if evidence is not None:
        _give_features(workflow, member, regions, evidence, keys=None)
        workflow.connect(
            [(evidence, outputnode, [(f"outputnode.{field}", field) for field in tables])]
        )
    connectivity = study.connectivity
    if connectivity is not None and connectivity.phase in member.plan.phases:
        pairs = init_connectivity_wf(
            pairs=list(combinations(connectivity.regions, 2)),
            features=connectivity.features,
            schemes=connectivity.versions,
            missing="skip",
            omp_nthreads=omp_nthreads,
        )
        keys = member.plan.phases[connectivity.phase]
        _give_features(workflow, member, regions, pairs, keys=keys)
        workflow.connect(pairs, "outputnode.evidence_file", outputnode, "connectivity_file")
    return workflow


def member_tables(member: Member, study: Study) -> tuple[str, ...]:
    """List the tables that `init_member_wf` makes of a member."""
    evidence = questions(study, member.plan, with_task=True)
    tables = ("evidence_file", "scores_file", "time_courses_file") if evidence else ()
    pairs = study.connectivity
    more = pairs is not None and pairs.phase in member.plan.phases
    return (*tables, "connectivity_file") if more else tables


def _give_features(
    workflow: pe.Workflow,
    member: Member,
    regions: pe.Workflow,
    target: pe.Workflow,
    *,
    keys: tuple[str, ...] | None,
) -> None:
    """Set the features of runs (all by default) and connect the regions."""
    used = {key for names in member.plan.phases.values() for key in names}
    present = [run.key for run in member.plan.runs if run.key in used]
    chosen = [
        files
        for key, files in zip(present, member.results.features, strict=True)
        if keys is None or key in keys
    ]
    for place, field in enumerate(FEATURES):
        setattr(target.inputs.inputnode, f"{field}s", [files[place] for files in chosen])
    workflow.connect([
        (regions, target, [("outputnode.mask_files", "inputnode.mask_files"),
                           ("outputnode.region_names", "inputnode.region_names")]),
    ])  # fmt: skip
