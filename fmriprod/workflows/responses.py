"""Responses of every voxel, run by run, for models of what was shown."""

from collections.abc import Sequence
from typing import Any

from nipype.interfaces.utility import IdentityInterface
from nipype.pipeline import engine as pe

from fmriprod.interfaces.run_responses import RunResponses
from fmriprod.workflows.describe_nodes import COMPUTED, Steps, phrase
from fmriprod.workflows.described_workflow import DescribedWorkflow

_SHOWN = 12  # confounds that are named
_DRIFT_TEXT = {
    "linear": "a straight line was removed from each voxel and run",
    "none": "nothing was removed from the series",
}
_SCALE_TEXT = {
    "zscore": "; each voxel was given a standard deviation of 1 in each run",
    "percent": "; responses are per cent of the voxel's mean",
}


def init_responses_wf(
    *,
    detrend: str = "linear",
    high_pass: float = 100.0,
    standardize: str = "none",
    confounds: Sequence[str] = (),
    confounds_nan: str = "error",
    shift: int = 0,
    drop_first: int = 0,
    drop_last: int = 0,
    runs: Sequence[str] = (),
    sessions: Sequence[str] = (),
    tr: float | None = None,
    mem_gb: float = 2.0,
    name: str = "responses_wf",
) -> pe.Workflow:
    """Build the workflow that turns runs into responses of the voxels of a mask.

    Series may come from `init_bold_wf`, or from fMRIPrep with its tables of confounds.

    Parameters
    ----------
    detrend : {"linear", "cosine", "running_line", "none"}
        What takes drifts out.
    high_pass : float
        Cut-off period in s of the filters.
    standardize : {"none", "zscore", "percent"}
        Of each voxel and run.
    confounds : sequence of str
        Columns of the confounds files to regress out.
    confounds_nan : {"error", "mean"}
        What to do with missing values in them, such as fMRIPrep's derivatives of a first volume.
    shift : int
        Volumes between a stimulus and its response.
    drop_first, drop_last : int
        Volumes of each run that are left out.
    runs, sessions : sequence of str
        Labels of each run; 1, 2, ... and none unless given.
    tr : float, optional
        Repetition time in s; that of the header by default.
    mem_gb : float
        Memory to declare, in GB.
    name : str
        Name of the workflow.

    Inputs
    ------
    bold_files
        Series, one a run, in one grid
    mask_file
        Voxels to take
    confounds_files
        Tables of confounds, one a run (TSV)

    Outputs
    -------
    responses_file
        Samples x voxels (.npy)
    samples_file
        Run, volume and time of each sample (TSV)
    voxels_file
        Place of each voxel (TSV)

    Returns
    -------
    nipype.pipeline.engine.Workflow
    """
    workflow = DescribedWorkflow(name, _text)
    inputs = ["bold_files", "mask_file", "confounds_files"]
    inputnode = pe.Node(IdentityInterface(fields=inputs), name="inputnode")
    outputs = ["responses_file", "samples_file", "voxels_file"]
    outputnode = pe.Node(IdentityInterface(fields=outputs), name="outputnode")
    interface = RunResponses(
        detrend=detrend, high_pass=high_pass, standardize=standardize,
        shift=shift, drop_first=drop_first, drop_last=drop_last, confounds_nan=confounds_nan,
    )  # fmt: skip
    for trait, value in {"runs": runs, "sessions": sessions, "confounds": confounds}.items():
        if value:
            setattr(interface.inputs, trait, list(value))
    if tr is not None:
        interface.inputs.tr = tr
    responses = pe.Node(interface, name="responses", mem_gb=mem_gb)
    fields = [("bold_files", "in_files"), ("mask_file", "mask_file")]
    if confounds:
        fields.append(("confounds_files", "confounds_files"))
    workflow.connect([
        (inputnode, responses, fields),
        (responses, outputnode, [(out, out) for out in outputs]),
    ])  # fmt: skip
    return workflow


def _text(steps: Steps) -> str:
    step = steps["responses"]
    slow = "drifts slower than {:g} s were removed from each voxel and run ({})".format
    removed = phrase(
        _DRIFT_TEXT
        | {"cosine": slow(step.high_pass, "cosines"),
           "running_line": slow(step.high_pass, "running line")},
        step.detrend,
    )  # fmt: skip
    if step.confounds:
        removed += f", and {_confounds_text(step.confounds)} were regressed out"
    late = f", and volumes were taken {step.shift} later than what was shown" if step.shift else ""
    left_out = [
        f"the {which} {n} volumes of each run were left out"
        for which, n in (("first", step.drop_first), ("last", step.drop_last)) if n
    ]  # fmt: skip
    scaled = _SCALE_TEXT | {"none": ""}
    text = "; ".join([f"{removed}{late}{phrase(scaled, step.standardize)}", *left_out])
    text = f"From the unsmoothed series {text}. "
    return text.replace("From the unsmoothed series nothing was removed from the series",
                        "Nothing was removed from the unsmoothed series")  # fmt: skip


def _confounds_text(confounds: Any) -> str:
    if confounds is COMPUTED or len(confounds) > _SHOWN:
        return f"its {confounds if confounds is COMPUTED else len(confounds)} confounds"
    return f"its confounds ({', '.join(map(str, confounds))})"
