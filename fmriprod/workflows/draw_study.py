"""A study as one graph to be drawn: placeholder participants, and the group that they feed."""

from collections.abc import Iterator, Mapping
from typing import Any

from nipype.interfaces.utility import Merge
from nipype.pipeline import engine as pe

from fmriprod.workflows.draw_call import call_builder
from fmriprod.workflows.draw_placeholders import Placeholders
from fmriprod.workflows.parts import FEATURES
from fmriprod.workflows.plan_production import ProductionPlan
from fmriprod.workflows.prepare_group import Member
from fmriprod.workflows.production_feat import init_production_feat_wf
from fmriprod.workflows.production_group import init_production_group_wf
from fmriprod.workflows.production_names import TABLES, ParticipantResults
from fmriprod.workflows.production_parts import MAPS
from fmriprod.workflows.production_subject import init_production_subject_wf
from fmriprod.workflows.study_model import Study

_LEAST = 3  # participants that every kind of task mask can be made of
_OTHER = "other"
_SHARED = ("dataset", "simulated", "omp_nthreads")  # options of both levels
Sources = dict[str, tuple[pe.Workflow, str]]  # by file, what makes it


def build_study(
    study: Study, target: str, made: Placeholders, participants: int, options: Mapping[str, Any]
) -> pe.Workflow:
    """Build the participants of a study, and its group, which takes what they give.

    When a study runs, the group finds the results of participants on disk; here it is connected
    to the steps that make them. With FEAT there is no group.

    Parameters
    ----------
    study : Study
        As `read_study` reads it.
    target : str
        Its name, for messages.
    made : Placeholders
        Makes the files.
    participants : int
        Number of participants. A group of fewer than three is built as part of one of three, of
        whom the others are not drawn.
    options : mapping of str to object
        Arguments of the participants' builder.

    Returns
    -------
    nipype.pipeline.engine.Workflow
    """
    workflow = pe.Workflow(name="fmriprod")
    places = {"out_dir": str(made.folder), "bids_dir": str(made.folder)}
    members, sources = [], {}
    for n in range(1, participants + 1):
        plan = made.study_plan(study, f"{n:02d}")
        given = {"plan": plan, "study": study, **places}
        if study.glm.engine == "fsl":
            workflow.add_nodes([call_builder(init_production_feat_wf, target, given, options)])
            continue
        given["files"] = made.region_files(study, plan.subject)
        own = call_builder(init_production_subject_wf, target, given, options)
        workflow.add_nodes([own])
        members.append(_member(made, plan, study, own, sources))
    if members and study.evidence:
        others = [made.study_plan(study, f"{_OTHER}{n}") for n in range(participants, _LEAST)]
        members += [_member(made, plan, study, own, {}) for plan in others]
        both = {name: options[name] for name in _SHARED if name in options}
        group = init_production_group_wf(members, study, **places, **both)
        group.remove_nodes([node for node in group._graph.nodes if _OTHER in node.name])
        _join(workflow, group, sources)
    return workflow


def _member(
    made: Placeholders, plan: ProductionPlan, study: Study, own: pe.Workflow, sources: Sources
) -> Member:
    """Make a member with empty files as results, and note which step makes each."""

    def file(place: str, field: str) -> str | None:
        if own.get_node(place) is None:
            return None
        name = made.file(f"sub-{plan.subject}/results/{place}/{field.rpartition('.')[2]}")
        sources[name] = (own, f"{place}.{field}")
        return name

    used = {key for keys in plan.phases.values() for key in keys}
    features = tuple(
        tuple(file(f"patterns_{run.key}_wf", f"outputnode.{field}") for field in FEATURES)
        for run in plan.runs
        if run.key in used
    )
    tables = {field: file("evidence_wf", f"outputnode.{field}") for field in TABLES}
    maps = {kind: file(f"{kind}_in_template", "out_files") for kind in MAPS}
    results = ParticipantResults(
        plan.subject, file("anat_wf", "outputnode.t1w_file"),
        file("normalize_wf", "outputnode.transform_file"), features,
        {field: name for field, name in tables.items() if name},
        maps if all(maps.values()) else {}, file("differentiation", "differentiation_file"),
    )  # fmt: skip
    return Member(plan, made.region_files(study, plan.subject), results)


def _join(workflow: pe.Workflow, group: pe.Workflow, sources: Sources) -> None:
    """Connect the group to the steps that make the files that it is given."""
    workflow.add_nodes([group])
    for number, (place, files) in enumerate(_given(group), start=1):
        known = [sources[file] for file in files if file in sources]
        if len(files) == 1 and known:
            workflow.connect(*known[0], group, place)
        elif known:
            merge = pe.Node(Merge(len(known)), name=f"results_{number}")
            for n, source in enumerate(known, start=1):
                workflow.connect(*source, merge, f"in{n}")
            workflow.connect(merge, "out", group, place)


def _given(workflow: pe.Workflow, start: str = "") -> Iterator[tuple[str, list[str]]]:
    """List the inputs of all nodes, by their place in a workflow, that are set to texts."""
    for node in workflow._graph.nodes:
        if isinstance(node, pe.Workflow):
            yield from _given(node, f"{start}{node.name}.")
            continue
        for name, value in node.inputs.get().items():
            values = value if isinstance(value, list) else [value]
            if values and all(isinstance(each, str) for each in values):
                yield f"{start}{node.name}.{name}", values
