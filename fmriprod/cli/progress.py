"""Show how far a run is: a live table on a terminal, plain lines elsewhere."""

import sys
import time
from collections import defaultdict
from contextlib import AbstractContextManager

from rich.console import Console
from rich.live import Live
from rich.table import Table

from fmriprod.workflows.outcome import Event
from fmriprod.workflows.status import Progress, participant_of, step_of

_SMALL = ("gather ", "save ", "report ")  # done in no time: not worth a line


def duration(seconds: float) -> str:
    """Write a time span for people.

    Examples
    --------
    >>> duration(4.2), duration(75), duration(3700)
    ('4.2 s', '1 min 15 s', '1 h 01 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def progress_table(participants: dict[str, Progress], now: float) -> Table:
    """Table with a row for each participant: bar, counts, time, and what runs now."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("participant", "progress", "done", "failed", "time", "now"):
        table.add_column(heading, no_wrap=heading != "now")
    for label, progress in participants.items():
        total = max(len(progress.planned), 1)
        filled = round(24 * progress.finished / total)
        colour = "red" if progress.failed else "green" if progress.finished == total else "cyan"
        bar = f"[{colour}]{'━' * filled}[/][dim]{'━' * (24 - filled)}[/]"
        spent = (now if progress.running else (progress.last or now)) - (progress.first or now)
        steps = ", ".join(step_of(node) for node in progress.running) or _rest(progress)
        table.add_row(
            label,
            bar,
            f"{progress.finished}/{len(progress.planned)}",
            f"[red]{len(progress.failed)}[/]" if progress.failed else "0",
            duration(spent),
            steps,
        )
    return table


def _rest(progress: Progress) -> str:
    if progress.failed:
        return "[red]failed: " + ", ".join(step_of(node) for node in progress.failed) + "[/]"
    return "[dim]done[/]" if progress.finished == len(progress.planned) else "[dim]waiting[/]"


class Display(AbstractContextManager):
    """Take events and show them until the block ends.

    Parameters
    ----------
    console : rich.console.Console, optional
        Where to write; standard error by default, so that output can be piped.
    """

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True)
        self.participants: dict[str, Progress] = defaultdict(lambda: Progress(""))
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
        if self._live:
            self._live.stop()

    def __call__(self, event: Event) -> None:
        """Note an event and, away from a terminal, print it."""
        label = participant_of(event.node)
        self.participants[label].participant = label
        self.participants[label].take(event)
        if event.what == "start":
            self._started[event.node] = event.time
        elif event.what != "planned":
            self._count += 1
            if not self._live:
                self._print(label, event)

    def _print(self, label: str, event: Event) -> None:
        if event.what != "failed" and step_of(event.node).split(": ")[-1].startswith(_SMALL):
            return
        total = sum(len(p.planned) for p in self.participants.values())
        took = event.time - self._started.pop(event.node, event.time)
        what = {"end": "done", "cached": "cached", "failed": "FAILED"}[event.what]
        suffix = f" ({duration(took)})" if event.what == "end" and took >= 0.05 else ""
        line = f"[{self._count:>3}/{total}] {label}  {step_of(event.node)}  {what}{suffix}"
        self.console.print(line, markup=False, highlight=False, soft_wrap=True)
        sys.stderr.flush()

    def _table(self) -> Table:
        return progress_table(dict(sorted(self.participants.items())), time.time())
