"""The main job for one participant: from raw images and events to evidence and a report."""

from nipype.interfaces.utility import IdentityInterface
from nipype.pipeline import engine as pe

from fmriprod.interfaces.dataset_description import is_simulated
from fmriprod.workflows.evidence import init_evidence_wf
from fmriprod.workflows.features import init_features_wf
from fmriprod.workflows.parts import Parts, connect_parts, gather
from fmriprod.workflows.plan import SubjectPlan
from fmriprod.workflows.preparation import build_preparation
from fmriprod.workflows.prepared_run import build_prepared, prepared_of
from fmriprod.workflows.record_names import graph_word
from fmriprod.workflows.region import init_region_wf
from fmriprod.workflows.report import connect_report
from fmriprod.workflows.resources import image_gb
from fmriprod.workflows.save_parts import save_parts, shared
from fmriprod.workflows.score import connect_score

DERIVATIVES_LINK = "preprocessed"  # name of that dataset in DatasetLinks and BIDS URIs


def init_subject_wf(
    plan: SubjectPlan,
    *,
    out_dir: str,
    bids_dir: str,
    record_dir: str | None = None,
    axis_codes: str = "LAS",
    skullstrip_engine: str = "python",
    motion_engine: str = "python",
    coregister_engine: str = "python",
    fwhm: float = 5.0,
    hrf: str = "spm + derivative",
    high_pass: float = 100.0,
    noise: str = "ar1",
    n_voxels: int = 1000,
    shift: float = 4.5,
    window: int = 1,
    past_end: str = "error",
    classifier: str = "logistic_ovr",
    n_permutations: int = 1000,
    seed: int = 0,
    dataset: str = "",
    simulated: bool | None = None,
    truth_file: str | None = None,
    omp_nthreads: int = 1,
    name: str | None = None,
) -> pe.Workflow:
    """Build the main job for one participant.

    Parameters
    ----------
    plan : SubjectPlan
        Which runs, contrasts and questions, as `plan_subject` decides them.
    out_dir, bids_dir : str
        Derivatives dataset that results go to, and the raw dataset.
    record_dir : str, optional
        Empty folder in which savers note what they wrote.
    axis_codes : str
        Side that each voxel axis shall run towards.
    skullstrip_engine, motion_engine, coregister_engine : str
        As `init_anat_wf`, `init_bold_wf` and `init_boldref_wf` take them.
    fwhm, hrf, high_pass, noise
        As `init_first_level_wf` takes them.
    n_voxels : int
        Size of the region of interest.
    shift, window, past_end
        As `init_features_wf` takes them.
    classifier, n_permutations, seed
        As `init_evidence_wf` takes them.
    dataset : str
        Name of the dataset, for the report.
    simulated : bool, optional
        Whether the report says that the data are simulated (default: with a ``truth_file``, and
        if ``bids_dir`` says so of itself).
    truth_file : str, optional
        ``truth.json`` of a simulated study: the report says how much of the truth was found.
    omp_nthreads : int
        Threads that one step may use.
    name : str, optional
        Name of the workflow, ``sub_<label>_wf`` by default.

    Outputs
    -------
    report_file
        The report (HTML)
    z_file
        Response to the task over the runs that choose the region
    region_file
        Mask of the region
    summary_files
        Summary of each evidence (JSON)

    Returns
    -------
    nipype.pipeline.engine.Workflow
    """
    workflow = pe.Workflow(name=name or f"sub_{graph_word(plan.subject)}_wf")
    outputnode = pe.Node(
        IdentityInterface(fields=["report_file", "z_file", "region_file", "summary_files"]),
        name="outputnode",
    )
    threads = {"omp_nthreads": omp_nthreads}
    saving = {"out_dir": out_dir, "bids_dir": bids_dir, "record_dir": record_dir}
    model = {"fwhm": fwhm, "hrf": hrf, "high_pass": high_pass, "noise": noise}
    if plan.derivatives is not None:
        saving["links"] = ((DERIVATIVES_LINK, plan.derivatives.root),)
        saving["spatial_reference"] = prepared_of(plan.runs[0]).boldref_file
        prepared = build_prepared(
            plan.t1w_file, plan.derivatives.t1w_mask, plan.runs, saving, **model, **threads
        )
    else:
        prepared = build_preparation(
            plan.t1w_file,
            plan.runs,
            saving,
            axis_codes=axis_codes,
            skullstrip_engine=skullstrip_engine,
            motion_engine=motion_engine,
            coregister_engine=coregister_engine,
            **model,
            **threads,
        )
    region = init_region_wf(n_voxels=n_voxels, **threads)
    features = {
        run.key: init_features_wf(
            subject=plan.subject,
            task=run.task,
            run_label=run.run_label,
            tr=run.tr,
            high_pass=high_pass,
            drift=run.drift,
            mode=run.sampling,
            shift=shift + run.lag,
            window=window if run.sampling == "events" else 1,
            past_end=past_end,
            bold_gb=image_gb(run.bold_file),
            name=f"features_{run.key}_wf",
            **threads,
        )
        for run in plan.runs
    }
    evidence = {
        question.name: init_evidence_wf(
            train=question.train,
            test=question.test,
            folds=question.folds,
            classifier=classifier,
            n_permutations=n_permutations,
            seed=seed,
            name=f"evidence_{graph_word(question.name)}_wf",
            **threads,
        )
        for question in plan.evidence
    }
    parts = Parts(plan, *prepared, region, features, evidence)
    connect_parts(workflow, parts)
    save_parts(workflow, parts, saving)
    if evidence:
        sources = list(evidence.values())
        gather(workflow, sources, "outputnode.summary_file", outputnode, "summary_files")
    files = [plan.t1w_file, *(run.bold_file for run in plan.runs)]
    page = shared(parts, files, saving)
    if simulated is None:
        simulated = truth_file is not None or is_simulated(bids_dir)
    report = connect_report(workflow, parts, page, dataset=dataset, simulated=simulated)
    if truth_file is not None:
        connect_score(workflow, parts, page, truth_file, report)
    workflow.connect([
        (region, outputnode, [("outputnode.mask_file", "region_file"),
                              ("outputnode.z_file", "z_file")]),
        (report, outputnode, [("out_file", "report_file")]),
    ])  # fmt: skip
    return workflow
