"""The parts of a participant's analysis in a study of recognition and drawing."""

from dataclasses import dataclass, field
from typing import Any

from nipype.pipeline import engine as pe

from fmriprod.algorithms.contrasts import parse_contrasts
from fmriprod.interfaces.differentiation import Differentiation
from fmriprod.interfaces.fixed_effects import FixedEffects
from fmriprod.interfaces.resample_to_grid import ResampleToGrid
from fmriprod.interfaces.template import SPACE as TEMPLATE
from fmriprod.workflows.parts import FEATURES, gather
from fmriprod.workflows.patterns import init_patterns_wf
from fmriprod.workflows.plan import RunPlan
from fmriprod.workflows.plan_production import ProductionPlan, lacking_differentiation
from fmriprod.workflows.preparation import Preparation
from fmriprod.workflows.region_evidence import init_region_evidence_wf
from fmriprod.workflows.resources import image_gb
from fmriprod.workflows.study_model import Evidence, Study
from fmriprod.workflows.study_words import task_regions

MAPS = ("effect", "variance")


@dataclass(frozen=True)
class ProductionParts:
    """Workflows and nodes of one participant; what is not asked for is None or empty."""

    plan: ProductionPlan
    study: Study
    prepared: Preparation
    regions: pe.Workflow
    normalize: pe.Workflow
    patterns: dict[str, pe.Workflow]
    evidence: pe.Workflow | None = None
    task_effect: pe.Node | None = None
    task_maps: dict[str, pe.Node] = field(default_factory=dict)
    effects: dict[str, pe.Node] = field(default_factory=dict)
    differentiation: pe.Node | None = None

    @property
    def anat(self) -> pe.Workflow:
        """Workflow of the T1-weighted image."""
        return self.prepared.anat

    @property
    def boldref(self) -> pe.Workflow:
        """Workflow of the reference of all runs."""
        return self.prepared.boldref

    @property
    def runs(self) -> dict[str, pe.Workflow]:
        """Workflows of the runs, by key."""
        return self.prepared.runs

    def run_plan(self, key: str) -> RunPlan:
        """Find the plan of the run with that key."""
        return next(run for run in self.plan.runs if run.key == key)


def phase_texts(plan: ProductionPlan) -> list[str]:
    """Write the phases of a participant as `RegionEvidence` takes them."""
    runs = {run.key: run for run in plan.runs}
    return [
        f"{name}={runs[keys[0]].task}:{','.join(runs[key].run_label for key in keys)}"
        for name, keys in plan.phases.items()
    ]


def questions(study: Study, plan: ProductionPlan, *, with_task: bool) -> list[dict[str, Any]]:
    """List the questions that can be put to a participant, as `init_region_evidence_wf` takes them.

    Parameters
    ----------
    study : Study
        With the questions.
    plan : ProductionPlan
        With the phases that the participant has.
    with_task : bool
        Those about regions that depend on the task mask, or those about the others.

    Returns
    -------
    list of dict
        A question without a region of that kind, or without its phases, is not there.
    """
    dependent = task_regions(study)
    found = []
    for question in study.evidence:
        names = question.regions or tuple(study.regions.definitions)
        regions = [name for name in names if (name in dependent) is with_task]
        phases = {question.test, question.train} - {None}
        if regions and phases <= set(plan.phases):
            found.append(_scheme(question, regions))
    return found


def _scheme(question: Evidence, regions: list[str]) -> dict[str, Any]:
    options = {
        "name": question.name,
        "scheme": question.scheme,
        "test_phase": question.test,
        "regions": regions,
        "classifier": question.classifier,
        "standardize": question.standardize,
        "C": question.C,
    }
    return options | ({"train_phase": question.train} if question.train else {})


def build_patterns(
    study: Study, plan: ProductionPlan, omp_nthreads: int = 1
) -> dict[str, pe.Workflow]:
    """Build the workflow of each run that takes its patterns; by key of the run."""
    used = {key for keys in plan.phases.values() for key in keys}
    built = {}
    for run in plan.runs:
        if run.key not in used:
            continue
        samples = plan.samples[run.task]
        built[run.key] = init_patterns_wf(
            subject=plan.subject,
            task=run.task,
            run_label=run.run_label,
            labels=run.conditions,
            tr=run.tr,
            high_pass=study.glm.high_pass,
            drift=study.grid.filter,
            voxel_size=study.grid.voxel_size,
            shift=samples.lag,
            shift_volumes=samples.shift_volumes,
            window=samples.window,
            past_end=samples.past_end,
            bold_gb=image_gb(run.bold_file),
            omp_nthreads=omp_nthreads,
            name=f"patterns_{run.key}_wf",
        )
        built[run.key].inputs.inputnode.events_file = run.events_file
    return built


def build_evidence(
    study: Study, plan: ProductionPlan, *, with_task: bool = False, missing: str = "error"
) -> pe.Workflow | None:
    """Build the workflow of the questions to the patterns; None if there are none."""
    schemes = questions(study, plan, with_task=with_task)
    if not schemes:
        return None
    return init_region_evidence_wf(
        schemes=schemes,
        phases=phase_texts(plan),
        labels=study.objects.labels,
        trained=plan.trained,
        missing=missing,
        name="evidence_wf",
    )


def connect_features(
    workflow: pe.Workflow, parts: ProductionParts, target: pe.Node | pe.Workflow
) -> None:
    """Give the features of all runs, and the regions, to what decodes them."""
    sources = list(parts.patterns.values())
    for name in FEATURES:
        gather(workflow, sources, f"outputnode.{name}", target, f"{name}s")
    workflow.connect([
        (parts.regions, target, [("outputnode.mask_files", "inputnode.mask_files"),
                                 ("outputnode.region_names", "inputnode.region_names")]),
    ])  # fmt: skip


def build_task_effect(study: Study, plan: ProductionPlan) -> pe.Node | None:
    """Build the node that combines the runs of the task that the task mask is made of."""
    if study.task_mask is None or not plan.runs_of(study.task_mask.task):
        return None
    return pe.Node(FixedEffects(), name="task_effect", mem_gb=0.5)


def build_task_maps() -> dict[str, pe.Node]:
    """Build the nodes that bring effect and variance to the template; a variance stays positive."""
    return {
        kind: pe.Node(
            ResampleToGrid(interpolation=interpolation, space=TEMPLATE, compress=True),
            name=f"{kind}_in_template",
            mem_gb=0.5,
        )
        for kind, interpolation in zip(MAPS, ("spline", "linear"), strict=True)
    }


def differentiation_phases(study: Study, plan: ProductionPlan) -> tuple[str, str] | None:
    """Phases that differentiation compares; None if that is not asked for, or one has one run."""
    table = study.differentiation
    if table is None or lacking_differentiation(study, plan.phases):
        return None
    return table.before, table.after


def build_effects(study: Study, plan: ProductionPlan) -> dict[str, pe.Node]:
    """Build the nodes that bring the effects of runs of recognition into the grid."""
    compared = differentiation_phases(study, plan)
    if compared is None:
        return {}
    keys = (*plan.phases[compared[0]], *plan.phases[compared[1]])
    nodes = {}
    for key in keys:
        to_grid = ResampleToGrid(interpolation="spline", space="T1w")
        if study.grid.voxel_size is not None:
            to_grid.inputs.voxel_size = study.grid.voxel_size
        nodes[key] = pe.Node(to_grid, name=f"effects_{key}", mem_gb=0.5)
    return nodes


def build_differentiation(
    study: Study, plan: ProductionPlan, effects: dict[str, pe.Node]
) -> pe.Node | None:
    """Build the node that measures how similar objects become; it needs two and two objects."""
    table = study.differentiation
    if not effects or table is None or (len(plan.trained), len(plan.controls)) != (2, 2):
        return None
    named = [(key, name) for key in effects for name in study.objects.labels]
    return pe.Node(
        Differentiation(
            subject=plan.subject,
            runs=[key for key, _ in named],
            labels=[name for _, name in named],
            before_runs=list(plan.phases[table.before]),
            after_runs=list(plan.phases[table.after]),
            trained=list(plan.trained),
            control=list(plan.controls),
        ),
        name="differentiation",
        mem_gb=0.5,
    )


def object_maps(study: Study, run: RunPlan) -> list[int]:
    """Places of the contrasts of single objects, in the order of the study's objects."""
    weights = [spec.weights for spec in parse_contrasts(run.contrasts, run.conditions)]
    return [weights.index({name: 1.0}) for name in study.objects.labels]


def contrast_place(run: RunPlan, name: str) -> int:
    """Place of a contrast among those of a run."""
    return run.contrast_names.index(name)
