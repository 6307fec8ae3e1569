"""A participant of a study of recognition and drawing: from raw images to evidence by region."""

from typing import Any

from nipype.interfaces.utility import IdentityInterface
from nipype.pipeline import engine as pe

from fmriprod.interfaces.dataset_description import is_simulated
from fmriprod.workflows.describe_nodes import Steps, phrase
from fmriprod.workflows.described_workflow import DescribedWorkflow
from fmriprod.workflows.normalize import init_normalize_wf
from fmriprod.workflows.plan_production import ProductionPlan
from fmriprod.workflows.preparation import build_preparation
from fmriprod.workflows.production_connect import connect_production
from fmriprod.workflows.production_parts import (
    MAPS,
    ProductionParts,
    build_differentiation,
    build_effects,
    build_evidence,
    build_patterns,
    build_task_effect,
    build_task_maps,
)
from fmriprod.workflows.production_regions import RegionFiles, build_regions
from fmriprod.workflows.production_report import connect_production_report
from fmriprod.workflows.production_save import save_production
from fmriprod.workflows.record_names import graph_word
from fmriprod.workflows.study_feat import refuse_feat
from fmriprod.workflows.study_model import Study

_WAYS = {"linear": "linear interpolation", "spline": "cubic splines"}


def init_production_subject_wf(
    plan: ProductionPlan,
    study: Study,
    files: RegionFiles,
    *,
    out_dir: str,
    bids_dir: str,
    record_dir: str | None = None,
    axis_codes: str = "LAS",
    skullstrip_engine: str = "python",
    motion_engine: str = "python",
    coregister_engine: str = "python",
    normalize_engine: str = "python",
    dataset: str = "",
    simulated: bool | None = None,
    omp_nthreads: int = 1,
    name: str | None = None,
) -> pe.Workflow:
    """Build the analysis of one participant of a study.

    Parameters
    ----------
    plan : ProductionPlan
        Runs, phases and objects, as `plan_production` decides them.
    study : Study
        As `read_study` reads it.
    files : RegionFiles
        Labels and surfaces of the participant.
    out_dir, bids_dir : str
        Derivatives dataset that results go to, and the raw dataset.
    record_dir : str, optional
        Empty folder in which savers note what they wrote.
    axis_codes : str
        Side that each voxel axis shall run towards.
    skullstrip_engine, motion_engine, coregister_engine, normalize_engine : str
        As `init_anat_wf`, `init_bold_wf`, `init_boldref_wf` and `init_normalize_wf` take them.
    dataset : str
        Name of the dataset, for the report.
    simulated : bool
        Whether the report says that the data are simulated.
    omp_nthreads : int
        Threads that one step may use.
    name : str, optional
        Name of the workflow, ``sub_<label>_wf`` by default.

    Outputs
    -------
    report_file
        The report (HTML)
    evidence_file
        A row a region, question and sample (TSV)
    scores_file
        A row a region and question (TSV)
    mask_files
        Masks of the regions in the grid of the patterns
    region_names
        Their names

    Returns
    -------
    nipype.pipeline.engine.Workflow

    Raises
    ------
    InputError
        If the study asks for FEAT: see `init_production_feat_wf`.
    """
    refuse_feat(study)
    effects = build_effects(study, plan)
    task_effect = build_task_effect(study, plan)
    differentiation = build_differentiation(study, plan, effects)
    last = differentiation or task_effect
    workflow = DescribedWorkflow(
        name or f"sub_{graph_word(plan.subject)}_wf",
        _text,
        at=last.name if last else None,
        each="participant",
    )
    fields = ["report_file", "evidence_file", "scores_file", "mask_files", "region_names"]
    outputnode = pe.Node(IdentityInterface(fields=fields), name="outputnode")
    saving: dict[str, Any] = {"out_dir": out_dir, "bids_dir": bids_dir, "record_dir": record_dir}
    glm = study.glm
    prepared = build_preparation(
        plan.t1w_file,
        plan.runs,
        saving,
        axis_codes=axis_codes,
        skullstrip_engine=skullstrip_engine,
        motion_engine=motion_engine,
        coregister_engine=coregister_engine,
        fwhm=glm.fwhm,
        hrf=glm.hrf,
        high_pass=glm.high_pass,
        noise=glm.noise,
        confounds=glm.confounds,
        omp_nthreads=omp_nthreads,
    )
    parts = ProductionParts(
        plan,
        study,
        prepared,
        build_regions(study, files),
        init_normalize_wf(engine=normalize_engine, omp_nthreads=omp_nthreads),
        build_patterns(study, plan, omp_nthreads),
        build_evidence(study, plan),
        task_effect,
        build_task_maps() if task_effect else {},
        effects,
        differentiation,
    )
    connect_production(workflow, parts)
    save_production(workflow, parts, saving)
    simulated = is_simulated(bids_dir) if simulated is None else simulated
    report = connect_production_report(
        workflow, parts, saving, dataset=dataset, simulated=simulated
    )
    workflow.connect([
        (report, outputnode, [("out_file", "report_file")]),
        (parts.regions, outputnode, [("outputnode.mask_files", "mask_files"),
                                     ("outputnode.region_names", "region_names")]),
    ])  # fmt: skip
    if parts.evidence is not None:
        workflow.connect([
            (parts.evidence, outputnode, [("outputnode.evidence_file", "evidence_file"),
                                          ("outputnode.scores_file", "scores_file")]),
        ])  # fmt: skip
    return workflow


def _text(steps: Steps) -> str:
    """Sentences on the nodes that are in no workflow of their own."""
    text = ""
    if "task_effect" in steps:
        names = steps["save_task_effect_boldref"].contrast
        ways = [phrase(_WAYS, steps[f"{kind}_in_template"].interpolation) for kind in MAPS]
        text += (
            f"The contrast{f' `{names[0]}`' if names else ''} was averaged over runs, weighted by "
            f"precision (fixed effects), and the effect was brought to the template by {ways[0]}, "
            f"its variance by {ways[1]}. "
        )
    if "differentiation" in steps:
        step = steps["differentiation"]
        text += (
            "Differentiation of the two trained objects, and of the two control objects, was "
            f"measured in each region with {len(step.before_runs)} runs before drawing and "
            f"{len(step.after_runs)} runs after it: the correlation distance between the effects "
            "of the two objects in different runs, less that of each object to itself, after "
            "drawing less before it [@fan2020]. "
        )
    return text
