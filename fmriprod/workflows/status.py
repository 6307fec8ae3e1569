"""Read what runs leave behind about themselves: no server, only one file a run."""

import os
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fmriprod.algorithms.checks import InputError
from fmriprod.workflows.outcome import Event
from fmriprod.workflows.record import RECORDS
from fmriprod.workflows.record_names import participant_of
from fmriprod.workflows.record_owner import lives, time_of_files
from fmriprod.workflows.record_read import Record, load_record, touched
from fmriprod.workflows.status_expected import Expectation
from fmriprod.workflows.status_progress import Progress

_ENDS = {
    "finished": "finished",
    "failed-run": "failed",
    "interrupted": "interrupted",
    "submitted": "submitted",
}
_OF_NODES = frozenset({"planned", "start", "end", "cached", "failed"})


@dataclass
class Run:
    """One record: what was called, where, and how it ended or that it is ``running``.

    A record that cannot be read is ``unknown`` then; ``trouble`` says why it could not be, or
    that its first line is lost.
    """

    path: Path
    state: str
    begin: Mapping[str, Any]
    ahead: float = 0.0  # of the clock of its machine, to that of the file system, in s
    trouble: str = ""


@dataclass
class RunStatus:
    """State of an output folder.

    Attributes
    ----------
    state : str
        ``running`` while any run is at work. Else ``submitted`` (jobs wait), ``failed``,
        ``interrupted`` (from the keyboard, or the process is gone and did not say goodbye),
        ``unknown`` (the newest record cannot be read) or ``finished``, whichever comes first
        for any participant.
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


def read_status(
    out_dir: str | Path, queued: Callable[[], Collection[str] | None] | None = None
) -> RunStatus | None:
    """Read the records of an output folder.

    Parameters
    ----------
    out_dir : path
        Output folder of ``fmriprod run``.
    queued : callable, optional
        Tells which participants have a job of a cluster that has not ended; None: not known now.
        Asked where jobs were submitted that nothing was heard of since; these count as waiting
        where there is no answer, else as interrupted unless they are named.

    Returns
    -------
    RunStatus or None
        None when nothing was run there.

    Raises
    ------
    InputError
        If there is a folder of records that cannot be looked into.
    """
    folder = Path(out_dir) / RECORDS
    paths = sorted(_records(folder), key=lambda path: (touched(path), path.name))
    if not paths:
        return None
    table = _Table(time_of_files(folder), queued)
    later: list[tuple[Event, dict]] = []  # of nodes that were run again alone
    runs: list[Run] = []
    for path in reversed(paths):  # newest first
        record = load_record(path)
        begin = record.begin
        named = set(begin.get("participants") or ())
        if named and table.is_known(named):
            continue  # older than what shows, and there is something to expect times from
        own, last = _sort_out(record.entries)
        state = _state(record, path, last)
        run = Run(path, state, begin, begin.get("clock") or 0.0, record.trouble)
        if begin.get("level") == "rerun":
            newer = (items for label, items in own.items() if label not in table.participants)
            later.extend(item for items in newer for item in items)
            runs.append(run)
            continue
        first = all(newer.begin.get("level") == "rerun" for newer in runs)
        took, announced = table.take(run, own), table.announce(run, named - own.keys())
        if took or announced or first or run.trouble or state == "running":
            runs.append(run)
    return _merge(table, later, runs[::-1])


@dataclass
class _Table:
    """Where participants are, from records that are given newest first."""

    now: float
    queued: Callable[[], Collection[str] | None] | None
    participants: dict[str, Progress] = field(default_factory=dict)
    announced: dict[str, Progress] = field(default_factory=dict)
    earlier: list[Progress] = field(default_factory=list)
    _answer: list[Collection[str] | None] = field(default_factory=list)

    def is_known(self, labels: set[str]) -> bool:
        known = labels <= self.participants.keys()
        return known and any(progress.took for progress in self.earlier)

    def take(self, run: Run, own: Mapping[str, list[tuple[Event, dict]]]) -> bool:
        """Take the events of a run by participant; tell whether any of it shows."""
        shows = False
        for label, items in own.items():
            now = self.now + run.ahead
            progress = Progress(label, run=run.state, record=run.path.name, now=now)
            for event, files in items:
                progress.take(event, files)
            if label in self.participants or not progress.planned:
                self.earlier.append(progress)
                continue
            self.participants[label], shows = progress, True
        return shows

    def announce(self, run: Run, labels: set[str]) -> bool:
        """Take those of a run that nothing was heard of; tell whether any of them shows."""
        labels = labels - self.participants.keys() - self.announced.keys()
        for label in labels:
            progress = Progress(label, run=run.state, record=run.path.name)
            if run.state != "submitted":
                self.announced[label] = progress
            elif self._waits(label):  # what earlier runs left of it says nothing of the job
                self.participants[label] = progress
            else:
                progress.run = "interrupted"
                self.announced[label] = progress
        return bool(labels)

    def _waits(self, label: str) -> bool:
        if not self._answer:
            self._answer.append(self.queued() if self.queued else None)
        answer = self._answer[0]
        return answer is None or label in answer


def _records(folder: Path) -> list[Path]:
    try:
        return [folder / name for name in os.listdir(folder) if name.endswith(".jsonl")]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as err:
        raise InputError(
            str(folder), expected="records of runs that can be read",
            found=err.strerror or str(err),
            hint="ask its owner for the right to read it, or look as that user",
        ) from None  # fmt: skip


def _state(record: Record, path: Path, last: str) -> str:
    if last in _ENDS:
        return _ENDS[last]
    if lives(record.begin, [path], watch=0):
        return "running"
    return "interrupted" if record.readable else "unknown"


def _sort_out(entries: Iterable[dict]) -> tuple[dict[str, list[tuple[Event, dict]]], str]:
    """Put events to the participant whose nodes they are; tell the last line's ``what``."""
    own: dict[str, list[tuple[Event, dict]]] = {}
    last = ""
    for entry in entries:
        last = entry["what"]
        node, when = entry.get("node"), entry.get("time")
        if last in _OF_NODES and node and when is not None:
            files = {k: entry[k] for k in ("crash_file", "report") if entry.get(k)}
            event = Event(node, last, float(when), entry.get("message") or "")
            own.setdefault(participant_of(node), []).append((event, files))
    return own, last


def _merge(table: _Table, later: list[tuple[Event, dict]], runs: list[Run]) -> RunStatus:
    participants = table.participants
    for event, files in sorted(later, key=lambda item: item[0].time):
        progress = participants.get(participant_of(event.node))
        if progress is not None and event.node in progress.failed and event.what == "end":
            progress.take(event, files)
    everyone = {**table.announced, **participants}
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
    whole = [run for run in runs if run.begin.get("level") != "rerun"]
    newest = whole[-1] if whole else runs[-1]
    if state == "finished" and newest.trouble:  # nobody knows what it was about
        state = newest.state
    times = [run.begin["time"] for run in runs if not run.trouble]
    return RunStatus(
        state,
        min(times or [newest.begin["time"]]),
        newest.begin.get("command") or "",
        newest.begin.get("version") or "",
        dict(sorted(everyone.items())),
        runs,
        Expectation([*participants.values(), *table.earlier]),
    )
