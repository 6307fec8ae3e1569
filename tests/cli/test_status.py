import json
import os
import socket

import pytest

from fmriprod.cli.main import main
from fmriprod.workflows.outcome import Event
from fmriprod.workflows.record import Recorder

NODE = "fmriprod.sub_01_wf.anat_wf.skullstrip"
COMMAND = "fmriprod run raw out participant --train 'task in [red]'"


def record(folder, *events, ok=None):
    recorder = Recorder(folder, COMMAND, "0.1")
    for what in events:
        recorder(Event(NODE, what, 0.0, "[bold]no brain" if what == "failed" else ""))
    if ok is not None:
        recorder.close(ok)
    return recorder.path


def test_no_run_is_2(work, capsys):
    assert main(["status", str(work)]) == 2
    assert main(["status", str(work / "not there")]) == 2
    out, err = capsys.readouterr()
    assert not out
    assert err.splitlines() == [
        f"Nothing was run in {work}.",
        f"Nothing was run in {work / 'not there'}.",
    ]


def test_a_finished_run_is_0_and_shown_with_its_command(work, capsys):
    record(work, "planned", "start", "end", ok=True)
    assert main(["status", str(work)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("finished  started ")
    assert lines[0].endswith("fmriprod 0.1")
    assert lines[1] == COMMAND  # brackets are no markup
    assert "1/1" in lines[-1] and "done" in lines[-1]


def test_a_failed_run_is_1_and_says_why(work, capsys):
    record(work, "planned", "start", "failed", ok=False)
    assert main(["status", str(work)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("failed ")
    assert lines[-2:] == ["01  anat: skullstrip  [bold]no brain", "    no details were left"]


@pytest.mark.parametrize("alive", [True, False])
def test_a_run_without_an_end_is_running_or_interrupted(work, capsys, alive):
    path = record(work, "planned", "start")
    if not alive:
        text = path.read_text().replace(f'"pid": {os.getpid()}', '"pid": 99999999')
        path.write_text(text)
    assert main(["status", str(work)]) == (0 if alive else 1)
    assert capsys.readouterr().out.startswith("running " if alive else "interrupted ")


def test_the_folder_of_a_demo_will_do(work, capsys):
    record(work / "derivatives", "planned", "start", "end", ok=True)
    assert main(["status", str(work)]) == 0
    assert capsys.readouterr().out.startswith("finished ")


def test_more_failures_than_fit_are_counted(work, capsys):
    recorder = Recorder(work, COMMAND, "0.1")
    for number in range(25):
        node = f"fmriprod.sub_{number:02d}_wf.anat_wf.skullstrip"
        for what in ("planned", "start", "failed"):
            recorder(
                Event(node, what, 0.0, "no\n  expected: a\n  do:       b" * (what == "failed"))
            )
    recorder.close(False)
    assert main(["status", str(work)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[2] == "25 participants: 25 failed"
    assert "19  anat: skullstrip  no; expected: a" in lines
    assert lines[-1] == "and 5 more failures: fmriprod status --all"
    main(["status", str(work), "--all"])
    assert "24  anat: skullstrip  no; expected: a" in capsys.readouterr().out.splitlines()


def test_json_is_one_line(work, capsys):
    record(work, "planned", "start", "end", ok=True)
    assert main(["status", str(work), "--json", "--watch"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["participants"][0]["completed_last"]["step"] == "anat: skullstrip"


def test_several_runs_are_told_with_their_machines(work, capsys):
    for number in (1, 2):
        recorder = Recorder(work, COMMAND, "0.1", participants=[f"0{number}"])
        recorder(Event(NODE.replace("01", f"0{number}"), "planned", 0.0))
    assert main(["status", str(work)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "left: unknown" in lines[0]
    assert lines[2] == f"2 participants: 2 waiting; 2 runs on {socket.gethostname()}"
