"""What is interactive on the page of a participant comes from the right steps."""

import json

import numpy as np
import pytest
from nipype.interfaces.utility import IdentityInterface
from nipype.pipeline import engine as pe
from support.images import write_image

from fmriprod.workflows.plan import RunPlan, SubjectPlan
from fmriprod.workflows.report import _measured_in
from fmriprod.workflows.subject import init_subject_wf


@pytest.fixture
def workflow(work):
    """Build the main job of two runs of a participant."""
    return build(work)


def build(work, **options):
    rng = np.random.default_rng(20200113)

    def image(name, *shape):
        return str(write_image(work / name, rng.random(shape).astype("float32")))

    (work / "events.tsv").write_text("onset\tduration\ttrial_type\n0\t1\ta\n4\t1\tb\n")
    runs = tuple(
        RunPlan(f"task_x_run_{n}", image(f"sub-01_task-x_run-{n}_bold.nii.gz", 4, 4, 4, 6),
                str(work / "events.tsv"), "x", n, 1.5, ("a", "b"), ("task=(a+b)/2",), "events")
        for n in "12"
    )  # fmt: skip
    plan = SubjectPlan(
        "01", image("sub-01_T1w.nii.gz", 4, 4, 4), runs, tuple(r.key for r in runs), ()
    )
    return init_subject_wf(plan, out_dir=str(work / "out"), bids_dir=str(work), **options)


def into(workflow, name):
    """Tell what goes into a node: field to (source, output)."""
    node = workflow.get_node(name)
    edges = workflow._graph.in_edges(node, data=True)
    return {
        field: (source.name, output)
        for source, _, data in edges
        for output, field in data["connect"]
    }


def test_each_run_gives_its_own_series_table_and_motion(workflow):
    assert into(workflow, "report")["run_panels"] == ("report_run_panel", "out")
    panels = into(workflow, "report_run_panel")
    for number in "12":
        source, name = f"task_x_run_{number}_wf", f"task_x_run_{number}_wf_panel"
        assert into(workflow, name) == {
            "in_file": (source, "outputnode.bold_file"),
            "table_file": (source, "bold_wf.quality.out_table"),
            "motion_file": (source, "bold_wf.motion.motion_file"),
            "mask_file": ("boldref_wf", "outputnode.mask_file"),
        }
        assert panels[f"in{number}"] == (name, "out_file")
        assert workflow.get_node(name).inputs.tr == 1.5
        assert f"run {number}" in workflow.get_node(name).inputs.label


@pytest.mark.parametrize(("said", "given", "expected"), [
    ({}, {}, False), ({"Name": "Simulated objects"}, {}, True),
    ({"GeneratedBy": [{"Name": "fmriprod SimulateStudy"}]}, {}, True),
    ({"Name": "Simulated objects"}, {"simulated": False}, False), ({}, {"simulated": True}, True),
])  # fmt: skip
def test_the_page_says_what_the_dataset_says_of_itself(work, said, given, expected):
    (work / "dataset_description.json").write_text(json.dumps({"BIDSVersion": "1.10.0", **said}))
    page = build(work, **given).get_node("report")
    assert page.inputs.simulated is expected


def test_slices_show_the_map_that_chose_the_region(workflow):
    assert into(workflow, "report")["brain_panels"] == ("region_panel", "out_file")
    shown, drawn = into(workflow, "region_panel"), into(workflow, "region_figure")
    assert shown["map_files"] == drawn["overlay_file"] and shown["mask_file"] == drawn["mask_file"]
    assert shown["in_file"] == drawn["in_file"]


def test_motion_of_prepared_runs_is_that_of_their_confounds():
    run = pe.Workflow("prepared")
    run.add_nodes([pe.Node(IdentityInterface(["a"]), name=name) for name in
                   ("confounds", "quality", "model")])  # fmt: skip
    assert _measured_in(run) == ("quality", "confounds")
