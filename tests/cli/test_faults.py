"""Faults of real processes: workers and drivers that are killed, and two runs at one place."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.study_of_sums import ran, write

from fmriprod.cli.main import main
from fmriprod.workflows.record import RECORDS
from fmriprod.workflows.status import read_status

_TESTS = Path(__file__).resolve().parents[1]
pytestmark = pytest.mark.slow
MIDDLE = "fmriprod.sub_01_wf.middle"


def start(folder, *labels):
    paths = os.pathsep.join([str(_TESTS), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": paths, "NO_ET": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "support.study_of_sums", str(folder), *labels],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def finish(folder, *labels):
    process = start(folder, *labels)
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


def wait_for(what, process=None, seconds=60):
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it did not happen"
        assert process is None or process.poll() is None, process.communicate()
        time.sleep(0.02)


def at_work(folder, node=MIDDLE):
    status = read_status(folder / "out")
    return status is not None and any(node in p.running for p in status.participants.values())


def workers_in(folder):
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and str(folder) in os.readlink(entry / "cwd"):
                found.append(int(entry.name))
        except OSError:
            continue
    return [pid for pid in found if pid != os.getpid()]


@pytest.fixture
def waiting(work):
    """A run at work in the middle of participant 01."""
    write(work, _01="wait", _02=5)
    process = start(work, "01", "02")
    wait_for(lambda: at_work(work) and "sub_01_wf.middle" in ran(work), process)
    yield process
    process.kill()
    process.communicate()


def test_a_killed_worker_fails_its_step_and_the_steps_of_others_go_on(work, capsys):
    write(work, _01="wait", _02="wait", _03=5)
    process = start(work, "01", "02", "03")
    both = ("sub_01_wf.middle", "sub_02_wf.middle")
    wait_for(lambda: all(ran(work).count(step) == 1 for step in both), process)
    (victim,) = [pid for pid in workers_in(work / "out") if "sub_02_wf" in os.readlink(
        f"/proc/{pid}/cwd")]  # fmt: skip
    time.sleep(1.2)  # for a look at its memory
    os.kill(victim, signal.SIGKILL)
    wait_for(lambda: ran(work).count("sub_01_wf.middle") == 2, process)  # begun again
    (work / "go").touch()
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "1 failed, 1 not reached" in out and "FAILED  02  middle" in out

    report = (work / "out" / "logs" / "failures" / "02" / "middle.txt").read_text()
    assert "was killed (SIGKILL)" in report and "declared: 0.5 GB, 1 thread" in report
    assert "GB at most, as far as seen" in report
    assert f"fmriprod rerun {work}/out fmriprod.sub_02_wf.middle" in report
    assert main(["status", str(work / "out")]) == 1
    assert "logs/failures/02/middle.txt" in capsys.readouterr().out
    status = read_status(work / "out")
    assert [p.state for p in status.participants.values()] == ["done", "failed", "done"]

    code, _, _ = finish(work, "01", "02", "03")
    assert code == 0 and not (work / "out" / "logs" / "failures" / "02").exists()
    assert [ran(work).count(f"sub_{n}_wf.first") for n in ("01", "02", "03")] == [1, 1, 1]


def test_a_killed_driver_is_seen_and_its_run_continued(waiting, work, capsys):
    assert read_status(work / "out").state == "running"
    wait_for(lambda: "sub_02_wf.last" in ran(work), waiting)
    waiting.kill()
    waiting.wait()
    wait_for(lambda: not workers_in(work))
    assert main(["status", str(work / "out")]) == 1
    said = capsys.readouterr().out
    assert said.startswith("interrupted ") and "stopped in: middle" in said
    assert list((work / "out" / ".fmriprod" / "locks").glob("*.lock"))
    (work / "go").touch()
    before = ran(work)
    code, _, err = finish(work, "01", "02")
    assert code == 0, err
    assert sorted(ran(work)[len(before) :]) == ["sub_01_wf.last", "sub_01_wf.middle"]
    assert read_status(work / "out").state == "finished"
    assert not list((work / "out" / ".fmriprod" / "locks").iterdir())


def test_a_driver_that_is_told_to_end_says_goodbye_at_once(waiting, work):
    waiting.terminate()
    assert waiting.wait(timeout=20) == 130
    assert read_status(work / "out").state == "interrupted"
    (record,) = (work / "out" / RECORDS).iterdir()
    assert json.loads(record.read_text().splitlines()[-1])["what"] == "interrupted"
    assert not list((work / "out" / ".fmriprod" / "locks").iterdir())
    wait_for(lambda: not workers_in(work), seconds=5)


def test_a_second_run_of_the_same_participant_is_refused(waiting, work):
    steps = len(ran(work))
    write(work, _03=5)
    code, out, err = finish(work, "03", "01")
    assert code == 1 and not out
    lines = err.splitlines()
    assert lines[0] == "participant 01" and len(lines) == 4
    assert f"process {waiting.pid} on " in err and "at work on 01, 02" in err
    assert "sub_03_wf.first" not in ran(work)[steps:]
    assert len(list((work / "out" / RECORDS).iterdir())) == 1  # it left nothing

    code, _, err = finish(work, "03")  # another participant is welcome
    assert code == 0, err
    (work / "go").touch()
    out, _ = waiting.communicate(timeout=60)
    assert waiting.returncode == 0
    status = read_status(work / "out")
    assert [p.state for p in status.participants.values()] == ["done"] * 3


def test_watch_ends_when_the_run_ends(waiting, work):
    watch = subprocess.Popen(
        [sys.executable, "-m", "fmriprod.cli.main", "status", str(work / "out"), "--watch",
         "--json"], stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    first = json.loads(watch.stdout.readline())
    assert first["state"] == "running"
    (work / "go").touch()
    rest, _ = watch.communicate(timeout=60)
    assert watch.returncode == 0
    assert json.loads(rest.splitlines()[-1])["state"] == "finished"


def test_an_output_that_cannot_be_written_to_is_said_before_anything_runs(work):
    write(work, _01=5)
    (work / "out").write_text("a file")
    code, _, err = finish(work, "01")
    assert code == 1 and "an output folder that can be written to" in err
    assert len(err.splitlines()) == 4 and not ran(work)
