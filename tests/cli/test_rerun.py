import json
import os
import shutil
import time

import pytest
from support.study_of_sums import ran, run, write

from fmriprod.cli.main import main
from fmriprod.workflows.lock import Locks
from fmriprod.workflows.record import RECORDS
from fmriprod.workflows.rerun import known_nodes

NODE = "fmriprod.sub_01_wf.middle"


@pytest.fixture
def failed(work):
    write(work, _01="no", _02=5)
    outcome = run(work, ["01", "02"])
    assert [failure.node for failure in outcome.failures] == [NODE]
    assert outcome.not_run == ["fmriprod.sub_01_wf.last"]
    return work


def test_mended_and_rerun_the_run_continues_with_nothing_computed_twice(failed, capsys):
    before = ran(failed)
    out = failed / "out"
    assert main(["rerun", str(out), NODE]) == 1  # not mended yet
    said = capsys.readouterr().err
    assert "expected: a number" in said and "Traceback" in said
    assert ran(failed) == [*before, "sub_01_wf.middle"]

    write(failed, _01=7)
    assert main(["rerun", str(out), "sub_01_wf.middle"]) == 0
    assert "Continue the run" in capsys.readouterr().err
    assert not list((out / "logs" / "failures").rglob("*.txt"))
    assert main(["status", str(out)]) == 1  # last has no result yet
    assert "failed" not in capsys.readouterr().out

    steps = len(ran(failed))
    outcome = run(failed, ["01", "02"])
    assert outcome.ok
    assert ran(failed)[steps:] == ["sub_01_wf.last"]
    assert main(["status", str(out)]) == 0


def test_a_step_with_a_result_is_run_again_too(failed):
    steps = len(ran(failed))
    assert main(["rerun", str(failed / "out"), "sub_02_wf.middle"]) == 0
    assert ran(failed)[steps:] == ["sub_02_wf.middle"]
    assert len(run(failed, ["02"]).cached) == 3


def test_a_participant_at_work_is_left_alone(failed, capsys):
    out = failed / "out"
    for place, work_dir in ((out, None), (failed / "other", out / ".fmriprod" / "work")):
        with Locks(place, ["01"], "fmriprod run", work_dir=work_dir):
            assert main(["rerun", str(out), NODE]) == 1
        said = capsys.readouterr().err
        assert said.startswith("participant 01\n") and "fmriprod run" in said


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("middle", ["which 2 have", NODE, "give more of the name"]),
        ("sub_01_wf.midle", ["did you mean 'sub_01_wf.middle'?"]),
        ("fmriprod.sub_01_wf.last", ["a step that has begun", "give the command of the run"]),
        ("../../etc", ["a step of the runs in this folder"]),
    ],
)
def test_names_that_mean_no_step_that_can_run(failed, capsys, name, words):
    steps = ran(failed)
    assert main(["rerun", str(failed / "out"), name]) == 1
    said = capsys.readouterr().err
    assert all(word in said for word in words), said
    assert ran(failed) == steps


def test_a_folder_where_nothing_was_run(work, capsys):
    assert main(["rerun", str(work), "x"]) == 1
    assert "nothing was run there" in capsys.readouterr().err
    assert not list(work.iterdir())


@pytest.mark.parametrize("noted", [True, False])
def test_a_copy_leaves_the_work_folder_of_the_original_alone(failed, capsys, noted):
    shutil.copytree(failed / "out", failed / "copy")
    for path in (failed / "copy" / RECORDS).glob("*.jsonl") if not noted else ():
        path.write_text(path.read_text().replace('"out_dir"', '"other"'))  # of an earlier version
    steps = ran(failed)
    assert main(["rerun", str(failed / "copy"), "sub_02_wf.middle"]) == 1
    assert "a folder that was moved has to be run as a whole" in capsys.readouterr().err
    assert ran(failed) == steps


def test_a_work_folder_that_is_not_there_is_refused_and_not_made(failed, capsys):
    out = failed / "out"
    assert main(["rerun", str(out), NODE, "--work-dir", str(out / "typo")]) == 1
    assert f"no folder {out / 'typo'}" in capsys.readouterr().err and not (out / "typo").exists()


def test_a_work_folder_that_was_moved_is_refused(failed, capsys):
    out = failed / "out"
    moved = failed / "moved"
    (out / ".fmriprod" / "work").rename(moved)
    assert main(["rerun", str(out), NODE, "--work-dir", str(moved)]) == 1
    assert "the work folder where it ran" in capsys.readouterr().err


def test_the_latest_run_is_the_one_touched_last_whatever_the_clock_in_its_name_says(work):
    for name, when in (("9", -100), ("1", 0)):  # the first had a clock that was ahead
        path = work / RECORDS / f"{name}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        begin = {"what": "begin", "command": f"run {name}", "work_dir": str(work / name),
                 "out_dir": str(work)}  # fmt: skip
        lines = [begin, {"what": "planned", "node": f"f.sub_01_wf.step{name}"}]
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        os.utime(path, (time.time() + when,) * 2)
    known = known_nodes(work)
    assert (known.command, known.work_dir, len(known.nodes)) == ("run 1", work / "1", 2)
