"""What a run leaves behind about itself, and how to read it: no server, only one file a run."""

import json
import os
import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from fmriprod.interfaces.processes import is_alive
from fmriprod.workflows.outcome import Event

_ENDS = {"finished": "finished", "failed-run": "failed", "interrupted": "interrupted"}
RECORDS = Path(".fmriprod", "runs")


@dataclass
class Progress:
    """Where the nodes of one participant are, by full name.

    ``seconds`` is the time from the first start to the last end.
    """

    participant: str
    planned: list[str] = field(default_factory=list)
    running: dict[str, float] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)
    cached: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    first: float | None = None
    last: float | None = None

    @property
    def finished(self) -> int:
        """Number of nodes that have a result."""
        return len(self.done) + len(self.cached)

    @property
    def seconds(self) -> float:
        """Seconds between the first and the last thing that happened."""
        return (self.last or 0.0) - (self.first or 0.0)

    def take(self, event: Event) -> None:
        """Note one event."""
        if event.what == "planned":
            self.planned.append(event.node)
            return
        self.first = self.first if self.first is not None else event.time
        self.last = event.time
        if event.what == "start":
            self.running[event.node] = event.time
            return
        self.running.pop(event.node, None)
        if event.what == "failed":
            self.failed[event.node] = event.message
        else:
            (self.cached if event.what == "cached" else self.done).append(event.node)


@dataclass
class RunStatus:
    """State of one run of the command.

    ``state`` is ``running``, ``finished``, ``failed`` or ``interrupted`` (from the
    keyboard, or its process is gone and it did not say goodbye).
    """

    state: str
    started: float
    command: str
    version: str
    participants: dict[str, Progress]


class Recorder:
    """Append events to the record of a run; each line is written at once and whole."""

    def __init__(self, out_dir: str | Path, command: str, version: str) -> None:
        folder = Path(out_dir) / RECORDS
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / f"{time.time_ns():020d}.jsonl"
        self._stream: TextIO = self.path.open("a", encoding="utf-8", buffering=1)
        self._write({"what": "begin", "pid": os.getpid(), "command": command, "version": version})

    def __call__(self, event: Event) -> None:
        """Note one event of a node."""
        self._write({"what": event.what, "node": event.node, "message": event.message})

    def close(self, ok: bool | None) -> None:
        """Say how the run ended: with all results or not; None where it was interrupted."""
        what = "interrupted" if ok is None else "finished" if ok else "failed-run"
        self._write({"what": what})
        self._stream.close()

    def _write(self, entry: dict) -> None:
        self._stream.write(json.dumps({"time": round(time.time(), 3), **entry}) + "\n")


def participant_of(node: str) -> str:
    """Tell whose node it is from its full name (``...sub_01_wf...``), or ``group``.

    Examples
    --------
    >>> participant_of("fmriprod.sub_01_wf.anat_wf.skullstrip")
    '01'
    >>> participant_of("fmriprod.collect")
    'group'
    """
    for part in node.split("."):
        if part.startswith("sub_") and part.endswith("_wf"):
            return part.removeprefix("sub_").removesuffix("_wf")
    return "group"


def step_of(node: str) -> str:
    """Name of the step for people: what stands below the participant.

    Examples
    --------
    >>> step_of("fmriprod.sub_01_wf.task_recognition_run_1_wf.bold_wf.motion_correct")
    'task recognition run 1: motion correct'
    >>> step_of("fmriprod.sub_01_wf.anat_wf.skullstrip")
    'anat: skullstrip'
    >>> step_of("group_wf.task_mask_wf.to_grid.2")
    'task mask: to grid (2)'
    """
    parts = node.split(".")
    if parts[-1].isdecimal() and len(parts) > 1:  # a part of a map node
        return f"{step_of('.'.join(parts[:-1]))} ({parts[-1]})"
    whose = next((i for i, p in enumerate(parts) if p.startswith("sub_")), 0)
    below = [p.removesuffix("_wf").replace("_", " ") for p in parts[whose + 1 :]]
    return f"{below[0]}: {below[-1]}" if len(below) > 1 else "".join(below)


def read_status(out_dir: str | Path) -> RunStatus | None:
    """Read the record of the latest run in an output folder.

    Parameters
    ----------
    out_dir : path
        Output folder of ``fmriprod run``.

    Returns
    -------
    RunStatus or None
        None when nothing was run there.
    """
    records = sorted((Path(out_dir) / RECORDS).glob("*.jsonl"))
    if not records:
        return None
    entries = list(_entries(records[-1].read_text(encoding="utf-8").splitlines()))
    begin = next((e for e in entries if e["what"] == "begin"), {})
    participants: dict[str, Progress] = defaultdict(lambda: Progress(""))
    for entry in entries:
        if "node" in entry:
            event = Event(entry["node"], entry["what"], entry["time"], entry.get("message", ""))
            label = participant_of(event.node)
            participants[label].participant = label
            participants[label].take(event)
    state = _ENDS.get(entries[-1]["what"]) if entries else ""
    if not state:
        state = "running" if is_alive(begin.get("pid", 0)) else "interrupted"
    return RunStatus(
        state,
        begin.get("time", 0.0),
        begin.get("command", ""),
        begin.get("version", ""),
        dict(sorted(participants.items())),
    )


def _entries(lines: Iterable[str]) -> Iterable[dict]:
    """Parse lines; the last may be cut short by a kill, and is then left out."""
    for line in lines:
        try:
            yield json.loads(line)
        except ValueError:
            continue
