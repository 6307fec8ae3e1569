"""Responses of one subject's parcels to conditions, and a contrast of them."""

from collections.abc import Mapping
from typing import Any

from nipype.interfaces.utility import IdentityInterface
from nipype.pipeline import engine as pe

from fmriprod.interfaces.condition_average import ConditionAverage
from fmriprod.interfaces.network_summary import NetworkSummary
from fmriprod.interfaces.parcel_contrast import ParcelContrast
from fmriprod.interfaces.parcel_glm import ParcelGLM
from fmriprod.workflows.describe_nodes import Steps
from fmriprod.workflows.describe_words import (
    confounds_words,
    drift_words,
    noise_words,
    response_words,
)
from fmriprod.workflows.described_workflow import DescribedWorkflow

_WANTED = "contrast"
_INPUTS = ["series_files", "parcels_file", "events_files", "confounds_files"]


def init_parcel_task_wf(
    *,
    contrast: str,
    model: str = "glm",
    tr: float | None = None,
    model_options: Mapping[str, Any] | None = None,
    networks: bool = True,
    mem_gb: float = 0.5,
    name: str = "parcel_task_wf",
) -> pe.Workflow:
    """Build the workflow that measures responses of parcels and a contrast between conditions.

    Parameters
    ----------
    contrast : str
        Expression over the conditions, such as ``lh-rh``.
    model : {"glm", "average"}
        A model with a haemodynamic response and AR(1) noise; or the mean of the volumes of a
        condition, which knows neither.
    tr : float, optional
        Repetition time in s.
    model_options : mapping, optional
        Other inputs of `ParcelGLM` or `ConditionAverage`.
    networks : bool
        Summarise the contrast by network and hemisphere; parcels then need networks.
    mem_gb : float
        Memory to declare, in GB.
    name : str
        Name of the workflow.

    Inputs
    ------
    series_files
        Series of the runs (.npy, parcels x volumes)
    parcels_file
        Parcels of their rows (TSV)
    events_files
        Events of each run (TSV)
    confounds_files
        Confounds of each run (TSV), if the model takes some

    Outputs
    -------
    effects_file
        Effect of each condition (TSV)
    contrast_file
        The contrast, a row a parcel (TSV)
    network_file
        The contrast by network and hemisphere (TSV)

    Returns
    -------
    nipype.pipeline.engine.Workflow
    """
    workflow = DescribedWorkflow(name, _text)
    inputnode = pe.Node(IdentityInterface(fields=_INPUTS), name="inputnode")
    outputs = ["effects_file", "contrast_file", "network_file"]
    outputnode = pe.Node(IdentityInterface(fields=outputs), name="outputnode")
    given = {**({} if tr is None else {"tr": tr}), **(model_options or {})}
    fields = _INPUTS[:3]
    if model == "glm":
        # The fixed effect of a difference over runs is not the difference of fixed effects.
        given["contrasts"] = [*given.get("contrasts", ()), f"{_WANTED}={contrast}"]
        measure = pe.Node(ParcelGLM(**given), name="model", mem_gb=mem_gb)
        fields = _INPUTS if "confounds" in given else fields
    else:
        measure = pe.Node(ConditionAverage(**given), name="model", mem_gb=mem_gb)
    wanted = _WANTED if model == "glm" else contrast
    compare = pe.Node(ParcelContrast(contrast=wanted), name="contrast")
    workflow.connect([
        (inputnode, measure, [(field, field) for field in fields]),
        (measure, compare, [("effects_file", "effects_file")]),
        (measure, outputnode, [("effects_file", "effects_file")]),
        (compare, outputnode, [("contrast_file", "contrast_file")]),
    ])  # fmt: skip
    if networks:
        summary = pe.Node(NetworkSummary(), name="networks")
        workflow.connect([
            (inputnode, summary, [("parcels_file", "parcels_file")]),
            (compare, summary, [("contrast_file", "contrast_file")]),
            (summary, outputnode, [("table_file", "network_file")]),
        ])  # fmt: skip
    return workflow


def _text(steps: Steps) -> str:
    model, contrast = steps["model"], steps["contrast"].contrast
    if isinstance(steps.workflow.get_node("model").interface, ParcelGLM):
        expression = next(text for text in model.contrasts if text.startswith(f"{_WANTED}="))
        contrast = expression.removeprefix(f"{_WANTED}=") if contrast == _WANTED else contrast
        confounds = confounds_words(model.confounds)
        what = (
            f"a linear model with {response_words(model.hrf)}, "
            f"{f'{confounds}, ' if confounds else ''}{drift_words(model)} and "
            f"{noise_words(model)}, fitted with Nilearn [@nilearn]"
        )
    else:
        what = "the mean of the volumes during each condition"
    return f"Responses of parcels are from {what}; the contrast is {contrast}. "
