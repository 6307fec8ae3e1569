import json
import os
import time

import pytest

from fmriprod.algorithms.checks import InputError
from fmriprod.cli.main import main
from fmriprod.workflows.outcome import Event
from fmriprod.workflows.record import RECORDS, Recorder
from fmriprod.workflows.status import read_status
from fmriprod.workflows.status_lines import one_line, status_content

STEPS = ("anat_wf.skullstrip", "task_x_run_1_wf.bold_wf.motion", "task_x_run_2_wf.bold_wf.motion")
NODE = "fmriprod.sub_01_wf.anat_wf.skullstrip"


def node(label, step):
    return f"fmriprod.sub_{label}_wf.{step}"


def record(folder, *events, ok=None):
    recorder = Recorder(folder, "fmriprod run", "0.1")
    for what in events:
        recorder(Event(NODE, what, 0.0, "because" if what == "failed" else ""))
    if ok is not None:
        recorder.close(ok)
    return recorder


def leave(folder, events, *, begin=None, end=None, when=0.0, name=None):
    """Leave a record as a process elsewhere would; ``when``: last touched, from now in s."""
    path = folder / RECORDS / f"{name or len(list(folder.rglob('*.jsonl')))}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    labels = sorted({e["node"].split("_")[1] for e in events})
    first = {"what": "begin", "time": 0.0, "pid": 7, "host": "node7", "machine": "another",
             "command": "fmriprod run", "version": "0.1", "participants": labels}  # fmt: skip
    lines = [{**first, **(begin or {})}, *events, *([{"what": end, "time": 0.0}] if end else [])]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    os.utime(path, (time.time() + when,) * 2)
    return path


def planned(label, steps=STEPS):
    return [{"what": "planned", "node": node(label, s), "time": 0.0} for s in steps]


def ran(label, step, begun, seconds, what="end", **more):
    return [
        {"what": "start", "node": node(label, step), "time": begun},
        {"what": what, "node": node(label, step), "time": begun + seconds, **more},
    ]


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
    assert read_status(work).participants["01"].state == "interrupted"


def test_the_latest_record_counts(work):
    record(work, "planned", ok=False)
    record(work, "planned", "start", "end", ok=True)
    assert len(list((work / RECORDS).iterdir())) == 2
    assert read_status(work).state == "finished"


def test_the_latest_is_the_one_touched_last_whatever_the_clock_in_its_name_says(work):
    leave(work, [*planned("01"), *ran("01", STEPS[0], 0, 1)], end="interrupted", when=-50, name="9")
    leave(work, [*planned("01", STEPS[:1]), *ran("01", STEPS[0], 0, 1)], end="finished", name="1")
    assert read_status(work).state == "finished"


def test_several_runs_side_by_side_are_one_table(work):
    for label in ("01", "02", "03"):
        leave(work, [*planned(label), *ran(label, STEPS[0], 10, 5)])
    leave(work, [*planned("04"), *ran("04", STEPS[0], 10, 5, "failed", message="no")],
          end="failed-run")  # fmt: skip
    status = read_status(work)
    assert status.state == "running"
    assert [p.state for p in status.participants.values()] == ["running"] * 3 + ["failed"]
    assert sum(run.state == "running" for run in status.runs) == 3


@pytest.mark.parametrize("clock", [-86400.0, 0.0, 86400.0])
@pytest.mark.parametrize(("when", "state"), [(-5, "running"), (-300, "interrupted")])
def test_another_machine_lives_while_it_touches_its_record(work, monkeypatch, clock, when, state):
    leave(work, planned("01"), when=when)
    monkeypatch.setattr(time, "time", lambda now=time.time: now() + clock)
    assert read_status(work).state == state


def test_a_run_that_only_began_shows_what_was_before_it(work):
    leave(work, [*planned("01", STEPS[:1]), *ran("01", STEPS[0], 0, 1)], end="finished", when=-9)
    leave(work, [], begin={"participants": ["01", "02"]})
    status = read_status(work)
    assert status.state == "running"
    assert status.participants["01"].state == "done"
    assert status.participants["02"].state == "waiting"


def test_a_step_that_was_run_again_alone_is_not_failed_any_more(work):
    failed = [*planned("01", STEPS[:1]), *ran("01", STEPS[0], 0, 1, "failed", message="no")]
    again = {"begin": {"level": "rerun", "participants": ["01"]}, "end": "finished"}
    leave(work, ran("01", STEPS[0], 3, 1), when=-30, **again)  # older: says nothing of the run
    leave(work, failed, end="failed-run", when=-20)
    assert read_status(work).state == "failed"
    leave(work, ran("01", STEPS[0], 5, 1), when=-10, **again)
    status = read_status(work)
    assert status.state == "finished" and not status.participants["01"].failed
    assert status.participants["01"].finished == 1


def test_jobs_that_wait_in_a_queue(work):
    leave(work, [], begin={"participants": ["01", "02"]}, end="submitted", when=-9)
    assert read_status(work).state == "submitted"
    leave(work, [*planned("01", STEPS[:1]), *ran("01", STEPS[0], 0, 1)], end="finished")
    status = read_status(work)
    assert [p.state for p in status.participants.values()] == ["done", "submitted"]
    assert status.state == "submitted"


def test_garbage_in_records_is_left_out(work):
    path = leave(work, [*planned("01", STEPS[:1]), *ran("01", STEPS[0], 0, 1)])
    with path.open("ab") as stream:
        stream.write(
            b"[" * 100000
            + b'\n\xff\xfe\n[1]\n"x"\n{"what": 3}\n{"what": "end", "node": 5, "time": "x"}\n'
        )
    (path.parent / "empty.jsonl").touch()
    assert read_status(work).participants["01"].finished == 1


CUT = {"empty": b"", "zeros": b"\0" * 99, "begin cut": b'{"time": 1, "what": "begin", "pid"'}


@pytest.mark.parametrize("kind", [*CUT, "not readable"])
def test_a_record_of_which_nothing_is_left_is_never_a_finished_run(work, kind, capsys):
    path = leave(work, [], name="01700000000000000000-node7-4711")
    path.unlink()
    path.write_bytes(CUT[kind]) if kind in CUT else path.mkdir()
    os.utime(path, (time.time() - 300,) * 2)
    status = read_status(work)
    assert status.state == ("interrupted" if kind in CUT else "unknown")
    assert status.started == 1.7e9 and status_content(status, work)["runs"][0]["host"] == "node7"
    assert main(["status", str(work)]) == 1
    why = "its first line is lost" if kind in CUT else "Is a directory"
    assert f"a record could not be read: {path}: {why}" in capsys.readouterr().out
    record(work, "planned", "start", "end", ok=True)  # the same command again
    status = read_status(work)
    assert status.state == "finished" and why in status.runs[0].trouble
    assert time.time() - status.started < 60


def test_without_its_first_line_a_record_keeps_all_others(work):
    events = [*planned("01"), *ran("01", STEPS[0], 0, 1), *ran("01", STEPS[1], 1, 1)]
    path = leave(work, [*events, {"what": "start", "node": node("01", STEPS[2]), "time": 2.0}])
    path.write_bytes(path.read_bytes().partition(b"\n")[2])
    (progress,) = read_status(work).participants.values()
    assert progress.state == "interrupted" and len(progress.planned) == 3
    path.write_bytes(path.read_bytes() + b'{"what": "finished", "time": 3}\n')
    assert read_status(work).state == "interrupted"  # one step has no result


def test_a_run_that_lives_is_known_by_the_name_of_its_record(work):
    path = record(work, "planned").path
    path.write_bytes(path.read_bytes().partition(b"\n")[2])
    assert read_status(work).state == "running"


def test_a_folder_of_records_that_may_not_be_looked_into_is_said(work, monkeypatch):
    def listdir(folder):
        raise PermissionError(13, "Permission denied", str(folder))

    monkeypatch.setattr(os, "listdir", listdir)
    with pytest.raises(InputError, match="Permission denied"):
        read_status(work)


WRONG = [3.5, "x", float("nan"), 1e300, -(10**30), ["a", 1], {"a": 1}, None, True]


@pytest.mark.parametrize("value", WRONG, ids=repr)
def test_values_of_another_kind_are_left_out(work, value, capsys):
    path = leave(work, [*planned("01"), *ran("01", STEPS[0], 0, 1, "failed")])
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for number, more in ((0, ("clock", "born", "level", "engine", "work_dir")),
                         (-1, ("message", "report", "crash_file"))):  # fmt: skip
        for key in {*lines[number], *more}:
            changed = [dict(line) for line in lines]
            changed[number][key] = value
            path.write_text("".join(json.dumps(line) + "\n" for line in changed))
            assert main(["status", str(work)]) in (0, 1)
            assert main(["status", "--json", str(work)]) in (0, 1)
    assert "NaN" not in capsys.readouterr().out


def test_what_is_no_event_of_a_node_gives_no_result(work):
    leave(work, [*planned("01", STEPS[:1]), {"what": "odd", "node": node("01", STEPS[0]),
                                             "time": 1.0}], end="finished")  # fmt: skip
    assert read_status(work).participants["01"].state == "interrupted"


def test_a_participant_that_is_called_group_is_not_the_group(work):
    steps = [node("group", STEPS[0]), "fmriprod.collect"]
    events = [{"what": "planned", "node": name, "time": 0.0} for name in steps]
    leave(work, [], begin={"participants": []}, name="a").write_text(
        "".join(json.dumps(event) + "\n" for event in events)
    )
    assert list(read_status(work).participants) == ["group", "sub-group"]


def test_the_stage_is_the_last_step_that_did_more_than_save(work):
    names = ("anat_wf.skullstrip", "anat_wf.save_mask")
    events = [*planned("01", names), *(e for i, n in enumerate(names) for e in ran("01", n, i, 1))]
    leave(work, events)
    assert read_status(work).participants["01"].stage == node("01", names[0])


def test_what_is_left_is_expected_from_the_same_steps_of_others(work):
    """Two runs side by side, 10 s each; after the anatomy of 4 s: 14 s of wall, 24 of work."""
    through = [*planned("01"), *ran("01", STEPS[0], 0, 4)]
    through += [*ran("01", STEPS[1], 4, 10), *ran("01", STEPS[2], 4, 10)]
    leave(work, through, end="finished", when=-9)
    leave(work, [*planned("02"), *ran("02", STEPS[0], 0, 4)])
    status = read_status(work)
    assert status.expected.seconds(node("02", "task_x_run_9_wf.bold_wf.motion")) == 10
    assert status.expected.seconds(node("02", "anat_wf.other")) is None
    left = status.expected.left(status.participants["02"])
    assert left == pytest.approx(20 * 14 / 24)
    assert status_content(status, work)["participants"][1]["left_seconds"] == round(left, 1)


def test_time_spent_in_a_running_step_counts_by_the_clock_of_its_machine(work):
    """The other machine's clock is ahead by a day; the step has run for 6 of its 10 s."""
    leave(work, [*planned("01", STEPS[1:2]), *ran("01", STEPS[1], 0, 10)], end="finished", when=-99)
    ahead = time.time() + 86400
    start = [{"what": "start", "node": node("02", STEPS[1]), "time": ahead - 6}]
    leave(work, [*planned("02", STEPS[1:2]), *start], begin={"clock": 86400.0})
    status = read_status(work)
    assert status.participants["02"].elapsed == pytest.approx(6, abs=2)
    assert status.expected.left(status.participants["02"]) == pytest.approx(4, abs=2)


def test_nothing_is_expected_of_steps_that_nobody_has_done(work):
    leave(work, [*planned("01"), *ran("01", STEPS[0], 0, 4)])
    status = read_status(work)
    assert status.expected.left(status.participants["01"]) is None and status.left is None


def test_earlier_runs_tell_what_steps_take(work):
    for when in (-99, -50):
        events = [*planned("01", STEPS[:1]), *ran("01", STEPS[0], 0, 4)]
        leave(work, events, end="finished", when=when)
    leave(work, planned("01", STEPS[:1]))
    status = read_status(work)
    assert status.participants["01"].state == "waiting"
    assert status.expected.left(status.participants["01"]) == pytest.approx(4)


def test_the_content_for_programs(work):
    message = "Add: value\n  expected: good\n  found:    bad\n  do:       be good"
    more = {"message": message, "crash_file": "/c.txt", "report": "/r.txt"}
    leave(work, [*planned("01"), *ran("01", STEPS[0], 0, 4), *ran("01", STEPS[1], 4, 1, "failed",
          **more), {"what": "start", "node": node("01", STEPS[2]), "time": 5.0}])  # fmt: skip
    content = json.loads(json.dumps(status_content(read_status(work), work)))
    assert set(content) == {"format", "out_dir", "state", "started", "command", "version",
                            "left_seconds", "runs", "participants"}  # fmt: skip
    (own,) = content["participants"]
    (failure,) = own["failures"]
    assert own["state"] == "failed" and own["planned"] == 3 and own["done"] == 1
    assert own["completed_last"] == {"node": node("01", STEPS[0]), "step": "anat: skullstrip"}
    assert own["running"][0]["step"] == "task x run 2: motion"
    assert failure["reason"] == "Add: value; expected: good; found: bad; do: be good"
    assert failure["report"] == "/r.txt" and failure["crash_file"] == "/c.txt"
    assert failure["rerun"] == f"fmriprod rerun {work} {node('01', STEPS[1])}"
    assert content["runs"][0]["host"] == "node7" and content["runs"][0]["state"] == "running"


def test_one_line_is_cut_where_it_is_too_long():
    assert one_line("a\n" * 500, most=10) == "a; a; a; a"[:6] + " ..."


def test_three_hundred_participants_are_read_within_a_second(work):
    steps = [f"task_x_run_{n}_wf.bold_wf.step_{n}" for n in range(60)]
    for number in range(300):
        label = f"{number:03d}"
        events = planned(label, steps)
        for n, step in enumerate(steps):
            events += ran(label, step, n, 1)
        leave(work, events, end="finished", name=label)
    begun = time.process_time()
    status = read_status(work)
    assert time.process_time() - begun < 2.0  # 0.4 s where nothing else runs
    assert len(status.participants) == 300 and status.state == "finished"
