import json
import os
import socket
import threading
import time

import pytest

from fmriprod.algorithms.checks import InputError
from fmriprod.workflows.outcome import Event, Failure
from fmriprod.workflows.record import RECORDS, Recorder
from fmriprod.workflows.record_owner import age_of, lives, this_process, time_of_files

NODE = "fmriprod.sub_01_wf.anat_wf.skullstrip"


def lines(recorder):
    return [json.loads(line) for line in recorder.path.read_text().splitlines()]


def test_each_line_is_json_and_the_first_says_who_where_and_what(work):
    recorder = Recorder(
        work, "fmriprod run", "0.1", level="group", engine="dask", participants=["01", "02"],
        work_dir=work / "w",
    )  # fmt: skip
    for what in ("planned", "start", "end"):
        recorder(Event(NODE, what, 5.0))
    failure = Failure(NODE, "no", "/crash.txt")
    recorder(Event(NODE, "failed", 6.0, "no", failure), report="/r.txt")
    recorder.close(False)
    begin, *events, last = lines(recorder)
    assert [e["what"] for e in events] == ["planned", "start", "end", "failed"]
    assert events[3] | {"time": 6.0} == {
        "what": "failed", "node": NODE, "time": 6.0, "message": "no",
        "crash_file": "/crash.txt", "report": "/r.txt",
    }  # fmt: skip
    assert last["what"] == "failed-run"
    assert begin | this_process() == begin
    assert begin["level"] == "group" and begin["engine"] == "dask"
    assert begin["participants"] == ["01", "02"] and begin["work_dir"] == str(work / "w")
    assert recorder.path.name.endswith(f"-{socket.gethostname()}-{os.getpid()}.jsonl")


def test_two_records_have_two_files(work):
    first, second = Recorder(work, "a", "0.1"), Recorder(work, "b", "0.1")
    assert first.path != second.path
    first.close(True)
    second.close(True)
    second.close(None)  # once is enough
    assert [e["what"] for e in lines(second)] == ["begin", "finished"]


def test_it_is_touched_while_it_is_open_even_when_python_is_busy_and_not_after(work):
    recorder = Recorder(work, "a", "0.1", beat=0.05)
    os.utime(recorder.path, (0, 0))
    deadline = time.monotonic() + 10
    while recorder.path.stat().st_mtime == 0 and time.monotonic() < deadline:
        sum(range(100000))  # never waits, never says anything
    assert age_of(recorder.path) < 5
    recorder.close(True)
    os.utime(recorder.path, (0, 0))
    time.sleep(0.3)
    assert recorder.path.stat().st_mtime == 0
    assert not [t for t in threading.enumerate() if t is recorder._thread]


def test_a_disk_that_is_full_loses_lines_and_not_the_run(work, monkeypatch):
    recorder = Recorder(work, "a", "0.1")
    write = os.write

    def full(file, data):
        if file != recorder._file:
            return write(file, data)
        write(file, data[:7])  # what still had room
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    recorder(Event(NODE, "start", 1.0))
    monkeypatch.undo()
    recorder(Event(NODE, "end", 2.0))
    recorder.close(True)
    assert recorder.n_lost == 1
    whole = [line for line in recorder.path.read_text().splitlines() if line.endswith("}")]
    assert [json.loads(line)["what"] for line in whole] == ["begin", "end", "finished"]


def test_a_place_that_cannot_be_written_to(work):
    RECORDS.parent.mkdir()
    RECORDS.write_text("a file")
    with pytest.raises(InputError, match="an output folder that can be written to"):
        Recorder(work, "a", "0.1")


@pytest.mark.parametrize(
    ("owner", "expected"),
    [({}, True), ({"pid": 99999999}, False), ({"born": 3}, False), ({"pid": "x"}, False)],
)
def test_processes_of_this_machine_are_asked_for(work, owner, expected):
    assert lives({**this_process(), **owner}, []) is expected


@pytest.mark.parametrize(("touched", "expected"), [(-5, True), (-50, True), (-70, False)])
def test_those_of_another_machine_have_to_touch_a_file(work, touched, expected):
    (work / "a").touch()
    os.utime(work / "a", (time.time() + touched,) * 2)
    elsewhere = {**this_process(), "machine": "another"}
    assert lives(elsewhere, [work / "none", work / "a"], watch=0) is expected
    assert not lives(elsewhere, [work / "none"])


def test_time_of_files_is_that_of_a_file_written_now_and_leaves_none(work):
    (work / "a").touch()
    assert 0 <= time_of_files(work) - (work / "a").stat().st_mtime < 5
    assert [p.name for p in work.iterdir()] == ["a"]
    assert time_of_files(work / "not there") == pytest.approx(time.time(), abs=5)
