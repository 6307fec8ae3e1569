"""The parts of a group's analysis: task masks, what they make possible, and statistics."""

from collections.abc import Sequence

from nipype.interfaces.utility import Merge, Select
from nipype.pipeline import engine as pe

from fmriprod.interfaces.merge_tables import MergeTables
from fmriprod.workflows.group_statistics import init_group_statistics_wf
from fmriprod.workflows.prepare_group import Member
from fmriprod.workflows.production_member import init_member_wf, member_tables
from fmriprod.workflows.record_names import graph_word
from fmriprod.workflows.study_model import Study
from fmriprod.workflows.task_mask import init_task_mask_wf


def build_task_masks(
    members: Sequence[Member], study: Study, *, omp_nthreads: int = 1
) -> pe.Workflow | None:
    """Build the workflow of everyone's task mask; None if too few have its maps."""
    mask = study.task_mask
    if mask is None or why_no_task_mask(members, study):
        return None
    with_maps = [member for member in members if member.results.task_maps]
    workflow = init_task_mask_wf(
        model=mask.model,
        cluster_threshold=mask.z_cluster,
        threshold=mask.z_voxel,
        cluster_p=mask.cluster_p,
        min_voxels=mask.min_voxels,
        back=mask.back,
        voxel_size=study.grid.voxel_size,
        omp_nthreads=omp_nthreads,
    )
    inputs = workflow.inputs.inputnode
    for kind in ("effect", "variance"):
        setattr(inputs, f"{kind}_files", [m.results.task_maps[kind] for m in with_maps])
    inputs.map_subjects = [member.subject for member in with_maps]
    inputs.subjects = [member.subject for member in members]
    inputs.grid_files = [member.results.t1w_file for member in members]
    inputs.transform_files = [member.results.template_transform for member in members]
    return workflow


def why_no_task_mask(members: Sequence[Member], study: Study) -> str | None:
    """Say why the group gets no task masks though the study asks for them; None if it does."""
    mask = study.task_mask
    if mask is None:
        return None
    least = 2 if mask.model == "fixed" else 3
    have = [f"sub-{member.subject}" for member in members if member.results.task_maps]
    if len(have) >= least:
        return None
    return (
        f"task mask: left out with the regions within it; it needs maps of {mask.contrast} of "
        f"{least} participants, and there are those of {', '.join(have) or 'nobody'}"
    )


def build_members(
    workflow: pe.Workflow,
    members: Sequence[Member],
    study: Study,
    task_masks: pe.Workflow | None,
    *,
    omp_nthreads: int = 1,
) -> dict[str, pe.Workflow]:
    """Build and connect what the task masks make possible; by label of the participant."""
    if task_masks is None:
        return {}
    built = {}
    for place, member in enumerate(members):
        built[member.subject] = init_member_wf(member, study, omp_nthreads=omp_nthreads)
        choose = pe.Node(
            Select(index=[place]),
            name=f"task_mask_of_{graph_word(member.subject)}",
            run_without_submitting=True,
            mem_gb=0.01,
        )
        workflow.connect([
            (task_masks, choose, [("outputnode.out_masks", "inlist")]),
            (choose, built[member.subject], [("out", "inputnode.task_mask")]),
        ])  # fmt: skip
    return built


def build_statistics(study: Study, *, connectivity: bool, differentiation: bool) -> pe.Workflow:
    """Build the workflow of the statistics that the study asks for."""
    statistics = study.statistics
    within = next((q for q in study.evidence if q.scheme == "2way_within"), None)
    return init_group_statistics_wf(
        before=statistics.before or "pre",
        after=statistics.after or "post",
        production=production_phase(study),
        chance=1.0 / len(study.objects.labels),
        method=statistics.bootstrap,
        n_bootstrap=statistics.n_bootstrap,
        connectivity=connectivity,
        differentiation=differentiation,
        informational=within.scheme if within else None,
        seed=statistics.seed,
    )


def production_phase(study: Study) -> str:
    """Name the phase in which objects are drawn.

    The first that is tested with patterns of another task; without one, the first that is tested
    besides the phases that are compared.
    """
    for question in study.evidence:
        tasks = {study.phases[name].task for name in (question.test, question.train) if name}
        if len(tasks) > 1:
            return question.test
    compared = {study.statistics.before, study.statistics.after}
    tested = [question.test for question in study.evidence]
    return next((phase for phase in tested if phase not in compared), "drawing")


def collect_tables(
    workflow: pe.Workflow,
    members: Sequence[Member],
    study: Study,
    built: dict[str, pe.Workflow],
    field: str,
    key: Sequence[str],
) -> tuple[pe.Node, str] | None:
    """Give a participant's rows from before, and those that the task mask made possible.

    Returns
    -------
    (Node, str) or None
        Node and output with a list of tables, one a participant; None if nobody has any.
    """
    sources: list[tuple[pe.Node | pe.Workflow, str] | str] = []
    for member in members:
        early = member.results.tables.get(field)
        late = built.get(member.subject) if field in member_tables(member, study) else None
        if early and late:
            sources.append((_merged(workflow, member.subject, field, early, late, key), "out_file"))
        elif late:
            sources.append((late, f"outputnode.{field}"))
        elif early:
            sources.append(early)
    if not sources:
        return None
    merge = pe.Node(Merge(len(sources)), name=f"all_{field}", run_without_submitting=True)
    for place, source in enumerate(sources, start=1):
        if isinstance(source, str):
            setattr(merge.inputs, f"in{place}", source)
        else:
            workflow.connect(*source, merge, f"in{place}")
    return merge, "out"


def _merged(
    workflow: pe.Workflow,
    subject: str,
    field: str,
    early: str,
    late: pe.Workflow,
    key: Sequence[str],
) -> pe.Node:
    """Put the rows of two tables of a participant into one."""
    what = f"{graph_word(subject)}_{field}"
    both = pe.Node(Merge(2), name=f"both_{what}", run_without_submitting=True)
    both.inputs.in1 = early
    name = f"sub-{subject}_{field.removesuffix('_file')}.tsv"
    merge = pe.Node(MergeTables(key=list(key), out_name=name), name=f"merge_{what}", mem_gb=0.2)
    workflow.connect([
        (late, both, [(f"outputnode.{field}", "in2")]),
        (both, merge, [("out", "in_files")]),
    ])  # fmt: skip
    return merge
