import io
import os
import threading
import time
from pathlib import Path

import pytest
from rich.console import Console
from support.study_of_sums import build, ran, run, write

from fmriprod.algorithms.checks import InputError
from fmriprod.cli.execute import execute, summarise
from fmriprod.workflows.lock import LOCKS, Locks
from fmriprod.workflows.record import RECORDS
from fmriprod.workflows.status import read_status


def test_a_run_leaves_a_record_no_locks_and_a_report_of_what_failed(work):
    write(work, _01="no", _02=5)
    outcome = run(work, ["01", "02"])
    out = work / "out"
    status = read_status(out)
    assert status.runs[0].begin["participants"] == ["01", "02"]
    assert status.runs[0].begin["level"] == "participant"
    assert status.runs[0].begin["work_dir"] == str(out / ".fmriprod" / "work")
    files = status.participants["01"].files["fmriprod.sub_01_wf.middle"]
    assert files["report"] == str(out / "logs" / "failures" / "01" / "middle.txt")
    report = Path(files["report"]).read_text()
    assert f"in_file              {work}/01.txt" in report and "3 bytes" in report
    assert "support.study_of_sums.Sum" in report and files["crash_file"] in report
    assert not list((out / LOCKS).iterdir())

    stream = io.StringIO()
    summarise(outcome, out, Console(file=stream, width=200))
    assert "FAILED  01  middle" in stream.getvalue() and files["report"] in stream.getvalue()


def test_a_step_that_has_a_result_later_loses_its_report(work):
    write(work, _01="no")
    run(work, ["01"])
    write(work, _01=4)
    assert run(work, ["01"]).ok
    assert not list((work / "out" / "logs" / "failures").iterdir())
    assert [ran(work).count(f"sub_01_wf.{step}") for step in ("first", "middle", "last")] == [
        1,
        2,
        1,
    ]


def test_a_participant_at_work_is_refused_and_nothing_is_left(work):
    write(work, _01=5)
    with Locks(work / "out", ["01"], "another"), pytest.raises(InputError, match="another"):
        run(work, ["01"])
    assert not ran(work) and not (work / "out" / RECORDS).exists()


@pytest.mark.parametrize("folder", ["elsewhere", "out/.fmriprod/work"])
def test_a_work_folder_at_work_for_another_output_folder_is_refused(work, folder):
    write(work, _01=5)
    with (
        Locks(work / "other", ["01"], "another", work_dir=work / folder),
        pytest.raises(InputError, match="another --work-dir"),
    ):
        execute(build(work, ["01"]), work / "out", work_dir=work / folder)
    assert not ran(work) and not (work / "out" / RECORDS).exists()


def test_a_run_whose_lock_another_one_took_over_is_ended(work, monkeypatch):
    monkeypatch.setitem(Locks.__init__.__kwdefaults__, "beat", 0.05)
    write(work, _01="wait")
    path = work / "out" / LOCKS / "01.lock"

    def take_over():
        while "sub_01_wf.middle" not in ran(work):
            time.sleep(0.02)
        path.with_suffix(".new").write_text('{"id": "b", "pid": 7, "host": "node7"}')
        path.with_suffix(".new").replace(path)

    threading.Thread(target=take_over, daemon=True).start()
    with pytest.raises(InputError, match="process 7 on node7 took it over"):
        run(work, ["01"])
    assert read_status(work / "out").state == "interrupted"
    assert "node7" in path.read_text()  # the other's
    path.unlink()
    write(work, _01=5)
    assert run(work, ["01"]).ok


def test_an_error_ends_the_record_and_the_lock(work):
    write(work, _01=5)
    workflow = build(work, ["01"])
    with pytest.raises(InputError, match="engine"):
        from fmriprod.cli.engines import Engine

        execute(workflow, work / "out", engine=Engine("nowhere"))
    assert read_status(work / "out").state in ("failed", "interrupted")
    assert not list((work / "out" / LOCKS).iterdir())


def test_another_work_folder_is_in_the_command_that_repeats_a_step(work):
    write(work, _01="no")
    execute(build(work, ["01"]), work / "out", work_dir=work / "elsewhere")
    report = (work / "out" / "logs" / "failures" / "01" / "middle.txt").read_text()
    assert f"fmriprod.sub_01_wf.middle --work-dir {work}/elsewhere" in report


def test_a_record_that_lost_lines_is_told_of_and_the_run_ends_well(work, monkeypatch):
    write(work, _01=5)
    whole = os.write

    def full(file, data):
        if b'"what": "start"' in data:
            raise OSError(28, "No space left on device")
        return whole(file, data)

    monkeypatch.setattr(os, "write", full)
    console = Console(file=io.StringIO(), width=300)
    assert execute(build(work, ["01"]), work / "out", console=console).ok
    assert "3 lines of" in console.file.getvalue().splitlines()[-1]


def test_a_run_on_a_terminal_expects_what_the_run_before_took(work):
    write(work, _01=5)
    run(work, ["01"])
    write(work, _02="wait", _01=6)
    threading.Timer(1.5, (work / "go").touch).start()  # some looks of the display later
    console = Console(file=io.StringIO(), width=150, force_terminal=True)
    assert execute(build(work, ["01", "02"]), work / "out", console=console).ok
    assert "~0 s" in console.file.getvalue()


def test_a_run_whose_output_nobody_reads_any_more_goes_on(work, monkeypatch):
    write(work, _01=5)
    read, written = os.pipe()
    os.close(read)
    with open(written, "w") as stream:
        monkeypatch.setattr("sys.stderr", stream)
        assert run(work, ["01"]).ok
    assert read_status(work / "out").state == "finished"
