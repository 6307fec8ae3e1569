"""One experiment of all subjects of the Neuromatch Academy's subset of the HCP."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nipype.interfaces.utility import IdentityInterface, Merge
from nipype.pipeline import engine as pe

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.hcp_runs import TR, run_numbers
from fmriprod.interfaces.neuromatch_layout import list_runs
from fmriprod.interfaces.neuromatch_runs import NeuromatchRuns
from fmriprod.workflows.parcel_group import init_parcel_group_wf
from fmriprod.workflows.parcel_rest import init_parcel_rest_wf
from fmriprod.workflows.parcel_task import init_parcel_task_wf

_MADE = {
    "contrast": ["group_file", "ranking_file", "top_file", "summary_file"],
    "connectivity": ["mean_file", "r_file", "t_file", "p_max_file", "q_file", "summary_file"],
}
_SKIP = {"missing_conditions": "skip", "not_estimable": "skip"}


def init_neuromatch_group_wf(
    dataset_dir: str | Path,
    *,
    experiment: str = "REST",
    contrast: str | None = None,
    conditions: Sequence[str] | None = None,
    model_options: Mapping[str, Any] | None = None,
    n_subjects: int | None = None,
    n_permutations: int = 10_000,
    name: str = "neuromatch_group_wf",
) -> pe.Workflow:
    """Build the workflow that tests connectivity, or a contrast, over subjects.

    Parameters
    ----------
    dataset_dir : str or Path
        Folder with ``subjects`` and ``regions.npy``; which subjects there are is looked up now.
    experiment : str
        ``REST`` or a task, such as ``MOTOR``.
    contrast : str, optional
        Expression over the task's conditions, such as ``lh-rh``; without it, connectivity.
    conditions : sequence of str, optional
        Conditions of the model of a contrast; by default all, but for sums of others in ``WM``.
        Name them where some contain others, such as ``story`` and ``present_story``.
    model_options : mapping, optional
        Inputs of `ParcelGLM`. ``missing_conditions`` and ``not_estimable`` are ``"skip"`` by
        default: an effect, that of the contrast too, comes from the runs that can answer it. One
        run without an error would else stop a subject.
    n_subjects : int, optional
        The first so many of those with all runs of the experiment; all unless given.
    n_permutations : int
        Sign flips of subjects.
    name : str
        Name of the workflow.

    Outputs
    -------
    parcels_file
        Parcels of all rows (TSV)
    group_file
        Mean, t, p, q and effect size of each parcel (TSV), of a contrast
    ranking_file
        Parcels by the size of their mean (TSV), of a contrast
    top_file
        The first of them (TSV), of a contrast
    mean_file
        Mean of Fisher's z of connectivity (.npy)
    r_file
        The same as correlation (.npy)
    t_file
        Student's t of connectivity (.npy)
    p_max_file
        Its p corrected by the largest value (.npy)
    q_file
        Its false discovery rate (.npy)
    summary_file
        Counts and settings (JSON)

    Returns
    -------
    nipype.pipeline.engine.Workflow

    Raises
    ------
    InputError
        If there are fewer subjects than asked for, no such experiment, rest has a contrast, or
        connectivity has conditions or options of a model.
    """
    subjects = _subjects(dataset_dir, experiment, contrast, n_subjects)
    if not contrast and (conditions is not None or model_options is not None):
        raise InputError(
            "conditions" if conditions is not None else "model_options",
            expected="none without a contrast: connectivity has no model",
            found=repr(conditions if conditions is not None else model_options),
            hint="name the contrast, or leave them out",
        )
    chosen = {} if conditions is None else {"conditions": list(conditions)}
    of = "contrast" if contrast else "connectivity"
    workflow = pe.Workflow(name)
    fields = dict.fromkeys(["parcels_file", *_MADE["contrast"], *_MADE["connectivity"]])
    outputnode = pe.Node(IdentityInterface(fields=list(fields)), name="outputnode")
    files = pe.Node(Merge(len(subjects)), name="files")
    group = init_parcel_group_wf(of=of, n_permutations=n_permutations)
    for number, subject in enumerate(subjects, 1):
        read = pe.Node(
            NeuromatchRuns(dataset_dir=str(Path(dataset_dir).absolute()), subject=subject,
                           experiment=experiment, **chosen), name=f"read_{subject}",
        )  # fmt: skip
        one = _subject_wf(contrast, model_options or {}, f"sub_{subject}")
        given = ["series_files", "parcels_file"] + ["events_files"] * bool(contrast)
        workflow.connect([
            (read, one, [(field, f"inputnode.{field}") for field in given]),
            (one, files, [(f"outputnode.{of}_file", f"in{number}")]),
        ])  # fmt: skip
    workflow.connect([
        (read, group, [("parcels_file", "inputnode.parcels_file")]),  # the same in all
        (read, outputnode, [("parcels_file", "parcels_file")]),
        (files, group, [("out", "inputnode.files")]),
        (group, outputnode, [(f"outputnode.{field}", field) for field in _MADE[of]]),
    ])  # fmt: skip
    return workflow


def _subject_wf(contrast: str | None, model_options: Mapping[str, Any], name: str) -> pe.Workflow:
    """Build what is done with the runs of one subject."""
    options: dict[str, Any] = {"networks": False, "name": name}
    if contrast:
        return init_parcel_task_wf(
            contrast=contrast, tr=TR, model_options=_SKIP | dict(model_options), **options
        )
    return init_parcel_rest_wf(fisher=False, **options)


def _subjects(
    dataset_dir: str | Path, experiment: str, contrast: str | None, n_subjects: int | None
) -> list[str]:
    """Find subjects with all runs of the experiment."""
    n_runs = len(run_numbers(experiment))
    if contrast and experiment == "REST":
        raise InputError(
            "contrast", expected="none at rest, which has no conditions", found=repr(contrast),
            hint="name a task as the experiment",
        )  # fmt: skip
    runs = list_runs(dataset_dir, experiment, missing="skip")[0]["subject"]
    subjects = [who for who, count in runs.value_counts(sort=False).items() if count == n_runs]
    if len(subjects) < max(2, n_subjects or 2):
        raise InputError(
            "n_subjects", expected=f"{max(2, n_subjects or 2)} subjects with {n_runs} runs of "
            f"{experiment}", found=f"{len(subjects)} in {dataset_dir}",
            hint="ask for fewer, and for two at least",
        )  # fmt: skip
    return subjects[:n_subjects]
