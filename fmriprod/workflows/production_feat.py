"""A participant of a study of recognition and drawing, modelled with FEAT of FSL."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nipype.interfaces.utility import IdentityInterface, Merge
from nipype.pipeline import engine as pe

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.contrasts import parse_contrasts, word
from fmriprod.interfaces.save_fsf import SaveFsf, SaveHigherFsf
from fmriprod.workflows.anat import init_anat_wf
from fmriprod.workflows.feat import init_feat_mean_wf, init_feat_wf
from fmriprod.workflows.parts import gather
from fmriprod.workflows.plan import RunPlan
from fmriprod.workflows.plan_production import ProductionPlan
from fmriprod.workflows.record_names import graph_word
from fmriprod.workflows.resources import image_gb
from fmriprod.workflows.save import Destination, save
from fmriprod.workflows.study_feat import feat_options
from fmriprod.workflows.study_model import Study

FOLDER = "fsl"
SPACE = "MNI152NLin6Asym"  # FSL's standard space
_MAPS = {"cope_files": "effect", "variance_files": "variance", "z_files": "z"}


def init_production_feat_wf(
    plan: ProductionPlan,
    study: Study,
    *,
    out_dir: str,
    bids_dir: str,
    record_dir: str | None = None,
    run_feat: bool = True,
    slice_timing: str = "interleaved",
    z_threshold: float = 2.3,
    task_z_thresholds: Mapping[str, float] | None = None,
    linear_tasks: Sequence[str] = ("drawing",),
    mean_tasks: Sequence[str] = ("drawing",),
    axis_codes: str = "LAS",
    skullstrip_engine: str = "python",
    omp_nthreads: int = 1,
    name: str | None = None,
) -> pe.Workflow:
    """Build FEAT's analysis of one participant: each run, and the mean over runs of drawing.

    Series are taken as they were measured, so that slices lie along the third axis. What the
    study file does not say is as in Fan et al. (2020). The settings are saved in any case, in
    ``<out_dir>/sub-<label>/fsl``, and name what lies there: ``feat`` can be run on them.

    Parameters
    ----------
    plan : ProductionPlan
        Runs and objects, as `plan_production` decides them.
    study : Study
        As `read_study` reads it; its engine may be any.
    out_dir, bids_dir : str
        Derivatives dataset that results go to, and the raw dataset.
    record_dir : str, optional
        Empty folder in which savers note what they wrote.
    run_feat : bool
        Run FEAT, which must be installed, and save its maps; if not, the settings are all.
    slice_timing : str
        Order of the slices, as `RenderFsf` takes it.
    z_threshold : float
        z that makes a cluster.
    task_z_thresholds : mapping of str to float, optional
        The same for single tasks, by default 3.1 for drawing.
    linear_tasks, mean_tasks : sequence of str
        Tasks whose runs are brought to the standard space by an affine map only, and tasks
        whose runs are averaged (fixed effects) where there are at least two.
    axis_codes, skullstrip_engine : str
        As `init_anat_wf` takes them.
    omp_nthreads : int
        Threads that one step may use.
    name : str, optional
        Name of the workflow, ``sub_<label>_wf`` by default.

    Inputs
    ------
    standard_file
        Brain of the standard space, such as `standard_brain` finds

    Outputs
    -------
    fsf_files
        Saved first-level settings, in the order of the runs
    mean_fsf_files
        Saved settings of the means, in the order of ``mean_tasks``

    Returns
    -------
    nipype.pipeline.engine.Workflow

    Raises
    ------
    InputError
        If runs that are averaged have different contrasts.
    ExceptionGroup of InputError
        Settings of the study that FEAT has no counterpart of.
    """
    thresholds = {"drawing": 3.1} if task_z_thresholds is None else dict(task_z_thresholds)
    shared = {**feat_options(study), "slice_timing": slice_timing}
    workflow = pe.Workflow(name=name or f"sub_{graph_word(plan.subject)}_wf")
    inputnode = pe.Node(IdentityInterface(fields=["standard_file"]), name="inputnode")
    fields = ["fsf_files", "mean_fsf_files"]
    outputnode = pe.Node(IdentityInterface(fields=fields), name="outputnode")
    anat = init_anat_wf(
        axis_codes=axis_codes,
        skullstrip_engine=skullstrip_engine,
        t1w_gb=image_gb(plan.t1w_file),
        omp_nthreads=omp_nthreads,
    )
    anat.inputs.inputnode.t1w_file = plan.t1w_file
    runs = {
        run.key: _build_run(
            run, run_feat, **shared, nonlinear=run.task not in linear_tasks,
            z_threshold=thresholds.get(run.task, z_threshold),
        )
        for run in plan.runs
    }  # fmt: skip
    for feat in runs.values():
        workflow.connect([
            (anat, feat, [("outputnode.t1w_file", "inputnode.t1w_file"),
                          ("outputnode.brain_file", "inputnode.brain_file")]),
            (inputnode, feat, [("standard_file", "inputnode.standard_file")]),
        ])  # fmt: skip
    folder = str(Path(out_dir, f"sub-{plan.subject}", FOLDER))
    saver = _save_settings(workflow, runs, folder)
    workflow.connect(saver, "out_files", outputnode, "fsf_files")
    averaged = _averaged(plan, mean_tasks)
    _save_means(workflow, saver, plan, averaged, folder)
    saving: dict[str, Any] = {"out_dir": out_dir, "bids_dir": bids_dir, "record_dir": record_dir}
    destination = Destination(source_file=plan.t1w_file, dismiss=("ses",), **saving)
    save(workflow, (anat, "outputnode.figure"), "t1w_figure", destination, "T1w",
         desc="skullstrip", datatype="figures")  # fmt: skip
    if run_feat:
        _save_maps(workflow, runs, plan, saving)
        for task, own in averaged.items():
            _add_mean(workflow, task, own, runs, saving)
    return workflow


def run_contrasts(run: RunPlan) -> tuple[str, ...]:
    """List the contrasts of a run: those of its task, or each condition by itself."""
    return run.contrasts or tuple(word(name) for name in run.conditions)


def _names(run: RunPlan) -> tuple[str, ...]:
    return tuple(spec.name for spec in parse_contrasts(run_contrasts(run), run.conditions))


def _build_run(run: RunPlan, run_feat: bool, **options: Any) -> pe.Workflow:
    """Build FEAT's first level of a run."""
    feat = init_feat_wf(
        contrasts=run_contrasts(run),
        run_feat=run_feat,
        conditions=list(run.conditions),
        tr=run.tr,
        name=f"{run.key}_feat_wf",
        **options,
    )
    feat.inputs.inputnode.trait_set(bold_file=run.bold_file, events_file=run.events_file)
    return feat


def _averaged(plan: ProductionPlan, tasks: Sequence[str]) -> dict[str, tuple[RunPlan, ...]]:
    """Find the runs of each task that has at least two; they must have the same contrasts."""
    found = {task: plan.runs_of(task) for task in tasks if len(plan.runs_of(task)) > 1}
    for task, runs in found.items():
        different = dict.fromkeys(_names(run) for run in runs)
        if len(different) > 1:
            raise InputError(
                "mean_tasks", expected=f"runs of {task} with the same contrasts",
                found="; ".join(", ".join(names) for names in different),
                hint="leave the task out of the means",
            )  # fmt: skip
    return found


def _save_settings(workflow: pe.Workflow, runs: Mapping[str, pe.Workflow], folder: str) -> pe.Node:
    """Connect the saver of the first-level settings."""
    saver = pe.Node(SaveFsf(names=list(runs), folder=folder), name="save_settings", mem_gb=0.2)
    for output, field in (("fsf_file", "fsf_files"), ("input_files", "input_files")):
        gather(workflow, list(runs.values()), f"outputnode.{output}", saver, field)
    return saver


def _save_means(
    workflow: pe.Workflow,
    saver: pe.Node,
    plan: ProductionPlan,
    averaged: Mapping[str, tuple[RunPlan, ...]],
    folder: str,
) -> None:
    """Connect the savers of the settings of the means, which can be run after the others."""
    if not averaged:
        return
    keys = [run.key for run in plan.runs]
    merge = pe.Node(Merge(len(averaged)), name="gather_means", run_without_submitting=True)
    for number, (task, own) in enumerate(averaged.items(), 1):
        node = pe.Node(
            SaveHigherFsf(name=task, folder=folder),
            name=f"save_mean_settings_{graph_word(task)}",
            mem_gb=0.01,
        )
        places = [keys.index(run.key) for run in own]
        workflow.connect([
            (saver, node, [(("out_files", chosen, places), "fsf_files")]),
            (workflow.get_node("inputnode"), node, [("standard_file", "standard_file")]),
            (node, merge, [("out_file", f"in{number}")]),
        ])  # fmt: skip
    workflow.connect(merge, "out", workflow.get_node("outputnode"), "mean_fsf_files")


def chosen(files: list, places: list) -> list:
    """Take some of a list of files."""
    return [files[place] for place in places]


def _save_maps(
    workflow: pe.Workflow,
    runs: Mapping[str, pe.Workflow],
    plan: ProductionPlan,
    saving: dict[str, Any],
) -> None:
    """Save the maps of each run, in FEAT's grid of the run."""
    for run in plan.runs:
        destination = Destination(
            source_file=run.bold_file, sources=(run.bold_file, run.events_file), **saving
        )
        for field, kind in _MAPS.items():
            save(workflow, (runs[run.key], f"outputnode.{field}"), f"{run.key}_{kind}",
                 destination, "statmap", contrast=list(_names(run)), stat=kind,
                 desc="feat")  # fmt: skip


def _add_mean(
    workflow: pe.Workflow,
    task: str,
    own: Sequence[RunPlan],
    runs: Mapping[str, pe.Workflow],
    saving: dict[str, Any],
) -> None:
    """Average the runs of a task with FEAT, and save the maps, in the standard space."""
    names = _names(own[0])
    mean = init_feat_mean_wf(n_copes=len(names), name=f"{graph_word(task)}_mean_wf")
    inputnode = workflow.get_node("inputnode")
    workflow.connect(inputnode, "standard_file", mean, "inputnode.standard_file")
    sources = [runs[run.key] for run in own]
    gather(workflow, sources, "outputnode.first_cope", mean, "cope_files")
    destination = Destination(
        source_file=own[0].bold_file,
        sources=tuple(run.bold_file for run in own),
        dismiss=("run", "ses"),
        **saving,
    )
    for field, kind in _MAPS.items():
        save(workflow, (mean, f"outputnode.{field}"), f"{task}_mean_{kind}", destination,
             "statmap", space=SPACE, contrast=list(names), stat=kind, desc="feat")  # fmt: skip
