import io

import pytest
from rich.console import Console

from fmriprod.cli.progress import Display, progress_table
from fmriprod.workflows.outcome import Event
from fmriprod.workflows.status_progress import Progress

NODES = ["f.sub_01_wf.anat_wf.skullstrip", "f.sub_01_wf.task_x_wf.bold_wf.motion"]


def show(terminal):
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=terminal, width=120)
    with Display(console) as display:
        for node in NODES:
            display(Event(node, "planned", 0.0))
        display(Event(NODES[0], "start", 1.0))
        display(Event(NODES[0], "end", 3.5))
        display(Event(NODES[1], "start", 3.5))
        display(Event(NODES[1], "failed", 4.0, "no"))
    return stream.getvalue()


def test_plain_lines_away_from_a_terminal():
    assert show(terminal=False).splitlines() == [
        "[  1/2] 01  anat: skullstrip  done (2.5 s)",
        "[  2/2] 01  task x: motion  FAILED",
    ]


def test_a_live_table_on_a_terminal():
    text = show(terminal=True)
    assert "participant" in text and "1/2" in text and "failed: task x: motion" in text


def participants(**states):
    """As many participants of each state."""
    found = {}
    for state, count in states.items():
        for _ in range(count):
            own = Progress(f"{len(found):03d}", run="running" if state == "running" else "failed")
            for node in NODES:
                own.take(Event(node, "planned", 0.0))
            if state != "waiting":
                own.take(Event(NODES[0], "start", 1.0))
            if state in ("done", "failed"):
                own.take(Event(NODES[0], "end", 5.0))
                own.take(Event(NODES[1], "start", 5.0))
                own.take(Event(NODES[1], "end" if state == "done" else "failed", 61.0, "no"))
            if state == "waiting":
                own.run = "running"
            found[own.participant] = own
    return found


def lines(width, most, **states):
    console = Console(file=io.StringIO(), width=width)
    console.print(progress_table(participants(**states), width=width, most=most))
    return console.file.getvalue().splitlines()


@pytest.mark.parametrize("width", [60, 80, 110, 140])
def test_no_column_is_cut_and_no_line_is_wider_than_the_window(width):
    shown = lines(width, None, done=2, failed=1, running=1, interrupted=1, waiting=1)
    assert len(shown) == 7 and all(len(line) <= width for line in shown)
    heads = ["participant", "state", "steps", "time", "left", "completed last"]
    assert all(head in shown[0] for head in heads)
    assert shown[1].split()[:3] == ["002", "failed", *(["1/2"] if width < 110 else ["━" * 16])]
    assert "interrupted" in shown[2] and "1 min" in shown[1]


def test_the_urgent_come_first_and_the_rest_is_summed_up():
    shown = lines(120, 10, done=300, running=4, failed=3, waiting=20)
    assert len(shown) <= 11
    assert [line.split()[1] for line in shown[1:8]] == ["failed"] * 3 + ["running"] * 4
    assert [line.split() for line in shown[8:]] == [
        ["20", "more", "waiting"],
        ["300", "more", "done"],
    ]


def test_more_that_run_than_there_is_room_for():
    shown = lines(120, 10, done=5, running=50)
    assert len(shown) == 11
    assert [line.split() for line in shown[9:]] == [
        ["42", "more", "running"],
        ["5", "more", "done"],
    ]


def test_the_end_of_a_long_step_stays():
    own = participants(failed=1)["000"]
    own.done[0] = "f.sub_01_wf.task_of_a_very_long_name_indeed_run_1_wf.bold_wf.motion_correct"
    own.failed = {}
    console = Console(file=io.StringIO(), width=70)
    console.print(progress_table({"000": own}, width=70))
    assert console.file.getvalue().rstrip().endswith("run 1: motion correct")
