"""Read what runs leave behind about themselves: no server, only one file a run."""

import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fmriprod.workflows.outcome import Event
from fmriprod.workflows.record import RECORDS
from fmriprod.workflows.record_names import participant_of
from fmriprod.workflows.record_owner import lives, time_of_files
from fmriprod.workflows.status_expected import Expectation
from fmriprod.workflows.status_progress import Progress

_ENDS = {
    "finished": "finished",
    "failed-run": "failed",
    "interrupted": "interrupted",
    "submitted": "submitted",
}


@dataclass
class Run:
    """One record: what was called, where, and how it ended or that it is ``running``."""

    path: Path
    state: str
    begin: Mapping[str, Any]
    ahead: float = 0.0  # of the clock of its machine, to that of the file system, in s


@dataclass
class RunStatus:
    """State of an output folder.

    Attributes
    ----------
    state : str
        ``running`` while any run is at work. Else ``submitted`` (jobs wait), ``failed``,
        ``interrupted`` (from the keyboard, or the process is gone and did not say goodbye) or
        ``finished``, whichever comes first for any participant.
    started : float
        When the oldest run began that shows, in seconds since the epoch.
    command, version : str
        Of the newest run.
    participants : dict of Progress
        By label, each from the newest run that planned its nodes.
    runs : list of Run
        Runs that show, oldest first.
    expected : Expectation
        How long steps took, here and in earlier runs.
    """

    state: str
    started: float
    command: str
    version: str
    participants: dict[str, Progress]
    runs: list[Run] = field(default_factory=list)
    expected: Expectation = field(default_factory=lambda: Expectation([]))

    @property
    def left(self) -> float | None:
        """Seconds until all that runs is through, at its pace so far; None: unknown."""
        active = [p for p in self.participants.values() if p.run == "running"]
        by_run: dict[str, list[Progress]] = {}
        for progress in active:
            by_run.setdefault(progress.record, []).append(progress)
        times = [self._left_of_run(group) for group in by_run.values()]
        if not times or None in times:
            return None
        return max(time or 0.0 for time in times)

    def _left_of_run(self, group: list[Progress]) -> float | None:
        """Seconds that one run still needs for its participants, which share its processors."""
        work = [self.expected.work_left(progress) for progress in group]
        spent = sum(sum(p.took.values()) for p in group)
        began = [p.first for p in group if p.first is not None]
        if None in work:
            return None
        if len(group) == 1 or not spent:
            return sum(self.expected.left(progress) or 0.0 for progress in group)
        now = max(p.now or 0.0 for p in group)
        return sum(w or 0.0 for w in work) * max(now - min(began), 0.0) / spent


def read_status(out_dir: str | Path) -> RunStatus | None:
    """Read the records of an output folder.

    Parameters
    ----------
    out_dir : path
        Output folder of ``fmriprod run``.

    Returns
    -------
    RunStatus or None
        None when nothing was run there.
    """
    folder = Path(out_dir) / RECORDS
    paths = sorted(folder.glob("*.jsonl"), key=lambda path: (_touched(path), path.name))
    if not paths:
        return None
    now = time_of_files(folder)
    participants: dict[str, Progress] = {}
    announced: dict[str, Progress] = {}
    earlier: list[Progress] = []
    later: list[tuple[Event, dict]] = []  # of nodes that were run again alone
    runs: list[Run] = []
    for path in reversed(paths):  # newest first
        entries = read_record(path)
        begin = next(entries, {})
        named = {str(name) for name in begin.get("participants") or ()}
        if named and named <= participants.keys() and any(p.took for p in earlier):
            continue  # older than what shows, and there is something to expect times from
        run = Run(path, "", begin, begin.get("clock") or 0.0)
        own, last = _sort_out(entries)
        run.state = _ENDS.get(last) or ("running" if lives(begin, [path], watch=0) else "")
        run.state = run.state or "interrupted"
        if begin.get("level") == "rerun":
            newer = (items for label, items in own.items() if label not in participants)
            later.extend(item for items in newer for item in items)
            runs.append(run)
            continue
        shows = False
        for label, items in own.items():
            progress = Progress(label, run=run.state, record=path.name, now=now + run.ahead)
            for event, files in items:
                progress.take(event, files)
            if label in participants or not progress.planned:
                earlier.append(progress)
                continue
            participants[label], shows = progress, True
        for label in named - own.keys() - participants.keys() - announced.keys():
            announced[label] = Progress(label, run=run.state, record=path.name)
            shows = True
        if shows or run.state == "running":
            runs.append(run)
    return _merge(participants, announced, earlier, later, runs[::-1])


def read_record(path: Path) -> Iterator[dict[str, Any]]:
    """Read the lines of a record; one that is cut short by a kill or a full disk is left out."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return
    for line in text.splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict) and isinstance(entry.get("what"), str):
            yield entry


def _sort_out(entries: Iterable[dict]) -> tuple[dict[str, list[tuple[Event, dict]]], str]:
    """Put events to the participant whose nodes they are; tell the last line's ``what``."""
    own: dict[str, list[tuple[Event, dict]]] = {}
    last = ""
    for entry in entries:
        last = entry["what"]
        node, when = entry.get("node"), entry.get("time")
        if isinstance(node, str) and isinstance(when, int | float):
            files = {k: entry[k] for k in ("crash_file", "report") if entry.get(k)}
            event = Event(node, last, float(when), str(entry.get("message", "")))
            own.setdefault(participant_of(node), []).append((event, files))
    return own, last


def _merge(
    participants: dict[str, Progress],
    announced: dict[str, Progress],
    earlier: list[Progress],
    later: list[tuple[Event, dict]],
    runs: list[Run],
) -> RunStatus:
    for event, files in sorted(later, key=lambda item: item[0].time):
        progress = participants.get(participant_of(event.node))
        if progress is not None and event.node in progress.failed and event.what == "end":
            progress.take(event, files)
    everyone = {**announced, **participants}
    states = Counter(progress.state for progress in everyone.values())
    ends = Counter(run.state for run in runs)
    state = "finished"
    if ends["running"]:
        state = "running"
    elif states["submitted"]:
        state = "submitted"
    elif states["failed"] or (ends["failed"] and not states):
        state = "failed"
    elif states["interrupted"] or (ends["interrupted"] and not states):
        state = "interrupted"
    whole = [run.begin for run in runs if run.begin.get("level") != "rerun"]
    newest = whole[-1] if whole else {}
    return RunStatus(
        state,
        min((run.begin.get("time", time.time()) for run in runs), default=0.0),
        str(newest.get("command", "")),
        str(newest.get("version", "")),
        dict(sorted(everyone.items())),
        runs,
        Expectation([*participants.values(), *earlier]),
    )


def _touched(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
