"""Show how far a run is: a live table on a terminal, plain lines elsewhere."""

import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractContextManager

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from fmriprod.workflows.outcome import Event
from fmriprod.workflows.record_names import is_small, participant_of, step_of
from fmriprod.workflows.status_expected import Expectation
from fmriprod.workflows.status_progress import STATES, Progress

_COLOURS = {
    "failed": "red", "interrupted": "yellow", "running": "cyan", "waiting": "dim",
    "submitted": "dim", "done": "green",
}  # fmt: skip
_NARROW = 110  # columns of a window below which the bar is left out


def duration(seconds: float) -> str:
    """Write a time span for people.

    Examples
    --------
    >>> duration(4.2), duration(75), duration(3700)
    ('4.2 s', '1 min 15 s', '1 h 01 min')
    """
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def progress_table(
    participants: dict[str, Progress],
    expected: Expectation | None = None,
    *,
    width: int = 120,
    most: int | None = None,
) -> Table:
    """Table with a row for each participant, the most urgent first.

    Parameters
    ----------
    participants : dict of Progress
        By label.
    expected : Expectation, optional
        For the time that is left.
    width : int
        Columns of the window.
    most : int, optional
        Rows; where there are more participants, those that are done, then those that wait, are
        summed up in one row each.
    """
    expected = expected or Expectation([])
    wide = width >= _NARROW
    table = Table(
        box=None, pad_edge=False, header_style="bold", padding=(0, 2 if wide else 1, 0, 0)
    )
    table.add_column("participant" if wide else "who", no_wrap=True)
    table.add_column("state", no_wrap=True)
    if wide:
        table.add_column("progress", no_wrap=True)
    table.add_column("steps", no_wrap=True, justify="right")
    table.add_column("time", no_wrap=True, justify="right")
    table.add_column("left", no_wrap=True, justify="right")
    table.add_column("completed last", overflow="ellipsis", no_wrap=True, ratio=1)
    table.add_column("now", overflow="ellipsis", no_wrap=True, ratio=1)
    rows = sorted(participants.values(), key=lambda p: STATES.index(p.state))
    shown, summed = _choose(rows, most)
    for progress in shown:
        table.add_row(*_row(progress, expected, wide))
    for state, count in summed.items():
        mark = f"[{_COLOURS[state]}]{state}[/]"
        table.add_row(f"{count} more", mark, *[""] * (len(table.columns) - 2))
    return table


def _choose(rows: Sequence[Progress], most: int | None) -> tuple[list[Progress], Counter]:
    """Leave out whole states, from the least urgent, until the rest is no more than ``most``."""
    shown, summed = list(rows), Counter()
    for state in ("done", "submitted", "waiting"):
        if most is None or len(shown) + len(summed) <= most:
            break
        count = sum(p.state == state for p in shown)
        if count > 1:
            summed[state] = count
            shown = [p for p in shown if p.state != state]
    if most is not None and len(shown) + len(summed) > most:
        keep = max(most - len(summed) - 1, 1)
        summed = Counter(p.state for p in shown[keep:]) + summed
        shown = shown[:keep]
    return shown, Counter({state: summed[state] for state in STATES if summed[state]})


def _row(progress: Progress, expected: Expectation, wide: bool) -> list[str]:
    total = max(len(progress.planned), 1)
    colour = _COLOURS[progress.state]
    filled = round(16 * min(progress.finished / total, 1.0))
    bar = [f"[{colour}]{'━' * filled}[/][dim]{'━' * (16 - filled)}[/]"] if wide else []
    left = expected.left(progress)
    going = progress.state in ("running", "failed", "waiting") and progress.run == "running"
    unknown = "unknown" if wide else "?"
    return [
        escape(progress.participant),
        f"[{colour}]{progress.state}[/]",
        *bar,
        f"{progress.finished}/{len(progress.planned)}" if progress.planned else "",
        duration(progress.elapsed) if progress.first is not None else "",
        (unknown if left is None else f"~{duration(left)}") if going and progress.first else "",
        escape(step_of(progress.stage)) if progress.stage else "",
        _now(progress),
    ]


def _now(progress: Progress) -> str:
    failed = [f"[red]failed: {escape(step_of(node))}[/]" for node in progress.failed]
    running = [escape(step_of(node)) for node in progress.running]
    if progress.run != "running":
        running = [f"[yellow]stopped in: {step}[/]" for step in running]
    return ", ".join([*failed, *running])


class Display(AbstractContextManager):
    """Take events and show them until the block ends.

    Parameters
    ----------
    console : rich.console.Console, optional
        Where to write; standard error by default, so that output can be piped.
    expected : Expectation, optional
        From earlier runs; what is left is unknown until steps are through else.
    """

    def __init__(self, console: Console | None = None, expected: Expectation | None = None) -> None:
        self.console = console or Console(stderr=True)
        self.participants: dict[str, Progress] = {}
        self._expected = expected
        self._started: dict[str, float] = {}
        self._count = 0
        self._live = (
            Live(get_renderable=self._table, console=self.console, refresh_per_second=4)
            if self.console.is_terminal
            else None
        )

    def __enter__(self) -> "Display":
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        for progress in self.participants.values():
            progress.run = "finished"
        if self._live:
            self._live.stop()

    def __call__(self, event: Event) -> None:
        """Note an event and, away from a terminal, print it."""
        label = participant_of(event.node)
        self.participants.setdefault(label, Progress(label)).take(event)
        if event.what == "start":
            self._started[event.node] = event.time
        elif event.what != "planned":
            self._count += 1
            if not self._live:
                self._print(label, event)

    def _print(self, label: str, event: Event) -> None:
        if event.what != "failed" and is_small(event.node):
            return
        total = sum(len(p.planned) for p in self.participants.values())
        took = event.time - self._started.pop(event.node, event.time)
        what = {"end": "done", "cached": "cached", "failed": "FAILED"}[event.what]
        suffix = f" ({duration(took)})" if event.what == "end" and took >= 0.05 else ""
        line = f"[{self._count:>3}/{total}] {label}  {step_of(event.node)}  {what}{suffix}"
        self.console.print(line, markup=False, highlight=False, soft_wrap=True)
        sys.stderr.flush()

    def _table(self) -> Table:
        now = time.time()
        known = dict(sorted(self.participants.items()))
        for progress in known.values():
            progress.now = now
        expected = self._expected or Expectation(known.values())
        most = max(self.console.height - 3, 5)
        return progress_table(known, expected, width=self.console.width, most=most)
