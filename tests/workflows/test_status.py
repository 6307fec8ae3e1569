import json
import os

from fmriprod.workflows.outcome import Event
from fmriprod.workflows.record import RECORDS, Recorder
from fmriprod.workflows.status import read_status

NODE = "fmriprod.sub_01_wf.anat_wf.skullstrip"


def record(folder, *events, ok=None):
    recorder = Recorder(folder, "fmriprod run", "0.1")
    for what in events:
        recorder(Event(NODE, what, 0.0, "because" if what == "failed" else ""))
    if ok is not None:
        recorder.close(ok)
    return recorder


def test_no_run_is_none(work):
    assert read_status(work) is None


def test_a_finished_run(work):
    record(work, "planned", "start", "end", ok=True)
    status = read_status(work)
    assert status.state == "finished"
    assert status.participants["01"].done == [NODE]
    assert status.participants["01"].finished == 1


def test_a_failed_run_keeps_the_message(work):
    record(work, "planned", "start", "failed", ok=False)
    status = read_status(work)
    assert status.state == "failed"
    assert status.participants["01"].failed == {NODE: "because"}
    assert not status.participants["01"].running


def test_running_while_the_process_lives_and_interrupted_after(work):
    path = record(work, "planned", "start").path
    assert read_status(work).state == "running"
    assert list(read_status(work).participants["01"].running) == [NODE]
    dead = path.read_text().replace(f'"pid": {os.getpid()}', '"pid": 99999999')
    path.write_text(dead + '{"time": 1, "what": "en')  # cut short in the middle of a line
    assert read_status(work).state == "interrupted"


def test_the_latest_record_counts(work):
    record(work, "planned", ok=False)
    record(work, "planned", "start", "end", ok=True)
    assert len(list((work / RECORDS).iterdir())) == 2
    assert read_status(work).state == "finished"


def test_each_line_of_the_record_is_json(work):
    path = record(work, "planned", "start", "end", ok=True).path
    assert [json.loads(line)["what"] for line in path.read_text().splitlines()] == [
        "begin", "planned", "start", "end", "finished",
    ]  # fmt: skip
