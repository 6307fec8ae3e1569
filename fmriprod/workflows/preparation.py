"""What every analysis of a participant begins with: anatomy, reference, and each run."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from nipype.pipeline import engine as pe

from fmriprod.workflows.anat import init_anat_wf
from fmriprod.workflows.bold import init_boldref_wf
from fmriprod.workflows.plan import RunPlan
from fmriprod.workflows.resources import image_gb
from fmriprod.workflows.run import init_run_wf
from fmriprod.workflows.save import Destination


class Preparation(NamedTuple):
    """Workflows of a participant's images; ``runs`` by key of the run."""

    anat: pe.Workflow
    boldref: pe.Workflow
    runs: dict[str, pe.Workflow]


def build_preparation(
    t1w_file: str,
    runs: Sequence[RunPlan],
    saving: dict[str, Any],
    *,
    axis_codes: str = "LAS",
    skullstrip_engine: str = "python",
    motion_engine: str = "python",
    coregister_engine: str = "python",
    omp_nthreads: int = 1,
    **model: Any,
) -> Preparation:
    """Build the workflows that prepare, measure and model the runs of a participant.

    Parameters
    ----------
    t1w_file : str
        T1-weighted image.
    runs : sequence of RunPlan
        Runs; the first gives the reference of all.
    saving : dict
        ``out_dir``, ``bids_dir`` and ``record_dir`` of all destinations.
    axis_codes, skullstrip_engine, motion_engine, coregister_engine, omp_nthreads
        As `init_subject_wf` takes them.
    **model
        Options of the first-level model, as `init_run_wf` takes them.

    Returns
    -------
    Preparation
        Not yet connected.
    """
    threads = {"omp_nthreads": omp_nthreads}
    t1w_gb = image_gb(t1w_file)
    anat = init_anat_wf(
        axis_codes=axis_codes, skullstrip_engine=skullstrip_engine, t1w_gb=t1w_gb, **threads
    )
    anat.inputs.inputnode.t1w_file = t1w_file
    boldref = init_boldref_wf(
        axis_codes=axis_codes,
        motion_engine=motion_engine,
        coregister_engine=coregister_engine,
        bold_gb=image_gb(runs[0].bold_file),
        t1w_gb=t1w_gb,
        **threads,
    )
    boldref.inputs.inputnode.bold_file = runs[0].bold_file
    built = {
        run.key: init_run_wf(
            run,
            destination=Destination(source_file=run.bold_file, **saving),
            axis_codes=axis_codes,
            motion_engine=motion_engine,
            name=f"{run.key}_wf",
            **threads,
            **model,
        )
        for run in runs
    }
    return Preparation(anat, boldref, built)


def connect_preparation(
    workflow: pe.Workflow, anat: pe.Workflow, boldref: pe.Workflow, runs: dict[str, pe.Workflow]
) -> None:
    """Connect anatomy with reference, and reference with runs."""
    if "t1w_file" in boldref.get_node("inputnode").outputs.copyable_trait_names():
        workflow.connect([
            (anat, boldref, [("outputnode.t1w_file", "inputnode.t1w_file"),
                             ("outputnode.mask_file", "inputnode.t1w_mask")]),
        ])  # fmt: skip
    for run in runs.values():
        workflow.connect([
            (boldref, run, [("outputnode.reference_file", "inputnode.reference_file"),
                            ("outputnode.mask_file", "inputnode.mask_file")]),
        ])  # fmt: skip
