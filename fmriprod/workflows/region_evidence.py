"""Object evidence in all regions of a participant, by several schemes."""

from collections.abc import Sequence
from typing import Any

from nipype.interfaces.utility import IdentityInterface, Merge
from nipype.pipeline import engine as pe

from fmriprod.interfaces.merge_tables import MergeTables
from fmriprod.interfaces.region_evidence import RegionEvidence
from fmriprod.workflows.describe_nodes import Settings, Steps
from fmriprod.workflows.described_workflow import DescribedWorkflow
from fmriprod.workflows.evidence import classifier_words

_PUBLISHED = (
    {"scheme": "4way", "train_phase": "localizer", "test_phase": "drawing"},
    {"scheme": "within_phase", "test_phase": "pre"},
    {"scheme": "within_phase", "test_phase": "post"},
)
_PHASES = (
    "localizer=recognition:1,2",
    "pre=recognition:3,4",
    "post=recognition:5,6",
    "drawing=drawing",
)
_PAIR_ONLY = ("2way", "2way_within")  # schemes whose classifiers know the trained pair only
_TABLES = {
    "evidence": ["subject", "region", "phase", "scheme", "task", "run", "trial", "time_point"],
    "scores": ["subject", "region", "phase", "scheme"],
    "time_courses": ["subject", "region", "phase", "scheme", "by", "index"],
}


def init_region_evidence_wf(
    *,
    schemes: Sequence[dict[str, Any]] = _PUBLISHED,
    phases: Sequence[str] = _PHASES,
    labels: Sequence[str] = (),
    trained: Sequence[str] = (),
    missing: str = "error",
    n_permutations: int = 0,
    seed: int = 0,
    mem_gb: float = 2.0,
    name: str = "region_evidence_wf",
) -> pe.Workflow:
    """Build the workflow that weighs objects in all regions, one node a scheme.

    Parameters
    ----------
    schemes : sequence of dict
        Inputs of `RegionEvidence` for each scheme: ``scheme``, ``test_phase`` and what else
        differs (``train_phase``, ``regions``, ``classifier``, ``standardize``, ``C``, ...); an
        entry ``name`` names the node. By default the study's: from the localizer to drawing,
        and within recognition before and after.
    phases : sequence of str
        Which runs belong to which phase, as `RegionEvidence` takes them.
    labels, trained : sequence of str
        All objects (by default those of the samples), and the participant's trained pair.
    missing : {'error', 'skip'}
        What to do about phases without samples and regions without voxels.
    n_permutations, seed : int
        Permutations of the labels, and their seed.
    mem_gb : float
        Memory to declare for a node: twice the features of all runs, and some.
    name : str
        Name of the workflow.

    Inputs
    ------
    features_files
        Samples x voxels of each run, all voxels of any region (NPY)
    samples_files
        Their sample tables (TSV)
    voxels_files
        Their voxel tables (TSV)
    mask_files
        A mask for each region
    region_names
        Their names

    Outputs
    -------
    evidence_file
        A row a region, scheme and test sample (TSV)
    scores_file
        A row a region, phase and scheme (TSV)
    time_courses_file
        Probabilities of target, foil and control by time point, repetition and run (TSV)
    permutations_files
        Accuracies with permuted labels by scheme (TSV), where asked for
    notes
        What was left out, by scheme

    Returns
    -------
    nipype.pipeline.engine.Workflow
    """
    workflow = DescribedWorkflow(name, _text)
    inputs = ["features_files", "samples_files", "voxels_files", "mask_files", "region_names"]
    outputs = [*(f"{kind}_file" for kind in _TABLES), "permutations_files", "notes"]
    inputnode = pe.Node(IdentityInterface(fields=inputs), name="inputnode")
    outputnode = pe.Node(IdentityInterface(fields=outputs), name="outputnode")
    shared = {"phases": list(phases), "missing": missing, "seed": seed}
    shared |= {"n_permutations": n_permutations}
    shared |= {"labels": list(labels)} if labels else {}
    shared |= {"trained": list(trained)} if trained else {}
    nodes = [_scheme_node(options, shared, mem_gb) for options in schemes]
    for node in nodes:
        workflow.connect([(inputnode, node, [(field, field) for field in inputs])])
    merged = {**{kind: f"{kind}_file" for kind in _TABLES}, "notes": "notes"}
    merged |= {"permutations": "permutations_file"} if n_permutations else {}
    for kind, field in merged.items():
        collect = pe.Node(Merge(len(nodes)), name=f"collect_{kind}")
        for number, node in enumerate(nodes, start=1):
            workflow.connect(node, field, collect, f"in{number}")
        if kind not in _TABLES:
            target = "notes" if kind == "notes" else "permutations_files"
            workflow.connect(collect, "out", outputnode, target)
            continue
        merge = MergeTables(key=_TABLES[kind], out_name=f"{kind}.tsv")
        merge = pe.Node(merge, name=f"merge_{kind}")
        workflow.connect([
            (collect, merge, [("out", "in_files")]),
            (merge, outputnode, [("out_file", field)]),
        ])  # fmt: skip
    return workflow


def _scheme_node(options: dict[str, Any], shared: dict[str, Any], mem_gb: float) -> pe.Node:
    """Node of one scheme."""
    options = dict(options)
    name = options.pop("name", f"{options['scheme']}_{options['test_phase']}")
    return pe.Node(RegionEvidence(**shared | options), name=f"evidence_{name}", mem_gb=mem_gb)


def _text(steps: Steps) -> str:
    """Sentences for the methods section."""
    nodes = steps.named("evidence_")
    used = dict.fromkeys(map(_classifier, nodes))
    one = len(used) == 1
    parts = [_scheme(step) + ("" if one else f" by {_classifier(step)}") for step in nodes]
    by = f" by {next(iter(used))}" if one else ""
    text = (
        f"Evidence for each object in each region [@fan2020] is its log-probability{by}, "
        f"{'; '.join(parts)}. "
    )
    if any(step.trained for step in nodes):
        text += "Evidence for the target is set against that for the other trained object (foil)"
        text += f"{_control([step.scheme not in _PAIR_ONLY for step in nodes])}. "
    return text


def _scheme(step: Settings) -> str:
    """Say which samples train and which are tested."""
    if step.scheme in ("within_phase", "2way_within"):
        part = f"leaving out one run of phase `{step.test_phase}` at a time"
        if step.train_phase:
            part += f", training on the others and on phase `{step.train_phase}`"
    else:
        part = f"training on phase `{step.train_phase}` and testing on phase `{step.test_phase}`"
    null = f", {step.n_permutations:,} permutations" if step.n_permutations else ""
    return f"{part} (scheme `{step.scheme}`{null})"


def _classifier(step: Settings) -> str:
    floor = step.probability_floor
    raised = f", with probabilities below {floor:g} raised to it" if floor else ""
    return f"{classifier_words(step)}{raised}"


def _control(has_controls: list[bool]) -> str:
    """Say what is compared beside the foil: nothing where only the trained pair takes part."""
    if not any(has_controls):
        return ""
    where = "" if all(has_controls) else ", where they take part,"
    return (
        f" and for the mean of the control objects{where} (control); in samples of a control "
        "object the foil is the mean of the other control objects"
    )
