import io

from rich.console import Console

from fmriprod.cli.progress import Display
from fmriprod.workflows.outcome import Event

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
