import json

import nibabel as nib
import nipype.pipeline.engine as pe
import numpy as np
import pytest
from support.study_of_sums import Sum

from fmriprod.interfaces.merge_tables import MergeTables
from fmriprod.workflows.execution import configure, run_workflow
from fmriprod.workflows.failure import describe_failure, describe_file, last_lines
from fmriprod.workflows.failure_report import FailureReports
from fmriprod.workflows.outcome import Failure

NODE = "fmriprod.sub_01_wf.task_x_wf.bold_wf.motion"
MESSAGE = "Motion: in_file\n  expected: a 4-D image\n  found:    3-D\n  do:       give the run"


def failure(node=NODE, message=MESSAGE, **more):
    return Failure(node, message, "/logs/crash.txt", interface="a.b.Motion",
                   inputs=(("in_file", "/raw/x.nii", "4 x 5 int16, 2 kB"),), log="Traceback\n  x",
                   mem_gb=2.0, n_procs=3, **more)  # fmt: skip


def test_files_are_described_by_shape_and_size(work):
    nib.Nifti1Image(np.zeros((4, 5, 6, 7), "float32"), np.eye(4)).to_filename(work / "a.nii")
    np.save(work / "b.npy", np.zeros((3, 2)))
    (work / "c.tsv").write_text("x\ty\n1\t2\n3\t4\n")
    (work / "d.json").write_text("{}")
    (work / "e.nii.gz").write_bytes(b"no image")
    assert describe_file(str(work / "a.nii")) == "4 x 5 x 6 x 7 float32, 3.71 kB"
    assert describe_file(str(work / "b.npy")) == "3 x 2 float64, 176 bytes"
    assert describe_file(str(work / "c.tsv")) == "2 rows x 2 columns, 12 bytes"
    assert describe_file(str(work / "d.json")) == "2 bytes"
    assert describe_file(str(work / "e.nii.gz")).startswith("8 bytes, header cannot be read")
    assert describe_file(str(work / "none.nii")) == "MISSING"
    assert describe_file(str(work)) == "folder"


def test_a_pickle_is_not_opened(work):
    path = work / "evil.npy"
    np.save(path, np.array([print], dtype=object), allow_pickle=True)
    assert "header cannot be read" in describe_file(str(path))


def test_inputs_of_a_node_that_a_worker_ran_are_found(work):
    (work / "in.txt").write_text("no")
    node = pe.Node(Sum(in_file=str(work / "in.txt"), log_file=str(work / "l")), "n", mem_gb=2)
    said = describe_failure(node, NODE, ["Traceback\n", "KeyError: 'x'\n"], "/c.txt")
    assert said.message == "KeyError: 'x'"
    assert ("in_file", str(work / "in.txt"), "2 bytes") in said.inputs
    assert said.interface == "support.study_of_sums.Sum" and said.mem_gb == 2


def test_what_an_earlier_step_made_is_among_the_inputs(work):
    """The driver has not asked for it: only the worker did."""
    (work / "a.tsv").write_text("a\n1\n")
    workflow = pe.Workflow("w")
    first = pe.Node(MergeTables(key=["a"], in_files=[str(work / "a.tsv")]), "first")
    second = pe.Node(MergeTables(key=["none"]), "second")
    workflow.connect(first, ("out_file", _listed), second, "in_files")
    configure(workflow, work / "work", work / "logs")
    outcome = run_workflow(workflow, n_procs=1)
    made = str(work / "work" / "w" / "first" / "merged.tsv")
    (failed,) = outcome.failures
    assert failed.inputs == (("in_files", made, "1 rows x 1 columns, 4 bytes"),)


def _listed(file):
    return [file]


def test_a_node_whose_inputs_cannot_be_found_is_described_without(work):
    node = pe.Node(Sum(log_file="l"), "n")
    node.input_source = {"before": (str(work / "gone.pklz"), "out")}
    node.config = {"execution": {"job_finished_timeout": 0.1}}
    assert describe_failure(node, NODE, "ValueError: a", "").message == "ValueError: a"


def test_the_end_of_a_log_is_kept():
    text = last_lines("\n".join(f"line {n}" for n in range(100)))
    assert text.splitlines()[0] == "... 60 lines before"
    assert text.splitlines()[1] == "line 60" and text.endswith("line 99")
    assert "\x1b" not in last_lines("a\x1b[31m")


def test_the_report_says_all_and_how_to_run_the_step_alone(work):
    reports = FailureReports(work / "o ut", "fmriprod run raw out", work / "w")
    path = reports.write(failure())
    assert path == work / "o ut" / "logs" / "failures" / "01" / "task_x_wf.bold_wf.motion.txt"
    text = path.read_text()
    rerun = f"fmriprod rerun '{work}/o ut' {NODE} --work-dir {work}/w"
    for part in ("01  task x: motion  FAILED", MESSAGE, "/raw/x.nii", "4 x 5 int16, 2 kB", rerun,
                 "fmriprod run raw out", "declared   2 GB, 3 threads", "/logs/crash.txt",
                 "a.b.Motion", "  Traceback"):  # fmt: skip
        assert part in text, part
    content = json.loads(path.with_suffix(".json").read_text())
    assert content["participant"] == "01" and content["step"] == "task x: motion"
    assert content["inputs"] == [
        {"name": "in_file", "file": "/raw/x.nii", "is": "4 x 5 int16, 2 kB"}
    ]
    assert content["rerun"] == rerun and content["message"] == MESSAGE
    assert sorted(p.suffix for p in path.parent.iterdir()) == [".json", ".txt"]


def test_a_report_goes_when_the_step_has_a_result(work):
    reports = FailureReports(work, "c")
    other = NODE.replace("motion", "mask")
    first, second = reports.write(failure()), reports.write(failure(other))
    reports.resolve(NODE)
    assert not first.exists() and second.exists()
    reports.resolve(NODE)
    reports.resolve(other)
    assert not first.parent.exists()


def test_a_report_that_cannot_be_written_is_none_and_no_half_of_it_stays(work):
    (work / "logs").write_text("a file")
    assert FailureReports(work, "c").write(failure()) is None
    assert (work / "logs").read_text() == "a file"


@pytest.mark.parametrize(
    "name", ["f.sub_01_wf." + "x" * 300 + ".y", "f.sub_01_wf.a/../b", "f.sub_01_wf.ü b"]
)
def test_names_that_are_no_file_names(work, name):
    path = FailureReports(work, "c").write(failure(name))
    assert path.parent == work / "logs" / "failures" / "01"
    assert len(path.name) < 200 and path.exists()
    assert path != FailureReports(work, "c").path(name + "z")
