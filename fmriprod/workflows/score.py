"""For simulated studies: how much of what was planted was found."""

from pathlib import Path

from nipype.pipeline import engine as pe

from fmriprod.interfaces.score import ScoreDemo
from fmriprod.workflows.parts import Parts, gather
from fmriprod.workflows.save import Destination, save


def connect_score(
    workflow: pe.Workflow, parts: Parts, destination: Destination, truth_file: str, report: pe.Node
) -> pe.Node:
    """Compare the results with the truth of a simulated study, and show it in the report.

    Parameters
    ----------
    workflow : Workflow
        The main job of the participant; gets the node ``score``.
    parts : Parts
        Its parts, connected.
    destination : Destination
        Where the comparison is saved.
    truth_file : str
        ``truth.json`` that `SimulateStudy` wrote.
    report : Node
        The report.

    Returns
    -------
    Node
        The comparison.
    """
    plan = parts.plan
    score = pe.Node(
        ScoreDemo(
            truth_file=truth_file,
            subject=plan.subject,
            runs=[_scanned(run.bold_file) for run in plan.runs],
            reference_run=_scanned(plan.runs[0].bold_file),
            evidence_labels=[question.name for question in plan.evidence],
        ),
        name="score",
        mem_gb=0.5,
    )
    workflow.connect([
        (parts.anat, score, [("outputnode.mask_file", "brain_mask")]),
        (parts.boldref, score, [("outputnode.transform_file", "transform_file")]),
        (parts.region, score, [("outputnode.z_file", "z_file"),
                               ("outputnode.mask_file", "roi_file")]),
        (score, report, [("out_file", "truth_file")]),
    ])  # fmt: skip
    runs = list(parts.runs.values())
    gather(workflow, runs, "outputnode.transforms_file", score, "transforms_files")
    questions = list(parts.evidence.values())
    gather(workflow, questions, "outputnode.summary_file", score, "evidence_files")
    save(workflow, (score, "out_file"), "score", destination, "quality", desc="truth",
         datatype="func")  # fmt: skip
    return score


def _scanned(bold_file: str) -> str:
    """Name of a run as the truth has it, such as ``task-recognition_run-1``."""
    return Path(bold_file).name.split("_", 1)[1].removesuffix("_bold.nii.gz")
